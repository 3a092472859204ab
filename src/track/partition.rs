//! `Partition`: a bounded table of connections; when each is looked at again, and when it ends.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use foldhash::HashMap;

use super::connection::Connection;
use super::event::Fact;
use super::flow::FlowKey;
use super::peer::fingerprint;
use super::record::Ended;
use super::succession::{
    Slot, Succession, Tracked, belongs_to_previous, context, drop_previous, end, give_previous, hold,
    settle_candidate, succeed, succession,
};
use crate::config::{ChecksumPolicy, TrackConfig};
use crate::tcp::{Certainty, Checksum, Duration, Segment, State, Timestamp};

/// What became of a segment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Taken {
    /// It belongs to a connection.
    Segment,
    /// A second copy of a packet: dropped.
    Duplicate,
    /// Dropped for its checksum, as a receiver would.
    BadChecksum,
}

/// A part of all connections, the same part for any number of threads.
#[derive(Debug)]
pub struct Partition {
    config: TrackConfig,
    bound: usize,
    table: HashMap<FlowKey, u32>,
    slots: Vec<Option<Box<Slot>>>,
    free: Vec<u32>,
    due: BinaryHeap<Reverse<(Timestamp, u64, u32)>>,
    /// Where the search for the next connection to evict goes on.
    hand: u32,
    copies: CopyRate,
    evicted: u64,
}

impl Partition {
    /// An empty partition that keeps at most `bound` connections.
    pub fn new(config: &TrackConfig, bound: usize) -> Self {
        Self {
            config: config.clone(),
            bound: bound.max(1),
            table: HashMap::default(),
            slots: Vec::new(),
            free: Vec::new(),
            due: BinaryHeap::new(),
            hand: 0,
            copies: CopyRate::default(),
            evicted: 0,
        }
    }

    /// Connections that ended because the table was full, since last asked.
    pub fn take_evicted(&mut self) -> u64 {
        std::mem::take(&mut self.evicted)
    }

    /// Takes in one segment. `clock` is the highest packet time so far; deadlines up to it are met first.
    pub fn on_segment(&mut self, s: &Segment, clock: Timestamp, out: &mut dyn Tracked) -> Taken {
        self.expire(clock, out);
        let key = FlowKey::of(s);
        if s.checksum == Checksum::Bad && self.config.checksum == ChecksumPolicy::Verify {
            self.bad_checksum(s, &key);
            return Taken::BadChecksum;
        }
        let slot = match self.table.get(&key) {
            Some(slot) => *slot,
            None => self.open(key, s, clock, out),
        };
        if self.is_copy(slot, s) {
            return Taken::Duplicate;
        }
        self.route(slot, s, clock, out);
        Taken::Segment
    }

    /// Ends everything whose time has come by `clock`, at its own time.
    pub fn expire(&mut self, clock: Timestamp, out: &mut dyn Tracked) {
        while let Some(Reverse((at, id, slot))) = self.due.peek().copied() {
            if at > clock {
                break;
            }
            self.due.pop();
            self.on_due(slot, id, at, clock, out);
        }
    }

    /// The newest connection of every 4-tuple, in no particular order.
    pub fn connections(&self) -> impl Iterator<Item = &Connection> {
        self.slots.iter().flatten().map(|slot| &slot.connection)
    }

    /// The input ended at `clock`: a record of every connection, oldest first.
    pub fn finish(&mut self, clock: Timestamp, out: &mut dyn Tracked) {
        let mut rest: Vec<Box<Slot>> = self.slots.drain(..).flatten().collect();
        rest.sort_by_key(|s| s.connection.id);
        for slot in rest {
            self.end_slot(*slot, Ended::EndOfCapture, clock, out);
        }
        self.table.clear();
        self.free.clear();
        self.due.clear();
    }

    /// Segments for connections, opened one after the other, that the table can hold.
    fn open(&mut self, key: FlowKey, s: &Segment, clock: Timestamp, out: &mut dyn Tracked) -> u32 {
        if self.table.len() >= self.bound {
            self.evict(clock, out);
        }
        let connection = Connection::new(s);
        let id = connection.id;
        let wake = clock + self.config.linger;
        let slot = Box::new(Slot { key, connection, previous: None, cold: false, wake });
        let index = match self.free.pop() {
            Some(index) => {
                self.slots[index as usize] = Some(slot);
                index
            }
            None => {
                self.slots.push(Some(slot));
                (self.slots.len() - 1) as u32
            }
        };
        self.table.insert(key, index);
        self.due.push(Reverse((wake, id, index)));
        self.announce(index, s, out);
        index
    }

