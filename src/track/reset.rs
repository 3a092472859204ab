//! RST: would its receiver act on it, and did it (RFC 9293 §3.10.7.4, RFC 5961 §3, tcp.md §1.8).

use super::connection::{Connection, Context};
use super::event::{Fact, ResetClass};
use super::packed::fields;
use super::record::{HalfOpenEnd, Reason, RoleBasis, TimeWaitEnd};
use super::shape::OpenShape;
use crate::tcp::{Certainty::*, Duration, Segment, SeqNumber, State, Timestamp};

/// The RST that closed the connection, to be taken back if an end goes on.
#[derive(Clone, Copy, Debug)]
pub(super) struct ResetMemo {
    pub frame: u64,
    pub at: Timestamp,
    pub seq: SeqNumber,
    pub sender: usize,
    pub id: Option<u16>,
    pub ttl: u8,
}

impl ResetMemo {
    fn of(s: &Segment, sender: usize) -> Self {
        Self { frame: s.packet, at: s.time, seq: s.seq, sender, id: s.ip.id, ttl: s.ip.ttl }
    }
}

/// A server that answers a SYN so soon after a RST did not send the RST (tcp.md §5.3, AT012).
const RECONSIDERS: Duration = Duration::from_secs(2);
/// What the capture may have put in a wrong order.
const AT_ONCE: Duration = Duration::from_millis(1);

/// Where a RST's sequence number lies for its receiver.
struct Aim {
    low: SeqNumber,
    high: SeqNumber,
    right: SeqNumber,
    exact: bool,
    in_window: bool,
}

impl Connection {
    /// A RST passes from `e` to its peer.
    pub(super) fn on_rst(&mut self, s: &Segment, e: usize, ctx: &mut Context<'_>) {
        let p = 1 - e;
        let reply = !s.flags.ack() && self.ends[p].acks.contains(s.seq);
        self.settle_reset_of_holder(e, ctx);
        match self.ends[p].state {
            State::SynSent => self.rst_in_syn_sent(s, e, ctx),
            State::Closed if self.ends[e].state.is_synchronized() => {
                self.note_reset_again(s, false);
                self.reset_sent(e, ctx)
            }
            State::Listen | State::Unknown | State::Closed => self.rst_without_connection(s, e, ctx),
            _ if self.is_accept_abort(s, e) => self.accept_abort(s, e, ctx),
            _ => {
                let aim = self.aim(s, e);
                if aim.exact {
                    self.exact_rst(s, e, ctx);
                } else if !reply {
                    self.note_reset(s, e, false);
                    self.note_reset_guess(s);
                    let class = if aim.in_window { ResetClass::InWindow } else { ResetClass::Outside };
                    let Aim { low, high, right, .. } = aim;
                    self.tell(ctx, e, Fact::ResetRefused { class, seq: s.seq, low, high, right });
                }
            }
        }
    }

    /// A holder of TIME_WAIT that sends a RST has no TIME_WAIT any more.
    fn settle_reset_of_holder(&mut self, e: usize, ctx: &mut Context<'_>) {
        if self.ends[e].state == State::TimeWait {
            self.end_time_wait(e, ctx.at, TimeWaitEnd::Gone, ctx);
        }
    }

    fn reset_sent(&mut self, e: usize, ctx: &mut Context<'_>) {
        if self.ends[e].state != State::Closed {
            self.step(e, State::Closed, Observed, Reason::ResetSent, ctx);
        }
    }

    /// The peer has nothing that could be reset.
    fn rst_without_connection(&mut self, s: &Segment, e: usize, ctx: &mut Context<'_>) {
        let p = 1 - e;
        self.note_reset_again(s, false);
        let answers_syn = s.flags.ack() && s.seq == SeqNumber(0);
        if answers_syn && self.client.is_none() {
            self.client = Some((p, RoleBasis::Refusal));
            if self.ends[p].iss.is_none() && !self.ends[p].was_seen() {
                self.ends[p].iss = Some(s.ack - 1);
                self.open.refused = Some(s.time);
            }
        }
        let refuses_syn_ack = !s.flags.ack() && self.ends[p].acks.contains(s.seq);
        if self.ends[e].state == State::SynSent && refuses_syn_ack {
            // RFC 9293 figure 8: the SYN+ACK answered an old SYN; the connection goes on.
            return self.open.labels.add(OpenShape::OldDuplicateRecovered);
        }
        if self.ends[e].state == State::SynSent {
            self.open.labels.add(OpenShape::ClientCancelled);
            self.close.touch(s.time);
        }
        self.reset_sent(e, ctx);
    }

