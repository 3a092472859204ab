//! TW006: how many TIME_WAITs each host holds at once.

use std::net::IpAddr;

use foldhash::HashMap;

use super::episode::Episode;
use crate::config::RuleConfig;
use crate::rules::key::Fed;
use crate::rules::wide::wide;
use crate::rules::{Detector, Finding, Seen};
use crate::tcp::{Duration, Timestamp};
use crate::track::{Confidence, Ended, Event, Fact, Record, Role};

pub(super) fn detector(config: &RuleConfig) -> Box<dyn Detector> {
    let limits = &config.thresholds;
    let by_buckets = limits.time_wait_buckets.map(|n| n * 80 / 100);
    let limit = by_buckets.map_or(limits.time_wait_pileup, |n| n.min(limits.time_wait_pileup)).max(1);
    Box::new(PileUp {
        limit,
        settle: limits.time_wait_settle,
        hosts: HashMap::default(),
        episodes: 0,
        uncounted: 0,
    })
}

/// Hosts with at least one TIME_WAIT. At the bound a new host's TIME_WAITs are not counted, and the findings say so.
#[derive(Debug)]
struct PileUp {
    limit: u64,
    settle: Duration,
    hosts: HashMap<Fed<IpAddr>, Host>,
    /// Hosts with an episode.
    episodes: usize,
    uncounted: u64,
}

/// Hosts counted at once: 5 MiB. A host that piles up is there long before the table is full of others.
const MAX_HOSTS: usize = 1 << 16;

/// One of them. Most have one peer, and no more than these few words each.
#[derive(Debug)]
struct Host {
    now: u64,
    started: u64,
    started_as_server: u64,
    first_peer: IpAddr,
    others: Option<Box<Peers>>,
    episode: Option<Box<Episode<()>>>,
}

/// With whom the most were started: no more than [`Peers::KEPT`], by Space-Saving (Metwally, Agrawal, El Abbadi 2005):
/// a newcomer takes the place and the count of the rarest, so no count is too low.
#[derive(Clone, Debug, Default)]
struct Peers(Vec<(IpAddr, u64)>);

impl Peers {
    const KEPT: usize = 8;
    const TOLD: usize = 4;

    fn add(&mut self, peer: IpAddr) {
        if let Some((_, count)) = self.0.iter_mut().find(|(addr, _)| *addr == peer) {
            *count += 1;
        } else if self.0.len() < Self::KEPT {
            self.0.push((peer, 1));
        } else if let Some(rarest) = self.0.iter_mut().min_by_key(|(addr, count)| (*count, *addr)) {
            *rarest = (peer, rarest.1 + 1);
        }
    }

    /// Most first.
    fn top(&self) -> Vec<serde_json::Value> {
        let mut peers = self.0.clone();
        peers.sort_by_key(|(addr, count)| (std::cmp::Reverse(*count), *addr));
        let told = peers.iter().take(Self::TOLD);
        told.map(|(addr, count)| serde_json::json!({ "addr": addr, "at_most": count })).collect()
    }
}

impl Host {
    fn new(peer: IpAddr) -> Self {
        Self { now: 0, started: 0, started_as_server: 0, first_peer: peer, others: None, episode: None }
    }

    /// One more.
    fn start(&mut self, peer: IpAddr, as_server: bool) {
        match &mut self.others {
            Some(peers) => peers.add(peer),
            None if peer == self.first_peer => {}
            None => self.others.insert(Box::new(self.only_peer())).add(peer),
        }
        self.now += 1;
        self.started += 1;
        self.started_as_server += u64::from(as_server);
    }

    /// While there is but one.
    fn only_peer(&self) -> Peers {
        Peers(vec![(self.first_peer, self.started)])
    }

    fn top_peers(&self) -> Vec<serde_json::Value> {
        self.others.as_ref().map_or_else(|| self.only_peer().top(), |peers| peers.top())
    }
}

