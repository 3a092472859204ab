//! AT012: RSTs that were sent by somebody on the way, scored by how they differ from what they claim to be.
//!
//! Those that differ by nothing but a TTL of their own wait until it is known whether a middlebox sends them all; at most
//! 4096 hosts and TTL steps wait at once, the least recently seen go first and say what they have to say.

use std::net::IpAddr;

use serde_json::Value;

use crate::config::{RuleConfig, ScanThresholds};
use crate::rules::counter::{Frames, Table};
use crate::rules::finding::{Finding, Severity};
use crate::rules::registry::Detector;
use crate::rules::wide::wide;
use crate::tcp::{Duration, Timestamp};
use crate::track::{Confidence, Record, ResetBurst, Role, Usual};

/// The detector behind AT012.
pub(super) fn on_path_resets(config: &RuleConfig) -> Box<dyn Detector> {
    Box::new(OnPath {
        limits: config.thresholds.scans.clone(),
        waiting: Table::new(MAX_WAITING),
        gone: Vec::new(),
    })
}

/// Hosts and TTL steps that wait at once.
const MAX_WAITING: usize = 4096;

/// Whose RSTs, and how far their TTL is from the host's own.
type Source = (IpAddr, i16);

#[derive(Debug)]
struct OnPath {
    limits: ScanThresholds,
    waiting: Table<Source, Alike>,
    gone: Vec<(Source, Alike)>,
}

/// Findings of one source: the first ones whole, the others counted.
#[derive(Debug, Default)]
struct Alike {
    whole: Vec<Finding>,
    count: u64,
    frames: Frames,
    last: Timestamp,
}

impl Detector for OnPath {
    fn on_record(&mut self, record: &Record, say: &mut Vec<Finding>) {
        let Some(burst) = record.signs.as_ref().and_then(|s| s.resets.as_ref()).filter(|b| b.is_exact) else {
            return;
        };
        let points = Points::of(burst, &self.limits);
        if points.sum() < self.limits.onpath_score as i64 {
            return;
        }
        let finding = points.finding(record, burst);
        let proved = points.went_on + points.late > 0;
        match burst.ttl_step.filter(|_| points.ttl > 0 && !proved) {
            Some(step) => self.wait((burst.sender.addr, step), finding, say),
            None => say.push(finding),
        }
    }

    fn on_end(&mut self, _now: Timestamp, say: &mut Vec<Finding>) {
        for (source, alike) in self.waiting.drain() {
            alike.finish(source, &self.limits, say);
        }
    }

    fn forgotten(&self) -> u64 {
        self.waiting.forgotten()
    }
}

impl OnPath {
    fn wait(&mut self, source: Source, finding: Finding, say: &mut Vec<Finding>) {
        let alike = self.waiting.at(source, &mut self.gone, Alike::default);
        alike.count += 1;
        alike.last = alike.last.max(finding.at);
        finding.frames.iter().for_each(|f| alike.frames.add(*f));
        if (alike.whole.len() as u64) < self.limits.middlebox {
            alike.whole.push(finding);
        }
        for (source, gone) in self.gone.drain(..) {
            gone.finish(source, &self.limits, say);
        }
    }
}

impl Alike {
    /// One middlebox, where there are enough; else each by itself.
    fn finish(self, (host, step): Source, limits: &ScanThresholds, say: &mut Vec<Finding>) {
        let enough = self.count >= limits.middlebox;
        let Some(first) = self.whole.iter().map(|f| f.at).min().filter(|_| enough) else {
            return say.extend(self.whole);
        };
        let message = format!(
            "{} connections were reset in the name of {host} by something on the way whose TTL differs by {step}: a \
             firewall, load balancer or injector",
            self.count
        );
        let mut finding = wide("AT012", host.to_string(), first, message);
        finding.variant = Some("middlebox");
        finding.severity = Severity::Warning;
        finding.confidence = Confidence::Medium;
        finding.frames = self.frames.sorted();
        (finding.start, finding.end) = (Some(first), Some(self.last));
        finding.count = self.count;
        finding.evidence = vec![("connections", self.count.into()), ("ttl_step", step.into())];
        say.push(finding);
    }
}

/// What speaks for a forged RST, and against it (tcp.md §5.3, AT012).
#[derive(Clone, Copy, Debug, Default)]
struct Points {
    went_on: i64,
    late: i64,
    pattern: i64,
    ttl: i64,
    ip_id: i64,
    after_request: i64,
    application: i64,
    reply: i64,
}

