//! `Timers`: which connections are to be looked at again, and when.
//!
//! Every connection has one or two, and most are stale before their time. So those of a second to come are no more than
//! numbers, four bytes each, in no order; their times are known where the connections are, and only those of the seconds
//! that have begun are put in order.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use crate::tcp::{Duration, Timestamp};

/// When connections, by their numbers, are to be looked at. One is stale where its connection says another time.
#[derive(Debug)]
pub(super) struct Timers {
    later: BTreeMap<i64, Vec<u32>>,
    /// The earliest of these: the highest number where there is none.
    next: i64,
    /// Of seconds before `begun`.
    soon: BinaryHeap<Reverse<(Timestamp, u32)>>,
    begun: i64,
    len: usize,
}

impl Default for Timers {
    fn default() -> Self {
        let (later, soon) = (BTreeMap::new(), BinaryHeap::new());
        Self { later, next: i64::MAX, soon, begun: i64::MIN, len: 0 }
    }
}

impl Timers {
    /// How many there are, the stale ones with them.
    pub fn len(&self) -> usize {
        self.len
    }

    /// A connection is to be looked at then.
    pub fn add(&mut self, at: Timestamp, index: u32) {
        let second = second(at);
        if second < self.begun {
            self.soon.push(Reverse((at, index)));
        } else {
            let indices = self.later.entry(second).or_default();
            if indices.len() == indices.capacity() {
                // By a quarter, not by as many again: there are two for each half-open connection.
                indices.reserve_exact((indices.len() / 4).max(4));
            }
            indices.push(index);
            self.next = self.next.min(second);
        }
        self.len += 1;
    }

    /// Whether one may have come by `clock`.
    #[inline]
    pub fn may_be_due(&self, clock: Timestamp) -> bool {
        self.next <= second(clock) || self.soon.peek().is_some_and(|Reverse((at, _))| *at <= clock)
    }

    /// The earliest that has come by `clock`; of those of one moment the lowest number. `wake` is what a connection says.
    pub fn next(
        &mut self,
        clock: Timestamp,
        wake: impl Fn(u32) -> Option<Timestamp>,
    ) -> Option<(Timestamp, u32)> {
        loop {
            // What has begun comes before all that has not.
            if let Some(timer) = self.soon.peek().map(|Reverse(timer)| *timer).filter(|(at, _)| *at <= clock)
            {
                self.soon.pop();
                self.len -= 1;
                return Some(timer);
            }
            if self.next > second(clock) {
                return None;
            }
            self.begin(&wake);
        }
    }

    /// The next second begins: what is not stale of it is put in order.
    fn begin(&mut self, wake: impl Fn(u32) -> Option<Timestamp>) {
        let Some((began, indices)) = self.later.pop_first() else { return };
        self.len -= indices.len();
        let all = indices.into_iter().filter_map(|index| Some((wake(index)?, index)));
        for timer in all.filter(|(at, _)| second(*at) == began) {
            self.soon.push(Reverse(timer));
            self.len += 1;
        }
        self.begun = began + 1;
        self.next = self.later.first_key_value().map_or(i64::MAX, |(second, _)| *second);
    }

    /// Lets go of those that are stale.
    pub fn retain(&mut self, wake: impl Fn(u32) -> Option<Timestamp>) {
        self.soon.retain(|Reverse((at, index))| wake(*index) == Some(*at));
        self.later.retain(|began, indices| {
            indices.retain(|index| wake(*index).is_some_and(|at| second(at) == *began));
            indices.sort_unstable();
            indices.dedup();
            !indices.is_empty()
        });
        self.next = self.later.first_key_value().map_or(i64::MAX, |(second, _)| *second);
        self.len = self.soon.len() + self.later.values().map(Vec::len).sum::<usize>();
    }
}

/// The second that a time is in.
fn second(at: Timestamp) -> i64 {
    at.0.div_euclid(Duration::from_secs(1).0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        /// As a set of times and numbers would give them, whatever is set again meanwhile.
        #[test]
        fn they_come_in_order_and_the_stale_ones_are_told_apart(
            steps in proptest::collection::vec((0u32..20, -3_000_000_000i64..9_000_000_000, 0i64..2_000_000_000), 1..200),
        ) {
            let mut wakes = [None; 20];
            let (mut timers, mut clock) = (Timers::default(), Timestamp(-3_000_000_000));
            for (i, (index, ahead, passes)) in steps.into_iter().enumerate() {
                let at = clock + Duration(ahead);
                wakes[index as usize] = Some(at);
                timers.add(at, index);
                clock = clock + Duration(passes);
                if i % 16 == 15 {
                    timers.retain(|index| wakes[index as usize]);
                    prop_assert!(timers.len() <= 2 * wakes.len());
                }
                let named = wakes.iter().enumerate().filter_map(|(i, at)| Some((((*at)?), i as u32)));
                let due: Vec<_> = named.filter(|(at, _)| *at <= clock).collect::<BTreeSet<_>>().into_iter().collect();
                prop_assert!(due.is_empty() || timers.may_be_due(clock));
                let mut came = Vec::new();
                while let Some((at, index)) = timers.next(clock, |index| wakes[index as usize]) {
                    if wakes[index as usize] == Some(at) {
                        wakes[index as usize] = None;
                        came.push((at, index));
                    }
                }
                prop_assert_eq!(came, due);
                prop_assert!(!timers.may_be_due(clock));
            }
        }
    }
}
