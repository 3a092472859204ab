//! The files that packets are written to by turns. All are opened at the start: later the program may not be allowed to
//! open any.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::tcp::Duration;

/// When the next file's turn is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Ring {
    /// When the file holds packets of so long a time.
    pub duration: Option<Duration>,
    /// When one more packet would make it larger than this, in bytes.
    pub size: Option<u64>,
}

impl Ring {
    /// Whether a packet no longer fits.
    pub(super) fn is_full(&self, bytes: u64, age: Duration) -> bool {
        self.size.is_some_and(|size| bytes > size) || self.duration.is_some_and(|duration| age >= duration)
    }
}

/// Open files.
#[derive(Debug)]
pub struct WriterFiles {
    files: Vec<(PathBuf, File)>,
    /// Which of them were not there before.
    fresh: Vec<bool>,
    turn: usize,
}

impl WriterFiles {
    /// Creates `count` files, or empties them; only their owner may read new ones. One is called `path`; several have
    /// their number in the name: `a.pcapng` becomes `a_00001.pcapng` and so on.
    ///
    /// # Errors
    /// [`Error::Unwritable`].
    pub fn create(path: &Path, count: usize) -> Result<Self, Error> {
        let names = match count {
            0 | 1 => vec![path.to_path_buf()],
            n => (1..=n).map(|n| numbered(path, n)).collect(),
        };
        let mut all = Self { files: Vec::new(), fresh: Vec::new(), turn: 0 };
        for name in names {
            let unwritable = |cause| Error::Unwritable { what: name.display().to_string(), cause };
            let (file, fresh) = create(&name).map_err(unwritable)?;
            all.files.push((name, file));
            all.fresh.push(fresh);
        }
        Ok(all)
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.files.len()
    }

    /// Those that were not there before.
    pub fn created(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.files.iter().zip(&self.fresh).filter(|(_, fresh)| **fresh).map(|((_, file), _)| file.as_fd())
    }

    /// The one that is written to.
    pub(super) fn current(&mut self) -> &mut File {
        let turn = self.turn;
        &mut self.files[turn].1
    }

    /// Its name.
    pub(super) fn name(&self) -> &Path {
        self.files.get(self.turn).map_or(Path::new(""), |(name, _)| name)
    }

    pub(super) fn turn(&mut self) {
        self.turn = (self.turn + 1) % self.files.len();
    }
}

/// The file, empty, and whether it is new.
fn create(path: &Path) -> io::Result<(File, bool)> {
    match OpenOptions::new().create_new(true).write(true).mode(0o600).open(path) {
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
            Ok((OpenOptions::new().truncate(true).write(true).open(path)?, false))
        }
        created => created.map(|file| (file, true)),
    }
}

fn numbered(path: &Path, n: usize) -> PathBuf {
    let mut name = path.file_stem().unwrap_or_default().to_os_string();
    name.push(format!("_{n:05}"));
    if let Some(extension) = path.extension() {
        name.push(".");
        name.push(extension);
    }
    path.with_file_name(name)
}
