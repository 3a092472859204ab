//! The pcapng format: sections of blocks (draft-ietf-opsawg-pcapng).
//!
//! It reads more than libpcap does: interfaces that differ in link type, snaplen or clock, sections that differ in
//! byte order, packets longer than their interface's snaplen, and blocks whose length leaves out the padding. Where
//! libpcap stops because a block is malformed otherwise, so does this. A simple packet block has no time: it gets the time of the packet before it, or zero if it is the
//! first (libpcap: always zero).

use super::pcapng_options::{Clock, Options};
use super::record::{ByteOrder, Record, Step, cut, damaged, end_or_cut, swap_nflog};
use super::window::Window;
use super::{Input, LinkType};
use crate::tcp::Timestamp;

/// A pcapng file after the header of its first section.
#[derive(Debug)]
pub(super) struct PcapngFile {
    order: ByteOrder,
    interfaces: Vec<Interface>,
    /// Packets dropped in earlier sections.
    dropped_before: u64,
    /// Some interface states no snaplen.
    unlimited: bool,
    last: Timestamp,
}

/// One interface of the current section.
#[derive(Clone, Copy, Debug)]
struct Interface {
    link: LinkType,
    snaplen: u32,
    clock: Clock,
    /// Packets dropped, as its latest statistics block says.
    dropped: Option<u64>,
    /// The same as its packets say, each of those between the one before and itself.
    lost: u64,
}

impl PcapngFile {
    /// Reads the first section header. `None`: the file is no pcapng.
    ///
    /// # Errors
    /// What is wrong with the header.
    pub(super) fn open(window: &mut Window) -> Option<Result<Self, String>> {
        let (kind, magic) = window.peek(12)?.first_chunk::<12>().map(|b| b.split_at(8))?;
        let order = byte_order(magic).filter(|_| kind.starts_with(&SECTION.to_be_bytes()))?;
        let mut file = Self {
            order,
            interfaces: Vec::new(),
            dropped_before: 0,
            unlimited: false,
            last: Timestamp::default(),
        };
        let block = match file.block(window, 0) {
            Ok(block) => block,
            Err(Step::Problem(text)) => return Some(Err(text)),
            Err(_) => return None,
        };
        let body = window.slice(block.at + 8, block.len - 12);
        Some(file.section(body).map(|()| file))
    }

    /// The next packet; `number` is the one it will get.
    #[inline]
    pub(super) fn next(&mut self, window: &mut Window, input: &mut Input, number: u64) -> Step {
        loop {
            let block = match self.block(window, number) {
                Ok(block) => block,
                Err(step) => return step,
            };
            let found = match block.kind {
                ENHANCED => self.enhanced(window.slice(block.at + 8, block.len - 12)),
                SIMPLE => self.simple(window.slice(block.at + 8, block.len - 12)),
                OLD_PACKET => self.old_packet(window.slice(block.at + 8, block.len - 12)),
                kind => match self.other(kind, window.slice(block.at + 8, block.len - 12), input) {
                    Ok(()) => continue,
                    Err(text) => return malformed(window, block.len, &text),
                },
            };
            return match found {
                Ok(found) => self.record(window, input, block, found, number),
                Err(text) => malformed(window, block.len, &format!("packet {number} {text}")),
            };
        }
    }

    /// The next block, whole, and passed.
    #[inline]
    fn block(&mut self, window: &mut Window, number: u64) -> Result<Block, Step> {
        let Some(&[k0, k1, k2, k3, l0, l1, l2, l3]) = window.peek(8).and_then(|h| h.first_chunk::<8>())
        else {
            return Err(end_or_cut(window, &behind("a block header", number), 8));
        };
        let kind = self.order.u32([k0, k1, k2, k3]);
        if kind == SECTION {
            self.turn(window)?;
        }
        let len = self.order.u32([l0, l1, l2, l3]);
        if !(12..=MAX_BLOCK).contains(&len) {
            return Err(malformed(window, 0, &format!("it claims {len} bytes")));
        }
        // The length must be a multiple of four, but some writers leave out the padding, which is there all the same.
        let (stated, len) = (len, len.next_multiple_of(4) as usize);
        let Some(block) = window.peek(len) else {
            return Err(match kind {
                ENHANCED | SIMPLE | OLD_PACKET => cut(window, &format!("packet {number}"), len),
                _ => cut(window, &behind("a block", number), len),
            });
        };
        let trailer = block.last_chunk::<4>().map(|t| self.order.u32(*t));
        if trailer != Some(stated) && trailer != Some(len as u32) {
            let text = format!("its length is {stated} before and {} behind", trailer.unwrap_or_default());
            return Err(malformed(window, 0, &text));
        }
        let block = Block { kind, at: window.position(), len };
        window.pass(len);
        Ok(block)
    }

