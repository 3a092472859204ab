//! `Segment` and `Endpoint`: what one packet says about one connection.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::net::IpAddr;
use std::num::NonZeroU64;

use super::{Flags, Options, SeqNumber, Timestamp};

/// An address and a port.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Endpoint {
    /// IPv4 or IPv6 address.
    pub addr: IpAddr,
    /// TCP port.
    pub port: u16,
}

impl Endpoint {
    /// An endpoint from its two parts.
    pub fn new(addr: IpAddr, port: u16) -> Self {
        Self { addr, port }
    }
}

/// In one or two numbers: tables of endpoints are asked many times for every connection, and derived this is four parts.
impl Hash for Endpoint {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self.addr {
            IpAddr::V4(addr) => state.write_u64(u64::from(addr.to_bits()) << 16 | u64::from(self.port)),
            IpAddr::V6(addr) => {
                state.write_u128(addr.to_bits());
                state.write_u16(self.port);
            }
        }
    }
}

/// `10.0.0.1:80` and `[2001:db8::1]:80`.
impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.addr {
            IpAddr::V4(a) => write!(f, "{a}:{}", self.port),
            IpAddr::V6(a) => write!(f, "[{a}]:{}", self.port),
        }
    }
}

/// One TCP header, decoded, with what the layers below said of it. Holds no bytes of the packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Number of the packet in the input, from 1; several files run on.
    pub packet: u64,
    /// Capture time.
    pub time: Timestamp,
    /// Who sent it.
    pub src: Endpoint,
    /// To whom.
    pub dst: Endpoint,
    /// Sequence number.
    pub seq: SeqNumber,
    /// Acknowledgment number; meaningful only with ACK.
    pub ack: SeqNumber,
    /// Control bits.
    pub flags: Flags,
    /// Window as in the header, not scaled.
    pub window: u16,
    /// Urgent pointer.
    pub urgent: u16,
    /// Payload bytes the IP header promises, whatever the capture kept of them.
    pub payload_len: u32,
    /// Payload bytes that the capture kept.
    pub captured_payload: u32,
    /// A digest of the payload, the same on every machine; `None` without payload, or where not all was captured.
    pub payload_digest: Option<NonZeroU64>,
    /// Fields of the innermost IP header.
    pub ip: IpFields,
    /// TCP options.
    pub options: Options,
    /// The TCP checksum against the bytes captured.
    pub checksum: Checksum,
    /// What is odd in the fixed header.
    pub faults: HeaderFaults,
}

impl Segment {
    /// SEG.LEN of RFC 9293 §3.4: payload plus one for SYN and one for FIN.
    #[inline]
    pub fn len(&self) -> u32 {
        self.payload_len.wrapping_add(u32::from(self.flags.syn())).wrapping_add(u32::from(self.flags.fin()))
    }

    /// Whether it takes no sequence number at all.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The sequence number after the last one it takes.
    #[inline]
    pub fn end(&self) -> SeqNumber {
        self.seq + self.len()
    }

    /// ACK set, no SYN, FIN, RST and no payload.
    #[inline]
    pub fn is_pure_ack(&self) -> bool {
        self.payload_len == 0 && self.flags.ack() && !self.flags.any(Flags::SYN | Flags::FIN | Flags::RST)
    }
}

/// What the innermost IP header says beside the addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct IpFields {
    /// Time to live, or hop limit.
    pub ttl: u8,
    /// Traffic class: DSCP and, in the low two bits, ECN.
    pub traffic_class: u8,
    /// IPv4 identification; `None` for IPv6, which has none outside fragments.
    pub id: Option<u16>,
    /// IPv4 Don't-Fragment; true for IPv6.
    pub dont_fragment: bool,
    /// The segment was put together from fragments.
    pub reassembled: bool,
    /// How many tunnels it was taken out of.
    pub tunnel_depth: u8,
    /// Outermost VLAN id, where there is a tag.
    pub vlan: Option<u16>,
    /// The link layer destination was broadcast or multicast.
    pub link_broadcast: bool,
    /// The link is a host's own loopback: it is talking to itself.
    pub link_loopback: bool,
}

/// What can be said of the TCP checksum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Checksum {
    /// It is right.
    Good,
    /// It is wrong, and not merely left to the network card.
    Bad,
    /// It equals the sum of the pseudo-header alone: the card was to fill it in (checksum offload).
    Offloaded,
    /// Not all bytes it covers were captured, or nobody asked.
    #[default]
    Unverifiable,
}

/// Oddities of the fixed TCP header, one bit each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct HeaderFaults(
    /// The bits named by the constants of this type.
    pub u8,
);

impl HeaderFaults {
    /// One of the three reserved bits is set.
    pub const RESERVED_BITS: Self = Self(1);
    /// The data offset is below 5 words: the header ends inside its fixed part.
    pub const OFFSET_TOO_SMALL: Self = Self(2);
    /// The data offset reaches beyond the segment.
    pub const OFFSET_BEYOND_SEGMENT: Self = Self(4);
    /// The capture cut the packet inside the fixed 20 bytes: window, checksum and urgent pointer may be unknown.
    pub const CUT: Self = Self(8);

    /// Whether any bit of `other` is set.
    #[inline]
    pub fn any(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Sets the bits of `other`.
    #[inline]
    pub fn set(&mut self, other: Self) {
        self.0 |= other.0;
    }
}
