//! Serial lines: PPP, Cisco's HDLC, Frame Relay, SLIP.

use super::Skip;
use super::ether::{cut_or_malformed, mpls, nlpid};
use super::layer::{Below, Layer, Step};
use super::wire::Wire;

/// PPP over a serial line: in HDLC-like framing (RFC 1662), or Cisco's HDLC.
pub(super) fn ppp_serial<'a>(wire: Wire<'a>, _: &mut Below) -> Step<'a> {
    match wire.u8(0) {
        Some(0x0f | 0x8f) => cisco_hdlc(wire),
        _ => Ok((Layer::Ppp, wire)),
    }
}

/// Cisco HDLC: address and control bytes, then an EtherType.
pub(super) fn cisco_hdlc(wire: Wire<'_>) -> Step<'_> {
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

/// PPP as pppd hands it over: a direction in the place of the address byte.
pub(super) fn pppd(wire: Wire<'_>) -> Step<'_> {
    Ok((Layer::Ppp, wire.after(if wire.u8(1) == Some(3) { 2 } else { 1 })))
}

/// SLIP: direction, type and what compression left, 16 bytes; the headers behind are whole again.
pub(super) fn slip(wire: Wire<'_>) -> Step<'_> {
    Ok((Layer::Ip, wire.after(16)))
}

/// Frame Relay (RFC 2427): an address of two to four bytes, control, protocol identifier.
pub(super) fn frame_relay(wire: Wire<'_>) -> Step<'_> {
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
