//! `Seconds`: counters for each of the last seconds of packet time.

use crate::tcp::{Duration, Timestamp};

/// The number of the second that a time lies in, since 1970.
#[inline]
pub(super) fn second_of(at: Timestamp) -> i64 {
    at.0.div_euclid(Duration::from_secs(1).0)
}

/// When a second begins.
#[inline]
pub(super) fn start_of(second: i64) -> Timestamp {
    Timestamp(second.saturating_mul(Duration::from_secs(1).0))
}

/// A ring of `N` seconds, the newest one and those before it. Older ones are forgotten.
#[derive(Clone, Debug)]
pub(super) struct Seconds<T, const N: usize> {
    slots: [T; N],
    newest: Option<i64>,
}

impl<T: Copy + Default, const N: usize> Default for Seconds<T, N> {
    fn default() -> Self {
        Self { slots: [T::default(); N], newest: None }
    }
}

impl<T: Copy + Default, const N: usize> Seconds<T, N> {
    /// The counters of a second; `None` where it is too old. A later one than any before moves the ring on.
    #[inline]
    pub fn at(&mut self, second: i64) -> Option<&mut T> {
        let newest = *self.newest.get_or_insert(second);
        if second > newest {
            let steps = second.saturating_sub(newest).min(N as i64);
            for passed in 0..steps {
                self.slots[slot::<N>(second - passed)] = T::default();
            }
            self.newest = Some(second);
        } else if newest.saturating_sub(second) >= N as i64 {
            return None;
        }
        self.slots.get_mut(slot::<N>(second))
    }

    /// What was counted in a second; nothing where it is not kept.
    #[inline]
    pub fn get(&self, second: i64) -> T {
        let kept = self.newest.is_some_and(|n| second <= n && n.saturating_sub(second) < N as i64);
        if kept { self.slots[slot::<N>(second)] } else { T::default() }
    }

    /// The latest second that was counted in.
    pub fn newest(&self) -> Option<i64> {
        self.newest
    }

    /// The sum over seconds up to and with `last`, so many of them.
    #[inline]
    pub fn sum(&self, last: i64, count: i64, of: impl Fn(&T) -> u64) -> u64 {
        (0..count).map(|back| of(&self.get(last.saturating_sub(back)))).sum()
    }
}

#[inline]
fn slot<const N: usize>(second: i64) -> usize {
    second.rem_euclid(N as i64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ring_forgets_what_is_older_than_itself() {
        let mut ring = Seconds::<u64, 4>::default();
        for second in [10, 11, 11, 13] {
            *ring.at(second).expect("new enough") += 1;
        }
        assert_eq!([10, 11, 12, 13, 14].map(|s| ring.get(s)), [1, 2, 0, 1, 0]);
        assert_eq!(ring.sum(13, 3, |n| *n), 3);
        assert!(ring.at(9).is_none());
        *ring.at(100).expect("new enough") += 1;
        assert_eq!([13, 97, 100].map(|s| ring.get(s)), [0, 0, 1]);
        assert_eq!(ring.sum(i64::MIN, 3, |n| *n), 0);
    }
}
