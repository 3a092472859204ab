//! `LINK_TYPES`: one row per link type, and the short headers among them.
//!
//! Numbers and layouts are those of tcpdump.org/linktypes.html.

use crate::source::LinkType;

use super::Skip;
use super::ether::{cut_or_malformed, ethernet, llc, mpls, nlpid, pppoe};
use super::layer::{Below, Layer, Step};
use super::wire::Wire;
use super::wlan;

/// A link type that can be read.
#[derive(Clone, Copy, Debug)]
pub struct LinkRow {
    /// The `LINKTYPE_` number, or a `DLT_` value that libpcap hands out in its place.
    pub number: u16,
    /// The name as `tcpdump -L` prints it.
    pub name: &'static str,
    /// Reads the header.
    pub(super) enter: Enter,
}

/// Reads a link layer header.
type Enter = for<'a> fn(Wire<'a>, &mut Below) -> Step<'a>;

impl LinkRow {
    /// The row of a link type, where there is one.
    pub fn of(link: LinkType) -> Option<&'static Self> {
        LINK_TYPES.iter().find(|row| row.number == link.0)
    }
}

const fn row(number: u16, name: &'static str, enter: Enter) -> LinkRow {
    LinkRow { number, name, enter }
}

/// Every link type that can be read.
pub const LINK_TYPES: &[LinkRow] = &[
    row(1, "EN10MB", ethernet),
    row(113, "LINUX_SLL", sll),
    row(276, "LINUX_SLL2", sll2),
    row(101, "RAW", raw),
    row(12, "RAW", raw),
    row(14, "RAW", raw),
    row(228, "IPV4", raw),
    row(229, "IPV6", raw),
    row(0, "NULL", null),
    row(108, "LOOP", null),
    row(9, "PPP", |w, _| Ok((Layer::Ppp, w))),
    row(50, "PPP_SERIAL", ppp_serial),
    row(51, "PPP_ETHER", |w, _| pppoe(w)),
    row(104, "C_HDLC", |w, _| cisco_hdlc(w)),
    row(105, "IEEE802_11", wlan::ieee802_11),
    row(127, "IEEE802_11_RADIO", wlan::radiotap),
    row(119, "PRISM_HEADER", wlan::prism),
    row(163, "IEEE802_11_RADIO_AVS", wlan::avs),
    row(219, "MPLS", |w, _| mpls(w)),
    row(239, "NFLOG", |w, _| nflog(w)),
    row(107, "FRELAY", |w, _| frame_relay(w)),
    row(10, "FDDI", |w, _| fddi(w)),
    row(6, "IEEE802", |w, _| token_ring(w)),
    row(100, "ATM_RFC1483", |w, _| rfc1483(w)),
    row(7, "ARCNET", |w, _| arcnet(w, 2)),
    row(129, "ARCNET_LINUX", |w, _| arcnet(w, 4)),
    row(242, "IPOIB", |w, _| ip_over_infiniband(w)),
    row(274, "ETHERNET_MPACKET", |w, _| mpacket(w)),
    row(258, "PKTAP", |w, _| pktap(w)),
];

/// A link type inside another one's header.
pub(super) fn enter<'a>(number: u16, wire: Wire<'a>, below: &mut Below) -> Step<'a> {
    let row = LinkRow::of(LinkType(number)).ok_or(Skip::UnknownLinkType)?;
    (row.enter)(wire, below)
}

/// Raw IP.
fn raw<'a>(wire: Wire<'a>, _: &mut Below) -> Step<'a> {
    Ok((Layer::Ip, wire))
}

/// Linux "cooked" capture, version 1: type, hardware, address length, address, protocol.
fn sll<'a>(wire: Wire<'a>, below: &mut Below) -> Step<'a> {
    let (Some(kind), Some(protocol)) = (wire.u16(0), wire.u16(14)) else {
        return Err(cut_or_malformed(wire, 16));
    };
    below.ip.link_broadcast = matches!(kind, 1 | 2);
    below.ip.link_loopback = wire.u16(2) == Some(ARPHRD_LOOPBACK);
    cooked(protocol, wire.after(16))
}

/// Linux "cooked" capture, version 2: protocol, interface, hardware, type, address length, address.
fn sll2<'a>(wire: Wire<'a>, below: &mut Below) -> Step<'a> {
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
fn null<'a>(wire: Wire<'a>, below: &mut Below) -> Step<'a> {
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

/// PPP over a serial line: in HDLC-like framing (RFC 1662), or Cisco's HDLC.
fn ppp_serial<'a>(wire: Wire<'a>, _: &mut Below) -> Step<'a> {
    match wire.u8(0) {
        Some(0x0f | 0x8f) => cisco_hdlc(wire),
        _ => Ok((Layer::Ppp, wire)),
    }
}

