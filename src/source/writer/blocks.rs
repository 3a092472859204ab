//! The blocks of a pcapng file (draft-ietf-opsawg-pcapng), in this machine's byte order, times in nanoseconds.

use crate::source::{Input, Packet};

/// Section header, and one interface description for each input.
pub(super) fn header(to: &mut Vec<u8>, inputs: &[Input]) {
    block(to, SECTION, |to| {
        to.extend(MAGIC.to_ne_bytes());
        to.extend([1u16, 0].map(u16::to_ne_bytes).concat());
        to.extend(u64::MAX.to_ne_bytes()); // the section's length is not known
        option(to, 4, concat!("tcpscope ", env!("CARGO_PKG_VERSION")).as_bytes());
        option(to, 0, &[]);
    });
    for input in inputs {
        block(to, INTERFACE, |to| {
            let link = input.link_types.first().map_or(0, |l| l.0);
            to.extend([link, 0].map(u16::to_ne_bytes).concat());
            to.extend(input.snaplen.unwrap_or(0).to_ne_bytes());
            option(to, 2, input.path.to_string_lossy().as_bytes());
            option(to, 9, &[9]); // times in units of 10^-9 s
            option(to, 0, &[]);
        });
    }
}

/// One packet.
pub(super) fn packet(to: &mut Vec<u8>, interface: usize, packet: &Packet<'_>) {
    block(to, PACKET, |to| {
        to.extend((interface as u32).to_ne_bytes());
        time(to, packet.time.0);
        to.extend((packet.data.len() as u32).to_ne_bytes());
        to.extend(packet.wire_len.to_ne_bytes());
        to.extend_from_slice(packet.data);
        pad(to, packet.data.len());
    });
}

/// Length of a packet's block.
pub(super) fn packet_len(captured: usize) -> u64 {
    32 + captured.next_multiple_of(4) as u64
}

/// What the kernel counted for each interface.
pub(super) fn statistics(to: &mut Vec<u8>, inputs: &[Input]) {
    for (i, input) in inputs.iter().enumerate() {
        block(to, STATISTICS, |to| {
            to.extend((i as u32).to_ne_bytes());
            time(to, input.last.map_or(0, |t| t.0));
            let counts = [(4, input.received), (5, input.dropped_by_interface), (7, input.dropped)];
            for (code, count) in counts {
                if let Some(count) = count {
                    option(to, code, &count.to_ne_bytes());
                }
            }
            option(to, 0, &[]);
        });
    }
}

/// The whole blocks within the first `len` bytes: their length together, and how many are packets.
pub(super) fn whole(blocks: &[u8], len: usize) -> (usize, u64) {
    let (mut end, mut packets) = (0, 0);
    while let Some([t0, t1, t2, t3, l0, l1, l2, l3]) = blocks.get(end..).and_then(|rest| rest.first_chunk()) {
        let next = end + u32::from_ne_bytes([*l0, *l1, *l2, *l3]) as usize;
        if next > len || next == end {
            break;
        }
        packets += u64::from(u32::from_ne_bytes([*t0, *t1, *t2, *t3]) == PACKET);
        end = next;
    }
    (end, packets)
}

/// A block: type, length, what `fill` writes, length again.
fn block(to: &mut Vec<u8>, kind: u32, fill: impl FnOnce(&mut Vec<u8>)) {
    let start = to.len();
    to.extend(kind.to_ne_bytes());
    to.extend([0; 4]);
    fill(to);
    let len = ((to.len() - start + 4) as u32).to_ne_bytes();
    to.extend(len);
    if let Some(place) = to.get_mut(start + 4..start + 8) {
        place.copy_from_slice(&len);
    }
}

fn time(to: &mut Vec<u8>, ns: i64) {
    let ns = u64::try_from(ns).unwrap_or(0);
    to.extend(((ns >> 32) as u32).to_ne_bytes());
    to.extend((ns as u32).to_ne_bytes());
}

fn option(to: &mut Vec<u8>, code: u16, value: &[u8]) {
    to.extend(code.to_ne_bytes());
    to.extend(u16::try_from(value.len()).unwrap_or(0).to_ne_bytes());
    to.extend_from_slice(value);
    pad(to, value.len());
}

fn pad(to: &mut Vec<u8>, len: usize) {
    to.extend(std::iter::repeat_n(0, len.next_multiple_of(4) - len));
}

const SECTION: u32 = 0x0a0d_0d0a;
const MAGIC: u32 = 0x1a2b_3c4d;
const INTERFACE: u32 = 1;
const STATISTICS: u32 = 5;
const PACKET: u32 = 6;
