//! The transitions in a connection's line: half of it. There are few kinds of step, so the text between the numbers is
//! made once for each kind.

use std::ops::Range;

use super::known::Known;
use super::pen::{OneOf, Pen, Plain, Put, object};
use crate::tcp::{Certainty, Flags, State, Timestamp};
use crate::track::{Reason, Role, Transition};

/// The texts of the kinds of steps written before, and the line's latest step.
#[derive(Debug, Default)]
pub(super) struct Steps {
    known: Known<Text>,
    latest: Option<Latest>,
}

/// When and by what the latest step was made, and where in the line that stands: one packet often makes a step at each
/// end.
#[derive(Debug)]
struct Latest {
    frame: u64,
    at: Timestamp,
    place: Range<usize>,
}

/// All of a step but its packets and its time.
#[derive(Clone, Copy, Debug)]
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
    /// Up to the packet that confirms it.
    middle: String,
    /// From there to the packet that rolls it back.
    tail: String,
    /// All of it, where no packet does either: most often.
    plain: String,
}

impl Put for Transition {
    fn put(&self, pen: &mut Pen) {
        put_place(pen, self);
        let Pen { out, steps, .. } = pen;
        let text = steps.text(Kind::of(self));
        if self.confirmed.is_none() && self.rolled_back.is_none() {
            return out.extend_from_slice(text.plain.as_bytes());
        }
        out.extend_from_slice(text.middle.as_bytes());
        number(out, self.confirmed);
        out.extend_from_slice(text.tail.as_bytes());
        number(out, self.rolled_back);
        out.push(b'}');
    }
}

/// The packet and the time.
fn put_place(pen: &mut Pen, t: &Transition) {
    if let Some(Latest { frame, at, place }) = &pen.steps.latest
        && (*frame, *at) == (t.frame, t.at)
    {
        return pen.out.extend_from_within(place.clone());
    }
    let start = pen.out.len();
    pen.text("{\"frame\":");
    t.frame.put(pen);
    pen.text(",\"at\":");
    pen.time(t.at);
    pen.steps.latest = Some(Latest { frame: t.frame, at: t.at, place: start..pen.out.len() });
}

fn number(out: &mut Vec<u8>, packet: Option<u64>) {
    match packet {
        Some(packet) => out.extend_from_slice(itoa::Buffer::new().format(packet).as_bytes()),
        None => out.extend_from_slice(b"null"),
    }
}

impl Steps {
    /// A line begins.
    pub fn clear(&mut self) {
        self.latest = None;
    }

    #[inline]
    fn text(&mut self, kind: Kind) -> &Text {
        let key = kind.packed();
        let place = self.known.find(key).unwrap_or_else(|| self.known.insert(key, kind.text()));
        self.known.text(place)
    }
}

impl Kind {
    fn of(t: &Transition) -> Self {
        let (endpoint, from, to) = (t.endpoint, t.from, t.to);
        Self { endpoint, from, to, flags: t.flags, certainty: t.certainty, reason: t.reason }
    }

    /// All of it in one number.
    fn packed(self) -> u64 {
        let [endpoint, from, to] = [self.endpoint as u64, self.from as u64, self.to as u64];
        let [certainty, reason] = [self.certainty as u64, self.reason as u64];
        endpoint | from << 8 | to << 16 | certainty << 24 | reason << 32 | u64::from(self.flags.0) << 40
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
        let middle = format!(",{},\"confirmed\":", fields(middle));
        let tail = format!(",{},\"rolled_back\":", fields(tail));
        let plain = format!("{middle}null{tail}null}}");
        Text { middle, tail, plain }
    }
}
