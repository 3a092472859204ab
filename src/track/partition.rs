//! `Partition`: a bounded table of connections; which connection a segment belongs to, and when one ends (tcp.md §1.9).

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use foldhash::HashMap;

use super::connection::{Connection, Context, Observer, illegal};
use super::event::Fact;
use super::flow::FlowKey;
use super::peer::fingerprint;
use super::record::{Ended, Record, TimeWaitEnd};
use crate::config::{ChecksumPolicy, TrackConfig};
use crate::tcp::{Certainty, Checksum, Duration, Endpoint, Segment, State, Timestamp};

/// Where what a partition sees goes.
pub trait Tracked: Observer {
    /// A connection ended at `at`.
    fn on_record(&mut self, record: Record, connection: &Connection, at: Timestamp);

    /// Whether the endpoint is known to have sent a SYN+ACK.
    fn is_listener(&self, endpoint: &Endpoint) -> bool;
}

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

/// One connection in the table.
#[derive(Debug)]
struct Slot {
    key: FlowKey,
    connection: Connection,
    /// The one before it on the same 4-tuple, while segments may still belong to that.
    previous: Option<Box<Previous>>,
    /// Seen by the eviction hand since the last segment.
    cold: bool,
    /// Its one valid entry among the deadlines; others that name the slot are stale.
    wake: Timestamp,
}

/// A connection whose 4-tuple another has taken, or is trying to.
#[derive(Debug)]
struct Previous {
    connection: Connection,
    why: Succession,
}

/// How a SYN relates to the connection that has its 4-tuple.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Succession {
    /// It is part of it.
    Same,
    /// It replaces an attempt that was not completed; the server may still answer the old one (M15).
    Attempt,
    /// It asks an end in TIME_WAIT, whose answer decides.
    Candidate,
    /// It takes the place of one that is over.
    Incarnation,
    /// It does not fit a live connection: held until its answer tells.
    Held,
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

fn context<'a>(
    config: &'a TrackConfig,
    out: &'a mut dyn Tracked,
    segment: Option<&'a Segment>,
    at: Timestamp,
    frame: u64,
) -> Context<'a> {
    Context { config, observer: out, segment, at, frame }
}

