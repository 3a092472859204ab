//! Captures held against what was expected of them: policies, verdicts, baselines, and the difference between two runs.
//!
//! A [`Policy`] says which findings, figures and connections are right; [`judge`] holds one report against it and gives
//! a [`Verdict`]; [`Run`] is all verdicts of one run. Nothing here reads a file, and nothing is printed: paths come in as
//! names, texts as strings.
//!
//! # Example
//!
//! ```
//! use tcpscope::check::{Capture, Outcome, Policy, Rulings, judge};
//! use tcpscope::report::{Bounds, Collector};
//! use tcpscope::source::{FileOptions, Files, Source};
//! use tcpscope::{config::Config, engine};
//!
//! let policy = Policy::parse("schema = 1\n[limits]\nhandshake_p95 = '<= 50ms'").expect("a policy");
//! let mut source = Files::open(&["samples/half-close.pcap"], &FileOptions::default())?;
//! let mut collector = Collector::new(Bounds::default());
//! let outcome = engine::analyze(&mut source, &Config::default(), &mut collector);
//! let report = collector.finish(source.inputs(), outcome.summary);
//! let capture = Capture { name: "half-close.pcap".into(), relative: "half-close.pcap".into() };
//! let rulings = Rulings { policy: &policy, baseline: None, fail_on: None, truncated: None };
//! assert_eq!(judge(report, &capture, &rulings).outcome, Outcome::Passed);
//! # Ok::<(), tcpscope::error::Error>(())
//! ```

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
