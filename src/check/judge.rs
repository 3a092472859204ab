//! `judge`: one report held against a policy.

use std::collections::BTreeMap;

use super::baseline::{Baseline, Entry, fingerprint};
use super::figures::kept;
use super::policy::{Ignore, Limit, PerCapture, Policy, Subject, Truncated};
use super::verdict::{Claim, ClaimKind, Judged, Outcome, Standing, Verdict};
use crate::engine::Findings;
use crate::error::Error;
use crate::report::{Kind, Report, Value};
use crate::rules::{Finding, Severity};

/// A capture's two names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Capture {
    /// As reports name it: from where the program was started.
    pub name: String,
    /// As policies and baselines name it: from the policy's folder.
    pub relative: String,
}

/// All that a capture is held against.
#[derive(Clone, Copy, Debug)]
pub struct Rulings<'a> {
    /// The policy.
    pub policy: &'a Policy,
    /// Findings that are known.
    pub baseline: Option<&'a Baseline>,
    /// The level that fails, where the command line says it.
    pub fail_on: Option<Severity>,
    /// What cut captures are, where the command line says it.
    pub truncated: Option<Truncated>,
}

/// Holds a report against the policy.
pub fn judge(mut report: Report, capture: &Capture, rulings: &Rulings<'_>) -> Verdict {
    let case = Case::of(capture, rulings);
    let mut verdict = Verdict::new(&capture.name, Outcome::Passed);
    verdict.packets = report.summary.packets;
    verdict.connections = kept(&report);
    let limits = report.summary.limits;
    verdict.left_out = limits.dropped_connections + limits.dropped_findings;
    let judged = case.findings(&mut report, rulings.baseline, &mut verdict);
    case.expectations(&report, &judged, &mut verdict);
    case.limits(&report, &mut verdict);
    list(judged, &mut verdict);
    verdict.problem = report.inputs.iter().find_map(|input| input.problem.clone());
    verdict.problem_fails = verdict.problem.is_some() && case.truncated == Truncated::Fail;
    if verdict.problem_fails || verdict.count(Standing::Surprise) > 0 || verdict.broken().next().is_some() {
        verdict.outcome = Outcome::Failed;
    }
    verdict
}

/// The verdict of a capture that could not be read.
pub fn unreadable(capture: &Capture, error: &Error) -> Verdict {
    let mut verdict = Verdict::new(&capture.name, Outcome::Unreadable);
    verdict.problem_fails = true;
    // The path stands in the verdict already, and the one that was opened may be absolute.
    verdict.problem = Some(match error {
        Error::Unreadable { cause, .. } => format!("cannot read it: {cause}"),
        Error::NotACapture { why, .. } => format!("not a capture: {why}"),
        other => other.to_string(),
    });
    verdict
}

/// What the policy says of one capture, all and special parts together.
struct Case<'a> {
    capture: &'a Capture,
    policy: &'a Policy,
    ignore: Vec<&'a Ignore>,
    severity: BTreeMap<&'static str, Severity>,
    fail_on: Severity,
    truncated: Truncated,
    limits: BTreeMap<&'static str, &'a Limit>,
}

impl<'a> Case<'a> {
    fn of(capture: &'a Capture, rulings: &Rulings<'a>) -> Self {
        let policy = rulings.policy;
        let own: Vec<&PerCapture> =
            policy.per_capture.iter().filter(|some| some.pattern.matches(&capture.relative)).collect();
        let severities = policy.severity.iter().chain(own.iter().flat_map(|some| &some.severity));
        let limits = policy.limits.iter().chain(own.iter().flat_map(|some| &some.limits));
        let fail_on = own.iter().rev().find_map(|some| some.fail_on).unwrap_or(policy.fail_on);
        let truncated = own.iter().rev().find_map(|some| some.truncated).unwrap_or(policy.truncated);
        Self {
            capture,
            policy,
            ignore: policy.ignore.iter().chain(own.iter().flat_map(|some| &some.ignore)).collect(),
            severity: severities.copied().collect(),
            fail_on: rulings.fail_on.unwrap_or(fail_on),
            truncated: rulings.truncated.unwrap_or(truncated),
            // Of one figure the last limit counts.
            limits: limits.map(|limit| (limit.figure.name, limit)).collect(),
        }
    }