    fn announce(&mut self, index: u32, s: &Segment, out: &mut dyn Tracked) {
        let config = &self.config;
        if let Some(slot) = self.slots.get(index as usize).and_then(Option::as_ref) {
            let mut ctx = context(config, out, Some(s), s.time, s.packet);
            slot.connection.tell(&mut ctx, 0, Fact::Opened);
        }
    }

    fn is_copy(&mut self, slot: u32, s: &Segment) -> bool {
        let Some(slot) = self.slots.get_mut(slot as usize).and_then(Option::as_mut) else { return false };
        let connection = &mut slot.connection;
        let e = connection.end_of(&s.src);
        let window = self.config.duplicate_window.0;
        let seen = connection.ends[e].recent.seen(fingerprint(s), s.time, window);
        let has_id = s.ip.id.is_some_and(|id| id != 0);
        if has_id && s.payload_len > 0 {
            self.copies.count(seen);
        }
        let copy = seen && (has_id || self.copies.is_high());
        if copy {
            connection.duplicated = true;
            connection.ends[e].flow.duplicates += 1;
            connection.completeness.on_segment(s);
        }
        copy
    }

    fn bad_checksum(&mut self, s: &Segment, key: &FlowKey) {
        if let Some(slot) =
            self.table.get(key).and_then(|i| self.slots.get_mut(*i as usize)).and_then(Option::as_mut)
        {
            let e = slot.connection.end_of(&s.src);
            slot.connection.zeek.on_bad_checksum(e);
        }
    }

    /// Gives the segment to the connection it belongs to: the newest on its 4-tuple, the one before, or a new one.
    fn route(&mut self, index: u32, s: &Segment, clock: Timestamp, out: &mut dyn Tracked) {
        let config = &self.config;
        let Some(slot) = self.slots.get_mut(index as usize).and_then(Option::as_mut) else { return };
        slot.cold = false;
        slot.connection.lag = clock.since(s.time);
        let succession = succession(&slot.connection, s, config);
        match succession {
            Succession::Same => {}
            Succession::Held => return hold(&mut slot.connection, s, config, out),
            _ => {
                succeed(slot, s, succession, clock, config, out);
                slot.connection.lag = clock.since(s.time);
                slot.wake = clock + config.linger;
                self.due.push(Reverse((slot.wake, slot.connection.id, index)));
            }
        }
        if let Some(previous) = &mut slot.previous
            && belongs_to_previous(&slot.connection, previous, s)
        {
            return give_previous(slot, s, config, out);
        }
        let mut ctx = context(config, out, Some(s), s.time, s.packet);
        let fresh_syn_ack = s.flags.syn() && s.flags.ack();
        if fresh_syn_ack && let Some(previous) = &mut slot.previous {
            settle_candidate(&slot.connection, previous, s, &mut ctx);
        }
        slot.connection.on_segment(s, &mut ctx);
        drop_previous(slot, s.time, config, out);
        if let Some(due) = timer_due(&slot.connection).filter(|due| *due < slot.wake) {
            slot.wake = due;
            self.due.push(Reverse((due, slot.connection.id, index)));
        }
    }

    fn on_due(&mut self, index: u32, id: u64, at: Timestamp, clock: Timestamp, out: &mut dyn Tracked) {
        let config = &self.config;
        let Some(slot) = self.slots.get_mut(index as usize).and_then(Option::as_mut) else { return };
        if slot.connection.id != id || slot.wake != at {
            return;
        }
        {
            let frame = slot.connection.last_frame;
            let mut ctx = context(config, out, None, at, frame);
            slot.connection.expire_time_wait(&mut ctx);
            slot.connection.expire_half_open(&mut ctx);
        }
        drop_previous(slot, at, config, out);
        match next_due(&slot.connection, config) {
            Some(due) if due > at => {
                slot.wake = due;
                self.due.push(Reverse((due, id, index)));
            }
            Some(_) => {
                let ended = if slot.connection.open.done.is_some() || slot.connection.close.began.is_some() {
                    Ended::Closed
                } else {
                    Ended::Abandoned
                };
                self.remove(index, ended, at, out);
            }
            // Open: nothing ends it but a segment. Looked at again in case one has.
            None => {
                slot.wake = next_look(at, clock, config.linger);
                self.due.push(Reverse((slot.wake, id, index)));
            }
        }
    }

