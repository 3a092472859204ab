//! IPv4 and IPv6 headers, extension headers, and where a source route really leads.
//!
//! Read RFC 791, RFC 8200 and RFC 6864 before changing it. Lengths are those the headers state, but never more than the
//! wire had; a length of zero is taken from the wire (segmentation offload, jumbograms).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use etherparse::{IpAuthHeaderSlice, Ipv4HeaderSlice, Ipv6FragmentHeaderSlice, Ipv6HeaderSlice};

use super::Skip;
use super::ether::cut_or_malformed;
use super::fragments::Piece;
use super::layer::{Below, Layer, Step};
use super::wire::Wire;

/// An IP header of either version.
pub(super) fn ip<'a>(wire: Wire<'a>, below: &mut Below) -> Step<'a> {
    match wire.u8(0).map(|b| b >> 4) {
        Some(4) => ipv4(wire, below),
        Some(6) => ipv6(wire, below),
        Some(_) => Err(Skip::Malformed),
        None => Err(cut_or_malformed(wire, 1)),
    }
}

/// An IPv4 header (RFC 791 §3.1).
fn ipv4<'a>(wire: Wire<'a>, below: &mut Below) -> Step<'a> {
    let Ok(header) = Ipv4HeaderSlice::from_slice(wire.data) else { return Err(bad_ipv4(wire)) };
    let header_len = header.slice().len();
    let total = usize::from(header.total_len());
    // Tools that cut packets, and write the cut length as the one on the wire, leave the stated length as it was.
    below.length_unknown = total == 0 || total > wire.len;
    let total = if total == 0 { wire.len } else { total };
    if total < header_len {
        return Err(Skip::Malformed);
    }
    below.has_ip = true;
    below.src = IpAddr::V4(header.source_addr());
    let route = if header_len == 20 { None } else { source_route(header.options()) };
    below.dst = IpAddr::V4(route.unwrap_or(header.destination_addr()));
    below.ip.ttl = header.ttl();
    below.ip.traffic_class = header.dcp().value() << 2 | header.ecn().value();
    below.ip.id = Some(header.identification());
    below.ip.dont_fragment = header.dont_fragment();
    let (protocol, rest) = (header.protocol().0, wire.at_most(total).after(header_len));
    if !header.is_fragmenting_payload() {
        return Ok((Layer::Protocol(protocol), rest));
    }
    let (id, offset, more) = (header.identification(), header.fragments_offset(), header.more_fragments());
    let piece = Piece { id: u32::from(id), protocol, offset, more };
    below.piece = Some(piece);
    Ok((fragment(rest, piece, below)?, rest))
}

/// A piece of a datagram. One that was cut can't be put together: its beginning is read alone, as far as it goes.
#[cold]
fn fragment(rest: Wire<'_>, piece: Piece, below: &Below) -> Result<Layer, Skip> {
    match (rest.is_cut() || below.length_unknown, piece.offset.value()) {
        (true, 0) => Ok(Layer::Protocol(piece.protocol)),
        (true, _) => Err(Skip::Fragment),
        (false, _) => Ok(Layer::Fragment),
    }
}

/// Why an IPv4 header could not be read.
#[cold]
fn bad_ipv4(wire: Wire<'_>) -> Skip {
    let header_len = usize::from(wire.u8(0).unwrap_or(0) & 0x0f) * 4;
    if header_len < 20 { Skip::Malformed } else { cut_or_malformed(wire, header_len) }
}

/// The final destination of a loose or strict source route (RFC 791 §3.1, kinds 131 and 137), which is the one in the
/// TCP pseudo-header.
#[cold]
fn source_route(mut options: &[u8]) -> Option<Ipv4Addr> {
    while let [kind, rest @ ..] = options {
        options = match (kind, rest) {
            (0, _) => return None,
            (1, _) => rest,
            (_, [len, ..]) if *len >= 2 => {
                let (option, next) = options.split_at_checked(usize::from(*len))?;
                if let ([131 | 137, len, pointer, _, _, _, _, ..], Some(last)) =
                    (option, option.last_chunk::<4>())
                {
                    // A pointer beyond the option says the route is used up.
                    return (pointer < len).then_some(Ipv4Addr::from(*last));
                }
                next
            }
            _ => return None,
        }
    }
    None
}

