//! SARIF 2.1.0 of what failed. GitHub refuses a whole file for one result without a relative place, so each has one: the
//! capture, or the policy's line. A capture has no lines; its first stands for all of it, the packets are in the text.

use std::collections::BTreeSet;
use std::io::{self, Write};

use serde::Serialize;
use serde_json::{Value, json};

use super::uri;
use super::wording::{Numbered, claim_broken, sentence};
use crate::check::{Judged, Run, Standing, Verdict};
use crate::rules::{self, Severity};

/// Writes the log.
///
/// # Errors
/// The writer's.
pub fn write(run: &Run, out: &mut dyn Write) -> io::Result<()> {
    let results = results(run);
    let used: BTreeSet<&str> = results.iter().map(|result| result.rule_id.as_str()).collect();
    let log = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "tcpscope",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": used.iter().map(|id| descriptor(id)).collect::<Vec<_>>(),
            }},
            "results": results,
            "columnKind": "unicodeCodePoints",
        }],
    });
    serde_json::to_writer_pretty(&mut *out, &log)?;
    out.write_all(b"\n")
}

/// One thing that failed.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Result {
    rule_id: String,
    level: &'static str,
    message: Value,
    locations: [Value; 1],
    partial_fingerprints: Value,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    suppressions: Vec<Value>,
}

fn results(run: &Run) -> Vec<Result> {
    let mut numbered = Numbered::default();
    let mut results = Vec::new();
    for verdict in &run.verdicts {
        let listed =
            verdict.findings.iter().filter(|j| matches!(j.standing, Standing::Surprise | Standing::Known));
        results.extend(listed.map(|judged| of_finding(verdict, judged, &mut numbered)));
        let policy = run.policy.as_deref().unwrap_or(&verdict.capture);
        for claim in verdict.broken() {
            let text = format!("{}: {}", verdict.capture, claim_broken(claim));
            let key = format!("{} {} {}", verdict.capture, claim.kind.word(), claim.subject);
            results.push(result(
                EXPECTATION,
                "error",
                &text,
                (policy, claim.place.line),
                &numbered.next(&key),
            ));
        }
        if verdict.problem_fails {
            let text = format!("{}: {}", verdict.capture, verdict.problem.as_deref().unwrap_or_default());
            let key = numbered.next(&verdict.capture);
            results.push(result(UNREADABLE, "error", &text, (&verdict.capture, 1), &key));
        }
    }
    results
}

fn of_finding(verdict: &Verdict, judged: &Judged, numbered: &mut Numbered) -> Result {
    let finding = &judged.finding;
    let level = level(finding.severity);
    let key = numbered.next(&judged.fingerprint);
    let mut result = result(finding.rule, level, &sentence(finding), (&verdict.capture, 1), &key);
    if judged.standing == Standing::Known {
        result.suppressions = vec![json!({"kind": "external", "justification": "in the baseline"})];
    }
    result
}

fn result(rule: &str, level: &'static str, text: &str, place: (&str, usize), key: &str) -> Result {
    Result {
        rule_id: rule.into(),
        level,
        message: json!({"text": text}),
        locations: [json!({"physicalLocation": {
            "artifactLocation": {"uri": uri::of_path(place.0), "uriBaseId": "%SRCROOT%"},
            "region": {"startLine": place.1.max(1)},
        }})],
        // The first is what GitHub compares.
        partial_fingerprints: json!({"primaryLocationLineHash": key, "tcpscope/v1": key}),
        suppressions: Vec::new(),
    }
}

fn descriptor(id: &str) -> Value {
    let Some(rule) = rules::rules().find(|rule| rule.id == id) else {
        let text = match id {
            EXPECTATION => "The policy expects something else of a capture.",
            _ => "A capture could not be read, or not to its end.",
        };
        return json!({"id": id, "shortDescription": {"text": text}, "help": {"text": text}});
    };
    let lines: Vec<_> = rule.doc.trim().lines().map(str::trim).collect();
    json!({
        "id": id,
        "name": rule.name,
        "shortDescription": {"text": rule.summary()},
        "fullDescription": {"text": rule.summary()},
        "help": {"text": rule.summary(), "markdown": lines.join("\n")},
        "defaultConfiguration": {"level": level(rule.severity)},
        "properties": {"tags": ["tcp", rule.id.get(..2).unwrap_or_default()]},
    })
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    }
}

const EXPECTATION: &str = "expectation";
const UNREADABLE: &str = "unreadable";
