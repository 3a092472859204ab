//! TW007: how many of a client's ports toward one server are taken, by open connections and by TIME_WAIT.

use std::net::IpAddr;

use foldhash::HashMap;

use crate::config::RuleConfig;
use crate::rules::{Detector, Finding, Seen, Severity};
use crate::tcp::{Duration, Endpoint, Timestamp};
use crate::track::{Confidence, Fact, Record, TimeWaitEnd};

pub(super) fn detector(config: &RuleConfig) -> Box<dyn Detector> {
    let limits = &config.thresholds;
    let (low, high) = (u64::from(limits.ephemeral_low), u64::from(limits.ephemeral_high));
    Box::new(Ports {
        capacity: (high + 1).saturating_sub(low).max(1),
        shares: limits.port_share,
        time_wait: Duration::from_secs(60),
        taken: HashMap::default(),
        usages: HashMap::default(),
        uncounted: 0,
    })
}

/// A client's address and the server's endpoint.
type Key = (IpAddr, Endpoint);

/// Connections whose client port is taken. Connections whose opening was not captured are not counted.
#[derive(Debug)]
struct Ports {
    capacity: u64,
    shares: [u64; 3],
    /// The latest TIME_WAIT that ran to its end.
    time_wait: Duration,
    taken: HashMap<u64, Taken>,
    usages: HashMap<Key, Usage>,
    uncounted: u64,
}

/// Connections that hold a port at once: 40 MiB, 18 times the ports one client has. Beyond it new ones are not counted,
/// and the findings say so.
const MAX_TAKEN: usize = 1 << 19;
/// Pairs of client and server at once; beyond it new pairs are not counted, and the findings say so.
const MAX_KEYS: usize = 1 << 16;

/// One connection that holds its client's port.
#[derive(Clone, Copy, Debug)]
struct Taken {
    key: Key,
    /// The client is in TIME_WAIT.
    waits: bool,
}

/// How many ports of one client toward one server.
#[derive(Clone, Copy, Debug)]
struct Usage {
    now: Counts,
    refused: u64,
    first: Timestamp,
    episode: Option<Episode>,
}

/// Ports taken, those of them in TIME_WAIT, and what went before.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    taken: u64,
    waiting: u64,
    opened: u64,
    freed: u64,
}

/// From reaching the second share until it is below the first.
#[derive(Clone, Copy, Debug)]
struct Episode {
    began: Timestamp,
    frame: u64,
    peak: Counts,
    peak_at: Timestamp,
    peak_frame: u64,
}

impl Detector for Ports {
    fn on_seen(&mut self, seen: &Seen, say: &mut Vec<Finding>) {
        let Some(client) = seen.client else { return };
        let (Some(from), Some(to)) = (seen.endpoints.get(client), seen.endpoints.get(1 - client)) else {
            return;
        };
        let key = (from.addr, *to);
        let (at, frame, by_client) = (seen.event.at, seen.event.frame, seen.event.end == client);
        match seen.event.fact {
            Fact::HandshakeDone => self.take(seen.connection, key, at, frame),
            Fact::TimeWaitStarted if by_client => self.wait(seen.connection, key, at, frame),
            // The server waits, so the client's port is free, unless both do.
            Fact::TimeWaitStarted if self.taken.get(&seen.connection).is_some_and(|t| t.waits) => {}
            Fact::TimeWaitStarted | Fact::Reset { .. } => self.free(seen.connection, at, say),
            Fact::TimeWaitEnded { kind, age } if by_client => {
                if kind == TimeWaitEnd::Expired {
                    self.time_wait = age;
                }
                self.free(seen.connection, at, say);
            }
            Fact::TimeWaitRefusedSyn { .. } => {
                if let Some(usage) = self.usages.get_mut(&key) {
                    usage.refused += 1;
                }
            }
            _ => {}
        }
    }

    fn on_record(&mut self, record: &Record, say: &mut Vec<Finding>) {
        self.free(record.id, record.last, say);
    }

    fn on_end(&mut self, now: Timestamp, say: &mut Vec<Finding>) {
        let mut usages: Vec<(Key, Usage)> =
            self.usages.drain().filter(|(_, u)| u.episode.is_some()).collect();
        usages.sort_by_key(|(key, _)| *key);
        for (key, usage) in usages {
            say.extend(self.finding(&key, &usage, now));
        }
    }
}

