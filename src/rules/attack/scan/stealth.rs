//! AT007: segments that no open connection explains, sent to many targets.
//!
//! At most 4096 sources and kinds are remembered; those least recently heard of go first and say what they have to say.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::timeline::Timeline;
use super::{LATE, QUIET};
use crate::config::{RuleConfig, ScanThresholds};
use crate::rules::counter::{Frames, Table};
use crate::rules::finding::{Finding, Severity};
use crate::rules::registry::{Detector, Seen};
use crate::rules::wide::wide;
use crate::rules::words::counted;
use crate::tcp::{Duration, Endpoint, Flags, Timestamp};
use crate::track::{Confidence, Fact, Flow, Record, StrayKind};

/// The detector behind AT007.
pub(super) fn stealth_scans(config: &RuleConfig) -> Box<dyn Detector> {
    let limits = config.thresholds.scans.clone();
    Box::new(Stealth { limits, began: None, sources: Table::new(MAX_KEYS), gone: Vec::new() })
}

/// Sources and kinds remembered.
const MAX_KEYS: usize = 4096;
/// Targets remembered of each.
const MAX_TARGETS: usize = 1024;

/// A source and what it sends.
type Key = (IpAddr, &'static str);

#[derive(Debug)]
struct Stealth {
    limits: ScanThresholds,
    /// When the input began.
    began: Option<Timestamp>,
    sources: Table<Key, Probes>,
    gone: Vec<(Key, Probes)>,
}

/// What is known of a source that sends more than one kind.
const MIXED: &str = "mixed";

/// Probes of one kind from one source.
#[derive(Debug)]
struct Probes {
    /// Different kinds: one, but for [`MIXED`].
    kinds: BTreeSet<&'static str>,
    /// Another finding tells the same.
    is_told: bool,
    /// The latest different targets.
    recent: Vec<(Endpoint, Timestamp)>,
    targets: BTreeSet<Endpoint>,
    count: u64,
    answered: u64,
    noticed: Option<Timestamp>,
    times: (Timestamp, Timestamp),
    frames: Frames,
    timeline: Timeline<1>,
}

/// One probe.
struct Probe {
    from: IpAddr,
    to: Endpoint,
    at: Timestamp,
    frame: u64,
    is_answered: bool,
}

impl Detector for Stealth {
    fn on_seen(&mut self, seen: &Seen, say: &mut Vec<Finding>) {
        self.began.get_or_insert(seen.event.at);
        let (from, to) = seen.ends();
        let (at, frame) = (seen.event.at, seen.event.frame);
        let kind = match (seen.event.fact, kind_of(seen.header.flags)) {
            (Fact::FlagsRefused, Some(kind)) => kind,
            // What has no ACK is refused with one (RFC 9293 §3.10.7.1), and was told as what it is.
            (Fact::StrayFollowed { kind, by_receiver: true, reset: true, tries: 1..=TRIES }, _)
                if !seen.header.flags.ack() =>
            {
                let kind = if kind == StrayKind::Close { "maimon" } else { "ack" };
                let (from, to) = (to.addr, from);
                let probe = Probe { from, to, at: seen.began, frame: seen.connection, is_answered: true };
                self.probe((kind, kind), &probe, say);
                return;
            }
            _ => return,
        };
        let probe = Probe { from: from.addr, to, at, frame, is_answered: false };
        let is_told = self.probe((kind, kind), &probe, say);
        self.probe((MIXED, kind), &probe, say);
        if is_told && let Some(mixed) = self.sources.get(&(probe.from, MIXED)) {
            mixed.is_told = true;
        }
    }

    fn on_record(&mut self, record: &Record, say: &mut Vec<Finding>) {
        let Some((kind, probe)) = unanswered(record) else { return };
        if probe.at.since(self.began.unwrap_or(probe.at)) > self.limits.warm_up {
            self.probe((kind, kind), &probe, say);
        }
    }

    fn so_far(&self, _now: Timestamp, say: &mut Vec<Finding>) {
        say.extend(self.sources.sorted().into_iter().filter_map(|(key, probes)| probes.finding(key)));
    }

    /// That nothing came of an ACK is known only when its connection, which is none, is let go.
    fn silence(&self, finding: &Finding) -> Duration {
        let late = matches!(finding.variant, Some("ack" | "maimon"));
        if late { LATE + QUIET } else { QUIET }
    }

    fn forgotten(&self) -> u64 {
        self.sources.forgotten()
    }
}

impl Stealth {
    /// Adds a probe of some kind to those known under a name; true if they are a scan by now.
    fn probe(
        &mut self,
        (name, kind): (&'static str, &'static str),
        probe: &Probe,
        say: &mut Vec<Finding>,
    ) -> bool {
        if self.limits.trusts(probe.from) {
            return false;
        }
        let key = (probe.from, name);
        let probes = self.sources.at(key, &mut self.gone, || Probes::new(probe.at));
        if probe.at.since(probes.times.1) > self.limits.scan_span {
            let over = std::mem::replace(probes, Probes::new(probe.at));
            say.extend(over.finding(&key));
        }
        probes.kinds.insert(kind);
        probes.add(probe, needed(name, &self.limits), &self.limits);
        let is_scan = probes.noticed.is_some();
        say.extend(self.gone.drain(..).filter_map(|(key, probes)| probes.finding(&key)));
        is_scan
    }
}

impl Probes {
    fn new(at: Timestamp) -> Self {
        Self {
            kinds: BTreeSet::new(),
            is_told: false,
            recent: Vec::new(),
            targets: BTreeSet::new(),
            count: 0,
            answered: 0,
            noticed: None,
            times: (at, at),
            frames: Frames::default(),
            timeline: Timeline::new(at),
        }
    }

    fn add(&mut self, probe: &Probe, needed: usize, limits: &ScanThresholds) {
        self.count += 1;
        self.answered += u64::from(probe.is_answered);
        self.times = (self.times.0.min(probe.at), self.times.1.max(probe.at));
        self.frames.add(probe.frame);
        self.timeline.add(probe.at, 0);
        if self.targets.len() < MAX_TARGETS {
            self.targets.insert(probe.to);
        }
        if self.noticed.is_some() {
            return;
        }
        self.recent.retain(|(to, _)| *to != probe.to);
        self.recent.push((probe.to, probe.at));
        let first = self.recent.len().checked_sub(needed).and_then(|i| self.recent.get(i));
        if first.is_some_and(|(_, at)| probe.at.since(*at) <= limits.stealth_span) {
            self.noticed = Some(probe.at);
        }
        if self.recent.len() > needed {
            self.recent.remove(0);
        }
    }

    fn finding(&self, (source, kind): &Key) -> Option<Finding> {
        let noticed = self.noticed?;
        if *kind == MIXED && (self.is_told || self.kinds.len() < 2) {
            return None;
        }
        let hosts: BTreeSet<IpAddr> = self.targets.iter().map(|t| t.addr).collect();
        let (first, last) = self.times;
        let (targets, hosts) = (self.targets.len(), hosts.len());
        let message = format!(
            "{source} sent {} {} to {} of {} in {}: a scan of the kind {kind}",
            self.count,
            words(kind),
            counted(targets as u64, "port", "ports"),
            counted(hosts as u64, "host", "hosts"),
            last.since(first)
        );
        let mut finding = wide("AT007", source.to_string(), noticed, message);
        // No stack sends the first four kinds; the others may be what is left of connections.
        let is_sure = !matches!(*kind, "ack" | "maimon") || self.answered * 2 >= self.count;
        finding.variant = Some(kind);
        (finding.severity, finding.confidence) = match *kind {
            MIXED => (Severity::Warning, Confidence::Medium),
            _ if is_sure => (Severity::Error, Confidence::High),
            _ => (Severity::Warning, Confidence::Medium),
        };
        finding.frames = self.frames.sorted();
        (finding.start, finding.end) = (Some(first), Some(last));
        finding.count = self.count;
        finding.evidence = vec![
            ("probes", self.count.into()),
            ("targets", targets.into()),
            ("hosts", hosts.into()),
            ("answered_with_rst", self.answered.into()),
            ("peak_per_step", self.timeline.peak().into()),
        ];
        finding.series = Some(self.timeline.series(["probes"]));
        Some(finding)
    }
}

/// Flags that no state machine acts on.
fn kind_of(flags: Flags) -> Option<&'static str> {
    let xmas = Flags::FIN | Flags::PSH | Flags::URG;
    match flags.six() {
        0 => Some("null"),
        f if f == Flags::FIN.six() => Some("fin"),
        f if f == xmas.six() => Some("xmas"),
        f if f == (Flags::SYN | Flags::FIN).six() => Some("syn-fin"),
        _ => None,
    }
}

