//! The pcapng format: sections of blocks (draft-ietf-opsawg-pcapng).
//!
//! It reads more than libpcap does: interfaces that differ in link type, snaplen or clock, sections that differ in
//! byte order, and packets longer than their interface's snaplen. Where libpcap stops because a block is malformed,
//! so does this. A simple packet block has no time: it gets the time of the packet before it, or zero if it is the
//! first (libpcap: always zero).

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
    /// As its latest statistics block says.
    dropped: Option<u64>,
}

/// How an interface counts time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Clock {
    /// Nanoseconds per unit, where that is a whole number and no offset is added; else 0.
    unit_ns: i64,
    /// Units per second.
    per_second: u128,
    /// Seconds to add.
    offset: i64,
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
                Ok(found) => self.record(window, block, found, number),
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
        if len < 12 || !len.is_multiple_of(4) || len > MAX_BLOCK {
            return Err(malformed(window, 0, &format!("it claims {len} bytes")));
        }
        let len = len as usize;
        let Some(block) = window.peek(len) else {
            return Err(match kind {
                ENHANCED | SIMPLE | OLD_PACKET => cut(window, &format!("packet {number}"), len),
                _ => cut(window, &behind("a block", number), len),
            });
        };
        let trailer = block.last_chunk::<4>().map(|t| self.order.u32(*t));
        if trailer != Some(len as u32) {
            let text = format!("its length is {len} before and {} behind", trailer.unwrap_or_default());
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
        let interface = self.interface(self.order.u32([i0, i1, i2, i3]))?;
        let units =
            u64::from(self.order.u32([h0, h1, h2, h3])) << 32 | u64::from(self.order.u32([l0, l1, l2, l3]));
        Ok(Found {
            time: interface.clock.time(units),
            link: interface.link,
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
            captured: wire_len.min(snaplen),
            wire_len,
            skip: 4,
            room: body.len() - 4,
        })
    }

    /// As [`Self::enhanced`], in the obsolete packet block.
    #[cold]
    fn old_packet(&self, body: &[u8]) -> Result<Found, String> {
        let Some(&[i0, i1, _, _, rest @ ..]) = body.first_chunk::<20>() else {
            return Err("is too short".into());
        };
        let mut block = [0; 20];
        let id = u32::from(self.order.u16([i0, i1]));
        let id = if self.order == ByteOrder::Big { id.to_be_bytes() } else { id.to_le_bytes() };
        for (to, from) in block.iter_mut().zip(id.into_iter().chain(rest)) {
            *to = from;
        }
        Ok(Found { room: body.len() - 20, ..self.enhanced(&block)? })
    }

    #[inline]
    fn interface(&self, id: u32) -> Result<&Interface, String> {
        self.interfaces
            .get(id as usize)
            .ok_or_else(|| format!("is of interface {id}, which is not described"))
    }

    #[inline]
    fn record(&mut self, window: &mut Window, block: Block, found: Found, number: u64) -> Step {
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
        if found.link == LinkType::NFLOG && self.order.is_foreign() {
            swap_nflog(window.slice_mut(at, len));
        }
        Step::Record(Record { time: found.time, link: found.link, wire_len: found.wire_len, at, len })
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
        let drops = Options { order, rest: options }.filter_map(Result::ok);
        let drops = drops.filter(|(code, _)| matches!(*code, STATISTICS_IFDROP | STATISTICS_OSDROP));
        let dropped = drops
            .filter_map(|(_, value)| value.first_chunk::<8>().map(|v| order.u64(*v)))
            .reduce(u64::saturating_add);
        let interface = self.interfaces.get_mut(order.u32([i0, i1, i2, i3]) as usize);
        if let (Some(interface), Some(dropped)) = (interface, dropped) {
            interface.dropped = Some(dropped);
            input.dropped = Some(self.dropped());
        }
    }

    fn dropped(&self) -> u64 {
        self.interfaces.iter().filter_map(|i| i.dropped).fold(self.dropped_before, u64::saturating_add)
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
    captured: u32,
    wire_len: u32,
    /// Bytes of the body before the data.
    skip: usize,
    /// Bytes of the body behind that: data, padding, options.
    room: usize,
}

