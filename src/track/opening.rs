//! The opening of a connection: SYN, SYN+ACK, the final ACK, and their odd variants (tcp.md §1.5 tables A and B).

use super::closing::CloseTrack;
use super::connection::{Connection, Context};
use super::event::Fact;
use super::gaps::Gaps;
use super::half_open::HalfOpenTrack;
use super::packed::{Plain, Small, fields};
use super::record::{Reason, RoleBasis};
use super::shape::OpenShape;
use super::steps::Step;
use crate::tcp::{Certainty::*, Duration, Segment, State, Timestamp};

/// How a connection was opened, as far as was seen.
#[derive(Debug, Default)]
pub struct OpenTrack {
    /// Shapes that apply.
    pub labels: Labels,
    /// SYNs sent again.
    pub syn_retransmissions: u32,
    /// SYN+ACKs sent again.
    pub syn_ack_retransmissions: u32,
    /// Of these, ones sent when a valid final ACK must have reached the server.
    pub syn_acks_after_ack: u32,
    /// Of these, ones sent when payload of the client must have reached it too.
    pub syn_acks_after_data: u32,
    /// Payload bytes of the first SYN.
    pub syn_payload: u32,
    /// The first SYN came on a 4-tuple in TIME_WAIT.
    pub after_time_wait: bool,
    /// A RST refused the SYN.
    pub refused: Option<Timestamp>,
    /// The final ACK, or what stands for it, passed.
    pub done: Option<Timestamp>,
    /// Packet of the latest SYN.
    pub syn_frame: Option<u64>,
    /// Latest SYN.
    pub syn_at: Option<Timestamp>,
    /// First SYN+ACK.
    pub first_syn_ack_at: Option<Timestamp>,
    /// Latest SYN+ACK.
    pub syn_ack_at: Option<Timestamp>,
    /// SYN to SYN+ACK.
    pub server_rtt: Option<Duration>,
    /// SYN+ACK to ACK.
    pub client_rtt: Option<Duration>,
    /// The first packet with payload from the client before any SYN+ACK.
    pub early_data_frame: Option<u64>,
    /// Payload bytes it sent so.
    pub early_data_bytes: u32,
    /// The SYN was answered with an ACK of the connection before it, which is in TIME_WAIT.
    pub refused_by_time_wait: bool,
    /// The gaps between the SYNs sent again; `None` while there was none, as for nearly all connections.
    pub syn_gaps: Option<Box<Gaps>>,
    /// The gaps between the SYN+ACKs sent again.
    pub syn_ack_gaps: Option<Box<Gaps>>,
    pub(super) syn_ack_sender: Option<usize>,
    pub(super) final_ack_wrong: bool,
    pub(super) withdrawn: bool,
    /// The SYN had been answered: by a challenge for a connection that its sender had lost.
    pub(super) challenged: bool,
}

/// No stack sends a SYN+ACK or a FIN again sooner: Linux, the hastiest, has a least timeout of 200 ms (TCP_RTO_MIN).
pub(super) const SOONEST_REPETITION: Duration = Duration::from_millis(200);

/// A set of opening shapes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Labels(u16);

impl Labels {
    /// Adds a shape.
    pub fn add(&mut self, shape: OpenShape) {
        self.0 |= 1 << shape as u16;
    }

    /// Takes a shape back.
    fn remove(&mut self, shape: OpenShape) {
        self.0 &= !(1 << shape as u16);
    }

    /// Whether it holds the shape.
    pub fn has(self, shape: OpenShape) -> bool {
        self.0 & (1 << shape as u16) != 0
    }
}

impl Connection {
    /// A SYN or SYN+ACK leaves `e`.
    pub(super) fn send_syn(&mut self, s: &Segment, e: usize, ctx: &mut Context<'_>) {
        if s.flags.ack() {
            self.send_syn_ack(s, e, ctx)
        } else {
            self.send_plain_syn(s, e, ctx)
        }
        self.note_offer(s, e, ctx);
        self.ends[e].syn_seen = true;
    }

    fn send_plain_syn(&mut self, s: &Segment, e: usize, ctx: &mut Context<'_>) {
        let p = 1 - e;
        if self.ends[e].iss == Some(s.seq) {
            return self.repeat_syn(s, e, ctx);
        }
        match self.ends[e].state {
            State::Unknown | State::Closed | State::Listen | State::TimeWait => {
                if self.ends[p].state == State::SynSent && self.ends[e].state == State::Listen {
                    self.open.labels.add(OpenShape::SimultaneousOpen);
                } else if self.ends[p].state == State::Unknown {
                    self.listen(p);
                }
                self.begin(s, e);
                self.client.get_or_insert((e, RoleBasis::Syn));
                self.ends[e].state =
                    if self.ends[e].state == State::Listen { State::Listen } else { State::Closed };
                self.step(e, State::SynSent, Observed, Reason::SynSent, ctx);
            }
            _ => {}
        }
    }

