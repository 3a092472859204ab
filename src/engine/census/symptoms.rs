//! `Symptoms`: what connections show of a listener's queues, counted without any rule.

use crate::tcp::{Certainty, Duration, State};
use crate::track::{OpenOutcome, Record, Role};

/// What points at a listener's queues, counted without any rule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Symptoms {
    /// Connections whose SYN came at least twice and was never answered.
    pub ignored: u64,
    /// Connections whose SYN was answered after it had come at least four times: no accident, and no filter either.
    pub late: u64,
    /// SYN+ACKs sent again although the final ACK had passed.
    pub repeated_after_ack: u64,
    /// Connections with at least two of these: a single one may have crossed the ACK on its way.
    pub held_back: u64,
    /// RSTs right after the final ACK from a server that said nothing else.
    pub aborted: u64,
    /// Connections with a complete handshake whose client sent data, again and again, to a server that stayed silent.
    pub unserved: u64,
    /// Connections whose handshake is complete, with no proof that the server took them.
    pub unconfirmed: u64,
}

impl Symptoms {
    /// What one connection shows when it has ended.
    pub(super) fn of(r: &Record) -> Self {
        let ignored = r.open.outcome == OpenOutcome::Unanswered && r.open.syn_retransmissions > 0;
        Self {
            ignored: u64::from(ignored),
            late: u64::from(r.half_open.is_some() && was_kept_waiting(r)),
            unserved: u64::from(is_unserved(r)),
            unconfirmed: u64::from(is_unconfirmed(r)),
            ..Self::default()
        }
    }

    /// Both.
    pub(super) fn add(&mut self, other: &Self) {
        self.ignored += other.ignored;
        self.late += other.late;
        self.repeated_after_ack += other.repeated_after_ack;
        self.held_back += other.held_back;
        self.aborted += other.aborted;
        self.unserved += other.unserved;
        self.unconfirmed += other.unconfirmed;
    }
}

/// The first SYN+ACK came only after the client had repeated its SYN three times, over 3 s at least (tcp.md M1).
fn was_kept_waiting(r: &Record) -> bool {
    let waited = r.half_open.map(|h| h.start.since(r.first));
    r.open.syn_retransmissions >= 3 && waited.is_some_and(|w| w >= Duration::from_millis(2500))
}

/// Complete for the client, which sent data again and again, and nothing but SYN+ACKs came back (tcp.md M26, face 4).
fn is_unserved(r: &Record) -> bool {
    let (client, server) = (&r.sent.client, &r.sent.server);
    r.open.outcome == OpenOutcome::Complete
        && client.payload_bytes > 0
        && client.retransmissions >= 2
        && server.segments <= u64::from(server.syn)
}

/// The final ACK passed; nothing the server sent shows that it came.
fn is_unconfirmed(r: &Record) -> bool {
    let opened = r.path(Role::Server).find(|t| t.to == State::Established);
    opened.is_some_and(|t| t.certainty != Certainty::Observed && t.confirmed.is_none())
        && r.sent.server.segments <= u64::from(r.sent.server.syn)
}