/// An IPv6 header (RFC 8200 §3).
fn ipv6<'a>(wire: Wire<'a>, below: &mut Below) -> Step<'a> {
    let Ok(header) = Ipv6HeaderSlice::from_slice(wire.data) else { return Err(cut_or_malformed(wire, 40)) };
    let stated = usize::from(header.payload_length());
    let rest = wire.after(40);
    below.length_unknown = stated == 0 || stated > rest.len;
    below.has_ip = true;
    below.src = IpAddr::V6(header.source_addr());
    below.dst = IpAddr::V6(header.destination_addr());
    below.ip.ttl = header.hop_limit();
    below.ip.traffic_class = header.traffic_class();
    below.ip.id = None;
    below.ip.dont_fragment = true;
    Ok((Layer::Protocol(header.next_header().0), if stated == 0 { rest } else { rest.at_most(stated) }))
}

/// A header whose second byte is its length in units of 8 bytes, the first not counted (RFC 8200 §4, RFC 6275 §6.1.1,
/// RFC 7401 §5.1, RFC 5533 §5.3).
pub(super) fn extension(wire: Wire<'_>) -> Step<'_> {
    let [next, length] = wire.array(0).ok_or(cut_or_malformed(wire, 8))?;
    Ok((Layer::Protocol(next), wire.after(usize::from(length) * 8 + 8)))
}

/// Hop-by-hop options; among them the length of a jumbogram (RFC 2675 §2).
pub(super) fn hop_by_hop<'a>(wire: Wire<'a>, below: &mut Below) -> Step<'a> {
    let (layer, rest) = extension(wire)?;
    let jumbo = (wire.array::<2>(2) == Some([0xc2, 4])).then(|| wire.u32(4)).flatten();
    match jumbo.and_then(|length| usize::try_from(length).ok()) {
        Some(length) if below.length_unknown => Ok((layer, wire.at_most(length).after(wire.len - rest.len))),
        _ => Ok((layer, rest)),
    }
}

/// Destination options; among them the home address of a mobile node (RFC 6275 §6.3), which is the source that TCP
/// knows and that its checksum covers.
pub(super) fn destination_options<'a>(wire: Wire<'a>, below: &mut Below) -> Step<'a> {
    let (layer, rest) = extension(wire)?;
    let mut options = wire.at_most(wire.len - rest.len).after(2);
    while let Some(kind) = options.u8(0) {
        if let (0xc9, Some(16), Some(home)) = (kind, options.u8(1), options.array::<16>(2)) {
            below.src = IpAddr::V6(Ipv6Addr::from(home));
        }
        // Kind 0 is one byte of padding without a length.
        let len = if kind == 0 { 1 } else { 2 + usize::from(options.u8(1).unwrap_or(0)) };
        options = options.after(len);
    }
    Ok((layer, rest))
}

/// A routing header (RFC 8200 §4.4): with segments left, the last one is where the packet goes in the end.
pub(super) fn routing<'a>(wire: Wire<'a>, below: &mut Below) -> Step<'a> {
    let [_, length, kind, left] = wire.array(0).ok_or(cut_or_malformed(wire, 8))?;
    let last = match kind {
        // Types 0 (RFC 5095) and 2 (RFC 6275 §6.4) list the addresses in the order of travel.
        0 | 2 if length >= 2 => Some(usize::from(length) * 8 - 8),
        // Segment routing (RFC 8754 §2) lists them backwards.
        4 => Some(8),
        _ => None,
    };
    if let (1.., Some(address)) = (left, last.and_then(|at| wire.array::<16>(at))) {
        below.dst = IpAddr::V6(Ipv6Addr::from(address));
    }
    extension(wire)
}

/// A fragment header (RFC 8200 §4.5); one that is the whole datagram is passed over (RFC 6946).
pub(super) fn fragment_header<'a>(wire: Wire<'a>, below: &mut Below) -> Step<'a> {
    let Ok(header) = Ipv6FragmentHeaderSlice::from_slice(wire.data) else {
        return Err(cut_or_malformed(wire, 8));
    };
    let (protocol, rest) = (header.next_header().0, wire.after(8));
    if !header.is_fragmenting_payload() {
        return Ok((Layer::Protocol(protocol), rest));
    }
    let (id, offset, more) = (header.identification(), header.fragment_offset(), header.more_fragments());
    let piece = Piece { id, protocol, offset, more };
    below.piece = Some(piece);
    Ok((fragment(rest, piece, below)?, rest))
}

/// An authentication header (RFC 4302 §2).
pub(super) fn authentication(wire: Wire<'_>) -> Step<'_> {
    match IpAuthHeaderSlice::from_slice(wire.data) {
        Ok(header) => Ok((Layer::Protocol(header.next_header().0), wire.after(header.slice().len()))),
        Err(_) => Err(cut_or_malformed(wire, usize::from(wire.u8(1).unwrap_or(1)) * 4 + 8)),
    }
}
