//! `Partition`: a bounded table of connections; when each is looked at again, and when it ends.

use std::cmp::Reverse;
use std::collections::VecDeque;

use super::connection::Connection;
use super::event::Fact;
use super::flow::FlowKey;
use super::record::Ended;
use super::rings::fingerprint;
use super::succession::{
    Slot, Succession, Tracked, belongs_to_previous, context, drop_previous, end, give_previous, hold,
    settle_candidate, succeed, succession,
};
use super::table::{Form, Table};
use super::timers::Timers;
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
    table: Table,
    bounds: Bounds,
    timers: Timers,
    /// The latest to begin or to go on, and their ids: when they stop being young, those with few segments are frozen.
    young: VecDeque<(u32, u64)>,
    /// Those of which all is kept as it is, in the order of their use as far as that was looked at, each with its latest
    /// packet then: the first that has none since is packed.
    awake: VecDeque<(u32, u64)>,
    copies: CopyRate,
    evicted: u64,
    /// What ends at the end of the input, by id, once that has begun.
    rest: Option<VecDeque<(u64, u32)>>,
}

/// Connections kept at once.
#[derive(Debug)]
struct Bounds {
    open: usize,
    frozen: usize,
}

impl Partition {
    /// An empty one of [`PARTITIONS`](super::PARTITIONS), which share the bounds of the configuration.
    pub fn new(config: &TrackConfig) -> Self {
        let share = |bound: usize| (bound / super::PARTITIONS).max(1);
        Self {
            config: config.clone(),
            table: Table::default(),
            bounds: Bounds { open: share(config.max_connections), frozen: share(config.max_attempts) },
            timers: Timers::default(),
            young: VecDeque::new(),
            awake: VecDeque::new(),
            copies: CopyRate::default(),
            evicted: 0,
            rest: None,
        }
    }

    /// Connections ended because the table was full, since last asked.
    pub fn take_evicted(&mut self) -> u64 {
        std::mem::take(&mut self.evicted)
    }

    /// Takes in one segment. `clock` is the highest packet time so far; deadlines up to it have been
    /// [met](Self::expire).
    pub fn on_segment(&mut self, s: &Segment, clock: Timestamp, out: &mut dyn Tracked) -> Taken {
        let key = FlowKey::of(s);
        if s.checksum == Checksum::Bad && self.config.checksum == ChecksumPolicy::Verify {
            self.bad_checksum(s, &key, out);
            return Taken::BadChecksum;
        }
        let at = match self.table.find(&key) {
            Some(at) => at,
            None => self.open(key, s, clock, out),
        };
        let Some((slot, was)) = self.table.thawed(at, &self.config, out) else {
            return Taken::Segment;
        };
        let id = slot.connection.id;
        if was == Form::Packed {
            self.awake.push_back((at, slot.connection.last_frame));
        }
        if is_copy(slot, s, &self.config, &mut self.copies) {
            return Taken::Duplicate;
        }
        let wake = route(slot, s, clock, &self.config, out);
        self.table.outgrown(at);
        self.schedule(at, wake, clock);
        if was == Form::Frozen || id == s.packet {
            self.young.push_back((at, id));
            self.freeze_the_eldest(clock, out);
        }
        if self.awake.len() > self.config.awake {
            self.pack_the_least_used();
        }
        Taken::Segment
    }

    /// Ends everything whose time has come by `clock`, at its own time.
    #[inline]
    pub fn expire(&mut self, clock: Timestamp, out: &mut dyn Tracked) {
        if self.timers.may_be_due(clock) {
            self.meet_timers(clock, out);
        }
    }

    fn meet_timers(&mut self, clock: Timestamp, out: &mut dyn Tracked) {
        while let Some((at, index)) = self.timers.next(clock, |index| self.table.wake(index)) {
            self.on_due(index, at, clock, out);
        }
    }

    /// Shows, of so many connections of which all is kept, those with the latest packets, in no particular order; of each
    /// 4-tuple the newest.
    pub fn latest(&self, looked_at: usize, most: usize, look: &mut dyn FnMut(&Connection)) {
        self.table.latest(looked_at, most, look);
    }

    /// Connections of which only the segments are kept, so many at most: half-open ones first, then those with the latest
    /// packets. Each is made anew from its segments.
    pub fn frozen(&self, most: usize) -> Vec<Connection> {
        let mut latest: Vec<_> = self.table.frozen_ones().map(|f| (Reverse(f.rank()), f)).collect();
        if latest.len() > most {
            latest.select_nth_unstable_by_key(most, |(rank, _)| *rank);
            latest.truncate(most);
        }
        latest.into_iter().map(|(_, frozen)| frozen.whole(&self.config)).collect()
    }

