//! `compare`: what changed between two runs of the same test, and whether it got worse.

use std::collections::BTreeMap;

use super::figures::{Better, FIGURES, Figure};
use crate::report::{Column, Report, Value};
use crate::rules::Severity;

/// What changed from A to B.
#[derive(Clone, Debug)]
pub struct Difference {
    /// Every figure that either has.
    pub figures: Vec<Change>,
    /// Rules whose number of findings changed, worst first.
    pub rules: Vec<RuleChange>,
    /// Kinds of connections whose number changed, largest change first.
    pub groups: Vec<GroupChange>,
}

/// A figure in both.
#[derive(Clone, Debug)]
pub struct Change {
    /// Which.
    pub figure: &'static Figure,
    /// In A.
    pub a: Value<'static>,
    /// In B.
    pub b: Value<'static>,
    /// Better, worse or neither, by more than the tolerance.
    pub leaning: Leaning,
}

/// A rule's findings in both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleChange {
    /// Its id.
    pub rule: &'static str,
    /// Its name.
    pub name: &'static str,
    /// The worst severity in either.
    pub severity: Severity,
    /// Findings in A.
    pub a: u64,
    /// Findings in B.
    pub b: u64,
    /// Better, worse or neither.
    pub leaning: Leaning,
    /// What the first one of B says, or of A where B has none.
    pub message: String,
}

/// Connections that opened, closed and stand alike, in both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupChange {
    /// Columns and values, in the order of [`Difference::GROUPED_BY`].
    pub values: Vec<String>,
    /// How many in A.
    pub a: u64,
    /// How many in B.
    pub b: u64,
}

/// Which way a change leans.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Leaning {
    /// For the better.
    Better,
    /// For the worse.
    Worse,
    /// Neither, or too little to tell.
    Neither,
}

/// What is no change.
#[derive(Clone, Copy, Debug)]
pub struct Tolerance {
    /// Figures may differ by this share.
    pub share: f64,
    /// From this severity on, more findings are worse.
    pub level: Severity,
}

impl Default for Tolerance {
    /// A tenth: two runs of one test on an idle machine differ by less.
    fn default() -> Self {
        Self { share: 0.1, level: Severity::Warning }
    }
}

impl Difference {
    /// Columns by which connections are alike.
    pub const GROUPED_BY: [&str; 4] = ["open", "client_state", "server_state", "close"];

    /// Whether anything got worse.
    pub fn is_worse(&self) -> bool {
        let figures = self.figures.iter().map(|c| c.leaning);
        figures.chain(self.rules.iter().map(|c| c.leaning)).any(|leaning| leaning == Leaning::Worse)
    }

    /// Whether anything changed at all.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty() && self.groups.is_empty() && self.figures.iter().all(|c| c.a == c.b)
    }
}

/// Compares two reports.
pub fn compare(a: &Report, b: &Report, tolerance: &Tolerance) -> Difference {
    let figures = FIGURES.iter().map(|figure| {
        let (x, y) = (figure.value(a), figure.value(b));
        let leaning = leaning(figure.better, &x, &y, tolerance.share);
        Change { figure, a: x, b: y, leaning }
    });
    let figures = figures.filter(|change| !(change.a.is_absent() && change.b.is_absent())).collect();
    Difference { figures, rules: rules(a, b, tolerance.level), groups: groups(a, b) }
}

/// Which way a figure leans: by more than the share, and by more than [`LEAST`] of its kind.
fn leaning(better: Better, a: &Value<'_>, b: &Value<'_>, share: f64) -> Leaning {
    let (x, y, least) = match (a, b) {
        (Value::Count(a), Value::Count(b)) => (*a as f64, *b as f64, 0.0),
        (Value::Span(a), Value::Span(b)) => (a.0 as f64, b.0 as f64, LEAST_NS),
        (Value::Share(a), Value::Share(b)) => (*a, *b, LEAST_SHARE),
        _ => return Leaning::Neither,
    };
    let change = y - x;
    if change.abs() <= (x.abs() * share).max(least) {
        return Leaning::Neither;
    }
    match (better, change > 0.0) {
        (Better::Neither, _) => Leaning::Neither,
        (Better::Less, true) | (Better::More, false) => Leaning::Worse,
        (Better::Less, false) | (Better::More, true) => Leaning::Better,
    }
}

fn rules(a: &Report, b: &Report, level: Severity) -> Vec<RuleChange> {
    let mut rules: BTreeMap<&'static str, RuleChange> = BTreeMap::new();
    // B first, so that its words are the ones that are kept.
    for (report, is_b) in [(b, true), (a, false)] {
        for finding in &report.findings {
            let change = rules.entry(finding.rule).or_insert_with(|| RuleChange {
                rule: finding.rule,
                name: finding.name,
                severity: finding.severity,
                a: 0,
                b: 0,
                leaning: Leaning::Neither,
                message: finding.message.clone(),
            });
            change.severity = change.severity.max(finding.severity);
            *(if is_b { &mut change.b } else { &mut change.a }) += 1;
        }
    }
    let mut changed: Vec<_> = rules.into_values().filter(|change| change.a != change.b).collect();
    for change in &mut changed {
        change.leaning = match change.severity >= level {
            true if change.b > change.a => Leaning::Worse,
            true => Leaning::Better,
            false => Leaning::Neither,
        };
    }
    changed.sort_by_key(|change| (std::cmp::Reverse(change.severity), change.rule));
    changed
}

fn groups(a: &Report, b: &Report) -> Vec<GroupChange> {
    let mut groups: BTreeMap<Vec<String>, (u64, u64)> = BTreeMap::new();
    let columns = Difference::GROUPED_BY.map(|name| Column::find(name).expect("these columns exist"));
    for (report, is_b) in [(a, false), (b, true)] {
        for connection in &report.connections {
            let values = columns.iter().map(|column| match (column.value)(connection) {
                Value::Text(word) => word.to_string(),
                Value::State(state, _) => state.to_string(),
                _ => "-".to_string(),
            });
            let counts = groups.entry(values.collect()).or_default();
            *(if is_b { &mut counts.1 } else { &mut counts.0 }) += 1;
        }
    }
    let changed = groups.into_iter().filter(|(_, (a, b))| a != b);
    let mut changed: Vec<_> = changed.map(|(values, (a, b))| GroupChange { values, a, b }).collect();
    changed.sort_by(|x, y| (y.a.abs_diff(y.b), &x.values).cmp(&(x.a.abs_diff(x.b), &y.values)));
    changed
}

/// Spans that differ by less are noise of the capturing machine.
const LEAST_NS: f64 = 1e6;
/// One per cent.
const LEAST_SHARE: f64 = 0.01;
