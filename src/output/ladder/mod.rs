//! The ladder diagram of one connection: `LADDERS` has one row per format, each a pure function into a writer.

mod items;
mod mermaid;
mod svg;
mod text;
mod words;

use std::io::{self, Write};

pub use items::{Folding, View};
pub use words::Numbers;

use super::layout::Layout;
use super::text::{counted, escape};
use super::time::{Clock, TimeStyle};
use crate::report::{Ladder, Word};
use crate::track::{CloseShape, OpenOutcome};

/// One format of a ladder.
#[derive(Debug)]
pub struct LadderFormat {
    /// What `--format` takes.
    pub name: &'static str,
    /// What it is for, for the help text.
    pub doc: &'static str,
    /// Writes it.
    pub write: fn(&Ladder, View, &Layout, &mut dyn Write) -> io::Result<()>,
}

/// Every format, the default first.
pub const LADDERS: &[LadderFormat] = &[
    LadderFormat { name: "text", doc: "for the terminal", write: text::write },
    LadderFormat { name: "mermaid", doc: "a sequence diagram for Markdown", write: mermaid::write },
    LadderFormat { name: "svg", doc: "a picture with nothing to load", write: svg::write },
];

/// What stands above every ladder.
fn title(ladder: &Ladder) -> [String; 2] {
    let r = &ladder.record;
    let segments = r.sent.client.segments + r.sent.server.segments;
    let copies = u64::from(r.sent.client.duplicates) + u64::from(r.sent.server.duplicates);
    let clock = Clock { style: &TimeStyle::Utc, start: r.first, digits: 6 };
    let mut facts = vec![
        format!("{} in {} from {}", counted(segments, "segment"), r.duration(), clock.text(r.first)),
        match r.open.outcome {
            OpenOutcome::NotCaptured => "opening not captured".into(),
            outcome => format!("opening {}, {}", r.open.shape.word(), outcome.word()),
        },
        match r.close.shape {
            CloseShape::None => "not closed".into(),
            shape => format!("closing {}, {}", shape.word(), r.close.outcome.word()),
        },
    ];
    facts.extend(r.stream.map(|stream| format!("tcp.stream {stream}")));
    if copies > 0 {
        facts.push(format!("{} left out", counted(copies, "capture duplicate")));
    }
    if r.transitions_dropped > 0 {
        facts.push(format!("{} left out", counted(r.transitions_dropped.into(), "step")));
    }
    let head = format!("Connection {}: client {}, server {}", r.id, r.endpoints.client, r.endpoints.server);
    [escape(&head).into_owned(), facts.join("; ")]
}
