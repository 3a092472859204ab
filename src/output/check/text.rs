//! The run for people: a verdict a line, below a failed one why it failed, and at the end how many passed.

use std::io::{self, Write};

use super::wording::{by_rule, claim_broken, policy_place, seen, sentence};
use crate::check::{ClaimKind, Judged, Outcome, Run, Standing, Verdict};
use crate::output::layout::{Detail, Layout};
use crate::output::rules::{BOLD, ink, styled};
use crate::output::text::{escape, thousands, wrap};

/// Writes the verdicts; of captures that passed only where there is more than quiet wanted.
///
/// # Errors
/// The writer's.
pub fn write(run: &Run, layout: &Layout, out: &mut dyn Write) -> io::Result<()> {
    for verdict in &run.verdicts {
        if verdict.outcome != Outcome::Passed || layout.detail > Detail::Quiet {
            self::verdict(run, verdict, layout, out)?;
        }
    }
    if layout.detail > Detail::Quiet {
        for unused in &run.unused {
            let place = unused.place.map(|p| format!("{}: ", policy_place(run.policy.as_deref(), p.line)));
            writeln!(out, "unused  {}{}", escape(&place.unwrap_or_default()), escape(&unused.message))?;
        }
    }
    writeln!(out, "{} passed, {} failed", run.passed(), run.failed())
}

fn verdict(run: &Run, verdict: &Verdict, layout: &Layout, out: &mut dyn Write) -> io::Result<()> {
    let (word, style) = match verdict.outcome {
        Outcome::Passed => ("passed", "32"),
        Outcome::Failed => ("FAILED", "31;1"),
        Outcome::Unreadable => ("UNREAD", "31;1"),
    };
    let name = styled(layout, BOLD, &escape(&verdict.capture));
    let seen = match verdict.packets {
        0 if verdict.outcome != Outcome::Passed => String::new(),
        _ => format!("  {}", seen(verdict)),
    };
    writeln!(out, "{}  {name}{seen}", styled(layout, style, word))?;
    if let Some(problem) = &verdict.problem {
        let label = if verdict.outcome == Outcome::Unreadable { "why" } else { "cut" };
        lines(label, None, problem, layout, out)?;
    }
    if verdict.left_out > 0 {
        let text = format!(
            "{} connections or findings found no room: the verdict rests on the others",
            thousands(verdict.left_out)
        );
        lines("part", None, &text, layout, out)?;
    }
    findings(verdict, layout, out)?;
    for claim in verdict.broken() {
        let label = if claim.kind == ClaimKind::Limit { "limit" } else { "expect" };
        let place = policy_place(run.policy.as_deref(), claim.place.line);
        let broken = claim_broken(claim);
        let text = format!("{} ({place})", broken.strip_prefix("expected ").unwrap_or(&broken));
        lines(label, None, &text, layout, out)?;
        if claim.kind == ClaimKind::Findings && layout.detail != Detail::Verbose {
            let meant = verdict.findings.iter().filter(|j| j.finding.rule.starts_with(&claim.subject));
            meant.take(EACH).try_for_each(|judged| finding(judged, layout, out))?;
        }
    }
    Ok(())
}

/// Those that fail it, a few of each rule; or all, with what the policy makes of them.
fn findings(verdict: &Verdict, layout: &Layout, out: &mut dyn Write) -> io::Result<()> {
    if layout.detail == Detail::Verbose {
        return verdict.findings.iter().try_for_each(|judged| finding(judged, layout, out));
    }
    for (rule, list) in by_rule(verdict) {
        list.iter().take(EACH).try_for_each(|judged| finding(judged, layout, out))?;
        if list.len() > EACH {
            let more = format!("{rule} {} more; -v shows each", thousands((list.len() - EACH) as u64));
            lines("", None, &more, layout, out)?;
        }
    }
    Ok(())
}

fn finding(judged: &Judged, layout: &Layout, out: &mut dyn Write) -> io::Result<()> {
    let finding = &judged.finding;
    let standing = match judged.standing {
        Standing::Surprise => String::new(),
        other => format!(" ({})", other.word()),
    };
    let text = format!("{} {}{standing}", finding.rule, sentence(finding));
    lines(finding.severity.name(), Some(ink(finding.severity)), &text, layout, out)
}

/// The label, and the text beside it in as many lines as it takes.
fn lines(
    label: &str,
    style: Option<&str>,
    text: &str,
    layout: &Layout,
    out: &mut dyn Write,
) -> io::Result<()> {
    let width = usize::from(layout.width).saturating_sub(INDENT + LABEL).max(NARROW);
    let gap = LABEL - label.len();
    let mut label = style.map_or_else(|| label.to_string(), |style| styled(layout, style, label));
    label.extend(std::iter::repeat_n(' ', gap));
    for (i, line) in wrap(&escape(text), width).iter().enumerate() {
        match i {
            0 => writeln!(out, "{:INDENT$}{label}{line}", "")?,
            _ => writeln!(out, "{:INDENT$}{:LABEL$}{line}", "", "")?,
        }
    }
    Ok(())
}

/// Findings shown of one rule in one capture unless asked for all.
const EACH: usize = 3;
/// Under the name of the capture.
const INDENT: usize = 8;
/// Width of `warning` and two blanks.
const LABEL: usize = 9;
const NARROW: usize = 30;
