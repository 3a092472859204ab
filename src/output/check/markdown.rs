//! The run as a page of Markdown, for a step summary or a comment: how many passed, and of each that did not, why.

use std::io::{self, Write};

use super::wording::{by_rule, claim_broken, policy_place, sentence};
use crate::check::{Outcome, Run, Verdict};
use crate::output::text::{counted, escape};

/// Writes the page.
///
/// # Errors
/// The writer's.
pub fn write(run: &Run, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "## tcpscope: {} passed, {} failed\n", run.passed(), run.failed())?;
    let failed: Vec<_> = run.verdicts.iter().filter(|v| v.outcome != Outcome::Passed).collect();
    if failed.is_empty() {
        writeln!(out, "All as the policy expects.")?;
    } else {
        writeln!(out, "| Capture | Verdict | Why |\n| --- | --- | --- |")?;
    }
    for verdict in failed.iter().take(ROWS) {
        let reasons = reasons(run, verdict);
        let more = reasons.len().saturating_sub(REASONS);
        let mut shown: Vec<_> = reasons.into_iter().take(REASONS).collect();
        if more > 0 {
            shown.push(format!("and {}", counted(more as u64, "more reason")));
        }
        writeln!(
            out,
            "| {} | {} | {} |",
            code(&verdict.capture),
            verdict.outcome.word(),
            shown.join("<br>")
        )?;
    }
    if failed.len() > ROWS {
        writeln!(out, "\nand {} more", failed.len() - ROWS)?;
    }
    if !run.unused.is_empty() {
        writeln!(out, "\nNot needed any more:\n")?;
    }
    for unused in &run.unused {
        let place = unused.place.map(|p| format!("{}: ", code(&policy_place(run.policy.as_deref(), p.line))));
        writeln!(out, "- {}{}", place.unwrap_or_default(), cell(&unused.message))?;
    }
    Ok(())
}

fn reasons(run: &Run, verdict: &Verdict) -> Vec<String> {
    let mut reasons = Vec::new();
    if let Some(problem) = &verdict.problem {
        let what = if verdict.outcome == Outcome::Unreadable { "unreadable" } else { "cut or corrupt" };
        reasons.push(format!("{what}: {}", cell(problem)));
    }
    for (rule, list) in by_rule(verdict) {
        let Some(first) = list.first().map(|judged| &judged.finding) else { continue };
        let more = if list.len() > 1 { format!(" (one of {})", list.len()) } else { String::new() };
        reasons.push(format!("**{rule}** {}: {}{more}", first.severity.name(), cell(&sentence(first))));
    }
    for claim in verdict.broken() {
        let place = policy_place(run.policy.as_deref(), claim.place.line);
        reasons.push(format!("{} ({})", cell(&claim_broken(claim)), code(&place)));
    }
    reasons
}

/// Text that can not break the table or become markup.
fn cell(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in escape(text).chars() {
        if matches!(c, '|' | '<' | '>' | '*' | '_' | '`' | '[' | ']' | '\\' | '&' | '#') {
            safe.push('\\');
        }
        safe.push(c);
    }
    safe
}

/// A name in code style.
fn code(text: &str) -> String {
    format!("`{}`", escape(text).replace('`', "'").replace('|', "\\|"))
}

/// A step summary holds 1 MiB; nobody reads more.
const ROWS: usize = 200;
const REASONS: usize = 10;
