//! `Streams`: the number that Wireshark would give to each connection.

use std::collections::VecDeque;
use std::collections::hash_map::Entry;

use foldhash::HashMap;

use super::by_id::ById;
use crate::rules::Seen;
use crate::tcp::{Endpoint, SeqNumber};

/// Wireshark's stream numbers: one more with each new 4-tuple, and with each SYN of a new ISN on an old one. What comes
/// on a 4-tuple without such a SYN belongs to its latest stream, however long ago that was.
#[derive(Debug)]
pub(super) struct Streams {
    next: u32,
    /// By connection.
    of: ById,
    /// The latest stream of each 4-tuple.
    latest: HashMap<(Endpoint, Endpoint), Stream>,
    held: VecDeque<(u64, u32)>,
    /// The packet from which on numbers can't be known.
    pub known_until: u64,
}

impl Default for Streams {
    fn default() -> Self {
        Self {
            next: 0,
            of: ById::default(),
            latest: HashMap::default(),
            held: VecDeque::new(),
            known_until: u64::MAX,
        }
    }
}

impl Streams {
    /// SYNs remembered that did not fit their connection; each may still turn out to open one.
    const HELD: usize = 1024;
    /// 4-tuples remembered. Beyond it, what does not begin with a SYN may belong to an earlier stream or not.
    const LATEST: usize = 1 << 16;

    fn number(&mut self) -> u32 {
        let number = self.next;
        self.next = self.next.saturating_add(1);
        number
    }

    /// A connection's first packet.
    pub fn open(&mut self, seen: &Seen) {
        let (connection, [a, b], header) = (seen.connection, seen.endpoints, &seen.header);
        let syn = Some(header.seq).filter(|_| header.flags.syn() && !header.flags.ack());
        let held = self.held.iter().position(|(at, _)| *at == connection);
        let number = match held.and_then(|at| self.held.remove(at)) {
            Some((_, number)) => number,
            None => self.on(connection, (a.min(b), a.max(b)), syn),
        };
        self.of.insert(connection, number);
    }

    /// The stream of what comes on a 4-tuple: its latest, or a new one.
    fn on(&mut self, connection: u64, ends: (Endpoint, Endpoint), syn: Option<SeqNumber>) -> u32 {
        let next = self.next;
        match self.latest(ends, (next, syn)) {
            Latest::Known((number, isn)) if syn.is_none() || syn == *isn => return *number,
            Latest::Known(known) => *known = (next, syn),
            Latest::Unknown if syn.is_none() => self.known_until = self.known_until.min(connection),
            Latest::Unknown | Latest::New => {}
        }
        self.number()
    }

    /// A SYN that its connection does not explain: it may turn out to open one.
    pub fn hold(&mut self, frame: u64, [a, b]: &[Endpoint; 2], isn: SeqNumber) {
        let begun = (self.next, Some(isn));
        if let Latest::Known(known) = self.latest((*a.min(b), *a.max(b)), begun) {
            *known = begun;
        }
        let number = self.number();
        if self.held.len() == Self::HELD {
            self.held.pop_front();
        }
        self.held.push_back((frame, number));
    }

    /// The latest stream of a 4-tuple; one that had none has this one from now on, while there is room.
    fn latest(&mut self, ends: (Endpoint, Endpoint), begun: Stream) -> Latest<'_> {
        if self.latest.len() >= Self::LATEST {
            return self.latest.get_mut(&ends).map_or(Latest::Unknown, Latest::Known);
        }
        match self.latest.entry(ends) {
            Entry::Occupied(known) => Latest::Known(known.into_mut()),
            Entry::Vacant(place) => {
                place.insert(begun);
                Latest::New
            }
        }
    }

    /// The number of a connection's stream, where it can be known.
    pub fn peek(&self, connection: u64) -> Option<u32> {
        self.of.get(connection).filter(|_| connection < self.known_until)
    }

    /// The same, for the last time.
    pub fn of(&mut self, connection: u64) -> Option<u32> {
        self.of.remove(connection).filter(|_| connection < self.known_until)
    }
}

/// A stream's number, and the ISN of the SYN that opened it.
type Stream = (u32, Option<SeqNumber>);

/// What is known of a 4-tuple.
enum Latest<'a> {
    /// Its latest stream.
    Known(&'a mut Stream),
    /// It had none until now.
    New,
    /// It has none that is remembered.
    Unknown,
}