    fn remove(&mut self, index: u32, ended: Ended, at: Timestamp, out: &mut dyn Tracked) {
        let Some(slot) = self.slots.get_mut(index as usize).and_then(Option::take) else { return };
        self.table.remove(&slot.key);
        self.free.push(index);
        self.end_slot(*slot, ended, at, out);
    }

    fn end_slot(&self, slot: Slot, ended: Ended, at: Timestamp, out: &mut dyn Tracked) {
        if let Some(previous) = slot.previous {
            end(previous.connection, Ended::Reused, at, &self.config, out);
        }
        end(slot.connection, ended, at, &self.config, out);
    }

    /// Ends a connection that no segment touched since the hand last passed it.
    fn evict(&mut self, clock: Timestamp, out: &mut dyn Tracked) {
        let count = self.slots.len();
        for _ in 0..2 * count + 1 {
            self.hand = if (self.hand as usize) + 1 < count { self.hand + 1 } else { 0 };
            let Some(slot) = self.slots.get_mut(self.hand as usize).and_then(Option::as_mut) else {
                continue;
            };
            if !slot.cold {
                slot.cold = true;
                continue;
            }
            self.evicted += 1;
            return self.remove(self.hand, Ended::Evicted, clock, out);
        }
    }
}

/// The first multiple of `step` after `at` that lies beyond `clock`: a jump of the clock by years costs one step, and the
/// times of looking do not depend on how often the clock is read.
fn next_look(at: Timestamp, clock: Timestamp, step: Duration) -> Timestamp {
    let step = step.0.max(1);
    let steps = clock.since(at).0.max(0) / step + 1;
    at + Duration(steps.saturating_mul(step))
}

/// When something is due for the connection by itself; `None` while it is open.
fn next_due(c: &Connection, config: &TrackConfig) -> Option<Timestamp> {
    if let Some(due) = timer_due(c) {
        return Some(due);
    }
    // TIME_WAIT without an interval is the old connection's, shown while a SYN asks for its 4-tuple.
    let embryonic = |s: State| !s.is_synchronized() || s == State::TimeWait;
    let idle = c.last + config.linger + c.lag;
    let over = c.is_closed()
        || c.ends.iter().all(|p| embryonic(p.state))
        || (c.open.done.is_none() && never_opened(c));
    over.then_some(idle)
}

/// When the next timer of one of its ends fires: TIME_WAIT, or a server that gives up a half-open entry.
fn timer_due(c: &Connection) -> Option<Timestamp> {
    [c.time_wait_due(), c.half_open_due()].into_iter().flatten().min()
}

/// A SYN+ACK passed, and no answer to it: the client's ESTABLISHED is inferred only.
fn never_opened(c: &Connection) -> bool {
    let handshake_only = |s: State| !s.is_synchronized();
    let waiting = |p: &super::peer::Peer| p.state == State::Established && p.certainty == Certainty::Inferred;
    c.ends.iter().any(|p| p.state == State::SynReceived)
        && c.ends.iter().all(|p| handshake_only(p.state) || waiting(p))
}

/// How many of the latest data segments with an IP id were second copies (tcp.md §1.2: dup mode).
#[derive(Debug, Default)]
struct CopyRate {
    segments: u32,
    copies: u32,
}

impl CopyRate {
    fn count(&mut self, copy: bool) {
        self.segments += 1;
        self.copies += u32::from(copy);
        if self.segments >= 1000 {
            self.segments /= 2;
            self.copies /= 2;
        }
    }

    /// At least 30 % of what could be told.
    fn is_high(&self) -> bool {
        self.copies > 0 && self.copies * 10 >= self.segments * 3
    }
}
