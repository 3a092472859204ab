//! Findings about more than one connection, as detectors begin them.

use super::finding::Finding;
use crate::tcp::Timestamp;
use crate::track::Confidence;

/// A finding of the rule of this id about `key`, with the rule's own severity and high confidence.
///
/// # Panics
/// Where no rule has this id.
pub(super) fn wide(id: &'static str, key: String, at: Timestamp, message: String) -> Finding {
    let rule = super::rules().find(|r| r.id == id).expect("a detector names rules of the list");
    Finding {
        rule: rule.id,
        name: rule.name,
        severity: rule.severity,
        confidence: Confidence::High,
        variant: None,
        connection: None,
        endpoint: None,
        key: Some(key),
        frames: Vec::new(),
        at,
        start: None,
        end: None,
        count: 1,
        message,
        evidence: Vec::new(),
        series: None,
    }
}
