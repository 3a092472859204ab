//! `Files`: captures read one after the other, whatever their format, as one run of packets.
//!
//! Our own reader is the default and not libpcap's: it gives the same packets, numbers and times on every capture
//! both can read (`tests/readers.rs`), it reads pcapng files that libpcap refuses, and it reads 256 KiB at a time
//! where libpcap reads 4 KiB.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::vec::IntoIter;

use super::pcap_file::PcapFile;
use super::pcapng_file::PcapngFile;
use super::recognize;
use super::record::{Record, Step};
use super::window::Window;
use crate::error::Error;
use crate::source::{Input, Next, Packet, Source};

/// What to read of the files, and how.
#[derive(Clone, Debug, Default)]
pub struct FileOptions {
    /// A capture filter in libpcap's syntax. Packets it rejects are numbered and counted, but not given.
    pub filter: Option<String>,
    /// Stop after this many packets, counting those the filter let through, over all files, as tcpdump does.
    pub count: Option<u64>,
}

/// Captures on disk or standard input, in the order given.
///
/// A file is opened when the one before has ended. If it cannot be opened, [`Source::next`] returns the error in the
/// place of its packets; what was given before stands, and asking again goes on with the file after it.
pub struct Files {
    paths: IntoIter<PathBuf>,
    left: Option<u64>,
    number: u64,
    current: Option<Capture>,
    inputs: Vec<Input>,
}

impl Files {
    /// Prepares to read `paths`; `-` is standard input.
    ///
    /// # Errors
    /// [`Error::BadFilter`], where the filter is wrong for every link type.
    pub fn open(
        paths: impl IntoIterator<Item = impl Into<PathBuf>>,
        options: &FileOptions,
    ) -> Result<Self, Error> {
        let paths: Vec<PathBuf> = paths.into_iter().map(Into::into).collect();
        Ok(Self {
            paths: paths.into_iter(),
            left: options.count,
            number: 0,
            current: None,
            inputs: Vec::new(),
        })
    }

    /// Moves to the next packet that is wanted.
    #[inline]
    fn advance(&mut self) -> Result<Option<Record>, Error> {
        loop {
            let (Some(capture), Some(input)) = (&mut self.current, self.inputs.last_mut()) else {
                if self.open_next()? {
                    continue;
                }
                return Ok(None);
            };
            match capture.next(input, self.number + 1) {
                Step::Record(record) => {
                    self.number += 1;
                    return Ok(Some(record));
                }
                Step::Problem(text) => {
                    input.problem = Some(text);
                    self.current = None;
                }
                Step::End => self.current = None,
            }
        }
    }

    /// Opens the next file; `false` if there is none.
    fn open_next(&mut self) -> Result<bool, Error> {
        let Some(path) = self.paths.next() else { return Ok(false) };
        let mut input = Input { path: path.clone(), ..Input::default() };
        let window = Window::new(open(&path)?);
        self.current = Some(Capture::open(window, &path, &mut input)?);
        self.inputs.push(input);
        Ok(true)
    }
}

impl Source for Files {
    #[inline]
    fn next(&mut self) -> Result<Next<'_>, Error> {
        if self.left == Some(0) {
            return Ok(Next::End);
        }
        let Some(record) = self.advance()? else { return Ok(Next::End) };
        self.left = self.left.map(|n| n - 1);
        let (Some(capture), Some(input)) = (&self.current, self.inputs.last_mut()) else {
            return Ok(Next::End);
        };
        let Record { time, link, wire_len, .. } = record;
        let packet = Packet { number: self.number, time, link, wire_len, data: capture.data(record) };
        input.count(&packet);
        Ok(Next::Packet(packet))
    }

    fn inputs(&self) -> &[Input] {
        &self.inputs
    }
}

/// One open file.
pub(super) struct Capture {
    window: Window,
    format: Format,
}

enum Format {
    Pcap(PcapFile),
    Pcapng(PcapngFile),
}

impl Capture {
    pub(super) fn open(mut window: Window, path: &Path, input: &mut Input) -> Result<Self, Error> {
        let not_a_capture = |why| Error::NotACapture { path: path.into(), why };
        let format = if let Some(file) = PcapFile::open(&mut window, input) {
            input.format = "pcap".into();
            Format::Pcap(file.map_err(not_a_capture)?)
        } else if let Some(file) = PcapngFile::open(&mut window) {
            input.format = "pcapng".into();
            Format::Pcapng(file.map_err(not_a_capture)?)
        } else {
            let why = recognize::seems(window.peek_up_to(512));
            return Err(match window.take_failure() {
                Some(cause) => Error::Unreadable { path: path.into(), cause },
                None => not_a_capture(why),
            });
        };
        Ok(Self { window, format })
    }

    #[inline]
    pub(super) fn next(&mut self, input: &mut Input, number: u64) -> Step {
        match &mut self.format {
            Format::Pcap(file) => file.next(&mut self.window, number),
            Format::Pcapng(file) => file.next(&mut self.window, input, number),
        }
    }

    #[inline]
    pub(super) fn data(&self, record: Record) -> &[u8] {
        self.window.slice(record.at, record.len)
    }
}

/// The bytes of a file or of standard input.
fn open(path: &Path) -> Result<Box<dyn Read + Send>, Error> {
    let unreadable = |cause| Error::Unreadable { path: path.into(), cause };
    if path == Path::new("-") {
        return Ok(Box::new(io::stdin()));
    }
    let file = File::open(path).map_err(unreadable)?;
    if file.metadata().map_err(unreadable)?.is_dir() {
        return Err(Error::NotACapture { path: path.into(), why: "it is a directory".into() });
    }
    Ok(Box::new(file))
}
