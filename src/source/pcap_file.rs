//! The pcap format: one file header, then records (draft-ietf-opsawg-pcap; libpcap's pcap-savefile(5)).
//!
//! It reads what libpcap reads, and as libpcap does: both byte orders, micro- and nanoseconds, the records of
//! Kuznetzov's patch, versions 2.0 to 2.4 and 543.0 with their exchanged lengths; a packet longer than the snaplen
//! is cut there. Beyond that, IXIA's lcap is read, which says after the header how long all records are. Seconds are unsigned, so times run to 2106.

use super::record::{ByteOrder, Record, Step, cut, damaged, end_or_cut, swap_nflog};
use super::window::Window;
use super::{Input, LinkType};
use crate::tcp::Timestamp;

/// A pcap file after its header.
#[derive(Debug)]
pub(super) struct PcapFile {
    order: ByteOrder,
    link: LinkType,
    /// Nanoseconds in one unit of a record's fraction.
    unit_ns: i64,
    /// Bytes before the data of a record.
    header_len: usize,
    lengths: Lengths,
    /// Packets are cut here.
    snaplen: u32,
    max_packet: u32,
}

/// Where a record has its two lengths.
#[derive(Clone, Copy, Debug)]
enum Lengths {
    /// Captured, then on the wire.
    Captured,
    /// On the wire, then captured: before version 2.3.
    Wire,
    /// Version 2.3, whose writers disagree: the smaller one is captured.
    Guess,
}

impl PcapFile {
    /// Reads the file header. `None`: the magic number is another one.
    ///
    /// # Errors
    /// What is wrong with the header.
    pub(super) fn open(window: &mut Window, input: &mut Input) -> Option<Result<Self, String>> {
        let (order, unit_ns, variant) = magic(*window.peek(4)?.first_chunk()?)?;
        let header_end = if variant == Variant::Ixia { FILE_HEADER + 4 } else { FILE_HEADER };
        let Some(header) = window.peek(header_end).and_then(|h| h.first_chunk::<FILE_HEADER>()) else {
            return Some(Err(format!(
                "its pcap header is cut short, {} of {header_end} bytes are there",
                window.left()
            )));
        };
        let [_, _, _, _, a, b, c, d, .., s0, s1, s2, s3, l0, l1, l2, l3] = *header;
        let version = (order.u16([a, b]), order.u16([c, d]));
        let lengths = match version {
            (2, 0..3) | (543, 0) => Lengths::Wire,
            (2, 3) => Lengths::Guess,
            (2, 4) => Lengths::Captured,
            (major, minor) => {
                return Some(Err(format!(
                    "it says pcap version {major}.{minor}, and only 2.0 to 2.4 are known"
                )));
            }
        };
        // The upper 16 bits tell the length of a frame check sequence and other things, nothing about the type.
        let link = LinkType::from_file(order.u32([l0, l1, l2, l3]) as u16);
        let stated = order.u32([s0, s1, s2, s3]);
        window.pass(header_end);
        input.snaplen = (stated > 0).then_some(stated);
        input.link_types.push(link);
        let patched = variant == Variant::Patched;
        let header_len = if patched { PATCHED_HEADER } else { RECORD_HEADER };
        let (snaplen, max_packet) = (cut_at(stated, link, patched), link.max_packet());
        Some(Ok(Self { order, link, unit_ns, header_len, lengths, snaplen, max_packet }))
    }

    /// The next packet; `number` is the one it will get.
    #[inline]
    pub(super) fn next(&mut self, window: &mut Window, number: u64) -> Step {
        let Some(header) = window.peek(self.header_len).and_then(|h| h.first_chunk::<RECORD_HEADER>()) else {
            return end_or_cut(window, &format!("the header of packet {number}"), self.header_len);
        };
        let [s0, s1, s2, s3, f0, f1, f2, f3, c0, c1, c2, c3, w0, w1, w2, w3] = *header;
        let seconds = self.order.u32([s0, s1, s2, s3]);
        let fraction = self.order.u32([f0, f1, f2, f3]);
        let (a, b) = (self.order.u32([c0, c1, c2, c3]), self.order.u32([w0, w1, w2, w3]));
        let (captured, wire_len) = match self.lengths {
            Lengths::Captured => (a, b),
            Lengths::Wire => (b, a),
            Lengths::Guess => (a.min(b), a.max(b)),
        };
        if captured == 0 && self.is_file_header(*header) {
            let at = window.offset();
            return Step::Problem(format!(
                "another pcap file begins at byte {at}, put behind this one as by cat; merge them with mergecap instead"
            ));
        }
        if captured > self.max_packet {
            return damaged(window, number, captured, self.max_packet);
        }
        let len = self.header_len + captured as usize;
        if window.peek(len).is_none() {
            window.pass(self.header_len);
            return cut(window, &format!("packet {number}"), captured as usize);
        }
        let record = Record {
            time: Timestamp(i64::from(seconds) * 1_000_000_000 + i64::from(fraction) * self.unit_ns),
            link: self.link,
            wire_len,
            at: window.position() + self.header_len,
            len: captured.min(self.snaplen) as usize,
        };
        window.pass(len);
        if self.link == LinkType::NFLOG && self.order.is_foreign() {
            swap_nflog(window.slice_mut(record.at, record.len));
        }
        Step::Record(record)
    }

    /// As a record it would be an empty packet of the year 2055 or 2056, or of others if the byte orders differ.
    #[cold]
    fn is_file_header(&self, [m0, m1, m2, m3, a, b, c, d, rest @ ..]: [u8; RECORD_HEADER]) -> bool {
        magic([m0, m1, m2, m3]).is_some_and(|(order, ..)| (order.u16([a, b]), order.u16([c, d])) == (2, 4))
            && rest == [0; 8]
    }
}

/// Which headers a file has.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Variant {
    /// Those of libpcap.
    Plain,
    /// Longer ones for each record, of Kuznetzov's patch.
    Patched,
    /// A longer one for the file, of IXIA's lcap.
    Ixia,
}

/// Byte order, nanoseconds per unit, and the headers.
fn magic(bytes: [u8; 4]) -> Option<(ByteOrder, i64, Variant)> {
    [ByteOrder::Little, ByteOrder::Big].into_iter().find_map(|order| match order.u32(bytes) {
        0xa1b2_c3d4 => Some((order, 1_000, Variant::Plain)),
        0xa1b2_3c4d => Some((order, 1, Variant::Plain)),
        0xa1b2_cd34 => Some((order, 1_000, Variant::Patched)),
        // Of the hardware and of the software.
        0x1c00_01ac | 0x1c00_01ab => Some((order, 1_000, Variant::Ixia)),
        _ => None,
    })
}

/// Where libpcap cuts packets: at the snaplen, which it takes as unstated when zero or beyond 2^31, and which grows
/// by a faked Ethernet header in patched files.
fn cut_at(stated: u32, link: LinkType, patched: bool) -> u32 {
    let snaplen = if stated == 0 || stated > i32::MAX as u32 { link.max_packet() } else { stated };
    if patched && link == LinkType::ETHERNET { snaplen.saturating_add(14) } else { snaplen }
}

const FILE_HEADER: usize = 24;
const RECORD_HEADER: usize = 16;
const PATCHED_HEADER: usize = 24;