    /// The input ended at `clock`: a record of every connection that began before packet `before`, oldest first. Whether
    /// there are others.
    pub fn finish(&mut self, before: u64, clock: Timestamp, out: &mut dyn Tracked) -> bool {
        let table = &self.table;
        let mut rest = self.rest.take().unwrap_or_else(|| table.by_id().into());
        while let Some((_, at)) = rest.front().copied().filter(|(id, _)| *id < before) {
            rest.pop_front();
            self.remove(at, Ended::EndOfCapture, clock, out);
        }
        let left = !rest.is_empty();
        self.rest = Some(rest);
        left
    }

    fn open(&mut self, key: FlowKey, s: &Segment, clock: Timestamp, out: &mut dyn Tracked) -> u32 {
        if self.table.open() >= self.bounds.open {
            self.evict(Form::Open, clock, out);
        }
        let wake = clock + self.config.linger;
        let at = self.table.begin(key, s, wake);
        self.timers.add(wake, at);
        if let Some(slot) = self.table.slot(at) {
            let mut ctx = context(&self.config, out, Some(s), s.time, s.packet);
            slot.connection.tell(&mut ctx, 0, Fact::Opened);
        }
        at
    }

    /// What is to be looked at again, and when, if that changed.
    fn schedule(&mut self, at: u32, wake: Wake, clock: Timestamp) {
        match wake {
            Wake::Unchanged => {}
            Wake::Lingering => {
                let wake = clock + self.config.linger;
                self.table.set_wake(at, wake);
                self.timers.add(wake, at);
            }
            Wake::By(due) => {
                if self.table.wake(at).is_some_and(|wake| due < wake) {
                    self.table.set_wake(at, due);
                    self.timers.add(due, at);
                }
            }
        }
    }

    fn freeze_the_eldest(&mut self, clock: Timestamp, out: &mut dyn Tracked) {
        while self.young.len() > self.config.young {
            let Some((at, id)) = self.young.pop_front() else { return };
            if self.table.frozen() >= self.bounds.frozen {
                self.evict(Form::Frozen, clock, out);
            }
            self.lay_down(at, id, out);
        }
    }

    /// Keeps no more of a connection than its segments, or all of it until others were used.
    fn lay_down(&mut self, at: u32, id: u64, out: &mut dyn Tracked) {
        self.table.freeze(at, id, out);
        if let Some(slot) = self.table.slot(at) {
            self.awake.push_back((at, slot.connection.last_frame));
        }
    }

    /// Packs until no more are awake than may be. What was used since it was looked at has time until it is looked at
    /// again.
    fn pack_the_least_used(&mut self) {
        while self.awake.len() > self.config.awake {
            let Some((at, frame)) = self.awake.pop_front() else { return };
            let Some(slot) = self.table.slot(at) else { continue };
            let latest = slot.connection.last_frame;
            if latest == frame {
                self.pack(at);
            } else {
                self.awake.push_back((at, latest));
            }
        }
    }

    fn pack(&mut self, at: u32) {
        if let Some(slot) = self.table.slot(at) {
            let due = next_due(&slot.connection, &self.config);
            self.table.pack(at, due);
        }
    }

    fn bad_checksum(&mut self, s: &Segment, key: &FlowKey, out: &mut dyn Tracked) {
        let Some(at) = self.table.find(key) else { return };
        if let Some((slot, was)) = self.table.thawed(at, &self.config, out) {
            let e = slot.connection.end_of(&s.src);
            slot.connection.zeek.on_bad_checksum(e);
            slot.history.end();
            if was != Form::Open {
                self.awake.push_back((at, slot.connection.last_frame));
            }
        }
    }

    /// A connection's time has come: timers are met; where nothing is left to wait for, it ends.
    fn on_due(&mut self, index: u32, at: Timestamp, clock: Timestamp, out: &mut dyn Tracked) {
        if self.table.wake(index) != Some(at) {
            return;
        }
        let config = &self.config;
        if let Some(due) = self.table.packed_due(index)
            && due.is_none_or(|due| due > at)
        {
            let wake = due.unwrap_or_else(|| next_look(at, clock, config.linger));
            self.table.set_wake(index, wake);
            return self.timers.add(wake, index);
        }
        let Some((slot, was)) = self.table.thawed(index, config, out) else { return };
        {
            if timer_due(&slot.connection).is_some_and(|due| due <= at) {
                slot.history.add_timer(at);
            }
            let frame = slot.connection.last_frame;
            let mut ctx = context(config, out, None, at, frame);
            slot.connection.expire_time_wait(&mut ctx);
            slot.connection.expire_half_open(&mut ctx);
        }
        drop_previous(slot, at, config, out);
        let id = slot.connection.id;
        let wake = match next_due(&slot.connection, config) {
            Some(due) if due > at => due,
            Some(_) => {
                let ended = if slot.connection.open.done.is_some() || slot.connection.close.began.is_some() {
                    Ended::Closed
                } else {
                    Ended::Abandoned
                };
                return self.remove(index, ended, at, out);
            }
            // Open: nothing ends it but a segment. Looked at again in case one has.
            None => next_look(at, clock, config.linger),
        };
        self.table.set_wake(index, wake);
        self.timers.add(wake, index);
        match was {
            Form::Open => {}
            Form::Packed => self.pack(index),
            Form::Frozen => self.lay_down(index, id, out),
        }
    }