impl Ports {
    fn take(&mut self, connection: u64, key: Key, at: Timestamp, frame: u64) {
        let known = self.usages.contains_key(&key);
        if self.taken.len() >= MAX_TAKEN || (!known && self.usages.len() >= MAX_KEYS) {
            self.uncounted += 1;
            return;
        }
        if self.taken.insert(connection, Taken { key, waits: false }).is_some() {
            return;
        }
        let fresh = Usage { now: Counts::default(), refused: 0, first: at, episode: None };
        let usage = self.usages.entry(key).or_insert(fresh);
        usage.now.taken += 1;
        usage.now.opened += 1;
        usage.watch(self.capacity * self.shares[1], at, frame);
    }

    fn wait(&mut self, connection: u64, key: Key, at: Timestamp, frame: u64) {
        self.take(connection, key, at, frame);
        if let Some(taken) = self.taken.get_mut(&connection)
            && !taken.waits
            && let Some(usage) = self.usages.get_mut(&key)
        {
            taken.waits = true;
            usage.now.waiting += 1;
        }
    }

    fn free(&mut self, connection: u64, at: Timestamp, say: &mut Vec<Finding>) {
        let Some(Taken { key, waits }) = self.taken.remove(&connection) else { return };
        let Some(usage) = self.usages.get_mut(&key) else { return };
        usage.now.taken = usage.now.taken.saturating_sub(1);
        usage.now.waiting = usage.now.waiting.saturating_sub(u64::from(waits));
        usage.now.freed += 1;
        if usage.episode.is_some() && usage.now.taken * 100 < self.capacity * self.shares[0] {
            let over = *usage;
            usage.episode = None;
            say.extend(self.finding(&key, &over, at));
        }
        if self.usages.get(&key).is_some_and(|u| u.now.taken == 0) {
            self.usages.remove(&key);
        }
    }

    fn finding(&self, (client, server): &Key, usage: &Usage, end: Timestamp) -> Option<Finding> {
        let episode = usage.episode?;
        let peak = episode.peak;
        let percent = peak.taken * 100 / self.capacity;
        let seconds = episode.peak_at.since(usage.first).as_secs_f64().max(0.001);
        let (opens, frees) = (peak.opened as f64 / seconds, peak.freed as f64 / seconds);
        let left = self.capacity.saturating_sub(peak.taken) as f64;
        let exhausted_in = (opens > frees).then(|| tenth(left / (opens - frees)));
        let most = self.capacity as f64 / self.time_wait.as_secs_f64().max(0.001);
        let mut frames = vec![episode.frame, episode.peak_frame];
        frames.dedup();
        Some(Finding {
            rule: "TW007",
            name: "tw-port-exhaustion",
            severity: if percent >= self.shares[2] { Severity::Error } else { Severity::Warning },
            confidence: Confidence::Medium,
            variant: None,
            connection: None,
            endpoint: None,
            key: Some(format!("{client} > {server}")),
            frames,
            at: episode.began,
            start: Some(episode.began),
            end: Some(end),
            count: peak.taken,
            message: format!(
                "{client} had {} of {} client ports taken toward {server} ({percent} %), {} of them in TIME_WAIT; it opened {:.0} connections a second, {most:.0} can be sustained",
                peak.taken, self.capacity, peak.waiting, opens
            ),
            evidence: vec![
                ("peak", peak.taken.into()),
                ("peak_at_ns", episode.peak_at.0.into()),
                ("in_time_wait", peak.waiting.into()),
                ("capacity", self.capacity.into()),
                ("percent", percent.into()),
                ("opens_per_s", tenth(opens).into()),
                ("sustainable_per_s", tenth(most).into()),
                ("exhausted_in_s", exhausted_in.into()),
                ("syns_refused", usage.refused.into()),
                ("not_counted", self.uncounted.into()),
            ],
            series: None,
        })
    }
}

impl Usage {
    fn watch(&mut self, limit: u64, at: Timestamp, frame: u64) {
        if self.now.taken * 100 < limit {
            return;
        }
        let first = Episode { began: at, frame, peak: Counts::default(), peak_at: at, peak_frame: frame };
        let episode = self.episode.get_or_insert(first);
        if self.now.taken > episode.peak.taken {
            (episode.peak, episode.peak_at, episode.peak_frame) = (self.now, at, frame);
        }
    }
}

/// Rounded to a tenth.
fn tenth(x: f64) -> f64 {
    (x * 10.0).round() / 10.0
}
