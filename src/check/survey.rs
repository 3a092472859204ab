//! `Survey`: what one capture shows, as expectations that hold today; the beginning of a policy.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::judge::Capture;
use crate::report::{Column, Condition, Connection, Report, Value};
use crate::rules::Severity;

/// What one capture shows.
#[derive(Clone, Debug)]
pub struct Survey {
    connections: u64,
    /// Conditions and how many connections they hold for, most first; together they hold for all connections.
    groups: Vec<(String, u64)>,
    /// Conditions that found no room.
    more: usize,
    /// What else is worth telling of some connections, and of how many.
    marks: Vec<(&'static str, u64)>,
    /// Rules and how many findings, at or above the level.
    rules: BTreeMap<&'static str, u64>,
}

impl Survey {
    /// Looks at a report; findings below the level are left out.
    pub fn new(report: &Report, level: Severity) -> Self {
        let mut rules = BTreeMap::new();
        for finding in report.findings.iter().filter(|f| f.severity >= level) {
            *rules.entry(finding.rule).or_default() += 1;
        }
        let mut groups: BTreeMap<String, u64> = BTreeMap::new();
        for connection in &report.connections {
            *groups.entry(condition(connection)).or_default() += 1;
        }
        let mut groups: Vec<_> = groups.into_iter().collect();
        groups.sort_by(|a, b| (b.1, &a.0).cmp(&(a.1, &b.0)));
        let more = groups.len().saturating_sub(GROUPS);
        groups.truncate(GROUPS);
        let marks = MARKS.iter().map(|text| {
            let condition = Condition::parse(text).expect("these are conditions");
            (*text, report.connections.iter().filter(|c| condition.holds(c)).count() as u64)
        });
        let marks = marks.filter(|(_, count)| *count > 0).collect();
        Self { connections: report.connections.len() as u64, groups, more, marks, rules }
    }
}

/// The array of expectations, in TOML, one a line.
pub fn expectations(surveys: &[(Capture, Survey)]) -> String {
    let mut text = "[\n".to_string();
    for (capture, survey) in surveys {
        let name = quoted(&escaped_pattern(&capture.relative));
        let mut line = |what: String, count: u64| {
            writeln!(text, "  {{ capture = {name}, {what}, count = {count} }},").expect("a string takes all");
        };
        line("where = \"true\"".into(), survey.connections);
        for (condition, count) in &survey.groups {
            line(format!("where = {}", quoted(condition)), *count);
        }
        for (condition, count) in &survey.marks {
            line(format!("where = {}", quoted(condition)), *count);
        }
        for (rule, count) in &survey.rules {
            line(format!("rule = {}", quoted(rule)), *count);
        }
        if survey.more > 0 {
            writeln!(text, "  # and {} more kinds of connections", survey.more).expect("a string takes all");
        }
    }
    text.push(']');
    text
}

/// A whole policy for these captures.
pub fn first_policy(patterns: &[String], level: Severity, surveys: &[(Capture, Survey)]) -> String {
    let patterns: Vec<_> = patterns.iter().map(|pattern| quoted(pattern)).collect();
    format!(
        "# What these captures show. Checked by `tcpscope check`; written by `tcpscope check --init`, and written anew\n\
         # from `expect` on by `tcpscope check --update-expectations`: read what it changes before you keep it.\n\
         schema = 1\n\
         input.captures = [{}]\n\
         input.truncated = \"warn\"\n\
         rules.fail_on = \"{}\"\n\n\
         # where = \"true\" counts all connections; a rule's count is that of its findings.\n\
         expect = {}\n",
        patterns.join(", "),
        level.name(),
        expectations(surveys)
    )
}

/// What is worth expecting of a connection: how it opened, how it closed, and where both ends stand.
fn condition(connection: &Connection) -> String {
    let mut parts = Vec::new();
    for name in TOLD {
        let column = Column::find(name).expect("these columns exist");
        match (column.value)(connection) {
            Value::Text(word) => parts.push(format!("{name} == {word}")),
            Value::State(state, _) => parts.push(format!("{name} == {state}")),
            _ => {}
        }
    }
    parts.join(" && ")
}

/// A name as a pattern that means itself.
fn escaped_pattern(name: &str) -> String {
    glob::Pattern::escape(name)
}

/// A basic string of TOML.
fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => {
                write!(quoted, "\\U{:08X}", u32::from(c)).expect("a string takes all");
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// Columns that say what a connection shows.
const TOLD: [&str; 7] =
    ["open", "open_shape", "close", "close_shape", "client_state", "server_state", "time_wait_end"];
/// What connections may have beside their states.
const MARKS: [&str; 10] = [
    "half_closed >= 500ms",
    "retransmissions > 0",
    "spurious_retransmissions > 0",
    "out_of_order > 0",
    "duplicate_acks > 0",
    "keep_alives > 0",
    "zero_windows > 0",
    "window_probes > 0",
    "duplicates > 0",
    "capture_loss",
];
/// Kinds of connections told of one capture.
const GROUPS: usize = 20;
