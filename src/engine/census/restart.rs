//! `Restarts`: a service that went away and came back, and what its TIME_WAITs did to that (tcp.md §3.5).
//!
//! bind(2) refuses a port while connections of it are in TIME_WAIT, unless SO_REUSEADDR is set. From outside one
//! sees refusals while nobody listens, and when they stop.

use crate::tcp::{Duration, Timestamp};

/// How often a service came back, and how.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Restarts {
    /// Every return, the first [`Restarts::KEPT`] of them.
    pub kept: Vec<Restart>,
    /// How many in all.
    pub count: u64,
    down: Option<(Timestamp, Timestamp, u64)>,
    youngest: Option<Timestamp>,
    served: bool,
}

/// One return of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Restart {
    /// First refusal.
    pub down: Timestamp,
    /// Last refusal.
    pub last_refusal: Timestamp,
    /// First SYN+ACK after that.
    pub up: Timestamp,
    /// Refusals.
    pub refusals: u64,
    /// What its TIME_WAITs did to it.
    pub kind: RestartKind,
}

/// What TIME_WAIT did to a service that came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RestartKind {
    /// It listened again while connections of its port were in TIME_WAIT: SO_REUSEADDR was set.
    ReusedAddress,
    /// Refusals stopped when the youngest of them ended: bind(2) failed until then, SO_REUSEADDR is missing.
    BindBlocked,
    /// It held no TIME_WAIT, or came back long after the last one.
    Plain,
}

impl Restarts {
    /// Returns whose details are kept.
    pub const KEPT: usize = 8;
    /// How far refusals may end from the end of TIME_WAIT to be taken for its effect.
    const NEAR: Duration = Duration::from_secs(2);

    /// It holds TIME_WAIT since now.
    pub fn time_wait(&mut self, at: Timestamp) {
        self.youngest = self.youngest.max(Some(at));
    }

    /// It refused a SYN. A port that never listened is no service.
    pub fn refused(&mut self, at: Timestamp) {
        if self.served {
            let (first, _, n) = self.down.unwrap_or((at, at, 0));
            self.down = Some((first, at, n + 1));
        }
    }

    /// It answered a SYN with a SYN+ACK.
    pub fn answered(&mut self, at: Timestamp, two_msl: Duration) {
        self.served = true;
        let Some((down, last_refusal, refusals)) = self.down.take() else { return };
        let end = self.youngest.map(|t| t + two_msl);
        let kind = match end {
            Some(end) if at < end - Self::NEAR => RestartKind::ReusedAddress,
            Some(end)
                if last_refusal <= end + Self::NEAR && at <= end + Self::NEAR.times(5) && down < end =>
            {
                RestartKind::BindBlocked
            }
            _ => RestartKind::Plain,
        };
        self.count += 1;
        if self.kept.len() < Self::KEPT {
            self.kept.push(Restart { down, last_refusal, up: at, refusals, kind });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(s: i64) -> Timestamp {
        Timestamp(0) + Duration::from_secs(s)
    }

    fn restart(refusals: &[i64], up: i64, time_wait: Option<i64>) -> Restarts {
        let mut restarts = Restarts::default();
        restarts.answered(at(0), Duration::from_secs(60));
        if let Some(s) = time_wait {
            restarts.time_wait(at(s));
        }
        refusals.iter().for_each(|s| restarts.refused(at(*s)));
        restarts.answered(at(up), Duration::from_secs(60));
        restarts
    }

    #[test]
    fn back_before_time_wait_is_over_needs_reuseaddr() {
        assert_eq!(restart(&[5, 6], 8, Some(2)).kept[0].kind, RestartKind::ReusedAddress);
    }

    #[test]
    fn back_when_time_wait_is_over_looks_like_a_blocked_bind() {
        assert_eq!(restart(&[5, 30, 61], 63, Some(2)).kept[0].kind, RestartKind::BindBlocked);
    }

    #[test]
    fn without_time_wait_or_long_after_it_a_return_is_plain() {
        assert_eq!(restart(&[5], 8, None).kept[0].kind, RestartKind::Plain);
        assert_eq!(restart(&[5, 200], 201, Some(2)).kept[0].kind, RestartKind::Plain);
        assert_eq!(restart(&[], 201, Some(2)).count, 0);
    }

    #[test]
    fn a_port_that_never_listened_does_not_come_back() {
        let mut restarts = Restarts::default();
        restarts.refused(at(1));
        restarts.answered(at(2), Duration::from_secs(60));
        assert_eq!(restarts.count, 0);
    }
}