    /// What a first SYN says of its sender's numbers.
    fn begin(&mut self, s: &Segment, e: usize) {
        let end = &mut self.ends[e];
        end.iss = Some(s.seq);
        end.space.start(s.seq + 1);
        end.window.scale = s.options.window_scale.map(|w| w.min(14));
        if !s.flags.ack() {
            self.open.syn_at = Some(s.time);
            self.open.syn_frame = Some(s.packet);
            if s.payload_len > 0 {
                self.open.syn_payload = s.payload_len;
                self.open.labels.add(OpenShape::SynData);
            }
        }
    }

    /// Waits for connections, as far as can be known.
    fn listen(&mut self, end: usize) {
        self.ends[end].state = State::Listen;
        self.ends[end].certainty = Assumed;
    }

    fn repeat_syn(&mut self, s: &Segment, e: usize, ctx: &mut Context<'_>) {
        if !self.ends[e].syn_seen {
            return self.reordered_syn(s, e, ctx);
        }
        let gap = self.open.syn_at.map_or(Duration::ZERO, |t| s.time.since(t));
        self.open.syn_at = Some(s.time);
        self.open.syn_frame = Some(s.packet);
        self.open.syn_retransmissions += 1;
        let count = self.open.syn_retransmissions;
        self.open.syn_gaps.get_or_insert_default().add(gap);
        if !self.open.challenged {
            self.tell(ctx, e, Fact::SynRepeated { gap, count });
            if self.open.first_syn_ack_at.is_none() && self.open.refused.is_none() {
                self.tell(ctx, e, Fact::SynUnanswered);
            }
        }
        match (self.ends[e].state, self.ends[e].certainty) {
            // It has not received the SYN+ACK that passed toward it.
            (State::Established, Inferred) => {
                self.undo_to(e, State::SynSent, ctx);
            }
            // Refused, and trying again with the same number (Windows does, tcp.md §1.9).
            (State::Closed, _) => {
                if self.open.refused.is_some() {
                    self.close = CloseTrack::default();
                }
                self.step(e, State::SynSent, Observed, Reason::SynSent, ctx)
            }
            _ => {}
        }
    }

    /// The SYN whose SYN+ACK was captured first.
    fn reordered_syn(&mut self, s: &Segment, e: usize, ctx: &mut Context<'_>) {
        self.open.labels.add(OpenShape::Reordered);
        self.client = Some((e, RoleBasis::Syn));
        self.ends[e].window.scale = s.options.window_scale.map(|w| w.min(14));
        self.open.syn_at = Some(s.time);
        if self.ends[e].state == State::SynSent {
            self.confirm(e, ctx);
        }
    }

    fn send_syn_ack(&mut self, s: &Segment, e: usize, ctx: &mut Context<'_>) {
        let p = 1 - e;
        if !self.ends[p].was_seen() && self.ends[p].iss.is_none() {
            self.syn_was_missed(s, p, ctx);
        }
        self.accept_after_refusal(s, e, ctx);
        // The SYN was not acted on: nothing says what it would take to answer it.
        let Some(expected) = self.ends[p].iss.map(|iss| iss + 1) else { return };
        if !self.ends[p].syn_acked_by(s.ack) {
            self.tell(ctx, e, Fact::SynAckWrongAck { expected, ack: s.ack });
            self.ends[e].acks.push(s.ack);
            return;
        }
        self.ends[e].acks.push(s.ack);
        self.ends[e].ack_max = Some(self.ends[e].ack_max.map_or(s.ack, |a| a.max(s.ack)));
        self.tell_syn_ack(s, e, ctx);
        let other = self.ends[e].iss.is_some_and(|iss| iss != s.seq);
        if other && self.ends[e].state != State::Closed && !self.was_forged(s, e, ctx) {
            return self.second_syn_ack(s, e, ctx);
        }
        self.time_syn_ack(s, e);
        if self.is_cancelled_in_vain(s, e) {
            self.undo(e, ctx);
            self.half_open_again(e, ctx);
        }
        match (self.ends[e].state, self.ends[e].certainty) {
            (State::Unknown | State::Closed | State::Listen | State::TimeWait, _) => {
                self.begin(s, e);
                self.syn_ack_sent(s, e, ctx);
            }
            (State::SynSent, _) => {
                // Its own SYN crossed the peer's.
                self.step(e, State::SynReceived, Observed, Reason::SynAckSent, ctx);
            }
            (State::SynReceived, Inferred | Assumed) => self.confirm(e, ctx),
            (State::SynReceived, Observed) => self.repeat_syn_ack(s, e, ctx),
            (State::Established, Inferred | Assumed) if self.ends[e].syn_seen => {
                self.back_to_syn_received(s, e, ctx)
            }
            (State::Established, Assumed) => self.back_to_syn_received(s, e, ctx),
            _ => self.repeat_syn_ack(s, e, ctx),
        }
    }

