//! 802.11 data frames in the clear, and the capture headers that come before them.
//!
//! IEEE 802.11-2020 §9.2 and §9.3.2; radiotap.org.

use super::Skip;
use super::ether::cut_or_malformed;
use super::layer::{Below, Layer, Step};
use super::wire::Wire;

/// Radiotap: its own length, little-endian; a flag tells of a check sequence at the end.
pub(super) fn radiotap<'a>(wire: Wire<'a>, below: &mut Below) -> Step<'a> {
    let length = usize::from(wire.u16_le(2).ok_or(cut_or_malformed(wire, 8))?);
    if length < 8 {
        return Err(Skip::Malformed);
    }
    let padding = if radiotap_flags(wire) & 0x20 == 0 { Padding::None } else { Padding::Word };
    let frame = wire.after(length);
    let [control, flags] = frame.array(0).ok_or(cut_or_malformed(frame, 24))?;
    data(control, flags, padding, frame, below)
}

/// Radiotap's field 1, where it is there: behind the words that say which fields are, whose bit 31 tells of another word,
/// and behind field 0, a clock of eight bytes at a multiple of eight.
fn radiotap_flags(wire: Wire<'_>) -> u8 {
    let word = |at| wire.array(at).map_or(0, u32::from_le_bytes);
    let present = word(4);
    let words = (1..MAX_PRESENT).find(|n| word(4 * n) & 0x8000_0000 == 0).unwrap_or(MAX_PRESENT);
    let start = 4 + 4 * words;
    match present & 3 {
        2 => wire.u8(start).unwrap_or(0),
        3 => wire.u8(start.next_multiple_of(8) + 8).unwrap_or(0),
        _ => 0,
    }
}

/// Prism: a message code and its length, in the capturing machine's order; AVS in its place is told by its magic.
pub(super) fn prism<'a>(wire: Wire<'a>, below: &mut Below) -> Step<'a> {
    let start = wire.array::<8>(0).ok_or(cut_or_malformed(wire, 144))?;
    let [c0, c1, c2, c3, l0, l1, l2, l3] = start;
    if u32::from_be_bytes([c0, c1, c2, c3]) & 0xffff_f000 == 0x8021_1000 {
        return avs(wire, below);
    }
    let length = match u32::from_le_bytes([l0, l1, l2, l3]) {
        length @ 8..=0xffff => length,
        other => other.swap_bytes(),
    };
    match usize::try_from(length) {
        Ok(length @ 8..=0xffff) => ieee802_11(wire.after(length), below),
        _ => Err(Skip::Malformed),
    }
}

/// AVS: magic and length in network order.
pub(super) fn avs<'a>(wire: Wire<'a>, below: &mut Below) -> Step<'a> {
    match wire.u32(4).map(usize::try_from) {
        Some(Ok(length @ 8..=0xffff)) => ieee802_11(wire.after(length), below),
        Some(_) => Err(Skip::Malformed),
        None => Err(cut_or_malformed(wire, 8)),
    }
}

/// An 802.11 frame: data in the clear leads to LLC.
pub(super) fn ieee802_11<'a>(wire: Wire<'a>, below: &mut Below) -> Step<'a> {
    let [control, flags] = wire.array(0).ok_or(cut_or_malformed(wire, 24))?;
    data(control, flags, Padding::None, wire, below)
}

/// A frame from CAPWAP: Cisco's access points swap the two bytes of frame control.
pub(super) fn perhaps_swapped<'a>(wire: Wire<'a>, below: &mut Below) -> Step<'a> {
    let [first, second] = wire.array(0).ok_or(cut_or_malformed(wire, 24))?;
    let is_data = |control: u8| control & 0x0f == 0x08;
    let swapped = !is_data(first) && is_data(second);
    let (control, flags) = if swapped { (second, first) } else { (first, second) };
    data(control, flags, Padding::None, wire, below)
}

/// What some adapters put between the header of a frame and what it carries.
#[derive(Clone, Copy)]
enum Padding {
    /// Nothing.
    None,
    /// What is missing to four bytes.
    Word,
}

/// The rest of a frame after its control bytes.
fn data<'a>(control: u8, flags: u8, padding: Padding, wire: Wire<'a>, below: &mut Below) -> Step<'a> {
    let (kind, subtype) = (control >> 2 & 3, control >> 4);
    // Data; subtypes with bit 2 carry none.
    if control & 3 != 0 || kind != 2 || subtype & 4 != 0 {
        return Err(Skip::NotIp);
    }
    if flags & 0x40 != 0 {
        return Err(Skip::Encrypted);
    }
    if !below.has_ip {
        below.ip.link_broadcast = group_addressed(flags, wire);
    }
    let behind = |len: usize| match padding {
        Padding::None => wire.after(len),
        Padding::Word => wire.after(len.next_multiple_of(4)),
    };
    let mut len = if flags & 3 == 3 { 30 } else { 24 };
    if subtype & 8 == 0 {
        return Ok((Layer::Llc, behind(len)));
    }
    let qos = wire.u8(len).ok_or(cut_or_malformed(wire, len + 2))?;
    // The order bit of a QoS frame tells of a high throughput control field.
    len += if flags & 0x80 == 0 { 2 } else { 6 };
    if qos & 0x80 == 0 { Ok((Layer::Llc, behind(len))) } else { first_of_aggregate(behind(len)) }
}

/// Whether the destination is a group: the third address on the way to an access point, else the first.
fn group_addressed(flags: u8, wire: Wire<'_>) -> bool {
    wire.u8(if flags & 1 == 0 { 4 } else { 16 }).is_some_and(|b| b & 1 != 0)
}

/// The first frame of an A-MSDU (IEEE 802.11-2020 §9.3.2.2): two addresses, a length, LLC. The others are not read.
fn first_of_aggregate(wire: Wire<'_>) -> Step<'_> {
    let length = wire.u16(12).ok_or(cut_or_malformed(wire, 14))?;
    Ok((Layer::Llc, wire.after(14).at_most(usize::from(length))))
}

/// Words read at most that say which fields radiotap has; adapters with many antennas write about ten.
const MAX_PRESENT: usize = 16;
