//! `Files`: captures read one after the other, whatever their format, as one run of packets.
//!
//! Our own reader is the default and not libpcap's: it gives the same packets, numbers and times on every capture
//! both can read (`tests/readers.rs`), it reads pcapng files that libpcap refuses, and it reads 256 KiB at a time
//! where libpcap reads 4 KiB.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::vec::IntoIter;

use super::compressed::Compression;
use super::filter::Filter;
#[cfg(all(feature = "pcap", unix))]
use super::interruptible::{Interruptible, Stop};
#[cfg(feature = "pcap")]
use super::libpcap::Savefile;
use super::pcap_file::PcapFile;
use super::pcapng_file::PcapngFile;
use super::recognize;
use super::record::{Record, Step};
#[cfg(all(feature = "pcap", unix))]
use super::stop::Stopper;
use super::window::Window;
use crate::error::{Error, NOTHING_CAME};
use crate::source::{Input, Next, Packet, Source};

/// What to read of the files, and how.
#[derive(Clone, Debug, Default)]
pub struct FileOptions {
    /// A capture filter in libpcap's syntax. Packets it rejects are numbered and counted, but not given.
    pub filter: Option<String>,
    /// Stop after this many packets, counting those the filter let through, over all files, as tcpdump does.
    pub count: Option<u64>,
    /// Who reads the bytes.
    pub reader: Reader,
}

/// Who reads the bytes of a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Reader {
    /// Our own readers of pcap and pcapng: as correct as libpcap, more tolerant, and several times faster.
    #[default]
    Own,
    /// libpcap, as the reference for tests. It refuses pcapng files whose interfaces differ.
    #[cfg(feature = "pcap")]
    Libpcap,
}

/// Captures on disk or standard input, in the order given.
///
/// Compressed files (gz, zst, lz4, xz) are known by their first bytes. A file is opened when the one before has
/// ended. If it cannot be opened, [`Source::next`] returns the error in the place of its packets; what was given
/// before stands, and asking again goes on with the file after it.
pub struct Files {
    paths: IntoIter<PathBuf>,
    reader: Reader,
    filter: Option<Filter>,
    left: Option<u64>,
    number: u64,
    current: Option<Capture>,
    inputs: Vec<Input>,
    progress: Progress,
    #[cfg(all(feature = "pcap", unix))]
    stop: Option<Stop>,
}

impl Files {
    /// Prepares to read `paths`; `-` is standard input.
    ///
    /// # Errors
    /// [`Error::BadFilter`], where the filter is wrong for every link type, or this build has no libpcap.
    pub fn open(
        paths: impl IntoIterator<Item = impl Into<PathBuf>>,
        options: &FileOptions,
    ) -> Result<Self, Error> {
        let paths: Vec<PathBuf> = paths.into_iter().map(Into::into).collect();
        Ok(Self {
            progress: Progress::new(&paths),
            paths: paths.into_iter(),
            reader: options.reader,
            filter: options.filter.as_deref().map(Filter::new).transpose()?,
            left: options.count,
            number: 0,
            current: None,
            inputs: Vec::new(),
            #[cfg(all(feature = "pcap", unix))]
            stop: None,
        })
    }

    /// What stops reading, from any thread. What was read by then is given; the rest is not, and
    /// [`Input::problem`] says so. Asked for before the first packet.
    ///
    /// # Errors
    /// Where the system has no pipe to wake it with.
    #[cfg(all(feature = "pcap", unix))]
    pub fn stopper(&mut self) -> io::Result<Stopper> {
        let (stop, stopper) = Stop::new()?;
        self.stop = Some(stop);
        Ok(stopper)
    }

    /// Whether something was left unread because it was told to stop.
    pub fn is_interrupted(&self) -> bool {
        #[cfg(all(feature = "pcap", unix))]
        return self.stop.as_ref().is_some_and(Stop::has_left);
        #[cfg(not(all(feature = "pcap", unix)))]
        false
    }

