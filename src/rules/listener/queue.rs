//! `Queue` and `Completion`: how full a listener's SYN queue is (HO002), and how many of its answers are used (HO006).

use crate::config::Thresholds;
use crate::rules::counter::Frames;
use crate::rules::finding::{Finding, Severity};
use crate::rules::wide::wide;
use crate::tcp::{Duration, Endpoint, Timestamp};
use crate::track::{Confidence, HalfOpenEnd};

use super::cookies::Cookies;

/// Half-open connections of one listener, now and at their highest.
#[derive(Debug, Default)]
pub(super) struct Queue {
    length: u64,
    backlog: Option<u64>,
    /// When the first was seen.
    first: Option<Timestamp>,
    latest: Timestamp,
    pressure: Option<Box<Pressure>>,
}

/// From 80 per cent of the backlog until below the half.
#[derive(Debug)]
struct Pressure {
    since: Timestamp,
    peak: u64,
    peak_at: Timestamp,
    frames: Frames,
}

impl Queue {
    /// Half-open connections now.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// When it last changed.
    pub fn latest(&self) -> Timestamp {
        self.latest
    }

    /// One more.
    pub fn enter(&mut self, at: Timestamp, frame: u64, backlog: Option<u64>, share: u64) {
        self.length += 1;
        self.backlog = backlog;
        self.first.get_or_insert(at);
        self.latest = self.latest.max(at);
        if backlog.is_none_or(|b| self.length * 100 < b.saturating_mul(share)) {
            return;
        }
        let length = self.length;
        let fresh = || Box::new(Pressure { since: at, peak: 0, peak_at: at, frames: Frames::default() });
        let pressure = self.pressure.get_or_insert_with(fresh);
        if length > pressure.peak {
            (pressure.peak, pressure.peak_at) = (length, at);
            pressure.frames.add(frame);
        }
    }

    /// One less.
    pub fn leave(&mut self, key: Endpoint, at: Timestamp, cookies: &Cookies) -> Option<Finding> {
        self.length = self.length.saturating_sub(1);
        self.latest = self.latest.max(at);
        let over = self.backlog.is_some_and(|b| self.length * 2 < b);
        if over { self.close(key, at, cookies) } else { None }
    }

    /// Whether it is nearly full.
    pub fn is_pressed(&self) -> bool {
        self.pressure.is_some()
    }

    /// The pressure ends, or the capture.
    pub fn close(&mut self, key: Endpoint, now: Timestamp, cookies: &Cookies) -> Option<Finding> {
        let pressure = self.pressure.take().filter(|_| !cookies.are_in_use())?;
        let backlog = self.backlog?;
        let lasted = now.since(pressure.since);
        let is_full = pressure.peak >= backlog;
        let share = pressure.peak * 100 / backlog.max(1);
        let message = format!(
            "{key} had {} half-open connections at once, {share} % of its backlog of {backlog}",
            pressure.peak
        );
        let mut finding = wide("HO002", key.to_string(), pressure.since, message);
        finding.severity = if is_full { Severity::Error } else { Severity::Warning };
        finding.variant = Some(if is_full { "full" } else { "near" });
        finding.frames = pressure.frames.sorted();
        (finding.start, finding.end) = (Some(pressure.since), Some(now));
        finding.evidence = vec![
            ("peak", pressure.peak.into()),
            ("peak_at_ns", pressure.peak_at.0.into()),
            ("backlog", backlog.into()),
            ("share_percent", share.into()),
            ("lasted_ns", lasted.0.into()),
            (
                "share_of_time_percent",
                percent_of(lasted, self.first.map_or(lasted, |first| now.since(first))).into(),
            ),
        ];
        Some(finding)
    }
}

/// The part of the whole, which is never nothing.
fn percent_of(part: Duration, whole: Duration) -> i64 {
    part.0.saturating_mul(100) / whole.0.max(part.0).max(1)
}

/// How half-open entries of the last minute ended, in sixths of it, and steady health checks left out.
#[derive(Debug, Default)]
pub(super) struct Completion {
    slots: [Slot; SLOTS],
    checkers: Vec<Checker>,
    low: Option<Box<Low>>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    number: i64,
    completed: u64,
    cancelled: u64,
    expired: u64,
}

/// A client that hangs up after the SYN+ACK, and how regularly.
#[derive(Debug)]
struct Checker {
    client: std::net::IpAddr,
    last: Timestamp,
    gap: Duration,
}

/// A time of low completion.
#[derive(Debug)]
struct Low {
    since: Timestamp,
    until: Timestamp,
    worst: Slot,
    entries: u64,
    frames: Frames,
}

const SLOTS: usize = 6;
const MAX_CHECKERS: usize = 32;

