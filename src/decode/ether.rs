//! Ethernet and what its type field names: VLAN tags, LLC and SNAP, MPLS, PPPoE, and the way into IP.
//!
//! IEEE 802.3, 802.1Q, 802.2; EtherTypes as in IANA's registry "IEEE 802 Numbers".

use etherparse::Ethernet2HeaderSlice;

use super::Skip;
use super::layer::{Below, Layer, Step};
use super::wire::Wire;

/// An Ethernet II or IEEE 802.3 header.
pub(super) fn ethernet<'a>(wire: Wire<'a>, below: &mut Below) -> Step<'a> {
    let Ok(header) = Ethernet2HeaderSlice::from_slice(wire.data) else {
        return Err(cut_or_malformed(wire, 14));
    };
    if !below.has_ip {
        below.ip.link_broadcast = header.slice().first().is_some_and(|b| b & 1 != 0);
        // Linux's loopback interface has no addresses (drivers/net/loopback.c).
        below.ip.link_loopback = header.slice().get(..12) == Some(&[0; 12]);
    }
    Ok(type_or_length(header.ether_type().0, wire.after(14)))
}

/// An Ethernet header with a switch's own tag of `len` bytes between the addresses and the type.
pub(super) fn tagged_ethernet<'a>(wire: Wire<'a>, len: usize, below: &mut Below) -> Step<'a> {
    // The addresses are where they always are; what follows them is the tag.
    ethernet(wire, below)?;
    tag(wire.after(12), len)
}

/// A field that is a length up to 1,500 and an EtherType from 1,536 (IEEE 802.3 §3.2.6).
#[inline]
fn type_or_length(field: u16, rest: Wire<'_>) -> (Layer, Wire<'_>) {
    if field >= 0x0600 {
        return (Layer::EtherType(field), rest);
    }
    (Layer::Llc, if field > 1500 { rest } else { rest.at_most(usize::from(field)) })
}

/// What an EtherType names; tags lead to the next EtherType.
#[inline]
pub(super) fn ether_type<'a>(number: u16, wire: Wire<'a>, below: &mut Below) -> Step<'a> {
    match number {
        IPV4 | IPV6 => Ok((Layer::Ip, wire)),
        VLAN | 0x88a8 | 0x9100 | 0x9200 | 0x9300 => vlan(wire, below),
        other => rare_ether_type(other, wire),
    }
}

/// EtherTypes that are neither IP nor a VLAN tag.
#[cold]
fn rare_ether_type(number: u16, wire: Wire<'_>) -> Step<'_> {
    match number {
        0x8847 | 0x8848 => mpls(wire),
        0x8863 | 0x8864 => pppoe(wire),
        // PPP in GRE (RFC 2637).
        0x880b => Ok((Layer::Ppp, wire)),
        // Transparent Ethernet bridging (RFC 1701), as GRE and GENEVE carry it.
        0x6558 => Ok((Layer::Ethernet, wire)),
        // VN-Tag: four bytes, then an EtherType.
        0x8926 => tag(wire, 4),
        // IEEE 802.1BR E-Tag: six bytes; IEEE 802.1CB R-Tag: four.
        0x893f => tag(wire, 6),
        0xf1c1 => tag(wire, 4),
        // IEEE 802.1ah: flags and service id, then the customer's frame.
        0x88e7 => Ok((Layer::Ethernet, wire.after(4))),
        // Cisco FabricPath: tree and TTL, then the frame.
        0x8903 => Ok((Layer::Ethernet, wire.after(2))),
        // Cisco metadata: version, length, kind and value of a security group, then an EtherType.
        0x8909 => tag(wire, 6),
        0x88e5 => macsec(wire),
        0x894f => service_header(wire),
        0x22f3 => trill(wire),
        0x4305 => batman(wire),
        // Jumbo frames: LLC where a length could not say how much (draft-ietf-isis-ext-eth).
        0x8870 => Ok((Layer::Llc, wire)),
        0x0001..=0x05dc => Ok((Layer::Llc, wire.at_most(usize::from(number)))),
        _ => Err(Skip::NotIp),
    }
}

/// A VLAN tag after its EtherType: priority and id, then the next type or length.
#[inline]
pub(super) fn vlan<'a>(wire: Wire<'a>, below: &mut Below) -> Step<'a> {
    let (Some(id), Some(next)) = (wire.u16(0), wire.u16(2)) else { return Err(cut_or_malformed(wire, 4)) };
    below.see_vlan(id);
    Ok(type_or_length(next, wire.after(4)))
}

