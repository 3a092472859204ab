//! `SynQueue`: one listener's half-open connections as the wire shows them (tcp.md §4.2).
//!
//! An entry begins with its first SYN+ACK. A server that answers with SYN cookies keeps none: the queue is virtual.

use super::curve::Curve;
use crate::engine::summary::Gauge;
use crate::tcp::{Duration, Timestamp};
use crate::track::{HalfOpen, HalfOpenEnd};

/// Half-open connections of one listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SynQueue {
    /// How many there were at once.
    pub gauge: Gauge,
    /// The same over time.
    pub curve: Curve,
    /// Entries that their final ACK has taken out, so far.
    pub completed: u64,
    /// How the entries left, as far as their connections have ended.
    pub ends: HalfOpenEnds,
    /// How long entries that left were there: see [`SynQueue::LIVES`].
    pub lives: [u64; Self::LIVES],
    /// Entries by SYN+ACKs sent again: 0, 1, 2, 3, 4, and 5 or more.
    pub retransmissions: [u64; 6],
    /// Entries older than [`SynQueue::SILENT`] whose SYN+ACK was never sent again: SYN cookies leave such.
    pub never_repeated: u64,
    /// What it is judged against: the effective backlog, where the user gave one.
    pub backlog: Option<u64>,
    /// Time at or above 50, 80 and 100 % of the effective backlog.
    pub above: [Duration; 3],
    /// Time at or above nine tenths of the peak since it was reached: long where something bounds the queue.
    pub near_peak: Duration,
    at: Timestamp,
}

/// How half-open entries left the queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HalfOpenEnds {
    /// The final ACK came.
    pub completed: u64,
    /// The client sent a RST.
    pub cancelled: u64,
    /// The server sent a RST.
    pub aborted: u64,
    /// The server gave up.
    pub expired: u64,
    /// Another attempt on the 4-tuple took their place.
    pub replaced: u64,
    /// They were there when the capture ended.
    pub censored: u64,
}

impl SynQueue {
    /// Bins of life times: below 1 ms, then powers of two of it up to 128 × 1.024 s, then all longer ones.
    pub const LIVES: usize = 19;
    /// Shares of the effective backlog, in per cent.
    pub const SHARES: [u64; 3] = [50, 80, 100];
    /// Linux repeats a SYN+ACK after 1 s and 3 s; who never does in this time, keeps no entry (tcp.md HO005 b).
    pub const SILENT: Duration = Duration::from_millis(3500);

    /// An empty queue.
    pub fn new(backlog: Option<u64>, points: usize) -> Self {
        Self {
            gauge: Gauge::default(),
            curve: Curve::new(points),
            completed: 0,
            ends: HalfOpenEnds::default(),
            lives: [0; Self::LIVES],
            retransmissions: [0; 6],
            never_repeated: 0,
            backlog,
            above: [Duration::ZERO; 3],
            near_peak: Duration::ZERO,
            at: Timestamp::MIN,
        }
    }

    /// An entry came; `again` where it had seemed gone.
    pub fn enter(&mut self, at: Timestamp, again: bool) {
        self.pass(at);
        let peak = self.gauge.peak;
        self.gauge.enter(at);
        if self.gauge.peak > peak {
            self.near_peak = Duration::ZERO;
        }
        self.gauge.total -= u64::from(again);
        self.completed -= u64::from(again && self.completed > 0);
        self.curve.set(at, self.gauge.now);
    }

    /// An entry left.
    pub fn leave(&mut self, at: Timestamp) {
        self.pass(at);
        self.gauge.leave();
        self.curve.set(at, self.gauge.now);
    }

    /// An entry's connection ended at `now`: its figures are final.
    pub fn settle(&mut self, entry: &HalfOpen, now: Timestamp) {
        *self.ends.of(entry.end_kind) += 1;
        let age = entry.end.unwrap_or(now).since(entry.start);
        if entry.end.is_some() {
            self.lives[life_bin(age)] += 1;
        }
        let again = (entry.syn_ack_retransmissions as usize).min(5);
        self.retransmissions[again] += 1;
        self.never_repeated += u64::from(Self::is_silent(entry, now));
    }

