//! `Writer`: keeps a copy of live packets in pcapng files, whole blocks only, so that what lies on the disk can be read
//! whatever happens to the program.
//!
//! It never fails: what could not be written is counted and told in [`Written`], and the analysis goes on.

mod blocks;
mod ring;

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

pub use ring::{Ring, WriterFiles};

use crate::source::{Input, Packet};
use crate::tcp::{Duration, Timestamp};

/// How writing goes; shared with whoever shows it.
#[derive(Debug, Default)]
pub struct Written {
    packets: AtomicU64,
    unwritten: AtomicU64,
    problem: OnceLock<String>,
}

impl Written {
    /// Packets handed to the system.
    pub fn packets(&self) -> u64 {
        self.packets.load(Ordering::Relaxed)
    }

    /// Packets that are in no file, because writing failed.
    pub fn unwritten(&self) -> u64 {
        self.unwritten.load(Ordering::Relaxed)
    }

    /// What went wrong first.
    pub fn problem(&self) -> Option<&str> {
        self.problem.get().map(String::as_str)
    }
}

/// Writes packets into a file, or into several by turns.
pub struct Writer {
    files: WriterFiles,
    ring: Ring,
    /// Whole blocks that are not in the file yet.
    buffer: Vec<u8>,
    /// Packets among them.
    buffered: u64,
    /// Bytes of the current file that are written.
    size: u64,
    /// Time of the current file's first packet.
    begun: Option<Timestamp>,
    flushed: Timestamp,
    /// Nothing more goes into this file.
    broken: bool,
    written: Arc<Written>,
}

impl Writer {
    /// Writes into files that are open already.
    pub fn new(files: WriterFiles, ring: Ring) -> Self {
        Self {
            files,
            ring,
            buffer: Vec::with_capacity(2 * CHUNK),
            buffered: 0,
            size: 0,
            begun: None,
            flushed: Timestamp::MIN,
            broken: false,
            written: Arc::default(),
        }
    }

    /// How it goes.
    pub fn status(&self) -> Arc<Written> {
        Arc::clone(&self.written)
    }

    /// Begins the first file.
    pub(super) fn begin(&mut self, inputs: &[Input]) {
        blocks::header(&mut self.buffer, inputs);
        self.flush();
    }

    /// Adds a packet of the interface with this index.
    pub(super) fn packet(&mut self, interface: usize, packet: &Packet<'_>, inputs: &[Input]) {
        let begun = *self.begun.get_or_insert(packet.time);
        let bytes = self.size + self.buffer.len() as u64 + blocks::packet_len(packet.data.len());
        if self.files.count() > 1 && self.ring.is_full(bytes, packet.time.since(begun)) {
            self.turn(inputs);
            self.begun = Some(packet.time);
        }
        blocks::packet(&mut self.buffer, interface, packet);
        self.buffered += 1;
        if self.buffer.len() >= CHUNK || packet.time.since(self.flushed) >= DELAY {
            self.flushed = packet.time;
            self.flush();
        }
    }

    /// Hands everything to the system.
    pub(super) fn flush(&mut self) {
        if !self.broken {
            let (taken, failure) = write(self.files.current(), &self.buffer);
            let (whole, packets) = blocks::whole(&self.buffer, taken);
            self.size += whole as u64;
            self.buffered -= packets.min(self.buffered);
            self.written.packets.fetch_add(packets, Ordering::Relaxed);
            if let Some(error) = failure {
                self.give_up(&error.to_string());
            }
        }
        self.written.unwritten.fetch_add(self.buffered, Ordering::Relaxed);
        self.buffer.clear();
        self.buffered = 0;
    }

    /// Ends the file with what the kernel counted.
    pub(super) fn finish(&mut self, inputs: &[Input]) {
        blocks::statistics(&mut self.buffer, inputs);
        self.flush();
    }

    /// Goes on with the next file, which forgets what was in it.
    fn turn(&mut self, inputs: &[Input]) {
        self.finish(inputs);
        self.files.turn();
        (self.size, self.broken) = (0, false);
        let file = self.files.current();
        if let Err(error) = file.set_len(0).and_then(|()| file.seek(SeekFrom::Start(0)).map(drop)) {
            self.give_up(&error.to_string());
        }
        blocks::header(&mut self.buffer, inputs);
    }

