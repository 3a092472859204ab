//! AT011: RSTs that somebody guesses at connections, by pair of hosts.
//!
//! At most 4096 pairs and 8192 service pairs are remembered; those least recently heard of go first and say what they
//! have to say.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::blind_data::{is_guessing, numbers};
use crate::config::{RuleConfig, ScanThresholds};
use crate::rules::counter::{Frames, Table};
use crate::rules::finding::{Finding, Severity};
use crate::rules::registry::{Detector, Seen};
use crate::rules::wide::wide;
use crate::rules::words::{counted, form};
use crate::tcp::{Endpoint, Timestamp};
use crate::track::{Confidence, Fact, Guesses, Record};

/// The detector behind AT011.
pub(super) fn blind_resets(config: &RuleConfig) -> Box<dyn Detector> {
    Box::new(BlindResets {
        limits: config.thresholds.scans.clone(),
        pairs: Table::new(MAX_PAIRS),
        services: Table::new(MAX_SERVICES),
        open: Table::new(MAX_SERVICES),
    })
}

/// Pairs of hosts remembered.
const MAX_PAIRS: usize = 4096;
/// Hosts with a service of another host remembered.
const MAX_SERVICES: usize = 8192;
/// Ports remembered of one service pair.
const MAX_PORTS: usize = 256;

/// Who sent the RSTs, as their addresses say, and to whom.
type Pair = (IpAddr, IpAddr);
/// A host, and an address and port of another one.
type Service = (IpAddr, Endpoint);

#[derive(Debug)]
struct BlindResets {
    limits: ScanThresholds,
    pairs: Table<Pair, Tries>,
    services: Table<Service, Ports>,
    /// Service pairs that had an open connection.
    open: Table<Service, ()>,
}

/// What was tried on connections of one pair.
#[derive(Debug)]
struct Tries {
    worst: Guesses,
    connections: u64,
    segments: u64,
    challenges: u64,
    first: Timestamp,
    last: Timestamp,
    frames: Frames,
}

/// Ports of a service pair that got a RST, though there was nothing to reset.
#[derive(Debug)]
struct Ports {
    ports: BTreeSet<u16>,
    resets: u64,
    first: Timestamp,
    last: Timestamp,
    frames: Frames,
}

impl Detector for BlindResets {
    fn on_seen(&mut self, seen: &Seen, _say: &mut Vec<Finding>) {
        if let Fact::LifeBegan { .. } = seen.event.fact {
            let [a, b] = seen.endpoints;
            for service in [(a.addr, b), (b.addr, a)] {
                self.open.at_quietly(service, || ());
            }
        }
    }

    fn on_record(&mut self, record: &Record, say: &mut Vec<Finding>) {
        if let Some(g) = record.signs.as_ref().and_then(|s| s.reset_guesses.as_ref()) {
            self.guessed(record, g, say);
        } else if let Some(from) = only_resets(record) {
            self.stray(record, from, say);
        }
    }

    fn so_far(&self, _now: Timestamp, say: &mut Vec<Finding>) {
        for (pair, tries) in self.pairs.sorted() {
            say.push(tries.finding(*pair, &self.limits));
        }
        for (service, ports) in self.services.sorted() {
            let was_open = self.open.peek(service).is_some();
            say.extend(ports.finding(service, was_open, &self.limits));
        }
    }

    fn forgotten(&self) -> u64 {
        self.pairs.forgotten() + self.services.forgotten() + self.open.forgotten()
    }
}

impl BlindResets {
    fn guessed(&mut self, record: &Record, g: &Guesses, say: &mut Vec<Finding>) {
        // Where data is missing, nobody knows which number would have been right; a hundred tries are no mistake.
        let doubtful = record.visibility.capture_loss && u64::from(g.count) < self.limits.blind_sure;
        if doubtful || !is_guessing(g, &self.limits) {
            return;
        }
        let ends = &record.endpoints;
        let to = if ends.client == g.sender { ends.server.addr } else { ends.client.addr };
        let syns = record.signs.as_ref().and_then(|s| s.syn_guesses.as_ref());
        let mut gone = Vec::new();
        let fresh = || Tries {
            worst: g.clone(),
            connections: 0,
            segments: 0,
            challenges: 0,
            first: g.at,
            last: g.last,
            frames: Frames::default(),
        };
        let tries = self.pairs.at((g.sender.addr, to), &mut gone, fresh);
        if g.count > tries.worst.count {
            tries.worst = g.clone();
        }
        tries.connections += 1;
        tries.segments += u64::from(g.count) + syns.map_or(0, |s| u64::from(s.count));
        tries.challenges += u64::from(g.challenges) + syns.map_or(0, |s| u64::from(s.challenges));
        (tries.first, tries.last) = (tries.first.min(g.at), tries.last.max(g.last));
        g.frames.iter().for_each(|f| tries.frames.add(*f));
        say.extend(gone.into_iter().map(|(pair, tries)| tries.finding(pair, &self.limits)));
    }

