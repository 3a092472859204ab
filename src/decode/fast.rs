//! What nearly every packet is, in one go: Ethernet with up to two VLAN tags, Linux cooked or raw; IPv4 without options or
//! fragments, or IPv6 without extension headers; TCP with all its header captured.
//!
//! Of any other packet it says nothing, and the way from layer to layer decides, which would have said the same of these
//! too: `tests` holds the two against each other, and so does a fuzz target.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::digest::digest_and_sum;
use super::ether::{IPV4, IPV6, VLAN};
use super::host::ARPHRD_LOOPBACK;
use super::{TCP, options};
use crate::source::Packet;
use crate::tcp::{Checksum, Endpoint, Flags, HeaderFaults, IpFields, Options, Segment, SeqNumber};

/// The segment of a common packet.
#[inline]
pub(super) fn segment(packet: &Packet<'_>) -> Option<Segment> {
    let mut fields = IpFields::default();
    let at = link(packet, &mut fields)?;
    let data = packet.data.get(at..)?;
    let uncaptured = (packet.wire_len as usize).saturating_sub(packet.data.len());
    match data.first()? >> 4 {
        4 => ipv4(data, uncaptured, fields, packet),
        6 => ipv6(data, uncaptured, fields, packet),
        _ => None,
    }
}

/// Where the IP header begins.
#[inline(always)]
fn link(packet: &Packet<'_>, fields: &mut IpFields) -> Option<usize> {
    match packet.link.0 {
        1 => ethernet(packet.data, fields),
        101 | 12 | 14 | 228 | 229 => Some(0),
        113 => cooked(packet.data, fields),
        _ => None,
    }
}

#[inline(always)]
fn ethernet(data: &[u8], fields: &mut IpFields) -> Option<usize> {
    let [addresses @ .., type0, type1] = data.first_chunk::<14>()?;
    fields.link_broadcast = addresses[0] & 1 != 0;
    fields.link_loopback = *addresses == [0; 12];
    let mut next = u16::from_be_bytes([*type0, *type1]);
    let mut at = 14;
    while let VLAN | SERVICE_VLAN = next {
        if at == 14 + 2 * TAG {
            return None;
        }
        let [id0, id1, next0, next1] = *data.get(at..)?.first_chunk()?;
        if at == 14 {
            fields.vlan = Some(u16::from_be_bytes([id0, id1]) & 0x0fff);
        }
        next = u16::from_be_bytes([next0, next1]);
        at += TAG;
    }
    matches!(next, IPV4 | IPV6).then_some(at)
}

/// Linux "cooked" capture, version 1.
#[inline(always)]
fn cooked(data: &[u8], fields: &mut IpFields) -> Option<usize> {
    let [kind0, kind1, hardware0, hardware1, .., type0, type1] = *data.first_chunk::<16>()?;
    fields.link_broadcast = matches!([kind0, kind1], [0, 1 | 2]);
    fields.link_loopback = u16::from_be_bytes([hardware0, hardware1]) == ARPHRD_LOOPBACK;
    matches!(u16::from_be_bytes([type0, type1]), IPV4 | IPV6).then_some(16)
}

/// IPv4 (RFC 791 §3.1): a header of five words, the whole of its datagram.
#[inline(always)]
fn ipv4(data: &[u8], uncaptured: usize, mut fields: IpFields, packet: &Packet<'_>) -> Option<Segment> {
    let header = data.first_chunk::<20>()?;
    let [first, class, len0, len1, id0, id1, frag0, frag1, ttl, protocol, _, _, addresses @ ..] = *header;
    let fragment = u16::from_be_bytes([frag0, frag1]);
    if first != 0x45 || protocol != TCP || fragment & 0x3fff != 0 {
        return None;
    }
    let total = usize::from(u16::from_be_bytes([len0, len1]));
    if total > data.len() + uncaptured {
        return None;
    }
    fields.ttl = ttl;
    fields.traffic_class = class;
    fields.id = Some(u16::from_be_bytes([id0, id1]));
    fields.dont_fragment = fragment & 0x4000 != 0;
    let [s0, s1, s2, s3, d0, d1, d2, d3] = addresses;
    let src = IpAddr::V4(Ipv4Addr::new(s0, s1, s2, s3));
    let dst = IpAddr::V4(Ipv4Addr::new(d0, d1, d2, d3));
    let addresses = word([s0, s1, s2, s3]) + word([d0, d1, d2, d3]);
    tcp(data.get(20..total.min(data.len()))?, total.checked_sub(20)?, (src, dst), addresses, fields, packet)
}

