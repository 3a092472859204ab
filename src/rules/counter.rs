//! `Table`: a bounded map of counters per key; the keys least recently asked for are let go, and counted.
//!
//! What is let go depends on the order of the keys asked for only, so it is the same in every run.

use std::hash::BuildHasher;

use foldhash::fast::RandomState;
use hashbrown::HashTable;

use super::key::{Key, hash_of};

/// Two generations of half the bound each: when the young one is full it becomes the old one, and the old one goes.
#[derive(Debug)]
pub(super) struct Table<K, V> {
    young: Generation<K, V>,
    old: Generation<K, V>,
    /// Where the keys asked for last and before that lie among the young: several facts in a row are about one
    /// connection.
    latest: usize,
    before: usize,
    half: usize,
    forgotten: u64,
    state: RandomState,
}

impl<K: Key, V> Table<K, V> {
    /// An empty table that never holds more than `bound` keys.
    pub fn new(bound: usize) -> Self {
        let (young, old) = (Generation::with_room(0), Generation::with_room(0));
        let half = (bound / 2).max(1);
        Self { young, old, latest: 0, before: 0, half, forgotten: 0, state: RandomState::default() }
    }

    /// The key's value, made where there is none. Keys that have to go for it are added to `gone`, in the order in
    /// which they came.
    pub fn at(&mut self, key: K, gone: &mut Vec<(K, V)>, make: impl FnOnce() -> V) -> &mut V {
        self.ask(key, make, |entries| {
            if gone.is_empty() {
                std::mem::swap(gone, entries);
            } else {
                gone.append(entries);
            }
        })
    }

    /// The same where nothing is to be said of keys that go.
    pub fn at_quietly(&mut self, key: K, make: impl FnOnce() -> V) -> &mut V {
        self.ask(key, make, Vec::clear)
    }

    #[inline]
    fn ask(&mut self, key: K, make: impl FnOnce() -> V, leave: impl FnOnce(&mut Vec<(K, V)>)) -> &mut V {
        if !self.is_latest(&key) {
            let hash = hash_of(&key, &self.state);
            let at = self.young.find(hash, &key);
            self.latest = at.unwrap_or_else(|| self.bring(key, hash, make, leave));
        }
        &mut self.young.entries[self.latest].1
    }

    /// Whether the key is one of the two asked for last. If not, another takes their place.
    #[inline]
    fn is_latest(&mut self, key: &K) -> bool {
        if self.young.has_at(self.latest, key) {
            return true;
        }
        std::mem::swap(&mut self.latest, &mut self.before);
        self.young.has_at(self.latest, key)
    }

    /// Makes the key one of the young, and tells which.
    #[inline(never)]
    fn bring(
        &mut self,
        key: K,
        hash: u32,
        make: impl FnOnce() -> V,
        leave: impl FnOnce(&mut Vec<(K, V)>),
    ) -> usize {
        let value = self.old.take(hash, &key, &self.state).unwrap_or_else(make);
        if self.young.entries.len() >= self.half {
            self.forgotten += self.old.entries.len() as u64;
            self.old.empty(leave);
            std::mem::swap(&mut self.young, &mut self.old);
        }
        self.young.add(hash, key, value)
    }

    /// All of them, in the order of keys.
    pub fn sorted(&self) -> Vec<(&K, &V)> {
        self.sorted_if(|_, _| true)
    }

    /// Those of which something is to be told, in the order of keys.
    pub fn sorted_if(&self, tells: impl Fn(&K, &V) -> bool) -> Vec<(&K, &V)> {
        let all = self.old.entries.iter().chain(&self.young.entries);
        let mut told: Vec<(&K, &V)> = all.filter(|(k, v)| tells(k, v)).map(|(k, v)| (k, v)).collect();
        told.sort_unstable_by_key(|(key, _)| *key);
        told
    }

    /// The key's value as it stands, where there is one.
    pub fn peek(&self, key: &K) -> Option<&V> {
        if self.young.has_at(self.latest, key) {
            return self.young.entries.get(self.latest).map(|(_, v)| v);
        }
        let hash = hash_of(key, &self.state);
        let lies = |g: &Generation<K, V>| g.find(hash, key);
        let young = lies(&self.young).and_then(|at| self.young.entries.get(at));
        young.or_else(|| lies(&self.old).and_then(|at| self.old.entries.get(at))).map(|(_, v)| v)
    }

    /// The key's value, where there is one.
    pub fn get(&mut self, key: &K) -> Option<&mut V> {
        if self.is_empty() {
            return None;
        }
        if !self.is_latest(key) {
            let hash = hash_of(key, &self.state);
            match self.young.find(hash, key) {
                Some(at) => self.latest = at,
                None => {
                    let at = self.old.find(hash, key)?;
                    return self.old.entries.get_mut(at).map(|(_, v)| v);
                }
            }
        }
        self.young.entries.get_mut(self.latest).map(|(_, v)| v)
    }

