//! Headers that capture cards, switches and routers put to a frame: PPI, ERF, netANALYZER, switch tags, Juniper's.

use super::Skip;
use super::ether::{cut_or_malformed, tagged_ethernet};
use super::layer::{Below, Layer, Step};
use super::serial;
use super::wire::Wire;

/// PPI: version, flags, its length and the link type of what follows, both little-endian, then fields.
pub(super) fn ppi(wire: Wire<'_>) -> Step<'_> {
    let [_, _, l0, l1, link @ ..] = wire.array::<8>(0).ok_or(cut_or_malformed(wire, 8))?;
    let length = u16::from_le_bytes([l0, l1]);
    let link = u16::try_from(u32::from_le_bytes(link)).map_err(|_| Skip::UnknownLinkType)?;
    // A packet that wraps itself would never end.
    if link == PPI || length < 8 {
        return Err(Skip::Malformed);
    }
    Ok((Layer::Link(link), wire.after(usize::from(length))))
}

/// Endace's records: time, type, flags, lengths in 16 bytes; extension headers of eight bytes while the highest bit says
/// that one follows; before Ethernet two bytes more.
pub(super) fn erf<'a>(wire: Wire<'a>, below: &mut Below) -> Step<'a> {
    let kind = wire.u8(8).ok_or(cut_or_malformed(wire, 16))?;
    let (mut more, mut rest) = (kind, wire.after(16));
    for _ in 0..MAX_EXTENSIONS {
        if more & 0x80 == 0 {
            return match kind & 0x7f {
                // HDLC, alone, with a color, and with a hash.
                1 | 10 | 15 | 19 => serial::ppp_serial(rest, below),
                2 | 11 | 16 | 20 => Ok((Layer::Ethernet, rest.after(2))),
                22 | 23 => Ok((Layer::Ip, rest)),
                _ => Err(Skip::NotIp),
            };
        }
        more = rest.u8(0).ok_or(cut_or_malformed(rest, 8))?;
        rest = rest.after(8);
    }
    Err(Skip::TooDeep)
}

/// Hilscher's netANALYZER: four bytes, little-endian, whose bit 8 is set for events of a pin that are no frames; then the
/// frame, or in transparent mode its preamble.
pub(super) fn netanalyzer(wire: Wire<'_>, preamble: usize) -> Step<'_> {
    match wire.u16_le(0) {
        Some(flags) if flags & 0x0100 == 0 => Ok((Layer::Ethernet, wire.after(4 + preamble))),
        Some(_) => Err(Skip::NotIp),
        None => Err(cut_or_malformed(wire, 4)),
    }
}

/// Broadcom's switch tag of four bytes, behind the addresses.
pub(super) fn broadcom<'a>(wire: Wire<'a>, below: &mut Below) -> Step<'a> {
    tagged_ethernet(wire, 4, below)
}

/// Marvell's switch tag behind the addresses: of four bytes, or with an EtherType of its own and two bytes of nothing
/// before them. It takes the place of a VLAN tag where bit 5 says so.
pub(super) fn marvell<'a>(wire: Wire<'a>, len: usize, below: &mut Below) -> Step<'a> {
    if let (Some([first, _]), Some(id)) = (wire.array(8 + len), wire.u16(10 + len))
        && first & 0x20 != 0
    {
        below.see_vlan(id);
    }
    tagged_ethernet(wire, len, below)
}

/// What every Juniper header begins with: "MGC", flags, and where bit 7 is set the length of extensions. Bit 1 says that
/// the link layer is left out: a word for the protocol comes in its place. `layer` is the link layer otherwise.
pub(super) fn juniper(wire: Wire<'_>, layer: Layer) -> Step<'_> {
    let [b'M', b'G', b'C', flags] = wire.array(0).ok_or(cut_or_malformed(wire, 4))? else {
        return Err(Skip::Malformed);
    };
    let rest = if flags & 0x80 == 0 {
        wire.after(4)
    } else {
        wire.after(6 + usize::from(wire.u16(4).ok_or(cut_or_malformed(wire, 6))?))
    };
    if flags & 2 == 0 {
        return Ok((layer, rest));
    }
    match rest.u8(4).ok_or(cut_or_malformed(rest, 5))? >> 4 {
        4 | 6 => Ok((Layer::Ip, rest.after(4))),
        _ => Err(Skip::NotIp),
    }
}

/// PPI's own link type.
const PPI: u16 = 192;
/// Extension headers read at most; a record has one or two.
const MAX_EXTENSIONS: usize = 16;
