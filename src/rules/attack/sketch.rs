//! Counts in bounded memory: distinct things, heavy hitters, and a gate that lets in only what comes again.
//!
//! Hashes have fixed keys, so that the same input gives the same output; what an attacker gains by aiming at them is a
//! worse estimate, never more memory.

use std::hash::Hash;
use std::net::IpAddr;

use datasketches::hll::{Coupon, HllSketch, HllType};

use crate::tcp::Endpoint;

/// How many different things there were (HyperLogLog; exact within a per cent while few).
#[derive(Clone, Debug)]
pub(super) struct Distinct(HllSketch);

impl Distinct {
    /// 4,096 registers: 1.6 % off on average, 4 KiB.
    pub fn fine() -> Self {
        Self::of(12)
    }

    /// 256 registers: 6.5 % off on average, 256 bytes.
    pub fn coarse() -> Self {
        Self::of(8)
    }

    fn of(lg_registers: u8) -> Self {
        Self(HllSketch::new(lg_registers, HllType::Hll8).expect("8 and 12 lie within 4 to 21"))
    }

    /// Counts a thing, once.
    pub fn add<T: Hash>(&mut self, thing: T) {
        self.0.update(thing);
    }

    /// Counts a thing of which the hash was taken before.
    pub fn add_hashed(&mut self, hash: Coupon) {
        self.0.update_with_coupon(hash);
    }

    /// The estimate.
    pub fn count(&self) -> u64 {
        self.0.estimate().round() as u64
    }
}

/// The hash of an address, for several [`Distinct`] at once.
pub(super) fn hash_of(addr: IpAddr) -> Coupon {
    match addr {
        IpAddr::V4(a) => Coupon::from_value(a.to_bits()),
        IpAddr::V6(a) => Coupon::from_value(a.to_bits()),
    }
}

/// The heaviest hitters of a stream (Space-Saving: Metwally, Agrawal, El Abbadi, 2005): at most `N` keys, and no key
/// that makes up more than 1/N of all is missing. Counts are those that are certain: exact while there are no more than
/// `N` keys, too low otherwise.
#[derive(Clone, Debug)]
pub(super) struct Top<K, const N: usize> {
    entries: Vec<Entry<K>>,
    total: u64,
}

#[derive(Clone, Copy, Debug)]
struct Entry<K> {
    key: K,
    count: u64,
    /// What it took over from the key whose place it took.
    taken: u64,
}

impl<K> Entry<K> {
    fn certain(&self) -> u64 {
        self.count - self.taken
    }
}

impl<K, const N: usize> Default for Top<K, N> {
    fn default() -> Self {
        Self { entries: Vec::new(), total: 0 }
    }
}

impl<K: Copy + Ord, const N: usize> Top<K, N> {
    /// Counts a key, so many times.
    #[inline]
    pub fn add(&mut self, key: K, times: u64) {
        self.total += times;
        if let Some(entry) = self.entries.iter_mut().find(|e| e.key == key) {
            entry.count += times;
        } else if self.entries.len() < N {
            self.entries.push(Entry { key, count: times, taken: 0 });
        } else if let Some(least) = self.entries.iter_mut().min_by_key(|e| e.count) {
            *least = Entry { key, count: least.count + times, taken: least.count };
        }
    }

    /// The keys, most frequent first.
    pub fn sorted(&self) -> Vec<(K, u64)> {
        let mut sorted: Vec<(K, u64)> = self.entries.iter().map(|e| (e.key, e.certain())).collect();
        sorted.sort_by(|a, b| (b.1, a.0).cmp(&(a.1, b.0)));
        sorted
    }

    /// How often the most frequent one was there.
    pub fn most(&self) -> u64 {
        self.entries.iter().map(Entry::certain).max().unwrap_or(0)
    }

    /// How many of all were one of the keys kept.
    pub fn covered(&self) -> u64 {
        self.entries.iter().map(Entry::certain).sum()
    }