    /// Gives every finding its severity and its standing.
    fn findings(
        &self,
        report: &mut Report,
        baseline: Option<&Baseline>,
        verdict: &mut Verdict,
    ) -> Vec<Judged> {
        let findings = std::mem::take(&mut report.findings);
        let mut judged = Vec::with_capacity(findings.len());
        let mut counted = Findings::default();
        for mut finding in findings {
            finding.severity = self.severity.get(finding.rule).copied().unwrap_or(finding.severity);
            let fingerprint = fingerprint(&self.capture.relative, &finding, report);
            let standing = self.standing(&finding, &fingerprint, baseline, verdict);
            match (standing, finding.severity) {
                (Standing::Ignored, _) => {}
                (_, Severity::Error) => counted.error += 1,
                (_, Severity::Warning) => counted.warning += 1,
                (_, Severity::Note) => counted.note += 1,
            }
            *verdict.counts.entry(standing).or_default() += 1;
            if matches!(standing, Standing::Surprise | Standing::Known) {
                self.open(&finding, &fingerprint, verdict);
            }
            judged.push(Judged { finding, standing, fingerprint });
        }
        report.summary.findings = counted;
        judged
    }

    fn standing(
        &self,
        finding: &Finding,
        fingerprint: &str,
        baseline: Option<&Baseline>,
        verdict: &mut Verdict,
    ) -> Standing {
        let ignores: Vec<_> = self.ignore.iter().filter(|i| i.rules.contains(&finding.rule)).collect();
        if !ignores.is_empty() {
            verdict.used.extend(ignores.iter().map(|ignore| ignore.place));
            return Standing::Ignored;
        }
        let expected = self.policy.expect.iter().any(|e| {
            let named = matches!(&e.subject, Subject::Rule { rules, .. } if rules.contains(&finding.rule));
            named && e.pattern.matches(&self.capture.relative)
        });
        if expected {
            return Standing::Expected;
        }
        let seen = verdict.open.get(fingerprint).map_or(0, |entry| entry.count);
        if baseline.is_some_and(|b| seen < b.allowed(fingerprint)) {
            return Standing::Known;
        }
        if finding.severity >= self.fail_on { Standing::Surprise } else { Standing::Minor }
    }

    /// Notes what a baseline of today would hold.
    fn open(&self, finding: &Finding, fingerprint: &str, verdict: &mut Verdict) {
        let new = || Entry {
            capture: self.capture.relative.clone(),
            rule: finding.rule.into(),
            message: finding.message.clone(),
            fingerprint: fingerprint.into(),
            count: 0,
        };
        verdict.open.entry(fingerprint.into()).or_insert_with(new).count += 1;
    }

    fn expectations(&self, report: &Report, judged: &[Judged], verdict: &mut Verdict) {
        for e in self.policy.expect.iter().filter(|e| e.pattern.matches(&self.capture.relative)) {
            let (kind, seen) = match &e.subject {
                Subject::Rule { rules, .. } => {
                    let of_rule =
                        |j: &&Judged| rules.contains(&j.finding.rule) && j.standing != Standing::Ignored;
                    (ClaimKind::Findings, judged.iter().filter(of_rule).count())
                }
                Subject::Connections(condition) => {
                    let meant = report.connections.iter().filter(|c| condition.holds(c)).count();
                    (ClaimKind::Connections, meant)
                }
            };
            let actual = Value::Count(seen as u64);
            verdict.claims.push(Claim {
                kind,
                subject: e.subject.text().into(),
                bound: e.count.text().into(),
                met: e.count.allows(&actual),
                actual,
                value_kind: Kind::Count,
                note: e.note.clone(),
                place: e.place,
            });
        }
    }

    fn limits(&self, report: &Report, verdict: &mut Verdict) {
        let mut limits: Vec<_> = self.limits.values().collect();
        limits.sort_by_key(|limit| limit.place);
        for limit in limits {
            let actual = limit.figure.value(report);
            verdict.claims.push(Claim {
                kind: ClaimKind::Limit,
                subject: limit.figure.name.into(),
                bound: limit.bound.text().into(),
                met: actual.is_absent() || limit.bound.allows(&actual),
                actual,
                value_kind: limit.figure.kind(),
                note: None,
                place: limit.place,
            });
        }
    }
}

/// Keeps as many as a verdict lists, surprises first.
fn list(judged: Vec<Judged>, verdict: &mut Verdict) {
    let (surprises, others): (Vec<_>, Vec<_>) =
        judged.into_iter().partition(|j| j.standing == Standing::Surprise);
    let some = |list: Vec<Judged>| list.into_iter().take(Verdict::LISTED);
    verdict.findings = some(surprises).chain(some(others)).collect();
}