    /// Leaves whole blocks in the file, and writes no more into it.
    fn give_up(&mut self, why: &str) {
        self.broken = true;
        let text = format!("{}: {why}; its packets are no longer written", self.files.name().display());
        let _ = self.written.problem.set(text);
        // A pipe or a device has no length; then the cut block stays, and readers say where.
        let size = self.size;
        let file: &mut File = self.files.current();
        let _ = file.set_len(size);
    }
}

/// Writes as much as fits: how many bytes that were, and why not all.
fn write(file: &mut File, bytes: &[u8]) -> (usize, Option<io::Error>) {
    let mut taken = 0;
    while let Some(rest) = bytes.get(taken..).filter(|rest| !rest.is_empty()) {
        match file.write(rest) {
            Ok(0) => return (taken, Some(io::ErrorKind::WriteZero.into())),
            Ok(n) => taken += n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return (taken, Some(e)),
        }
    }
    (taken, None)
}

/// Bytes written at once.
const CHUNK: usize = 256 << 10;
/// A packet waits so long at most.
const DELAY: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::source::{FileOptions, Files, LinkType, Next, Source};

    fn inputs() -> Vec<Input> {
        let input = |name: &str, link| Input {
            path: name.into(),
            link_types: vec![LinkType(link)],
            snaplen: Some(128),
            received: Some(9),
            dropped: Some(3),
            dropped_by_interface: Some(1),
            ..Input::default()
        };
        vec![input("eth0", 1), input("tun0", 101)]
    }

    fn write(writer: &mut Writer, numbers: std::ops::Range<i64>) {
        for n in numbers {
            let data = vec![n as u8; 60 + (n % 4) as usize];
            let time = Timestamp(1_795_341_600_123_456_789 + n * 1_000_000_000);
            let link = LinkType(if n % 2 == 0 { 1 } else { 101 });
            let packet = Packet { number: n as u64, time, link, wire_len: 1500, data: &data };
            writer.packet((n % 2) as usize, &packet, &inputs());
        }
    }

    fn read(path: &Path) -> (Vec<(i64, u16, usize, u32)>, Input) {
        let mut files = Files::open([path], &FileOptions::default()).expect("no filter");
        let mut packets = Vec::new();
        while let Next::Packet(p) = files.next().expect("it reads") {
            packets.push((p.time.0, p.link.0, p.data.len(), p.wire_len));
        }
        (packets, files.inputs()[0].clone())
    }

    #[test]
    fn what_is_written_reads_the_same() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.pcapng");
        let files = WriterFiles::create(&path, 1).expect("a file");
        let mut writer = Writer::new(files, Ring::default());
        writer.begin(&inputs());
        write(&mut writer, 0..5);
        writer.finish(&inputs());
        let (packets, input) = read(&path);
        assert_eq!(packets.len(), 5);
        assert_eq!(packets[1], (1_795_341_601_123_456_789, 101, 61, 1500));
        assert_eq!((input.dropped, input.problem), (Some(8), None));
        assert_eq!(writer.status().packets(), 5);
    }

    #[test]
    fn a_ring_keeps_the_latest_files() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.pcapng");
        let ring = Ring { duration: Some(Duration::from_secs(10)), size: None };
        let mut writer = Writer::new(WriterFiles::create(&path, 3).expect("files"), ring);
        writer.begin(&inputs());
        write(&mut writer, 0..45);
        writer.finish(&inputs());
        let counts: Vec<usize> =
            (1..=3).map(|n| read(&folder.path().join(format!("a_{n:05}.pcapng"))).0.len()).collect();
        assert_eq!(counts, [10, 5, 10]);
    }

    #[test]
    fn a_disk_that_is_full_leaves_whole_packets_and_is_told() {
        let mut writer =
            Writer::new(WriterFiles::create(Path::new("/dev/full"), 1).expect("it opens"), Ring::default());
        writer.begin(&inputs());
        write(&mut writer, 0..10);
        writer.finish(&inputs());
        assert_eq!(writer.status().unwritten(), 10);
        assert!(writer.status().problem().is_some_and(|p| p.starts_with("/dev/full: No space left")));
    }
}
