//! `Key`: what detectors keep tables by, hashed as a few whole numbers.
//!
//! The derived hash of an address goes through its discriminant, the length of its octets and a slice of them: as long as
//! the rest of a look-up.

use std::hash::{BuildHasher, Hash, Hasher};
use std::net::IpAddr;

use crate::tcp::Endpoint;

/// Something that a table can be kept by.
pub(super) trait Key: Copy + Ord {
    /// Gives it to the hasher.
    fn feed(&self, state: &mut impl Hasher);
}

/// Half a hash of a key, which is enough for a table of some ten thousands.
#[inline]
pub(super) fn hash_of<K: Key>(key: &K, state: &impl BuildHasher) -> u32 {
    let mut state = state.build_hasher();
    key.feed(&mut state);
    (state.finish() >> 32) as u32
}

/// A key as the maps of the standard library want it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Fed<K>(pub K);

impl<K: Key> Hash for Fed<K> {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.feed(state);
    }
}

impl Key for IpAddr {
    #[inline]
    fn feed(&self, state: &mut impl Hasher) {
        match self {
            Self::V4(a) => state.write_u64(u64::from(a.to_bits())),
            Self::V6(a) => state.write_u128(a.to_bits()),
        }
    }
}

/// Its own hash is such a number already.
impl Key for Endpoint {
    #[inline]
    fn feed(&self, state: &mut impl Hasher) {
        self.hash(state);
    }
}

impl<A: Key, B: Key> Key for (A, B) {
    #[inline]
    fn feed(&self, state: &mut impl Hasher) {
        self.0.feed(state);
        self.1.feed(state);
    }
}

impl Key for &'static str {
    fn feed(&self, state: &mut impl Hasher) {
        state.write(self.as_bytes());
    }
}

/// Whole numbers.
macro_rules! number_keys {
    ($($number:ty),+) => {
        $(impl Key for $number {
            #[inline]
            fn feed(&self, state: &mut impl Hasher) {
                state.write_u64(*self as u64);
            }
        })+
    };
}

number_keys!(u16, i16, i32, u64, usize);
