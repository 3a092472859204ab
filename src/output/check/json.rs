//! The run as one JSON document: every verdict with its findings and claims.

use std::collections::BTreeMap;
use std::io::{self, Write};

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Number;

use crate::check::{self, Run};
use crate::output::document::{Finding, Places, SCHEMA_VERSION, schema_of};
use crate::output::text::number;
use crate::source::Input;

/// Writes the document.
///
/// # Errors
/// The writer's.
pub fn write(run: &Run, out: &mut dyn Write) -> io::Result<()> {
    // A finding names the packets of its capture; that needs a place to count from.
    let input = |v: &check::Verdict| Input { path: v.capture.clone().into(), ..Input::default() };
    let places: Vec<_> = run.verdicts.iter().map(|v| Places::new(&[input(v)])).collect();
    let document = Document {
        schema_version: SCHEMA_VERSION,
        tool: Tool { name: env!("CARGO_PKG_NAME"), version: env!("CARGO_PKG_VERSION") },
        policy: run.policy.as_deref(),
        passed: run.passed(),
        failed: run.failed(),
        captures: run
            .verdicts
            .iter()
            .zip(&places)
            .map(|(verdict, places)| Verdict::new(verdict, places))
            .collect(),
        unused: run
            .unused
            .iter()
            .map(|u| Unused { line: u.place.map(|p| p.line), message: &u.message })
            .collect(),
    };
    serde_json::to_writer_pretty(&mut *out, &document)?;
    out.write_all(b"\n")
}

/// The JSON Schema of the document.
pub fn schema() -> String {
    schema_of::<Document<'static>>()
}

/// What `tcpscope check --report json=FILE` writes.
#[derive(Serialize, JsonSchema)]
#[schemars(title = "Check")]
struct Document<'a> {
    /// Version of the meaning of this document; fields may be added without raising it.
    schema_version: u32,
    /// Which program wrote it.
    tool: Tool,
    /// The policy's file; null where there was none.
    policy: Option<&'a str>,
    /// Captures that passed.
    passed: usize,
    /// Captures that did not, the policy itself included where it expects captures that are not there.
    failed: usize,
    /// Captures, by name.
    captures: Vec<Verdict<'a>>,
    /// What the policy and the baseline say in vain.
    unused: Vec<Unused<'a>>,
}

/// The program that wrote the document.
#[derive(Serialize, JsonSchema)]
struct Tool {
    /// Its name.
    name: &'static str,
    /// Its version.
    version: &'static str,
}

/// What came of one capture.
#[derive(Serialize, JsonSchema)]
struct Verdict<'a> {
    /// The capture.
    capture: &'a str,
    /// `passed`, `failed` or `unreadable`.
    outcome: &'static str,
    /// Why it could not be read, or not to its end.
    problem: Option<&'a str>,
    /// Packets read.
    packets: u64,
    /// Connections seen.
    connections: u64,
    /// Connections or findings that found no room, so that the verdict rests on part of them.
    left_out: u64,
    /// Findings by what the policy makes of them.
    counts: BTreeMap<&'static str, u64>,
    /// Limits and expectations, in the order of the policy.
    claims: Vec<Claim<'a>>,
    /// Findings, those that fail the capture first; at most 1000 of these and 1000 others.
    findings: Vec<Judged<'a>>,
}

impl<'a> Verdict<'a> {
    fn new(v: &'a check::Verdict, places: &'a Places) -> Self {
        Self {
            capture: &v.capture,
            outcome: v.outcome.word(),
            problem: v.problem.as_deref(),
            packets: v.packets,
            connections: v.connections,
            left_out: v.left_out,
            counts: v.counts.iter().map(|(standing, n)| (standing.word(), *n)).collect(),
            claims: v.claims.iter().map(Claim::new).collect(),
            findings: v.findings.iter().map(|judged| Judged::new(judged, places)).collect(),
        }
    }
}

/// Something the policy says of a capture.
#[derive(Serialize, JsonSchema)]
struct Claim<'a> {
    /// `limit`, `findings`, `connections` or `capture`.
    kind: &'static str,
    /// Of what: a figure, a rule, a condition, a pattern.
    subject: &'a str,
    /// What it must be.
    bound: &'a str,
    /// What it is; spans in nanoseconds, shares between 0 and 1; null where the capture can not tell.
    actual: Option<Number>,
    /// Whether it holds.
    met: bool,
    /// Why it is expected.
    note: Option<&'a str>,
    /// Line of the policy.
    line: usize,
}

impl<'a> Claim<'a> {
    fn new(claim: &'a check::Claim) -> Self {
        Self {
            kind: claim.kind.word(),
            subject: &claim.subject,
            bound: &claim.bound,
            actual: number(&claim.actual),
            met: claim.met,
            note: claim.note.as_deref(),
            line: claim.place.line,
        }
    }
}

/// A finding and what the policy makes of it.
#[derive(Serialize, JsonSchema)]
struct Judged<'a> {
    /// `unexpected`, `expected`, `baseline`, `below-level` or `ignored`.
    standing: &'static str,
    /// The same in every run that finds the same.
    fingerprint: &'a str,
    /// The finding.
    #[serde(flatten)]
    finding: Finding<'a>,
}

impl<'a> Judged<'a> {
    fn new(judged: &'a check::Judged, places: &'a Places) -> Self {
        Self {
            standing: judged.standing.word(),
            fingerprint: &judged.fingerprint,
            finding: Finding::new(&judged.finding, places),
        }
    }
}

/// A word of the policy or the baseline that no capture needed.
#[derive(Serialize, JsonSchema)]
struct Unused<'a> {
    /// Line of the policy; null for the baseline.
    line: Option<usize>,
    /// What it is.
    message: &'a str,
}
