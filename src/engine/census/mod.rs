//! `Census`: what each listener, client and host did over the whole capture, in bounded tables.
//!
//! Facts come in the order of the capture, records when connections end; both are counted, neither is kept. Nothing
//! here judges a connection. A table that is full takes no newcomers; the summary says how much is missing.

mod callers;
mod chain;
mod clients;
mod curve;
mod histogram;
mod hosts;
mod idle;
mod listeners;
mod order;
mod ports;
mod queue;
mod restart;
mod symptoms;

pub use chain::{Answer, Cause, Question, Rival, Step, Verdict, Window};
pub use clients::{Ceiling, Client, Cost, Destination, Saving, setup};
pub use curve::{Curve, Point};
pub use histogram::Spread;
pub use hosts::{Host, Reuses, TimeWaitEnds};
pub use idle::{IDLE_REASONS, Idle, IdleReason};
pub use listeners::{Closes, Heard, Listener, Outcomes};
pub use ports::PortSet;
pub use queue::{HalfOpenEnds, SynQueue};
pub use restart::{Restart, RestartKind, Restarts};
pub use symptoms::Symptoms;

use std::ops::ControlFlow;

use super::Sink;
use super::summary::Limits;
use crate::config::Config;
use crate::rules::{Finding, Seen};
use crate::tcp::{State, Timestamp};
use crate::track::{Event, Fact, Kind, Reason, Record};

/// Counts over listeners, clients and hosts.
#[derive(Debug)]
pub(super) struct Census {
    listeners: listeners::Listeners,
    callers: callers::Callers,
    hosts: hosts::Hosts,
}

impl Census {
    /// Nothing counted yet.
    pub fn new(config: &Config) -> Self {
        Self {
            listeners: listeners::Listeners::new(config),
            callers: callers::Callers::new(config),
            hosts: hosts::Hosts::new(config),
        }
    }

    /// The kinds of facts among which are all that it counts.
    pub const KINDS: &[Kind] = &[
        Kind::HalfOpenEntered,
        Kind::HalfOpenLeft,
        Kind::HandshakeDone,
        Kind::Refused,
        Kind::AcceptAborted,
        Kind::SynAckRepeated,
        Kind::TimeWaitStarted,
        Kind::TimeWaitRestarted,
        Kind::TimeWaitEnded,
        Kind::TimeWaitReused,
        Kind::TimeWaitRefusedSyn,
        Kind::Stepped,
        Kind::RolledBack,
    ];

    /// Whether it counts such a fact; the client's end is known where `client` says so.
    pub fn wants(event: &Event, client: Option<usize>) -> bool {
        let is_client = client.is_none_or(|c| c == event.end);
        match event.fact {
            Fact::HalfOpenEntered { .. }
            | Fact::HalfOpenLeft { .. }
            | Fact::HandshakeDone { .. }
            | Fact::Refused { .. }
            | Fact::AcceptAborted
            | Fact::SynAckRepeated { after_ack: true, .. }
            | Fact::TimeWaitStarted
            | Fact::TimeWaitRestarted { .. }
            | Fact::TimeWaitEnded { .. }
            | Fact::TimeWaitReused { .. }
            | Fact::TimeWaitRefusedSyn { .. }
            | Fact::Stepped { reason: Reason::Midstream, .. } => true,
            // An attempt that failed was never open.
            Fact::Stepped { from, to: State::Closed, .. } => is_client && from != State::SynSent,
            Fact::RolledBack { from: State::Closed, .. } => is_client,
            _ => false,
        }
    }

    /// A fact of one of [`Self::KINDS`].
    pub fn seen(&mut self, seen: &Seen) {
        let (end, at) = (seen.event.end, seen.event.at);
        let (mine, peer) = (seen.endpoints[end].addr, seen.endpoints[1 - end].addr);
        match seen.event.fact {
            Fact::TimeWaitStarted => self.hosts.enter(mine, at),
            Fact::TimeWaitEnded { .. } => self.hosts.leave(mine, at),
            Fact::TimeWaitRefusedSyn { .. } => self.hosts.refused(mine),
            Fact::TimeWaitReused { by_holder, linux_isn, .. } => {
                let holder = if by_holder { mine } else { peer };
                self.hosts.reused(seen.connection, holder, linux_isn);
            }
            _ => {}
        }
        self.listeners.seen(seen);
        self.callers.seen(seen);
    }

    /// A connection ended at `now`.
    pub fn ended(&mut self, record: &Record, findings: &[Finding], now: Timestamp) {
        self.hosts.ended(record, findings, now);
        self.callers.ended(record, findings, now);
        self.listeners.ended(record, findings, now);
    }

    /// A finding about more than one connection.
    pub fn heard(&mut self, finding: &Finding) {
        self.listeners.heard(finding);
    }

    /// Listeners as they stand, in no particular order.
    pub fn listeners(&self) -> impl Iterator<Item = &Listener> {
        self.listeners.all()
    }

    /// Tells the sink, as long as it listens: listeners, then clients, then hosts, each in order.
    pub fn finish(self, now: Timestamp, limits: &mut Limits, sink: &mut dyn Sink) {
        limits.unlisted_listeners = self.listeners.unlisted;
        limits.unlisted_clients = self.callers.unlisted_clients;
        limits.unlisted_destinations = self.callers.unlisted_destinations;
        limits.unlisted_hosts = self.hosts.unlisted;
        // A sink that wants no more is told no more; there is nothing left to stop.
        let _ = self.tell(now, sink);
    }

    fn tell(self, now: Timestamp, sink: &mut dyn Sink) -> ControlFlow<()> {
        self.listeners.finish(now, |l| sink.listener(l))?;
        self.callers.finish(now, |c| sink.client(c))?;
        self.hosts.finish(now, |h| sink.host(h))
    }
}
