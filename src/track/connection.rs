//! `Connection`: two peers; each segment is something one end sends and the other receives (tcp.md §1.5).

use std::net::IpAddr;

use super::closing::CloseTrack;
use super::event::{Event, Fact};
use super::figures::AckRun;
use super::half_open::HalfOpenTrack;
use super::life::LifeTrack;
use super::opening::OpenTrack;
use super::packed::written;
use super::peer::{AckJump, Peer};
use super::record::{Reason, RoleBasis};
use super::reset::ResetMemo;
use super::signs::Signs;
use super::steps::Steps;
use super::stray::Stray;
use super::time_wait::Interval;
use super::wireshark::Completeness;
use super::zeek::ZeekTrack;
use crate::config::TrackConfig;
use crate::tcp::{Certainty, Duration, Endpoint, Flags, Segment, SeqNumber, State, Timestamp};

/// Told of every fact as it is seen. The rules are one; the engine's merge is another.
pub trait Observer {
    /// A fact about a connection; `segment` is `None` for timers and at the end.
    fn on_event(&mut self, event: &Event, connection: &Connection, segment: Option<&Segment>);

    /// A connection took in a segment; told after every fact about it.
    fn on_taken(&mut self, _segment: &Segment, _connection: &Connection) {}
}

/// What the handling of one segment or timer needs beside the connection.
pub(super) struct Context<'a> {
    pub config: &'a TrackConfig,
    pub observer: &'a mut dyn Observer,
    pub segment: Option<&'a Segment>,
    pub at: Timestamp,
    pub frame: u64,
}

/// Two peers with their states and RFC variables.
#[derive(Debug)]
pub struct Connection {
    /// Number of its first packet.
    pub id: u64,
    /// Number of its latest packet.
    pub last_frame: u64,
    /// Time of its first packet.
    pub first: Timestamp,
    /// Highest time of its packets.
    pub last: Timestamp,
    /// The two ends; 0 is the sender of the first packet.
    pub ends: [Peer; 2],
    /// How it was opened, so far.
    pub open: OpenTrack,
    /// How it is being closed, so far.
    pub close: CloseTrack,
    /// What use is made of it, so far.
    pub life: LifeTrack,
    pub(super) client: Option<(usize, RoleBasis)>,
    pub(super) steps: Steps,
    pub(super) time_waits: Vec<Interval>,
    pub(super) half_open: Option<HalfOpenTrack>,
    pub(super) reset: Option<ResetMemo>,
    pub(super) signs: Option<Box<Signs>>,
    pub(super) held_syn: Option<Box<Segment>>,
    pub(super) challenged: Option<(SeqNumber, Timestamp)>,
    pub(super) zeek: ZeekTrack,
    pub(super) completeness: Completeness,
    pub(super) requests: u32,
    pub(super) last_payload_from: Option<usize>,
    pub(super) first_payload_from: Option<usize>,
    pub(super) capture_loss: bool,
    pub(super) duplicated: bool,
    pub(super) truncated: bool,
    pub(super) offload: bool,
    pub(super) abnormal: bool,
    pub(super) ack_loop: AckRun,
    pub(super) stray: Stray,
    /// How far its packets' times lie behind the highest time of the capture.
    pub(super) lag: Duration,
}

impl Connection {
    pub(super) fn new(s: &Segment) -> Self {
        let mut connection = Self::between([s.src, s.dst]);
        (connection.id, connection.last_frame) = (s.packet, s.packet);
        (connection.first, connection.last) = (s.time, s.time);
        connection.stray = Stray::of(s);
        connection
    }

    /// Nothing seen of it, not even its first segment.
    #[inline]
    pub(super) fn between([a, b]: [Endpoint; 2]) -> Self {
        Self {
            id: 0,
            last_frame: 0,
            first: Timestamp::MIN,
            last: Timestamp::MIN,
            ends: [Peer::new(a), Peer::new(b)],
            open: OpenTrack::default(),
            close: CloseTrack::default(),
            life: LifeTrack::default(),
            client: None,
            steps: Steps::default(),
            time_waits: Vec::new(),
            half_open: None,
            reset: None,
            signs: None,
            held_syn: None,
            challenged: None,
            zeek: ZeekTrack::default(),
            completeness: Completeness::default(),
            requests: 0,
            last_payload_from: None,
            first_payload_from: None,
            capture_loss: false,
            duplicated: false,
            truncated: false,
            offload: false,
            abnormal: false,
            ack_loop: AckRun::default(),
            stray: Stray::Explained,
            lag: Duration::ZERO,
        }
    }

