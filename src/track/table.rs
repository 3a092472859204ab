//! `Table`: from flow keys to what is kept of their connections: all, as it is or as bytes, or only the first segments.

use std::cmp::Reverse;

use foldhash::HashMap;
use foldhash::fast::RandomState;
use hashbrown::HashTable;
use std::hash::BuildHasher as _;

use super::cells::{Cell, Cells};
use super::connection::Connection;
use super::flow::FlowKey;
use super::frozen::{Frozen, History, Rooms};
use super::packed::{Beside, Packed, Writer};
use super::succession::{Slot, Tracked};
use crate::config::TrackConfig;
use crate::tcp::{Segment, Timestamp};

/// The connections of one partition. An index stays the same as long as something is kept there.
#[derive(Debug, Default)]
pub(super) struct Table {
    index: HashTable<u32>,
    hasher: RandomState,
    places: Places,
    free: Vec<u32>,
    cells: Cells,
    /// By place, what is not written of a packed connection.
    beside: HashMap<u32, Box<Beside>>,
    /// Room of connections that ended, for those to come.
    #[expect(clippy::vec_box, reason = "the boxes themselves are what is used again")]
    spare: Vec<Box<Slot>>,
    rooms: Rooms,
    writer: Writer,
    open: usize,
    frozen: usize,
    hand: usize,
}

/// Where something is kept.
#[derive(Debug)]
struct Place {
    wake: Timestamp,
    kept: Kept,
}

/// Places by number. They lie in pieces, so that they never move: a flood fills a million of them, and to grow by
/// moving needs the room of all twice.
#[derive(Debug, Default)]
struct Places {
    pieces: Vec<Vec<Place>>,
    len: usize,
}

impl Places {
    /// 6 KiB a piece.
    const PIECE: usize = 256;

    fn push(&mut self, place: Place) {
        if self.len.is_multiple_of(Self::PIECE) {
            self.pieces.push(Vec::with_capacity(Self::PIECE));
        }
        if let Some(piece) = self.pieces.last_mut() {
            piece.push(place);
            self.len += 1;
        }
    }

    #[inline]
    fn get(&self, at: usize) -> Option<&Place> {
        self.pieces.get(at / Self::PIECE)?.get(at % Self::PIECE)
    }

    #[inline]
    fn get_mut(&mut self, at: usize) -> Option<&mut Place> {
        self.pieces.get_mut(at / Self::PIECE)?.get_mut(at % Self::PIECE)
    }

    fn iter(&self) -> impl Iterator<Item = &Place> {
        self.pieces.iter().flatten()
    }
}

/// What is kept of a connection.
#[derive(Debug)]
enum Kept {
    Nothing,
    Open(Box<Slot>),
    /// All of it is written there.
    Packed {
        cell: Cell,
        /// Seen by the eviction hand since the last segment.
        cold: bool,
    },
    /// Its segments are written there.
    Frozen(Cell),
}

/// How a connection is kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Form {
    /// All of it, as it is.
    Open,
    /// All of it, as bytes.
    Packed,
    /// Its segments.
    Frozen,
}

impl Table {
    /// Connections of which all is kept, as it is or as bytes.
    pub fn open(&self) -> usize {
        self.open
    }

    /// Connections of which the segments are kept.
    pub fn frozen(&self) -> usize {
        self.frozen
    }

    /// Where the flow's connection is.
    #[inline]
    pub fn find(&self, key: &FlowKey) -> Option<u32> {
        let hash = self.hasher.hash_one(key);
        let is_its = |place: &Place| match &place.kept {
            Kept::Open(slot) => slot.key == *key,
            _ => key_of(place, &self.cells) == Some(*key),
        };
        self.index.find(hash, |at| self.places.get(*at as usize).is_some_and(is_its)).copied()
    }

    /// A connection that begins with this segment.
    pub fn begin(&mut self, key: FlowKey, s: &Segment, wake: Timestamp) -> u32 {
        let slot = Slot::furnished(self.spare.pop(), &mut self.rooms, key, s);
        let place = Place { wake, kept: Kept::Open(slot) };
        let at = match self.free.pop() {
            Some(at) => {
                if let Some(free) = self.places.get_mut(at as usize) {
                    *free = place;
                }
                at
            }
            None => {
                self.places.push(place);
                (self.places.len - 1) as u32
            }
        };
        self.open += 1;
        let (hasher, places, cells) = (&self.hasher, &self.places, &self.cells);
        let key_at = |at: u32| key_of(places.get(at as usize)?, cells);
        let rehash = |at: &u32| key_at(*at).map_or(0, |key| hasher.hash_one(key));
        self.index.insert_unique(hasher.hash_one(key), at, rehash);
        at
    }