/// Cisco HDLC: address and control bytes, then an EtherType.
fn cisco_hdlc(wire: Wire<'_>) -> Step<'_> {
    let number = wire.u16(2).ok_or(cut_or_malformed(wire, 4))?;
    Ok((Layer::EtherType(number), wire.after(4)))
}

/// A PPP packet (RFC 1661 §2, RFC 1662 §3.1): address and control bytes may be left out, so may the protocol's first.
pub(super) fn ppp(wire: Wire<'_>) -> Step<'_> {
    let start = if wire.data.starts_with(&[0xff, 3]) { 2 } else { 0 };
    let first = wire.u8(start).ok_or(cut_or_malformed(wire, start + 1))?;
    let (protocol, rest) = if first & 1 == 1 {
        (u16::from(first), wire.after(start + 1))
    } else {
        (wire.u16(start).ok_or(cut_or_malformed(wire, start + 2))?, wire.after(start + 2))
    };
    match protocol {
        0x0021 | 0x0057 => Ok((Layer::Ip, rest)),
        0x0281 | 0x0283 => mpls(rest),
        _ => Err(Skip::NotIp),
    }
}

/// Linux netfilter log: family, version, resource id, then fields in host order; field 9 is the packet.
fn nflog(wire: Wire<'_>) -> Step<'_> {
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

/// Frame Relay (RFC 2427): an address of two to four bytes, control, protocol identifier.
fn frame_relay(wire: Wire<'_>) -> Step<'_> {
    let end = wire.data.iter().take(4).position(|b| b & 1 == 1).ok_or(cut_or_malformed(wire, 2))?;
    match wire.u16(end + 1) {
        // Cisco's encapsulation has an EtherType in the place of control and identifier.
        Some(number @ (0x0800 | 0x86dd)) => Ok((Layer::EtherType(number), wire.after(end + 3))),
        // Unnumbered information, perhaps one byte of padding.
        Some(0x0300) => nlpid(wire.after(end + 3)),
        Some(word) if word >> 8 == 3 => nlpid(wire.after(end + 2)),
        Some(_) => Err(Skip::NotIp),
        None => Err(cut_or_malformed(wire, end + 3)),
    }
}

/// FDDI: frame control, destination, source, LLC.
fn fddi(wire: Wire<'_>) -> Step<'_> {
    match wire.u8(0) {
        Some(control) if control & 0x30 == 0x10 => Ok((Layer::Llc, wire.after(13))),
        Some(_) => Err(Skip::NotIp),
        None => Err(cut_or_malformed(wire, 13)),
    }
}

/// IEEE 802.5: access and frame control, two addresses, a route where the source says so, LLC.
fn token_ring(wire: Wire<'_>) -> Step<'_> {
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
fn rfc1483(wire: Wire<'_>) -> Step<'_> {
    match wire.u8(0) {
        Some(0xaa | 0xfe) => llc(wire),
        Some(first) if matches!(first >> 4, 4 | 6) => Ok((Layer::Ip, wire)),
        _ => Err(Skip::NotIp),
    }
}

/// ARCNET: addresses, for Linux an offset too, then the protocol. RFC 1051 has nothing more; RFC 1201 has a split flag
/// and a sequence number, and its pieces are not put together.
fn arcnet(wire: Wire<'_>, at: usize) -> Step<'_> {
    match (wire.u8(at), wire.u8(at + 1)) {
        (Some(240), _) => Ok((Layer::Ip, wire.after(at + 1))),
        (Some(196 | 212), Some(0)) => Ok((Layer::Ip, wire.after(at + 4))),
        (Some(196 | 212), Some(_)) => Err(Skip::Fragment),
        (Some(_), Some(_)) => Err(Skip::NotIp),
        _ => Err(cut_or_malformed(wire, at + 2)),
    }
}

/// IP over InfiniBand: the global routing header of 40 bytes, an EtherType, two bytes of nothing (RFC 4391 §6).
fn ip_over_infiniband(wire: Wire<'_>) -> Step<'_> {
    let number = wire.u16(40).ok_or(cut_or_malformed(wire, 44))?;
    Ok((Layer::EtherType(number), wire.after(44)))
}

/// IEEE 802.3br: the preamble, whose last byte tells a whole express frame from the pieces of others.
fn mpacket(wire: Wire<'_>) -> Step<'_> {
    match wire.u8(7) {
        Some(0xd5) => Ok((Layer::Ethernet, wire.after(8))),
        Some(_) => Err(Skip::Fragment),
        None => Err(cut_or_malformed(wire, 8)),
    }
}

/// Apple's PKTAP: its own length, then the link type of what follows, both little-endian.
fn pktap(wire: Wire<'_>) -> Step<'_> {
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
