//! `Look`: the figures of one listener that the chain asks for, over the whole capture or over some time of it.

use crate::engine::census::listeners::{Heard, Listener};
use crate::engine::census::queue::SynQueue;
use crate::engine::census::symptoms::Symptoms;
use crate::tcp::{Duration, Timestamp};
use crate::track::{HalfOpenEnd, OpenOutcome, Record};

/// Counts of connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// What points at a queue.
    pub symptoms: Symptoms,
    /// Connections that stayed half-open.
    pub half_open: u64,
    /// Connections that were completed.
    pub complete: u64,
    /// Connections without any answer.
    pub unanswered: u64,
    /// Connections that got a SYN+ACK.
    pub answered: u64,
    /// Half-open entries that the server gave up.
    pub expired: u64,
    /// Half-open entries that the client gave up.
    pub cancelled: u64,
    /// Entries whose SYN+ACK should have come again and did not.
    pub never_repeated: u64,
    /// Entries whose SYN+ACK came again.
    pub repeated: u64,
}

impl Figures {
    fn whole(l: &Listener) -> Self {
        let queue = l.queue.as_deref();
        Self {
            symptoms: l.symptoms,
            half_open: l.outcomes.half_open,
            complete: l.outcomes.complete,
            unanswered: l.outcomes.unanswered,
            answered: l.answered,
            expired: queue.map_or(0, |q| q.ends.expired),
            cancelled: queue.map_or(0, |q| q.ends.cancelled),
            never_repeated: queue.map_or(0, |q| q.never_repeated),
            repeated: queue.map_or(0, |q| q.retransmissions.iter().skip(1).sum()),
        }
    }

    /// A connection of the listener ended.
    pub fn settle(&mut self, r: &Record, now: Timestamp) {
        match r.open.outcome {
            OpenOutcome::Complete => self.complete += 1,
            OpenOutcome::HalfOpen => self.half_open += 1,
            OpenOutcome::Unanswered => self.unanswered += 1,
            OpenOutcome::Refused | OpenOutcome::Cancelled | OpenOutcome::NotCaptured => {}
        }
        let Some(entry) = &r.half_open else { return };
        self.answered += u64::from(r.open.client_isn.is_some());
        self.expired += u64::from(entry.end_kind == HalfOpenEnd::Expired);
        self.cancelled += u64::from(entry.end_kind == HalfOpenEnd::Cancelled);
        self.repeated += u64::from(entry.syn_ack_retransmissions > 0);
        self.never_repeated += u64::from(SynQueue::is_silent(entry, now));
    }

    /// Whether a connection that adds this shows anything but that the listener works.
    pub fn is_trouble(&self) -> bool {
        let unconfirmed = self.symptoms.unconfirmed;
        let symptoms = Symptoms { unconfirmed, ..Symptoms::default() };
        let context = Self { symptoms, complete: self.complete, answered: self.answered, ..Self::default() };
        *self != context
    }

    /// Both.
    pub fn add(&mut self, other: &Self) {
        self.symptoms.add(&other.symptoms);
        self.half_open += other.half_open;
        self.complete += other.complete;
        self.unanswered += other.unanswered;
        self.answered += other.answered;
        self.expired += other.expired;
        self.cancelled += other.cancelled;
        self.never_repeated += other.never_repeated;
        self.repeated += other.repeated;
    }
}

/// One listener, over some time.
#[derive(Debug)]
pub struct Look<'a> {
    /// Its connections.
    pub figures: Figures,
    /// The backlog it is judged against.
    pub backlog: Option<u64>,
    /// Most half-open connections at once.
    pub peak: u64,
    /// The same while SYNs were dropped, as far as HO003 tells; else the peak.
    pub peak_of_drops: u64,
    /// How long the queue stood near its peak.
    pub near_peak: Duration,
    /// What rules said meanwhile, and HO005 at any time.
    pub heard: Vec<&'a Heard>,
    /// Whether rules said anything meanwhile that asks for an explanation.
    pub is_troubled: bool,
}

impl<'a> Look<'a> {
    /// All of the capture.
    pub fn whole(l: &'a Listener) -> Self {
        let queue = l.queue.as_deref();
        let peak = queue.map_or(0, |q| q.gauge.peak);
        let dropped = l.heard.iter().find(|h| h.rule == "HO003").map(|h| (h.first, h.last));
        let then = dropped.zip(queue).map(|((a, b), q)| q.curve.max_between(a - AROUND, b + AROUND));
        Self {
            figures: Figures::whole(l),
            backlog: l.backlog,
            peak,
            peak_of_drops: then.unwrap_or(peak),
            near_peak: queue.map_or(Duration::ZERO, |q| q.near_peak),
            heard: l.heard.iter().collect(),
            is_troubled: l.heard.iter().any(asks),
        }
    }

    /// From one time to another, with the figures of the connections that began then.
    pub fn within(l: &'a Listener, figures: Figures, from: Timestamp, to: Timestamp) -> Self {
        let all = Self::whole(l);
        let peak = l.queue.as_deref().map_or(0, |q| q.curve.max_between(from, to - Duration(1)));
        let is_near = peak.saturating_mul(100) >= all.peak.saturating_mul(90);
        // What HO005 found is how the listener answers, not what happened once.
        let meanwhile = |h: &Heard| h.first < to && h.last >= from;
        Self {
            figures,
            backlog: l.backlog,
            peak,
            peak_of_drops: peak,
            near_peak: if is_near { all.near_peak.min(to.since(from)) } else { Duration::ZERO },
            heard: l.said.iter().filter(|h| h.rule == "HO005" || meanwhile(h)).collect(),
            is_troubled: l.said.iter().any(|h| asks(h) && meanwhile(h)),
        }
    }

    /// Findings of a rule, of one variant or of all.
    pub fn heard_of(&self, rule: &str, variant: Option<&str>) -> u64 {
        let of = |h: &&&Heard| h.rule == rule && (variant.is_none() || h.variant == variant);
        self.heard.iter().filter(of).map(|h| h.count).sum()
    }

    /// Whether it held half of the effective backlog.
    pub fn is_pressed(&self) -> bool {
        self.backlog.is_some_and(|b| self.peak.saturating_mul(100) >= b.saturating_mul(SynQueue::SHARES[0]))
    }
}

/// Half-open connections that expire, and deferred accepts, ask for none by themselves.
pub fn asks(h: &Heard) -> bool {
    h.rule != "HO001" && h.variant != Some("defer-accept")
}

/// The queue is looked at so long around drops.
const AROUND: Duration = Duration::from_secs(10);
