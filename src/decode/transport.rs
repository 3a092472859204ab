//! The TCP header (RFC 9293 §3.1) and its checksum.

use std::net::IpAddr;

use crate::source::Packet;
use crate::tcp::{Checksum, Endpoint, Flags, HeaderFaults, OptionFaults, Options, Segment, SeqNumber};

use super::Skip;
use super::digest::digest;
use super::layer::Below;
use super::options;
use super::wire::Wire;

/// A segment from its TCP header, if the capture has the first 14 bytes: ports, numbers, offset and flags.
pub(super) fn tcp(wire: Wire<'_>, below: &Below, packet: &Packet<'_>) -> Result<Segment, Skip> {
    let mut faults = HeaderFaults::default();
    let fixed = match wire.data.first_chunk::<20>() {
        Some(fixed) => *fixed,
        None => padded(wire, &mut faults)?,
    };
    let [s0, s1, d0, d1, q0, q1, q2, q3, a0, a1, a2, a3, offset, bits, w0, w1, c0, c1, u0, u1] = fixed;
    let header_len = usize::from(offset >> 4) * 4;
    if offset & 0x0e != 0 {
        faults.set(HeaderFaults::RESERVED_BITS);
    }
    let payload = payload(wire, header_len, &mut faults);
    let mut segment = Segment {
        packet: packet.number,
        time: packet.time,
        src: Endpoint { addr: below.src, port: u16::from_be_bytes([s0, s1]) },
        dst: Endpoint { addr: below.dst, port: u16::from_be_bytes([d0, d1]) },
        seq: SeqNumber(u32::from_be_bytes([q0, q1, q2, q3])),
        ack: SeqNumber(u32::from_be_bytes([a0, a1, a2, a3])),
        flags: Flags(u16::from_be_bytes([offset & 1, bits])),
        window: u16::from_be_bytes([w0, w1]),
        urgent: u16::from_be_bytes([u0, u1]),
        payload_len: u32::try_from(payload.len).unwrap_or(u32::MAX),
        captured_payload: u32::try_from(payload.data.len()).unwrap_or(u32::MAX),
        payload_digest: digest(payload),
        ip: below.ip,
        options: Options::default(),
        checksum: checksum(wire, below, u16::from_be_bytes([c0, c1])),
        faults,
    };
    if header_len > 20 && header_len <= wire.len {
        read_options(wire, header_len, &mut segment.options);
    }
    Ok(segment)
}

/// The fixed header where it is not all there: zeros stand for what is missing.
#[cold]
fn padded(wire: Wire<'_>, faults: &mut HeaderFaults) -> Result<[u8; 20], Skip> {
    if wire.data.len() < 14 {
        return Err(if wire.is_cut() { Skip::Cut } else { Skip::Malformed });
    }
    if wire.is_cut() {
        faults.set(HeaderFaults::CUT);
    }
    let mut fixed = [0; 20];
    for (to, from) in fixed.iter_mut().zip(wire.data) {
        *to = *from;
    }
    Ok(fixed)
}

/// The payload; it can't be told where the data offset contradicts the header or the segment.
#[inline]
fn payload<'a>(wire: Wire<'a>, header_len: usize, faults: &mut HeaderFaults) -> Wire<'a> {
    if header_len < 20 {
        faults.set(HeaderFaults::OFFSET_TOO_SMALL);
    } else if header_len > wire.len {
        faults.set(HeaderFaults::OFFSET_BEYOND_SEGMENT);
    } else {
        return wire.after(header_len);
    }
    Wire::new(&[], 0)
}

/// The options between the fixed header and the payload, as far as they were captured.
#[inline]
fn read_options(wire: Wire<'_>, header_len: usize, options: &mut Options) {
    let cut = wire.data.len() < header_len;
    let bytes = wire.data.get(20..header_len.min(wire.data.len())).unwrap_or(&[]);
    options::read(bytes, cut, options);
    if cut {
        options.faults.set(OptionFaults::CUT);
    }
}

/// The checksum field against the bytes (RFC 9293 §3.1; RFC 8200 §8.1 for IPv6).
#[inline]
fn checksum(wire: Wire<'_>, below: &Below, field: u16) -> Checksum {
    if wire.is_cut() || wire.data.len() < 20 || below.length_unknown {
        return Checksum::Unverifiable;
    }
    let pseudo = pseudo_header(below, wire.len);
    if fold(pseudo + sum(wire.data)) == 0xffff {
        Checksum::Good
    } else if fold(pseudo) == field.to_be() {
        Checksum::Offloaded
    } else {
        Checksum::Bad
    }
}

/// The sum of the pseudo-header: addresses, protocol, length.
#[inline]
fn pseudo_header(below: &Below, len: usize) -> u64 {
    let addresses = match (below.src, below.dst) {
        (IpAddr::V4(a), IpAddr::V4(b)) => sum(&a.octets()) + sum(&b.octets()),
        (IpAddr::V6(a), IpAddr::V6(b)) => sum(&a.octets()) + sum(&b.octets()),
        _ => 0,
    };
    let len = u32::try_from(len).unwrap_or(u32::MAX);
    addresses + sum(&len.to_be_bytes()) + u64::from(6_u16.to_be())
}

/// One's complement sum of the bytes in this machine's order, folded to 32 bits and perhaps a carry (RFC 1071 §2: the
/// order of bytes and the width of words do not matter until the end).
#[inline]
fn sum(bytes: &[u8]) -> u64 {
    // Words of 64 bits, each carry counted in the high half: an addition and a carry for eight bytes.
    let (words, mut rest) = bytes.as_chunks();
    let (blocks, words) = words.as_chunks();
    let mut total = 0u128;
    for [a, b, c, d] in blocks {
        total += number(a);
        total += number(b);
        total += number(c);
        total += number(d);
    }
    for word in words {
        total += number(word);
    }
    if let Some((word, behind)) = rest.split_first_chunk() {
        total += u128::from(u32::from_ne_bytes(*word));
        rest = behind;
    }
    let last = match *rest {
        [a, b, c] => [a, b, c, 0],
        [a, b] => [a, b, 0, 0],
        [a] => [a, 0, 0, 0],
        _ => [0; 4],
    };
    total += u128::from(u32::from_ne_bytes(last));
    let halves = [total as u32, (total >> 32) as u32, (total >> 64) as u32];
    halves.into_iter().map(u64::from).sum()
}

#[inline]
fn number(word: &[u8; 8]) -> u128 {
    u128::from(u64::from_ne_bytes(*word))
}

/// A sum folded to 16 bits, in this machine's byte order.
#[inline]
fn fold(mut sum: u64) -> u16 {
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum as u16
}
