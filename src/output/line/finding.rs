//! The line of a finding.

use super::pen::{OneOf, Pen, Plain, Put, Raw, object};
use crate::output::compact;
use crate::output::document::{Places, Series};
use crate::rules::{self, Finding};

/// All but the line's end.
pub(super) fn write(pen: &mut Pen, f: &Finding, file: Option<Raw<'_>>, places: &Places) {
    object!(pen, {
        "type": Raw(b"\"finding\""),
        "rule": Plain(f.rule),
        "name": Plain(f.name),
        "severity": OneOf(f.severity),
        "confidence": OneOf(f.confidence),
        "variant": f.variant.map(Plain),
        "connection": f.connection,
        "endpoint": f.endpoint.map(OneOf),
        "key": f.key.as_deref().map(Text),
        "frames": f.frames.as_slice(),
        "file": file,
        "at": f.at,
        "start": f.start,
        "end": f.end,
        "count": f.count,
        "message": Text(&f.message),
        "evidence": Evidence(&f.evidence),
        "series": f.series.as_ref().map(Over),
        "filter": places.within_one(&f.frames).map(Frames),
    });
}

/// Text that may need escapes.
struct Text<'a>(&'a str);

impl Put for Text<'_> {
    fn put(&self, pen: &mut Pen) {
        // Writing a string into memory can't fail.
        let _ = compact::append(&mut pen.out, self.0);
    }
}

/// Names and numbers.
struct Evidence<'a>(&'a [(&'static str, serde_json::Value)]);

impl Put for Evidence<'_> {
    fn put(&self, pen: &mut Pen) {
        pen.text("{");
        for (i, (name, value)) in self.0.iter().enumerate() {
            if i > 0 {
                pen.text(",");
            }
            Plain(name).put(pen);
            pen.text(":");
            // Nor can a value whose keys are strings.
            let _ = compact::append(&mut pen.out, value);
        }
        pen.text("}");
    }
}

/// What mattered over time: in so few findings that serde may write it.
struct Over<'a>(&'a rules::Series);

impl Put for Over<'_> {
    fn put(&self, pen: &mut Pen) {
        let _ = compact::append(&mut pen.out, &Series::new(self.0));
    }
}

/// The display filter of these frames, as `FrameFilter` has it.
struct Frames(Vec<u64>);

impl Put for Frames {
    fn put(&self, pen: &mut Pen) {
        pen.text("\"frame.number in {");
        for (i, frame) in self.0.iter().enumerate() {
            if i > 0 {
                pen.text(",");
            }
            frame.put(pen);
        }
        pen.text("}\"");
    }
}
