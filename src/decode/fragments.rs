//! `Fragments`: IP datagrams waiting for the rest of their pieces, within a bound of bytes and of capture time.
//!
//! Read RFC 791 §3.2, RFC 8200 §4.5 and RFC 5722 before changing it. A piece that overlaps others spoils its datagram,
//! unless it repeats bytes already there (RFC 8200 allows to drop exact duplicates).

use std::collections::VecDeque;
use std::net::IpAddr;

use etherparse::defrag::IpDefragBuf;
use etherparse::{IpFragOffset, IpNumber};
use hashbrown::HashMap;

use crate::config::DecodeConfig;
use crate::tcp::{Duration, Timestamp};

use super::Skip;

/// What an IP header says about a piece.
#[derive(Clone, Copy, Debug)]
pub(super) struct Piece {
    /// The datagram's identification.
    pub id: u32,
    /// The protocol of the whole, as this piece has it.
    pub protocol: u8,
    /// Where it belongs.
    pub offset: IpFragOffset,
    /// Whether more follows.
    pub more: bool,
}

/// What pieces of one datagram have in common (RFC 791 §3.2; the protocol takes no part in IPv6).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Key {
    pub src: IpAddr,
    pub dst: IpAddr,
    pub id: u32,
    pub protocol: Option<u8>,
}

/// Datagrams that wait for their rest.
#[derive(Debug)]
pub(super) struct Fragments {
    pending: HashMap<Key, Pending, foldhash::fast::RandomState>,
    /// Keys with their serial numbers in the order of arrival, which is the order of expiry.
    order: VecDeque<(Key, u64)>,
    serial: u64,
    bytes: usize,
    max_bytes: usize,
    timeout: Duration,
}

/// One datagram.
#[derive(Debug)]
struct Pending {
    serial: u64,
    since: Timestamp,
    /// `None` once spoiled: the pieces that still come are refused too.
    parts: Option<IpDefragBuf>,
    /// The protocol as the first piece has it.
    protocol: u8,
    cost: usize,
}

impl Fragments {
    /// Nothing waiting yet.
    pub fn new(config: &DecodeConfig) -> Self {
        Self {
            pending: HashMap::default(),
            order: VecDeque::new(),
            serial: 0,
            bytes: 0,
            max_bytes: config.max_fragment_bytes,
            timeout: config.fragment_timeout,
        }
    }

    /// Takes a piece in; gives the protocol and bytes of its datagram once that is whole.
    ///
    /// # Errors
    /// [`Skip::Fragment`] while pieces are missing, [`Skip::FragmentRefused`] when the datagram is spoiled.
    pub fn add(
        &mut self,
        key: Key,
        piece: Piece,
        bytes: &[u8],
        now: Timestamp,
    ) -> Result<(u8, Vec<u8>), Skip> {
        self.expire(now);
        if !self.pending.contains_key(&key) {
            self.open(key, piece.protocol, now);
        }
        let Some(datagram) = self.pending.get_mut(&key) else { return Err(Skip::FragmentRefused) };
        let before = datagram.cost;
        let added = datagram.add(piece, bytes);
        self.bytes = self.bytes + datagram.cost - before;
        if added == Ok(Added::Whole) {
            return self.close(&key).ok_or(Skip::FragmentRefused);
        }
        self.shrink();
        added.and(Err(Skip::Fragment))
    }

    /// Bytes kept, with what their entries cost.
    #[cfg(test)]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Begins a datagram.
    fn open(&mut self, key: Key, protocol: u8, now: Timestamp) {
        let parts = IpDefragBuf::new(IpNumber(protocol), Vec::new(), Vec::new());
        self.serial += 1;
        self.bytes += ENTRY_BYTES;
        self.order.push_back((key, self.serial));
        let serial = self.serial;
        self.pending
            .insert(key, Pending { serial, since: now, parts: Some(parts), protocol, cost: ENTRY_BYTES });
    }

    /// Takes a whole datagram out.
    fn close(&mut self, key: &Key) -> Option<(u8, Vec<u8>)> {
        let whole = self.pending.remove(key)?;
        self.bytes -= whole.cost;
        if let Some(at) = self.order.iter().position(|(_, serial)| *serial == whole.serial) {
            self.order.remove(at);
        }
        Some((whole.protocol, whole.parts?.take_bufs().0))
    }

    /// Gives up what has waited too long.
    fn expire(&mut self, now: Timestamp) {
        while let Some((key, _)) = self.order.front() {
            let old = self.pending.get(key).is_none_or(|datagram| now.since(datagram.since) > self.timeout);
            if !old {
                return;
            }
            self.drop_oldest();
        }
    }

    /// Gives up the oldest until the bound is kept.
    fn shrink(&mut self) {
        while self.bytes > self.max_bytes && !self.order.is_empty() {
            self.drop_oldest();
        }
    }

    fn drop_oldest(&mut self) {
        if let Some(old) = self.order.pop_front().and_then(|(key, _)| self.pending.remove(&key)) {
            self.bytes -= old.cost;
        }
    }
}

/// What became of a piece.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Added {
    /// Others are missing.
    Part,
    /// None is missing.
    Whole,
}

impl Pending {
    /// Puts a piece in its place.
    fn add(&mut self, piece: Piece, bytes: &[u8]) -> Result<Added, Skip> {
        let parts = self.parts.as_mut().ok_or(Skip::FragmentRefused)?;
        if piece.offset.value() == 0 {
            self.protocol = piece.protocol;
        }
        let added = match overlap(parts, piece, bytes) {
            Overlap::Repeat => Ok(()),
            Overlap::None => parts.add(piece.offset, piece.more, bytes).map_err(|_| Skip::FragmentRefused),
            Overlap::Conflict => Err(Skip::FragmentRefused),
        };
        let whole = added.is_ok() && parts.is_complete();
        self.cost = ENTRY_BYTES + parts.data().capacity() + size_of_val(parts.sections().as_slice());
        if added.is_err() {
            self.parts = None;
            self.cost = ENTRY_BYTES;
        }
        added.map(|()| if whole { Added::Whole } else { Added::Part })
    }
}

/// How a piece lies to those already there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Overlap {
    None,
    /// All its bytes are there already, and the same.
    Repeat,
    Conflict,
}

fn overlap(parts: &IpDefragBuf, piece: Piece, bytes: &[u8]) -> Overlap {
    let start = usize::from(piece.offset.byte_offset());
    let end = start + bytes.len();
    let touched = |from: u16, to: u16| start < usize::from(to) && usize::from(from) < end;
    if !parts.sections().iter().any(|section| touched(section.start, section.end)) {
        return Overlap::None;
    }
    let within = |from: u16, to: u16| usize::from(from) <= start && end <= usize::from(to);
    let there = parts.sections().iter().any(|section| within(section.start, section.end));
    if there && parts.data().get(start..end) == Some(bytes) { Overlap::Repeat } else { Overlap::Conflict }
}

/// What an entry costs beside its bytes: the table's slot, the order's slot, the vectors' headers.
const ENTRY_BYTES: usize = 256;
