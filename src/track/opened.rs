//! The end of an opening: what an end sends first after its SYN, and what that proves (tcp.md §1.5 tables A and B).

use super::connection::{Connection, Context};
use super::event::Fact;
use super::record::Reason;
use super::shape::OpenShape;
use crate::tcp::{Certainty::*, Segment, SeqNumber, State};

impl Connection {
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

    /// Payload, or an acknowledgment of more than the SYN+ACK acknowledged, needs an open connection: the final ACK
    /// was not captured. With TCP Fast Open payload needs none (RFC 7413 §4.2.2), and a FIN is sent from here too.
    fn speak_in_syn_received(&mut self, s: &Segment, e: usize, ctx: &mut Context<'_>) -> bool {
        let fast_open = self.open.labels.has(OpenShape::TfoAccepted);
        let speaks = s.payload_len > 0 && !fast_open;
        let heard = s.flags.ack() && self.ends[e].ack_max.is_some_and(|ack| s.ack.after(ack));
        let peer_ack = self.ends[1 - e].ack_max;
        let crossed = self.open.labels.has(OpenShape::SimultaneousOpen);
        if crossed && peer_ack.is_some_and(|ack| self.ends[e].syn_acked_by(ack)) {
            self.step(e, State::Established, Observed, Reason::AckSent, ctx);
        } else if speaks || heard {
            if !s.flags.fin() {
                self.step(e, State::Established, Assumed, Reason::Midstream, ctx);
            }
            // The final ACK was there, only not captured: its entry has left the SYN queue.
            self.half_open_taken(s.time, e, ctx);
        }
        true
    }

    /// An acknowledgment of its SYN passed toward `p`: a listener's handshake is complete.
    pub(super) fn receive_ack_of_syn(&mut self, s: &Segment, p: usize, ctx: &mut Context<'_>) {
        let waits = self.ends[p].state == State::SynReceived;
        if !(waits || self.is_half_open()) || !self.ends[p].syn_acked_by(s.ack) {
            return;
        }
        if !waits {
            // It sent its FIN before any such ACK was captured.
            return self.half_open_completed(s.time, p, ctx);
        }
        self.complete_handshake(s, p, ctx);
    }

    /// The server `p` has the client's ACK.
    pub(super) fn complete_handshake(&mut self, s: &Segment, p: usize, ctx: &mut Context<'_>) {
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
