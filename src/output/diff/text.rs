//! The difference for people: findings, kinds of connections and figures that changed, and one line that says how.

use std::io::{self, Write};

use super::Compared;
use crate::check::{Difference, Leaning};
use crate::output::layout::{Detail, Layout};
use crate::output::rules::{BOLD, ink, styled};
use crate::output::text::{escape, shown, thousands, wrap};
use crate::output::time::{Clock, TimeStyle};
use crate::report::Value;
use crate::tcp::Timestamp;

/// Writes the page.
///
/// # Errors
/// The writer's.
pub fn write(compared: &Compared<'_>, layout: &Layout, out: &mut dyn Write) -> io::Result<()> {
    let d = compared.difference;
    writeln!(out, "A  {}\nB  {}", escape(compared.a), escape(compared.b))?;
    if d.is_empty() && layout.detail != Detail::Verbose {
        return writeln!(out, "\nno difference");
    }
    findings(d, layout, out)?;
    connections(d, layout, out)?;
    figures(d, layout, out)?;
    conclusion(compared, layout, out)
}

fn findings(d: &Difference, layout: &Layout, out: &mut dyn Write) -> io::Result<()> {
    if d.rules.is_empty() {
        return Ok(());
    }
    heading("Findings", layout, out)?;
    for change in &d.rules {
        let severity = change.severity.name();
        let gap = " ".repeat(SEVERITY - severity.len());
        let severity = styled(layout, ink(change.severity), severity);
        let (a, b) = (thousands(change.a), thousands(change.b));
        let leaning = leaning(change.leaning, layout);
        writeln!(out, "  {severity}{gap}  {:36}  {a:>NUMBER$} → {b:<NUMBER$}  {leaning}", rule_name(change))?;
        let width = usize::from(layout.width).saturating_sub(MESSAGE);
        for line in wrap(&escape(&change.message), width) {
            writeln!(out, "{:MESSAGE$}{line}", "")?;
        }
    }
    Ok(())
}

fn rule_name(change: &crate::check::RuleChange) -> String {
    format!("{} {}", change.rule, change.name)
}

fn connections(d: &Difference, layout: &Layout, out: &mut dyn Write) -> io::Result<()> {
    if d.groups.is_empty() {
        return Ok(());
    }
    heading("Connections", layout, out)?;
    let most = if layout.detail == Detail::Verbose { usize::MAX } else { GROUPS };
    for group in d.groups.iter().take(most) {
        let [open, client, server, close] = group.values.as_slice() else { continue };
        let what = format!("{open}, client {client}, server {server}, {close}");
        let (a, b) = (thousands(group.a), thousands(group.b));
        writeln!(out, "  {what:60}  {a:>NUMBER$} → {b}")?;
    }
    let more = d.groups.len().saturating_sub(most);
    if more > 0 {
        writeln!(out, "  and {more} more; -v shows each")?;
    }
    Ok(())
}

fn figures(d: &Difference, layout: &Layout, out: &mut dyn Write) -> io::Result<()> {
    let changed: Vec<_> =
        d.figures.iter().filter(|c| layout.detail == Detail::Verbose || c.a != c.b).collect();
    if changed.is_empty() {
        return Ok(());
    }
    heading("Figures", layout, out)?;
    let clock = Clock { style: &TimeStyle::Utc, start: Timestamp(0), digits: 9 };
    for change in changed {
        let text = |value: &Value<'_>| match value {
            Value::Share(share) => format!("{:.1} %", share * 100.0),
            Value::Count(n) if change.figure.name != "bytes" => thousands(*n),
            value => shown(value, change.figure.kind().unit(), &clock),
        };
        let (a, b) = (text(&change.a), text(&change.b));
        let by = change_of(&change.a, &change.b);
        let leaning = leaning(change.leaning, layout);
        let line = format!("  {:22}  {a:>FIGURE$} → {b:<FIGURE$}  {by:>8}  {leaning}", change.figure.name);
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

/// By how much, in per cent.
fn change_of(a: &Value<'_>, b: &Value<'_>) -> String {
    let number = |value: &Value<'_>| match value {
        Value::Count(n) => Some(*n as f64),
        Value::Span(span) => Some(span.0 as f64),
        Value::Share(share) => Some(*share),
        _ => None,
    };
    match (number(a), number(b)) {
        (Some(a), Some(b)) if a > 0.0 && a != b => format!("{:+.1} %", (b - a) / a * 100.0),
        _ => String::new(),
    }
}

fn conclusion(compared: &Compared<'_>, layout: &Layout, out: &mut dyn Write) -> io::Result<()> {
    let d = compared.difference;
    let rules = d.rules.iter().filter(|c| c.leaning == Leaning::Worse).map(|c| c.rule);
    let figures = d.figures.iter().filter(|c| c.leaning == Leaning::Worse).map(|c| c.figure.name);
    let worse: Vec<_> = rules.chain(figures).collect();
    let text = match worse.is_empty() {
        true => styled(layout, "32", "B is not worse than A"),
        false => styled(layout, "31;1", &format!("B is worse than A: {}", worse.join(", "))),
    };
    let percent = compared.share * 100.0;
    writeln!(out, "\n{text}")?;
    match layout.detail == Detail::Verbose {
        true => writeln!(out, "(figures may differ by {percent} %, spans by a millisecond)"),
        false => Ok(()),
    }
}

fn leaning(leaning: Leaning, layout: &Layout) -> String {
    match leaning {
        Leaning::Better => styled(layout, "32", "better"),
        Leaning::Worse => styled(layout, "31;1", "worse"),
        Leaning::Neither => String::new(),
    }
}

fn heading(title: &str, layout: &Layout, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "\n{}", styled(layout, BOLD, title))
}

/// Width of `warning`.
const SEVERITY: usize = 7;
/// Width of a count.
const NUMBER: usize = 6;
/// Width of a figure's value.
const FIGURE: usize = 10;
/// Where a message stands below its rule.
const MESSAGE: usize = 11;
/// Kinds of connections shown unless asked for all.
const GROUPS: usize = 15;
