//! `Baseline`: findings that are known and wait for their mending, by fingerprint; new ones beside them still fail.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha1::{Digest, Sha1};

use super::verdict::Verdict;
use crate::report::{Report, Word};
use crate::rules::Finding;
use crate::track::Role;

/// Findings that are known.
#[derive(Clone, Debug, Default)]
pub struct Baseline {
    entries: BTreeMap<String, Entry>,
}

/// One known finding, or several that are alike.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The capture, from the policy's folder.
    pub capture: String,
    /// The rule.
    pub rule: String,
    /// What it says, for people; it is not compared.
    pub message: String,
    /// What is compared.
    pub fingerprint: String,
    /// How many there are.
    pub count: u64,
}

/// The file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    schema: u32,
    findings: Vec<Entry>,
}

/// A text that is no baseline.
#[derive(Debug, thiserror::Error)]
pub enum BaselineError {
    /// Not the JSON that is expected.
    #[error("not a baseline: {0}")]
    Json(#[from] serde_json::Error),
    /// Written by another version.
    #[error("schema {0} of the baseline is not known")]
    Schema(u32),
}

impl Baseline {
    /// Reads a baseline.
    ///
    /// # Errors
    /// It is no JSON, or not of this schema.
    pub fn parse(text: &str) -> Result<Self, BaselineError> {
        let document: Document = serde_json::from_str(text)?;
        if document.schema != SCHEMA {
            return Err(BaselineError::Schema(document.schema));
        }
        Ok(Self { entries: document.findings.into_iter().map(|e| (e.fingerprint.clone(), e)).collect() })
    }

    /// The findings of these verdicts that fail, and those that are known already.
    pub fn of(verdicts: &[Verdict]) -> Self {
        let open = verdicts.iter().flat_map(|verdict| &verdict.open);
        Self { entries: open.map(|(fingerprint, entry)| (fingerprint.clone(), entry.clone())).collect() }
    }

    /// As text, sorted by capture, rule and message.
    pub fn text(&self) -> String {
        let mut findings: Vec<_> = self.entries.values().cloned().collect();
        findings.sort();
        let document = Document { schema: SCHEMA, findings };
        let mut text = serde_json::to_string_pretty(&document).expect("text and numbers are JSON");
        text.push('\n');
        text
    }

    /// How many findings of this fingerprint are known.
    pub fn allowed(&self, fingerprint: &str) -> u64 {
        self.entries.get(fingerprint).map_or(0, |entry| entry.count)
    }

    /// Known findings, by fingerprint.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.values()
    }
}

/// What stays the same when the same test is run and captured again: capture, rule, variant, and who is concerned. Not
/// packet numbers, times and client ports, which differ from run to run.
pub fn fingerprint(capture: &str, finding: &Finding, report: &Report) -> String {
    let connection = finding.connection.and_then(|id| {
        let at = report.connections.binary_search_by_key(&id, |c| c.record.id).ok()?;
        report.connections.get(at)
    });
    let ends = connection.map(|c| {
        let ends = c.record.endpoints;
        format!("{} {}", ends.client.addr, ends.server)
    });
    let parts = [
        capture,
        finding.rule,
        finding.variant.unwrap_or_default(),
        finding.key.as_deref().unwrap_or_default(),
        finding.endpoint.map(Role::word).unwrap_or_default(),
        ends.as_deref().unwrap_or_default(),
    ];
    let digest = Sha1::digest(parts.join("\0"));
    digest.iter().take(FINGERPRINT_BYTES).map(|byte| format!("{byte:02x}")).collect()
}

const SCHEMA: u32 = 1;
/// 64 bits: a million findings collide with a chance of one in thirty million.
const FINGERPRINT_BYTES: usize = 8;