    /// Of so many connections of which all is kept, those with the latest packets, in no particular order.
    pub fn latest(&self, looked_at: usize, most: usize, look: &mut dyn FnMut(&Connection)) {
        let rank = |place: &Place| match &place.kept {
            Kept::Open(slot) => Some((slot.connection.last, slot.connection.id)),
            Kept::Packed { cell, .. } => {
                let label = Packed(self.cells.get(*cell)).label();
                Some((label.last, label.id))
            }
            _ => None,
        };
        let all = self.places.iter().filter_map(|place| Some((Reverse(rank(place)?), place)));
        let mut latest: Vec<_> = all.take(looked_at).collect();
        if latest.len() > most {
            latest.select_nth_unstable_by_key(most, |(rank, _)| *rank);
            latest.truncate(most);
        }
        let mut room = None;
        for (_, place) in latest {
            match &place.kept {
                Kept::Open(slot) => look(&slot.connection),
                Kept::Packed { cell, .. } => {
                    let packed = Packed(self.cells.get(*cell));
                    let room = room.get_or_insert_with(|| Connection::between(packed.key().ends()));
                    packed.look(room);
                    look(room);
                }
                _ => {}
            }
        }
    }

    /// Connections of which the segments are kept, in no particular order.
    pub fn frozen_ones(&self) -> impl Iterator<Item = Frozen<'_>> {
        self.places.iter().filter_map(|place| match &place.kept {
            Kept::Frozen(cell) => Some(Frozen(self.cells.get(*cell))),
            _ => None,
        })
    }

    /// When it is to be looked at again.
    pub fn wake(&self, at: u32) -> Option<Timestamp> {
        self.places.get(at as usize).filter(|p| !matches!(p.kept, Kept::Nothing)).map(|p| p.wake)
    }

    /// Sets when it is to be looked at again.
    pub fn set_wake(&mut self, at: u32, wake: Timestamp) {
        if let Some(place) = self.places.get_mut(at as usize) {
            place.wake = wake;
        }
    }

    /// All of a connection, made from its bytes or segments where only these are kept; and how it was.
    pub fn thawed(
        &mut self,
        at: u32,
        config: &TrackConfig,
        out: &mut dyn Tracked,
    ) -> Option<(&mut Slot, Form)> {
        let place = self.places.get_mut(at as usize)?;
        let was = match &mut place.kept {
            Kept::Nothing => return None,
            Kept::Open(_) => Form::Open,
            Kept::Packed { cell, cold } => {
                let (cell, cold) = (*cell, *cold);
                let packed = Packed(self.cells.get(cell));
                let mut slot = self.spare.pop().unwrap_or_else(|| {
                    let key = packed.key();
                    Slot::boxed(key, Connection::between(key.ends()))
                });
                let beside = packed.label().has_beside.then(|| self.beside.remove(&at)).flatten();
                packed.unpack(&mut slot, beside);
                slot.cold = cold;
                place.kept = Kept::Open(slot);
                self.cells.free(cell);
                Form::Packed
            }
            Kept::Frozen(cell) => {
                let cell = *cell;
                let told = Frozen(self.cells.get(cell)).told();
                let mut slot = Slot::furnished(self.spare.pop(), &mut self.rooms, told.key, &told.first());
                let Slot { connection, history, .. } = &mut *slot;
                told.thaw((connection, history), config, out);
                place.kept = Kept::Open(slot);
                self.cells.free(cell);
                self.open += 1;
                self.frozen -= 1;
                Form::Frozen
            }
        };
        match &mut place.kept {
            Kept::Open(slot) => Some((slot, was)),
            _ => None,
        }
    }

    /// More was seen of a connection than a history tells: the room of its own is for others.
    #[inline]
    pub fn outgrown(&mut self, at: u32) {
        if let Some(Place { kept: Kept::Open(slot), .. }) = self.places.get_mut(at as usize) {
            slot.history.give_up(&mut self.rooms);
        }
    }

    /// All of a connection, where all is kept.
    #[inline]
    pub fn slot(&mut self, at: u32) -> Option<&mut Slot> {
        match &mut self.places.get_mut(at as usize)?.kept {
            Kept::Open(slot) => Some(slot),
            _ => None,
        }
    }

    /// When the connection of this form has to be looked at, if anything but a segment changes it.
    pub fn packed_due(&self, at: u32) -> Option<Option<Timestamp>> {
        match &self.places.get(at as usize)?.kept {
            Kept::Packed { cell, .. } => Some(Packed(self.cells.get(*cell)).label().due),
            _ => None,
        }
    }

    /// Keeps it as bytes, where more happened than segments tell; it has to be looked at when it is due.
    pub fn pack(&mut self, at: u32, due: Option<Timestamp>) {
        let Some(place) = self.places.get_mut(at as usize) else { return };
        let Kept::Open(slot) = &mut place.kept else { return };
        if !slot.history.is_over() {
            return;
        }
        slot.history.give_up(&mut self.rooms);
        let comes_back = Packed::write(slot, due, &mut self.writer);
        if !comes_back || self.writer.written().len() > Cells::LONGEST {
            return;
        }
        if let Some(beside) = Beside::take(slot) {
            self.beside.insert(at, beside);
        }
        let written = self.writer.written();
        debug_assert!(Packed(written).is(&slot.connection), "what is written comes back");
        let kept = Kept::Packed { cell: self.cells.put(written), cold: slot.cold };
        if let Kept::Open(slot) = std::mem::replace(&mut place.kept, kept) {
            self.give_back(slot);
        }
    }

    /// Keeps no more than the segments, where these tell all and the connection is still the one of that id.
    pub fn freeze(&mut self, at: u32, id: u64, out: &mut dyn Tracked) {
        let Some(place) = self.places.get_mut(at as usize) else { return };
        let Kept::Open(slot) = &place.kept else { return };
        if slot.connection.id != id || !slot.is_alone() {
            return;
        }
        if !slot.history.freeze(&slot.key, &mut self.writer) {
            return;
        }
        let cell = self.cells.put(self.writer.written());
        if let Kept::Open(slot) = std::mem::replace(&mut place.kept, Kept::Frozen(cell)) {
            self.give_back(slot);
        }
        out.on_frozen(id);
        self.open -= 1;
        self.frozen += 1;
    }

    /// Takes a connection out.
    pub fn take(&mut self, at: u32, config: &TrackConfig, out: &mut dyn Tracked) -> Option<Box<Slot>> {
        self.thawed(at, config, out)?;
        let place = self.places.get_mut(at as usize)?;
        let Kept::Open(slot) = std::mem::replace(&mut place.kept, Kept::Nothing) else { return None };
        let hash = self.hasher.hash_one(slot.key);
        if let Ok(entry) = self.index.find_entry(hash, |other| *other == at) {
            entry.remove();
        }
        self.free.push(at);
        self.open -= 1;
        Some(slot)
    }

    /// The room of a connection that was taken out.
    pub fn give_back(&mut self, slot: Box<Slot>) {
        /// More than are taken out between two that are put in.
        const SPARE: usize = 16;
        if self.spare.len() < SPARE {
            self.spare.push(slot);
        }
    }

    /// Every connection's id with its place, by id.
    pub fn by_id(&self) -> Vec<(u64, u32)> {
        let id = |place: &Place| match &place.kept {
            Kept::Nothing => None,
            Kept::Open(slot) => Some(slot.connection.id),
            Kept::Packed { cell, .. } => Some(Packed(self.cells.get(*cell)).label().id),
            Kept::Frozen(cell) => Some(Frozen(self.cells.get(*cell)).id()),
        };
        let all = self.places.iter().enumerate();
        let mut ids: Vec<_> = all.filter_map(|(at, p)| Some((id(p)?, at as u32))).collect();
        ids.sort_unstable();
        ids
    }

    /// The next connection, frozen or not, that was not used since the hand came by last; so many as there are places,
    /// twice, are looked at.
    pub fn least_used(&mut self, form: Form) -> Option<u32> {
        let count = self.places.len;
        let frozen = form == Form::Frozen;
        for _ in 0..2 * count {
            self.hand = if self.hand + 1 < count { self.hand + 1 } else { 0 };
            match (&mut self.places.get_mut(self.hand)?.kept, frozen) {
                (Kept::Open(slot), false) if !slot.cold => slot.cold = true,
                (Kept::Packed { cold, .. }, false) if !*cold => *cold = true,
                (Kept::Open(_) | Kept::Packed { .. }, false) | (Kept::Frozen(_), true) => {
                    return Some(self.hand as u32);
                }
                _ => {}
            }
        }
        None
    }
}