fn end(mut connection: Connection, ended: Ended, at: Timestamp, config: &TrackConfig, out: &mut dyn Tracked) {
    connection.let_go_of_held_syn();
    let frame = connection.last_frame;
    let mut ctx = context(config, out, None, at, frame);
    connection.expire_time_wait(&mut ctx);
    connection.expire_half_open(&mut ctx);
    connection.tell(&mut ctx, 0, Fact::Ended);
    connection.end_life(&mut ctx);
    let record = connection.record(ended, at, &|endpoint| out.is_listener(endpoint));
    out.on_record(record, &connection, at);
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

/// What a segment means for the connection that has its 4-tuple now.
fn succession(c: &Connection, s: &Segment, config: &TrackConfig) -> Succession {
    if !s.flags.syn() || illegal(s) || c.is_self_connected() {
        return Succession::Same;
    }
    let e = c.end_of(&s.src);
    if s.flags.ack() { succession_by_syn_ack(c, s, e) } else { succession_by_syn(c, s, e, config) }
}

fn succession_by_syn(c: &Connection, s: &Segment, e: usize, config: &TrackConfig) -> Succession {
    let (end, peer) = (&c.ends[e], &c.ends[1 - e]);
    if c.id == s.packet || (end.state == State::Unknown && peer.state == State::Unknown) {
        return Succession::Same;
    }
    if end.iss == Some(s.seq) {
        let long_closed = end.state == State::Closed && s.time.since(c.last) > SAME_SYN_AGAIN;
        return if long_closed { Succession::Incarnation } else { Succession::Same };
    }
    let young = |end: usize| {
        c.ends[end].state == State::TimeWait
            && c.current_time_wait(end).is_some_and(|t| s.time < t.nominal_end + slack(config))
    };
    if young(e) || young(1 - e) {
        return Succession::Candidate;
    }
    if c.is_closed()
        || end.state == State::Closed
        || peer.state == State::Closed
        || peer.state == State::TimeWait
    {
        return if first_syn_of_listener(c, e) { Succession::Same } else { Succession::Incarnation };
    }
    if s.time.since(c.last) > DEAD_AFTER {
        return Succession::Incarnation;
    }
    match (end.state, end.certainty) {
        (State::Listen, _) if peer.state == State::SynSent => Succession::Same,
        (State::Unknown, _) => Succession::Incarnation,
        (State::SynSent | State::SynReceived | State::Listen, _) => Succession::Attempt,
        (State::Established, Certainty::Inferred) if !end.spoke_after_syn => Succession::Attempt,
        // All that is known of the old connection is one segment of this end.
        (State::Established, Certainty::Assumed) if end.flow.segments == 1 && !peer.was_seen() => {
            Succession::Incarnation
        }
        // Sent again and not answered by the old connection: somebody means it.
        _ if c.challenged.is_none()
            && c.held_syn.as_ref().is_some_and(|h| h.seq == s.seq && h.src == s.src) =>
        {
            Succession::Attempt
        }
        _ => Succession::Held,
    }
}

/// The listening end answers a client's SYN with a SYN of its own: part of the same opening.
fn first_syn_of_listener(c: &Connection, e: usize) -> bool {
    c.ends[e].state == State::Listen && c.ends[1 - e].state == State::SynSent
}

/// A SYN+ACK whose SYN was not captured, on a 4-tuple whose connection is over.
fn succession_by_syn_ack(c: &Connection, s: &Segment, e: usize) -> Succession {
    let over = c.is_closed() || c.ends.iter().any(|p| p.state == State::TimeWait);
    let answers = c.ends[1 - e].syn_acked_by(s.ack) || c.ends[1 - e].state == State::SynSent;
    let held = c.held_syn.as_ref().is_some_and(|h| s.ack == h.seq + 1 && h.src == s.dst);
    let repeats = c.ends[e].iss == Some(s.seq);
    let tracked = c.ends[e].iss.is_some() || c.ends[1 - e].iss.is_some();
    // Its sender was in the middle of another connection, of which only this direction is captured.
    let one_sided = !c.ends[1 - e].was_seen() && c.ends[e].was_seen() && !c.ends[e].syn_seen;
    if held
        || (one_sided && c.ends[e].state.is_synchronized())
        || (over && !answers && !repeats && tracked && c.id != s.packet)
    {
        Succession::Incarnation
    } else {
        Succession::Same
    }
}

/// Windows repeats a refused SYN twice, half a second apart (tcp.md §1.9).
const SAME_SYN_AGAIN: Duration = Duration::from_secs(3);
/// Silent for so long, a connection can't be told from a dead one (tcp.md §1.9; RFC 9293 §3.8.4: 2 h keep-alive).
const DEAD_AFTER: Duration = Duration::from_secs(7200);
/// How long a server may still answer the attempt before (tcp.md §1.9).
const OLD_ATTEMPT_KEPT: Duration = Duration::from_secs(3);

/// Linux ends TIME_WAIT up to 3.5 % late: its timer wheel rounds up (tcp.md M21).
fn slack(config: &TrackConfig) -> Duration {
    Duration(config.two_msl.0 / 28)
}

/// A SYN that does not fit a live connection waits there for its answer.
fn hold(c: &mut Connection, s: &Segment, config: &TrackConfig, out: &mut dyn Tracked) {
    let e = c.end_of(&s.src);
    let again = c.held_syn.as_ref().is_some_and(|h| h.seq == s.seq && h.src == s.src);
    c.last_frame = s.packet;
    c.last = c.last.max(s.time);
    if again {
        c.take_note_of(s, e);
    } else {
        c.let_go_of_held_syn();
        c.held_syn = Some(Box::new(*s));
        c.challenged = None;
        let mut ctx = context(config, out, Some(s), s.time, s.packet);
        let ahead = s.seq.distance(c.next_of(e));
        c.tell(&mut ctx, e, Fact::SynWhileSynchronized { seq: s.seq, ahead });
    }
    out.on_taken(s, c);
}

/// A new connection takes the 4-tuple; the old one stays beside it as long as segments may belong to it.
fn succeed(
    slot: &mut Slot,
    s: &Segment,
    why: Succession,
    clock: Timestamp,
    config: &TrackConfig,
    out: &mut dyn Tracked,
) {
    let opens = |h: &Segment| {
        (h.seq == s.seq && h.src == s.src) || (s.flags.ack() && s.ack == h.seq + 1 && h.dst == s.src)
    };
    let held = slot.connection.held_syn.take_if(|h| opens(h));
    let first = held.as_deref().unwrap_or(s);
    let mut fresh = Connection::new(first);
    if why == Succession::Candidate {
        fresh.open.after_time_wait = true;
        inherit_time_wait(&mut fresh, &slot.connection, first);
    }
    fresh.open.challenged = slot.connection.challenged.is_some() && held.is_some();
    let old = std::mem::replace(&mut slot.connection, fresh);
    for end in 0..2 {
        let endpoint = slot.connection.ends[end].endpoint;
        slot.connection.ends[end].recent = old.ends[old.end_of(&endpoint)].recent;
    }
    {
        let mut ctx = context(config, out, Some(first), first.time, first.packet);
        slot.connection.tell(&mut ctx, 0, Fact::Opened);
        if held.is_some() {
            slot.connection.on_segment(first, &mut ctx);
        }
    }
    if let Some(previous) = slot.previous.take() {
        end(previous.connection, Ended::Reused, clock, config, out);
    }
    let mut previous = Box::new(Previous { connection: old, why });
    let by_holder = previous.connection.ends[previous.connection.end_of(&s.src)].state == State::TimeWait;
    if why == Succession::Incarnation {
        if held.is_some() {
            let mut ctx = context(config, out, Some(s), s.time, s.packet);
            previous.connection.tell(&mut ctx, previous.connection.end_of(&s.dst), Fact::SynTakenUp);
        }
        end(previous.connection, Ended::Reused, clock, config, out);
    } else if why == Succession::Candidate && by_holder {
        let mut ctx = context(config, out, Some(s), s.time, s.packet);
        take_over(&slot.connection, &mut previous.connection, s, true, None, &mut ctx);
        end(previous.connection, Ended::Reused, clock, config, out);
    } else {
        slot.previous = Some(previous);
    }
}

/// The end in TIME_WAIT is there, not in LISTEN, when the new SYN reaches it.
fn inherit_time_wait(fresh: &mut Connection, old: &Connection, s: &Segment) {
    let holder = old.end_of(&s.dst);
    if old.ends[holder].state == State::TimeWait {
        fresh.ends[1].state = State::TimeWait;
        fresh.ends[1].certainty = old.ends[holder].certainty;
    }
}

/// The 4-tuple in TIME_WAIT is used again; `answer` is the SYN+ACK where the holder was asked.
fn take_over(
    fresh: &Connection,
    old: &mut Connection,
    syn: &Segment,
    by_holder: bool,
    answer: Option<&Segment>,
    ctx: &mut Context<'_>,
) {
    let sender = old.end_of(&syn.src);
    let holder = if by_holder { sender } else { 1 - sender };
    let Some(interval) = old.current_time_wait(holder) else { return };
    let elapsed = ctx.at.since(interval.start);
    let last = old.ends[sender].space.max();
    let new_ts = syn.options.timestamps.map(|t| t.value).or(fresh.ends[0].ts_last);
    let old_ts = old.ends[sender].ts_last;
    // M10, M11: ISN = SND.NXT + 65537 of whichever end had the TIME_WAIT.
    let chosen = answer.map_or(syn.seq, |a| a.seq);
    let linux_isn = chosen == old.ends[holder].space.max() + 65_537;
    let fact = Fact::TimeWaitReused {
        elapsed,
        by_holder,
        isn_ahead: fresh.ends[0].iss.unwrap_or(syn.seq).distance(last),
        tsval_ahead: new_ts.zip(old_ts).map(|(new, old)| new.wrapping_sub(old) as i32),
        timestamps_new: new_ts.is_some() && old_ts.is_none(),
        linux_isn,
    };
    old.end_time_wait(holder, ctx.at, TimeWaitEnd::Reopened, ctx);
    fresh.tell(ctx, 0, fact);
}

/// A SYN+ACK answers the SYN on a 4-tuple in TIME_WAIT: the holder has let go.
fn settle_candidate(fresh: &Connection, previous: &mut Previous, s: &Segment, ctx: &mut Context<'_>) {
    let accepted = fresh.ends[0].syn_acked_by(s.ack) && fresh.ends[0].endpoint == s.dst;
    if previous.why == Succession::Attempt && accepted {
        let sender = previous.connection.end_of(&s.dst);
        previous.connection.tell(ctx, sender, Fact::SynTakenUp);
    }
    if previous.why != Succession::Candidate || !accepted {
        return;
    }
    let syn = Segment {
        src: s.dst,
        dst: s.src,
        seq: fresh.ends[0].iss.unwrap_or(s.ack - 1),
        options: Default::default(),
        ..*s
    };
    take_over(fresh, &mut previous.connection, &syn, false, Some(s), ctx);
    previous.why = Succession::Incarnation;
}

/// Whether a segment continues the connection before: its numbers fit that one better.
fn belongs_to_previous(new: &Connection, previous: &Previous, s: &Segment) -> bool {
    let old = &previous.connection;
    let from_new_client = new.end_of(&s.src) == 0;
    if s.flags.syn() {
        let answers = |c: &Connection| s.flags.ack() && c.ends[1 - c.end_of(&s.src)].syn_acked_by(s.ack);
        return !answers(new) && answers(old);
    }
    if s.flags.rst() && s.flags.ack() && !from_new_client && new.ends[0].syn_acked_by(s.ack) {
        return false;
    }
    misfit(old, s) < misfit(new, s)
}

/// How far a segment's numbers are from what a connection would send next.
fn misfit(c: &Connection, s: &Segment) -> u64 {
    let e = c.end_of(&s.src);
    let far = 1u64 << 31;
    let gap = |known: bool, a: crate::tcp::SeqNumber, b: crate::tcp::SeqNumber| {
        if known { u64::from(a.distance(b).unsigned_abs()) } else { far }
    };
    let by_seq = gap(c.ends[e].space.known(), s.seq, c.ends[e].space.max());
    let peer = &c.ends[1 - e].space;
    by_seq + if s.flags.ack() { gap(peer.known(), s.ack, peer.max()) } else { 0 }
}

/// A segment of the connection before, while another one asks for the 4-tuple.
fn give_previous(slot: &mut Slot, s: &Segment, config: &TrackConfig, out: &mut dyn Tracked) {
    let Some(previous) = &mut slot.previous else { return };
    let old = &mut previous.connection;
    let e = old.end_of(&s.src);
    let mut ctx = context(config, out, Some(s), s.time, s.packet);
    let refuses =
        previous.why == Succession::Candidate && s.is_pure_ack() && old.ends[e].state == State::TimeWait;
    if refuses {
        slot.connection.open.refused_by_time_wait = true;
        old.time_wait_refused(e, s, &mut ctx);
    }
    old.on_segment(s, &mut ctx);
    let holder_gone = old.ends[1 - e].state == State::Closed;
    let fresh = &mut slot.connection;
    let waiting = &mut fresh.ends[1];
    if s.flags.rst() && holder_gone && waiting.state == State::TimeWait {
        waiting.state = State::Listen;
        waiting.certainty = Certainty::Assumed;
    }
}

/// Lets go of the connection before once no segment can belong to it.
fn drop_previous(slot: &mut Slot, at: Timestamp, config: &TrackConfig, out: &mut dyn Tracked) {
    let Some(previous) = &slot.previous else { return };
    let old = &previous.connection;
    let over = match previous.why {
        Succession::Incarnation => true,
        Succession::Candidate => old.is_closed() && at.since(old.last) > config.linger,
        _ => at.since(slot.connection.first) > OLD_ATTEMPT_KEPT,
    };
    if over && let Some(previous) = slot.previous.take() {
        end(previous.connection, Ended::Reused, at, config, out);
    }
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
