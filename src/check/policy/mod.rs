//! `Policy`: what `tcpscope.toml` says is right, checked word by word while it is read.

mod read;
mod section;

use std::ops::Range;

use super::figures::Figure;
use super::pattern::Pattern;
use crate::report::{Bound, Condition, Fault};
use crate::rules::Severity;

/// What is right, of all captures and of some.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Its file, as reports name it; `None` where there is no file.
    pub name: Option<String>,
    /// Which captures to check, relative to the file's folder.
    pub captures: Vec<(Pattern, Place)>,
    /// Input flags by their long names, to be understood as those are.
    pub settings: Vec<Setting>,
    /// What a capture is that is cut or corrupt.
    pub truncated: Truncated,
    /// Rules to use, by id or prefix; empty for all.
    pub select: Vec<String>,
    /// Rules to leave out everywhere.
    pub ignore: Vec<Ignore>,
    /// Other severities than the rules' own.
    pub severity: Vec<(&'static str, Severity)>,
    /// From which severity on a finding fails a capture.
    pub fail_on: Severity,
    /// What figures of every capture must be.
    pub limits: Vec<Limit>,
    /// What is different for some captures, in the order of the file; the last one that says something wins.
    pub per_capture: Vec<PerCapture>,
    /// What must be seen.
    pub expect: Vec<Expectation>,
    /// The file of known findings, relative to the policy's folder.
    pub baseline: Option<String>,
    /// Where the array of expectations stands in the file, if it is written as one.
    pub expect_at: Option<Range<usize>>,
}

impl Default for Policy {
    /// Without a file: an error in a capture fails it, and nothing is expected.
    fn default() -> Self {
        Self {
            name: None,
            captures: Vec::new(),
            settings: Vec::new(),
            truncated: Truncated::Warn,
            select: Vec::new(),
            ignore: Vec::new(),
            severity: Vec::new(),
            fail_on: Severity::Error,
            limits: Vec::new(),
            per_capture: Vec::new(),
            expect: Vec::new(),
            baseline: None,
            expect_at: None,
        }
    }
}

/// A place in the policy's file, counted from 1.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Place {
    /// Line.
    pub line: usize,
    /// Column, in characters.
    pub column: usize,
}

/// An input flag that the policy sets.
#[derive(Clone, Debug)]
pub struct Setting {
    /// Its long name, without dashes.
    pub flag: &'static str,
    /// Its value.
    pub value: String,
    /// Where it stands.
    pub place: Place,
}

/// The input flags that `[input]` may set, beside thresholds.
pub const SETTINGS: [&str; 9] =
    ["filter", "msl", "os", "ephemeral", "backlog", "somaxconn", "local_net", "checksum", "threshold"];

/// What a capture is that is cut or corrupt.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Truncated {
    /// Failed.
    Fail,
    /// Told, and judged as far as it goes.
    Warn,
}

/// Rules left out.
#[derive(Clone, Debug)]
pub struct Ignore {
    /// As it was written: an id, a prefix or a name.
    pub word: String,
    /// The ids it means.
    pub rules: Vec<&'static str>,
    /// Where it stands.
    pub place: Place,
}

/// What a figure must be.
#[derive(Clone, Debug)]
pub struct Limit {
    /// Which.
    pub figure: &'static Figure,
    /// What it must be.
    pub bound: Bound,
    /// Where it stands.
    pub place: Place,
}

/// What is different for some captures.
#[derive(Clone, Debug)]
pub struct PerCapture {
    /// Which.
    pub pattern: Pattern,
    /// More rules to leave out.
    pub ignore: Vec<Ignore>,
    /// Other severities.
    pub severity: Vec<(&'static str, Severity)>,
    /// Another severity to fail on.
    pub fail_on: Option<Severity>,
    /// Another way with cut captures.
    pub truncated: Option<Truncated>,
    /// Limits; each in the place of the same figure's for all.
    pub limits: Vec<Limit>,
    /// Where it stands.
    pub place: Place,
}

/// What must be seen in some captures, in each of them.
#[derive(Clone, Debug)]
pub struct Expectation {
    /// Which captures.
    pub pattern: Pattern,
    /// Of what.
    pub subject: Subject,
    /// How many.
    pub count: Bound,
    /// Why, in the words of who wrote it.
    pub note: Option<String>,
    /// Where it stands.
    pub place: Place,
}

/// What an expectation counts.
#[derive(Clone, Debug)]
pub enum Subject {
    /// Findings of these rules, which are then no surprise.
    Rule {
        /// As it was written.
        word: String,
        /// The ids it means.
        rules: Vec<&'static str>,
    },
    /// Connections for which this holds.
    Connections(Condition),
}

impl Subject {
    /// As it stands in the policy: `TW005`, or the condition.
    pub fn text(&self) -> &str {
        match self {
            Self::Rule { word, .. } => word,
            Self::Connections(condition) => condition.text(),
        }
    }
}

/// A mistake in a policy, with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyFault {
    /// Where.
    pub place: Place,
    /// What is wrong.
    pub message: String,
    /// The line, and below it a mark under the place.
    pub shown: String,
    /// What to do about it.
    pub hint: String,
}

impl PolicyFault {
    /// A fault at bytes of the text.
    fn new(text: &str, fault: Fault) -> Self {
        let start = fault.at.start.min(text.len());
        let place = Place::of(text, start);
        let line = text.lines().nth(place.line - 1).unwrap_or_default();
        let first = text.get(..start).and_then(|before| before.rfind('\n')).map_or(0, |n| n + 1);
        let end = fault.at.end.min(first + line.len()).max(start);
        let within = Fault::new(start - first..end - first, String::new(), String::new());
        let shown = if line.trim().is_empty() { String::new() } else { within.underlined(line) };
        Self { place, message: fault.message, shown, hint: fault.hint }
    }
}

impl Place {
    /// The place of a byte of the text.
    fn of(text: &str, at: usize) -> Self {
        let before = text.get(..at).unwrap_or(text);
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        Self { line: before.matches('\n').count() + 1, column }
    }
}
