//! What an IP protocol number names beside TCP: extension headers, IP in IP, GRE, and tunnels over UDP.

use etherparse::UdpHeaderSlice;

use super::Skip;
use super::ether::{cut_or_malformed, mpls};
use super::layer::{Below, Layer, Step};
use super::net;
use super::wire::Wire;

/// What follows an IP header, other than TCP.
#[cold]
pub(super) fn protocol<'a>(number: u8, wire: Wire<'a>, below: &mut Below) -> Step<'a> {
    match number {
        0 => net::hop_by_hop(wire, below),
        43 => net::routing(wire, below),
        44 => net::fragment_header(wire, below),
        51 => net::authentication(wire),
        60 => net::destination_options(wire, below),
        // Mobility, host identity, shim6.
        135 | 139 | 140 => net::extension(wire),
        1 => icmp(wire, 3),
        58 => icmp(wire, 1),
        // IP in IP (RFC 2003) and IPv6 (RFC 2473, RFC 4213).
        4 | 41 => enter(Layer::Ip, wire, below),
        47 => gre(wire, below),
        // MPLS in IP (RFC 4023), Ethernet in IP (RFC 3378), Ethernet in IPv6 (RFC 8986 §4.9).
        137 => mpls(wire).and_then(|(layer, rest)| enter(layer, rest, below)),
        97 => enter(Layer::Ethernet, wire.after(2), below),
        143 => enter(Layer::Ethernet, wire, below),
        17 => udp(wire, below),
        _ => Err(Skip::NotTcp),
    }
}

/// Steps into a tunnel.
fn enter<'a>(layer: Layer, wire: Wire<'a>, below: &mut Below) -> Step<'a> {
    below.enter_tunnel()?;
    Ok((layer, wire))
}

/// ICMP (RFC 792) and ICMPv6 (RFC 4443): errors quote the packet that caused them.
fn icmp(wire: Wire<'_>, unreachable: u8) -> Step<'_> {
    let kind = wire.u8(0).ok_or(cut_or_malformed(wire, 8))?;
    let error = if unreachable == 1 { matches!(kind, 1..=4) } else { matches!(kind, 3 | 4 | 5 | 11 | 12) };
    if error && quotes_tcp(wire.after(8)) { Err(Skip::IcmpQuote) } else { Err(Skip::NotTcp) }
}

/// Whether a quoted IP packet carries TCP.
fn quotes_tcp(quote: Wire<'_>) -> bool {
    match quote.u8(0).map(|b| b >> 4) {
        Some(4) => quote.u8(9) == Some(6),
        Some(6) => quote.u8(6) == Some(6),
        _ => false,
    }
}

/// Generic routing encapsulation: version 0 (RFC 2784, RFC 2890) and PPTP's version 1 (RFC 2637 §4.1).
fn gre<'a>(wire: Wire<'a>, below: &mut Below) -> Step<'a> {
    let (Some(flags), Some(kind)) = (wire.u16(0), wire.u16(2)) else { return Err(cut_or_malformed(wire, 4)) };
    below.enter_tunnel()?;
    let field = |bit: u16, len: usize| if flags & bit == 0 { 0 } else { len };
    if flags & 7 == 1 {
        let len = 8 + field(0x1000, 4) + field(0x0080, 4);
        let payload = usize::from(wire.u16(4).unwrap_or(0));
        return Ok((Layer::Ppp, wire.after(len).at_most(payload)));
    }
    // Checksum and offset stand there when either of checksum and routing is present (RFC 1701).
    let mut rest = wire.after(4 + field(0xc000, 4) + field(0x2000, 4) + field(0x1000, 4));
    if flags & 0x4000 != 0 {
        rest = routes(rest)?;
    }
    match kind {
        0x88be => Ok((Layer::Ethernet, rest.after(field(0x1000, 8)))),
        0x22eb => erspan3(rest),
        // WCCP: a redirect header of four bytes may come first.
        0x883e => Ok((Layer::Ip, rest.after(if rest.u8(0).is_some_and(|b| b >> 4 == 4) { 0 } else { 4 }))),
        // Cisco metadata: here its EtherType comes first, not last.
        0x8909 => {
            let next = rest.u16(0).ok_or(cut_or_malformed(rest, 8))?;
            Ok((Layer::EtherType(next), rest.after(8)))
        }
        // 802.11 frames between Aruba's access points and controllers.
        0x8200..=0x83ff => Ok((Layer::Wlan, rest)),
        other => Ok((Layer::EtherType(other), rest)),
    }
}

/// Source route entries of RFC 1701: family, offset, length; a zero family and length end them.
fn routes(mut wire: Wire<'_>) -> Result<Wire<'_>, Skip> {
    for _ in 0..MAX_ROUTES {
        let [f0, f1, _, len] = wire.array(0).ok_or(cut_or_malformed(wire, 4))?;
        wire = wire.after(4 + usize::from(len));
        if [f0, f1, len] == [0, 0, 0] {
            return Ok(wire);
        }
    }
    Err(Skip::TooDeep)
}

/// ERSPAN type III (draft-foschiano-erspan): 12 bytes, 8 more when the last bit says so.
fn erspan3(wire: Wire<'_>) -> Step<'_> {
    let flags = wire.u8(11).ok_or(cut_or_malformed(wire, 12))?;
    Ok((Layer::Ethernet, wire.after(if flags & 1 == 0 { 12 } else { 20 })))
}

/// UDP, as far as its ports name a tunnel.
fn udp<'a>(wire: Wire<'a>, below: &mut Below) -> Step<'a> {
    let Ok(header) = UdpHeaderSlice::from_slice(wire.data) else { return Err(Skip::NotTcp) };
    let length = usize::from(header.length());
    let inner = if length >= 8 { wire.at_most(length) } else { wire }.after(8);
    for port in [header.destination_port(), header.source_port()] {
        let (layer, rest) = match port {
            4789 | 8472 => vxlan(inner)?,
            4790 => vxlan_gpe(inner)?,
            6081 => geneve(inner)?,
            3544 => teredo(inner)?,
            2152 => gtp(inner)?,
            6635 => mpls(inner)?,
            5072 => ayiya(inner)?,
            1701 => l2tp(inner)?,
            5247 => capwap(inner)?,
            _ => continue,
        };
        return enter(layer, rest, below);
    }
    Err(Skip::NotTcp)
}

