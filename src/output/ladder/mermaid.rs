//! The ladder as a sequence diagram that Markdown renders (mermaid): arrows, notes for states and findings.

use std::io::{self, Write};

use super::items::{Item, Step, What, fold_words, items};
use super::text::seconds;
use super::words::words;
use super::{View, title};
use crate::output::layout::Layout;
use crate::output::text::escape;
use crate::report::Ladder;
use crate::track::Role;

/// Writes the diagram, without the fence around it.
///
/// # Errors
/// The writer's.
pub fn write(ladder: &Ladder, view: View, _layout: &Layout, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "sequenceDiagram")?;
    for line in title(ladder) {
        writeln!(out, "    %% {}", line.replace(['{', '}'], ""))?;
    }
    let ends = ladder.record.endpoints;
    writeln!(out, "    participant C as {}", safe(&format!("client {}", ends.client)))?;
    writeln!(out, "    participant S as {}", safe(&format!("server {}", ends.server)))?;
    for item in &items(ladder, view.folding) {
        write_item(ladder, view, item, out)?;
    }
    Ok(())
}

fn write_item(ladder: &Ladder, view: View, item: &Item<'_>, out: &mut dyn Write) -> io::Result<()> {
    let at = seconds(ladder, item.at);
    match &item.what {
        What::Start => {}
        What::Segment(sent, from) => {
            let text = format!("{} · {at} · {}", item.frame, words(sent, view.numbers, usize::MAX));
            writeln!(out, "    {}: {}", arrow(*from), safe(&text))?;
        }
        What::Fold(fold) => {
            for end in [Role::Client, Role::Server] {
                if let Some(text) = fold_words(ladder, fold, end) {
                    let text = format!("{} to {} · {text}", fold.first.0, fold.last.0);
                    writeln!(out, "    {}: {}", arrow(end).replace(">>", "->>"), safe(&text))?;
                }
            }
        }
        What::Timer(text) => writeln!(out, "    Note over C,S: {}", safe(&format!("{at} · {text}")))?,
    }
    for (side, steps) in [("left of C", &item.steps.client), ("right of S", &item.steps.server)] {
        if !steps.is_empty() {
            let states: Vec<_> = steps.iter().map(Step::text).collect();
            writeln!(out, "    Note {side}: {}", safe(&states.join(", ")))?;
        }
    }
    for finding in &item.findings {
        let text = format!("{} {}: {}", finding.rule, finding.severity.name(), finding.message);
        writeln!(out, "    Note over C,S: {}", safe(&text))?;
    }
    Ok(())
}

fn arrow(from: Role) -> &'static str {
    match from {
        Role::Client => "C->>S",
        Role::Server => "S->>C",
    }
}

/// Text that ends no statement, is no markup and no entity.
fn safe(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in escape(text).chars() {
        match c {
            '#' => safe.push_str("#35;"),
            ';' => safe.push_str("#59;"),
            '<' => safe.push_str("#lt;"),
            '>' => safe.push_str("#gt;"),
            '%' => safe.push_str("#37;"),
            _ => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_can_not_leave_its_statement() {
        assert_eq!(safe("a;b\n<i>#1"), "a#59;b\\n#lt;i#gt;#35;1");
    }
}
