//! `FlowKey`: the unordered pair of endpoints, and which partition it belongs to.

use std::hash::{Hash, Hasher};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::packed::{Reader, Writer};
use crate::tcp::{Endpoint, Segment};

/// Always this many, whatever the number of threads, so that evictions do not depend on threads.
pub const PARTITIONS: usize = 64;

/// Both endpoints of a connection; the same for both directions.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FlowKey {
    ports: [u16; 2],
    addrs: Addrs,
}

/// The addresses in the order of `ports`: the lower address and port come first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Addrs {
    V4([u32; 2]),
    V6([[u8; 16]; 2]),
}

impl FlowKey {
    /// The flow of a segment.
    #[inline]
    pub fn of(segment: &Segment) -> Self {
        let (src, dst) = (&segment.src, &segment.dst);
        match (src.addr, dst.addr) {
            (IpAddr::V4(a), IpAddr::V4(b)) => {
                let ends = in_order((a.to_bits(), src.port), (b.to_bits(), dst.port));
                Self { ports: ends.map(|(_, port)| port), addrs: Addrs::V4(ends.map(|(addr, _)| addr)) }
            }
            (a, b) => {
                let ends = in_order((bits(a), src.port), (bits(b), dst.port));
                let addrs = ends.map(|(addr, _)| addr.to_be_bytes());
                Self { ports: ends.map(|(_, port)| port), addrs: Addrs::V6(addrs) }
            }
        }
    }

    /// Its two endpoints, the lower first.
    pub fn ends(&self) -> [Endpoint; 2] {
        let [low, high] = match self.addrs {
            Addrs::V4(both) => both.map(|a| IpAddr::V4(Ipv4Addr::from_bits(a))),
            Addrs::V6(both) => both.map(|a| IpAddr::V6(Ipv6Addr::from(a))),
        };
        [Endpoint::new(low, self.ports[0]), Endpoint::new(high, self.ports[1])]
    }

    /// Whether this is the lower of its two ends.
    #[inline]
    pub fn begins_with(&self, end: &Endpoint) -> bool {
        let same_addr = match (&self.addrs, end.addr) {
            (Addrs::V4([low, _]), IpAddr::V4(addr)) => *low == addr.to_bits(),
            (Addrs::V6([low, _]), IpAddr::V6(addr)) => *low == addr.octets(),
            _ => false,
        };
        same_addr && self.ports[0] == end.port
    }

    /// Writes it, with a number below 128 of another meaning: 13 bytes, or 37.
    pub(super) fn write(&self, beside: u8, w: &mut Writer) {
        let [a, b] = self.ports.map(u64::from);
        let ports = b << 16 | a;
        match self.addrs {
            Addrs::V4([low, high]) => {
                w.put(ports << 8 | u64::from(beside << 1), 5);
                w.put(u64::from(high) << 32 | u64::from(low), 8);
            }
            Addrs::V6(both) => {
                w.put(ports << 8 | u64::from(beside << 1 | 1), 5);
                let words = both.iter().flat_map(|addr| addr.as_chunks().0);
                words.for_each(|word| w.put(u64::from_le_bytes(*word), 8));
            }
        }
    }

    /// What was written, and the number beside.
    #[inline]
    pub(super) fn read(r: &mut Reader<'_>) -> (Self, u8) {
        let head = r.take(5);
        let ports = [head >> 8, head >> 24].map(|port| port as u16);
        let addrs = if head & 1 == 0 {
            let both = r.take(8);
            Addrs::V4([both as u32, (both >> 32) as u32])
        } else {
            Addrs::V6([0; 2].map(|_| {
                let [low, high] = [0; 2].map(|_| u128::from(r.take(8)));
                (high << 64 | low).to_le_bytes()
            }))
        };
        (Self { ports, addrs }, (head as u8) >> 1)
    }

    /// The partition it belongs to, below [`PARTITIONS`]. A fixed hash: a sender can aim at one partition, and that
    /// partition's own bound contains it.
    #[inline]
    pub fn partition(&self) -> usize {
        let word = |addr: [u8; 16]| {
            let bits = u128::from_be_bytes(addr);
            bits as u64 ^ (bits >> 64) as u64
        };
        let [low, high] = match self.addrs {
            Addrs::V4([low, high]) => [u64::from(low), u64::from(high)],
            Addrs::V6(both) => both.map(word),
        };
        let [low, high] = [low ^ u64::from(self.ports[0]) << 40, high ^ u64::from(self.ports[1]) << 40];
        // Fibonacci hashing (Knuth, TAOCP vol. 3, §6.4): 2^64 / golden ratio.
        let mixed = (low.wrapping_mul(3) ^ high).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (mixed >> 58) as usize
    }
}

/// The lower one first.
#[inline]
fn in_order<T: PartialOrd>(a: T, b: T) -> [T; 2] {
    if a <= b { [a, b] } else { [b, a] }
}

/// An address as a number that is in the order of addresses.
#[inline]
fn bits(addr: IpAddr) -> u128 {
    match addr {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().to_bits(),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

/// Two words for IPv4: the table of connections looks up every segment.
impl Hash for FlowKey {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u32(u32::from(self.ports[0]) << 16 | u32::from(self.ports[1]));
        match &self.addrs {
            Addrs::V4([low, high]) => state.write_u64(u64::from(*low) << 32 | u64::from(*high)),
            Addrs::V6(both) => {
                for addr in both {
                    state.write_u128(u128::from_be_bytes(*addr));
                }
            }
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::tcp::{Flags, Timestamp};

    /// A SYN.
    pub fn between(src: &str, dst: &str) -> Segment {
        let end = |text: &str| {
            let socket: std::net::SocketAddr = text.parse().expect("an address and a port");
            Endpoint::new(socket.ip(), socket.port())
        };
        Segment {
            packet: 1,
            time: Timestamp(0),
            src: end(src),
            dst: end(dst),
            seq: Default::default(),
            ack: Default::default(),
            flags: Flags::SYN,
            window: 0,
            urgent: 0,
            payload_len: 0,
            captured_payload: 0,
            payload_digest: None,
            ip: Default::default(),
            options: Default::default(),
            checksum: Default::default(),
            faults: Default::default(),
        }
    }

    #[test]
    fn both_directions_are_one_flow_and_the_ends_come_back() {
        for (a, b) in [("10.0.0.9:80", "10.0.0.2:40000"), ("[2001:db8::1]:5", "[2001:db8::1]:4")] {
            let (there, back) = (between(a, b), between(b, a));
            let key = FlowKey::of(&there);
            assert_eq!(key, FlowKey::of(&back));
            assert_eq!(key.partition(), FlowKey::of(&back).partition());
            let mut ends = [there.src, there.dst];
            ends.sort();
            assert_eq!(key.ends(), ends);
            let mut w = Writer::default();
            w.begin();
            key.write(77, &mut w);
            assert_eq!(FlowKey::read(&mut Reader::new(w.written())), (key, 77));
        }
    }
}
