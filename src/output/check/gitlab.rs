//! GitLab's code quality report: a list of what failed, each with a fingerprint of its own.

use std::io::{self, Write};

use serde::Serialize;

use super::wording::{Numbered, claim_broken, sentence};
use crate::check::Run;
use crate::rules::Severity;

/// Writes the list.
///
/// # Errors
/// The writer's.
pub fn write(run: &Run, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, &entries(run))?;
    out.write_all(b"\n")
}

#[derive(Serialize)]
struct Entry {
    description: String,
    check_name: String,
    fingerprint: String,
    severity: &'static str,
    location: Location,
}

#[derive(Serialize)]
struct Location {
    path: String,
    lines: Lines,
}

#[derive(Serialize)]
struct Lines {
    begin: usize,
}

fn entries(run: &Run) -> Vec<Entry> {
    let mut numbered = Numbered::default();
    let mut entries = Vec::new();
    let entry = |description, check: &str, fingerprint, severity, path: &str, line: usize| Entry {
        description,
        check_name: check.into(),
        fingerprint,
        severity,
        location: Location { path: path.into(), lines: Lines { begin: line.max(1) } },
    };
    for verdict in &run.verdicts {
        for judged in verdict.surprises() {
            let finding = &judged.finding;
            let severity = match finding.severity {
                Severity::Error => "critical",
                Severity::Warning => "major",
                Severity::Note => "info",
            };
            let fingerprint = numbered.next(&judged.fingerprint);
            entries.push(entry(sentence(finding), finding.rule, fingerprint, severity, &verdict.capture, 1));
        }
        let policy = run.policy.as_deref().unwrap_or(&verdict.capture);
        for claim in verdict.broken() {
            let fingerprint =
                numbered.next(&format!("{} {} {}", verdict.capture, claim.kind.word(), claim.subject));
            let text = format!("{}: {}", verdict.capture, claim_broken(claim));
            entries.push(entry(text, "expectation", fingerprint, "critical", policy, claim.place.line));
        }
        if let Some(problem) = verdict.problem.as_ref().filter(|_| verdict.problem_fails) {
            let fingerprint = numbered.next(&verdict.capture);
            entries.push(entry(problem.clone(), "unreadable", fingerprint, "blocker", &verdict.capture, 1));
        }
    }
    entries
}
