//! What the two file formats share: byte order, a packet found, and how a file ends.

use super::LinkType;
use super::window::Window;
use crate::tcp::Timestamp;

/// What was found at the place of a packet.
pub(super) enum Step {
    /// A packet.
    Record(Record),
    /// The end of the file.
    End,
    /// The end of what can be read, and why.
    Problem(String),
}

/// One packet, its bytes still in the window.
#[derive(Clone, Copy)]
pub(super) struct Record {
    /// Capture time.
    pub(super) time: Timestamp,
    /// Its link type.
    pub(super) link: LinkType,
    /// Length on the wire.
    pub(super) wire_len: u32,
    /// Where its bytes begin in the window.
    pub(super) at: usize,
    /// How many bytes there are.
    pub(super) len: usize,
}

/// Which end of a number comes first in a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum ByteOrder {
    /// Least significant byte first.
    Little,
    /// Most significant byte first.
    Big,
}

impl ByteOrder {
    /// Two bytes as a number.
    #[inline]
    pub(super) fn u16(self, bytes: [u8; 2]) -> u16 {
        match self {
            Self::Little => u16::from_le_bytes(bytes),
            Self::Big => u16::from_be_bytes(bytes),
        }
    }

    /// Four bytes as a number.
    #[inline]
    pub(super) fn u32(self, bytes: [u8; 4]) -> u32 {
        match self {
            Self::Little => u32::from_le_bytes(bytes),
            Self::Big => u32::from_be_bytes(bytes),
        }
    }

    /// Eight bytes as a number.
    pub(super) fn u64(self, bytes: [u8; 8]) -> u64 {
        match self {
            Self::Little => u64::from_le_bytes(bytes),
            Self::Big => u64::from_be_bytes(bytes),
        }
    }

    /// Whether this machine has the other order.
    pub(super) fn is_foreign(self) -> bool {
        (self == Self::Big) != cfg!(target_endian = "big")
    }
}

/// Between two packets: the end of the file, unless something lies there of the `len` bytes of `what`.
#[cold]
pub(super) fn end_or_cut(window: &Window, what: &str, len: usize) -> Step {
    match window.left() {
        0 if window.failure().is_none() => Step::End,
        _ => cut(window, what, len),
    }
}

/// The stream stops inside `what`, which has `len` bytes.
#[cold]
pub(super) fn cut(window: &Window, what: &str, len: usize) -> Step {
    let there = window.left();
    let cause = match window.failure() {
        Some(e) => format!(" (at byte {}: {e})", window.offset()),
        None => String::new(),
    };
    Step::Problem(format!("ends inside {what}: {there} of {len} bytes there{cause}"))
}

/// A packet longer than any of its link type.
#[cold]
pub(super) fn damaged(window: &Window, number: u64, captured: u32, most: u32) -> Step {
    let at = window.offset();
    Step::Problem(format!("damaged at byte {at}: packet {number} claims {captured} bytes, more than {most}"))
}

/// Turns the type and length numbers of a netfilter log packet into this machine's order, as libpcap does: their
/// order is that of the machine that captured.
#[cold]
pub(super) fn swap_nflog(data: &mut [u8]) {
    let Some((&mut [_family, 0, _, _], mut rest)) = data.split_first_chunk_mut::<4>() else { return };
    while let [l0, l1, t0, t1, ..] = rest {
        std::mem::swap(l0, l1);
        std::mem::swap(t0, t1);
        let len = usize::from(u16::from_ne_bytes([*l0, *l1]));
        if len < 4 {
            return;
        }
        rest = rest.get_mut(len.next_multiple_of(4)..).unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nflog_numbers_are_swapped_attribute_by_attribute() {
        let mut data = vec![2, 0, 0, 0];
        for len in [5u16, 8, 4] {
            let foreign = len.swap_bytes().to_ne_bytes();
            data.extend([foreign[0], foreign[1], 1, 0]);
            data.extend(vec![9; usize::from(len - 4).next_multiple_of(4)]);
        }
        swap_nflog(&mut data);
        assert_eq!(data.get(4..8), Some(&[5u16.to_ne_bytes()[0], 5u16.to_ne_bytes()[1], 0, 1][..]));
        assert_eq!(data.get(12..16), Some(&[8u16.to_ne_bytes()[0], 8u16.to_ne_bytes()[1], 0, 1][..]));
        swap_nflog(&mut []);
        swap_nflog(&mut [0, 0, 0, 0, 1, 0, 0]);
    }
}