    /// Keys kept: all there are, while fewer than `N`.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// How many were counted.
    pub fn total(&self) -> u64 {
        self.total
    }
}

/// Lets a key through that comes at least `times` times within ten seconds. One that shares another's place starts it
/// anew.
#[derive(Clone, Debug)]
pub(super) struct Gate {
    places: Vec<Place>,
    times: u8,
}

#[derive(Clone, Copy, Debug, Default)]
struct Place {
    tag: u32,
    since: u32,
    count: u8,
}

impl Gate {
    /// Places; 192 KiB, and a chance of 1 in 16,384 that two keys share one.
    const PLACES: usize = 1 << 14;
    /// Within so many seconds.
    const SPAN: u32 = 10;

    /// A gate that opens at the `times`-th time.
    pub fn new(times: u8) -> Self {
        Self { places: vec![Place::default(); Self::PLACES], times }
    }

    /// Whether the key may pass.
    pub fn passes(&mut self, hash: u64, second: i64) -> bool {
        let (tag, now) = ((hash >> 32) as u32, second as u32);
        let place = &mut self.places[hash as usize % Self::PLACES];
        if place.tag != tag || now.wrapping_sub(place.since) >= Self::SPAN {
            *place = Place { tag, since: now, count: 0 };
        }
        place.count = place.count.saturating_add(1);
        place.count >= self.times
    }
}

/// A hash of an address with a fixed key.
pub(super) fn hash_of_address(addr: IpAddr) -> u64 {
    hash_of_endpoint(&Endpoint::new(addr, 0))
}

/// A hash of an address and port with a fixed key.
pub(super) fn hash_of_endpoint(end: &Endpoint) -> u64 {
    let bits = match end.addr {
        IpAddr::V4(a) => u128::from(a.to_bits()),
        IpAddr::V6(a) => a.to_bits(),
    };
    mix(mix(bits as u64, (bits >> 64) as u64), u64::from(end.port))
}

/// A hash with a fixed key (the finalizer of MurmurHash3, Appleby, public domain).
pub(super) fn mix(low: u64, high: u64) -> u64 {
    let mut h = low ^ high.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    h = (h ^ h >> 33).wrapping_mul(0xff51_afd7_ed55_8ccd);
    h = (h ^ h >> 33).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    h ^ h >> 33
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distinct_things_are_counted_within_the_error() {
        let mut fine = Distinct::fine();
        let mut coarse = Distinct::coarse();
        for i in 0..100_000u32 {
            fine.add(i % 50_000);
            coarse.add(i % 50_000);
        }
        assert!(fine.count().abs_diff(50_000) < 2_500, "{}", fine.count());
        assert!(coarse.count().abs_diff(50_000) < 12_500, "{}", coarse.count());
        let mut few = Distinct::fine();
        (0..1000u32).for_each(|i| few.add(i % 40));
        assert_eq!(few.count(), 40);
    }

    #[test]
    fn a_heavy_hitter_is_never_lost() {
        let mut top = Top::<u32, 8>::default();
        for i in 0..10_000 {
            top.add(if i % 4 == 0 { 7 } else { 1000 + i }, 1);
        }
        assert_eq!(top.sorted()[0].0, 7);
        assert!((2000..=2500).contains(&top.most()) && top.len() == 8 && top.total() == 10_000);
    }

    #[test]
    fn the_gate_opens_for_what_comes_again_soon() {
        let mut gate = Gate::new(3);
        let key = mix(1, 2);
        assert_eq!([0, 1, 2, 3].map(|s| gate.passes(key, s)), [false, false, true, true]);
        assert_eq!([20, 29, 31, 32].map(|s| gate.passes(key, s)), [false, false, false, false]);
        let strangers = (0..10_000).filter(|i| gate.passes(mix(*i, 99), 40)).count();
        assert_eq!(strangers, 0);
    }
}
