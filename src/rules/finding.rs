//! `Finding`: one rule's judgement, with its evidence.

use serde::Serialize;

use crate::tcp::{Duration, Timestamp};
use crate::track::{Confidence, Role};

/// How bad a finding is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Legal, worth knowing.
    Note,
    /// A risk, a resource problem, or a violation seen in part.
    Warning,
    /// An endpoint broke the protocol, seen completely.
    Error,
}

impl Severity {
    /// The printed name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// What one rule says about one connection, one endpoint, or the whole capture.
#[derive(Clone, PartialEq, Debug)]
pub struct Finding {
    /// Rule id, such as `HS002`.
    pub rule: &'static str,
    /// Rule name, such as `synack-bad-ack`.
    pub name: &'static str,
    /// How bad.
    pub severity: Severity,
    /// How sure.
    pub confidence: Confidence,
    /// Which of the rule's variants, as a kebab-case word.
    pub variant: Option<&'static str>,
    /// The connection's id; `None` for findings about more than one.
    pub connection: Option<u64>,
    /// The endpoint at fault.
    pub endpoint: Option<Role>,
    /// What a finding about more than one connection is about: a victim, a source, a listener.
    pub key: Option<String>,
    /// Packet numbers: first cause, trigger, and at most eight more; ascending.
    pub frames: Vec<u64>,
    /// When it was first true.
    pub at: Timestamp,
    /// When the episode began, for attacks.
    pub start: Option<Timestamp>,
    /// When the episode ended, for attacks.
    pub end: Option<Timestamp>,
    /// How often it was true.
    pub count: u64,
    /// One sentence that a colleague would understand, with the values.
    pub message: String,
    /// The numbers put into the judgement, by name, in the order that explains best.
    pub evidence: Vec<(&'static str, serde_json::Value)>,
    /// What mattered over time, for attacks.
    pub series: Option<Series>,
}

/// Counts over time: one number of each column for each step from the start on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Series {
    /// When the first step begins: a whole second.
    pub start: Timestamp,
    /// How long a step is: a second, or a power of two of it where it lasted long.
    pub step: Duration,
    /// What is counted, by name; all columns are equally long.
    pub columns: Vec<(&'static str, Vec<u64>)>,
}

impl Finding {
    /// A number of the evidence.
    pub fn number(&self, name: &str) -> Option<i64> {
        self.evidence.iter().find(|(n, _)| *n == name)?.1.as_i64()
    }
}
