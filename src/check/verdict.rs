//! `Verdict`: what came of one capture, and why.

use std::collections::{BTreeMap, BTreeSet};

use super::baseline::Entry;
use super::policy::Place;
use crate::report::{Kind, Value};
use crate::rules::Finding;

/// What came of one capture.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// The capture, as reports name it.
    pub capture: String,
    /// Passed, failed or unreadable.
    pub outcome: Outcome,
    /// Why it could not be read, or not to its end.
    pub problem: Option<String>,
    /// Whether that alone fails it.
    pub problem_fails: bool,
    /// Packets read.
    pub packets: u64,
    /// Connections seen.
    pub connections: u64,
    /// Findings, those that fail the capture first; at most [`Verdict::LISTED`] of either sort.
    pub findings: Vec<Judged>,
    /// How many findings there are of each standing, listed or not.
    pub counts: BTreeMap<Standing, u64>,
    /// Limits and expectations, met or not, in the order of the policy.
    pub claims: Vec<Claim>,
    /// Findings that fail it or are known, by fingerprint: what a baseline of today would hold.
    pub open: BTreeMap<String, Entry>,
    /// Places of the policy's words that left out a finding here.
    pub used: BTreeSet<Place>,
    /// Connections or findings that found no room in the report, so that the verdict rests on part of them.
    pub left_out: u64,
}

impl Verdict {
    /// Findings listed of those that fail a capture, and as many of the others.
    pub const LISTED: usize = 1000;

    /// A verdict of nothing yet.
    pub fn new(capture: &str, outcome: Outcome) -> Self {
        Self {
            capture: capture.into(),
            outcome,
            problem: None,
            problem_fails: false,
            packets: 0,
            connections: 0,
            findings: Vec::new(),
            counts: BTreeMap::new(),
            claims: Vec::new(),
            open: BTreeMap::new(),
            used: BTreeSet::new(),
            left_out: 0,
        }
    }

    /// How many findings have this standing.
    pub fn count(&self, standing: Standing) -> u64 {
        self.counts.get(&standing).copied().unwrap_or_default()
    }

    /// The listed findings that fail it.
    pub fn surprises(&self) -> impl Iterator<Item = &Judged> {
        self.findings.iter().filter(|judged| judged.standing == Standing::Surprise)
    }

    /// The limits and expectations that are not met.
    pub fn broken(&self) -> impl Iterator<Item = &Claim> {
        self.claims.iter().filter(|claim| !claim.met)
    }
}

/// Passed, failed or unreadable.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Outcome {
    /// All as it should be.
    Passed,
    /// Something is not.
    Failed,
    /// Nobody can tell.
    Unreadable,
}

impl Outcome {
    /// As machines read it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Unreadable => "unreadable",
        }
    }
}

/// A finding and what the policy makes of it.
#[derive(Clone, Debug)]
pub struct Judged {
    /// The finding, with the policy's severity.
    pub finding: Finding,
    /// What the policy makes of it.
    pub standing: Standing,
    /// The same in every run that finds the same.
    pub fingerprint: String,
}

/// What the policy makes of a finding.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Standing {
    /// It fails the capture.
    Surprise,
    /// An expectation names its rule.
    Expected,
    /// It stands in the baseline.
    Known,
    /// It is below the level that fails.
    Minor,
    /// Its rule is ignored.
    Ignored,
}

impl Standing {
    /// As machines read it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Surprise => "unexpected",
            Self::Expected => "expected",
            Self::Known => "baseline",
            Self::Minor => "below-level",
            Self::Ignored => "ignored",
        }
    }
}

/// Something the policy says of a capture.
#[derive(Clone, Debug)]
pub struct Claim {
    /// A limit or an expectation.
    pub kind: ClaimKind,
    /// Of what: a figure, a rule, a condition.
    pub subject: String,
    /// What it must be, such as `<= 10`.
    pub bound: String,
    /// What it is.
    pub actual: Value<'static>,
    /// What sort of value that is.
    pub value_kind: Kind,
    /// Whether it holds; a figure that the capture can not tell breaks no limit.
    pub met: bool,
    /// Why it is expected, in the policy's words.
    pub note: Option<String>,
    /// Where in the policy it stands.
    pub place: Place,
}

/// A limit or an expectation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ClaimKind {
    /// A figure must be so.
    Limit,
    /// So many findings of a rule must be there.
    Findings,
    /// So many connections must be like this.
    Connections,
    /// There must be a capture like this.
    Capture,
}

impl ClaimKind {
    /// As machines read it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Limit => "limit",
            Self::Findings => "findings",
            Self::Connections => "connections",
            Self::Capture => "capture",
        }
    }
}