    /// Bytes read, and bytes there are: of the files as they lie on the disk, compressed or not. The second is
    /// `None` where it cannot be known, as from standard input. Cheap, and exact to a quarter of a megabyte.
    pub fn progress(&self) -> (u64, Option<u64>) {
        (self.progress.read.load(Ordering::Relaxed), self.progress.total)
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
                    let wanted = match &mut self.filter {
                        Some(filter) => filter.accepts(record.link, record.wire_len, capture.data(record))?,
                        None => true,
                    };
                    if wanted {
                        return Ok(Some(record));
                    }
                    input.filtered += 1;
                }
                step => {
                    if let Step::Problem(text) = step {
                        input.problem = Some(text);
                    }
                    self.current = None;
                    self.note_interruption();
                }
            }
        }
    }

    /// Where the input ends because nobody wanted more, that is the reason.
    #[cold]
    fn note_interruption(&mut self) {
        if self.is_interrupted()
            && let Some(input) = self.inputs.last_mut()
        {
            input.problem = Some("interrupted".into());
        }
    }

    /// Opens the next file; `false` if there is none, or no more are wanted.
    #[cold]
    fn open_next(&mut self) -> Result<bool, Error> {
        let Some(path) = self.paths.next() else { return Ok(false) };
        #[cfg(all(feature = "pcap", unix))]
        if let Some(stop) = self.stop.as_ref().filter(|stop| stop.is_wanted()) {
            stop.leave();
            return Ok(false);
        }
        match self.open_at(path) {
            // Too little of it was read to know it.
            Err(_) if self.is_interrupted() => Ok(false),
            done => done.map(|()| true),
        }
    }

    fn open_at(&mut self, path: PathBuf) -> Result<(), Error> {
        let mut input = Input { path: path.clone(), ..Input::default() };
        let counted = Counted { bytes: self.bytes(&path)?, read: Arc::clone(&self.progress.read) };
        let mut window = Window::new(Box::new(counted));
        let enough = Compression::needs(window.peek_up_to(6));
        let compression = Compression::of(window.peek_up_to(enough));
        if let Some(compression) = compression {
            window = Window::new(compression.unpack(window.into_reader()));
        }
        let capture = match self.reader {
            Reader::Own => Capture::open(window, &path, &mut input),
            #[cfg(feature = "pcap")]
            Reader::Libpcap => Capture::through_libpcap(window, &path, &mut input),
        };
        self.current = Some(capture.map_err(|e| within(compression, e))?);
        if let Some(compression) = compression {
            input.format = format!("{}.{}", input.format, compression.name());
        }
        self.inputs.push(input);
        Ok(())
    }

    /// The bytes of a file or of standard input.
    fn bytes(&self, path: &Path) -> Result<Box<dyn Read + Send>, Error> {
        let file = open(path)?;
        #[cfg(all(feature = "pcap", unix))]
        if let Some(stop) = &self.stop {
            return Ok(Box::new(Interruptible::new(file, stop.clone())));
        }
        Ok(Box::new(file))
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
pub(super) enum Capture {
    Pcap(Window, PcapFile),
    Pcapng(Window, PcapngFile),
    #[cfg(feature = "pcap")]
    Libpcap(Savefile),
}

impl Capture {
    /// Recognizes the format.
    ///
    /// # Errors
    /// [`Error::NotACapture`], or [`Error::Unreadable`] where the first bytes can't be had.
    pub(super) fn open(mut window: Window, path: &Path, input: &mut Input) -> Result<Self, Error> {
        let not_a_capture = |why| Error::NotACapture { path: path.into(), why };
        if let Some(file) = PcapFile::open(&mut window, input) {
            input.format = "pcap".into();
            return Ok(Self::Pcap(window, file.map_err(not_a_capture)?));
        }
        if let Some(file) = PcapngFile::open(&mut window) {
            input.format = "pcapng".into();
            return Ok(Self::Pcapng(window, file.map_err(not_a_capture)?));
        }
        Err(unrecognized(&mut window, path))
    }

    /// Leaves it all to libpcap.
    #[cfg(feature = "pcap")]
    fn through_libpcap(mut window: Window, path: &Path, input: &mut Input) -> Result<Self, Error> {
        let (format, unit_ns) = match window.peek_up_to(4) {
            [0x0a, 0x0d, 0x0d, 0x0a] => ("pcapng", 1),
            [0xa1, 0xb2, 0x3c, 0x4d] | [0x4d, 0x3c, 0xb2, 0xa1] => ("pcap", 1),
            [0xa1, 0xb2, ..] | [.., 0xb2, 0xa1] => ("pcap", 1000),
            _ => return Err(unrecognized(&mut window, path)),
        };
        input.format = format.into();
        let savefile = Savefile::stream(window.into_reader(), unit_ns);
        savefile.map(Self::Libpcap).map_err(|why| Error::NotACapture { path: path.into(), why })
    }

    /// The next packet; `number` is the one it will get.
    #[inline]
    pub(super) fn next(&mut self, input: &mut Input, number: u64) -> Step {
        match self {
            Self::Pcap(window, file) => file.next(window, number),
            Self::Pcapng(window, file) => file.next(window, input, number),
            #[cfg(feature = "pcap")]
            Self::Libpcap(savefile) => savefile.next(),
        }
    }

    /// The bytes of the packet given last.
    #[inline]
    pub(super) fn data(&self, record: Record) -> &[u8] {
        match self {
            Self::Pcap(window, _) | Self::Pcapng(window, _) => window.slice(record.at, record.len),
            #[cfg(feature = "pcap")]
            Self::Libpcap(savefile) => savefile.data(),
        }
    }
}
/// What is said of a file in no known format.
fn unrecognized(window: &mut Window, path: &Path) -> Error {
    let why = match window.peek_up_to(512) {
        [] if path == Path::new("-") => NOTHING_CAME.into(),
        first => recognize::seems(first),
    };
    match window.take_failure() {
        Some(cause) => Error::Unreadable { path: path.into(), cause },
        None => Error::NotACapture { path: path.into(), why },
    }
}

/// Says of an error that it is about what was unpacked.
fn within(compression: Option<Compression>, error: Error) -> Error {
    match (compression, error) {
        (Some(compression), Error::NotACapture { path, why }) => {
            Error::NotACapture { path, why: format!("it is {} data, and in it: {why}", compression.name()) }
        }
        (_, error) => error,
    }
}

/// The file, or standard input as one.
fn open(path: &Path) -> Result<File, Error> {
    let unreadable = |cause| Error::Unreadable { path: path.into(), cause };
    if path == Path::new("-") {
        return standard_input().map_err(unreadable);
    }
    let file = File::open(path).map_err(unreadable)?;
    if file.metadata().map_err(unreadable)?.is_dir() {
        return Err(Error::NotACapture { path: path.into(), why: "it is a directory".into() });
    }
    Ok(file)
}

/// Standard input without a buffer before it: [`Window`] is one.
#[cfg(unix)]
fn standard_input() -> io::Result<File> {
    use std::os::fd::AsFd;
    io::stdin().as_fd().try_clone_to_owned().map(File::from)
}

#[cfg(windows)]
fn standard_input() -> io::Result<File> {
    use std::os::windows::io::AsHandle;
    io::stdin().as_handle().try_clone_to_owned().map(File::from)
}

/// How far reading has come.
struct Progress {
    read: Arc<AtomicU64>,
    total: Option<u64>,
}

impl Progress {
    /// Looks at the sizes; a file that is not there counts nothing, opening it will tell.
    fn new(paths: &[PathBuf]) -> Self {
        let size = |path: &PathBuf| match path.metadata() {
            Ok(about) if about.is_file() => Some(about.len()),
            Ok(about) if about.is_dir() => Some(0),
            Err(_) if path != Path::new("-") => Some(0),
            _ => None,
        };
        Self { read: Arc::default(), total: paths.iter().map(size).sum() }
    }
}

/// Counts the bytes read.
struct Counted {
    bytes: Box<dyn Read + Send>,
    read: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let n = self.bytes.read(to)?;
        self.read.fetch_add(n as u64, Ordering::Relaxed);
        Ok(n)
    }
}