    /// A section begins: its bytes may have another order.
    #[cold]
    fn turn(&mut self, window: &mut Window) -> Result<(), Step> {
        let Some(head) = window.peek(12).and_then(|h| h.first_chunk::<12>()) else {
            return Err(cut(window, "a section header", 12));
        };
        match byte_order(head.split_at(8).1) {
            Some(order) => self.order = order,
            None => return Err(malformed(window, 0, "a section without byte order")),
        }
        Ok(())
    }

    /// Interface, time, captured and wire length, and where the data begins in the body.
    #[inline]
    fn enhanced(&self, body: &[u8]) -> Result<Found, String> {
        let Some(&[i0, i1, i2, i3, h0, h1, h2, h3, l0, l1, l2, l3, c0, c1, c2, c3, w0, w1, w2, w3]) =
            body.first_chunk::<20>()
        else {
            return Err("is too short".into());
        };
        let id = self.order.u32([i0, i1, i2, i3]);
        let interface = self.interface(id)?;
        let units =
            u64::from(self.order.u32([h0, h1, h2, h3])) << 32 | u64::from(self.order.u32([l0, l1, l2, l3]));
        Ok(Found {
            time: interface.clock.time(units),
            link: interface.link,
            interface: id,
            lost: None,
            captured: self.order.u32([c0, c1, c2, c3]),
            wire_len: self.order.u32([w0, w1, w2, w3]),
            skip: 20,
            room: body.len() - 20,
        })
    }

    /// As [`Self::enhanced`]; the captured length is what the snaplen of the first interface left.
    #[cold]
    fn simple(&self, body: &[u8]) -> Result<Found, String> {
        let interface = self.interface(0)?;
        let wire_len = body.first_chunk::<4>().map(|b| self.order.u32(*b)).ok_or("is too short")?;
        let snaplen = if interface.snaplen == 0 { interface.link.max_packet() } else { interface.snaplen };
        Ok(Found {
            time: self.last,
            link: interface.link,
            interface: 0,
            lost: None,
            captured: wire_len.min(snaplen),
            wire_len,
            skip: 4,
            room: body.len() - 4,
        })
    }

    /// As [`Self::enhanced`], in the obsolete packet block.
    #[cold]
    fn old_packet(&self, body: &[u8]) -> Result<Found, String> {
        let Some(&[i0, i1, d0, d1, rest @ ..]) = body.first_chunk::<20>() else {
            return Err("is too short".into());
        };
        let mut block = [0; 20];
        let id = u32::from(self.order.u16([i0, i1]));
        let id = if self.order == ByteOrder::Big { id.to_be_bytes() } else { id.to_le_bytes() };
        for (to, from) in block.iter_mut().zip(id.into_iter().chain(rest)) {
            *to = from;
        }
        // All ones: not known.
        let lost = Some(self.order.u16([d0, d1])).filter(|n| *n < u16::MAX).map(u64::from);
        Ok(Found { room: body.len() - 20, lost, ..self.enhanced(&block)? })
    }

    #[inline]
    fn interface(&self, id: u32) -> Result<&Interface, String> {
        self.interfaces
            .get(id as usize)
            .ok_or_else(|| format!("is of interface {id}, which is not described"))
    }

    #[inline]
    fn record(
        &mut self,
        window: &mut Window,
        input: &mut Input,
        block: Block,
        found: Found,
        number: u64,
    ) -> Step {
        if found.captured > found.link.max_packet() {
            return damaged(window, number, found.captured, found.link.max_packet());
        }
        let len = found.captured as usize;
        if len > found.room {
            let text = format!("packet {number} claims {len} bytes where {} are", found.room);
            return malformed(window, block.len, &text);
        }
        self.last = found.time;
        let at = block.at + 8 + found.skip;
        let padded = len.next_multiple_of(4);
        if found.lost.is_some() || block.kind == ENHANCED && found.room > padded {
            let options = window.slice(at + padded, found.room.saturating_sub(padded));
            self.lose(&found, options, input);
        }
        if found.link == LinkType::NFLOG && self.order.is_foreign() {
            swap_nflog(window.slice_mut(at, len));
        }
        Step::Record(Record { time: found.time, link: found.link, wire_len: found.wire_len, at, len })
    }

    /// Counts the packets that were dropped before this one, where it says how many, in its block or as an option.
    #[cold]
    fn lose(&mut self, found: &Found, options: &[u8], input: &mut Input) {
        let order = self.order;
        let options = Options::new(order, options).filter_map(Result::ok);
        let option = options.filter(|(code, _)| *code == PACKET_DROPCOUNT).find_map(|(_, v)| v.first_chunk());
        let lost = option.map(|v| order.u64(*v)).or(found.lost);
        if let (Some(lost), Some(interface)) = (lost, self.interfaces.get_mut(found.interface as usize)) {
            interface.lost = interface.lost.saturating_add(lost);
            input.dropped = Some(self.dropped());
        }
    }