    fn rst_in_syn_sent(&mut self, s: &Segment, e: usize, ctx: &mut Context<'_>) {
        let p = 1 - e;
        if s.flags.ack() && self.ends[p].syn_acked_by(s.ack) {
            let rtt = self.open.syn_at.map_or(Duration::ZERO, |t| s.time.since(t));
            self.note_reset(s, e, true);
            self.reset = Some(ResetMemo::of(s, e));
            self.open.refused = Some(s.time);
            self.open.server_rtt.get_or_insert(rtt);
            self.close.touch(s.time);
            self.reset_sent(e, ctx);
            self.step(p, State::Closed, Inferred, Reason::ResetReceived, ctx);
            self.end_half_open(s.time, HalfOpenEnd::Aborted, ctx);
            self.tell(ctx, e, Fact::Refused { rtt });
            return;
        }
        let server = &self.ends[e];
        if server.state == State::SynReceived && server.iss.is_some_and(|iss| s.seq == iss + 1) {
            // It gives its half-open connection up; whether the client ever got the SYN+ACK is not known.
            self.note_reset_again(s, false);
            self.reset_sent(e, ctx);
            return self.end_half_open(s.time, HalfOpenEnd::Aborted, ctx);
        }
        let iss = self.ends[p].iss.unwrap_or(s.seq);
        let class = ResetClass::SynSent;
        self.tell(ctx, e, Fact::ResetRefused { class, seq: s.seq, low: iss, high: iss, right: iss });
    }

    fn aim(&self, s: &Segment, e: usize) -> Aim {
        let (end, peer) = (&self.ends[e], &self.ends[1 - e]);
        let first = end.iss.map(|iss| iss + 1);
        let Some(low) = peer.ack_max.or(first) else {
            return Aim { low: s.seq, high: s.seq, right: s.seq, exact: true, in_window: false };
        };
        let reached = if end.space.known() { end.space.max() } else { low };
        let high = reached.max(low);
        let right = peer.window.right.unwrap_or(high + 65_535).max(high);
        let between = !s.seq.before(low) && !s.seq.after(high);
        // One below ends no TIME_WAIT (tcp.md M23).
        let before_fin = end.fin_end.is_some() && s.seq == high - 1 && peer.state != State::TimeWait;
        let exact = between || before_fin || peer.sack_right == Some(s.seq);
        Aim { low, high, right, exact, in_window: s.seq.after(high) && s.seq.before(right) }
    }

    /// A stack whose accept queue is full answers the final ACK so (tcp.md M7).
    fn is_accept_abort(&self, s: &Segment, e: usize) -> bool {
        let server = &self.ends[e];
        let soon = self.open.done.is_some_and(|t| s.time.since(t) <= Duration::from_secs(1));
        let first = server.iss.is_some_and(|iss| s.seq == iss + 1);
        self.open.syn_ack_sender == Some(e)
            && !s.flags.ack()
            && first
            && soon
            && server.flow.payload_bytes == 0
            && server.fin_end.is_none()
            && self.ends[1 - e].fin_end.is_none()
            && server.state == State::Established
    }

    fn accept_abort(&mut self, s: &Segment, e: usize, ctx: &mut Context<'_>) {
        self.undo_to(e, State::SynReceived, ctx);
        if !self.is_given_up() {
            self.half_open_again(e, ctx);
            self.end_half_open(s.time, HalfOpenEnd::Aborted, ctx);
            self.tell(ctx, e, Fact::AcceptAborted);
        }
        self.remember_reset(s, e);
        self.reset_sent(e, ctx);
        self.step(1 - e, State::Closed, Inferred, Reason::ResetReceived, ctx);
    }

