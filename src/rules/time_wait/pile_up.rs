//! TW006: how many TIME_WAITs each host holds at once.

use std::net::IpAddr;

use foldhash::HashMap;

use crate::config::RuleConfig;
use crate::rules::{Detector, Finding, Seen, Severity};
use crate::tcp::Timestamp;
use crate::track::{Confidence, Ended, Fact, Record, Role};

pub(super) fn detector(config: &RuleConfig) -> Box<dyn Detector> {
    let limits = &config.thresholds;
    let by_buckets = limits.time_wait_buckets.map(|n| n * 80 / 100);
    let limit = by_buckets.map_or(limits.time_wait_pileup, |n| n.min(limits.time_wait_pileup)).max(1);
    Box::new(PileUp { limit, hosts: HashMap::default(), uncounted: 0 })
}

/// Hosts with at least one TIME_WAIT. At the bound a new host's TIME_WAITs are not counted, and the findings say so.
#[derive(Debug)]
struct PileUp {
    limit: u64,
    hosts: HashMap<IpAddr, Host>,
    uncounted: u64,
}

/// Hosts counted at once: 5 MiB. A host that piles up is there long before the table is full of others.
const MAX_HOSTS: usize = 1 << 16;

#[derive(Clone, Copy, Debug, Default)]
struct Host {
    now: u64,
    started: u64,
    started_as_server: u64,
    episode: Option<Episode>,
}

/// From reaching the limit until half of it.
#[derive(Clone, Copy, Debug)]
struct Episode {
    began: Timestamp,
    frame: u64,
    peak: u64,
    peak_at: Timestamp,
    peak_frame: u64,
}

impl Detector for PileUp {
    fn on_seen(&mut self, seen: &Seen, say: &mut Vec<Finding>) {
        let Some(endpoint) = seen.endpoints.get(seen.event.end) else { return };
        match seen.event.fact {
            Fact::TimeWaitStarted => {
                let as_server = seen.client.is_some_and(|client| client != seen.event.end);
                self.enter(endpoint.addr, as_server, seen.event.at, seen.event.frame);
            }
            Fact::TimeWaitEnded { .. } => self.leave(endpoint.addr, seen.event.at, say),
            _ => {}
        }
    }

    /// A connection that was evicted or replaced takes its TIME_WAITs along.
    fn on_record(&mut self, record: &Record, say: &mut Vec<Finding>) {
        if record.ended == Ended::EndOfCapture {
            return;
        }
        for wait in record.time_wait.iter().filter(|w| w.end.is_none()) {
            let addr = match wait.endpoint {
                Role::Client => record.endpoints.client.addr,
                Role::Server => record.endpoints.server.addr,
            };
            self.leave(addr, record.last, say);
        }
    }

    fn on_end(&mut self, now: Timestamp, say: &mut Vec<Finding>) {
        let mut hosts: Vec<(IpAddr, Host)> =
            self.hosts.drain().filter(|(_, h)| h.episode.is_some()).collect();
        hosts.sort_by_key(|(addr, _)| *addr);
        for (addr, host) in hosts {
            say.extend(self.finding(addr, &host, now));
        }
    }
}

impl PileUp {
    fn enter(&mut self, addr: IpAddr, as_server: bool, at: Timestamp, frame: u64) {
        if self.hosts.len() >= MAX_HOSTS && !self.hosts.contains_key(&addr) {
            self.uncounted += 1;
            return;
        }
        let host = self.hosts.entry(addr).or_default();
        host.now += 1;
        host.started += 1;
        host.started_as_server += u64::from(as_server);
        if host.now < self.limit {
            return;
        }
        let first = Episode { began: at, frame, peak: 0, peak_at: at, peak_frame: frame };
        let episode = host.episode.get_or_insert(first);
        if host.now > episode.peak {
            (episode.peak, episode.peak_at, episode.peak_frame) = (host.now, at, frame);
        }
    }

    fn leave(&mut self, addr: IpAddr, at: Timestamp, say: &mut Vec<Finding>) {
        let Some(host) = self.hosts.get_mut(&addr) else { return };
        host.now = host.now.saturating_sub(1);
        if host.episode.is_some() && host.now * 2 <= self.limit {
            let over = *host;
            host.episode = None;
            say.extend(self.finding(addr, &over, at));
        }
        if self.hosts.get(&addr).is_some_and(|h| h.now == 0) {
            self.hosts.remove(&addr);
        }
    }

    fn finding(&self, addr: IpAddr, host: &Host, end: Timestamp) -> Option<Finding> {
        let episode = host.episode?;
        let as_server = host.started_as_server * 100 / host.started.max(1);
        let mut frames = vec![episode.frame, episode.peak_frame];
        frames.dedup();
        Some(Finding {
            rule: "TW006",
            name: "tw-pileup",
            severity: Severity::Warning,
            confidence: Confidence::Medium,
            variant: None,
            connection: None,
            endpoint: None,
            key: Some(addr.to_string()),
            frames,
            at: episode.began,
            start: Some(episode.began),
            end: Some(end),
            count: episode.peak,
            message: format!(
                "{addr} held up to {} connections in TIME_WAIT at once ({as_server} % as the server; at most, for ends of TIME_WAIT are assumed)",
                episode.peak
            ),
            evidence: vec![
                ("peak", episode.peak.into()),
                ("peak_at_ns", episode.peak_at.0.into()),
                ("threshold", self.limit.into()),
                ("started", host.started.into()),
                ("as_server_percent", as_server.into()),
                ("upper_bound", true.into()),
                ("hosts_not_counted", self.uncounted.into()),
            ],
            series: None,
        })
    }
}