impl Points {
    /// A sender that goes on within this time did not send the RST.
    const GOES_ON: Duration = Duration::from_secs(2);
    /// A RST this soon after a request is a reaction to it.
    const AT_ONCE: Duration = Duration::from_millis(20);

    fn of(b: &ResetBurst, limits: &ScanThresholds) -> Self {
        let points = |n: i64, holds: bool| if holds { n } else { 0 };
        let far = b.ttl_step.is_some_and(|step| u64::from(step.unsigned_abs()) >= limits.ttl_apart);
        let usual = b.ttl_step.is_some_and(|step| step.abs() <= 1);
        let off = b.id_step.is_some_and(|step| step.unsigned_abs() > Usual::ID_NEAR as u16);
        Self {
            went_on: points(3, b.went_on.is_some_and(|after| after <= Self::GOES_ON)),
            late: points(2, b.is_late && b.is_overtaken),
            pattern: points(2, pattern(b).is_some()),
            ttl: points(2, far),
            ip_id: points(1, off),
            after_request: points(1, b.after_request.is_some_and(|t| t <= Self::AT_ONCE)),
            application: points(-2, b.with_ack && usual),
            reply: points(-2, b.is_reply && !far),
        }
    }

    fn named(self) -> [(&'static str, i64); 8] {
        [
            ("points_sender_went_on", self.went_on),
            ("points_late", self.late),
            ("points_pattern", self.pattern),
            ("points_ttl", self.ttl),
            ("points_ip_id", self.ip_id),
            ("points_after_request", self.after_request),
            ("points_application_abort", self.application),
            ("points_reply", self.reply),
        ]
    }

    fn sum(self) -> i64 {
        self.named().iter().map(|(_, n)| n).sum()
    }

    fn finding(self, record: &Record, b: &ResetBurst) -> Finding {
        let sum = self.sum();
        let role = if record.endpoints.client == b.sender { Role::Client } else { Role::Server };
        let times = if b.count > 1 { format!("{} RSTs", b.count) } else { "a RST".into() };
        let message = format!(
            "{times} in the name of the {} ({}) came from somebody on the way ({sum} points: {})",
            role.name(),
            b.sender,
            self.words(b).join(", ")
        );
        let mut finding = wide("AT012", String::new(), b.at, message);
        let is_sure = sum >= SURE && !record.visibility.capture_loss;
        finding.severity = if is_sure { Severity::Error } else { Severity::Warning };
        finding.confidence = if is_sure { Confidence::High } else { Confidence::Medium };
        (finding.connection, finding.endpoint, finding.key) = (Some(record.id), Some(role), None);
        finding.frames = b.frames.iter().copied().filter(|f| *f != 0).collect();
        (finding.start, finding.end) = (Some(b.at), Some(b.last));
        finding.count = u64::from(b.count);
        finding.evidence = vec![("score", sum.into())];
        finding
            .evidence
            .extend(self.named().into_iter().filter(|(_, n)| *n != 0).map(|(k, n)| (k, n.into())));
        let more: [(&str, Value); 7] = [
            ("seq", b.seq.0.into()),
            ("ttl", b.ttl.into()),
            ("ttl_step", b.ttl_step.into()),
            ("ip_id_step", b.id_step.into()),
            ("pattern", pattern(b).into()),
            ("went_on_after_ns", b.went_on.map(|t| t.0).into()),
            ("after_request_ns", b.after_request.map(|t| t.0).into()),
        ];
        finding.evidence.extend(more);
        finding
    }

    fn words(self, b: &ResetBurst) -> Vec<String> {
        let mut words = Vec::new();
        if self.went_on > 0 {
            words.push(format!("its sender went on {} later", b.went_on.unwrap_or_default()));
        }
        if self.late > 0 {
            words.push("it is older than data that was acknowledged".into());
        }
        words.extend(pattern(b).map(|p| format!("they show the pattern {p}")));
        if self.ttl > 0 {
            words.push(format!(
                "TTL {} where {} is usual",
                b.ttl,
                i16::from(b.ttl) - b.ttl_step.unwrap_or(0)
            ));
        }
        if self.ip_id > 0 {
            words.push("its IP id is out of the row".into());
        }
        if self.after_request > 0 {
            words.push("right after a request or SYN+ACK".into());
        }
        words
    }
}

/// What several RSTs have in common that no stack sends.
fn pattern(b: &ResetBurst) -> Option<&'static str> {
    match b {
        b if b.counts_windows => Some("windows-counting-up"),
        b if b.steps_ahead => Some("steps-of-1460"),
        b if b.acks_differ => Some("acks-differ"),
        _ => None,
    }
}

/// Points that leave no doubt: two strong signs.
const SURE: i64 = 5;
