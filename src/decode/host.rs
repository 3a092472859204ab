//! Headers that an operating system makes up where it captures above the link layer: cooked, loopback, logs, taps.

use super::Skip;
use super::ether::cut_or_malformed;
use super::layer::{Below, Layer, Step};
use super::wire::Wire;

/// Linux "cooked" capture, version 1: type, hardware, address length, address, protocol.
pub(super) fn sll<'a>(wire: Wire<'a>, below: &mut Below) -> Step<'a> {
    let (Some(kind), Some(protocol)) = (wire.u16(0), wire.u16(14)) else {
        return Err(cut_or_malformed(wire, 16));
    };
    below.ip.link_broadcast = matches!(kind, 1 | 2);
    below.ip.link_loopback = wire.u16(2) == Some(ARPHRD_LOOPBACK);
    cooked(protocol, wire.after(16))
}

/// Linux "cooked" capture, version 2: protocol, interface, hardware, type, address length, address.
pub(super) fn sll2<'a>(wire: Wire<'a>, below: &mut Below) -> Step<'a> {
    let (Some(protocol), Some(kind), Some(_)) = (wire.u16(0), wire.u8(10), wire.u8(19)) else {
        return Err(cut_or_malformed(wire, 20));
    };
    below.ip.link_broadcast = matches!(kind, 1 | 2);
    below.ip.link_loopback = wire.u16(8) == Some(ARPHRD_LOOPBACK);
    cooked(protocol, wire.after(20))
}

/// The protocol field of a cooked header: an EtherType, or 4 for LLC.
fn cooked(protocol: u16, rest: Wire<'_>) -> Step<'_> {
    match protocol {
        4 => Ok((Layer::Llc, rest)),
        0x0600.. => Ok((Layer::EtherType(protocol), rest)),
        _ => Err(Skip::NotIp),
    }
}

/// BSD loopback: a protocol family of four bytes, in the order of the capturing machine (NULL) or the network (LOOP).
pub(super) fn null<'a>(wire: Wire<'a>, below: &mut Below) -> Step<'a> {
    below.ip.link_loopback = true;
    let bytes = wire.array(0).ok_or(cut_or_malformed(wire, 4))?;
    let (big, little) = (u32::from_be_bytes(bytes), u32::from_le_bytes(bytes));
    // AF_INET is 2 everywhere; AF_INET6 is 10 on Linux, 24 on NetBSD and OpenBSD, 28 on FreeBSD, 30 on macOS.
    if [big, little].iter().any(|family| matches!(family, 2 | 10 | 24 | 28 | 30)) {
        return Ok((Layer::Ip, wire.after(4)));
    }
    if bytes.starts_with(&[0xff, 3]) {
        return Ok((Layer::Ppp, wire));
    }
    match u16::try_from(big).or(u16::try_from(little)) {
        Ok(number) if number >= 0x0600 => Ok((Layer::EtherType(number), wire.after(4))),
        _ => Err(Skip::NotIp),
    }
}

/// Linux netfilter log: family, version, resource id, then fields in host order; field 9 is the packet.
pub(super) fn nflog(wire: Wire<'_>) -> Step<'_> {
    let mut rest = wire.after(4);
    for _ in 0..MAX_FIELDS {
        let (Some(length), Some(kind)) = (rest.u16_le(0), rest.u16_le(2)) else {
            return Err(cut_or_malformed(rest, 4));
        };
        let length = usize::from(length);
        if length < 4 {
            return Err(Skip::Malformed);
        }
        if kind == 9 {
            return Ok((Layer::Ip, rest.at_most(length).after(4)));
        }
        rest = rest.after(length.next_multiple_of(4));
    }
    Err(Skip::NotIp)
}

/// Apple's PKTAP: its own length, then the link type of what follows, both little-endian.
pub(super) fn pktap(wire: Wire<'_>) -> Step<'_> {
    let (Some(length), Some(link)) = (wire.u16_le(0), wire.u16_le(8)) else {
        return Err(cut_or_malformed(wire, 12));
    };
    // A packet that wraps itself would never end.
    if link == 258 || length < 12 {
        return Err(Skip::Malformed);
    }
    Ok((Layer::Link(link), wire.after(usize::from(length))))
}

/// The hardware type of a loopback interface: `linux/if_arp.h`.
pub(super) const ARPHRD_LOOPBACK: u16 = 772;
/// Fields read at most in one netfilter log packet; the kernel writes about fifteen.
const MAX_FIELDS: usize = 32;