    fn stray(&mut self, record: &Record, from: Endpoint, say: &mut Vec<Finding>) {
        let ends = &record.endpoints;
        let to = if ends.client == from { ends.server } else { ends.client };
        // Which of the two ports is the service's is not known.
        for (service, port) in [((to.addr, from), to.port), ((from.addr, to), from.port)] {
            let mut gone = Vec::new();
            let fresh = || Ports {
                ports: BTreeSet::new(),
                resets: 0,
                first: record.first,
                last: record.last,
                frames: Frames::default(),
            };
            let ports = self.services.at(service, &mut gone, fresh);
            if ports.ports.len() < MAX_PORTS {
                ports.ports.insert(port);
            }
            ports.resets += u64::from(record.sent.client.rst) + u64::from(record.sent.server.rst);
            (ports.first, ports.last) = (ports.first.min(record.first), ports.last.max(record.last));
            ports.frames.add(record.id);
            for (service, ports) in gone {
                let was_open = self.open.get(&service).is_some();
                say.extend(ports.finding(&service, was_open, &self.limits));
            }
        }
    }
}

/// The sender of all that was captured, where that is RSTs alone.
fn only_resets(record: &Record) -> Option<Endpoint> {
    let (client, server) = (&record.sent.client, &record.sent.server);
    let all = |rst: u32, segments: u64| segments > 0 && u64::from(rst) == segments;
    match (client.segments, server.segments) {
        (n, 0) if all(client.rst, n) => Some(record.endpoints.client),
        (0, n) if all(server.rst, n) => Some(record.endpoints.server),
        _ => None,
    }
}

impl Tries {
    fn finding(&self, (from, to): Pair, limits: &ScanThresholds) -> Finding {
        let worst = &self.worst;
        // The first two make the step that the others keep.
        let strides = (u64::from(worst.even_steps) + 2) * 10 >= u64::from(worst.distinct) * 9;
        let even = worst.distinct >= EVEN && strides;
        let is_sure = self.segments >= limits.blind_sure || even;
        let message = format!(
            "somebody tried {} sequence numbers with RSTs in the name of {from} to end {} with {to}; {} {} \
             challenged",
            worst.distinct,
            counted(self.connections, "connection", "connections"),
            self.challenges,
            form(self.challenges, "was", "were"),
        );
        let mut finding = wide("AT011", format!("{from} > {to}"), self.first, message);
        finding.variant = Some("numbers");
        finding.severity = if is_sure { Severity::Error } else { Severity::Warning };
        finding.confidence = if is_sure { Confidence::High } else { Confidence::Medium };
        finding.frames = self.frames.sorted();
        (finding.start, finding.end) = (Some(self.first), Some(self.last));
        finding.count = self.segments;
        finding.evidence = vec![("connections", self.connections.into())];
        finding.evidence.extend(numbers(worst));
        finding
    }
}

impl Ports {
    fn finding(&self, (host, service): &Service, was_open: bool, limits: &ScanThresholds) -> Option<Finding> {
        let ports = self.ports.len() as u64;
        if ports < limits.blind_ports || !was_open {
            return None;
        }
        let message = format!(
            "somebody sent RSTs to {ports} ports between {host} and {service} that had no connection, while another had"
        );
        let mut finding = wide("AT011", format!("{host} > {service}"), self.first, message);
        finding.variant = Some("ports");
        finding.confidence = Confidence::Medium;
        finding.frames = self.frames.sorted();
        (finding.start, finding.end) = (Some(self.first), Some(self.last));
        finding.count = self.resets;
        finding.evidence = vec![("ports", ports.into()), ("resets", self.resets.into())];
        Some(finding)
    }
}

/// Numbers from which on equal steps are no accident.
const EVEN: u32 = 5;
