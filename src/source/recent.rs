//! `Recent`: a source that keeps the packets it gave last, so that one connection can be looked at again while the capture
//! goes on.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::error::Error;
use crate::source::{Input, LinkType, Next, Packet, Source};
use crate::tcp::Timestamp;

/// Gives what another source gives, and keeps the latest of it.
pub struct Recent<S> {
    inner: S,
    kept: Kept,
    wanted: Arc<AtomicBool>,
    replies: Sender<Kept>,
}

/// Asks for the packets kept, from another thread.
#[derive(Clone, Debug)]
pub struct Request {
    wanted: Arc<AtomicBool>,
    replies: Receiver<Kept>,
}

impl<S: Source> Recent<S> {
    /// Keeps so many bytes of packets.
    pub fn new(inner: S, bytes: usize) -> (Self, Request) {
        let (sender, receiver) = bounded(1);
        let wanted = Arc::new(AtomicBool::new(false));
        let request = Request { wanted: Arc::clone(&wanted), replies: receiver };
        (Self { inner, kept: Kept::new(bytes), wanted, replies: sender }, request)
    }
}

impl<S: Source> Source for Recent<S> {
    fn next(&mut self) -> Result<Next<'_>, Error> {
        if self.wanted.load(Ordering::Relaxed) && self.wanted.swap(false, Ordering::Relaxed) {
            // Whoever has not taken the last answer yet does not wait for this one.
            let _ = self.replies.try_send(self.kept.clone());
        }
        let next = self.inner.next()?;
        if let Next::Packet(packet) = &next {
            self.kept.push(packet);
        }
        Ok(next)
    }

    fn inputs(&self) -> &[Input] {
        self.inner.inputs()
    }
}

impl Request {
    /// Asks for a copy of what is kept.
    pub fn ask(&self) {
        self.wanted.store(true, Ordering::Relaxed);
    }

    /// The copy, once it is there.
    pub fn take(&self) -> Option<Kept> {
        self.replies.try_recv().ok()
    }
}

/// Packets, the oldest first; as a source, it gives them with their numbers.
#[derive(Clone, Debug)]
pub struct Kept {
    /// All bytes in a circle; no packet goes over its end.
    bytes: Vec<u8>,
    bound: usize,
    entries: VecDeque<Entry>,
    /// Where the next packet goes.
    head: usize,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    number: u64,
    time: Timestamp,
    link: LinkType,
    wire_len: u32,
    at: usize,
    len: usize,
}

impl Kept {
    fn new(bound: usize) -> Self {
        Self { bytes: Vec::new(), bound, entries: VecDeque::new(), head: 0 }
    }

    /// Packets that are kept.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn push(&mut self, packet: &Packet<'_>) {
        let len = packet.data.len();
        if len > self.bound {
            return;
        }
        if self.head + len > self.bound {
            // What lies behind the head is the oldest.
            while self.entries.front().is_some_and(|e| e.at >= self.head) {
                self.entries.pop_front();
            }
            self.head = 0;
        }
        let end = self.head + len;
        if self.bytes.len() < end {
            self.bytes.resize(end, 0);
        }
        while self.entries.front().is_some_and(|e| e.at >= self.head && e.at < end) {
            self.entries.pop_front();
        }
        if let Some(place) = self.bytes.get_mut(self.head..end) {
            place.copy_from_slice(packet.data);
        }
        let Packet { number, time, link, wire_len, .. } = *packet;
        self.entries.push_back(Entry { number, time, link, wire_len, at: self.head, len });
        self.head = end;
    }
}

impl Source for Kept {
    fn next(&mut self) -> Result<Next<'_>, Error> {
        let Some(Entry { number, time, link, wire_len, at, len }) = self.entries.pop_front() else {
            return Ok(Next::End);
        };
        let data = self.bytes.get(at..at + len).unwrap_or_default();
        Ok(Next::Packet(Packet { number, time, link, wire_len, data }))
    }

    fn inputs(&self) -> &[Input] {
        &[]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Memory;

    #[test]
    fn the_latest_packets_are_kept_as_they_were() {
        let packets = (0..1000u32).map(|n| {
            let len = 1 + (n as usize * 7) % 90;
            (Timestamp(n.into()), LinkType::ETHERNET, n, vec![n as u8; len])
        });
        let (mut recent, request) = Recent::new(Memory::new(packets), 1000);
        let mut given = 0;
        while let Ok(Next::Packet(_)) = recent.next() {
            given += 1;
            request.ask();
            if recent.next().is_ok_and(|n| matches!(n, Next::Packet(_))) {
                given += 1;
            }
            let mut kept = request.take().expect("it was asked for");
            let count = kept.len() as u64;
            assert!(count <= 1000);
            let mut expected = given - count - 1;
            while let Ok(Next::Packet(p)) = kept.next() {
                expected += 1;
                assert_eq!(p.number, expected, "of {given}");
                assert!(p.data.iter().all(|b| *b == p.wire_len as u8), "packet {} is another", p.number);
                assert_eq!(p.data.len(), 1 + (p.wire_len as usize * 7) % 90);
            }
            assert!(count > 8 || given < 12, "{count} packets of 45 bytes");
        }
        assert_eq!(given, 1000);
    }
}
