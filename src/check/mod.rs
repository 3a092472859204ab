//! Captures held against what was expected of them: policies, verdicts, baselines, and the difference between two runs.
//!
//! A [`Policy`] says which findings, figures and connections are right; [`judge`] holds one report against it and gives
//! a [`Verdict`]; [`Run`] is all verdicts of one run. Nothing here reads a file, and nothing is printed: paths come in as
//! names, texts as strings.

mod baseline;
mod compare;
mod figures;
mod judge;
mod pattern;
mod policy;
mod run;
mod survey;
#[cfg(test)]
mod tests;
mod verdict;

pub use baseline::{Baseline, BaselineError, Entry, fingerprint};
pub use compare::{Change, Difference, GroupChange, Leaning, RuleChange, Tolerance, compare};
pub use figures::{Better, FIGURES, Figure};
pub use judge::{Capture, Rulings, judge, unreadable};
pub use pattern::Pattern;
pub use policy::{
    Expectation, Ignore, Limit, PerCapture, Place, Policy, PolicyFault, SETTINGS, Setting, Subject, Truncated,
};
pub use run::{Run, Unused};
pub use survey::{Survey, expectations, first_policy};
pub use verdict::{Claim, ClaimKind, Judged, Outcome, Standing, Verdict};
