//! Where output goes: standard output or a file, and what to say when that fails.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, IsTerminal, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};

use super::failure::Usage;
use crate::error::Error;

/// A place to write to, opened before the work begins, so that a wrong path is told early.
pub enum Place {
    /// Standard output.
    Stdout,
    /// A file; emptied when writing begins.
    File(PathBuf, File, Origin),
}

/// Where a file comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Origin {
    /// It was not there before.
    Made,
    /// It was, or is no regular file.
    Found,
}

impl Place {
    /// Opens the file, or means standard output when there is none.
    pub fn open(path: Option<&Path>, inputs: &[PathBuf]) -> anyhow::Result<Self> {
        let Some(path) = path.filter(|p| *p != Path::new("-")) else { return Ok(Self::Stdout) };
        let same =
            |input: &PathBuf| input.canonicalize().is_ok_and(|a| path.canonicalize().is_ok_and(|b| a == b));
        if inputs.iter().any(same) {
            let message = format!("{} is an input and would be overwritten", path.display());
            return Err(Usage::new(message, "give -o another path").into());
        }
        let made = OpenOptions::new().create_new(true).write(true).open(path);
        let opened = match made {
            Ok(file) => Ok((file, Origin::Made)),
            // A link that leads nowhere is there too; what comes of it is not known to be ours.
            Err(_) => OpenOptions::new()
                .create(true)
                .truncate(false)
                .write(true)
                .open(path)
                .map(|file| (file, Origin::Found)),
        };
        let (file, origin) = opened.map_err(|cause| unwritable(&path.display().to_string(), cause))?;
        Ok(Self::File(path.into(), file, origin))
    }

    /// The file, where it was not there before.
    pub fn created(&self) -> Option<BorrowedFd<'_>> {
        match self {
            Self::File(_, file, Origin::Made) => Some(file.as_fd()),
            _ => None,
        }
    }

    /// Whether a person watches it.
    pub fn is_terminal(&self) -> bool {
        matches!(self, Self::Stdout) && io::stdout().is_terminal()
    }

    /// Writes with `write`, buffered and flushed.
    pub fn write<T>(self, write: impl FnOnce(&mut dyn Write) -> io::Result<T>) -> Result<T, Error> {
        match self {
            Self::Stdout => through(io::stdout().lock(), write).map_err(|e| unwritable("standard output", e)),
            Self::File(path, file, _) => file
                .set_len(0)
                .or_else(|error| if is_regular(&file) { Err(error) } else { Ok(()) })
                .and_then(|()| through(&file, write))
                .map_err(|e| unwritable(&path.display().to_string(), e)),
        }
    }
}

fn through<T>(out: impl Write, write: impl FnOnce(&mut dyn Write) -> io::Result<T>) -> io::Result<T> {
    let mut out = BufWriter::with_capacity(1 << 16, out);
    let done = write(&mut out)?;
    out.flush()?;
    Ok(done)
}

/// A pipe or a device cannot be emptied, and need not.
fn is_regular(file: &File) -> bool {
    file.metadata().map_or(true, |m| m.is_file())
}

fn unwritable(what: &str, cause: io::Error) -> Error {
    Error::Unwritable { what: what.into(), cause }
}
