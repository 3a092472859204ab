//! The sentences that several reports of a run share.

use std::collections::{BTreeMap, HashMap};

use crate::check::{Claim, ClaimKind, Judged, Standing, Verdict};
use crate::output::text::{counted, shown, thousands};
use crate::output::time::{Clock, TimeStyle};
use crate::report::Word;
use crate::rules::{Finding, Severity};
use crate::tcp::Timestamp;

/// What was claimed, as a name: `half_open_peak <= 10`, `TW005 == 1`.
pub fn claim_name(claim: &Claim) -> String {
    match claim.kind {
        ClaimKind::Limit => format!("limit {} {}", claim.subject, claim.bound),
        ClaimKind::Findings => format!("findings of {} {}", claim.subject, claim.bound),
        ClaimKind::Connections if claim.subject == "true" => format!("connections {}", claim.bound),
        ClaimKind::Connections => format!("connections {} where {}", claim.bound, claim.subject),
        ClaimKind::Capture => format!("a capture {}", claim.subject),
    }
}

/// What came instead: `half_open_peak is 17, not <= 10`, `expected 1 finding of TW005, got 0`.
pub fn claim_broken(claim: &Claim) -> String {
    let clock = Clock { style: &TimeStyle::Utc, start: Timestamp(0), digits: 9 };
    let actual = shown(&claim.actual, claim.value_kind.unit(), &clock);
    let bound = claim.bound.strip_prefix("== ").unwrap_or(&claim.bound);
    let plural = if bound == "1" { "" } else { "s" };
    let text = match claim.kind {
        ClaimKind::Limit => format!("{} is {actual}, not {}", claim.subject, claim.bound),
        ClaimKind::Findings => format!("expected {bound} finding{plural} of {}, got {actual}", claim.subject),
        ClaimKind::Connections if claim.subject == "true" => {
            format!("expected {bound} connection{plural}, got {actual}")
        }
        ClaimKind::Connections => {
            format!("expected {bound} connection{plural} where {}, got {actual}", claim.subject)
        }
        ClaimKind::Capture => {
            format!("no capture matches {:?}, of which something is expected", claim.subject)
        }
    };
    let note = claim.note.as_ref().map(|note| format!(" ({note})"));
    text + &note.unwrap_or_default()
}

/// Whom a finding is about: `connection 1, server`.
pub fn about(finding: &Finding) -> String {
    let end = finding.endpoint.map(|role| format!(", {}", role.word())).unwrap_or_default();
    match (finding.connection, &finding.key) {
        (Some(id), _) => format!("connection {id}{end}"),
        (None, Some(key)) => key.clone(),
        (None, None) => "the capture".into(),
    }
}

/// `packet 3`, `packets 3, 7, 9 …`.
pub fn packets(finding: &Finding) -> String {
    let list: Vec<_> = finding.frames.iter().take(FRAMES).map(u64::to_string).collect();
    let more = if finding.frames.len() > FRAMES { " …" } else { "" };
    match list.len() {
        0 => String::new(),
        1 => format!("packet {}", list[0]),
        _ => format!("packets {}{more}", list.join(", ")),
    }
}

/// A finding in one sentence: about whom, what, and where to look; what the message says itself is not said again.
pub fn sentence(finding: &Finding) -> String {
    let (about, message, packets) = (about(finding), &finding.message, packets(finding));
    let about = if message.starts_with(&about) { String::new() } else { format!("{about}: ") };
    let counted = finding.count > 1 && !message.contains(&finding.count.to_string());
    let times = if counted { format!(" ({} times)", thousands(finding.count)) } else { String::new() };
    let place = if packets.is_empty() { String::new() } else { format!(" [{packets}]") };
    format!("{about}{message}{times}{place}")
}

/// Where to look in the policy: `tcpscope.toml:31`.
pub fn policy_place(policy: Option<&str>, line: usize) -> String {
    format!("{}:{line}", policy.unwrap_or("policy"))
}

/// What was seen, in a few words: `11 packets, 1 connection, 3 findings: 2 expected, 1 below the level`.
pub fn seen(verdict: &Verdict) -> String {
    let mut parts = vec![counted(verdict.packets, "packet"), counted(verdict.connections, "connection")];
    let all: u64 = verdict.counts.values().sum();
    if all > 0 {
        let standings =
            verdict.counts.iter().map(|(standing, n)| format!("{} {}", thousands(*n), said(*standing)));
        parts.push(format!("{} ({})", counted(all, "finding"), standings.collect::<Vec<_>>().join(", ")));
    }
    parts.join(", ")
}

fn said(standing: Standing) -> &'static str {
    match standing {
        Standing::Surprise => "unexpected",
        Standing::Expected => "expected",
        Standing::Known => "in the baseline",
        Standing::Minor => "below the level",
        Standing::Ignored => "ignored",
    }
}

/// The listed surprises by rule, worst first.
pub fn by_rule(verdict: &Verdict) -> Vec<(&'static str, Vec<&Judged>)> {
    let mut rules: BTreeMap<(std::cmp::Reverse<Severity>, &'static str), Vec<&Judged>> = BTreeMap::new();
    for judged in verdict.surprises() {
        let key = (std::cmp::Reverse(judged.finding.severity), judged.finding.rule);
        rules.entry(key).or_default().push(judged);
    }
    rules.into_iter().map(|((_, rule), list)| (rule, list)).collect()
}

/// Numbers fingerprints that are alike, so that each finding has one of its own that stays the same in the next run.
#[derive(Debug, Default)]
pub struct Numbered(HashMap<String, u64>);

impl Numbered {
    /// `fingerprint:1`, then `fingerprint:2`.
    pub fn next(&mut self, fingerprint: &str) -> String {
        let n = self.0.entry(fingerprint.into()).or_default();
        *n += 1;
        format!("{fingerprint}:{n}")
    }
}

/// Packets named of one finding.
const FRAMES: usize = 6;