impl Detector for PileUp {
    fn on_seen(&mut self, seen: &Seen, say: &mut Vec<Finding>) {
        let Some(endpoint) = seen.endpoints.get(seen.event.end) else { return };
        self.say_if_due(endpoint.addr, seen.event.at, say);
        match seen.event.fact {
            Fact::TimeWaitStarted => {
                let as_server = seen.client.is_some_and(|client| client != seen.event.end);
                let peer = seen.endpoints[1 - seen.event.end].addr;
                self.enter((endpoint.addr, peer), as_server, &seen.event);
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
            self.say_if_due(addr, record.last, say);
            self.leave(addr, record.last, say);
        }
    }

    fn on_end(&mut self, now: Timestamp, say: &mut Vec<Finding>) {
        let hosts = std::mem::take(&mut self.hosts).into_iter();
        let mut hosts: Vec<(Fed<IpAddr>, Host)> = hosts.filter(|(_, h)| h.episode.is_some()).collect();
        hosts.sort_by_key(|(addr, _)| *addr);
        for (Fed(addr), mut host) in hosts {
            if host.episode.as_mut().is_some_and(|e| e.is_over()) {
                say.extend(self.finding(addr, &host, Some(now)));
            }
        }
    }
}

impl PileUp {
    fn enter(&mut self, (addr, peer): (IpAddr, IpAddr), as_server: bool, event: &Event) {
        if self.hosts.len() >= MAX_HOSTS && !self.hosts.contains_key(&Fed(addr)) {
            self.uncounted += 1;
            return;
        }
        let host = self.hosts.entry(Fed(addr)).or_insert_with(|| Host::new(peer));
        host.start(peer, as_server);
        let (now, at, frame) = (host.now, event.at, event.frame);
        if now >= self.limit {
            self.episodes += usize::from(host.episode.is_none());
            let begun = || Box::new(Episode::new(now, (), at, frame));
            host.episode.get_or_insert_with(begun).reach(now, (), at, frame);
        }
    }

    /// Before the number changes: what it was so far may have stood for long.
    fn say_if_due(&mut self, addr: IpAddr, at: Timestamp, say: &mut Vec<Finding>) {
        if self.episodes == 0 {
            return;
        }
        let settle = self.settle;
        let due = |h: &mut Host| h.episode.as_mut().is_some_and(|e| e.is_due(at, settle));
        if self.hosts.get_mut(&Fed(addr)).is_some_and(due) {
            say.extend(self.hosts.get(&Fed(addr)).and_then(|h| self.finding(addr, h, None)));
        }
    }

    fn leave(&mut self, addr: IpAddr, at: Timestamp, say: &mut Vec<Finding>) {
        let Some(host) = self.hosts.get_mut(&Fed(addr)) else { return };
        host.now = host.now.saturating_sub(1);
        let over = host.now * 2 <= self.limit;
        let is_gone = over && host.now == 0;
        if over && host.episode.is_some() {
            self.episodes -= 1;
            if host.episode.as_mut().is_some_and(|e| e.is_over()) {
                say.extend(self.hosts.get(&Fed(addr)).and_then(|h| self.finding(addr, h, Some(at))));
            }
            if let Some(host) = self.hosts.get_mut(&Fed(addr)) {
                host.episode = None;
            }
        }
        if is_gone {
            self.hosts.remove(&Fed(addr));
        }
    }

    fn finding(&self, addr: IpAddr, host: &Host, end: Option<Timestamp>) -> Option<Finding> {
        let episode = host.episode.as_deref()?;
        let as_server = host.started_as_server * 100 / host.started.max(1);
        let message = format!(
            "{addr} held {} connections in TIME_WAIT at once ({as_server} % as the server; at most, for ends of TIME_WAIT are assumed){}",
            episode.peak,
            if episode.grows { "; when this was said, the number still grew" } else { "" }
        );
        let mut finding = wide("TW006", addr.to_string(), episode.began, message);
        finding.confidence = Confidence::Medium;
        finding.frames = episode.frames();
        (finding.start, finding.end) = (Some(episode.began), end);
        finding.count = episode.peak;
        finding.evidence = vec![
            ("peak", episode.peak.into()),
            ("peak_at_ns", episode.peak_at.0.into()),
            ("threshold", self.limit.into()),
            ("started", host.started.into()),
            ("as_server_percent", as_server.into()),
            ("top_peers", host.top_peers().into()),
            ("upper_bound", true.into()),
            ("still_growing", episode.grows.into()),
            ("hosts_not_counted", self.uncounted.into()),
        ];
        Some(finding)
    }
}
