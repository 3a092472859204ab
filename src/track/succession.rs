//! How connections follow each other on one 4-tuple: what a SYN means for the one that has it, and which of two a
//! segment belongs to (tcp.md §1.9).

use super::belonging::{is_of_another, refuses_held};
use super::connection::{Connection, Context, Observer, illegal};
use super::event::{Event, Fact};
use super::finish::Room;
use super::flow::FlowKey;
use super::frozen::History;
use super::record::{Ended, Record, TimeWaitEnd};
use crate::config::TrackConfig;
use crate::tcp::{Certainty, Duration, Endpoint, Segment, State, Timestamp};

/// Where what a partition sees goes.
pub trait Tracked: Observer {
    /// A connection ended at `at`.
    fn on_record(&mut self, record: Box<Record>, connection: &Connection, at: Timestamp);

    /// A record that is done with, for the room it has.
    fn spare(&mut self) -> Option<Box<Record>> {
        None
    }

    /// What was heard of this connection may be forgotten: it will be told again before anything else is.
    fn on_frozen(&mut self, connection: u64);

    /// A fact that was told before the connection was frozen.
    fn on_event_again(&mut self, event: &Event, connection: &Connection, segment: Option<&Segment>);

    /// Whether the endpoint is known to have sent a SYN+ACK.
    fn is_listener(&self, endpoint: &Endpoint) -> bool;
}

/// One connection in the table.
#[derive(Debug)]
pub(super) struct Slot {
    pub key: FlowKey,
    pub connection: Connection,
    /// The one before it on the same 4-tuple, while segments may still belong to that.
    pub previous: Option<Box<Previous>>,
    /// Its segments so far, while they are few.
    pub history: History,
    /// Seen by the eviction hand since the last segment.
    pub cold: bool,
}

impl Slot {
    /// Nothing but the connection matters: no other one on the 4-tuple, no segment of which it is open where it
    /// belongs.
    pub fn is_alone(&self) -> bool {
        self.previous.is_none() && self.connection.held_syn.is_none()
    }
}

/// A connection whose 4-tuple another has taken, or is trying to.
#[derive(Debug)]
pub(super) struct Previous {
    pub connection: Connection,
    pub why: Succession,
}

/// How a SYN relates to the connection that has its 4-tuple.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Succession {
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

pub(super) fn context<'a>(
    config: &'a TrackConfig,
    out: &'a mut dyn Tracked,
    segment: Option<&'a Segment>,
    at: Timestamp,
    frame: u64,
) -> Context<'a> {
    Context { config, observer: out, segment, at, frame }
}

pub(super) fn end(
    connection: &mut Connection,
    ended: Ended,
    at: Timestamp,
    config: &TrackConfig,
    out: &mut dyn Tracked,
) {
    connection.let_go_of_held_syn();
    let frame = connection.last_frame;
    let mut ctx = context(config, out, None, at, frame);
    connection.expire_time_wait(&mut ctx);
    connection.expire_half_open(&mut ctx);
    connection.tell(&mut ctx, 0, Fact::Ended);
    connection.end_life(&mut ctx);
    let mut spare = out.spare();
    let room = spare.as_deref_mut().map(Room::of).unwrap_or_default();
    let record = connection.record(ended, at, &|endpoint| out.is_listener(endpoint), room);
    let record = match spare {
        Some(mut place) => {
            *place = record;
            place
        }
        None => Box::new(record),
    };
    out.on_record(record, connection, at);
}

/// What a segment means for the connection that has its 4-tuple now.
pub(super) fn succession(c: &Connection, s: &Segment, config: &TrackConfig) -> Succession {
    if !s.flags.syn() {
        return if refuses_held(c, s) || is_of_another(c, s) {
            Succession::Incarnation
        } else {
            Succession::Same
        };
    }
    if illegal(s) || c.is_self_connected() {
        return Succession::Same;
    }
    let e = c.end_of(&s.src);
    if s.flags.ack() { succession_by_syn_ack(c, s, e) } else { succession_by_syn(c, s, e, config) }
}

