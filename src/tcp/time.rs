//! `Timestamp` and `Duration`: capture time in nanoseconds, saturating, never read from a clock.

use std::fmt;
use std::ops::{Add, Sub};

/// A point in capture time, nanoseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
pub struct Timestamp(
    /// Nanoseconds since the epoch; negative before it.
    pub i64,
);

/// A span of capture time in nanoseconds; negative when time stamps went back.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
pub struct Duration(
    /// Nanoseconds.
    pub i64,
);

impl Timestamp {
    /// Later than every packet.
    pub const MAX: Self = Self(i64::MAX);
    /// Earlier than every packet.
    pub const MIN: Self = Self(i64::MIN);

    /// The latest of packets, in the year 2116: beyond all that a pcap file can say, and far enough from [`Self::MAX`] that
    /// deadlines behind it are not yet never.
    pub const LAST: Self = Self(1 << 62);
    /// The earliest of packets, in the year 1823.
    pub const FIRST: Self = Self(-(1 << 62));

    /// This point, or the nearest that a packet may have. Clocks of captures may say anything.
    #[inline]
    #[must_use]
    pub fn of_packet(self) -> Self {
        self.clamp(Self::FIRST, Self::LAST)
    }

    /// The span from `earlier` to this point; negative when time went back.
    #[inline]
    pub fn since(self, earlier: Self) -> Duration {
        Duration(self.0.saturating_sub(earlier.0))
    }
}

impl Duration {
    /// No time at all.
    pub const ZERO: Self = Self(0);
    /// The longest: 292 years.
    pub const MAX: Self = Self(i64::MAX);

    /// `s` whole seconds.
    pub const fn from_secs(s: i64) -> Self {
        Self(s.saturating_mul(1_000_000_000))
    }

    /// `ms` whole milliseconds.
    pub const fn from_millis(ms: i64) -> Self {
        Self(ms.saturating_mul(1_000_000))
    }

    /// In seconds, for people; not exact.
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1e9
    }

    /// `n` times this span.
    #[must_use]
    pub const fn times(self, n: i64) -> Self {
        Self(self.0.saturating_mul(n))
    }
}

impl Add<Duration> for Timestamp {
    type Output = Self;
    #[inline]
    fn add(self, d: Duration) -> Self {
        Self(self.0.saturating_add(d.0))
    }
}

impl Sub<Duration> for Timestamp {
    type Output = Self;
    #[inline]
    fn sub(self, d: Duration) -> Self {
        Self(self.0.saturating_sub(d.0))
    }
}

impl Add for Duration {
    type Output = Self;
    #[inline]
    fn add(self, d: Self) -> Self {
        Self(self.0.saturating_add(d.0))
    }
}

/// A span as people say it: `350 ns`, `20.0 ms`, `1.03 s`, `2 m 05 s`, `3 h 04 m`.
impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let ns = self.0.unsigned_abs();
        let s = ns / 1_000_000_000;
        match ns {
            0 => f.write_str("0 s"),
            1..1_000 => write!(f, "{sign}{ns} ns"),
            1_000..1_000_000 => write!(f, "{sign}{:.1} µs", ns as f64 / 1e3),
            1_000_000..1_000_000_000 => write!(f, "{sign}{:.1} ms", ns as f64 / 1e6),
            _ if s < 60 => write!(f, "{sign}{:.2} s", ns as f64 / 1e9),
            _ if s < 3600 => write!(f, "{sign}{} m {:02} s", s / 60, s % 60),
            _ => write!(f, "{sign}{} h {:02} m", s / 3600, s % 3600 / 60),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_read_as_people_say_them() {
        assert_eq!(Duration(350).to_string(), "350 ns");
        assert_eq!(Duration::from_millis(20).to_string(), "20.0 ms");
        assert_eq!(Duration::from_secs(125).to_string(), "2 m 05 s");
        assert_eq!(Duration(-1_030_000_000).to_string(), "-1.03 s");
    }

    #[test]
    fn time_saturates() {
        assert_eq!(Timestamp::MAX + Duration::from_secs(1), Timestamp::MAX);
        assert_eq!(Timestamp::MAX.of_packet().since(Timestamp::MIN.of_packet()), Duration::MAX);
        assert_eq!(Timestamp(-5).of_packet(), Timestamp(-5));
        assert_eq!(Timestamp(5).since(Timestamp(9)), Duration(-4));
    }
}