impl Slot {
    /// Those that ended like this, where it says something.
    fn count(&mut self, kind: HalfOpenEnd) -> Option<&mut u64> {
        match kind {
            HalfOpenEnd::Completed => Some(&mut self.completed),
            HalfOpenEnd::Cancelled => Some(&mut self.cancelled),
            HalfOpenEnd::Expired => Some(&mut self.expired),
            HalfOpenEnd::Aborted | HalfOpenEnd::Replaced | HalfOpenEnd::Censored => None,
        }
    }

    fn all(&self) -> u64 {
        self.completed + self.cancelled + self.expired
    }

    fn share(&self) -> u64 {
        self.completed * 100 / self.all().max(1)
    }
}

impl Completion {
    fn slot(&mut self, at: Timestamp, span: Duration) -> &mut Slot {
        let number = at.0.div_euclid((span.0 / SLOTS as i64).max(1));
        let slot = &mut self.slots[number.rem_euclid(SLOTS as i64) as usize];
        if slot.number != number {
            *slot = Slot { number, ..Slot::default() };
        }
        slot
    }

    /// An entry that had seemed to end like this is in the queue still.
    pub fn take_back(&mut self, at: Timestamp, kind: HalfOpenEnd) {
        let counts = self.slots.iter_mut().filter_map(|s| Some((s.number, s.count(kind)?)));
        if let Some((_, newest)) = counts.filter(|(_, count)| **count > 0).max_by_key(|(number, _)| *number) {
            *newest -= 1;
        }
        if let Some(low) = &mut self.low {
            low.until = low.until.max(at);
        }
    }

    /// An entry left the queue. Gives the time of low completion that ends with it.
    pub fn left(
        &mut self,
        key: Endpoint,
        at: Timestamp,
        frame: u64,
        (client, kind): (Endpoint, HalfOpenEnd),
        limits: &Thresholds,
    ) -> Option<Finding> {
        if kind == HalfOpenEnd::Cancelled && self.is_steady(at, client) {
            return None;
        }
        let slot = self.slot(at, limits.completion_span);
        *slot.count(kind)? += 1;
        let newest = slot.number;
        let sum =
            self.slots.iter().filter(|s| newest - s.number < SLOTS as i64).fold(Slot::default(), |a, s| {
                Slot {
                    number: newest,
                    completed: a.completed + s.completed,
                    cancelled: a.cancelled + s.cancelled,
                    expired: a.expired + s.expired,
                }
            });
        if sum.all() < limits.completion_attempts || sum.share() >= limits.completion {
            let over = self.low.as_ref().is_some_and(|l| at.since(l.until) > limits.completion_span);
            return if over { self.close(key, at) } else { None };
        }
        let since = at - limits.completion_span;
        let fresh = || Box::new(Low { since, until: at, worst: sum, entries: 0, frames: Frames::default() });
        let low = self.low.get_or_insert_with(fresh);
        low.until = low.until.max(at);
        low.entries += 1;
        if (sum.share(), std::cmp::Reverse(sum.all()))
            <= (low.worst.share(), std::cmp::Reverse(low.worst.all()))
        {
            low.worst = sum;
        }
        if kind != HalfOpenEnd::Completed {
            low.frames.add(frame);
        }
        None
    }

    /// A client that hangs up at the same distance each time, within a tenth: a load balancer's health check.
    fn is_steady(&mut self, at: Timestamp, client: Endpoint) -> bool {
        let Some(checker) = self.checkers.iter_mut().find(|c| c.client == client.addr) else {
            if self.checkers.len() == MAX_CHECKERS {
                self.checkers.remove(0);
            }
            self.checkers.push(Checker { client: client.addr, last: at, gap: Duration::ZERO });
            return false;
        };
        let gap = at.since(checker.last);
        let before = std::mem::replace(&mut checker.gap, gap);
        checker.last = at;
        // Five in a second and more are no check.
        gap >= Duration::from_millis(200) && (gap.0 - before.0).abs() <= before.0 / 10
    }

    /// Whether this is a time of low completion.
    pub fn is_low(&self) -> bool {
        self.low.is_some()
    }

    /// The time of low completion so far.
    pub fn close(&mut self, key: Endpoint, _now: Timestamp) -> Option<Finding> {
        let low = self.low.take()?;
        let (w, share) = (low.worst, low.worst.share());
        let message = format!(
            "{key}: only {share} % of {} answered attempts in a minute were completed ({} expired, {} cancelled)",
            w.all(),
            w.expired,
            w.cancelled
        );
        let mut finding = wide("HO006", key.to_string(), low.since, message);
        finding.confidence = if w.all() >= 200 { Confidence::High } else { Confidence::Medium };
        finding.frames = low.frames.sorted();
        (finding.start, finding.end) = (Some(low.since), Some(low.until));
        finding.count = low.entries;
        finding.evidence = vec![
            ("completed", w.completed.into()),
            ("cancelled", w.cancelled.into()),
            ("expired", w.expired.into()),
            ("share_percent", share.into()),
        ];
        Some(finding)
    }
}
