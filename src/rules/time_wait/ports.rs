//! TW007: how many of a client's ports toward one server are taken, by open connections and by TIME_WAIT.

use std::collections::hash_map::Entry;
use std::net::IpAddr;

use foldhash::HashMap;

use super::episode::Episode;
use crate::config::RuleConfig;
use crate::rules::key::Fed;
use crate::rules::signatures::Signatures;
use crate::rules::wide::wide;
use crate::rules::{Detector, Finding, Seen, Severity};
use crate::tcp::{Duration, Endpoint, Timestamp};
use crate::track::{Confidence, Fact, Record, TimeWaitEnd};

pub(super) fn detector(config: &RuleConfig) -> Box<dyn Detector> {
    let limits = &config.thresholds;
    Box::new(Ports {
        capacity: limits.ephemeral_ports(),
        shares: [limits.port_share_note, limits.port_share_warning, limits.port_share_error],
        nat_signatures: limits.nat_signatures,
        settle: limits.time_wait_settle,
        time_wait: Duration::from_secs(60),
        taken: HashMap::default(),
        usages: HashMap::default(),
        episodes: 0,
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
    nat_signatures: u64,
    settle: Duration,
    /// The latest TIME_WAIT that ran to its end.
    time_wait: Duration,
    taken: HashMap<u64, Taken>,
    usages: HashMap<Fed<Key>, Usage>,
    /// Usages with an episode.
    episodes: usize,
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
#[derive(Debug)]
struct Usage {
    now: Counts,
    refused: u64,
    first: Timestamp,
    signatures: Signatures,
    /// From reaching the second share until it is below the first.
    episode: Option<Box<Episode<Counts>>>,
}

/// Ports taken, those of them in TIME_WAIT, and what went before.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    taken: u64,
    waiting: u64,
    opened: u64,
    freed: u64,
}

impl Detector for Ports {
    fn on_seen(&mut self, seen: &Seen, say: &mut Vec<Finding>) {
        let Some(client) = seen.client else { return };
        let (Some(from), Some(to)) = (seen.endpoints.get(client), seen.endpoints.get(1 - client)) else {
            return;
        };
        let key = (from.addr, *to);
        let (at, frame, by_client) = (seen.event.at, seen.event.frame, seen.event.end == client);
        self.say_if_due(&key, at, say);
        match seen.event.fact {
            Fact::HandshakeDone { syn } => {
                if let Some(usage) = self.take(seen.connection, key, at, frame) {
                    usage.signatures.add(syn);
                }
            }
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
                if let Some(usage) = self.usages.get_mut(&Fed(key)) {
                    usage.refused += 1;
                }
            }
            _ => {}
        }
    }

    fn on_record(&mut self, record: &Record, say: &mut Vec<Finding>) {
        self.say_if_due(&(record.endpoints.client.addr, record.endpoints.server), record.last, say);
        self.free(record.id, record.last, say);
    }

    fn on_end(&mut self, now: Timestamp, say: &mut Vec<Finding>) {
        let usages = std::mem::take(&mut self.usages).into_iter();
        let mut usages: Vec<(Fed<Key>, Usage)> = usages.filter(|(_, u)| u.episode.is_some()).collect();
        usages.sort_by_key(|(key, _)| *key);
        for (Fed(key), mut usage) in usages {
            if usage.episode.as_mut().is_some_and(|e| e.is_over()) {
                say.extend(self.finding(&key, &usage, Some(now)));
            }
        }
    }
}

impl Ports {
    /// Counts the connection's port, and gives what is known of its client and server then.
    fn take(&mut self, connection: u64, key: Key, at: Timestamp, frame: u64) -> Option<&mut Usage> {
        let is_full = self.taken.len() >= MAX_TAKEN;
        let has_room = !is_full && self.usages.len() < MAX_KEYS;
        let usage = match self.usages.entry(Fed(key)) {
            Entry::Occupied(known) if is_full => {
                self.uncounted += 1;
                return Some(known.into_mut());
            }
            Entry::Vacant(_) if !has_room => {
                self.uncounted += 1;
                return None;
            }
            either => either,
        };
        if self.taken.insert(connection, Taken { key, waits: false }).is_some() {
            return if let Entry::Occupied(known) = usage { Some(known.into_mut()) } else { None };
        }
        let fresh = || Usage {
            now: Counts::default(),
            refused: 0,
            first: at,
            signatures: Signatures::default(),
            episode: None,
        };
        let usage = usage.or_insert_with(fresh);
        usage.now.taken += 1;
        usage.now.opened += 1;
        self.episodes += usize::from(usage.watch(self.capacity * self.shares[1], at, frame));
        Some(usage)
    }

    fn wait(&mut self, connection: u64, key: Key, at: Timestamp, frame: u64) {
        self.take(connection, key, at, frame);
        if let Some(taken) = self.taken.get_mut(&connection)
            && !taken.waits
            && let Some(usage) = self.usages.get_mut(&Fed(key))
        {
            taken.waits = true;
            usage.now.waiting += 1;
        }
    }

    fn free(&mut self, connection: u64, at: Timestamp, say: &mut Vec<Finding>) {
        let Some(Taken { key, waits }) = self.taken.remove(&connection) else { return };
        let Entry::Occupied(mut entry) = self.usages.entry(Fed(key)) else { return };
        let usage = entry.get_mut();
        usage.now.taken = usage.now.taken.saturating_sub(1);
        usage.now.waiting = usage.now.waiting.saturating_sub(u64::from(waits));
        usage.now.freed += 1;
        let (over, empty) = (usage.now.taken * 100 < self.capacity * self.shares[0], usage.now.taken == 0);
        if usage.episode.is_some() && (over || empty) {
            return self.end(key, over, at, say);
        }
        if empty {
            entry.remove();
        }
    }

    /// The episode of a client and a server is over, or there is nothing left to count.
    fn end(&mut self, key: Key, over: bool, at: Timestamp, say: &mut Vec<Finding>) {
        self.episodes -= 1;
        let Some(mut usage) = self.usages.remove(&Fed(key)) else { return };
        if over && usage.episode.as_mut().is_some_and(|e| e.is_over()) {
            say.extend(self.finding(&key, &usage, Some(at)));
        }
        if usage.now.taken > 0 {
            self.usages.insert(Fed(key), Usage { episode: None, ..usage });
        }
    }

    fn say_if_due(&mut self, key: &Key, at: Timestamp, say: &mut Vec<Finding>) {
        if self.episodes == 0 {
            return;
        }
        let settle = self.settle;
        let due = |u: &mut Usage| u.episode.as_mut().is_some_and(|e| e.is_due(at, settle));
        if self.usages.get_mut(&Fed(*key)).is_some_and(due) {
            say.extend(self.usages.get(&Fed(*key)).and_then(|u| self.finding(key, u, None)));
        }
    }

    fn finding(&self, (client, server): &Key, usage: &Usage, end: Option<Timestamp>) -> Option<Finding> {
        let episode = usage.episode.as_deref()?;
        let peak = episode.then;
        let percent = peak.taken * 100 / self.capacity;
        let seconds = episode.peak_at.since(usage.first).as_secs_f64().max(0.001);
        let (opens, frees) = (peak.opened as f64 / seconds, peak.freed as f64 / seconds);
        let left = self.capacity.saturating_sub(peak.taken) as f64;
        let exhausted_in = (opens > frees).then(|| tenth(left / (opens - frees)));
        let most = self.capacity as f64 / self.time_wait.as_secs_f64().max(0.001);
        let kinds = usage.signatures.count();
        let is_shared = kinds >= self.nat_signatures;
        let hosts =
            if is_shared { "; several hosts share the address, each with ports of its own" } else { "" };
        let message = format!(
            "{client} had {} of {} client ports taken toward {server} ({percent} %), {} of them in TIME_WAIT; it opened {:.0} connections a second, {most:.0} can be sustained{hosts}",
            peak.taken, self.capacity, peak.waiting, opens
        );
        let mut finding = wide("TW007", format!("{client} > {server}"), episode.began, message);
        finding.severity = match () {
            () if is_shared => Severity::Note,
            () if percent >= self.shares[2] => Severity::Error,
            () => Severity::Warning,
        };
        finding.confidence = Confidence::Medium;
        finding.variant = is_shared.then_some("shared-address");
        finding.frames = episode.frames();
        (finding.start, finding.end) = (Some(episode.began), end);
        finding.count = peak.taken;
        finding.evidence = vec![
            ("peak", peak.taken.into()),
            ("peak_at_ns", episode.peak_at.0.into()),
            ("in_time_wait", peak.waiting.into()),
            ("capacity", self.capacity.into()),
            ("percent", percent.into()),
            ("opens_per_s", tenth(opens).into()),
            ("sustainable_per_s", tenth(most).into()),
            ("exhausted_in_s", exhausted_in.into()),
            ("syns_refused", usage.refused.into()),
            ("syn_signatures", kinds.into()),
            ("not_counted", self.uncounted.into()),
        ];
        Some(finding)
    }
}

impl Usage {
    /// Looks whether there are too many; whether that is new.
    fn watch(&mut self, limit: u64, at: Timestamp, frame: u64) -> bool {
        let (taken, now) = (self.now.taken, self.now);
        if taken * 100 < limit {
            return false;
        }
        let is_new = self.episode.is_none();
        self.episode
            .get_or_insert_with(|| Box::new(Episode::new(taken, now, at, frame)))
            .reach(taken, now, at, frame);
        is_new
    }
}

/// Rounded to a tenth.
fn tenth(x: f64) -> f64 {
    (x * 10.0).round() / 10.0
}
