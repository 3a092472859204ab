//! One entry of a server's SYN queue, seen from outside (tcp.md §4.2).

use super::connection::{Connection, Context};
use super::event::Fact;
use super::opening::SOONEST_REPETITION;
use super::packed::fields;
use super::record::HalfOpenEnd;
use crate::tcp::{Duration, State, Timestamp};

/// An entry from the first SYN+ACK until it is completed, given up, or seen to have been there all along.
#[derive(Clone, Copy, Debug)]
pub(super) struct HalfOpenTrack {
    pub start: Timestamp,
    pub end: Option<(Timestamp, HalfOpenEnd)>,
    pub retransmissions: u32,
    /// It had seemed completed, and was there all along.
    pub again: bool,
    due: Timestamp,
}

impl HalfOpenTrack {
    /// Linux gives up 63 s after a SYN+ACK that it repeats 5 times (tcp_synack_retries; tcp.md M2).
    const LIFE: Duration = Duration::from_secs(63);

    pub fn new(at: Timestamp) -> Self {
        Self { start: at, end: None, retransmissions: 0, again: false, due: at + Self::LIFE }
    }

    /// The SYN+ACK was sent again `gap` after the one before. Each gap is about twice the last, and the entry dies
    /// when the next would be due (tcp.md M25). Where the next comes all the same, a little late, it was alive. What comes
    /// sooner than a stack's timer is a copy, or answers a SYN, and says nothing of it.
    pub fn repeated(&mut self, at: Timestamp, gap: Duration) {
        self.retransmissions = self.retransmissions.saturating_add(1);
        if gap < SOONEST_REPETITION {
            return;
        }
        let last_chance = at + gap.times(2);
        self.due = if self.retransmissions >= 2 { last_chance } else { self.due.max(last_chance) };
    }
}

impl Connection {
    /// When, by the capture's clock, the server will have given up the entry, while it is there.
    pub(super) fn half_open_due(&self) -> Option<Timestamp> {
        self.half_open.filter(|h| h.end.is_none()).map(|h| h.due + self.lag)
    }

    /// The entry is in the queue.
    pub(super) fn is_half_open(&self) -> bool {
        self.half_open.is_some_and(|h| h.end.is_none())
    }

    /// The entry was given up before any ACK came.
    pub(super) fn is_given_up(&self) -> bool {
        self.half_open.is_some_and(|h| matches!(h.end, Some((_, HalfOpenEnd::Expired))))
    }

    /// The entry leaves the queue.
    pub(super) fn end_half_open(&mut self, at: Timestamp, kind: HalfOpenEnd, ctx: &mut Context<'_>) {
        let Some(entry) = self.half_open.as_mut().filter(|h| h.end.is_none()) else { return };
        entry.end = Some((at, kind));
        let (retransmissions, age) = (entry.retransmissions, at.since(entry.start));
        let server = self.open.syn_ack_sender.unwrap_or(1);
        self.tell(ctx, server, Fact::HalfOpenLeft { kind, retransmissions, age });
    }

    /// An ACK that should complete the handshake passed. Where the server did not take one such ACK, which cannot have
    /// been on its way still, the next tells no more: only what the server does then tells.
    pub(super) fn half_open_completed(&mut self, at: Timestamp, server: usize, ctx: &mut Context<'_>) {
        let refused_before = self.half_open.is_some_and(|h| h.again) && self.open.syn_acks_after_ack > 0;
        if self.open.syn_ack_sender == Some(server) && !refused_before {
            self.end_half_open(at, HalfOpenEnd::Completed, ctx);
        }
    }

    /// The entry had seemed to be gone, but it is there still: the server repeats its SYN+ACK, or the RST that
    /// ended it was forged.
    pub(super) fn half_open_again(&mut self, server: usize, ctx: &mut Context<'_>) {
        let Some(entry) = &mut self.half_open else { return };
        if let Some((_, kind)) = entry.end.take() {
            entry.again = kind == HalfOpenEnd::Completed;
            self.tell(ctx, server, Fact::HalfOpenEntered { again: Some(kind) });
        }
    }

    /// The server speaks as only an open connection can.
    pub(super) fn half_open_taken(&mut self, at: Timestamp, server: usize, ctx: &mut Context<'_>) {
        if self.open.syn_ack_sender == Some(server) {
            self.end_half_open(at, HalfOpenEnd::Completed, ctx);
        }
    }

    /// The entry had seemed given up, or taken at last, but the server repeats its SYN+ACK: it was only late.
    pub(super) fn half_open_late(&mut self, server: usize, ctx: &mut Context<'_>) {
        let waits = self.ends[server].state == State::SynReceived;
        let by_timer = |h: &&mut HalfOpenTrack| match h.end {
            Some((_, HalfOpenEnd::Expired)) => true,
            Some((_, HalfOpenEnd::Completed)) => h.again && waits,
            _ => false,
        };
        let entry = self.half_open.as_mut().filter(by_timer);
        if let Some((_, kind)) = entry.and_then(|h| h.end.take()) {
            self.tell(ctx, server, Fact::HalfOpenEntered { again: Some(kind) });
        }
    }

    /// Ends the entry if its time has come.
    pub(super) fn expire_half_open(&mut self, ctx: &mut Context<'_>) {
        if let Some(due) = self.half_open_due().filter(|t| *t <= ctx.at) {
            let lag = self.lag;
            // After an ACK it is not given up: the server has taken it at last, and repeats nothing more.
            let taken = self.half_open.is_some_and(|h| h.again);
            let kind = if taken { HalfOpenEnd::Completed } else { HalfOpenEnd::Expired };
            self.end_half_open(due - lag, kind, ctx);
        }
    }
}

fields!(HalfOpenTrack { small [again] row [start: 5 due: 5] row [retransmissions: 0] part [end] });
