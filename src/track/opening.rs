//! The opening of a connection: SYN, SYN+ACK, the final ACK, and their odd variants (tcp.md §1.5 tables A and B).

use super::connection::{Connection, Context};
use super::event::Fact;
use super::gaps::Gaps;
use super::half_open::HalfOpenTrack;
use super::packed::{Plain, Small, fields};
use super::record::{Reason, RoleBasis};
use super::shape::OpenShape;
use crate::tcp::{Certainty::*, Duration, Segment, SeqNumber, State, Timestamp};

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

/// A set of opening shapes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Labels(u16);

impl Labels {
    /// Adds a shape.
    pub fn add(&mut self, shape: OpenShape) {
        self.0 |= 1 << shape as u16;
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
            (State::Closed, _) => self.step(e, State::SynSent, Observed, Reason::SynSent, ctx),
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
        if self.ends[e].iss.is_some_and(|iss| iss != s.seq) && self.ends[e].state != State::Closed {
            return self.second_syn_ack(s, e, ctx);
        }
        self.time_syn_ack(s, e);
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
            self.tell(ctx, e, Fact::HalfOpenEntered { again: false });
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
            self.undo_to(p, State::SynSent, ctx);
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
            State::SynReceived if acceptable => {
                self.step(p, State::Established, Inferred, Reason::SynAckReceived, ctx);
            }
            _ => {}
        }
    }

    /// An ACK, data or FIN leaves an end that has not shown to be synchronized. False: it proves nothing, and is
    /// not to be acted on.
    pub(super) fn send_in_opening(&mut self, s: &Segment, e: usize, ctx: &mut Context<'_>) -> bool {
        match (self.ends[e].state, self.ends[e].certainty) {
            (State::Unknown, _) => self.speak_midstream(s, e, ctx),
            (State::Listen | State::TimeWait, _) if self.ends[1 - e].state == State::SynSent => {
                self.answer_unopened(s, e, ctx)
            }
            (State::Listen, _) => {
                self.step(e, State::Established, Assumed, Reason::Midstream, ctx);
                true
            }
            (State::SynSent, _) => self.finish_as_client(s, e, ctx),
            (State::SynReceived, _) => self.speak_in_syn_received(s, e, ctx),
            (State::Established, Inferred) if self.is_unproven_client(e) => self.finish_as_client(s, e, ctx),
            (State::Established, Inferred) => {
                self.confirm(e, ctx);
                self.half_open_taken(s.time, e, ctx);
                true
            }
            _ => true,
        }
    }

    fn is_unproven_client(&self, e: usize) -> bool {
        !self.ends[e].spoke_after_syn && self.open.syn_ack_sender != Some(e)
    }

    fn speak_midstream(&mut self, s: &Segment, e: usize, ctx: &mut Context<'_>) -> bool {
        if self.id == s.packet || self.ends[1 - e].state == State::Unknown {
            self.open.labels.add(OpenShape::Midstream);
        }
        self.ends[e].spoke_after_syn = true;
        self.step(e, State::Established, Assumed, Reason::Midstream, ctx);
        true
    }

    /// A listener answers a SYN with something else than a SYN+ACK: the old connection's ACK, or its SYN+ACK was
    /// not captured.
    fn answer_unopened(&mut self, s: &Segment, e: usize, ctx: &mut Context<'_>) -> bool {
        let p = 1 - e;
        if !self.ends[p].syn_acked_by(s.ack) {
            return false;
        }
        if s.is_pure_ack() {
            // Odd stacks acknowledge the SYN first and send their own SYN after it.
            return false;
        }
        self.open.labels.add(OpenShape::SynAckMissing);
        self.ends[e].iss.get_or_insert(s.seq - 1);
        self.step(e, State::Established, Assumed, Reason::Midstream, ctx);
        true
    }

    /// The client's first segment after its SYN.
    fn finish_as_client(&mut self, s: &Segment, e: usize, ctx: &mut Context<'_>) -> bool {
        let p = 1 - e;
        if self.open.first_syn_ack_at.is_none()
            && !self.ends[p].syn_seen
            && self.ends[p].state != State::Established
        {
            return self.syn_ack_was_missed(s, e, ctx);
        }
        if self.ends[p].second_iss.is_some_and(|iss| s.ack == iss + 1) {
            self.take_second_syn_ack(p);
        }
        if self.is_wrong_final_ack(s, e) {
            if !self.open.final_ack_wrong {
                self.open.final_ack_wrong = true;
                let expected_ack = self.ends[p].iss.map_or(s.ack, |iss| iss + 1);
                let expected_seq = self.ends[e].iss.map_or(s.seq, |iss| iss + 1);
                self.tell(ctx, e, Fact::FinalAckWrong { expected_ack, ack: s.ack, expected_seq, seq: s.seq });
            }
            return false;
        }
        self.ends[e].spoke_after_syn = true;
        if self.ends[e].state == State::Established {
            self.confirm(e, ctx);
        } else {
            self.step(e, State::Established, Observed, Reason::AckSent, ctx);
        }
        // Both ends of a simultaneous open send a SYN+ACK (RFC 9293 figure 7).
        let crossed = self.open.labels.has(OpenShape::SimultaneousOpen);
        if crossed && self.client() == Some(p) && self.ends[e].ack_max.is_none() {
            self.tell(ctx, e, Fact::SplitHandshake);
        }
        true
    }

    /// Neither the SYN+ACK's number plus one nor anything that its sender sent since; what is beyond counts as
    /// lost data only where the client has moved on itself.
    fn is_wrong_final_ack(&self, s: &Segment, e: usize) -> bool {
        let (end, peer) = (&self.ends[e], &self.ends[1 - e]);
        let (Some(iss), Some(peer_iss)) = (end.iss, peer.iss) else { return false };
        let first_pure = s.payload_len == 0 && s.seq == iss + 1;
        let bad_ack = !s.ack.after(peer_iss) || (s.ack.after(peer.space.max()) && first_pure);
        let bad_seq =
            s.is_pure_ack() && s.seq != iss + 1 && s.seq != end.space.nxt() && s.seq.before(iss + 1);
        bad_ack || bad_seq
    }

    fn take_second_syn_ack(&mut self, p: usize) {
        if let Some(iss) = self.ends[p].second_iss.take() {
            self.ends[p].iss = Some(iss);
            self.ends[p].space.start(iss + 1);
        }
    }

    /// The client goes on though no SYN+ACK was captured.
    fn syn_ack_was_missed(&mut self, s: &Segment, e: usize, ctx: &mut Context<'_>) -> bool {
        let p = 1 - e;
        // Payload that acknowledges nothing was sent before any SYN+ACK came.
        let has_learned = s.flags.ack() && (s.ack != SeqNumber(0) || s.payload_len == 0);
        if !has_learned || self.ends[e].iss.is_some_and(|iss| !s.seq.after(iss)) {
            if s.payload_len > 0 {
                self.open.early_data_frame.get_or_insert(s.packet);
                self.open.early_data_bytes = self.open.early_data_bytes.saturating_add(s.payload_len);
                self.tell(ctx, e, Fact::EarlyData { bytes: s.payload_len });
            }
            return false;
        }
        self.open.labels.add(OpenShape::SynAckMissing);
        self.ends[e].spoke_after_syn = true;
        self.step(e, State::Established, Observed, Reason::AckSent, ctx);
        if !self.ends[p].was_seen() {
            self.ends[p].iss = Some(s.ack - 1);
            self.ends[p].space.start(s.ack);
            self.step(p, State::Established, Assumed, Reason::Midstream, ctx);
        }
        true
    }

    fn speak_in_syn_received(&mut self, s: &Segment, e: usize, ctx: &mut Context<'_>) -> bool {
        let acked = self.ends[1 - e].iss.is_some_and(|iss| s.ack.after(iss + 1));
        let speaks = s.payload_len > 0 || s.flags.fin() || (s.flags.ack() && acked);
        if !speaks || self.open.labels.has(OpenShape::TfoAccepted) {
            return true;
        }
        if !s.flags.fin() {
            self.step(e, State::Established, Assumed, Reason::Midstream, ctx);
        }
        // The final ACK was there, only not captured: its entry has left the SYN queue.
        self.half_open_taken(s.time, e, ctx);
        true
    }

    /// An acknowledgment of its SYN passed toward `p`: a listener's handshake is complete.
    pub(super) fn receive_ack_of_syn(&mut self, s: &Segment, p: usize, ctx: &mut Context<'_>) {
        if self.ends[p].state != State::SynReceived || !self.ends[p].syn_acked_by(s.ack) {
            return;
        }
        self.step(p, State::Established, Inferred, Reason::AckReceived, ctx);
        if self.open.done.is_none() {
            self.open.done = Some(s.time);
            self.open.client_rtt = self.open.syn_ack_at.map(|t| s.time.since(t));
        }
        self.half_open_completed(s.time, p, ctx);
        let syn = self.ends[1 - p].offer.map(|o| o.signature);
        self.tell(ctx, p, Fact::HandshakeDone { syn });
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
