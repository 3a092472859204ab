//! `Streams`: the number that Wireshark would give to each connection.

use std::collections::VecDeque;

use foldhash::HashMap;

use crate::rules::Seen;
use crate::tcp::{Endpoint, SeqNumber};

/// Wireshark's stream numbers: one more with each new 4-tuple, and with each SYN of a new ISN on an old one. What comes
/// on a 4-tuple without such a SYN belongs to its latest stream, however long ago that was.
#[derive(Debug)]
pub(super) struct Streams {
    next: u32,
    /// By connection.
    of: HashMap<u64, u32>,
    /// The latest stream of each 4-tuple, and the ISN of the SYN that opened it.
    latest: HashMap<(Endpoint, Endpoint), (u32, Option<SeqNumber>)>,
    held: VecDeque<(u64, u32)>,
    /// The packet from which on numbers can't be known.
    pub known_until: u64,
}

impl Default for Streams {
    fn default() -> Self {
        Self {
            next: 0,
            of: HashMap::default(),
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
        let ends = (a.min(b), a.max(b));
        let syn = Some(header.seq).filter(|_| header.flags.syn() && !header.flags.ack());
        let held = self.held.iter().position(|(at, _)| *at == connection);
        let number = match (held.and_then(|at| self.held.remove(at)), self.latest.get(&ends)) {
            (Some((_, number)), _) => number,
            (None, Some((number, isn))) if syn.is_none() || syn == *isn => *number,
            (None, before) => {
                if before.is_none() && syn.is_none() && self.latest.len() >= Self::LATEST {
                    self.known_until = self.known_until.min(connection);
                }
                let is_known = before.is_some();
                self.begin(ends, syn, is_known)
            }
        };
        self.of.insert(connection, number);
    }

    /// A SYN that its connection does not explain: it may turn out to open one.
    pub fn hold(&mut self, frame: u64, [a, b]: &[Endpoint; 2], isn: SeqNumber) {
        let ends = (*a.min(b), *a.max(b));
        let is_known = self.latest.contains_key(&ends);
        let number = self.begin(ends, Some(isn), is_known);
        if self.held.len() == Self::HELD {
            self.held.pop_front();
        }
        self.held.push_back((frame, number));
    }

    /// A stream begins, on a 4-tuple that is remembered or not.
    fn begin(&mut self, ends: (Endpoint, Endpoint), isn: Option<SeqNumber>, is_known: bool) -> u32 {
        let number = self.number();
        if is_known || self.latest.len() < Self::LATEST {
            self.latest.insert(ends, (number, isn));
        }
        number
    }

    /// The number of a connection's stream, where it can be known.
    pub fn peek(&self, connection: u64) -> Option<u32> {
        self.of.get(&connection).copied().filter(|_| connection < self.known_until)
    }

    /// The same, for the last time.
    pub fn of(&mut self, connection: u64) -> Option<u32> {
        let number = self.peek(connection);
        self.of.remove(&connection);
        number
    }
}
