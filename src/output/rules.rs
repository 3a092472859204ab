//! Rules for people: the list of them, and one explained; and the list for programs.

use std::io::{self, Write};

use serde::Serialize;

use super::layout::{Color, Layout};
use super::text::wrap;
use crate::rules::{Rule, Severity};

/// One rule a line (two where the line is short): id, name, severity, scope, and what it reports in a sentence.
///
/// # Errors
/// The writer's.
pub fn list_rules(rules: &[&Rule], layout: &Layout, out: &mut dyn Write) -> io::Result<()> {
    let width = usize::from(layout.width);
    let names = rules.iter().map(|r| r.name.len()).max().unwrap_or_default();
    let fixed = ID + names + SEVERITY + SCOPE + 4 * GAP;
    let (indent, below) = match width.saturating_sub(fixed) {
        MIN_SUMMARY.. => (fixed, false),
        _ => (ID + GAP, true),
    };
    for rule in rules {
        let (name, scope) = (rule.name, rule.scope());
        let id = styled(layout, BOLD, &format!("{:ID$}", rule.id));
        let severity = styled(layout, ink(rule.severity), &format!("{:SEVERITY$}", rule.severity.name()));
        let head = format!("{id}  {name:names$}  {severity}  {scope:SCOPE$}");
        let summary = wrap(&rule.summary(), width.saturating_sub(indent).max(MIN_SUMMARY));
        let mut lines = summary.iter();
        match below {
            true => writeln!(out, "{}", head.trim_end())?,
            false => writeln!(out, "{head}  {}", lines.next().map_or("", String::as_str))?,
        }
        for line in lines {
            writeln!(out, "{:indent$}{line}", "")?;
        }
    }
    Ok(())
}

/// One rule's documentation under its five headings.
///
/// # Errors
/// The writer's.
pub fn explain_rule(rule: &Rule, layout: &Layout, out: &mut dyn Write) -> io::Result<()> {
    let width = usize::from(layout.width).min(READABLE);
    writeln!(out, "{}  {}", styled(layout, BOLD, rule.id), styled(layout, BOLD, rule.name))?;
    let severity = styled(layout, ink(rule.severity), rule.severity.name());
    writeln!(out, "Severity {severity}, scope {}, since {}", rule.scope(), rule.since)?;
    for line in wrap(&format!("Source {}", rule.source), width) {
        writeln!(out, "{line}")?;
    }
    for (heading, paragraphs) in rule.sections() {
        writeln!(out, "\n{}", styled(layout, BOLD, heading))?;
        for paragraph in paragraphs {
            let (mark, text) = match paragraph.strip_prefix("- ") {
                Some(text) => ("- ", text),
                None => ("", paragraph.as_str()),
            };
            let indent = 2 + mark.len();
            for (i, line) in wrap(text, width.saturating_sub(indent)).iter().enumerate() {
                let mark = if i == 0 { mark } else { "" };
                writeln!(out, "{mark:>indent$}{line}")?;
            }
        }
    }
    Ok(())
}

/// The list as one JSON document.
///
/// # Errors
/// The writer's.
pub fn rules_json(rules: &[&Rule], out: &mut dyn Write) -> io::Result<()> {
    let list = List { schema_version: 1, rules: rules.iter().map(|rule| Entry::new(rule)).collect() };
    serde_json::to_writer_pretty(&mut *out, &list)?;
    out.write_all(b"\n")
}

#[derive(Serialize)]
struct List {
    schema_version: u32,
    rules: Vec<Entry>,
}

#[derive(Serialize)]
struct Entry {
    id: &'static str,
    name: &'static str,
    severity: Severity,
    scope: &'static str,
    summary: String,
    source: &'static str,
    since: &'static str,
    doc: String,
}

impl Entry {
    fn new(rule: &Rule) -> Self {
        let doc = rule.doc.lines().map(|line| line.strip_prefix(' ').unwrap_or(line));
        Self {
            id: rule.id,
            name: rule.name,
            severity: rule.severity,
            scope: rule.scope(),
            summary: rule.summary(),
            source: rule.source,
            since: rule.since,
            doc: doc.collect::<Vec<_>>().join("\n"),
        }
    }
}

/// The colour of a severity, as a terminal takes it.
pub(super) fn ink(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "31;1",
        Severity::Warning => "33",
        Severity::Note => "36",
    }
}

/// The text with a style, where there are colours.
pub(super) fn styled(layout: &Layout, style: &str, text: &str) -> String {
    match layout.color {
        Color::Always => format!("\x1b[{style}m{text}\x1b[0m"),
        Color::Never => text.into(),
    }
}

pub(super) const BOLD: &str = "1";
const ID: usize = 5;
/// Width of `warning`.
const SEVERITY: usize = 7;
/// Width of `connection`.
const SCOPE: usize = 10;
const GAP: usize = 2;
/// A summary narrower than this goes below the rest.
const MIN_SUMMARY: usize = 50;
/// Longer lines tire the eye.
const READABLE: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules;

    fn listed(width: u16) -> String {
        let all: Vec<_> = rules::rules().collect();
        let mut bytes = Vec::new();
        list_rules(&all, &Layout { width, ..Layout::default() }, &mut bytes).expect("memory takes all");
        String::from_utf8(bytes).expect("UTF-8")
    }

    #[test]
    fn every_rule_is_listed_within_the_width() {
        for width in [80, 120, 200] {
            let text = listed(width);
            let wide = text.lines().find(|l| l.chars().count() > width.into());
            assert_eq!(wide, None, "{width}");
            for rule in rules::rules() {
                assert!(text.contains(rule.id) && text.contains(rule.name), "{}", rule.id);
            }
        }
    }

    #[test]
    fn every_rule_explains() {
        for rule in rules::rules() {
            let mut bytes = Vec::new();
            let layout = Layout { width: 80, ..Layout::default() };
            explain_rule(rule, &layout, &mut bytes).expect("memory takes all");
            let text = String::from_utf8(bytes).expect("UTF-8");
            assert!(text.starts_with(rule.id), "{text}");
            assert!(Rule::HEADINGS.iter().all(|h| text.contains(&format!("\n\n{h}\n  "))), "{text}");
            assert!(!text.contains('#') && !text.contains('\x1b'), "{text}");
            assert_eq!(text.lines().find(|l| l.chars().count() > 80), None);
        }
    }
}