/// IPv6 (RFC 8200 §3), with TCP right behind it.
#[inline(always)]
fn ipv6(data: &[u8], uncaptured: usize, mut fields: IpFields, packet: &Packet<'_>) -> Option<Segment> {
    let (header, rest) = data.split_first_chunk::<40>()?;
    let [first, class, _, _, len0, len1, next, hops, addresses @ ..] = *header;
    let stated = usize::from(u16::from_be_bytes([len0, len1]));
    if next != TCP || stated == 0 || stated > rest.len() + uncaptured {
        return None;
    }
    fields.ttl = hops;
    fields.traffic_class = first << 4 | class >> 4;
    fields.dont_fragment = true;
    let (src, dst) = addresses.split_first_chunk::<16>()?;
    let ends = (IpAddr::V6(Ipv6Addr::from(*src)), IpAddr::V6(Ipv6Addr::from(*dst.first_chunk()?)));
    let (words, _) = addresses.as_chunks::<4>();
    let addresses = words.iter().map(|w| word(*w)).sum();
    tcp(rest.get(..stated.min(rest.len()))?, stated, ends, addresses, fields, packet)
}

/// TCP (RFC 9293 §3.1) in `data`, of which the wire had `len` bytes.
#[inline(always)]
fn tcp(
    data: &[u8],
    len: usize,
    (src, dst): (IpAddr, IpAddr),
    addresses: u64,
    ip: IpFields,
    packet: &Packet<'_>,
) -> Option<Segment> {
    let fixed = *data.first_chunk::<20>()?;
    let [s0, s1, d0, d1, q0, q1, q2, q3, a0, a1, a2, a3, offset, bits, w0, w1, c0, c1, u0, u1] = fixed;
    let header_len = usize::from(offset >> 4) * 4;
    // A reserved bit is a fault, and faults are for the other way.
    if offset & 0x0e != 0 || header_len < 20 {
        return None;
    }
    let (header, payload) = data.split_at_checked(header_len)?;
    let option_bytes = header.get(20..)?;
    let (payload_digest, checksum) = if data.len() < len {
        (None, Checksum::Unverifiable)
    } else {
        let (digest, sum) = digest_and_sum(payload);
        let pseudo = addresses + word((len as u32).to_be_bytes()) + word([0, TCP, 0, 0]);
        let (words, _) = header.as_chunks::<4>();
        let header: u64 = words.iter().map(|w| word(*w)).sum();
        (digest, judge(pseudo, header + sum, u16::from_le_bytes([c0, c1])))
    };
    let mut segment = Segment {
        packet: packet.number,
        time: packet.time,
        src: Endpoint { addr: src, port: u16::from_be_bytes([s0, s1]) },
        dst: Endpoint { addr: dst, port: u16::from_be_bytes([d0, d1]) },
        seq: SeqNumber(u32::from_be_bytes([q0, q1, q2, q3])),
        ack: SeqNumber(u32::from_be_bytes([a0, a1, a2, a3])),
        flags: Flags(u16::from_be_bytes([offset & 1, bits])),
        window: u16::from_be_bytes([w0, w1]),
        urgent: u16::from_be_bytes([u0, u1]),
        payload_len: (len - header_len) as u32,
        captured_payload: payload.len() as u32,
        payload_digest,
        ip,
        options: Options::default(),
        checksum,
        faults: HeaderFaults::default(),
    };
    if !option_bytes.is_empty() {
        options::read(option_bytes, false, &mut segment.options);
    }
    Some(segment)
}

/// The checksum (RFC 9293 §3.1) from the sums of the pseudo-header and of all else, the field included.
#[inline(always)]
fn judge(pseudo: u64, segment: u64, field: u16) -> Checksum {
    if fold(pseudo + segment) == 0xffff {
        Checksum::Good
    } else if fold(pseudo) == field {
        Checksum::Offloaded
    } else {
        Checksum::Bad
    }
}

/// A sum folded to 16 bits.
#[inline(always)]
fn fold(mut sum: u64) -> u16 {
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum as u16
}

/// Four bytes as two 16-bit words whose first byte is the low one: the sum does not care (RFC 1071 §2).
#[inline(always)]
fn word(bytes: [u8; 4]) -> u64 {
    u64::from(u32::from_le_bytes(bytes))
}

/// EtherType of a service VLAN tag (IEEE 802.1ad), the outer one of two.
const SERVICE_VLAN: u16 = 0x88a8;
/// Bytes of a VLAN tag after its EtherType: priority and id, the next EtherType.
const TAG: usize = 4;
