//! Inputs and the summary as they stand in the document.

use std::borrow::Cow;
use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::scalar::Time;
use crate::decode::Skip;
use crate::engine;
use crate::output::text::link_name;
use crate::source;

/// One file or interface that was read.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Input<'a> {
    /// The file as the user named it, `-` for standard input, or the interface.
    path: Cow<'a, str>,
    /// `pcap`, `pcapng`, `live` or `memory`, with the compression behind it, as in `pcap.gz`.
    format: &'a str,
    /// Link types met, by libpcap's names, such as `EN10MB` for Ethernet.
    link_types: Vec<Cow<'static, str>>,
    /// Largest snaplen stated; null when unlimited or not stated.
    snaplen: Option<u32>,
    /// Packets given.
    packets: u64,
    /// Packets numbered but not given, because the capture filter rejected them.
    filtered: u64,
    /// Bytes of the packets given, on the wire.
    bytes: u64,
    /// Time of the first packet.
    first: Option<Time>,
    /// Highest time of any packet.
    last: Option<Time>,
    /// Reading ended before the end; see `problem`.
    truncated: bool,
    /// Why reading ended before the end; null when all was read.
    problem: Option<&'a str>,
    /// Packets the system dropped while capturing; null when it does not say.
    dropped: Option<u64>,
    /// Packets that came through the filter, as the kernel counts them, dropped ones included; of interfaces only.
    #[serde(skip_serializing_if = "Option::is_none")]
    received: Option<u64>,
    /// Packets that the interface dropped before anybody saw them; of interfaces only.
    #[serde(skip_serializing_if = "Option::is_none")]
    dropped_by_interface: Option<u64>,
}

impl<'a> Input<'a> {
    /// All inputs of a report.
    pub fn list(inputs: &'a [source::Input]) -> Vec<Self> {
        inputs.iter().map(Self::from).collect()
    }
}

impl<'a> From<&'a source::Input> for Input<'a> {
    fn from(i: &'a source::Input) -> Self {
        Self {
            path: i.path.to_string_lossy(),
            format: &i.format,
            link_types: i.link_types.iter().map(|link| link_name(*link)).collect(),
            snaplen: i.snaplen,
            packets: i.packets,
            filtered: i.filtered,
            bytes: i.bytes,
            first: i.first.map(Time),
            last: i.last.map(Time),
            truncated: i.problem.is_some(),
            problem: i.problem.as_deref(),
            dropped: i.dropped,
            received: i.received,
            dropped_by_interface: i.dropped_by_interface,
        }
    }
}

/// Counts over all that was read.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Summary {
    /// Packets read; equal to segments, skipped packets and duplicates together.
    packets: u64,
    /// Segments tracked.
    segments: u64,
    /// Packets that gave no segment, by reason.
    skipped: BTreeMap<&'static str, u64>,
    /// Copies of packets, dropped.
    duplicates: u64,
    /// Segments with a wrong TCP checksum.
    bad_checksums: u64,
    /// Times that capture time went back by more than a second.
    time_backsteps: u64,
    /// Connections.
    connections: u64,
    /// Of these, short ones: opened, used for one exchange, closed.
    short: u64,
    /// Of these, long ones.
    long: u64,
    /// Half-open connections: SYN+ACK sent, final ACK not seen.
    half_open: HalfOpen,
    /// Ends in TIME_WAIT.
    time_wait: TimeWait,
    /// Findings by severity.
    findings: Findings,
    /// Bounds that were met, each with how often; all zero when everything fit.
    limits: Limits,
}

impl Summary {
    /// The summary of an analysis; every reason to skip is there, with 0 when it did not occur.
    pub fn new(s: &engine::Summary) -> Self {
        let mut skipped: BTreeMap<_, _> = Skip::ALL.iter().map(|skip| (skip.name(), 0)).collect();
        skipped.extend(s.skipped.iter());
        Self {
            packets: s.packets,
            segments: s.segments,
            skipped,
            duplicates: s.duplicates,
            bad_checksums: s.bad_checksums,
            time_backsteps: s.time_backsteps,
            connections: s.connections,
            short: s.short,
            long: s.long,
            half_open: HalfOpen {
                total: s.half_open.total,
                peak: s.half_open.peak,
                peak_at: s.half_open.peak_at.map(Time),
                at_end: s.half_open.now,
                expired: s.half_open_expired,
            },
            time_wait: TimeWait {
                total: s.time_wait.total,
                peak: s.time_wait.peak,
                peak_at: s.time_wait.peak_at.map(Time),
                at_end: s.time_wait.now,
            },
            findings: Findings {
                error: s.findings.error,
                warning: s.findings.warning,
                note: s.findings.note,
            },
            limits: Limits {
                evicted_connections: s.limits.evicted_connections,
                dropped_transitions: s.limits.dropped_transitions,
                dropped_connections: s.limits.dropped_connections,
                dropped_findings: s.limits.dropped_findings,
                unlisted_listeners: s.limits.unlisted_listeners,
                unlisted_clients: s.limits.unlisted_clients,
                unlisted_destinations: s.limits.unlisted_destinations,
                unlisted_hosts: s.limits.unlisted_hosts,
                forgotten_keys: s.limits.forgotten_keys,
            },
        }
    }
}

/// Half-open connections over the whole input.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "HalfOpenCounts")]
struct HalfOpen {
    /// How many ever.
    total: u64,
    /// Most at once.
    peak: u64,
    /// When the peak was first reached.
    peak_at: Option<Time>,
    /// How many at the end.
    at_end: u64,
    /// How many the server gave up.
    expired: u64,
}

/// Ends in TIME_WAIT over the whole input.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "TimeWaitCounts")]
struct TimeWait {
    /// How many ever.
    total: u64,
    /// Most at once.
    peak: u64,
    /// When the peak was first reached.
    peak_at: Option<Time>,
    /// How many at the end.
    at_end: u64,
}

/// Findings by severity.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "FindingCounts")]
struct Findings {
    /// Errors: an endpoint broke the protocol, seen completely.
    error: u64,
    /// Warnings: a risk, an attack, a resource problem, or a violation seen in part.
    warning: u64,
    /// Notes: legal, worth knowing.
    note: u64,
}

/// Bounds that were met.
#[derive(Debug, Serialize, JsonSchema)]
struct Limits {
    /// Connections that ended because the table was full.
    evicted_connections: u64,
    /// State transitions not kept.
    dropped_transitions: u64,
    /// Connections counted and left out of this document.
    dropped_connections: u64,
    /// Findings counted and left out of this document.
    dropped_findings: u64,
    /// Connections missing in the figures of listeners.
    unlisted_listeners: u64,
    /// Connections missing in the figures of clients.
    unlisted_clients: u64,
    /// Connections missing in the figures of destinations.
    unlisted_destinations: u64,
    /// TIME_WAITs missing in the figures of hosts.
    unlisted_hosts: u64,
    /// Addresses that rules which look across connections forgot, because a table of theirs was full.
    forgotten_keys: u64,
}
