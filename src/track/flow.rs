//! `FlowKey`: the unordered pair of endpoints, and which partition it belongs to.

use std::net::IpAddr;

use crate::tcp::{Endpoint, Segment};

/// How many partitions there are, always: what one forgets under pressure then doesn't depend on the threads.
pub const PARTITIONS: usize = 64;

/// The pair of endpoints of a connection, the smaller one first, packed for hashing.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct FlowKey {
    low: (u128, u16),
    high: (u128, u16),
    v6: bool,
}

impl FlowKey {
    /// The key of the segment's connection, in whichever direction it goes.
    #[inline]
    pub fn of(segment: &Segment) -> Self {
        let (src, v6) = pack(&segment.src);
        let (dst, _) = pack(&segment.dst);
        if src <= dst { Self { low: src, high: dst, v6 } } else { Self { low: dst, high: src, v6 } }
    }

    /// The partition, from 0 to [`PARTITIONS`] − 1. Fixed for all time: a sender could aim at one, and its own
    /// bound contains that.
    #[inline]
    pub fn partition(&self) -> usize {
        let fold =
            |(addr, port): (u128, u16)| (addr as u64) ^ ((addr >> 64) as u64) ^ (u64::from(port) << 40);
        // Fibonacci hashing (Knuth, TAOCP vol. 3, §6.4): 2^64 / golden ratio.
        let mixed = (fold(self.low).wrapping_mul(3) ^ fold(self.high)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (mixed >> 58) as usize
    }
}

#[inline]
fn pack(endpoint: &Endpoint) -> ((u128, u16), bool) {
    match endpoint.addr {
        IpAddr::V4(a) => ((u128::from(a.to_bits()), endpoint.port), false),
        IpAddr::V6(a) => ((a.to_bits(), endpoint.port), true),
    }
}