pub(super) fn succession_by_syn(c: &Connection, s: &Segment, e: usize, config: &TrackConfig) -> Succession {
    let (end, peer) = (&c.ends[e], &c.ends[1 - e]);
    if c.id == s.packet || (end.state == State::Unknown && peer.state == State::Unknown) {
        return Succession::Same;
    }
    if end.iss == Some(s.seq) {
        let long_closed = end.state == State::Closed && s.time.since(c.last) > SAME_SYN_AGAIN;
        return if long_closed { Succession::Incarnation } else { Succession::Same };
    }
    if end.state == State::TimeWait && end.certainty == Certainty::Inferred && peer.state == State::LastAck {
        // The peer waits for its FIN to be acknowledged: this end may never have had it.
        return Succession::Held;
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
pub(super) fn first_syn_of_listener(c: &Connection, e: usize) -> bool {
    c.ends[e].state == State::Listen && c.ends[1 - e].state == State::SynSent
}

/// A SYN+ACK whose SYN was not captured, on a 4-tuple whose connection is over.
pub(super) fn succession_by_syn_ack(c: &Connection, s: &Segment, e: usize) -> Succession {
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
pub(super) fn slack(config: &TrackConfig) -> Duration {
    Duration(config.two_msl.0 / 28)
}

/// A SYN that does not fit a live connection waits there for its answer.
pub(super) fn hold(c: &mut Connection, s: &Segment, config: &TrackConfig, out: &mut dyn Tracked) {
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
        c.note_syn_guess(s);
        let ahead = s.seq.distance(c.next_of(e));
        c.tell(&mut ctx, e, Fact::SynWhileSynchronized { seq: s.seq, ahead });
    }
    out.on_taken(s, c);
}

/// A new connection takes the 4-tuple; the old one stays beside it as long as segments may belong to it.
pub(super) fn succeed(
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
    if let Some(mut previous) = slot.previous.take() {
        end(&mut previous.connection, Ended::Reused, clock, config, out);
    }
    let mut previous = Box::new(Previous { connection: old, why });
    let by_holder = previous.connection.ends[previous.connection.end_of(&s.src)].state == State::TimeWait;
    if why == Succession::Incarnation {
        if held.is_some() {
            let mut ctx = context(config, out, Some(s), s.time, s.packet);
            previous.connection.tell(&mut ctx, previous.connection.end_of(&s.dst), Fact::SynTakenUp);
        }
        let mut ctx = context(config, out, Some(s), s.time, s.packet);
        previous.connection.time_wait_was_over(&mut ctx);
        end(&mut previous.connection, Ended::Reused, clock, config, out);
    } else if why == Succession::Candidate && by_holder {
        let mut ctx = context(config, out, Some(s), s.time, s.packet);
        take_over(&slot.connection, &mut previous.connection, s, true, None, &mut ctx);
        if previous.connection.time_wait_due().is_some() {
            // The other end is in TIME_WAIT too, and its answer decides.
            slot.previous = Some(previous);
        } else {
            end(&mut previous.connection, Ended::Reused, clock, config, out);
        }
    } else {
        slot.previous = Some(previous);
    }
}

/// The end in TIME_WAIT is there, not in LISTEN, when the new SYN reaches it.
pub(super) fn inherit_time_wait(fresh: &mut Connection, old: &Connection, s: &Segment) {
    let holder = old.end_of(&s.dst);
    if old.ends[holder].state == State::TimeWait {
        fresh.ends[1].state = State::TimeWait;
        fresh.ends[1].certainty = old.ends[holder].certainty;
    }
}

/// The 4-tuple in TIME_WAIT is used again; `answer` is the SYN+ACK where the holder was asked.
pub(super) fn take_over(
    fresh: &Connection,
    old: &mut Connection,
    syn: &Segment,
    by_holder: bool,
    answer: Option<&Segment>,
    ctx: &mut Context<'_>,
) {
    let sender = old.end_of(&syn.src);
    let holder = if by_holder { sender } else { 1 - sender };
    old.meet_time_wait(ctx);
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
        capture_loss: old.capture_loss,
    };
    old.end_time_wait(holder, ctx.at, TimeWaitEnd::Reopened, ctx);
    fresh.tell(ctx, 0, fact);
}

/// A SYN+ACK answers the SYN on a 4-tuple in TIME_WAIT: the holder has let go.
pub(super) fn settle_candidate(
    fresh: &Connection,
    previous: &mut Previous,
    s: &Segment,
    ctx: &mut Context<'_>,
) {
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

/// The end asked was in TIME_WAIT, and shows otherwise than by a SYN+ACK that it is not any more.
pub(super) fn settle_unanswered(slot: &mut Slot, ctx: &mut Context<'_>) {
    let Some(previous) = &mut slot.previous else { return };
    let asked = &slot.connection.ends[1];
    let refuses = asked.state == State::Closed && slot.connection.open.refused.is_some();
    if previous.why == Succession::Candidate
        && (refuses || (asked.state.is_synchronized() && asked.state != State::TimeWait))
    {
        previous.connection.time_wait_was_over(ctx);
        previous.why = Succession::Incarnation;
    }
}

/// A segment of the connection before, while another one asks for the 4-tuple.
pub(super) fn give_previous(slot: &mut Slot, s: &Segment, config: &TrackConfig, out: &mut dyn Tracked) {
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
pub(super) fn drop_previous(slot: &mut Slot, at: Timestamp, config: &TrackConfig, out: &mut dyn Tracked) {
    let Some(previous) = &slot.previous else { return };
    let old = &previous.connection;
    let over = match previous.why {
        Succession::Incarnation => true,
        Succession::Candidate => old.is_closed() && at.since(old.last) > config.linger,
        _ => at.since(slot.connection.first) > OLD_ATTEMPT_KEPT,
    };
    if over && let Some(mut previous) = slot.previous.take() {
        end(&mut previous.connection, Ended::Reused, at, config, out);
    }
}