    /// Whether the SYN+ACK of an entry should have come again and did not.
    pub(super) fn is_silent(entry: &HalfOpen, now: Timestamp) -> bool {
        let unfinished = matches!(entry.end_kind, HalfOpenEnd::Expired | HalfOpenEnd::Censored);
        let age = entry.end.unwrap_or(now).since(entry.start);
        unfinished && entry.syn_ack_retransmissions == 0 && age >= Self::SILENT
    }

    /// The capture ended: what is there stays there until then.
    pub fn close(&mut self, now: Timestamp) {
        self.pass(now);
        if self.gauge.now > 0 {
            self.curve.extend(now);
        }
    }

    /// Whether it ever held half of the effective backlog.
    pub fn is_pressed(&self) -> bool {
        self.backlog.is_some_and(|b| self.gauge.peak.saturating_mul(100) >= b.saturating_mul(Self::SHARES[0]))
    }

    fn pass(&mut self, at: Timestamp) {
        if self.at != Timestamp::MIN && at > self.at {
            let passed = at.since(self.at);
            let level = self.gauge.now.saturating_mul(100);
            if let Some(backlog) = self.backlog {
                for (time, share) in self.above.iter_mut().zip(Self::SHARES) {
                    if level > 0 && level >= backlog.saturating_mul(share) {
                        *time = *time + passed;
                    }
                }
            }
            if level > 0 && level >= self.gauge.peak.saturating_mul(90) {
                self.near_peak = self.near_peak + passed;
            }
        }
        self.at = self.at.max(at);
    }
}

impl HalfOpenEnds {
    /// All that were settled.
    pub fn total(&self) -> u64 {
        self.completed + self.cancelled + self.aborted + self.expired + self.replaced + self.censored
    }

    /// How many ended in one way.
    fn of(&mut self, kind: HalfOpenEnd) -> &mut u64 {
        match kind {
            HalfOpenEnd::Completed => &mut self.completed,
            HalfOpenEnd::Cancelled => &mut self.cancelled,
            HalfOpenEnd::Aborted => &mut self.aborted,
            HalfOpenEnd::Expired => &mut self.expired,
            HalfOpenEnd::Replaced => &mut self.replaced,
            HalfOpenEnd::Censored => &mut self.censored,
        }
    }
}

/// Where a life time is counted: bin 0 below 1 ms, bin n from 2^(n-1) ms on.
fn life_bin(age: Duration) -> usize {
    let ms = age.0.max(0) / 1_000_000;
    match ms {
        0 => 0,
        _ => (ms.ilog2() as usize + 1).min(SynQueue::LIVES - 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp(1_000_000_000_000) + Duration::from_millis(ms)
    }

    #[test]
    fn time_above_the_backlog_is_measured() {
        let mut queue = SynQueue::new(Some(4), 100);
        for ms in [0, 1000, 2000, 3000] {
            queue.enter(at(ms), false);
        }
        queue.leave(at(5000));
        queue.close(at(6000));
        assert_eq!(queue.above, [5, 2, 2].map(Duration::from_secs));
        assert_eq!((queue.gauge.peak, queue.gauge.now, queue.gauge.peak_at), (4, 3, Some(at(3000))));
    }

    #[test]
    fn lives_are_counted_by_powers_of_two() {
        assert_eq!(life_bin(Duration(999_999)), 0);
        assert_eq!(life_bin(Duration::from_millis(1)), 1);
        assert_eq!(life_bin(Duration::from_millis(2)), 2);
        assert_eq!(life_bin(Duration::from_secs(63)), 16);
        assert_eq!(life_bin(Duration::from_secs(131)), 17);
        assert_eq!(life_bin(Duration::from_secs(1000)), 18);
    }

    #[test]
    fn an_entry_that_was_there_all_along_counts_once() {
        let mut queue = SynQueue::new(None, 100);
        queue.enter(at(0), false);
        queue.leave(at(10));
        queue.enter(at(1000), true);
        assert_eq!((queue.gauge.total, queue.gauge.now), (1, 1));
        let entry =
            HalfOpen { start: at(0), end: None, end_kind: HalfOpenEnd::Censored, syn_ack_retransmissions: 7 };
        queue.settle(&entry, at(9000));
        assert_eq!(queue.retransmissions, [0, 0, 0, 0, 0, 1]);
        assert_eq!((queue.ends.censored, queue.lives.iter().sum::<u64>(), queue.never_repeated), (1, 0, 0));
    }
}