/// VXLAN (RFC 7348 §5): a flag says that the network id is there.
fn vxlan(wire: Wire<'_>) -> Step<'_> {
    match wire.u8(0) {
        Some(flags) if flags & 0x08 != 0 => Ok((Layer::Ethernet, wire.after(8))),
        _ => Err(Skip::NotTcp),
    }
}

/// VXLAN-GPE (draft-ietf-nvo3-vxlan-gpe §3.1): the last byte before the id names what follows.
fn vxlan_gpe(wire: Wire<'_>) -> Step<'_> {
    match wire.u8(3) {
        Some(1 | 2) => Ok((Layer::Ip, wire.after(8))),
        Some(3) => Ok((Layer::Ethernet, wire.after(8))),
        _ => Err(Skip::NotTcp),
    }
}

/// GENEVE (RFC 8926 §3.4): options in words of four bytes, then what an EtherType names.
fn geneve(wire: Wire<'_>) -> Step<'_> {
    match (wire.u8(0), wire.u16(2)) {
        (Some(first), Some(kind)) if first >> 6 == 0 => {
            Ok((Layer::EtherType(kind), wire.after(8 + usize::from(first & 0x3f) * 4)))
        }
        _ => Err(Skip::NotTcp),
    }
}

/// Teredo (RFC 4380 §5.1.1): authentication and origin indications may come before IPv6.
fn teredo(mut wire: Wire<'_>) -> Step<'_> {
    if let Some([0, 1, id, auth]) = wire.array(0) {
        wire = wire.after(13 + usize::from(id) + usize::from(auth));
    }
    if wire.u16(0) == Some(0) {
        wire = wire.after(8);
    }
    match wire.u8(0) {
        Some(first) if first >> 4 == 6 => Ok((Layer::Ip, wire)),
        _ => Err(Skip::NotTcp),
    }
}

/// GTP-U version 1 (3GPP TS 29.281 §5.1): message 255 carries a user's packet, extension headers may come before it.
fn gtp(wire: Wire<'_>) -> Step<'_> {
    let (Some([flags, 255]), Some(length)) = (wire.array(0), wire.u16(2)) else { return Err(Skip::NotTcp) };
    if flags >> 4 != 3 {
        return Err(Skip::NotTcp);
    }
    let wire = wire.at_most(usize::from(length) + 8);
    if flags & 7 == 0 {
        return Ok((Layer::Ip, wire.after(8)));
    }
    let (mut next, mut rest) = (wire.u8(11).unwrap_or(0), wire.after(12));
    for _ in 0..MAX_ROUTES {
        if next == 0 || flags & 4 == 0 {
            return Ok((Layer::Ip, rest));
        }
        let len = usize::from(rest.u8(0).filter(|len| *len > 0).ok_or(Skip::NotTcp)?) * 4;
        next = rest.u8(len - 1).ok_or(cut_or_malformed(rest, len))?;
        rest = rest.after(len);
    }
    Err(Skip::TooDeep)
}

/// AYIYA (draft-massar-v6ops-ayiya §3): lengths of identity and signature, then the protocol carried.
fn ayiya(wire: Wire<'_>) -> Step<'_> {
    let [identity, signature, operation, next] = wire.array(0).ok_or(Skip::NotTcp)?;
    // Operation 1 is "forward".
    if operation & 0x0f != 1 {
        return Err(Skip::NotTcp);
    }
    let len = 8 + (1_usize << (identity >> 4)) + usize::from(signature >> 4) * 4;
    let layer = if matches!(next, 4 | 41) { Layer::Ip } else { Layer::Protocol(next) };
    Ok((layer, wire.after(len)))
}

/// L2TP version 2 (RFC 2661 §3.1): a data message carries PPP.
fn l2tp(wire: Wire<'_>) -> Step<'_> {
    let flags = wire.u16(0).ok_or(Skip::NotTcp)?;
    if flags & 0x8000 != 0 || flags & 0x000f != 2 {
        return Err(Skip::NotTcp);
    }
    let field = |bit: u16, len: usize| if flags & bit == 0 { 0 } else { len };
    let mut len = 6 + field(0x4000, 2) + field(0x0800, 4);
    if flags & 0x0200 != 0 {
        len += 2 + usize::from(wire.u16(len).unwrap_or(0));
    }
    Ok((Layer::Ppp, wire.after(len)))
}

/// CAPWAP data in the clear (RFC 5415 §4.3): header length in words, whether the frame is native to the radio or
/// Ethernet. Pieces are not put together.
fn capwap(wire: Wire<'_>) -> Step<'_> {
    match wire.array(0) {
        Some([0, length, radio, flags]) if flags & 0x80 == 0 => {
            let layer = if radio & 1 == 0 { Layer::Ethernet } else { Layer::SwappedWlan };
            Ok((layer, wire.after(usize::from(length >> 3) * 4)))
        }
        _ => Err(Skip::NotTcp),
    }
}

/// Chained headers read at most inside one tunnel header.
const MAX_ROUTES: usize = 16;