    /// Timers of what has ended are stale: when there are more of these than of others they go.
    fn forget_stale_timers(&mut self) {
        let kept = self.table.open() + self.table.frozen();
        if self.timers.len() > kept + kept / 8 + 512 {
            self.timers.retain(|index| self.table.wake(index));
        }
    }

    fn remove(&mut self, index: u32, ended: Ended, at: Timestamp, out: &mut dyn Tracked) {
        let Some(mut slot) = self.table.take(index, &self.config, out) else { return };
        if let Some(mut previous) = slot.previous.take() {
            end(&mut previous.connection, Ended::Reused, at, &self.config, out);
        }
        end(&mut slot.connection, ended, at, &self.config, out);
        self.table.give_back(slot);
    }

    fn evict(&mut self, form: Form, clock: Timestamp, out: &mut dyn Tracked) {
        if let Some(at) = self.table.least_used(form) {
            self.evicted += 1;
            self.remove(at, Ended::Evicted, clock, out);
            self.forget_stale_timers();
        }
    }
}

/// When a connection is to be looked at again.
#[derive(Clone, Copy, Debug)]
enum Wake {
    /// As it was.
    Unchanged,
    /// When nothing came for the usual time.
    Lingering,
    /// Now, if it was to be later.
    By(Timestamp),
}

/// A second copy of a packet, as mirror ports make them.
fn is_copy(slot: &mut Slot, s: &Segment, config: &TrackConfig, copies: &mut CopyRate) -> bool {
    let connection = &mut slot.connection;
    let e = connection.end_of(&s.src);
    let seen = connection.ends[e].recent.seen(fingerprint(s), s.time, config.duplicate_window.0);
    // A kernel sends equal segments with one IP-ID only where it does not number at all.
    let has_id = s.ip.id.is_some_and(|id| id != 0);
    if has_id && s.payload_len > 0 {
        copies.count(seen);
    }
    let copy = seen && (has_id || copies.is_high());
    if copy {
        connection.duplicated = true;
        connection.ends[e].flow.duplicates += 1;
        connection.completeness.on_segment(s);
        slot.history.end();
    }
    copy
}

/// Gives a segment to the connection it belongs to: the one of its 4-tuple, the one before, or a new one.
fn route(
    slot: &mut Slot,
    s: &Segment,
    clock: Timestamp,
    config: &TrackConfig,
    out: &mut dyn Tracked,
) -> Wake {
    slot.cold = false;
    slot.connection.lag = clock.since(s.time);
    let mut wake = Wake::Unchanged;
    match succession(&slot.connection, s, config) {
        // A replay takes the packet's time to be the clock.
        Succession::Same if slot.previous.is_none() && clock == s.time => slot.history.add(s, &slot.key),
        Succession::Same => slot.history.end(),
        Succession::Held => {
            slot.history.end();
            hold(&mut slot.connection, s, config, out);
            return wake;
        }
        why => {
            slot.history.end();
            succeed(slot, s, why, clock, config, out);
            slot.connection.lag = clock.since(s.time);
            wake = Wake::Lingering;
        }
    }
    if let Some(previous) = &mut slot.previous
        && belongs_to_previous(&slot.connection, previous, s)
    {
        give_previous(slot, s, config, out);
        return wake;
    }
    let mut ctx = context(config, out, Some(s), s.time, s.packet);
    let fresh_syn_ack = s.flags.syn() && s.flags.ack();
    if fresh_syn_ack && let Some(previous) = &mut slot.previous {
        settle_candidate(&slot.connection, previous, s, &mut ctx);
    }
    slot.connection.on_segment(s, &mut ctx);
    drop_previous(slot, s.time, config, out);
    match (timer_due(&slot.connection), wake) {
        (Some(due), Wake::Unchanged) => Wake::By(due),
        (Some(due), _) if due < clock + config.linger => Wake::By(due),
        _ => wake,
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
