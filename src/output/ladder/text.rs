//! The ladder on a terminal: client on the left, server on the right, time goes down.

use std::io::{self, Write};

use super::items::{Item, Step, StepKind, What, fold_words, items};
use super::words::words;
use super::{View, title};
use crate::output::layout::{Detail, Layout};
use crate::output::rules::{BOLD, ink, styled};
use crate::output::text::{escape, wrap};
use crate::report::Ladder;
use crate::rules::Finding;
use crate::tcp::{Duration, Timestamp};
use crate::track::{Ends, Role};

/// Draws the ladder as wide as the layout says.
///
/// # Errors
/// The writer's.
pub fn write(ladder: &Ladder, view: View, layout: &Layout, out: &mut dyn Write) -> io::Result<()> {
    let items = items(ladder, view.folding);
    let page = Page::new(ladder, view, layout, &items);
    for line in title(ladder).iter().flat_map(|line| wrap(line, layout.width.into())) {
        writeln!(out, "{line}")?;
    }
    writeln!(out)?;
    page.heading(out)?;
    for item in &items {
        page.item(item, out)?;
    }
    if layout.detail == Detail::Quiet {
        return Ok(());
    }
    page.legend(&items, out)?;
    page.advice(out)
}

struct Page<'a> {
    ladder: &'a Ladder,
    view: View,
    layout: &'a Layout,
    frame: usize,
    time: usize,
    state: Ends<usize>,
    middle: usize,
}

