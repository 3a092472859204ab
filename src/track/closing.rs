//! The close of a connection: FINs, their acknowledgments, half-close, and going on after a supposed end.

use super::connection::{Connection, Context};
use super::event::Fact;
use super::opening::SOONEST_REPETITION;
use super::packed::fields;
use super::record::{Reason, Role};
use crate::tcp::{Certainty::*, Duration, Segment, SeqNumber, State, Timestamp};

/// How a connection is being closed, as far as was seen; ends are indices.
#[derive(Debug, Default)]
pub struct CloseTrack {
    /// Who sent the first FIN.
    pub first_fin: Option<usize>,
    /// The FINs crossed.
    pub crossed: bool,
    /// The second FIN came in the segment that acknowledged the first.
    pub merged: bool,
    /// When the first FIN or RST was sent.
    pub began: Option<Timestamp>,
    /// The latest segment that took part in the close.
    pub latest: Option<Timestamp>,
    /// When the first FIN was acknowledged.
    pub half_closed_at: Option<Timestamp>,
    /// Payload bytes that the end which acknowledged it had sent until then.
    pub half_closed_bytes: u64,
    /// When the second FIN was sent.
    pub second_fin_at: Option<Timestamp>,
    /// Who sent the RST that ended it.
    pub reset_by: Option<usize>,
    /// When, and after a FIN or not.
    pub reset_at: Option<Timestamp>,
}

impl CloseTrack {
    pub(super) fn touch(&mut self, at: Timestamp) {
        self.began.get_or_insert(at);
        self.latest = Some(self.latest.map_or(at, |t| t.max(at)));
    }

    /// From the first FIN or RST to the latest segment of the close.
    pub fn duration(&self) -> Option<Duration> {
        Some(self.latest?.since(self.began?))
    }
}

impl Connection {
    /// A FIN leaves `e`; its acknowledgment part has been looked at.
    pub(super) fn send_fin(&mut self, s: &Segment, e: usize, ctx: &mut Context<'_>) {
        self.close.touch(s.time);
        match self.ends[e].fin_end {
            None => self.first_fin_of(s, e, ctx),
            Some(fin_end) if fin_end == s.end() => self.repeat_fin(s, e, ctx),
            Some(fin_end) => self.tell(ctx, e, Fact::FinMoved { fin_end, end: s.end() }),
        }
    }

    fn first_fin_of(&mut self, s: &Segment, e: usize, ctx: &mut Context<'_>) {
        let p = 1 - e;
        self.ends[e].fin_end = Some(s.end());
        self.ends[e].fin_first = Some(s.time);
        let has_peer_fin = self.ends[p].fin_acked_by(s.ack);
        if self.ends[p].fin_end.is_some() {
            self.close.second_fin_at = Some(s.time);
            self.close.crossed = !has_peer_fin;
            self.close.merged = has_peer_fin && self.close.half_closed_at.is_none_or(|t| t == s.time);
        } else {
            self.close.first_fin = Some(e);
        }
        match self.ends[e].state {
            State::CloseWait if has_peer_fin => self.step(e, State::LastAck, Observed, Reason::FinSent, ctx),
            State::CloseWait => {
                // The peer's FIN had passed, but this end had not got it when it sent its own.
                self.undo(e, ctx);
                self.step(e, State::FinWait1, Observed, Reason::FinSent, ctx);
                self.step(e, State::Closing, Inferred, Reason::FinReceived, ctx);
            }
            State::Established | State::SynReceived => {
                self.step(e, State::FinWait1, Observed, Reason::FinSent, ctx)
            }
            _ => {}
        }
    }

    /// A FIN again: what was inferred from its acknowledgment never reached its sender.
    fn repeat_fin(&mut self, s: &Segment, e: usize, ctx: &mut Context<'_>) {
        let p = 1 - e;
        self.tell(ctx, e, Fact::FinRepeated { count: self.ends[e].flow.fin });
        if self.ends[p].state == State::TimeWait {
            self.fin_came_again(p);
        }
        let inferred = self.ends[e].certainty == Inferred;
        match self.ends[e].state {
            State::FinWait2 if inferred => {
                self.undo_to(e, State::FinWait1, ctx);
            }
            State::Closed if inferred => {
                self.undo_to(e, State::LastAck, ctx);
            }
            State::TimeWait if inferred => {
                if self.undo_to(e, State::Closing, ctx) || !self.undo_to(e, State::FinWait1, ctx) {
                    return;
                }
                if self.ends[p].fin_acked_by(s.ack) {
                    self.step(e, State::Closing, Observed, Reason::FinAckSent, ctx);
                }
            }
            _ => {}
        }
    }

