//! `Summary`: what was read, how much of it, and which bounds were met.

use std::collections::BTreeMap;

use crate::tcp::Timestamp;

/// Counts over the whole input.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Summary {
    /// Packets read.
    pub packets: u64,
    /// Segments tracked; `packets = segments + skipped + duplicates`, always.
    pub segments: u64,
    /// Packets that gave no segment, by reason.
    pub skipped: BTreeMap<&'static str, u64>,
    /// Copies of packets, dropped.
    pub duplicates: u64,
    /// Segments with a wrong TCP checksum.
    pub bad_checksums: u64,
    /// Times that capture time went back by more than a second.
    pub time_backsteps: u64,
    /// Connections.
    pub connections: u64,
    /// Of these, short ones: opened, used for one exchange, closed.
    pub short: u64,
    /// Of these, long ones.
    pub long: u64,
    /// Half-open connections.
    pub half_open: Gauge,
    /// Half-open connections that the server gave up.
    pub half_open_expired: u64,
    /// Ends in TIME_WAIT.
    pub time_wait: Gauge,
    /// Findings by severity: notes, warnings, errors.
    pub findings: Findings,
    /// Bounds that were met, each with how often; all zero when everything fit.
    pub limits: Limits,
}

/// Findings by severity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// Errors.
    pub error: u64,
    /// Warnings.
    pub warning: u64,
    /// Notes.
    pub note: u64,
}

/// Bounds that were met.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Connections that ended because the table was full.
    pub evicted_connections: u64,
    /// State transitions not kept.
    pub dropped_transitions: u64,
    /// Connections counted and left out of the report.
    pub dropped_connections: u64,
    /// Findings counted and left out of the report.
    pub dropped_findings: u64,
    /// Connections missing in the figures of listeners, because their table was full.
    pub unlisted_listeners: u64,
    /// Connections missing in the figures of clients, because their table was full.
    pub unlisted_clients: u64,
    /// Connections missing in the figures of destinations, because their table was full.
    pub unlisted_destinations: u64,
    /// TIME_WAITs missing in the figures of hosts, because their table was full.
    pub unlisted_hosts: u64,
    /// Keys that rules which look across connections let go, because a table of theirs was full.
    pub forgotten_keys: u64,
}

/// How many of something there were at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gauge {
    /// How many ever.
    pub total: u64,
    /// How many now; at the end, how many were left.
    pub now: u64,
    /// Most at once.
    pub peak: u64,
    /// When the peak was first reached.
    pub peak_at: Option<Timestamp>,
}

impl Gauge {
    /// One more.
    pub fn enter(&mut self, at: Timestamp) {
        self.total += 1;
        self.now += 1;
        if self.now > self.peak {
            self.peak = self.now;
            self.peak_at = Some(at);
        }
    }

    /// One less.
    pub fn leave(&mut self) {
        self.now = self.now.saturating_sub(1);
    }
}