    /// A block that is no packet.
    #[cold]
    fn other(&mut self, kind: u32, body: &[u8], input: &mut Input) -> Result<(), String> {
        match kind {
            SECTION => self.section(body),
            INTERFACE => self.describe(body, input),
            STATISTICS => {
                self.statistics(body, input);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn section(&mut self, body: &[u8]) -> Result<(), String> {
        let version = body.get(4..8).and_then(|v| v.first_chunk::<4>());
        let Some(&[a, b, c, d]) = version.filter(|_| body.len() >= 16) else {
            return Err("the section header is too short".into());
        };
        match (self.order.u16([a, b]), self.order.u16([c, d])) {
            (1, 0 | 2) => {}
            (major, minor) => {
                return Err(format!(
                    "the section says pcapng version {major}.{minor}, and only 1.0 is known"
                ));
            }
        }
        self.dropped_before = self.dropped();
        self.interfaces.clear();
        Ok(())
    }

    fn describe(&mut self, body: &[u8], input: &mut Input) -> Result<(), String> {
        let Some((&[l0, l1, _, _, s0, s1, s2, s3], options)) = body.split_first_chunk::<8>() else {
            return Err("the interface description is too short".into());
        };
        if self.interfaces.len() >= MAX_INTERFACES {
            return Err(format!("more than {MAX_INTERFACES} interfaces in one section"));
        }
        let snaplen = self.order.u32([s0, s1, s2, s3]);
        self.unlimited |= snaplen == 0;
        input.snaplen = input.snaplen.max(Some(snaplen)).filter(|_| !self.unlimited);
        self.interfaces.push(Interface {
            link: LinkType::from_file(self.order.u16([l0, l1])),
            snaplen,
            clock: Clock::stated(self.order, options)?,
            dropped: None,
            lost: 0,
        });
        Ok(())
    }

    /// Counts of an interface: those dropped by it and by the system, since its capture began.
    fn statistics(&mut self, body: &[u8], input: &mut Input) {
        let Some((&[i0, i1, i2, i3, _, _, _, _, _, _, _, _], options)) = body.split_first_chunk::<12>()
        else {
            return;
        };
        let order = self.order;
        let drops = Options::new(order, options).filter_map(Result::ok);
        let drops = drops.filter(|(code, _)| matches!(*code, STATISTICS_IFDROP | STATISTICS_OSDROP));
        let dropped = drops
            .filter_map(|(_, value)| value.first_chunk::<8>().map(|v| order.u64(*v)))
            // All ones: not known.
            .filter(|count| *count < u64::MAX)
            .reduce(u64::saturating_add);
        let interface = self.interfaces.get_mut(order.u32([i0, i1, i2, i3]) as usize);
        if let (Some(interface), Some(dropped)) = (interface, dropped) {
            interface.dropped = Some(dropped);
            input.dropped = Some(self.dropped());
        }
    }

    /// What the statistics count and what the packets count are the same packets: the higher one is nearer to the truth.
    fn dropped(&self) -> u64 {
        let of = |i: &Interface| i.dropped.unwrap_or(0).max(i.lost);
        self.interfaces.iter().map(of).fold(self.dropped_before, u64::saturating_add)
    }
}

/// A whole block in the window.
#[derive(Clone, Copy)]
struct Block {
    kind: u32,
    at: usize,
    len: usize,
}

/// What a packet block says before its data.
struct Found {
    time: Timestamp,
    link: LinkType,
    interface: u32,
    /// Packets dropped before it, where its block has a place for that.
    lost: Option<u64>,
    captured: u32,
    wire_len: u32,
    /// Bytes of the body before the data.
    skip: usize,
    /// Bytes of the body behind that: data, padding, options.
    room: usize,
}

/// Where a block is that is no packet; `number` is the packet to come.
#[cold]
fn behind(what: &str, number: u64) -> String {
    match number.saturating_sub(1) {
        0 => format!("{what} before the first packet"),
        last => format!("{what} behind packet {last}"),
    }
}

/// A block that says impossible things; `passed` of its bytes were passed already.
#[cold]
fn malformed(window: &Window, passed: usize, text: &str) -> Step {
    let at = window.offset().saturating_sub(passed as u64);
    Step::Problem(format!("damaged in the block at byte {at}: {text}"))
}

fn byte_order(magic: &[u8]) -> Option<ByteOrder> {
    match magic {
        [0x4d, 0x3c, 0x2b, 0x1a] => Some(ByteOrder::Little),
        [0x1a, 0x2b, 0x3c, 0x4d] => Some(ByteOrder::Big),
        _ => None,
    }
}

/// Same bytes in either order.
const SECTION: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
const OLD_PACKET: u32 = 2;
const SIMPLE: u32 = 3;
const STATISTICS: u32 = 5;
const ENHANCED: u32 = 6;

const PACKET_DROPCOUNT: u16 = 4;
const STATISTICS_IFDROP: u16 = 5;
const STATISTICS_OSDROP: u16 = 7;

/// Longest block, as in libpcap: 16 MiB, or a packet of the link types that allow 128 MiB, with its options.
const MAX_BLOCK: u32 = (128 << 20) + 32 + 131_072;
/// Most interfaces of one section; a file of nothing but descriptions fills no memory.
const MAX_INTERFACES: usize = 65_536;
