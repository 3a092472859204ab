//! Headers that an operating system makes up where it captures above the link layer: cooked, loopback, logs, taps, exports.

use super::Skip;
use super::ether::{IPV4, IPV6, cut_or_malformed};
use super::layer::{Below, Layer, Step};
use super::wire::Wire;
use super::{serial, wlan};

/// Linux "cooked" capture, version 1: type, hardware, address length, address, protocol.
pub(super) fn sll<'a>(wire: Wire<'a>, below: &mut Below) -> Step<'a> {
    let (Some(kind), Some(protocol)) = (wire.u16(0), wire.u16(14)) else {
        return Err(cut_or_malformed(wire, 16));
    };
    let hardware = wire.u16(2).unwrap_or(0);
    below.ip.link_broadcast = matches!(kind, 1 | 2);
    below.ip.link_loopback = hardware == ARPHRD_LOOPBACK;
    cooked(hardware, protocol, wire.after(16), below)
}

/// Linux "cooked" capture, version 2: protocol, interface, hardware, type, address length, address.
pub(super) fn sll2<'a>(wire: Wire<'a>, below: &mut Below) -> Step<'a> {
    let (Some(protocol), Some(kind), Some(_)) = (wire.u16(0), wire.u8(10), wire.u8(19)) else {
        return Err(cut_or_malformed(wire, 20));
    };
    let hardware = wire.u16(8).unwrap_or(0);
    below.ip.link_broadcast = matches!(kind, 1 | 2);
    below.ip.link_loopback = hardware == ARPHRD_LOOPBACK;
    cooked(hardware, protocol, wire.after(20), below)
}

/// What the hardware and the protocol field of a cooked header name: an EtherType, or one of Linux's own numbers
/// (`linux/if_ether.h`), unless the hardware has headers of its own. IP is believed of any hardware.
fn cooked<'a>(hardware: u16, protocol: u16, rest: Wire<'a>, below: &mut Below) -> Step<'a> {
    match (hardware, protocol) {
        (_, IPV4 | IPV6) => Ok((Layer::EtherType(protocol), rest)),
        (ARPHRD_FRAD, _) => serial::frame_relay(rest),
        (ARPHRD_IEEE80211_RADIOTAP, _) => wlan::radiotap(rest, below),
        // The number is that of a netlink family.
        (ARPHRD_NETLINK, _) => Err(Skip::NotIp),
        (_, ETH_P_802_2) => Ok((Layer::Llc, rest)),
        (_, ETH_P_WAN_PPP) => Ok((Layer::Ppp, rest)),
        (_, 0x0600..) => Ok((Layer::EtherType(protocol), rest)),
        _ => Err(Skip::NotIp),
    }
}

/// BSD loopback: a protocol family of four bytes, in the order of the capturing machine (NULL) or the network (LOOP).
pub(super) fn null<'a>(wire: Wire<'a>, below: &mut Below) -> Step<'a> {
    below.ip.link_loopback = true;
    let bytes = wire.array(0).ok_or(cut_or_malformed(wire, 4))?;
    let (big, little) = (u32::from_be_bytes(bytes), u32::from_le_bytes(bytes));
    if is_ip(big) || is_ip(little) {
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

/// OpenBSD's and FreeBSD's packet filter log: a structure that grew with the years and says how long it is, filled up to
/// words of four bytes; its second byte is the protocol family.
pub(super) fn pflog(wire: Wire<'_>) -> Step<'_> {
    let [length, family] = wire.array(0).ok_or(cut_or_malformed(wire, 64))?;
    match usize::from(length) {
        ..4 => Err(Skip::Malformed),
        length if is_ip(u32::from(family)) => Ok((Layer::Ip, wire.after(length.next_multiple_of(4)))),
        _ => Err(Skip::NotIp),
    }
}

/// The `enc` interface of OpenBSD and FreeBSD, IPsec before or behind its encryption: protocol family in the order of
/// the capturing machine, security parameter index, flags.
pub(super) fn enc(wire: Wire<'_>) -> Step<'_> {
    let family = wire.array(0).ok_or(cut_or_malformed(wire, 12))?;
    if is_ip(u32::from_be_bytes(family)) || is_ip(u32::from_le_bytes(family)) {
        Ok((Layer::Ip, wire.after(12)))
    } else {
        Err(Skip::NotIp)
    }
}

/// Solaris's ipnet: version, protocol family, then hook, length, interfaces and zones of 22 bytes.
pub(super) fn ipnet<'a>(wire: Wire<'a>, below: &mut Below) -> Step<'a> {
    let [_, family, high, low] = wire.array(0).ok_or(cut_or_malformed(wire, 24))?;
    let hook = u16::from_be_bytes([high, low]);
    // Hook 2: from this machine to itself.
    below.ip.link_loopback = hook == 2;
    if is_ip(u32::from(family)) { Ok((Layer::Ip, wire.after(24))) } else { Err(Skip::NotIp) }
}

/// Wireshark's exported PDU: fields of a number and a length, the name of the protocol among them, until number 0.
pub(super) fn exported(wire: Wire<'_>) -> Step<'_> {
    let (mut rest, mut layer) = (wire, Err(Skip::NotIp));
    for _ in 0..MAX_FIELDS {
        let (Some(kind), Some(length)) = (rest.u16(0), rest.u16(2)) else {
            return Err(cut_or_malformed(rest, 4));
        };
        let length = usize::from(length);
        match (kind, rest.after(4).at_most(length).data) {
            (0, _) => return Ok((layer?, rest.after(4 + length))),
            (12, [b'i', b'p', 0 | b'v', ..] | b"ip") => layer = Ok(Layer::Ip),
            (12, [b'e', b't', b'h', 0 | b'_', ..] | b"eth") => layer = Ok(Layer::Ethernet),
            _ => {}
        }
        rest = rest.after(4 + length);
    }
    Err(Skip::TooDeep)
}

/// Whether a protocol family is IP. AF_INET is 2 everywhere; AF_INET6 is 10 on Linux, 24 on NetBSD and OpenBSD, 26 on
/// Solaris, 28 on FreeBSD, 30 on macOS.
fn is_ip(family: u32) -> bool {
    matches!(family, 2 | 10 | 24 | 26 | 28 | 30)
}

/// The hardware type of a loopback interface: `linux/if_arp.h`.
pub(super) const ARPHRD_LOOPBACK: u16 = 772;
/// Frame Relay, of the same file.
const ARPHRD_FRAD: u16 = 770;
/// 802.11 with radiotap, of the same file.
const ARPHRD_IEEE80211_RADIOTAP: u16 = 803;
/// Netlink, of the same file.
const ARPHRD_NETLINK: u16 = 824;
/// LLC: `linux/if_ether.h`.
const ETH_P_802_2: u16 = 4;
/// PPP over a line of another kind, of the same file.
const ETH_P_WAN_PPP: u16 = 7;
/// Fields read at most before one packet; Linux and Wireshark write about fifteen.
const MAX_FIELDS: usize = 32;
