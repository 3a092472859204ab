//! The findings on the page: errors and warnings one by one up to a number of each rule, notes summed up by rule.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use comfy_table::Cell;

use super::page::{Page, heading, pad, severity};
use crate::output::layout::Detail;
use crate::output::text::{counted, escape, thousands};
use crate::report::Word;
use crate::rules::{Finding, Severity};

/// Counts, then the findings, worst first.
pub fn write(page: &Page<'_>, out: &mut dyn Write) -> io::Result<()> {
    let f = page.report.summary.findings;
    let counts =
        [counted(f.error, "error"), counted(f.warning, "warning"), counted(f.note, "note")].join(", ");
    page.put(page.labelled([("Findings", counts)]), out)?;
    let rows = rows(page);
    if rows.is_empty() {
        return Ok(());
    }
    let mut table = page.table();
    table.set_header(["Severity", "Rule", "Where", "What", "Frames"].map(heading));
    for row in rows {
        table.add_row(vec![
            severity(row.severity),
            Cell::new(row.rule),
            Cell::new(row.place),
            Cell::new(row.what),
            Cell::new(row.frames),
        ]);
    }
    pad(&mut table, 1);
    writeln!(out)?;
    page.put(table, out)
}

/// Attacks, worst first: each a sentence, before anything else on the page.
pub fn attacks(page: &Page<'_>, out: &mut dyn Write) -> io::Result<()> {
    let mut attacks: Vec<&Finding> = page.report.findings.iter().filter(|f| is_attack(f)).collect();
    if attacks.is_empty() {
        return Ok(());
    }
    attacks.sort_by_key(|f| std::cmp::Reverse((f.severity, f.confidence, f.count)));
    let mut lines: Vec<_> = attacks
        .iter()
        .take(EACH)
        .map(|f| ("Attack", format!("{}: {}", f.rule, escape(&f.message))))
        .collect();
    if let Some(more) = attacks.len().checked_sub(EACH).filter(|more| *more > 0) {
        lines.push(("", format!("and {}", counted(more as u64, "more attack"))));
    }
    page.put(page.labelled(lines), out)?;
    writeln!(out)
}

/// Worth the first line: notes tell of attacks on others.
fn is_attack(f: &Finding) -> bool {
    f.rule.starts_with("AT") && f.severity > Severity::Note
}

/// One line of the table.
struct Row {
    severity: Severity,
    rule: String,
    place: String,
    what: String,
    frames: String,
}

fn rows(page: &Page<'_>) -> Vec<Row> {
    let mut rules: BTreeMap<_, Vec<&Finding>> = BTreeMap::new();
    for f in &page.report.findings {
        rules.entry((std::cmp::Reverse(f.severity), f.rule)).or_default().push(f);
    }
    let every = page.layout.detail == Detail::Verbose;
    let of_rule = |((_, _), list): (_, Vec<&Finding>)| match list.first() {
        Some(first) if first.severity == Severity::Note && !every => vec![sum(first, &list)],
        Some(first) => some(first, &list, if every { usize::MAX } else { EACH }),
        None => Vec::new(),
    };
    rules.into_iter().flat_map(of_rule).collect()
}

/// The first ones of a rule, and how many more.
fn some(first: &Finding, list: &[&Finding], most: usize) -> Vec<Row> {
    let mut rows: Vec<_> = list.iter().take(most).map(|f| one(f)).collect();
    let more = list.len().saturating_sub(most);
    if more > 0 {
        let what = format!("{} more; -v shows each", thousands(more as u64));
        rows.push(Row { place: String::new(), what, frames: String::new(), ..one(first) });
    }
    rows
}

fn one(f: &Finding) -> Row {
    let times = if f.count > 1 { format!(" ({} times)", thousands(f.count)) } else { String::new() };
    let what = if is_attack(f) {
        format!(
            "{}{}: the sentence at the top",
            f.name,
            f.variant.map_or(String::new(), |v| format!(", {v}"))
        )
    } else {
        format!("{}{times}", escape(&f.message))
    };
    Row { severity: f.severity, rule: f.rule.into(), place: place(f), what, frames: frames(&f.frames) }
}

/// All findings of a rule in one line.
fn sum(first: &Finding, list: &[&Finding]) -> Row {
    let times: u64 = list.iter().map(|f| f.count).sum();
    let connections: BTreeSet<_> = list.iter().filter_map(|f| f.connection).collect();
    if list.len() == 1 {
        return one(first);
    }
    let place = match connections.len() as u64 {
        0 => String::new(),
        n => format!(" in {}", counted(n, "connection")),
    };
    let what = format!("{}: {}{place}", first.name, counted(times, "time"));
    Row { place: String::new(), what, frames: format!("{} …", frames(&first.frames)), ..one(first) }
}

/// A connection and the end at fault, or what a finding about more than one connection is about.
fn place(f: &Finding) -> String {
    let end = f.endpoint.map(|role| format!(" {}", role.word())).unwrap_or_default();
    match (f.connection, &f.key) {
        (Some(id), _) => format!("{id}{end}"),
        (None, Some(key)) => escape(key).into_owned(),
        (None, None) => "capture".into(),
    }
}

fn frames(frames: &[u64]) -> String {
    let list: Vec<_> = frames.iter().take(FRAMES).map(u64::to_string).collect();
    let more = if frames.len() > FRAMES { " …" } else { "" };
    format!("{}{more}", list.join(" "))
}

/// Findings of one rule shown unless asked for all.
const EACH: usize = 5;
/// Frames shown of one finding.
const FRAMES: usize = 4;
