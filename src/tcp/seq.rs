//! `SeqNumber`: TCP sequence arithmetic modulo 2^32 that cannot panic (RFC 9293 §3.4).

use std::fmt;
use std::ops::{Add, Sub};

/// A sequence or acknowledgment number; comparisons are serial, valid for values less than 2^31 apart.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct SeqNumber(
    /// The number as it stands in the header.
    pub u32,
);

impl SeqNumber {
    /// How far this number lies after `other`; negative when it lies before.
    #[inline]
    pub fn distance(self, other: Self) -> i32 {
        self.0.wrapping_sub(other.0) as i32
    }

    /// Whether this number comes strictly after `other`.
    #[inline]
    pub fn after(self, other: Self) -> bool {
        self.distance(other) > 0
    }

    /// Whether this number comes strictly before `other`.
    #[inline]
    pub fn before(self, other: Self) -> bool {
        self.distance(other) < 0
    }

    /// The later of the two.
    #[must_use]
    #[inline]
    pub fn max(self, other: Self) -> Self {
        if other.after(self) { other } else { self }
    }

    /// The earlier of the two.
    #[must_use]
    #[inline]
    pub fn min(self, other: Self) -> Self {
        if other.before(self) { other } else { self }
    }
}

impl Add<u32> for SeqNumber {
    type Output = Self;
    #[inline]
    fn add(self, n: u32) -> Self {
        Self(self.0.wrapping_add(n))
    }
}

impl Sub<u32> for SeqNumber {
    type Output = Self;
    #[inline]
    fn sub(self, n: u32) -> Self {
        Self(self.0.wrapping_sub(n))
    }
}

impl fmt::Debug for SeqNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Display for SeqNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_survives_the_wrap() {
        let last = SeqNumber(u32::MAX);
        assert!((last + 1).after(last));
        assert_eq!(last + 6, SeqNumber(5));
        assert_eq!(SeqNumber(5).distance(last), 6);
        assert_eq!(SeqNumber(5) - 6, last);
        assert_eq!(last.max(SeqNumber(3)), SeqNumber(3));
        assert_eq!(last.min(SeqNumber(3)), last);
    }
}
