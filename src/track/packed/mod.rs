//! `Packed`: what is kept of a connection that rests: all of it, as few bytes.
//!
//! A connection costs three kilobytes. Most of those that a capture has at once rest: they are over and wait for
//! stragglers, or they are open and nobody speaks. Written as bytes one costs some hundred, and comes back as it was: no
//! result depends on when that happens, or how often. What nearly none has is kept as it is, beside.

mod fields;
mod kinds;
mod parts;
mod words;

use super::connection::Connection;
use super::flow::FlowKey;
use super::signs::Signs;
use super::succession::{Previous, Slot};
use crate::tcp::{Endpoint, Segment, Timestamp};

pub(in crate::track) use fields::{Fold, Number, Pack, Plain, Small, choices, fields, written};
pub(in crate::track) use parts::read;
pub(in crate::track) use words::{Near, Reader, Row, Writer};

/// A connection at rest, with what is asked of it without waking it.
#[derive(Debug)]
pub(super) struct Packed {
    bytes: Box<[u8]>,
    beside: Option<Box<Beside>>,
    /// Number of its first packet.
    pub id: u64,
    /// Highest time of its packets.
    pub last: Timestamp,
    /// When it has to be looked at; `None` where nothing but a segment changes it.
    pub due: Option<Timestamp>,
    /// Seen by the eviction hand since the last segment.
    pub cold: bool,
}

/// What few connections have.
#[derive(Debug)]
struct Beside {
    previous: Option<Box<Previous>>,
    held_syn: Option<Box<Segment>>,
    signs: Option<Box<Signs>>,
}

impl Packed {
    /// All of a connection whose history is over; the slot is free then. `None` where it would not come back.
    pub fn of(slot: &mut Slot, due: Option<Timestamp>, w: &mut Writer) -> Option<Self> {
        let Slot { key, connection, previous, history: _, cold } = slot;
        let [a, b] = &connection.ends;
        let from_high = !key.begins_with(&a.endpoint);
        if ends(key, from_high) != [a.endpoint, b.endpoint] {
            return None;
        }
        w.begin();
        key.write(u8::from(from_high), w);
        w.near_to([a.space.max(), b.space.max()]);
        connection.pack(w);
        if w.near.is_lost {
            return None;
        }
        let beside = Beside {
            previous: previous.take(),
            held_syn: connection.held_syn.take(),
            signs: connection.signs.take(),
        };
        // What was the connection's before this one may have an end of its own to come to.
        let due = if beside.previous.is_some() { Some(Timestamp::MIN) } else { due };
        let beside = (!beside.is_nothing()).then(|| Box::new(beside));
        let (id, last) = (connection.id, connection.last);
        let packed = Self { bytes: w.written().into(), beside, id, last, due, cold: *cold };
        debug_assert_eq!(packed.text(), format!("{connection:?}"), "what is written comes back");
        Some(packed)
    }

    /// Whose it is.
    #[inline]
    pub fn key(&self) -> FlowKey {
        FlowKey::read(&mut Reader::new(&self.bytes)).0
    }

    /// Makes of any slot what was packed. Once: what lay beside goes there.
    pub fn unpack(&mut self, slot: &mut Slot) {
        let Slot { key, connection, previous, history, cold } = slot;
        *key = self.look(connection);
        let beside = self.beside.take().map_or(Beside::NOTHING, |beside| *beside);
        (*previous, connection.held_syn, connection.signs) = (beside.previous, beside.held_syn, beside.signs);
        history.end();
        *cold = self.cold;
    }

    /// Makes of any connection the one that was packed, but for what lies beside; tells whose it is.
    pub fn look(&self, connection: &mut Connection) -> FlowKey {
        let mut r = Reader::new(&self.bytes);
        let (key, from_high) = FlowKey::read(&mut r);
        r.near_to();
        connection.unpack(&mut r);
        [connection.ends[0].endpoint, connection.ends[1].endpoint] = ends(&key, from_high != 0);
        key
    }

    /// What comes back, for comparison.
    fn text(&self) -> String {
        let mut connection = Connection::between(self.key().ends());
        self.look(&mut connection);
        format!("{connection:?}")
    }
}

impl Beside {
    const NOTHING: Self = Self { previous: None, held_syn: None, signs: None };

    fn is_nothing(&self) -> bool {
        self.previous.is_none() && self.held_syn.is_none() && self.signs.is_none()
    }
}

/// The ends in the order of the connection.
fn ends(key: &FlowKey, from_high: bool) -> [Endpoint; 2] {
    let [low, high] = key.ends();
    if from_high { [high, low] } else { [low, high] }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// With its share of the table it leaves 500 bytes for what is written (performance.md: 640 for an open connection).
    #[test]
    fn a_packed_connection_is_small() {
        assert!(size_of::<Packed>() <= 64, "{} bytes", size_of::<Packed>());
    }
}
