//! `Window`: the bytes of one file, read in large pieces and looked at where they lie.
//!
//! It promises that memory stays within twice the bytes that were really read (or the first piece), whatever
//! length is asked for, and that the end of the bytes and a failure to read are told apart.

use std::io::{self, Cursor, Read};

/// A moving view of a byte stream.
pub(super) struct Window {
    input: Box<dyn Read + Send>,
    buffer: Vec<u8>,
    /// First byte not yet passed.
    start: usize,
    /// Behind the last byte read.
    end: usize,
    /// Bytes of the stream before `buffer[0]`.
    before: u64,
    ended: bool,
    failure: Option<io::Error>,
}

impl Window {
    /// A window at the beginning of `input`; reads nothing yet.
    pub(super) fn new(input: Box<dyn Read + Send>) -> Self {
        Self { input, buffer: Vec::new(), start: 0, end: 0, before: 0, ended: false, failure: None }
    }

    /// The next `len` bytes, or `None` when the stream ends before.
    #[inline]
    pub(super) fn peek(&mut self, len: usize) -> Option<&[u8]> {
        if self.end - self.start < len {
            self.fill(len);
        }
        self.buffer.get(self.start..self.end)?.get(..len)
    }

    /// The next bytes, `len` of them or as many as there are.
    pub(super) fn peek_up_to(&mut self, len: usize) -> &[u8] {
        self.fill(len);
        let there = self.buffer.get(self.start..self.end).unwrap_or_default();
        there.get(..len).unwrap_or(there)
    }

    /// Moves past `len` bytes, which a `peek` has shown.
    #[inline]
    pub(super) fn pass(&mut self, len: usize) {
        self.start = self.end.min(self.start + len);
    }

    /// Where the bytes begin that the next `peek` shows, for [`Window::slice`].
    #[inline]
    pub(super) fn position(&self) -> usize {
        self.start
    }

    /// Bytes seen by a `peek`, wherever the window has moved since; gone after the next `peek`.
    #[inline]
    pub(super) fn slice(&self, at: usize, len: usize) -> &[u8] {
        self.buffer.get(at..at + len).unwrap_or_default()
    }

    /// As [`Window::slice`], to change them in place.
    pub(super) fn slice_mut(&mut self, at: usize, len: usize) -> &mut [u8] {
        self.buffer.get_mut(at..at + len).unwrap_or_default()
    }

    /// Bytes of the stream before the next one.
    pub(super) fn offset(&self) -> u64 {
        self.before + self.start as u64
    }

    /// Bytes read and not passed yet.
    pub(super) fn left(&self) -> usize {
        self.end - self.start
    }

    /// Why reading stopped, where it was not the end.
    pub(super) fn failure(&self) -> Option<&io::Error> {
        self.failure.as_ref()
    }

    /// Gives up the failure, to report it as an error.
    pub(super) fn take_failure(&mut self) -> Option<io::Error> {
        self.failure.take()
    }

    /// The rest of the stream, what was looked at included.
    pub(super) fn into_reader(mut self) -> Box<dyn Read + Send> {
        self.buffer.truncate(self.end);
        let mut seen = Cursor::new(self.buffer);
        seen.set_position(self.start as u64);
        Box::new(seen.chain(self.input))
    }

    /// Reads until `len` bytes lie ahead, or nothing more comes.
    #[cold]
    fn fill(&mut self, len: usize) {
        while self.end - self.start < len && !self.ended {
            if self.start > 0 {
                self.buffer.copy_within(self.start..self.end, 0);
                self.before += self.start as u64;
                self.end -= self.start;
                self.start = 0;
            }
            if self.end == self.buffer.len() {
                self.buffer.resize(PIECE.max(self.buffer.len() * 2), 0);
            }
            self.read();
        }
    }

    fn read(&mut self) {
        match self.input.read(self.buffer.get_mut(self.end..).unwrap_or_default()) {
            Ok(0) => self.ended = true,
            Ok(n) => self.end = self.buffer.len().min(self.end + n),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => {
                self.ended = true;
                self.failure = Some(e);
            }
        }
    }
}

/// One read. Measured: 256 KiB stays in the second-level cache and costs one system call in some thousand packets.
const PIECE: usize = 256 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_from_a_hostile_header_allocates_nothing() {
        let mut window = Window::new(Box::new(Cursor::new(vec![7u8; 10])));
        assert!(window.peek(usize::MAX / 4).is_none());
        assert_eq!(window.buffer.len(), PIECE);
        assert_eq!((window.left(), window.offset()), (10, 0));
    }

    #[test]
    fn offsets_count_what_was_passed() {
        let bytes: Vec<u8> = (0..=255).cycle().take(3 * PIECE).collect();
        let mut window = Window::new(Box::new(Cursor::new(bytes.clone())));
        for at in (0..bytes.len() - 1000).step_by(1000) {
            assert_eq!(window.offset(), at as u64);
            assert_eq!(window.peek(1000), bytes.get(at..at + 1000));
            window.pass(1000);
        }
    }
}
