//! The difference as one JSON document.

use std::io::{self, Write};

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Number;

use super::Compared;
use crate::check::{Change, Difference, GroupChange, Leaning, RuleChange};
use crate::output::document::{SCHEMA_VERSION, schema_of};
use crate::output::text::number;

/// Writes the document.
///
/// # Errors
/// The writer's.
pub fn write(compared: &Compared<'_>, out: &mut dyn Write) -> io::Result<()> {
    let d = compared.difference;
    let document = Document {
        schema_version: SCHEMA_VERSION,
        a: compared.a,
        b: compared.b,
        tolerance: compared.share,
        worse: d.is_worse(),
        findings: d.rules.iter().map(Rule::new).collect(),
        connections: d.groups.iter().map(Group::new).collect(),
        figures: d.figures.iter().map(Figure::new).collect(),
    };
    serde_json::to_writer_pretty(&mut *out, &document)?;
    out.write_all(b"\n")
}

/// The JSON Schema of the document.
pub fn schema() -> String {
    schema_of::<Document<'static>>()
}

/// What `tcpscope diff --json` prints.
#[derive(Serialize, JsonSchema)]
#[schemars(title = "Difference")]
struct Document<'a> {
    /// Version of the meaning of this document; fields may be added without raising it.
    schema_version: u32,
    /// The capture from before.
    a: &'a str,
    /// The capture from after.
    b: &'a str,
    /// The share by which figures may differ.
    tolerance: f64,
    /// Whether anything got worse.
    worse: bool,
    /// Rules whose number of findings changed, worst first.
    findings: Vec<Rule<'a>>,
    /// Kinds of connections whose number changed, largest change first.
    connections: Vec<Group<'a>>,
    /// Every figure that either has.
    figures: Vec<Figure>,
}

/// A rule's findings in both.
#[derive(Serialize, JsonSchema)]
struct Rule<'a> {
    /// Its id.
    rule: &'static str,
    /// Its name.
    name: &'static str,
    /// The worst severity in either.
    severity: &'static str,
    /// Findings in A.
    a: u64,
    /// Findings in B.
    b: u64,
    /// `better`, `worse` or null.
    leaning: Option<&'static str>,
    /// What the first one of B says, or of A where B has none.
    message: &'a str,
}

impl<'a> Rule<'a> {
    fn new(change: &'a RuleChange) -> Self {
        Self {
            rule: change.rule,
            name: change.name,
            severity: change.severity.name(),
            a: change.a,
            b: change.b,
            leaning: word(change.leaning),
            message: &change.message,
        }
    }
}

/// Connections that opened, closed and stand alike, in both.
#[derive(Serialize, JsonSchema)]
struct Group<'a> {
    /// How they opened.
    open: &'a str,
    /// State of the client at the end.
    client_state: &'a str,
    /// State of the server at the end.
    server_state: &'a str,
    /// How they closed.
    close: &'a str,
    /// How many in A.
    a: u64,
    /// How many in B.
    b: u64,
}

impl<'a> Group<'a> {
    fn new(change: &'a GroupChange) -> Self {
        let value = |name: &str| {
            let at = Difference::GROUPED_BY.iter().position(|column| *column == name);
            at.and_then(|at| change.values.get(at)).map_or("", String::as_str)
        };
        Self {
            open: value("open"),
            client_state: value("client_state"),
            server_state: value("server_state"),
            close: value("close"),
            a: change.a,
            b: change.b,
        }
    }
}

/// A figure in both; spans in nanoseconds, shares between 0 and 1.
#[derive(Serialize, JsonSchema)]
struct Figure {
    /// Its name.
    name: &'static str,
    /// In A; null where A can not tell.
    a: Option<Number>,
    /// In B.
    b: Option<Number>,
    /// `better`, `worse` or null.
    leaning: Option<&'static str>,
}

impl Figure {
    fn new(change: &Change) -> Self {
        let (a, b) = (number(&change.a), number(&change.b));
        Self { name: change.figure.name, a, b, leaning: word(change.leaning) }
    }
}

fn word(leaning: Leaning) -> Option<&'static str> {
    match leaning {
        Leaning::Better => Some("better"),
        Leaning::Worse => Some("worse"),
        Leaning::Neither => None,
    }
}