/// Whose connection is kept in a place. A key lies where the rest of it does: what finds it needs that next.
#[inline]
fn key_of(place: &Place, cells: &Cells) -> Option<FlowKey> {
    match &place.kept {
        Kept::Nothing => None,
        Kept::Open(slot) => Some(slot.key),
        Kept::Packed { cell, .. } => Some(Packed(cells.get(*cell)).key()),
        Kept::Frozen(cell) => Some(Frozen(cells.get(*cell)).key()),
    }
}

impl Slot {
    /// A connection that begins with this segment, in the room of one that ended, where there is one.
    fn furnished(spare: Option<Box<Self>>, rooms: &mut Rooms, key: FlowKey, s: &Segment) -> Box<Self> {
        let mut slot = match spare {
            Some(mut slot) => {
                slot.key = key;
                slot.connection.begin_anew(s);
                slot.previous = None;
                slot.cold = false;
                slot
            }
            None => Self::boxed(key, Connection::new(s)),
        };
        slot.history.clear(rooms);
        slot
    }

    fn boxed(key: FlowKey, connection: Connection) -> Box<Self> {
        Box::new(Self { key, connection, previous: None, history: History::default(), cold: false })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// performance.md: at most 128 bytes for a half-open connection: what is written of it (80), this, its share of the index
    /// (5 bytes at 7/8 to 7/16 of the room) and its timers (two of 4).
    #[test]
    fn a_place_is_small() {
        assert!(size_of::<Place>() <= 24, "{} bytes", size_of::<Place>());
    }
}