    /// Becomes a connection that begins with this segment, in the room of this one. Field by field: a whole one would
    /// be made elsewhere first, and two kilobytes of it moved here.
    pub(super) fn begin_anew(&mut self, s: &Segment) {
        #[rustfmt::skip]
        let Self {
            id, last_frame, first, last, ends, open, close, life, client, steps, time_waits, half_open, reset, signs,
            held_syn, challenged, zeek, completeness, requests, last_payload_from, first_payload_from, capture_loss,
            duplicated, truncated, offload, abnormal, ack_loop, stray, lag,
        } = self;
        (*id, *last_frame, *first, *last) = (s.packet, s.packet, s.time, s.time);
        for (end, endpoint) in ends.iter_mut().zip([s.src, s.dst]) {
            end.begin_anew(endpoint);
        }
        *open = OpenTrack::default();
        *close = CloseTrack::default();
        *life = LifeTrack::default();
        *client = None;
        steps.clear();
        time_waits.clear();
        (*half_open, *reset, *signs, *held_syn, *challenged) = (None, None, None, None, None);
        zeek.clear();
        *completeness = Completeness::default();
        (*requests, *last_payload_from, *first_payload_from) = (0, None, None);
        (*capture_loss, *duplicated, *truncated, *offload, *abnormal) = (false, false, false, false, false);
        *ack_loop = AckRun::default();
        *stray = Stray::of(s);
        *lag = Duration::ZERO;
    }

    /// The index of the end that is the client, if anything told by now.
    pub fn client(&self) -> Option<usize> {
        self.client.map(|(end, _)| end)
    }

    /// Whether something was acknowledged that was not captured.
    pub fn capture_loss(&self) -> bool {
        self.capture_loss
    }

    /// Whether both ends were open at once, as far as what stands tells.
    pub fn was_open(&self) -> bool {
        let opened = |end: usize| self.steps.standing(end).any(|s| s.to == State::Established);
        opened(0) && opened(1)
    }

    /// The index of the end with this endpoint; 0 where both ends are the same.
    pub fn end_of(&self, endpoint: &Endpoint) -> usize {
        usize::from(self.ends[0].endpoint != *endpoint)
    }

    /// Both ends are one endpoint (a LAND packet, or a connection to oneself): directions can't be told apart.
    pub fn is_self_connected(&self) -> bool {
        self.ends[0].endpoint == self.ends[1].endpoint
    }

    /// Neither end is in a state that a further segment could end.
    pub fn is_closed(&self) -> bool {
        let done = |p: &Peer| matches!(p.state, State::Closed | State::Listen | State::Unknown);
        done(&self.ends[0]) && done(&self.ends[1])
    }

    /// Takes in one segment.
    pub(super) fn on_segment(&mut self, s: &Segment, ctx: &mut Context<'_>) {
        let e = self.end_of(&s.src);
        self.last_frame = s.packet;
        self.last = self.last.max(s.time);
        self.notable(s, e, ctx);
        self.note_stray(s, e, ctx);
        self.take_note_of(s, e);
        let repeats = self.ends[e].flow.retransmissions;
        let accepted = !illegal(s) && !to_group(s) && !self.is_self_connected();
        if !accepted {
            self.abnormal = true;
            if illegal(s) {
                self.tell(ctx, e, Fact::FlagsRefused);
            }
        } else if s.flags.rst() {
            self.on_rst(s, e, ctx);
        } else {
            self.advance(s, e, ctx);
        }
        if accepted {
            self.note_life(s, e, self.ends[e].flow.retransmissions > repeats, ctx);
        }
        self.ends[e].last_sent = Some(s.time);
        ctx.observer.on_taken(s, self);
    }

    /// What needs no state: counts, and the words of others.
    pub(super) fn take_note_of(&mut self, s: &Segment, e: usize) {
        self.zeek.on_segment(s, e, &self.ends);
        self.completeness.on_segment(s);
        self.count(s, e);
    }

    /// The SYN that waits for its answer belongs here after all.
    pub(super) fn let_go_of_held_syn(&mut self) {
        if let Some(syn) = self.held_syn.take() {
            let e = self.end_of(&syn.src);
            self.take_note_of(&syn, e);
        }
    }