    /// The RST toward the server did not reach it, or was not its client's: it repeats its SYN+ACK, unasked. Where the
    /// SYN was not captured nobody knows whether it was asked again.
    fn is_cancelled_in_vain(&self, s: &Segment, e: usize) -> bool {
        let cancelled = |step: &Step| step.to == State::Listen && step.reason == Reason::ResetReceived;
        self.ends[e].state == State::Listen
            && self.ends[e].iss == Some(s.seq)
            && self.ends[1 - e].state == State::Closed
            && self.ends[1 - e].syn_seen
            && self.steps.last(e).is_some_and(cancelled)
    }

    fn tell_syn_ack(&self, s: &Segment, e: usize, ctx: &mut Context<'_>) {
        let client_isn = self.ends[1 - e].iss.unwrap_or(s.ack - 1);
        let tsval = s.options.timestamps.map(|t| t.value);
        let layout = s.options.layout;
        self.tell(ctx, e, Fact::SynAckSent { client_isn, isn: s.seq, tsval, layout });
    }

    /// A SYN+ACK without a SYN: there was one.
    fn syn_was_missed(&mut self, s: &Segment, p: usize, ctx: &mut Context<'_>) {
        self.open.labels.add(OpenShape::SynMissing);
        self.client = Some((p, RoleBasis::SynAck));
        self.ends[p].iss = Some(s.ack - 1);
        self.ends[p].space.start(s.ack);
        if matches!(self.ends[p].state, State::Unknown | State::Listen | State::Closed) {
            self.ends[p].state = State::Closed;
            self.step(p, State::SynSent, Inferred, Reason::SynSent, ctx);
        }
    }

    fn syn_ack_sent(&mut self, s: &Segment, e: usize, ctx: &mut Context<'_>) {
        self.client.get_or_insert((1 - e, RoleBasis::SynAck));
        self.open.syn_ack_sender = Some(e);
        if self.ends[e].state == State::Unknown {
            self.listen(e);
        }
        if self.open.syn_payload > 0 {
            let accepted = self.ends[1 - e].iss.is_some_and(|iss| s.ack.after(iss + 1));
            self.open.labels.add(if accepted { OpenShape::TfoAccepted } else { OpenShape::TfoIgnored });
        }
        self.step(e, State::SynReceived, Observed, Reason::SynAckSent, ctx);
        if self.half_open.is_none() {
            self.half_open = Some(HalfOpenTrack::new(s.time));
            self.tell(ctx, e, Fact::HalfOpenEntered { again: None });
        }
    }

    fn time_syn_ack(&mut self, s: &Segment, e: usize) {
        if self.open.first_syn_ack_at.is_none() {
            self.open.first_syn_ack_at = Some(s.time);
            let syn_seen = self.ends[1 - e].syn_seen;
            self.open.server_rtt = self.open.syn_at.filter(|_| syn_seen).map(|t| s.time.since(t));
        }
    }

    /// A SYN+ACK again: its sender has not seen the final ACK, or not taken it.
    fn repeat_syn_ack(&mut self, s: &Segment, e: usize, ctx: &mut Context<'_>) {
        let p = 1 - e;
        let after_established = self.ends[e].state != State::SynReceived;
        let gap = self.open.syn_ack_at.map_or(Duration::ZERO, |t| s.time.since(t));
        self.open.syn_ack_retransmissions += 1;
        self.open.syn_ack_gaps.get_or_insert_default().add(gap);
        let count = self.open.syn_ack_retransmissions;
        if let Some(entry) = &mut self.half_open {
            entry.repeated(s.time, gap);
        }
        self.half_open_late(e, ctx);
        let after_ack = self.open.done.is_some();
        // The ACK needs its time to the server, and the SYN+ACK its own back.
        let way = self.open.server_rtt.unwrap_or(Duration::ZERO);
        if self.open.done.is_some_and(|t| s.time.since(t) > way) {
            self.open.syn_acks_after_ack += 1;
            let has_data = self.ends[p].last_payload.is_some_and(|t| s.time.since(t) > way);
            self.open.syn_acks_after_data += u32::from(has_data);
        }
        self.tell(ctx, e, Fact::SynAckRepeated { gap, count, after_ack, after_established });
        // A client that said nothing since the first SYN+ACK may never have got it.
        let silent = !self.ends[p].spoke_after_syn;
        if !after_established
            && silent
            && self.ends[p].state == State::Established
            && self.ends[p].certainty == Inferred
        {
            self.open.withdrawn = true;
            // To SYN_SENT, or where SYNs crossed to SYN_RECEIVED.
            self.undo(p, ctx);
        }
    }

