//! `Watch`: scans while they go on. What came of an attempt is told for good when its connection is let go, more than a
//! minute later; whoever watches wants to know at once, and gets along with less.
//!
//! Sources: 4096, those that asked eight times within ten seconds; of each its latest 256 attempts. Kept only where
//! somebody watches.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::IpAddr;

use super::super::sketch::{Distinct, Gate, hash_of_address};
use super::QUIET;
use super::contact::{Contact, Outcome};
use super::sources::{UNANSWERED, list};
use crate::config::ScanThresholds;
use crate::rules::attack::seconds::second_of;
use crate::rules::counter::{Frames, Table};
use crate::rules::finding::{Finding, Severity};
use crate::rules::registry::Seen;
use crate::rules::wide::wide;
use crate::tcp::{Duration, Endpoint, Timestamp};
use crate::track::{Confidence, Fact, HalfOpenEnd};

/// All sources that are looked at.
#[derive(Debug)]
pub(super) struct Watch {
    gate: Gate,
    sources: Table<IpAddr, Tries>,
}

impl Default for Watch {
    fn default() -> Self {
        Self { gate: Gate::new(OFTEN), sources: Table::new(MAX_SOURCES) }
    }
}

/// What one source tries.
#[derive(Debug)]
struct Tries {
    since: Timestamp,
    last: Timestamp,
    count: u64,
    targets: Distinct,
    /// The latest, oldest first.
    latest: VecDeque<Try>,
    frames: Frames,
}

/// One attempt.
#[derive(Clone, Copy, Debug)]
struct Try {
    connection: u64,
    target: Endpoint,
    at: Timestamp,
    /// `None` until something answers.
    outcome: Option<Outcome>,
}

const MAX_SOURCES: usize = 4096;
/// SYNs within ten seconds that make a source worth a look: floods from forged addresses do not come here.
const OFTEN: u8 = 8;
/// Attempts of one source that are looked at.
const LATEST: usize = 256;

impl Watch {
    /// A fact about a connection.
    pub fn on_seen(&mut self, seen: &Seen, limits: &ScanThresholds) {
        let client = seen.client.unwrap_or(0) & 1;
        let (source, target) = (seen.endpoints[client].addr, seen.endpoints[1 - client]);
        let outcome = match seen.event.fact {
            Fact::Opened if seen.header.is_syn() => return self.tried(source, target, seen, limits),
            Fact::Refused { .. } => Outcome::Refused,
            Fact::HalfOpenLeft { kind: HalfOpenEnd::Cancelled | HalfOpenEnd::Aborted, .. } => {
                Outcome::Cancelled
            }
            Fact::LifeBegan { .. } => Outcome::Used,
            Fact::LifeEnded { spoke: false } if seen.event.at.since(seen.began) <= Contact::AT_ONCE => {
                Outcome::Empty
            }
            _ => return,
        };
        if let Some(tries) = self.sources.get(&source) {
            tries.came_of(seen.connection, outcome);
        }
    }

    fn tried(&mut self, source: IpAddr, target: Endpoint, seen: &Seen, limits: &ScanThresholds) {
        let at = seen.event.at;
        let often = self.gate.passes(hash_of_address(source), second_of(at));
        if (!often && self.sources.peek(&source).is_none()) || limits.trusts(source) {
            return;
        }
        let tries = self.sources.at_quietly(source, || Tries::new(at));
        if at.since(tries.last) > limits.scan_span {
            *tries = Tries::new(at);
        }
        tries.add(Try { connection: seen.connection, target, at, outcome: None }, seen.event.frame);
    }

    /// Whether it would say it if this source scanned.
    pub fn knows(&self, source: IpAddr) -> bool {
        self.sources.peek(&source).is_some()
    }

    /// Scans that go on.
    pub fn going_on(&self, now: Timestamp, limits: &ScanThresholds, say: &mut Vec<Finding>) {
        for (source, tries) in self.sources.sorted() {
            if now.since(tries.last) <= QUIET {
                tries.tell(*source, now, limits, say);
            }
        }
    }
}

impl Tries {
    fn new(at: Timestamp) -> Self {
        Self {
            since: at,
            last: at,
            count: 0,
            targets: Distinct::coarse(),
            latest: VecDeque::new(),
            frames: Frames::default(),
        }
    }