/// A tag of `len` bytes followed by the next type or length.
fn tag(wire: Wire<'_>, len: usize) -> Step<'_> {
    let next = wire.u16(len).ok_or(cut_or_malformed(wire, len + 2))?;
    Ok(type_or_length(next, wire.after(len + 2)))
}

/// MACsec (IEEE 802.1AE §9.3): flags, short length, packet number, perhaps the channel, then in the clear the EtherType.
fn macsec(wire: Wire<'_>) -> Step<'_> {
    match wire.u8(0).ok_or(cut_or_malformed(wire, 6))? {
        flags if flags & 0x80 != 0 => Err(Skip::Malformed),
        // Encrypted, or changed without being encrypted.
        flags if flags & 0x0c != 0 => Err(Skip::Encrypted),
        flags => tag(wire, if flags & 0x20 == 0 { 6 } else { 14 }),
    }
}

/// The network service header (RFC 8300 §2.2): its length in words, and what follows.
fn service_header(wire: Wire<'_>) -> Step<'_> {
    let [_, length, _, next] = wire.array(0).ok_or(cut_or_malformed(wire, 8))?;
    let rest = wire.after(usize::from(length & 0x3f) * 4);
    match next {
        // It is eight bytes long at least.
        _ if length & 0x3f < 2 => Err(Skip::Malformed),
        1 | 2 => Ok((Layer::Ip, rest)),
        3 => Ok((Layer::Ethernet, rest)),
        5 => mpls(rest),
        _ => Err(Skip::NotIp),
    }
}

/// TRILL (RFC 6325 §3.2): options in words, hops, two nicknames, then the frame.
fn trill(wire: Wire<'_>) -> Step<'_> {
    let flags = wire.u16(0).ok_or(cut_or_malformed(wire, 6))?;
    match flags >> 14 {
        0 => Ok((Layer::Ethernet, wire.after(6 + usize::from(flags >> 6 & 0x1f) * 4))),
        _ => Err(Skip::NotIp),
    }
}

/// B.A.T.M.A.N. advanced, version 15 (`linux/batadv_packet.h`): packets that carry a frame to one, to one with the
/// sender's address, and to all.
fn batman(wire: Wire<'_>) -> Step<'_> {
    match wire.array(0).ok_or(cut_or_malformed(wire, 10))? {
        [0x40, 15] => Ok((Layer::Ethernet, wire.after(10))),
        [0x42, 15] => Ok((Layer::Ethernet, wire.after(18))),
        [0x01, 15] => Ok((Layer::Ethernet, wire.after(14))),
        _ => Err(Skip::NotIp),
    }
}

/// A label stack (RFC 3032). Nothing in it says what follows: the first four bits do, as routers guess (RFC 4928):
/// 4 and 6 are IP, 0 is a pseudowire's control word before Ethernet (RFC 4448), others Ethernet without one.
pub(super) fn mpls(wire: Wire<'_>) -> Step<'_> {
    for label in 0..MAX_LABELS {
        let entry = wire.u32(label * 4).ok_or(cut_or_malformed(wire, label * 4 + 4))?;
        if entry & 0x100 != 0 {
            let rest = wire.after(label * 4 + 4);
            return match rest.u8(0).map(|b| b >> 4) {
                Some(4 | 6) => Ok((Layer::Ip, rest)),
                Some(0) => Ok((Layer::Ethernet, rest.after(4))),
                // An associated channel (RFC 4385), not a packet.
                Some(1) => Err(Skip::NotIp),
                Some(_) => Ok((Layer::Ethernet, rest)),
                None => Err(cut_or_malformed(rest, 1)),
            };
        }
    }
    Err(Skip::TooDeep)
}

/// PPPoE (RFC 2516 §4): code 0 is session data, a PPP packet without address and control bytes.
pub(super) fn pppoe(wire: Wire<'_>) -> Step<'_> {
    let [_, code, _, _, high, low] = wire.array(0).ok_or(cut_or_malformed(wire, 6))?;
    if code != 0 {
        return Err(Skip::NotIp);
    }
    let length = usize::from(u16::from_be_bytes([high, low]));
    Ok((Layer::Ppp, wire.after(6).at_most(length)))
}

/// LLC (IEEE 802.2), with SNAP (IEEE 802 §9.2) or the IP service point.
pub(super) fn llc(wire: Wire<'_>) -> Step<'_> {
    let [dsap, ssap, control] = wire.array(0).ok_or(cut_or_malformed(wire, 3))?;
    match (dsap, ssap, control) {
        (0xaa | 0xab, _, 3) => snap(wire.after(3)),
        // The service point of IP (RFC 1042 speaks of it as assigned).
        (6, 6, 3) => Ok((Layer::Ip, wire.after(3))),
        // OSI network layer: the byte behind names the protocol, 0xcc is IP (ISO/IEC TR 9577, RFC 2427).
        (0xfe, 0xfe, 3) => nlpid(wire.after(3)),
        _ => Err(Skip::NotIp),
    }
}

/// A network layer protocol identifier (RFC 2427 §3 and §4).
pub(super) fn nlpid(wire: Wire<'_>) -> Step<'_> {
    match wire.u8(0) {
        Some(0xcc | 0x8e) => Ok((Layer::Ip, wire.after(1))),
        Some(0x80) => snap(wire.after(1)),
        Some(_) => Err(Skip::NotIp),
        None => Err(cut_or_malformed(wire, 1)),
    }
}

/// SNAP: three bytes of organisation, two of its protocol.
pub(super) fn snap(wire: Wire<'_>) -> Step<'_> {
    let [a, b, c, high, low] = wire.array(0).ok_or(cut_or_malformed(wire, 5))?;
    let (protocol, rest) = (u16::from_be_bytes([high, low]), wire.after(5));
    match [a, b, c] {
        [0, 0, 0] | [0, 0, 0xf8] => Ok((Layer::EtherType(protocol), rest)),
        // Bridged frames (RFC 2684 §5.2): 1 and 7 are Ethernet with and without its check sequence.
        [0, 0x80, 0xc2] if matches!(protocol, 1 | 7) => Ok((Layer::Ethernet, rest)),
        _ => Err(Skip::NotIp),
    }
}

/// Why `needed` bytes are not there: the capture cut them, or they never were on the wire.
#[cold]
pub(super) fn cut_or_malformed(wire: Wire<'_>, needed: usize) -> Skip {
    if wire.len >= needed { Skip::Cut } else { Skip::Malformed }
}

/// EtherType of a VLAN tag (IEEE 802.1Q).
pub(super) const VLAN: u16 = 0x8100;
/// EtherType of IPv4.
pub(super) const IPV4: u16 = 0x0800;
/// EtherType of IPv6.
pub(super) const IPV6: u16 = 0x86dd;
/// Labels read at most; networks use fewer than ten.
const MAX_LABELS: usize = 16;
