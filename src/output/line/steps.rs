//! The transitions in a connection's line: half of it. There are few kinds of step, so the text between the numbers is
//! made once for each kind.

use super::pen::{OneOf, Pen, Plain, Put, object};
use crate::tcp::{Certainty, Flags, State};
use crate::track::{Reason, Role, Transition};

/// The texts of the kinds of steps written before.
#[derive(Debug)]
pub(super) struct Steps {
    known: Vec<Option<Text>>,
}

/// All of a step but its packets and its time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Kind {
    endpoint: Role,
    from: State,
    to: State,
    flags: Flags,
    certainty: Certainty,
    reason: Reason,
}

/// What stands in a step of one kind behind its time.
#[derive(Debug)]
struct Text {
    kind: Kind,
    /// Up to the packet that confirms it.
    middle: String,
    /// From there to the packet that rolls it back.
    tail: String,
}

impl Put for Transition {
    fn put(&self, pen: &mut Pen) {
        pen.text("{\"frame\":");
        self.frame.put(pen);
        pen.text(",\"at\":");
        pen.time(self.at);
        let kind = Kind::of(self);
        let at = kind.place();
        pen.steps.learn(kind, at);
        let Some(Some(text)) = pen.steps.known.get(at) else { return };
        pen.out.extend_from_slice(text.middle.as_bytes());
        number(&mut pen.out, self.confirmed);
        pen.out.extend_from_slice(text.tail.as_bytes());
        number(&mut pen.out, self.rolled_back);
        pen.text("}");
    }
}

fn number(out: &mut Vec<u8>, packet: Option<u64>) {
    match packet {
        Some(packet) => out.extend_from_slice(itoa::Buffer::new().format(packet).as_bytes()),
        None => out.extend_from_slice(b"null"),
    }
}

impl Steps {
    /// A power of two; ordinary captures have about forty kinds.
    const ROOM: usize = 512;

    fn learn(&mut self, kind: Kind, at: usize) {
        if self.known.get(at).is_some_and(|known| known.as_ref().is_none_or(|text| text.kind != kind)) {
            self.known[at] = Some(kind.text());
        }
    }
}

impl Default for Steps {
    fn default() -> Self {
        Self { known: (0..Self::ROOM).map(|_| None).collect() }
    }
}

impl Kind {
    fn of(t: &Transition) -> Self {
        let (endpoint, from, to) = (t.endpoint, t.from, t.to);
        Self { endpoint, from, to, flags: t.flags, certainty: t.certainty, reason: t.reason }
    }

    /// Where its text is kept: a place that kinds met together seldom share.
    fn place(self) -> usize {
        let packed = self.from as usize
            | (self.to as usize) << 4
            | (self.endpoint as usize) << 8
            | (self.certainty as usize) << 9
            | (self.reason as usize) << 11
            | usize::from(self.flags.0) << 15;
        // Multiplied by the golden ratio of 2^32 (Knuth), neighbours go far apart.
        (packed.wrapping_mul(0x9e37_79b9) >> 16) % Steps::ROOM
    }

    fn text(self) -> Text {
        let flags = (self.reason != Reason::Timeout).then_some(self.flags);
        let letters = flags.map(|f| f.to_string());
        let (mut middle, mut tail) = (Pen::default(), Pen::default());
        object!(&mut middle, {
            "endpoint": OneOf(self.endpoint),
            "from": OneOf(self.from),
            "to": OneOf(self.to),
            "flags": flags.map(|f| Plain(f.bits())),
            "flags_text": letters.as_deref().map(Plain),
            "certainty": OneOf(self.certainty),
        });
        object!(&mut tail, { "reason": OneOf(self.reason) });
        let fields = |pen: Pen| String::from_utf8_lossy(pen.bytes()).trim_matches(['{', '}']).to_owned();
        Text {
            kind: self,
            middle: format!(",{},\"confirmed\":", fields(middle)),
            tail: format!(",{},\"rolled_back\":", fields(tail)),
        }
    }
}
