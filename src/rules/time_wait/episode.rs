//! `Episode`: from the moment a number passes a threshold until it has clearly fallen; said once, at its first peak.

use crate::tcp::{Duration, Timestamp};

/// A number of things, and what it was at its highest.
#[derive(Clone, Copy, Debug)]
pub(super) struct Episode<T> {
    /// When it passed the threshold.
    pub began: Timestamp,
    /// The packet that made it so.
    pub frame: u64,
    /// The highest number until it was said.
    pub peak: u64,
    /// What else was counted then.
    pub then: T,
    /// When that was.
    pub peak_at: Timestamp,
    /// The packet that made it so.
    pub peak_frame: u64,
    /// It was said while the number still grew.
    pub grows: bool,
    is_said: bool,
}

impl<T: Copy> Episode<T> {
    /// It passes the threshold now.
    pub fn new(number: u64, then: T, at: Timestamp, frame: u64) -> Self {
        Self {
            began: at,
            frame,
            peak: number,
            then,
            peak_at: at,
            peak_frame: frame,
            grows: false,
            is_said: false,
        }
    }

    /// The number is this now.
    pub fn reach(&mut self, number: u64, then: T, at: Timestamp, frame: u64) {
        if number > self.peak && !self.is_said {
            (self.peak, self.then, self.peak_at, self.peak_frame) = (number, then, at, frame);
        }
    }

    /// Whether it is time to say it: the number has not grown for a tenth of `settle`, or grows still after all of
    /// it. True once.
    pub fn is_due(&mut self, now: Timestamp, settle: Duration) -> bool {
        let stands = now.since(self.peak_at).0 >= settle.0 / 10;
        let is_due = (stands || now.since(self.began) >= settle) && self.is_over();
        self.grows |= is_due && !stands;
        is_due
    }

    /// The episode ends: whether it is to be said still.
    pub fn is_over(&mut self) -> bool {
        !std::mem::replace(&mut self.is_said, true)
    }

    /// Packets of the finding.
    pub fn frames(&self) -> Vec<u64> {
        let mut frames = vec![self.frame, self.peak_frame];
        frames.dedup();
        frames
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTLE: Duration = Duration::from_secs(10);

    fn at(ms: i64) -> Timestamp {
        Timestamp(0) + Duration::from_millis(ms)
    }

    #[test]
    fn it_is_due_once_when_the_number_stands() {
        let mut episode = Episode::new(80, (), at(0), 1);
        episode.reach(90, (), at(500), 2);
        assert!(!episode.is_due(at(1400), SETTLE));
        assert!(episode.is_due(at(1500), SETTLE));
        assert!(!episode.is_due(at(9000), SETTLE) && !episode.is_over());
        assert_eq!((episode.peak, episode.frames()), (90, vec![1, 2]));
    }

    #[test]
    fn what_grows_all_the_time_is_said_all_the_same() {
        let mut episode = Episode::new(1, (), at(0), 1);
        let due: Vec<i64> = (1..200)
            .filter(|i| {
                episode.reach(1 + *i as u64, (), at(i * 100), 1);
                episode.is_due(at(i * 100), SETTLE)
            })
            .collect();
        assert_eq!(due, [100]);
        assert_eq!(episode.peak, 101, "as it was when it was said");
    }
}
