//! `Alarm`: when a count a second has left what is usual, by a cumulative sum (CUSUM) against a moving average.
//!
//! After Wang, Zhang and Shin, "Detecting SYN Flooding Attacks" (INFOCOM 2002), who sum up what exceeds the usual;
//! with steps of one second instead of 20, and a cap that lets it recover soon (tcp.md §5.0).

/// The moving average of a good event, per second: it halves in 300 s, and counts what was seen, not what was before.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Baseline {
    sum: f64,
    weight: f64,
}

/// 1 − 2^(−1/300): the weight of one second in an average that halves in 300 s.
const SHARE: f64 = 0.002_307_813_6;

impl Baseline {
    /// One more second.
    pub fn add(&mut self, count: u64) {
        self.sum += (count as f64 - self.sum) * SHARE;
        self.weight += (1.0 - self.weight) * SHARE;
    }

    /// The average of the seconds seen.
    pub fn level(&self) -> f64 {
        if self.weight > 0.0 { self.sum / self.weight } else { 0.0 }
    }
}

/// What is summed up, and whether it is too much.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Alarm {
    y: f64,
    /// The second in which the sum left zero.
    since: i64,
    quiet: u32,
    on: bool,
}

/// What a second changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Turn {
    /// Nothing.
    Same,
    /// The alarm is on from this second.
    Raised,
    /// It is off from this second.
    Cleared,
}

impl Alarm {
    /// What exceeds this much of the usual is summed up.
    const ALLOWED: f64 = 0.35;
    /// The sum that raises the alarm.
    const RAISED: f64 = 3.5;
    /// The sum grows no further.
    const CAP: f64 = 10.0 * Self::RAISED;
    /// Fewer bad events a second than this are quiet.
    const QUIET: u64 = 10;
    /// So many quiet seconds clear the alarm.
    const QUIET_SECONDS: u32 = 30;

    /// One more second with so many bad events, of which `usual` good ones are normal; raised only where the detector's
    /// own conditions hold too.
    pub fn step(&mut self, second: i64, bad: u64, usual: f64, conditions_hold: bool) -> Turn {
        if self.y <= 0.0 {
            self.since = second;
        }
        self.y = (self.y + bad as f64 / usual - Self::ALLOWED).clamp(0.0, Self::CAP);
        if !self.on {
            self.on = self.y > Self::RAISED && conditions_hold;
            self.quiet = 0;
            return if self.on { Turn::Raised } else { Turn::Same };
        }
        self.quiet = if bad < Self::QUIET { self.quiet + 1 } else { 0 };
        if self.quiet < Self::QUIET_SECONDS || self.y >= Self::RAISED / 2.0 {
            return Turn::Same;
        }
        *self = Self::default();
        Turn::Cleared
    }

    /// Raises it without waiting for the sum: it began in the second `since`.
    pub fn force(&mut self, since: i64) {
        *self = Self { y: Self::CAP, since, quiet: 0, on: true };
    }

    /// The second in which what led to the alarm began.
    pub fn since(&self) -> i64 {
        self.since
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_average_of_what_was_seen_needs_no_time_to_begin() {
        let mut base = Baseline::default();
        base.add(100);
        assert!((base.level() - 100.0).abs() < 1e-6);
        (1..300).for_each(|_| base.add(100));
        (0..300).for_each(|_| base.add(0));
        assert!((base.level() - 100.0 / 3.0).abs() < 0.1, "{}", base.level());
    }

    #[test]
    fn what_stays_below_the_allowance_raises_nothing() {
        let mut alarm = Alarm::default();
        assert!((0..1000).all(|s| alarm.step(s, 3, 10.0, true) == Turn::Same));
        assert_eq!(alarm.y, 0.0);
    }

    #[test]
    fn it_is_raised_once_and_cleared_after_quiet() {
        let mut alarm = Alarm::default();
        let turns: Vec<Turn> = (0..10).map(|s| alarm.step(s, 20, 10.0, true)).collect();
        assert_eq!(turns[2], Turn::Raised, "{turns:?}");
        assert_eq!((alarm.since(), turns.iter().filter(|t| **t != Turn::Same).count()), (0, 1));
        let quiet: Vec<Turn> = (10..200).map(|s| alarm.step(s, 0, 10.0, true)).collect();
        assert_eq!(quiet.iter().position(|t| *t == Turn::Cleared), Some(42), "the sum has to fall too");
    }

    #[test]
    fn without_the_detectors_conditions_it_is_not_raised() {
        let mut alarm = Alarm::default();
        assert!((0..100).all(|s| alarm.step(s, 1000, 10.0, false) == Turn::Same));
        assert_eq!(alarm.step(100, 1000, 10.0, true), Turn::Raised);
    }
}