    /// Payload without a FIN: none may lie beyond one sent before.
    pub(super) fn send_after_fin(&mut self, s: &Segment, e: usize, ctx: &mut Context<'_>) {
        if let Some(fin_end) = self.ends[e].fin_end {
            // The FIN's own number carries no data: a segment up to it is a repetition, one past it is not.
            if s.end().after(fin_end - 1) && !self.is_keep_alive(s, 1 - e) {
                self.tell(ctx, e, Fact::DataAfterFin { fin_end, end: s.end() });
            }
        }
    }

    /// What `e` sends acknowledges the peer's FIN, so it has it.
    pub(super) fn send_ack_of_fin(&mut self, s: &Segment, e: usize, ctx: &mut Context<'_>) {
        let p = 1 - e;
        if !self.ends[p].fin_acked_by(s.ack) {
            return self.leave_fin_out(s, e);
        }
        self.close.touch(s.time);
        self.ends[p].fin_delivered = true;
        if self.close.half_closed_at.is_none() && self.close.second_fin_at.is_none() {
            self.close.half_closed_at = Some(s.time);
            self.close.half_closed_bytes = self.ends[e].flow.unique_bytes;
        }
        match self.ends[e].state {
            State::Established => self.step(e, State::CloseWait, Observed, Reason::FinAckSent, ctx),
            State::FinWait1 => self.step(e, State::Closing, Observed, Reason::FinAckSent, ctx),
            State::FinWait2 => {
                self.step(e, State::TimeWait, Observed, Reason::FinAckSent, ctx);
                self.start_time_wait(e, Observed, ctx);
            }
            State::CloseWait | State::Closing => self.confirm(e, ctx),
            State::TimeWait => self.ack_in_time_wait(e, ctx),
            _ => {}
        }
    }

    /// What `e` sends does not acknowledge the peer's FIN: perhaps all but the FIN, which must have reached it.
    fn leave_fin_out(&mut self, s: &Segment, e: usize) {
        let peer = &self.ends[1 - e];
        let Some(sent) = peer.fin_first.filter(|_| peer.fin_delivered) else { return };
        let path =
            if self.open.syn_ack_sender == Some(e) { self.open.server_rtt } else { self.open.client_rtt };
        let could_know = s.time.since(sent) >= path.unwrap_or(Duration::from_millis(200));
        if peer.fin_end == Some(s.ack + 1) && could_know {
            self.ends[e].fin_left_out = self.ends[e].fin_left_out.saturating_add(1);
        }
    }

    /// An acknowledgment passed toward `p`.
    pub(super) fn receive_ack(&mut self, s: &Segment, p: usize, ctx: &mut Context<'_>) {
        self.receive_ack_of_syn(s, p, ctx);
        self.ack_reaches_time_wait(s, p, ctx);
        if !self.ends[p].fin_acked_by(s.ack) || s.ack.after(self.ends[p].space.max()) {
            return;
        }
        self.fin_is_acked(p, ctx);
    }

    /// The ACK of its FIN reaches an end.
    fn fin_is_acked(&mut self, p: usize, ctx: &mut Context<'_>) {
        match self.ends[p].state {
            State::FinWait1 => self.step(p, State::FinWait2, Inferred, Reason::FinAckReceived, ctx),
            State::Closing => {
                self.step(p, State::TimeWait, Inferred, Reason::FinAckReceived, ctx);
                self.start_time_wait(p, Inferred, ctx);
            }
            State::LastAck => self.step(p, State::Closed, Inferred, Reason::FinAckReceived, ctx),
            _ => {}
        }
    }

    /// On Linux any ACK starts TIME_WAIT again (tcp_timewait_state_process in net/ipv4/tcp_minisocks.c).
    pub(super) fn ack_reaches_time_wait(&mut self, s: &Segment, p: usize, ctx: &mut Context<'_>) {
        if self.ends[p].state == State::TimeWait && ctx.config.any_ack_restarts_time_wait && s.is_pure_ack() {
            self.restart_time_wait(p, false, ctx);
        }
    }

