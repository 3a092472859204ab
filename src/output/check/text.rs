//! The run for people: a verdict a line, below a failed one why it failed, and at the end how many passed.

use std::io::{self, Write};

use super::wording::{claim_broken, policy_place, seen, sentence};
use crate::check::{Outcome, Run, Standing, Verdict};
use crate::output::layout::{Detail, Layout};
use crate::output::rules::{BOLD, ink, styled};
use crate::output::text::{counted, escape, wrap};
use crate::rules::Severity;

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
        Outcome::Unreadable => ("ERROR ", "31;1"),
    };
    let name = styled(layout, BOLD, &escape(&verdict.capture));
    let seen = match verdict.packets {
        0 => String::new(),
        _ => format!("  {}", seen(verdict)),
    };
    writeln!(out, "{}  {name}{seen}", styled(layout, style, word))?;
    if let Some(problem) = &verdict.problem {
        let what = if verdict.outcome == Outcome::Unreadable { "" } else { "cut or corrupt: " };
        reason(&format!("{what}{problem}"), layout, out)?;
    }
    if verdict.left_out > 0 {
        let left_out = counted(verdict.left_out, "connection or finding").replace("findings", "findings");
        reason(&format!("{left_out} found no room: the verdict rests on the others"), layout, out)?;
    }
    let wanted = |standing: Standing| match standing {
        Standing::Surprise => true,
        _ => layout.detail == Detail::Verbose,
    };
    let listed: Vec<_> = verdict.findings.iter().filter(|judged| wanted(judged.standing)).collect();
    let most = if layout.detail == Detail::Verbose { usize::MAX } else { FINDINGS };
    for judged in listed.iter().take(most) {
        let finding = &judged.finding;
        let standing = match judged.standing {
            Standing::Surprise => String::new(),
            other => format!(" ({})", other.word()),
        };
        let text = format!("{} {}{standing}", finding.rule, sentence(finding));
        labelled(finding.severity, &text, layout, out)?;
    }
    if listed.len() > most {
        let more = counted((listed.len() - most) as u64, "more finding");
        reason(&format!("{more}; -v shows each"), layout, out)?;
    }
    for claim in verdict.broken() {
        let place = policy_place(run.policy.as_deref(), claim.place.line);
        reason(&format!("{}  ({place})", claim_broken(claim)), layout, out)?;
    }
    Ok(())
}

fn labelled(severity: Severity, text: &str, layout: &Layout, out: &mut dyn Write) -> io::Result<()> {
    let label = styled(layout, ink(severity), severity.name());
    let gap = LABEL - severity.name().len();
    lines(&format!("{label}{:gap$}", ""), text, layout, out)
}

fn reason(text: &str, layout: &Layout, out: &mut dyn Write) -> io::Result<()> {
    lines(&format!("{:LABEL$}", "-"), text, layout, out)
}

/// The label, and the text beside it in as many lines as it takes.
fn lines(label: &str, text: &str, layout: &Layout, out: &mut dyn Write) -> io::Result<()> {
    let width = usize::from(layout.width).saturating_sub(INDENT + LABEL).max(NARROW);
    for (i, line) in wrap(&escape(text), width).iter().enumerate() {
        match i {
            0 => writeln!(out, "{:INDENT$}{label}{line}", "")?,
            _ => writeln!(out, "{:INDENT$}{:LABEL$}{line}", "", "")?,
        }
    }
    Ok(())
}

/// Findings shown of one capture unless asked for all.
const FINDINGS: usize = 20;
/// Under the name of the capture.
const INDENT: usize = 8;
/// Width of `warning` and two blanks.
const LABEL: usize = 9;
const NARROW: usize = 30;
