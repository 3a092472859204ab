//! `Stopper`: tells a source that blocks to stop, or to wake up, from any thread.

use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What the source is to do.
#[derive(Debug, Default)]
pub(super) struct Wish {
    stop: AtomicBool,
}

impl Wish {
    pub(super) fn is_stop(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

/// A way to reach the source.
#[derive(Clone, Debug)]
pub struct Stopper {
    wish: Arc<Wish>,
    wake: Arc<PipeWriter>,
}

impl Stopper {
    /// A stopper, and the pipe that its source listens to.
    pub(super) fn new() -> io::Result<(PipeReader, Self)> {
        let (reader, writer) = io::pipe()?;
        Ok((reader, Self { wish: Arc::default(), wake: Arc::new(writer) }))
    }

    pub(super) fn wish(&self) -> Arc<Wish> {
        Arc::clone(&self.wish)
    }

    /// Makes the source end: it gives what came before this moment, then says that it has ended. One that reads files
    /// gives what it has read.
    pub fn stop(&self) {
        if !self.wish.stop.swap(true, Ordering::Relaxed) {
            self.wake();
        }
    }

    /// Whether it was told to stop.
    pub fn is_stopped(&self) -> bool {
        self.wish.is_stop()
    }

    /// Whether its source is gone, so that there is nothing to stop.
    pub fn is_alone(&self) -> bool {
        Arc::strong_count(&self.wish) == 1
    }

    /// Makes a source that waits for packets say that it is idle, at once.
    pub fn wake(&self) {
        // Nobody listens any more: then nobody needs to be woken.
        let _ = (&*self.wake).write(&[0]);
    }
}

/// Takes in what woke the source.
pub(super) fn drain(mut wake: &PipeReader) {
    let _ = wake.read(&mut [0; 64]);
}