    fn add(&mut self, attempt: Try, frame: u64) {
        if self.latest.len() == LATEST {
            self.latest.pop_front();
        }
        self.last = self.last.max(attempt.at);
        self.count += 1;
        self.targets.add((attempt.target.addr, attempt.target.port));
        self.latest.push_back(attempt);
        self.frames.add(frame);
    }

    fn came_of(&mut self, connection: u64, outcome: Outcome) {
        if let Some(attempt) = self.latest.iter_mut().rev().find(|t| t.connection == connection) {
            attempt.outcome = Some(outcome);
        }
    }

    /// Whichever scans the latest attempts are: of ports of one host, of one port of many hosts.
    fn tell(&self, source: IpAddr, now: Timestamp, limits: &ScanThresholds, say: &mut Vec<Finding>) {
        let failed = self.failed(now, limits);
        let (mut hosts, mut ports) = (BTreeMap::new(), BTreeMap::new());
        for (target, outcome) in &failed {
            hosts.entry(target.addr).or_insert_with(Vec::new).push((target.port, *outcome));
            ports.entry(target.port).or_insert_with(Vec::new).push((target.addr, *outcome));
        }
        for (host, found) in hosts.iter().filter(|(_, found)| found.len() as u64 >= limits.vertical) {
            let what = format!("{} ports of {host}", found.len());
            say.push(self.finding("AT008", source, format!("{source} > {host}"), &what, found));
        }
        for (port, found) in ports.iter().filter(|(_, found)| found.len() as u64 >= limits.horizontal) {
            let what = format!("port {port} of {} hosts", found.len());
            say.push(self.finding("AT009", source, format!("{source} > port {port}"), &what, found));
        }
    }

    /// Targets of the latest attempts that failed, where these are such as scanners make.
    fn failed(&self, now: Timestamp, limits: &ScanThresholds) -> BTreeMap<Endpoint, Outcome> {
        let of = |t: &Try| t.outcome.or_else(|| (now.since(t.at) >= UNANSWERED).then_some(Outcome::Silent));
        let recent = self.latest.iter().filter(|t| now.since(t.at) <= limits.scan_span);
        let known: Vec<(Endpoint, Outcome)> = recent.filter_map(|t| Some((t.target, of(t)?))).collect();
        let used: BTreeSet<Endpoint> =
            known.iter().filter(|(_, o)| !o.is_failure()).map(|(t, _)| *t).collect();
        let failed: BTreeMap<Endpoint, Outcome> =
            known.iter().filter(|(_, o)| o.is_failure()).copied().collect();
        let (bad, good) = (failed.len() as u64, used.len() as u64);
        // Who asks the same again and again floods, or is what a flood is made in the name of.
        let again = known.len() as u64 > (bad + good) * (limits.scan_again + 1);
        let honest = good * 100 >= (bad + good) * limits.scan_success;
        if again || honest { BTreeMap::new() } else { failed }
    }

    fn finding<T: ToString>(
        &self,
        id: &'static str,
        source: IpAddr,
        key: String,
        what: &str,
        found: &[(T, Outcome)],
    ) -> Finding {
        let count = |wanted: fn(Outcome) -> bool| found.iter().filter(|(_, o)| wanted(*o)).count() as u64;
        let (refused, silent) = (count(|o| o == Outcome::Refused), count(|o| o == Outcome::Silent));
        let open: Vec<&T> = found.iter().filter(|(_, o)| o.is_open()).map(|(t, _)| t).collect();
        let listed = list(&open.iter().map(|t| t.to_string()).collect::<Vec<_>>(), open.len() as u64);
        let targets = self.targets.count();
        let message = format!(
            "{source} tries one target after the other, about {targets} in {}; lately {what}: {refused} refused, {silent} \
             unanswered, {} open{listed}",
            self.last.since(self.since).max(Duration::from_millis(1)),
            open.len(),
        );
        let mut finding = wide(id, key, self.since, message);
        let is_sure = (refused + open.len() as u64) * 5 >= found.len() as u64;
        (finding.severity, finding.confidence) = if is_sure {
            (Severity::Error, Confidence::High)
        } else {
            (Severity::Warning, Confidence::Medium)
        };
        finding.frames = self.frames.sorted();
        (finding.start, finding.end) = (Some(self.since), Some(self.last));
        finding.count = self.count;
        finding.evidence = vec![
            ("targets", targets.into()),
            ("latest", found.len().into()),
            ("refused", refused.into()),
            ("unanswered", silent.into()),
            ("open", open.len().into()),
        ];
        finding
    }
}
