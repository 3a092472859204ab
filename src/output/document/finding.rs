//! A finding as it stands in the document.

use std::borrow::Cow;
use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};

use super::Places;
use super::scalar::{Ns, OneOf, Time};
use crate::output::wireshark::FrameFilter;
use crate::rules::{self, Severity};
use crate::track::{Confidence, Role};

/// What one rule says.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Finding<'a> {
    /// Rule id, such as `HS002`.
    rule: &'static str,
    /// Rule name, such as `synack-bad-ack`.
    name: &'static str,
    /// How bad.
    severity: OneOf<Severity>,
    /// How sure.
    confidence: OneOf<Confidence>,
    /// Which of the rule's variants.
    variant: Option<&'static str>,
    /// The connection's id; null for findings about more than one.
    connection: Option<u64>,
    /// The endpoint at fault.
    endpoint: Option<OneOf<Role>>,
    /// What a finding about more than one connection is about: a victim, a source, a listener.
    key: Option<&'a str>,
    /// Packet numbers: first cause, trigger, and at most eight more; ascending.
    frames: &'a [u64],
    /// The input that holds the first of these frames; null where that is not known.
    file: Option<&'a str>,
    /// When it was first true.
    at: Time,
    /// When the episode began, for attacks.
    start: Option<Time>,
    /// When the episode ended, for attacks.
    end: Option<Time>,
    /// How often it was true.
    count: u64,
    /// One sentence, with the values.
    message: &'a str,
    /// The numbers put into the judgement, by name.
    evidence: Evidence<'a>,
    /// What mattered over time, for attacks.
    series: Option<Series<'a>>,
    /// Display filter that shows the frames in Wireshark 4; null when they lie in several files.
    filter: Option<String>,
}

impl<'a> Finding<'a> {
    /// A finding and its place in the inputs.
    pub fn new(f: &'a rules::Finding, places: &'a Places) -> Self {
        Self {
            rule: f.rule,
            name: f.name,
            severity: OneOf(f.severity),
            confidence: OneOf(f.confidence),
            variant: f.variant,
            connection: f.connection,
            endpoint: f.endpoint.map(OneOf),
            key: f.key.as_deref(),
            frames: &f.frames,
            file: f.frames.first().and_then(|frame| places.path(*frame)),
            at: Time(f.at),
            start: f.start.map(Time),
            end: f.end.map(Time),
            count: f.count,
            message: &f.message,
            evidence: Evidence(&f.evidence),
            series: f.series.as_ref().map(Series::new),
            filter: places.within_one(&f.frames).map(|frames| FrameFilter(&frames).to_string()),
        }
    }
}

/// Counts over time, one number for each step from `start` on.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Series<'a> {
    /// When the first step begins: a whole second.
    start: Time,
    /// How long a step is: a second, or a power of two of it where it lasted long.
    step_ns: Ns,
    /// The numbers by the name of what they count.
    counts: BTreeMap<&'a str, &'a [u64]>,
}

impl<'a> Series<'a> {
    /// A series as it stands in the document.
    pub fn new(s: &'a rules::Series) -> Self {
        let counts = s.columns.iter().map(|(name, numbers)| (*name, numbers.as_slice())).collect();
        Self { start: Time(s.start), step_ns: s.step.into(), counts }
    }
}

/// Names and numbers, in the order that explains best.
#[derive(Debug)]
struct Evidence<'a>(&'a [(&'static str, serde_json::Value)]);

impl Serialize for Evidence<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

impl JsonSchema for Evidence<'_> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Evidence".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "object", "additionalProperties": true })
    }
}