    fn exact_rst(&mut self, s: &Segment, e: usize, ctx: &mut Context<'_>) {
        let p = 1 - e;
        if self.ends[p].state == State::SynReceived && self.open.syn_ack_sender == Some(p) {
            self.open.labels.add(OpenShape::ClientCancelled);
            self.reset_sent(e, ctx);
            self.step(p, State::Listen, Inferred, Reason::ResetReceived, ctx);
            self.end_half_open(s.time, HalfOpenEnd::Cancelled, ctx);
            self.close.touch(s.time);
            return;
        }
        if self.ends[p].state == State::TimeWait {
            self.end_time_wait(p, ctx.at, TimeWaitEnd::Assassinated, ctx);
            if self.ends[e].state == State::LastAck {
                // It did not wait for its FIN to be acknowledged.
                self.close.touch(s.time);
                self.close.reset_by = Some(e);
                self.close.reset_at = Some(s.time);
            }
            self.reset_sent(e, ctx);
            self.step(p, State::Closed, Inferred, Reason::ResetReceived, ctx);
            return;
        }
        self.note_reset(s, e, true);
        let idle = self.desynchronized_idle(s, e);
        self.tell_reset(s, e, idle, ctx);
        self.remember_reset(s, e);
        self.reset_sent(e, ctx);
        self.step(p, State::Closed, Inferred, Reason::ResetReceived, ctx);
        self.end_half_open(
            s.time,
            if self.open.syn_ack_sender == Some(e) { HalfOpenEnd::Aborted } else { HalfOpenEnd::Cancelled },
            ctx,
        );
    }

    /// The RST answers a challenge to this end's SYN within a second: it had lost the connection.
    fn desynchronized_idle(&self, s: &Segment, e: usize) -> Option<Duration> {
        let (ack, at) = self.challenged?;
        let held = self.held_syn.as_ref()?;
        let soon = s.time.since(at) <= Duration::from_secs(1);
        let since = self.ends[e].last_payload.or(self.ends[1 - e].last_payload).unwrap_or(self.first);
        (soon && s.seq == ack && self.end_of(&held.src) == e).then(|| held.time.since(since))
    }

    fn tell_reset(&mut self, s: &Segment, e: usize, idle: Option<Duration>, ctx: &mut Context<'_>) {
        let p = 1 - e;
        if let Some(idle) = idle {
            return self.tell(ctx, e, Fact::Desynchronized { idle });
        }
        let pending = self.unacknowledged(p);
        let fact = Fact::Reset {
            receiver: self.ends[p].state,
            with_ack: s.flags.ack(),
            after_own_fin: self.ends[e].fin_end.is_some(),
            after_peer_fin: self.ends[p].fin_end.is_some(),
            is_reply: !s.flags.ack() && self.ends[p].acks.is_latest(s.seq),
            unacknowledged: pending,
            seq: s.seq,
            ttl_step: self.ends[e].ttl.map_or(0, |usual| i16::from(s.ip.ttl) - i16::from(usual)),
        };
        self.tell(ctx, e, fact);
    }

    /// Bytes of `p` that its peer has not acknowledged; a FIN's number is none.
    fn unacknowledged(&self, p: usize) -> u32 {
        let (end, last) = (&self.ends[p], self.ends[p].space.max());
        let Some(acked) = self.ends[1 - p].ack_max else {
            return u32::try_from(end.flow.unique_bytes).unwrap_or(u32::MAX);
        };
        let fin = u32::from(end.fin_end == Some(last) && last.after(acked));
        last.distance(acked).max(0) as u32 - fin
    }

    fn remember_reset(&mut self, s: &Segment, e: usize) {
        self.close.touch(s.time);
        self.close.reset_by = Some(e);
        self.close.reset_at = Some(s.time);
        self.reset = Some(ResetMemo::of(s, e));
    }

