//! Local networks other than Ethernet and 802.11: FDDI, token ring, ATM, ARCNET, InfiniBand, Fibre Channel, FireWire,
//! and Ethernet with a preamble.

use super::Skip;
use super::ether::{cut_or_malformed, llc};
use super::layer::{Layer, Step};
use super::wire::Wire;

/// FDDI: frame control, destination, source, LLC.
pub(super) fn fddi(wire: Wire<'_>) -> Step<'_> {
    match wire.u8(0) {
        Some(control) if control & 0x30 == 0x10 => Ok((Layer::Llc, wire.after(13))),
        Some(_) => Err(Skip::NotIp),
        None => Err(cut_or_malformed(wire, 13)),
    }
}

/// IEEE 802.5: access and frame control, two addresses, a route where the source says so, LLC.
pub(super) fn token_ring(wire: Wire<'_>) -> Step<'_> {
    let (Some(control), Some(source)) = (wire.u8(1), wire.u8(8)) else {
        return Err(cut_or_malformed(wire, 14));
    };
    if control & 0xc0 != 0x40 {
        return Err(Skip::NotIp);
    }
    let route = if source & 0x80 == 0 { 0 } else { usize::from(wire.u8(14).unwrap_or(0) & 0x1f) };
    Ok((Layer::Llc, wire.after(14 + route)))
}

/// RFC 2684: LLC, or a virtual circuit of IP alone.
pub(super) fn rfc1483(wire: Wire<'_>) -> Step<'_> {
    match wire.u8(0) {
        Some(0xaa | 0xfe) => llc(wire),
        Some(first) if matches!(first >> 4, 4 | 6) => Ok((Layer::Ip, wire)),
        _ => Err(Skip::NotIp),
    }
}

/// ARCNET: addresses, for Linux an offset too, then the protocol. RFC 1051 has nothing more; RFC 1201 has a split flag
/// and a sequence number, and its pieces are not put together.
pub(super) fn arcnet(wire: Wire<'_>, at: usize) -> Step<'_> {
    match (wire.u8(at), wire.u8(at + 1)) {
        (Some(240), _) => Ok((Layer::Ip, wire.after(at + 1))),
        (Some(196 | 212), Some(0)) => Ok((Layer::Ip, wire.after(at + 4))),
        (Some(196 | 212), Some(_)) => Err(Skip::Fragment),
        (Some(_), Some(_)) => Err(Skip::NotIp),
        _ => Err(cut_or_malformed(wire, at + 2)),
    }
}

/// IP over InfiniBand: the global routing header of 40 bytes, an EtherType, two bytes of nothing (RFC 4391 §6).
pub(super) fn ip_over_infiniband(wire: Wire<'_>) -> Step<'_> {
    let number = wire.u16(40).ok_or(cut_or_malformed(wire, 44))?;
    Ok((Layer::EtherType(number), wire.after(44)))
}

/// IEEE 802.3br: the preamble, whose last byte tells a whole express frame from the pieces of others.
pub(super) fn mpacket(wire: Wire<'_>) -> Step<'_> {
    match wire.u8(7) {
        Some(0xd5) => Ok((Layer::Ethernet, wire.after(8))),
        Some(_) => Err(Skip::Fragment),
        None => Err(cut_or_malformed(wire, 8)),
    }
}

/// Ethernet over passive fibre (IEEE 802.3 §65.1.3.2): the last six bytes of the preamble or all eight; its third byte
/// starts the packet.
pub(super) fn epon(wire: Wire<'_>) -> Step<'_> {
    match wire.array::<3>(0) {
        Some([0xd5, ..]) => Ok((Layer::Ethernet, wire.after(6))),
        Some([_, _, 0xd5]) => Ok((Layer::Ethernet, wire.after(8))),
        Some(_) => Err(Skip::NotIp),
        None => Err(cut_or_malformed(wire, 6)),
    }
}

/// SunATM: what follows, in the lower half of the first byte, then path and channel.
pub(super) fn sunatm(wire: Wire<'_>) -> Step<'_> {
    match wire.u8(0).map(|flags| flags & 0x0f) {
        // LAN emulation has the number of its client first.
        Some(1) => Ok((Layer::Ethernet, wire.after(6))),
        Some(2) => Ok((Layer::Llc, wire.after(4))),
        Some(_) => Err(Skip::NotIp),
        None => Err(cut_or_malformed(wire, 4)),
    }
}

/// IP over FireWire as Apple captures it: two addresses of eight bytes, an EtherType.
pub(super) fn firewire(wire: Wire<'_>) -> Step<'_> {
    let number = wire.u16(16).ok_or(cut_or_malformed(wire, 18))?;
    Ok((Layer::EtherType(number), wire.after(18)))
}
