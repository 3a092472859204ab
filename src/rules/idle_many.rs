//! How many idle connections one server has, over all its clients (CN002).

use super::counter::{Frames, Table};
use super::finding::{Finding, Severity};
use super::registry::{Detector, Review};
use super::wide::wide;
use crate::config::RuleConfig;
use crate::tcp::{Duration, Endpoint, Timestamp};
use crate::track::{OpenOutcome, Record};

/// Counts CN002 by server; changes none of its findings.
pub(super) const REVIEW: Review = Review { wants: &[], make: idle_many };

fn idle_many(config: &RuleConfig) -> Box<dyn Detector> {
    let enough = config.thresholds.idle_connections.max(1);
    Box::new(IdleMany { enough, table: Table::new(MAX_SERVERS), gone: Vec::new() })
}

#[derive(Debug)]
struct IdleMany {
    enough: u64,
    table: Table<Endpoint, Server>,
    gone: Vec<(Endpoint, Server)>,
}

/// Connections of one server, as far as they have ended.
#[derive(Debug, Default)]
struct Server {
    idle: u64,
    all: u64,
    longest_ns: i64,
    first: Timestamp,
    last: Timestamp,
    frames: Frames,
}

/// Servers remembered at once.
const MAX_SERVERS: usize = 1 << 12;

impl Detector for IdleMany {
    fn review(&mut self, record: &Record, findings: &mut [Finding]) {
        let Some(idle) = findings.iter().find(|f| f.rule == "CN002") else { return };
        let server = self.table.at(record.endpoints.server, &mut self.gone, Server::default);
        server.first = if server.idle == 0 { idle.at } else { server.first.min(idle.at) };
        server.last = server.last.max(idle.at);
        server.longest_ns = server.longest_ns.max(idle.number("idle_ns").unwrap_or_default());
        server.idle += 1;
        server.frames.add(record.id);
    }

    fn on_record(&mut self, record: &Record, say: &mut Vec<Finding>) {
        if matches!(record.open.outcome, OpenOutcome::Complete | OpenOutcome::NotCaptured)
            && let Some(server) = self.table.get(&record.endpoints.server)
        {
            server.all += 1;
        }
        if !self.gone.is_empty() {
            let gone = std::mem::take(&mut self.gone).into_iter();
            say.extend(gone.filter_map(|(endpoint, gone)| gone.finding(endpoint, self.enough)));
        }
    }

    fn on_end(&mut self, _now: Timestamp, say: &mut Vec<Finding>) {
        for (endpoint, server) in self.table.drain() {
            say.extend(server.finding(endpoint, self.enough));
        }
    }
}

impl Server {
    fn finding(self, endpoint: Endpoint, enough: u64) -> Option<Finding> {
        if self.idle < enough {
            return None;
        }
        let percent = self.idle * 100 / self.all.max(self.idle);
        let longest = Duration(self.longest_ns);
        let message = format!("{} connections to {endpoint} sat idle, the longest for {longest}", self.idle);
        let mut finding = wide("CN002", endpoint.to_string(), self.first, message);
        finding.severity = Severity::Warning;
        finding.variant = Some("many");
        finding.frames = self.frames.sorted();
        (finding.start, finding.end) = (Some(self.first), Some(self.last));
        finding.count = self.idle;
        finding.evidence = vec![
            ("idle_connections", self.idle.into()),
            ("percent_of_all", percent.into()),
            ("longest_idle_ns", self.longest_ns.into()),
        ];
        Some(finding)
    }
}