    /// The end that had refused the SYN answers it with a SYN+ACK, without having been asked again: it never refused.
    pub(super) fn accept_after_refusal(&mut self, s: &Segment, e: usize, ctx: &mut Context<'_>) {
        let p = 1 - e;
        let refused = |memo: &ResetMemo| {
            memo.sender == e && s.time.since(memo.at) <= RECONSIDERS && s.time > memo.at + AT_ONCE
        };
        let Some(memo) = self.reset.filter(refused) else { return };
        let waits = self.ends[p].state == State::Closed && self.ends[p].syn_acked_by(s.ack);
        if self.open.refused != Some(memo.at) || self.open.first_syn_ack_at.is_some() || !waits {
            return;
        }
        self.open.refused = None;
        self.undo_reset(e, ctx);
        self.undo_reset(p, ctx);
        self.forged(s, e, &memo, ctx);
        self.reset = None;
    }

    /// The RST was not sent by the end it names.
    fn forged(&mut self, s: &Segment, e: usize, memo: &ResetMemo, ctx: &mut Context<'_>) {
        self.note_went_on(s, s.time.since(memo.at));
        let usual = self.ends[e].ttl.unwrap_or(memo.ttl);
        let ttl_step = i16::from(memo.ttl) - i16::from(usual);
        self.tell(ctx, e, Fact::ResetNotObeyed { reset_frame: memo.frame, by_sender: true, ttl_step });
    }

    /// An end closed by a RST goes on. True where the RST is taken back.
    pub(super) fn revive_after_reset(&mut self, s: &Segment, e: usize, ctx: &mut Context<'_>) -> bool {
        let Some(memo) = self.reset else { return false };
        let by_sender = memo.sender == e;
        let obeyed =
            if by_sender { !self.sender_goes_on(s, &memo) } else { !self.receiver_goes_on(s, e, &memo) };
        if obeyed {
            return false;
        }
        self.undo_reset(e, ctx);
        if by_sender {
            self.undo_reset(1 - e, ctx);
            if let Some(server) =
                self.open.syn_ack_sender.filter(|end| self.ends[*end].state == State::SynReceived)
            {
                self.half_open_again(server, ctx);
            }
            self.forged(s, e, &memo, ctx);
        }
        if self.ends[1 - e].state != State::Closed {
            self.close.reset_by = None;
            self.close.reset_at = None;
            self.reset = None;
        }
        true
    }

    /// Something new after its own RST, and sent after it: not a packet that the capture put behind it.
    fn sender_goes_on(&self, s: &Segment, memo: &ResetMemo) -> bool {
        let sent_before = match (memo.id, s.ip.id) {
            (Some(reset), Some(id)) if reset != 0 && id != 0 => (id.wrapping_sub(reset) as i16) < 0,
            _ => false,
        };
        let at_once = s.time.since(memo.at) <= Duration::from_millis(1);
        let beyond = s.end().after(self.ends[memo.sender].space.max());
        !s.seq.before(memo.seq) && !sent_before && (beyond || !at_once)
    }

    /// Speaks of new things so long after the RST passed toward it that it can't have been on the way then.
    fn receiver_goes_on(&self, s: &Segment, e: usize, memo: &ResetMemo) -> bool {
        let rtt =
            self.open.client_rtt.unwrap_or(Duration::ZERO) + self.open.server_rtt.unwrap_or(Duration::ZERO);
        let on_the_way = s.time.since(memo.at) <= rtt.times(2).max(Duration::from_millis(10));
        let says_something = s.payload_len > 0 || self.ends[e].ack_max.is_none_or(|a| s.ack.after(a));
        says_something && !on_the_way
    }

    fn undo_reset(&mut self, end: usize, ctx: &mut Context<'_>) {
        let by_reset = |r| matches!(r, Reason::ResetSent | Reason::ResetReceived);
        if self.steps.last(end).is_some_and(|step| by_reset(step.reason)) {
            self.undo(end, ctx);
        }
    }
}

fields!(ResetMemo { small [sender ttl] row [frame: 4 at: 5 seq: 3 id: 3] part [] });
