//! `Run`: all verdicts of one run, and the words of the policy that no capture needed.

use std::collections::BTreeSet;

use super::baseline::Baseline;
use super::judge::Capture;
use super::policy::{Place, Policy};
use super::verdict::{Claim, ClaimKind, Outcome, Verdict};
use crate::report::{Kind, Value};

/// All verdicts of one run.
#[derive(Clone, Debug, Default)]
pub struct Run {
    /// The policy's file, as reports name it.
    pub policy: Option<String>,
    /// One for each capture, in order of their names; and one for the policy itself, where it expects captures that
    /// are not there.
    pub verdicts: Vec<Verdict>,
    /// What the policy and the baseline say in vain.
    pub unused: Vec<Unused>,
}

/// A word that no capture needed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unused {
    /// Where it stands in the policy; `None` for the baseline.
    pub place: Option<Place>,
    /// What it is.
    pub message: String,
}

impl Run {
    /// Puts verdicts together. With all captures of the policy at hand (`whole`), what it says in vain is noted, and an
    /// expectation without a capture is not met.
    pub fn new(
        policy: &Policy,
        baseline: Option<&Baseline>,
        captures: &[Capture],
        mut verdicts: Vec<Verdict>,
        whole: bool,
    ) -> Self {
        let mut unused = Vec::new();
        if whole {
            unused = policy_unused(policy, captures, &verdicts);
            unused.extend(baseline.map(|b| baseline_unused(b, &verdicts)).unwrap_or_default());
            verdicts.extend(without_capture(policy, captures));
        }
        Self { policy: policy.name.clone(), verdicts, unused }
    }

    /// How many passed.
    pub fn passed(&self) -> usize {
        self.verdicts.iter().filter(|v| v.outcome == Outcome::Passed).count()
    }

    /// How many did not.
    pub fn failed(&self) -> usize {
        self.verdicts.len() - self.passed()
    }

    /// Whether one could not be read.
    pub fn is_unreadable(&self) -> bool {
        self.verdicts.iter().any(|v| v.outcome == Outcome::Unreadable)
    }
}

fn policy_unused(policy: &Policy, captures: &[Capture], verdicts: &[Verdict]) -> Vec<Unused> {
    let used: BTreeSet<Place> = verdicts.iter().flat_map(|v| v.used.iter().copied()).collect();
    let ignores = policy.ignore.iter().chain(policy.per_capture.iter().flat_map(|some| &some.ignore));
    let ignores = ignores.filter(|ignore| !used.contains(&ignore.place)).map(|ignore| Unused {
        place: Some(ignore.place),
        message: format!("ignore {:?} left out no finding", ignore.word),
    });
    let is_idle = |pattern: &super::Pattern| !captures.iter().any(|c| pattern.matches(&c.relative));
    let sections = policy.per_capture.iter().filter(|some| is_idle(&some.pattern)).map(|some| Unused {
        place: Some(some.place),
        message: format!("no capture matches {:?}", some.pattern.text()),
    });
    let patterns = policy.captures.iter().filter(|(pattern, _)| is_idle(pattern)).map(|(pattern, place)| {
        Unused { place: Some(*place), message: format!("no capture matches {:?}", pattern.text()) }
    });
    let mut unused: Vec<_> = patterns.chain(ignores).chain(sections).collect();
    unused.sort_by_key(|unused| unused.place);
    unused
}

fn baseline_unused(baseline: &Baseline, verdicts: &[Verdict]) -> Vec<Unused> {
    let missing = |n: u64, count: u64| match n {
        0 => "is gone".to_string(),
        n => format!("was seen {n} times, not {count}"),
    };
    let mut entries: Vec<_> = baseline
        .entries()
        .map(|entry| {
            let seen = verdicts.iter().find_map(|v| v.open.get(&entry.fingerprint));
            (entry, seen.map_or(0, |seen| seen.count))
        })
        .filter(|(entry, n)| *n < entry.count)
        .collect();
    entries.sort();
    let unused = |(entry, n): (&super::Entry, u64)| Unused {
        place: None,
        message: format!("{} of {} in the baseline {}", entry.rule, entry.capture, missing(n, entry.count)),
    };
    entries.into_iter().map(unused).collect()
}

/// A verdict about the policy itself, where it expects something of captures that are not there.
fn without_capture(policy: &Policy, captures: &[Capture]) -> Option<Verdict> {
    let missing = policy.expect.iter().filter(|e| !captures.iter().any(|c| e.pattern.matches(&c.relative)));
    let claims: Vec<_> = missing
        .map(|e| Claim {
            kind: ClaimKind::Capture,
            subject: e.pattern.text().into(),
            bound: ">= 1".into(),
            actual: Value::Count(0),
            value_kind: Kind::Count,
            met: false,
            note: e.note.clone(),
            place: e.place,
        })
        .collect();
    let name = policy.name.as_deref().unwrap_or("policy");
    (!claims.is_empty()).then(|| Verdict { claims, ..Verdict::new(name, Outcome::Failed) })
}
