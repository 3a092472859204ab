//! GitHub's workflow commands: an annotation for each rule that fails a capture, and each claim that does not hold.
//! GitHub shows ten of a kind per step, so findings of one rule in one capture are one annotation.

use std::io::{self, Write};

use super::wording::{by_rule, claim_broken, sentence};
use crate::check::{Outcome, Run, Verdict};
use crate::output::text::{counted, escape};
use crate::rules::Severity;

/// Writes one command a line.
///
/// # Errors
/// The writer's.
pub fn write(run: &Run, out: &mut dyn Write) -> io::Result<()> {
    run.verdicts.iter().try_for_each(|verdict| annotations(run, verdict, out))
}

fn annotations(run: &Run, verdict: &Verdict, out: &mut dyn Write) -> io::Result<()> {
    let place = property(&verdict.capture);
    for (rule, list) in by_rule(verdict) {
        let Some(first) = list.first().map(|judged| &judged.finding) else { continue };
        let command = match first.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "notice",
        };
        let more = match list.len() as u64 - 1 {
            0 => String::new(),
            n => format!("; and {}", counted(n, "more finding")),
        };
        let text = data(&format!("{}{more}", sentence(first)));
        writeln!(out, "::{command} file={place},title={rule} {}::{text}", property(first.name))?;
    }
    for claim in verdict.broken() {
        let file = property(run.policy.as_deref().unwrap_or(&verdict.capture));
        let text = data(&format!("{}: {}", verdict.capture, claim_broken(claim)));
        writeln!(out, "::error file={file},line={},title=expectation::{text}", claim.place.line.max(1))?;
    }
    let Some(problem) = &verdict.problem else { return Ok(()) };
    let command = if verdict.problem_fails { "error" } else { "warning" };
    let title = if verdict.outcome == Outcome::Unreadable { "unreadable" } else { "cut or corrupt" };
    writeln!(out, "::{command} file={place},title={title}::{}", data(problem))
}

/// A message, in which line ends and per cent signs are written as `%XX`.
fn data(text: &str) -> String {
    escape(text).replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// A property, in which colons and commas are written so too.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