    /// Whether there is no key.
    pub fn is_empty(&self) -> bool {
        self.young.entries.is_empty() && self.old.entries.is_empty()
    }

    /// Everything, in the order of keys.
    pub fn drain(&mut self) -> Vec<(K, V)> {
        self.drain_if(|_, _| true)
    }

    /// Empties it: those of which something is to be told, in the order of keys.
    pub fn drain_if(&mut self, tells: impl Fn(&K, &V) -> bool) -> Vec<(K, V)> {
        let [young, old] =
            [&mut self.young, &mut self.old].map(|g| std::mem::replace(g, Generation::with_room(0)));
        let all = young.entries.into_iter().chain(old.entries);
        let mut told: Vec<(K, V)> = all.filter(|(k, v)| tells(k, v)).collect();
        told.sort_unstable_by_key(|(key, _)| *key);
        told
    }

    /// Keys that were let go so far.
    pub fn forgotten(&self) -> u64 {
        self.forgotten
    }
}

/// Keys with their values in the order in which they came, so that they need no sorting when they go; one that is taken
/// out leaves its place to the latest.
#[derive(Debug)]
struct Generation<K, V> {
    /// Half of each key's hash, and where it lies: most keys that are not sought need not be looked at.
    places: HashTable<(u32, u32)>,
    entries: Vec<(K, V)>,
}

impl<K: Key, V> Generation<K, V> {
    fn with_room(room: usize) -> Self {
        Self { places: HashTable::with_capacity(room), entries: Vec::with_capacity(room) }
    }

    #[inline]
    fn has_at(&self, at: usize, key: &K) -> bool {
        self.entries.get(at).is_some_and(|(k, _)| k == key)
    }

    #[inline]
    fn find(&self, hash: u32, key: &K) -> Option<usize> {
        let is_it = |(half, at): &(u32, u32)| *half == hash && self.has_at(*at as usize, key);
        self.places.find(spread(hash), is_it).map(|(_, at)| *at as usize)
    }

    fn add(&mut self, hash: u32, key: K, value: V) -> usize {
        let at = self.entries.len();
        self.entries.push((key, value));
        self.places.insert_unique(spread(hash), (hash, at as u32), |(half, _)| spread(*half));
        at
    }

    /// All go. What is left is room for as many others.
    fn empty(&mut self, leave: impl FnOnce(&mut Vec<(K, V)>)) {
        let room = self.entries.capacity();
        leave(&mut self.entries);
        self.places.clear();
        self.entries.reserve(room);
    }

    fn take(&mut self, hash: u32, key: &K, state: &impl BuildHasher) -> Option<V> {
        let Self { places, entries } = self;
        let is_it = |(half, at): &(u32, u32)| {
            *half == hash && entries.get(*at as usize).is_some_and(|(k, _)| k == key)
        };
        let ((_, at), _) = places.find_entry(spread(hash), is_it).ok()?.remove();
        let latest = entries.len() as u32 - 1;
        let (_, value) = entries.swap_remove(at as usize);
        if let Some((moved, _)) = entries.get(at as usize) {
            let place = places.find_mut(spread(hash_of(moved, state)), |(_, of)| *of == latest);
            place.expect("every entry has a place").1 = at;
        }
        Some(value)
    }
}

/// `HashTable` looks at both ends of a hash.
#[inline]
fn spread(half: u32) -> u64 {
    u64::from(half) << 32 | u64::from(half)
}

/// Packet numbers for a finding: the lowest ten of those seen first.
#[derive(Clone, Debug)]
pub(super) struct Frames {
    /// Most have one alone, which needs no list; [`Self::NONE`] before it.
    first: u64,
    #[allow(
        clippy::box_collection,
        reason = "one word in each entry of many tables, most of which need none"
    )]
    others: Option<Box<Vec<u64>>>,
    /// There is no more room.
    is_full: bool,
}

impl Default for Frames {
    fn default() -> Self {
        Self { first: Self::NONE, others: None, is_full: false }
    }
}

impl Frames {
    const KEPT: usize = 10;
    const NONE: u64 = u64::MAX;

    /// Adds one, while there is room.
    #[inline]
    pub fn add(&mut self, frame: u64) {
        if self.first == Self::NONE {
            self.first = frame;
        } else if !self.is_full && self.first != frame {
            self.add_other(frame);
        }
    }

    fn add_other(&mut self, frame: u64) {
        let others = self.others.get_or_insert_default();
        if !others.contains(&frame) {
            others.push(frame);
            self.is_full = others.len() + 1 == Self::KEPT;
        }
    }

    /// Ascending.
    pub fn sorted(&self) -> Vec<u64> {
        let first = Some(self.first).filter(|first| *first != Self::NONE);
        let mut frames: Vec<u64> =
            first.into_iter().chain(self.others.iter().flat_map(|o| &**o).copied()).collect();
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
