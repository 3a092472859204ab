//! The ladder as a picture: one SVG document that loads nothing and runs nothing.

use std::fmt::Write as _;
use std::io::{self, Write};

use super::items::{Item, Step, StepKind, What, fold_words, items};
use super::text::seconds;
use super::words::words;
use super::{View, title};
use crate::output::layout::Layout;
use crate::output::text::{escape, wrap};
use crate::report::Ladder;
use crate::rules::{Finding, Severity};
use crate::track::Role;

/// Draws the picture.
///
/// # Errors
/// The writer's.
pub fn write(ladder: &Ladder, view: View, _layout: &Layout, out: &mut dyn Write) -> io::Result<()> {
    let mut picture = Picture { ladder, view, body: String::new(), y: TOP };
    for item in &items(ladder, view.folding) {
        picture.item(item);
    }
    let [head, facts] = title(ladder).map(|line| safe(&line));
    let (bottom, height) = (picture.y, picture.y + 2 * ROW);
    writeln!(
        out,
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" role="img">"#
    )?;
    writeln!(out, "<title>{head}</title>\n<style>{STYLE}</style>")?;
    writeln!(out, r#"<rect class="paper" width="{WIDTH}" height="{height}"/>"#)?;
    writeln!(out, r#"<text class="head" x="{MARGIN}" y="26">{head}</text>"#)?;
    for (i, line) in wrap(&facts, FACTS).iter().enumerate() {
        writeln!(out, r#"<text class="dim" x="{MARGIN}" y="{}">{line}</text>"#, 46 + 16 * i)?;
    }
    for (x, anchor, name) in [(LEFT - 12, "end", "client"), (RIGHT + 12, "start", "server")] {
        writeln!(out, r#"<text class="head" x="{x}" y="{}" text-anchor="{anchor}">{name}</text>"#, TOP - 18)?;
    }
    for x in [LEFT, RIGHT] {
        writeln!(out, r#"<line class="life" x1="{x}" y1="{}" x2="{x}" y2="{bottom}"/>"#, TOP - 30)?;
    }
    out.write_all(picture.body.as_bytes())?;
    writeln!(out, r#"<text class="dim" x="{MARGIN}" y="{}">{LEGEND}</text>"#, bottom + ROW)?;
    writeln!(out, "</svg>")
}

struct Picture<'a> {
    ladder: &'a Ladder,
    view: View,
    body: String,
    /// Where the next row begins.
    y: usize,
}

impl Picture<'_> {
    fn item(&mut self, item: &Item<'_>) {
        let lines = match &item.what {
            What::Start => 1,
            What::Segment(sent, from) => {
                self.place(&item.frame.to_string(), item);
                let class = if sent.segment.flags.rst() { "reset" } else { "arrow" };
                self.arrow(&words(sent, self.view.numbers, ROOM), *from, class, self.y);
                1
            }
            What::Fold(fold) => {
                self.place(&format!("{} – {}", fold.first.0, fold.last.0), item);
                let ends = [Role::Client, Role::Server];
                let texts = ends.map(|end| (end, fold_words(self.ladder, fold, end)));
                let texts = texts.into_iter().filter_map(|(end, text)| Some((end, text?)));
                let mut lines = 0;
                for (end, text) in texts {
                    self.arrow(&text, end, "fold", self.y + lines * ROW);
                    lines += 1;
                }
                lines
            }
            What::Timer(text) => {
                self.place("", item);
                let lines = wrap(text, ROOM);
                for (i, line) in lines.iter().enumerate() {
                    self.text(MIDDLE, self.y + i * LINE, "timer", "middle", line);
                }
                lines.len().div_ceil(2)
            }
        };
        self.steps(&item.steps.client, LEFT - 12, "end");
        self.steps(&item.steps.server, RIGHT + 12, "start");
        let deep = item.steps.client.len().max(item.steps.server.len());
        self.y += (lines.max(1) * ROW).max(deep * LINE + ROW - LINE);
        for finding in &item.findings {
            self.finding(finding);
        }
    }

    fn place(&mut self, frame: &str, item: &Item<'_>) {
        let class = if item.named { "named" } else { "dim" };
        self.text(MARGIN, self.y, class, "start", frame);
        self.text(TIME, self.y, class, "end", &seconds(self.ladder, item.at));
    }

    fn steps(&mut self, steps: &[Step], x: usize, anchor: &str) {
        for (i, step) in steps.iter().enumerate() {
            let class = match step.kind {
                StepKind::Stands => "state",
                StepKind::Undone => "undone",
                StepKind::Back => "back",
            };
            self.text(x, self.y + i * LINE, class, anchor, &step.text());
        }
    }

    /// An arrow from one life line to the other with its text above.
    fn arrow(&mut self, text: &str, from: Role, class: &str, y: usize) {
        let line = y + 5;
        let (x1, x2, tip, back) = match from {
            Role::Client => (LEFT, RIGHT - 8, RIGHT - 1, RIGHT - 10),
            Role::Server => (RIGHT, LEFT + 8, LEFT + 1, LEFT + 10),
        };
        let (up, down) = (line - 4, line + 4);
        self.put(format_args!(r#"<line class="{class}" x1="{x1}" y1="{line}" x2="{x2}" y2="{line}"/>"#));
        self.put(format_args!(r#"<path class="tip {class}" d="M{tip} {line}L{back} {up}L{back} {down}Z"/>"#));
        self.text(MIDDLE, y, "words", "middle", text);
    }

    fn finding(&mut self, finding: &Finding) {
        let class = match finding.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "note",
        };
        let text = format!("{} {}: {}", finding.rule, finding.severity.name(), finding.message);
        let lines = wrap(&text, BOXED);
        let (x, width, top, height) = (LEFT + 24, RIGHT - LEFT - 48, self.y - 12, lines.len() * LINE + 10);
        self.put(format_args!(
            r#"<rect class="box {class}" x="{x}" y="{top}" width="{width}" height="{height}" rx="4"/>"#
        ));
        for (i, line) in lines.iter().enumerate() {
            self.text(LEFT + 34, self.y + 4 + i * LINE, class, "start", line);
        }
        self.y += height + 14;
    }

    fn text(&mut self, x: usize, y: usize, class: &str, anchor: &str, text: &str) {
        let text = safe(text);
        self.put(format_args!(
            r#"<text class="{class}" x="{x}" y="{y}" text-anchor="{anchor}" xml:space="preserve">{text}</text>"#
        ));
    }

    fn put(&mut self, line: std::fmt::Arguments<'_>) {
        writeln!(self.body, "{line}").expect("a string takes all");
    }
}

/// Text that is no markup and has no character that XML forbids.
fn safe(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in escape(text).chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\u{fffe}' | '\u{ffff}' => safe.push('\u{fffd}'),
            _ => safe.push(c),
        }
    }
    safe
}

const WIDTH: usize = 1030;
const MARGIN: usize = 16;
/// Right edge of the times.
const TIME: usize = 206;
/// Life lines of client and server.
const LEFT: usize = 330;
const RIGHT: usize = 890;
const MIDDLE: usize = (LEFT + RIGHT) / 2;
/// First row.
const TOP: usize = 116;
/// Height of a row, and of one of several lines of text.
const ROW: usize = 30;
const LINE: usize = 15;
/// Characters between the life lines, in the box of a finding, and in a line of facts.
const ROOM: usize = 70;
const BOXED: usize = 64;
const FACTS: usize = 136;

const LEGEND: &str =
    "STATE? inferred, not confirmed   STATE?? assumed   STATE× never happened   «STATE still there";

const STYLE: &str = "\
text{font:12px ui-monospace,'DejaVu Sans Mono',Menlo,Consolas,monospace;fill:#222}\
.paper{fill:#fff}.head{font-weight:bold;font-size:13px}.dim{fill:#777}.named{fill:#b45309;font-weight:bold}\
.life{stroke:#bbb;stroke-width:2}.arrow{stroke:#2563eb}.reset{stroke:#dc2626}.fold{stroke:#888;stroke-dasharray:4 3}\
.tip{stroke:none}.tip.arrow{fill:#2563eb}.tip.reset{fill:#dc2626}.tip.fold{fill:#888}\
.state{font-weight:bold}.undone{fill:#999;text-decoration:line-through}.back{fill:#b45309;font-weight:bold}\
.timer{fill:#6d28d9;font-style:italic}text.error{fill:#991b1b}text.warning{fill:#92400e}text.note{fill:#155e75}\
.box.error{fill:#fee2e2}.box.warning{fill:#fef3c7}.box.note{fill:#e0f2fe}";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_can_not_become_markup() {
        assert_eq!(safe("<a href=\"x\">&\u{1b}"), "&lt;a href=&quot;x&quot;&gt;&amp;\\u{1b}");
    }
}
