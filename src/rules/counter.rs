//! `Table`: a bounded map of counters per key; the keys least recently asked for are let go, and counted.
//!
//! What is let go depends on the order of the keys asked for only, so it is the same in every run.

use std::hash::Hash;

use foldhash::fast::RandomState;
use indexmap::IndexMap;

/// Two generations of half the bound each: when the young one is full it becomes the old one, and the old one goes.
///
/// Values lie in the order in which their keys came, so they need no sorting when they go, and stay where they are
/// when the map grows.
#[derive(Debug)]
pub(super) struct Table<K, V> {
    young: Generation<K, V>,
    old: Generation<K, V>,
    half: usize,
    forgotten: u64,
}

type Generation<K, V> = IndexMap<K, V, RandomState>;

impl<K: Copy + Ord + Hash, V> Table<K, V> {
    /// An empty table that never holds more than `bound` keys.
    pub fn new(bound: usize) -> Self {
        let (young, old) = (Generation::default(), Generation::default());
        Self { young, old, half: (bound / 2).max(1), forgotten: 0 }
    }

    /// The key's value, made where there is none. Keys that have to go for it are added to `gone`, in the order in
    /// which they came.
    pub fn at(&mut self, key: K, gone: &mut Vec<(K, V)>, make: impl FnOnce() -> V) -> &mut V {
        let known = self.young.get_index_of(&key);
        let at = known.unwrap_or_else(|| self.bring(key, gone, make));
        &mut self.young[at]
    }

    /// Makes the key one of the young, and tells which.
    fn bring(&mut self, key: K, gone: &mut Vec<(K, V)>, make: impl FnOnce() -> V) -> usize {
        let value = self.old.swap_remove(&key).unwrap_or_else(make);
        if self.young.len() >= self.half {
            let room = self.old.capacity().min(self.half);
            let young = std::mem::replace(
                &mut self.young,
                Generation::with_capacity_and_hasher(room, RandomState::default()),
            );
            let old = std::mem::replace(&mut self.old, young);
            self.forgotten += old.len() as u64;
            gone.extend(old);
        }
        self.young.insert_full(key, value).0
    }

    /// All of them, in the order of keys.
    pub fn sorted(&self) -> Vec<(&K, &V)> {
        let mut all: Vec<(&K, &V)> = self.old.iter().chain(&self.young).collect();
        all.sort_unstable_by_key(|(key, _)| *key);
        all
    }

    /// The key's value as it stands, where there is one.
    pub fn peek(&self, key: &K) -> Option<&V> {
        self.young.get(key).or_else(|| self.old.get(key))
    }

    /// The key's value, where there is one.
    pub fn get(&mut self, key: &K) -> Option<&mut V> {
        match self.young.get_mut(key) {
            Some(value) => Some(value),
            None => self.old.get_mut(key),
        }
    }

    /// Whether there is no key.
    pub fn is_empty(&self) -> bool {
        self.young.is_empty() && self.old.is_empty()
    }

    /// Everything, in the order of keys.
    pub fn drain(&mut self) -> Vec<(K, V)> {
        let mut all = std::mem::take(&mut self.young);
        all.extend(std::mem::take(&mut self.old));
        all.sort_unstable_keys();
        all.into_iter().collect()
    }

    /// Keys that were let go so far.
    pub fn forgotten(&self) -> u64 {
        self.forgotten
    }
}

/// Packet numbers for a finding: the lowest ten of those seen first.
#[derive(Clone, Debug, Default)]
pub(super) struct Frames(Vec<u64>);

impl Frames {
    const KEPT: usize = 10;

    /// Adds one, while there is room.
    pub fn add(&mut self, frame: u64) {
        if self.0.len() < Self::KEPT && !self.0.contains(&frame) {
            self.0.push(frame);
        }
    }

    /// Ascending.
    pub fn sorted(&self) -> Vec<u64> {
        let mut frames = self.0.clone();
        frames.sort_unstable();
        frames
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_asked_for_stay_and_the_others_go_in_their_order() {
        let mut table = Table::new(4);
        let mut gone = Vec::new();
        for key in [7, 3, 1, 7, 9, 8] {
            *table.at(key, &mut gone, || 0) += 1;
        }
        assert_eq!(gone, [(3, 1)], "7 was asked for again and stays");
        assert_eq!(table.forgotten(), 1);
        assert_eq!(table.drain(), [(1, 1), (7, 2), (8, 1), (9, 1)]);
    }

    #[test]
    fn it_never_holds_more_than_its_bound() {
        let mut table = Table::new(10);
        let mut gone = Vec::new();
        for key in 0..1000 {
            table.at(key, &mut gone, || ());
        }
        assert!(table.drain().len() <= 10);
        assert_eq!(table.forgotten() as usize, gone.len());
    }
}