impl<'a> Page<'a> {
    fn new(ladder: &'a Ladder, view: View, layout: &'a Layout, items: &[Item<'_>]) -> Self {
        let frame = ladder.record.last_frame.to_string().len().max("frame".len());
        let time = items.iter().map(|i| seconds(ladder, i.at).len()).max().unwrap_or_default();
        let widest = |steps: fn(&Ends<Vec<Step>>) -> &Vec<Step>, least: usize| {
            let widths = items.iter().flat_map(|i| steps(&i.steps)).map(|s| s.text().chars().count());
            widths.max().unwrap_or_default().max(least)
        };
        let state = Ends {
            client: widest(|s| &s.client, "client".len()),
            server: widest(|s| &s.server, "server".len()),
        };
        let used = frame + time + state.client + state.server + APART;
        let middle = usize::from(layout.width).saturating_sub(used).clamp(LEAST, MOST);
        Self { ladder, view, layout, frame, time, state, middle }
    }

    fn heading(&self, out: &mut dyn Write) -> io::Result<()> {
        let (frame, time, client) = (self.frame, self.time, self.state.client);
        let text = format!(
            "{:>frame$}  {:>time$}  {:>client$} │{:middle$}│ {}",
            "frame",
            "time",
            "client",
            "",
            "server",
            middle = self.middle
        );
        writeln!(out, "{}", styled(self.layout, BOLD, &text))
    }

    fn item(&self, item: &Item<'_>, out: &mut dyn Write) -> io::Result<()> {
        let mut middles = self.middles(item);
        let deep = item.steps.client.len().max(item.steps.server.len()).max(1);
        let named = if item.named { '!' } else { ' ' };
        middles.resize(middles.len().max(deep), " ".repeat(self.middle));
        for (i, middle) in middles.iter().enumerate() {
            let place = match (&item.what, i) {
                (What::Start, _) => None,
                (What::Timer(_), 0) => Some((0, item.at)),
                (What::Segment(..), 0) => Some((item.frame, item.at)),
                (What::Fold(fold), 0) => Some(fold.first),
                (What::Fold(fold), 1) => Some(fold.last),
                _ => None,
            };
            let head = self.head(place, if i == 0 { named } else { ' ' });
            let left = self.state(item.steps.client.get(i), self.state.client, Role::Client);
            let right = self.state(item.steps.server.get(i), 0, Role::Server);
            writeln!(out, "{}", format!("{head} {left} │{middle}│ {right}").trim_end())?;
        }
        item.findings.iter().try_for_each(|finding| self.finding(finding, out))
    }

    fn head(&self, place: Option<(u64, Timestamp)>, named: char) -> String {
        let (frame, time) = (self.frame, self.time);
        let (number, at) = match place {
            Some((0, at)) => (String::new(), seconds(self.ladder, at)),
            Some((number, at)) => (number.to_string(), seconds(self.ladder, at)),
            None => Default::default(),
        };
        format!("{number:>frame$}{named} {at:>time$} ")
    }

    fn state(&self, step: Option<&Step>, width: usize, end: Role) -> String {
        let Some(step) = step else { return " ".repeat(width) };
        let text = step.text();
        let blanks = " ".repeat(width.saturating_sub(text.chars().count()));
        let style = if step.kind == StepKind::Undone { FAINT } else { BOLD };
        let text = styled(self.layout, style, &text);
        match end {
            Role::Client => format!("{blanks}{text}"),
            Role::Server => text,
        }
    }

    /// What stands between the two ends, one text for each line, all as wide as the middle.
    fn middles(&self, item: &Item<'_>) -> Vec<String> {
        match &item.what {
            What::Start => vec![" ".repeat(self.middle)],
            What::Segment(sent, from) => {
                vec![self.arrow(&words(sent, self.view.numbers, self.middle - ARROW), *from, '─')]
            }
            What::Fold(fold) => {
                let line = |end| fold_words(self.ladder, fold, end).map(|text| self.arrow(&text, end, '┄'));
                let mut lines: Vec<_> = [Role::Client, Role::Server].into_iter().filter_map(line).collect();
                lines.resize(2, self.centred("┊"));
                lines
            }
            What::Timer(text) => wrap(text, self.middle - 2).iter().map(|line| self.centred(line)).collect(),
        }
    }

    fn arrow(&self, text: &str, from: Role, line: char) -> String {
        let text: String = text.chars().take(self.middle - ARROW).collect();
        let shaft = String::from(line).repeat(self.middle - text.chars().count() - ARROW + 1);
        match from {
            Role::Client => format!(" {text} {shaft}►"),
            Role::Server => format!("◄{shaft} {text} "),
        }
    }

    fn centred(&self, text: &str) -> String {
        let width = self.middle;
        format!("{text:^width$}")
    }

    fn finding(&self, finding: &Finding, out: &mut dyn Write) -> io::Result<()> {
        let indent = self.frame + 1 + 1 + self.time + 2;
        let times = if finding.count > 1 { format!(", {} times", finding.count) } else { String::new() };
        let text = format!("{}{times}: {}", finding.severity.name(), escape(&finding.message));
        let room = usize::from(self.layout.width).saturating_sub(indent + finding.rule.len() + 3).max(LEAST);
        for (i, line) in wrap(&text, room).iter().enumerate() {
            let rule =
                if i == 0 { format!("! {}", finding.rule) } else { " ".repeat(finding.rule.len() + 2) };
            let line = format!("{} {line}", styled(self.layout, ink(finding.severity), &rule));
            writeln!(out, "{:indent$}{}", "", line.trim_end())?;
        }
        Ok(())
    }

    /// What the marks mean, of those that are there.
    fn legend(&self, items: &[Item<'_>], out: &mut dyn Write) -> io::Result<()> {
        let steps: Vec<String> =
            items.iter().flat_map(|i| i.steps.client.iter().chain(&i.steps.server)).map(Step::text).collect();
        let bare = |s: &String| s.trim_end_matches('×').to_string();
        let marks = [
            (steps.iter().map(bare).any(|s| s.ends_with('?') && !s.ends_with("??")), "STATE?", INFERRED),
            (steps.iter().map(bare).any(|s| s.ends_with("??")), "STATE??", ASSUMED),
            (steps.iter().any(|s| s.ends_with('×')), "STATE×", UNDONE),
            (steps.iter().any(|s| s.starts_with('«')), "«STATE", BACK),
            (items.iter().any(|i| i.named), "frame!", NAMED),
            (items.iter().any(|i| matches!(i.what, What::Fold(_))), "┄┄┄►", FOLDED),
        ];
        if marks.iter().any(|(there, ..)| *there) {
            writeln!(out)?;
        }
        for (_, mark, meaning) in marks.into_iter().filter(|(there, ..)| *there) {
            for (i, line) in wrap(meaning, usize::from(self.layout.width) - 9).iter().enumerate() {
                writeln!(out, "{:7}  {line}", if i == 0 { mark } else { "" })?;
            }
        }
        Ok(())
    }

    /// The next useful command.
    fn advice(&self, out: &mut dyn Write) -> io::Result<()> {
        let Some(worst) = self.ladder.findings.iter().max_by_key(|f| f.severity) else { return Ok(()) };
        let command = format!("tcpscope explain {}", worst.rule);
        writeln!(
            out,
            "\nNext: {}  (why {} matters, and when it is normal)",
            styled(self.layout, BOLD, &command),
            worst.name
        )
    }
}

/// Seconds since the connection's first packet.
pub(super) fn seconds(ladder: &Ladder, at: Timestamp) -> String {
    let Duration(ns) = at.since(ladder.record.first);
    let sign = if ns < 0 { "-" } else { "" };
    let us = ns.unsigned_abs() / 1000;
    format!("{sign}{}.{:06}", us / 1_000_000, us % 1_000_000)
}

const FAINT: &str = "2";
/// Blanks and lines between the columns.
const APART: usize = 8;
/// A blank, a blank, one stroke, and the head of an arrow.
const ARROW: usize = 4;
/// Below this a segment says nothing.
const LEAST: usize = 24;
/// Beyond this the eye loses the line.
const MOST: usize = 90;

const INFERRED: &str = "inferred: the segment that causes it went to this end, which has not confirmed it";
const ASSUMED: &str = "assumed: a timer must have fired, or later traffic makes no sense otherwise";
const UNDONE: &str =
    "never happened: a later packet proves that the segment did not arrive or was not accepted";
const BACK: &str = "the end is, and was, still in this state";
const NAMED: &str = "a finding names this packet";
const FOLDED: &str = "several packets in one line; --all shows each";