    /// The parts of RFC 9293 §3.10.7.4 in their order: what sending proves, then what receiving causes.
    fn advance(&mut self, s: &Segment, e: usize, ctx: &mut Context<'_>) {
        if self.signs.is_some() {
            self.note_answer_to_signs(s, e);
        }
        if s.flags.syn() {
            self.settle_jump(s, e, ctx);
            self.send_syn(s, e, ctx);
            self.note_window(s, e, ctx);
            self.receive_syn(s, 1 - e, ctx);
            self.account(s, e, ctx);
            return;
        }
        if self.ends[e].state == State::Closed && !self.revive(s, e, ctx) {
            self.account(s, e, ctx);
            self.ack_reaches_time_wait(s, 1 - e, ctx);
            return;
        }
        self.settle_jump(s, e, ctx);
        if !self.send_in_opening(s, e, ctx) {
            self.ends[e].acks.push(s.ack);
            self.account(s, e, ctx);
            return;
        }
        if s.flags.ack() {
            if s.payload_len > 0 {
                self.note_blind_data(s, e);
            }
            self.note_ack(s, e, ctx);
        }
        self.account(s, e, ctx);
        self.note_window(s, e, ctx);
        if s.flags.ack() {
            self.send_ack_of_fin(s, e, ctx);
        }
        if s.flags.fin() {
            self.send_fin(s, e, ctx);
        } else if s.payload_len > 0 {
            self.send_after_fin(s, e, ctx);
        }
        if s.flags.ack() {
            self.receive_ack(s, 1 - e, ctx);
        }
        self.deliver_fin(s, e, ctx);
        self.fin_acked_before(s, e, ctx);
        self.note_challenge(s, e, ctx);
    }

    /// What an acknowledgment tells: believed if something captured explains it, else kept until its sender's
    /// next segment decides (tcp.md §1.7).
    fn note_ack(&mut self, s: &Segment, e: usize, ctx: &mut Context<'_>) {
        let p = 1 - e;
        let before = self.ends[e].ack_max;
        self.ends[e].acks.push(s.ack);
        if let Some((_, right)) = s.options.sack.as_slice().first() {
            let highest = self.ends[e].sack_right.map_or(*right, |r| r.max(*right));
            self.ends[e].sack_right = Some(highest);
        }
        if !self.ends[p].space.known() {
            self.ends[p].space.start(s.ack);
        }
        let max = self.ends[p].space.max();
        let beyond = s.ack.distance(max);
        if beyond > 0 {
            let known_as_probe = self.ends[p].last_was_keep_alive || self.ends[p].last_was_probe;
            let probe = beyond == 1 && (known_as_probe || self.may_have_begun_with_probe(p));
            if probe {
                self.ends[p].space.place(max, 1);
            } else {
                self.jump(s, e, (max, before));
                let plausible = self.ends[e].window.max.max(65_535);
                if beyond as u32 > plausible {
                    return;
                }
            }
        }
        self.ends[e].ack_max = Some(before.map_or(s.ack, |a| a.max(s.ack)));
        let acked = before.is_none_or(|a| s.ack.after(a));
        if acked && before.is_some() && self.ends[p].state == State::Unknown {
            // Only this direction is captured, and it acknowledges more and more: the other end is there.
            self.step(p, State::Established, Certainty::Assumed, Reason::Midstream, ctx);
        }
        if acked && !self.ends[p].space.max().before(s.ack) {
            let unseen = self.ends[p].space.acknowledged(s.ack);
            if unseen > 0 {
                self.capture_loss = true;
                self.zeek.on_gap(p);
                let bytes = u32::try_from(unseen).unwrap_or(u32::MAX);
                self.tell(ctx, p, Fact::AckedUnseen { bytes, confirmed: true });
            }
        }
        if acked && let Some(sent) = self.ends[p].rtt.acked(s.ack) {
            self.ends[p].flow.rtt.add(s.time.since(sent));
        }
    }

    /// All that was captured of an end is one empty segment, in the midst of the connection: a keep-alive has the number
    /// before the next, so that is what it was where one more is acknowledged.
    fn may_have_begun_with_probe(&self, end: usize) -> bool {
        let p = &self.ends[end];
        p.iss.is_none() && p.flow.segments == 1 && p.flow.segments_without_payload == 1 && p.flow.fin == 0
    }

    fn jump(&mut self, s: &Segment, e: usize, (old, ack_max_before): (SeqNumber, Option<SeqNumber>)) {
        let p = 1 - e;
        match &mut self.ends[p].jump {
            Some(jump) => jump.ack = jump.ack.max(s.ack),
            none => *none = Some(AckJump { old, ack: s.ack, ack_max_before }),
        }
    }

    /// The end whose data was acknowledged unseen speaks again: from beyond it, or still from before.
    fn settle_jump(&mut self, s: &Segment, e: usize, ctx: &mut Context<'_>) {
        let Some(jump) = self.ends[e].jump else { return };
        if s.seq.after(jump.old) || s.flags.rst() {
            self.ends[e].jump = None;
            self.capture_loss = true;
            self.zeek.on_gap(e);
            let bytes = jump.ack.distance(jump.old).max(0) as u32;
            let reached = s.seq.min(jump.ack);
            let ack_max = self.ends[1 - e].ack_max;
            self.ends[1 - e].ack_max = Some(ack_max.map_or(reached, |a| a.max(reached)));
            self.ends[e].space.place(reached, 0);
            self.ends[e].space.acknowledged(reached);
            self.tell(ctx, e, Fact::AckedUnseen { bytes, confirmed: true });
        } else if s.is_empty() && s.seq == jump.old {
            self.ends[e].jump = None;
            self.ends[1 - e].ack_max = jump.ack_max_before;
            let growing = self.ends[1 - e].count_unsent(jump.ack);
            self.tell(ctx, 1 - e, Fact::AckOfUnsent { ack: jump.ack, max: jump.old, growing });
        } else if !s.end().before(jump.ack) {
            self.ends[e].jump = None;
        }
    }

