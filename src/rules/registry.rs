//! `Rule`: its id, text and check as one entry; `RuleSet`: the rules a user chose, by the kind of fact they want.

use serde_json::Value;

use super::finding::Severity;
use crate::config::RuleConfig;
use crate::tcp::Segment;
use crate::track::{Confidence, Connection, Event, Kind};

/// One rule: what it is called, what it says of itself, and how it judges.
#[derive(Debug)]
pub struct Rule {
    /// Such as `HS002`; never reused.
    pub id: &'static str,
    /// Such as `synack-bad-ack`: the thing found.
    pub name: &'static str,
    /// How bad, unless a judgement says otherwise.
    pub severity: Severity,
    /// RFC section, kernel file or measurement that it rests on.
    pub source: &'static str,
    /// Version that brought it.
    pub since: &'static str,
    /// Its documentation in Markdown, under the five headings.
    pub doc: &'static str,
    /// Kinds of facts it wants to see.
    pub wants: &'static [Kind],
    /// Its judgement of one fact. Pure: the same scene gives the same answer.
    pub check: fn(&Scene<'_>) -> Option<Judgement>,
}

/// What a rule sees: one fact, and the connection as it stands at that point.
#[derive(Clone, Copy)]
pub struct Scene<'a> {
    /// The fact.
    pub event: &'a Event,
    /// The connection.
    pub connection: &'a Connection,
    /// The segment that shows the fact; `None` for timers and at the end.
    pub segment: Option<&'a Segment>,
    /// Thresholds.
    pub config: &'a RuleConfig,
}

/// What a rule says of a fact.
#[derive(Debug)]
pub enum Judgement {
    /// It is so.
    Report(Detail),
    /// What the rule said of this connection before was wrong.
    Retract,
}

/// What stands in a finding beside the rule's own words.
#[derive(Debug)]
pub struct Detail {
    /// Which of the rule's variants.
    pub variant: Option<&'static str>,
    /// Another severity than the rule's.
    pub severity: Option<Severity>,
    /// How sure.
    pub confidence: Confidence,
    /// Packets that caused it, beside the one that shows it.
    pub causes: Vec<u64>,
    /// One sentence with `{name}` for values of the evidence, `{end}` and `{peer}` for the roles.
    pub message: &'static str,
    /// The numbers put into the judgement.
    pub evidence: Vec<(&'static str, Value)>,
}

impl Detail {
    /// A detail with high confidence and nothing special.
    pub fn new(message: &'static str) -> Self {
        Self {
            variant: None,
            severity: None,
            confidence: Confidence::High,
            causes: Vec::new(),
            message,
            evidence: Vec::new(),
        }
    }

    /// With a variant.
    #[must_use]
    pub fn variant(mut self, variant: &'static str) -> Self {
        self.variant = Some(variant);
        self
    }

    /// With another severity than the rule's.
    #[must_use]
    pub fn severity(mut self, severity: Severity) -> Self {
        self.severity = Some(severity);
        self
    }

    /// With a packet that caused it.
    #[must_use]
    pub fn cause(mut self, frame: Option<u64>) -> Self {
        self.causes.extend(frame);
        self
    }

    /// With a value of the evidence.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.evidence.push((name, value.into()));
        self
    }

    /// As a judgement.
    pub fn report(self) -> Option<Judgement> {
        Some(Judgement::Report(self))
    }
}

/// Makes the `RULES` of a family from one block each; the block's doc comment is its documentation everywhere.
macro_rules! rules {
    ($($(#[doc = $doc:literal])+ $id:literal $name:literal {
        severity: $severity:ident, source: $source:literal, since: $since:literal,
        wants: [$($kind:ident),+], check: $check:path $(,)?
    })+) => {
        /// The rules of this family.
        pub const RULES: &[crate::rules::Rule] = &[$(crate::rules::Rule {
            id: $id,
            name: $name,
            severity: crate::rules::Severity::$severity,
            source: $source,
            since: $since,
            doc: concat!($($doc, "\n"),+),
            wants: &[$(crate::track::Kind::$kind),+],
            check: $check,
        }),+];
    };
}
pub(super) use rules;

/// The rules that a user chose.
#[derive(Debug)]
pub struct RuleSet {
    by_kind: Vec<Vec<&'static Rule>>,
    config: RuleConfig,
}

impl RuleSet {
    /// The rules that `config` selects and does not ignore.
    pub fn new(config: &RuleConfig) -> Self {
        let mut by_kind = vec![Vec::new(); Kind::COUNT];
        for rule in super::rules().filter(|r| config.has(r.id)) {
            for kind in rule.wants {
                by_kind[*kind as usize].push(rule);
            }
        }
        Self { by_kind, config: config.clone() }
    }

    /// The rules that want a kind of fact.
    #[inline]
    pub fn wanting(&self, kind: Kind) -> &[&'static Rule] {
        self.by_kind.get(kind as usize).map_or(&[], Vec::as_slice)
    }

    /// The thresholds.
    pub fn config(&self) -> &RuleConfig {
        &self.config
    }
}
