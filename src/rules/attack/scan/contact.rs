//! `Contact`: one attempt to reach an address and port, and what came of it, as a scan sees it (tcp.md §5.2).

use std::hash::Hasher;
use std::net::IpAddr;

use crate::rules::key::Key;
use crate::rules::registry::Seen;
use crate::tcp::{Duration, Endpoint, Timestamp};
use crate::track::{CloseOutcome, Ended, OpenOutcome, Record, RoleBasis};

/// Who tries: behind one address there may be many hosts, told apart by the options of their SYNs.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) struct Source {
    /// Its address.
    pub addr: IpAddr,
    /// Digest of its SYN's options.
    pub stack: u32,
}

impl Key for Source {
    #[inline]
    fn feed(&self, state: &mut impl Hasher) {
        self.addr.feed(state);
        state.write_u64(u64::from(self.stack));
    }
}

/// One attempt that is over.
#[derive(Clone, Copy, Debug)]
pub(super) struct Contact {
    /// Who.
    pub source: Source,
    /// Whom.
    pub target: Endpoint,
    /// When it began.
    pub at: Timestamp,
    /// Its first packet.
    pub frame: u64,
    /// What came of it.
    pub outcome: Outcome,
    /// It is silent, and the input may have ended before an answer.
    pub is_young: bool,
}

/// What came of an attempt.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Outcome {
    /// A RST answered the SYN.
    Refused,
    /// Nothing did.
    Silent,
    /// A SYN+ACK did, and the client did not take it: half-open scans do so.
    Cancelled,
    /// It was completed, carried nothing and was closed at once: connect scans do so.
    Empty,
    /// It was no SYN but a segment that no stack sends.
    Odd,
    /// It was completed and used.
    Used,
}

impl Outcome {
    /// Whether it counts as a failed first contact.
    pub fn is_failure(self) -> bool {
        self != Self::Used
    }

    /// Whether the port is open.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Cancelled | Self::Empty)
    }
}

impl Contact {
    /// A segment with flags that no stack sends.
    pub fn odd(seen: &Seen) -> Self {
        let (from, target) = seen.ends();
        Self {
            source: Source { addr: from.addr, stack: 0 },
            target,
            at: seen.event.at,
            frame: seen.event.frame,
            outcome: Outcome::Odd,
            is_young: false,
        }
    }

    /// A completed connection that was closed sooner carried nothing because nobody wanted it to (tcp.md §5.2).
    pub const AT_ONCE: Duration = Duration::from_secs(1);

    /// The attempt that a record tells of; `None` where it says nothing about a scan.
    pub fn of(record: &Record) -> Option<Self> {
        if record.roles.from != RoleBasis::Syn {
            return None;
        }
        let payload = record.sent.client.payload_bytes + record.sent.server.payload_bytes;
        let closed = matches!(record.close.outcome, CloseOutcome::Graceful | CloseOutcome::Aborted);
        let outcome = match record.open.outcome {
            OpenOutcome::Refused => Outcome::Refused,
            OpenOutcome::Unanswered if record.sent.server.segments == 0 => Outcome::Silent,
            OpenOutcome::Cancelled | OpenOutcome::HalfOpen => Outcome::Cancelled,
            OpenOutcome::Complete if payload > 0 => Outcome::Used,
            OpenOutcome::Complete if closed && record.duration() <= Self::AT_ONCE => Outcome::Empty,
            _ => return None,
        };
        let alone = outcome == Outcome::Silent && record.open.syn_retransmissions == 0;
        Some(Self {
            source: Source { addr: record.endpoints.client.addr, stack: record.open.client_stack },
            target: record.endpoints.server,
            at: record.first,
            frame: record.id,
            outcome,
            is_young: alone && record.ended == Ended::EndOfCapture,
        })
    }
}