    /// Moves an end to a state.
    pub(super) fn step(
        &mut self,
        end: usize,
        to: State,
        certainty: Certainty,
        reason: Reason,
        ctx: &mut Context<'_>,
    ) {
        let from = self.ends[end].state;
        let flags = ctx.segment.map_or(Flags(0), |s| s.flags);
        let bound = ctx.config.max_transitions;
        self.steps.push(bound, end, (from, to), certainty, reason, ctx.frame, ctx.at, flags);
        self.ends[end].state = to;
        self.ends[end].certainty = certainty;
        self.tell(ctx, end, Fact::Stepped { from, to, certainty, reason });
        self.note_live(ctx);
    }

    /// The end's own segment proves the state it was inferred to be in.
    pub(super) fn confirm(&mut self, end: usize, ctx: &Context<'_>) {
        if self.ends[end].certainty != Certainty::Observed {
            self.ends[end].certainty = Certainty::Observed;
            self.steps.confirm(end, ctx.frame);
        }
    }

    /// The latest step of an end is disproved: it is where it was before.
    pub(super) fn undo(&mut self, end: usize, ctx: &mut Context<'_>) {
        let from = self.ends[end].state;
        let Some(step) = self.steps.undo_last(end, ctx.frame) else { return };
        self.ends[end].state = step.from;
        self.ends[end].certainty = match self.steps.last(end) {
            Some(before) => before.certainty_now(),
            None => Certainty::Assumed,
        };
        if from == State::TimeWait {
            self.cancel_time_wait(end, ctx);
        }
        self.tell(ctx, end, Fact::RolledBack { from, to: step.from });
        self.note_live(ctx);
    }

    /// Undoes steps of an end, latest first, until it stands in `state`; false, and nothing done, if it never did.
    pub(super) fn undo_to(&mut self, end: usize, state: State, ctx: &mut Context<'_>) -> bool {
        if !self.steps.standing(end).any(|s| s.from == state) {
            return false;
        }
        while self.ends[end].state != state {
            self.undo(end, ctx);
        }
        true
    }

    /// Tells the observer a fact.
    pub(super) fn tell(&self, ctx: &mut Context<'_>, end: usize, fact: Fact) {
        let event = Event { at: ctx.at, frame: ctx.frame, end, fact };
        ctx.observer.on_event(&event, self, ctx.segment);
    }

    fn notable(&mut self, s: &Segment, e: usize, ctx: &mut Context<'_>) {
        let o = &s.options;
        let odd = s.faults.0 != 0 || o.faults.0 != 0 || s.urgent != 0;
        let of_syn = o.mss.is_some() || o.sack_permitted || o.window_scale.is_some() || o.fast_open.is_some();
        if odd || s.flags.any(Flags::SYN | Flags::URG) || of_syn {
            self.tell(ctx, e, Fact::NotableHeader);
        }
        if s.flags.has(Flags::URG) {
            self.ends[e].urgent = Some(s.seq + u32::from(s.urgent));
        }
    }
}

/// A SYN to many hosts at once, which none may answer (RFC 9293 §3.9.2.3, MUST-57).
fn to_group(s: &Segment) -> bool {
    let group = match s.dst.addr {
        IpAddr::V4(a) => a.is_multicast() || a.is_broadcast(),
        IpAddr::V6(a) => a.is_multicast(),
    };
    s.flags.syn() && (group || s.ip.link_broadcast)
}

/// Flags that no state machine acts on (rules FL001 and FL002 say why): no flag at all, SYN with FIN or RST, FIN
/// with RST, or neither ACK, SYN nor RST.
pub(super) fn illegal(s: &Segment) -> bool {
    let f = s.flags;
    let contradiction =
        f.has(Flags::SYN | Flags::FIN) || f.has(Flags::SYN | Flags::RST) || f.has(Flags::FIN | Flags::RST);
    contradiction || !f.any(Flags::ACK | Flags::SYN | Flags::RST)
}

written!(Connection {
    small [
        client last_payload_from first_payload_from completeness stray capture_loss duplicated truncated offload abnormal
    ]
    row [first: 5 lag: 0 last_frame: 4 requests: 1]
    part [ends open close life steps time_waits half_open zeek reset challenged ack_loop]
    beside [id last signs held_syn]
});
