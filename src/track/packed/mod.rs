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

/// A connection at rest, written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Packed<'a>(pub &'a [u8]);

/// What is asked of it without waking it.
#[derive(Debug)]
pub(super) struct Label {
    pub key: FlowKey,
    /// Number of its first packet.
    pub id: u64,
    /// Highest time of its packets.
    pub last: Timestamp,
    /// When it has to be looked at; `None` where nothing but a segment changes it.
    pub due: Option<Timestamp>,
    /// Something of it lies beside.
    pub has_beside: bool,
    from_high: bool,
}

impl Label {
    const ROW: &Row<2> = &Row::of([4, 5]);

    fn write(&self, w: &mut Writer) {
        let Self { key, id, last, due, has_beside, from_high } = self;
        key.write(u8::from(*from_high) | u8::from(*has_beside) << 1, w);
        w.put(last.0 as u64, 8);
        w.near.time = *last;
        let due = due.number(&mut w.near);
        w.row([*id, due], Self::ROW);
        w.near.time = *last;
    }

    fn read(r: &mut Reader<'_>) -> Self {
        let (key, bits) = FlowKey::read(r);
        let last = Timestamp(r.take(8) as i64);
        r.near.time = last;
        let [id, due] = r.row(Self::ROW);
        let due = Number::of(due, &mut r.near);
        r.near.time = last;
        Self { key, id, last, due, has_beside: bits & 2 != 0, from_high: bits & 1 != 0 }
    }

    /// The ends in the order of the connection.
    fn ends(&self) -> [Endpoint; 2] {
        let [low, high] = self.key.ends();
        if self.from_high { [high, low] } else { [low, high] }
    }
}

impl Packed<'_> {
    /// Writes all of a connection whose history is over, but for what goes beside. False where it would not come back.
    pub fn write(slot: &Slot, due: Option<Timestamp>, w: &mut Writer) -> bool {
        let Slot { key, connection, .. } = slot;
        let [a, b] = &connection.ends;
        // What was the connection's before this one may have an end of its own to come to.
        let due = if slot.previous.is_some() { Some(Timestamp::MIN) } else { due };
        let label = Label {
            key: *key,
            id: connection.id,
            last: connection.last,
            due,
            has_beside: Beside::is_needed(slot),
            from_high: !key.begins_with(&a.endpoint),
        };
        if label.ends() != [a.endpoint, b.endpoint] {
            return false;
        }
        w.begin();
        label.write(w);
        w.near_to([a.space.max(), b.space.max()]);
        connection.pack(w);
        !w.near.is_lost
    }

    /// Whose it is.
    #[inline]
    pub fn key(self) -> FlowKey {
        FlowKey::read(&mut Reader::new(self.0)).0
    }

    /// What is asked of it without waking it.
    pub fn label(self) -> Label {
        Label::read(&mut Reader::new(self.0))
    }

    /// Makes of any slot what was packed, with what lay beside.
    pub fn unpack(self, slot: &mut Slot, beside: Option<Box<Beside>>) {
        let Slot { key, connection, previous, history, cold: _ } = slot;
        *key = self.look(connection);
        let beside = beside.map_or(Beside::NOTHING, |beside| *beside);
        (*previous, connection.held_syn, connection.signs) = (beside.previous, beside.held_syn, beside.signs);
        history.end();
    }

    /// Makes of any connection the one that was packed, but for what lies beside; tells whose it is.
    pub fn look(self, connection: &mut Connection) -> FlowKey {
        let mut r = Reader::new(self.0);
        let label = Label::read(&mut r);
        r.near_to();
        connection.unpack(&mut r);
        (connection.id, connection.last) = (label.id, label.last);
        [connection.ends[0].endpoint, connection.ends[1].endpoint] = label.ends();
        label.key
    }

    /// Whether this connection comes back.
    pub fn is(self, connection: &Connection) -> bool {
        let mut back = Connection::between(self.key().ends());
        self.look(&mut back);
        format!("{back:?}") == format!("{connection:?}")
    }
}

/// What few connections have: it is kept as it is.
#[derive(Debug)]
pub(super) struct Beside {
    previous: Option<Box<Previous>>,
    held_syn: Option<Box<Segment>>,
    signs: Option<Box<Signs>>,
}

impl Beside {
    const NOTHING: Self = Self { previous: None, held_syn: None, signs: None };

    fn is_needed(slot: &Slot) -> bool {
        let Slot { previous, connection, .. } = slot;
        previous.is_some() || connection.held_syn.is_some() || connection.signs.is_some()
    }

    /// Takes it out of a connection that has any.
    pub fn take(slot: &mut Slot) -> Option<Box<Self>> {
        Self::is_needed(slot).then(|| {
            let Slot { previous, connection, .. } = slot;
            Box::new(Self {
                previous: previous.take(),
                held_syn: connection.held_syn.take(),
                signs: connection.signs.take(),
            })
        })
    }
}
