//! TIME_WAIT: when it starts, starts again, and how its end is known (RFC 9293 §3.6.1, tcp.md §3).

use super::connection::{Connection, Context};
use super::event::Fact;
use super::packed::fields;
use super::record::{Reason, Role, TimeWait, TimeWaitEnd};
use crate::tcp::{Certainty, Segment, State, Timestamp};

/// One TIME_WAIT of one end while its connection is tracked.
#[derive(Debug)]
pub(super) struct Interval {
    pub end: usize,
    pub kept: TimeWait,
    /// The peer's FIN passed again, and is not answered yet.
    fin_came_again: bool,
}

impl Connection {
    /// TIME_WAIT begins at `end`.
    pub(super) fn start_time_wait(&mut self, end: usize, certainty: Certainty, ctx: &mut Context<'_>) {
        let kept = TimeWait {
            endpoint: Role::Client, // named when the record is made
            start_frame: ctx.frame,
            start: ctx.at,
            start_certainty: certainty,
            restarts: Vec::new(),
            restart_count: 0,
            nominal_end: ctx.at + ctx.config.two_msl,
            end: None,
            end_kind: TimeWaitEnd::Censored,
            alive_until: None,
        };
        // Hardly any connection has a second one.
        self.time_waits.reserve_exact(1);
        self.time_waits.push(Interval { end, kept, fin_came_again: false });
        self.tell(ctx, end, Fact::TimeWaitStarted);
    }

    /// It never was: a step into it was disproved.
    pub(super) fn cancel_time_wait(&mut self, end: usize, ctx: &mut Context<'_>) {
        if let Some(at) = self.time_waits.iter().rposition(|i| i.end == end && i.kept.end.is_none()) {
            let interval = self.time_waits.remove(at);
            let age = ctx.at.since(interval.kept.start);
            self.tell(ctx, end, Fact::TimeWaitEnded { kind: TimeWaitEnd::Gone, age });
        }
    }

    /// The holder acknowledges the peer's FIN: for the first time, or again.
    pub(super) fn ack_in_time_wait(&mut self, end: usize, ctx: &mut Context<'_>) {
        let first = self.ends[end].certainty != Certainty::Observed;
        self.confirm(end, ctx);
        let two_msl = ctx.config.two_msl;
        let (at, frame) = (ctx.at, ctx.frame);
        let Some(interval) = self.open_time_wait(end) else { return };
        let by_fin = std::mem::take(&mut interval.fin_came_again);
        if first && interval.kept.restart_count == 0 {
            interval.kept.start = at;
            interval.kept.start_frame = frame;
            interval.kept.start_certainty = Certainty::Observed;
            interval.kept.nominal_end = at + two_msl;
        } else if by_fin {
            self.restart_time_wait(end, true, ctx);
        }
    }

    /// TIME_WAIT of `end` starts again.
    pub(super) fn restart_time_wait(&mut self, end: usize, by_fin: bool, ctx: &mut Context<'_>) {
        let (at, two_msl) = (ctx.at, ctx.config.two_msl);
        let Some(Interval { kept, .. }) = self.open_time_wait(end) else { return };
        kept.restart_count = kept.restart_count.saturating_add(1);
        if kept.restarts.len() == TimeWait::RESTARTS_KEPT {
            kept.restarts.remove(0);
        }
        kept.restarts.push(at);
        kept.nominal_end = at + two_msl;
        let count = kept.restart_count;
        self.tell(ctx, end, Fact::TimeWaitRestarted { count, by_fin });
    }

    /// TIME_WAIT of `end` is over. Nothing where it is not in TIME_WAIT.
    pub(super) fn end_time_wait(
        &mut self,
        end: usize,
        at: Timestamp,
        kind: TimeWaitEnd,
        ctx: &mut Context<'_>,
    ) {
        let Some(interval) = self.open_time_wait(end) else { return };
        interval.kept.end = Some(at);
        interval.kept.end_kind = kind;
        let age = at.since(interval.kept.start);
        self.tell(ctx, end, Fact::TimeWaitEnded { kind, age });
    }

    /// When, by the capture's clock, TIME_WAIT of any end is nominally over.
    pub(super) fn time_wait_due(&self) -> Option<Timestamp> {
        let open = self.time_waits.iter().filter(|i| i.kept.end.is_none());
        open.map(|i| i.kept.nominal_end + self.lag).min()
    }

    /// Ends every TIME_WAIT whose nominal end has come.
    pub(super) fn expire_time_wait(&mut self, ctx: &mut Context<'_>) {
        let lag = self.lag;
        for end in 0..2 {
            let due = self.open_time_wait(end).map(|i| i.kept.nominal_end).filter(|t| *t + lag <= ctx.at);
            if let Some(due) = due {
                self.end_time_wait(end, due, TimeWaitEnd::Expired, ctx);
                if self.ends[end].state == State::TimeWait {
                    self.step(end, State::Closed, Certainty::Assumed, Reason::Timeout, ctx);
                }
            }
        }
    }

    /// The same where a segment of another connection shows that the time has come.
    pub(super) fn meet_time_wait(&mut self, ctx: &mut Context<'_>) {
        let frame = self.last_frame;
        let Context { config, at, .. } = *ctx;
        self.expire_time_wait(&mut Context {
            config,
            observer: &mut *ctx.observer,
            segment: None,
            at,
            frame,
        });
    }

    /// The 4-tuple is another connection's: what TIME_WAIT there was is over, who knows since when.
    pub(super) fn time_wait_was_over(&mut self, ctx: &mut Context<'_>) {
        self.meet_time_wait(ctx);
        for end in 0..2 {
            self.end_time_wait(end, ctx.at, TimeWaitEnd::Gone, ctx);
        }
    }

    /// The interval an end is in.
    pub(super) fn current_time_wait(&self, end: usize) -> Option<&TimeWait> {
        self.time_waits.iter().rev().find(|i| i.end == end && i.kept.end.is_none()).map(|i| &i.kept)
    }

    /// The latest interval of an end, over or not.
    pub fn latest_time_wait(&self, end: usize) -> Option<&TimeWait> {
        self.time_waits.iter().rev().find(|i| i.end == end).map(|i| &i.kept)
    }

    fn open_time_wait(&mut self, end: usize) -> Option<&mut Interval> {
        self.time_waits.iter_mut().rev().find(|i| i.end == end && i.kept.end.is_none())
    }

    /// The peer's FIN passed toward the holder again; its answer will start TIME_WAIT again.
    pub(super) fn fin_came_again(&mut self, end: usize) {
        if let Some(interval) = self.open_time_wait(end) {
            interval.fin_came_again = true;
        }
    }

    /// The holder `end` answered a SYN with its old ACK: it lives, and the SYN is refused.
    pub(super) fn time_wait_refused(&mut self, end: usize, s: &Segment, ctx: &mut Context<'_>) {
        let Some(interval) = self.open_time_wait(end) else { return };
        interval.kept.alive_until = Some(s.time);
        let age = s.time.since(interval.kept.start);
        self.tell(ctx, end, Fact::TimeWaitRefusedSyn { age });
    }
}

fields!(Interval { small [end fin_came_again] part [kept] });
