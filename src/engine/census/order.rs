//! `Addr`, by which the tables know an address, and the order in which they are told.

use std::hash::{Hash, Hasher};
use std::net::IpAddr;

/// An address as a key: hashed as one number, where derived it would be three parts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Addr(pub IpAddr);

impl Hash for Addr {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self.0 {
            IpAddr::V4(addr) => state.write_u32(addr.to_bits()),
            IpAddr::V6(addr) => state.write_u128(addr.to_bits()),
        }
    }
}

/// Where the keys stand, in their order; no two are equal. What they belong to is large, and stays where it is.
pub(super) fn in_order<K: Ord>(keys: impl Iterator<Item = K>) -> Vec<usize> {
    let mut places: Vec<(K, usize)> = keys.zip(0..).collect();
    places.sort_unstable();
    places.into_iter().map(|(_, place)| place).collect()
}
