//! `Interruptible`: the bytes of a file or a pipe, until somebody wants no more.
//!
//! A file ends at once. A pipe may still hold what the program before it had to say, which is told to stop by the same
//! key: it is read until it ends or is silent for a second, and not for ever.

use std::fs::File;
use std::io::{self, PipeReader, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::stop::{Stopper, Wish, drain};

/// Whether to stop, and what became of it.
#[derive(Clone, Debug)]
pub(super) struct Stop {
    wish: Arc<Wish>,
    wake: Arc<PipeReader>,
    /// Something was left unread.
    left: Arc<AtomicBool>,
}

impl Stop {
    /// Nothing is to stop yet; and what says so.
    pub(super) fn new() -> io::Result<(Self, Stopper)> {
        let (wake, stopper) = Stopper::new()?;
        Ok((Self { wish: stopper.wish(), wake: Arc::new(wake), left: Arc::default() }, stopper))
    }

    /// Whether nothing more is to be begun.
    pub(super) fn is_wanted(&self) -> bool {
        self.wish.is_stop()
    }

    /// Something is left unread.
    pub(super) fn leave(&self) {
        self.left.store(true, Ordering::Relaxed);
    }

    /// Whether something was left unread.
    pub(super) fn has_left(&self) -> bool {
        self.left.load(Ordering::Relaxed)
    }
}

/// Bytes that end early when that is wanted.
pub(super) struct Interruptible {
    bytes: File,
    /// Reading may have to wait for somebody to write.
    may_wait: bool,
    stop: Stop,
    /// Looks that it may still take after it was told to stop.
    patience: u32,
}

impl Interruptible {
    /// The bytes of an open file.
    pub(super) fn new(bytes: File, stop: Stop) -> Self {
        let may_wait = !bytes.metadata().is_ok_and(|about| about.is_file());
        Self { bytes, may_wait, stop, patience: PATIENCE }
    }

    /// Waits until there is something to read; false if it is not to be read.
    fn goes_on(&mut self) -> bool {
        loop {
            let is_wanted = self.stop.is_wanted();
            if !self.may_wait {
                return !is_wanted;
            }
            let Some(patience) = self.patience.checked_sub(u32::from(is_wanted)) else { return false };
            self.patience = patience;
            let mut fds = vec![PollFd::new(&self.bytes, PollFlags::IN)];
            if !is_wanted {
                fds.push(PollFd::new(&*self.stop.wake, PollFlags::IN));
            }
            match poll(&mut fds, is_wanted.then_some(&SILENCE)) {
                Ok(0) => return false,
                Ok(_) if fds.first().is_some_and(|fd| !fd.revents().is_empty()) => return true,
                Ok(_) => drain(&self.stop.wake),
                // Interrupted: by what, is looked at next.
                Err(_) => {}
            }
        }
    }
}

impl Read for Interruptible {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        if !self.goes_on() {
            self.stop.leave();
            return Ok(0);
        }
        self.bytes.read(to)
    }
}

/// A pipe that is silent for so long has nothing more to say.
const SILENCE: Timespec = Timespec { tv_sec: 1, tv_nsec: 0 };
/// A pipe of Linux holds 64 KiB, and `tcpdump` writes 4 KiB of its own at the end; so many reads are ample for both.
const PATIENCE: u32 = 64;