    /// A SYN+ACK from an end that seemed to be ESTABLISHED: it is in SYN_RECEIVED still.
    fn back_to_syn_received(&mut self, s: &Segment, e: usize, ctx: &mut Context<'_>) {
        let crossed = self.open.labels.has(OpenShape::SimultaneousOpen);
        if self.undo_to(e, State::SynReceived, ctx) {
            self.repeat_syn_ack(s, e, ctx);
            self.half_open_again(e, ctx);
        } else if crossed && self.undo_to(e, State::SynSent, ctx) {
            self.step(e, State::SynReceived, Observed, Reason::SynAckSent, ctx);
            self.step(e, State::Established, Inferred, Reason::AckReceived, ctx);
        } else if self.undo_to(e, State::Listen, ctx) {
            self.begin(s, e);
            self.syn_ack_sent(s, e, ctx);
            self.answered_before_captured(s, e, ctx);
        }
    }

    /// The client's ACK was captured before the SYN+ACK that it answers: sooner after it than a stack repeats one.
    fn answered_before_captured(&mut self, s: &Segment, e: usize, ctx: &mut Context<'_>) {
        let p = 1 - e;
        let opened = self.steps.standing(p).find(|step| step.to == State::Established);
        let soon = opened.is_some_and(|step| s.time.since(step.at) < SOONEST_REPETITION);
        if soon && self.ends[p].ack_max.is_some_and(|ack| self.ends[e].syn_acked_by(ack)) {
            self.open.labels.remove(OpenShape::SynAckMissing);
            self.open.labels.add(OpenShape::Reordered);
            self.complete_handshake(s, e, ctx);
        }
    }

    fn second_syn_ack(&mut self, s: &Segment, e: usize, ctx: &mut Context<'_>) {
        let first = self.ends[e].iss.unwrap_or(s.seq);
        let gap = self.open.syn_ack_at.map_or(Duration::ZERO, |t| s.time.since(t));
        if self.ends[e].state == State::SynReceived {
            self.ends[e].second_iss = Some(s.seq);
        }
        self.tell(ctx, e, Fact::SynAckIsnChanged { first, second: s.seq, gap });
    }

    /// What this end seemed to have sent before its SYN+ACK has other numbers: it was not this end's.
    fn was_forged(&mut self, s: &Segment, e: usize, ctx: &mut Context<'_>) -> bool {
        let guessed = !self.ends[e].syn_seen && self.ends[1 - e].syn_seen;
        if !guessed || self.ends[e].iss == Some(s.seq) || !self.undo_to(e, State::Listen, ctx) {
            return false;
        }
        self.ends[e].fin_end = None;
        self.close = CloseTrack::default();
        true
    }

    /// A SYN or SYN+ACK passed toward `p`.
    pub(super) fn receive_syn(&mut self, s: &Segment, p: usize, ctx: &mut Context<'_>) {
        if !s.flags.ack() {
            if self.ends[p].state == State::SynSent {
                self.open.labels.add(OpenShape::SimultaneousOpen);
                self.step(p, State::SynReceived, Inferred, Reason::SynReceived, ctx);
            }
            return;
        }
        let acceptable = self.ends[p].syn_acked_by(s.ack) && self.ends[1 - p].iss == Some(s.seq);
        if acceptable {
            self.open.syn_ack_at = Some(s.time);
        }
        match self.ends[p].state {
            State::SynSent if acceptable && !self.open.withdrawn => {
                self.step(p, State::Established, Inferred, Reason::SynAckReceived, ctx);
            }
            State::SynReceived if acceptable && !self.open.withdrawn => {
                self.step(p, State::Established, Inferred, Reason::SynAckReceived, ctx);
            }
            _ => {}
        }
    }
}

impl Plain for Labels {
    fn plain() -> Self {
        Self::default()
    }
}

impl Small for Labels {
    const BITS: u32 = 16;

    fn small(&self) -> u64 {
        u64::from(self.0)
    }

    fn of_small(bits: u64) -> Self {
        Self(bits as u16)
    }
}

fields!(OpenTrack {
    small [syn_ack_sender labels after_time_wait refused_by_time_wait final_ack_wrong withdrawn challenged]
    row [syn_at: 5 first_syn_ack_at: 4 syn_ack_at: 4 server_rtt: 4 client_rtt: 4 done: 4 syn_frame: 4]
    row [
        refused: 0 syn_retransmissions: 0 syn_ack_retransmissions: 0 syn_acks_after_ack: 0 syn_acks_after_data: 0
        syn_payload: 0 early_data_frame: 0 early_data_bytes: 0
    ]
    part [syn_gaps syn_ack_gaps]
});