/// A connection that is one end's ACK or FIN+ACK, without payload, to which nothing was answered. Those that a RST
/// answered are known by then.
fn unanswered(record: &Record) -> Option<(&'static str, Probe)> {
    let step = record.transitions.first()?;
    let (from, to) = (*record.endpoints.of(step.endpoint), *record.endpoints.of(step.endpoint.peer()));
    let (sent, answer) = (record.sent.of(step.endpoint), record.sent.of(step.endpoint.peer()));
    let kind = match step.flags.six() {
        f if f == Flags::ACK.six() => "ack",
        f if f == (Flags::FIN | Flags::ACK).six() => "maimon",
        _ => return None,
    };
    if record.id != step.frame || !says_nothing(sent) || answer.segments > 0 {
        return None;
    }
    Some((kind, Probe { from: from.addr, to, at: record.first, frame: record.id, is_answered: false }))
}

/// One segment, or the same again, without payload, SYN or RST.
fn says_nothing(flow: &Flow) -> bool {
    flow.segments <= u64::from(TRIES) && flow.payload_bytes == 0 && flow.syn == 0 && flow.rst == 0
}

fn needed(kind: &str, limits: &ScanThresholds) -> usize {
    let count = match kind {
        "ack" | "maimon" => limits.stealth_acks,
        MIXED => limits.stealth_mixed,
        _ => limits.stealth,
    };
    usize::try_from(count).unwrap_or(usize::MAX).clamp(1, MAX_TARGETS)
}

fn words(kind: &str) -> &'static str {
    match kind {
        "null" => "segments without flags",
        "fin" => "segments with FIN alone",
        "xmas" => "segments with FIN, PSH and URG",
        "syn-fin" => "segments with SYN and FIN",
        "maimon" => "FIN+ACKs without a connection",
        MIXED => "segments with flags that no stack sends",
        _ => "ACKs without a connection",
    }
}

/// Scanners try a silent port again once or twice.
const TRIES: u32 = 3;