    /// The sender's FIN counts for its peer once nothing before it is missing (RFC 9293 §3.10.7.4, eighth check).
    pub(super) fn deliver_fin(&mut self, s: &Segment, e: usize, ctx: &mut Context<'_>) {
        let p = 1 - e;
        let Some(fin_end) = self.ends[e].fin_end else { return };
        if self.ends[e].fin_delivered || self.ends[e].space.nxt().before(fin_end) {
            return;
        }
        self.ends[e].fin_delivered = true;
        self.close.touch(s.time);
        match self.ends[p].state {
            State::Established => self.step(p, State::CloseWait, Inferred, Reason::FinReceived, ctx),
            State::SynReceived => self.step(p, State::CloseWait, Inferred, Reason::FinReceived, ctx),
            State::FinWait1 => self.step(p, State::Closing, Inferred, Reason::FinReceived, ctx),
            State::FinWait2 => {
                self.step(p, State::TimeWait, Inferred, Reason::FinReceived, ctx);
                self.start_time_wait(p, Inferred, ctx);
            }
            State::Unknown => self.step(p, State::CloseWait, Assumed, Reason::FinReceived, ctx),
            _ => {}
        }
    }

    /// The first FIN of `e`, and its ACK was captured just before it: sooner than a stack would repeat a FIN.
    pub(super) fn fin_acked_before(&mut self, s: &Segment, e: usize, ctx: &mut Context<'_>) {
        let p = 1 - e;
        let of_syn = self.ends[e].iss.is_some_and(|iss| s.end() == iss + 1);
        let is_first = s.flags.fin() && self.ends[e].fin_first == Some(s.time) && !of_syn;
        let acked = |ack| self.ends[e].fin_acked_by(ack);
        if !is_first || !self.ends[p].ack_max.is_some_and(acked) {
            return;
        }
        if self.ends[p].last_sent.is_none_or(|at| s.time.since(at) >= SOONEST_REPETITION) {
            return;
        }
        match self.ends[p].state {
            State::CloseWait | State::Closing => self.confirm(p, ctx),
            State::TimeWait => self.ack_in_time_wait(p, ctx),
            _ => {}
        }
        self.fin_is_acked(e, ctx);
    }

    /// An end that seemed closed speaks. True where that proves it never was, and the segment counts.
    pub(super) fn revive(&mut self, s: &Segment, e: usize, ctx: &mut Context<'_>) -> bool {
        let Some(reason) = self.steps.last(e).map(|step| step.reason) else { return true };
        match reason {
            Reason::FinAckReceived => s.flags.fin() || s.payload_len > 0,
            Reason::ResetSent | Reason::ResetReceived => self.revive_after_reset(s, e, ctx),
            _ => false,
        }
    }

    /// A pure ACK with the numbers of the connection, while a SYN that does not fit is unanswered: a challenge.
    pub(super) fn note_challenge(&mut self, s: &Segment, e: usize, ctx: &mut Context<'_>) {
        let Some(held) = &self.held_syn else { return };
        let from_other = self.end_of(&held.src) != e;
        let old_numbers = self.ends[e].ack_max == Some(s.ack) && s.seq == self.ends[e].space.max();
        if s.is_pure_ack() && from_other && old_numbers && self.challenged.is_none() {
            self.challenged = Some((s.ack, s.time));
            self.tell(ctx, e, Fact::ChallengeAck);
        }
    }

    /// The role of an end, by what is known now; without any knowledge the first sender is the client.
    pub fn role(&self, end: usize) -> Role {
        if self.client().unwrap_or(0) == end { Role::Client } else { Role::Server }
    }

    /// Whether `s`, sent to `p`, probes whether the connection is alive (RFC 9293 §3.8.4).
    pub(super) fn is_keep_alive(&self, s: &Segment, p: usize) -> bool {
        let end = &self.ends[1 - p];
        let before_next = end.space.known() && s.seq == end.space.max() - 1;
        before_next
            && s.payload_len <= 1
            && !s.flags.fin()
            && s.flags.ack()
            && end.all_acked(self.ends[p].ack_max)
    }

    /// Where an end's next new byte would be.
    pub(super) fn next_of(&self, end: usize) -> SeqNumber {
        self.ends[end].space.max()
    }
}

fields!(CloseTrack {
    small [first_fin crossed merged reset_by]
    row [began: 5 latest: 5 half_closed_at: 5 second_fin_at: 5]
    row [half_closed_bytes: 3]
    row [reset_at: 5]
    part []
});