impl Clock {
    /// Microseconds since 1970, unless the options of the interface say otherwise.
    fn stated(order: ByteOrder, options: &[u8]) -> Result<Self, String> {
        let (mut per_second, mut offset) = (1_000_000, 0);
        for option in (Options { order, rest: options }) {
            match option? {
                (INTERFACE_TSRESOL, &[resolution]) => per_second = units_per_second(resolution)?,
                (INTERFACE_TSOFFSET, value) if value.len() == 8 => {
                    offset = value.first_chunk::<8>().map_or(0, |v| order.u64(*v)) as i64;
                }
                (INTERFACE_TSRESOL | INTERFACE_TSOFFSET, _) => {
                    return Err("a time option of the wrong length".into());
                }
                _ => {}
            }
        }
        let whole = offset == 0 && 1_000_000_000 % per_second == 0;
        let unit_ns = if whole { (1_000_000_000 / per_second) as i64 } else { 0 };
        Ok(Self { unit_ns, per_second, offset })
    }

    #[inline]
    fn time(&self, units: u64) -> Timestamp {
        match i64::try_from(units).ok().and_then(|u| u.checked_mul(self.unit_ns)) {
            Some(ns) if self.unit_ns > 0 => Timestamp(ns),
            _ => self.odd_time(units),
        }
    }

    /// The general case: fractions are cut to nanoseconds, and the ends of time saturate.
    #[cold]
    fn odd_time(&self, units: u64) -> Timestamp {
        let ns = i128::from(self.offset) * 1_000_000_000
            + (u128::from(units) * 1_000_000_000 / self.per_second) as i128;
        Timestamp(ns.clamp(i64::MIN.into(), i64::MAX.into()) as i64)
    }
}

/// From `if_tsresol`: a negative power of 2 if the highest bit is set, else of 10.
fn units_per_second(resolution: u8) -> Result<u128, String> {
    let power = u32::from(resolution & 0x7f);
    match resolution & 0x80 {
        0 if power <= 19 => Ok(10u128.pow(power)),
        0x80 if power <= 63 => Ok(1 << power),
        _ => Err(format!("a time resolution of {resolution:#04x}, finer than 64 bits hold")),
    }
}

/// The options at the end of a block: code and value.
struct Options<'a> {
    order: ByteOrder,
    rest: &'a [u8],
}

impl<'a> Iterator for Options<'a> {
    type Item = Result<(u16, &'a [u8]), String>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let rest = std::mem::take(&mut self.rest);
        let short = || Some(Err("an option that is cut short".into()));
        let Some((&[c0, c1, l0, l1], rest)) = rest.split_first_chunk::<4>() else { return short() };
        let (code, len) = (self.order.u16([c0, c1]), usize::from(self.order.u16([l0, l1])));
        if code == END_OF_OPTIONS {
            return None;
        }
        let (Some(value), Some(rest)) = (rest.get(..len), rest.get(len.next_multiple_of(4)..)) else {
            return short();
        };
        self.rest = rest;
        Some(Ok((code, value)))
    }
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

const END_OF_OPTIONS: u16 = 0;
const STATISTICS_IFDROP: u16 = 5;
const STATISTICS_OSDROP: u16 = 7;
const INTERFACE_TSRESOL: u16 = 9;
const INTERFACE_TSOFFSET: u16 = 14;

/// Longest block, as in libpcap: 16 MiB, or a packet of the link types that allow 128 MiB, with its options.
const MAX_BLOCK: u32 = (128 << 20) + 32 + 131_072;
/// Most interfaces of one section; a file of nothing but descriptions fills no memory.
const MAX_INTERFACES: usize = 65_536;
