//! AT008 and AT009: what each source tried, and whether that is a scan.
//!
//! Remembered are at most 16,384 sources, as many pairs of a source and a host, and as many of a source and a port; those
//! least recently heard of go first and say what they have to say. A source gets to the other two tables with its
//! fourth failure only, so that a flood from forged addresses does not fill them.

use std::net::IpAddr;

use super::super::fingerprint::{Probe, tool_of};
use super::contact::{Contact, Source};
use super::first::FirstContacts;
use super::spread::Spreads;
use super::targets::{Pace, Paces, Scan, Targets};
use super::walk::Walk;
use super::watch::Watch;
use super::{LATE, QUIET};
use crate::config::{RuleConfig, ScanThresholds};
use crate::rules::counter::Table;
use crate::rules::finding::{Finding, Severity};
use crate::rules::registry::{Detector, Seen};
use crate::rules::wide::wide;
use crate::tcp::{Duration, Timestamp};
use crate::track::{Confidence, Fact, Record};

/// The detector behind AT008 and AT009.
pub(super) fn sources(config: &RuleConfig) -> Box<dyn Detector> {
    Box::new(Sources {
        limits: config.thresholds.scans.clone(),
        first: FirstContacts::new(),
        walks: Table::new(MAX_KEYS),
        hosts: Table::new(MAX_KEYS),
        ports: Table::new(MAX_KEYS),
        tools: Table::new(MAX_KEYS),
        spreads: Spreads::default(),
        young: Vec::new(),
        dropped: 0,
        watch: None,
    })
}

/// Sources, and pairs with a host or a port, remembered (tcp.md §5.0).
const MAX_KEYS: usize = 1 << 14;
/// Attempts remembered that were too young at the end of the input to be judged before it is known when that was.
const MAX_YOUNG: usize = 1 << 16;

/// A source and the host whose ports it tries.
type HostKey = (Source, IpAddr);
/// A source and the port that it tries on many hosts.
type PortKey = (Source, u16);

#[derive(Debug)]
struct Sources {
    limits: ScanThresholds,
    first: FirstContacts,
    walks: Table<Source, Walk>,
    hosts: Table<HostKey, Targets<u16>>,
    ports: Table<PortKey, Targets<IpAddr>>,
    /// The tool that a source's packets look like.
    tools: Table<IpAddr, &'static str>,
    spreads: Spreads,
    young: Vec<Contact>,
    dropped: u64,
    /// What is told while it goes on, where somebody watches.
    watch: Option<Watch>,
}

impl Detector for Sources {
    fn on_seen(&mut self, seen: &Seen, say: &mut Vec<Finding>) {
        if let Some(watch) = &mut self.watch {
            watch.on_seen(seen, &self.limits);
        }
        match seen.event.fact {
            Fact::FlagsRefused if !self.limits.trusts(seen.ends().0.addr) => {
                return self.take(Contact::odd(seen), say);
            }
            Fact::Opened if seen.header.is_syn() => {}
            _ => return,
        }
        let [src, dst] = seen.endpoints;
        if let Some(tool) = tool_of(&Probe { header: seen.header, src, dst }) {
            *self.tools.at_quietly(src.addr, || tool) = tool;
        }
        if !self.limits.trusts(src.addr) {
            self.spreads.syn(seen, &self.limits, say);
        }
    }

    fn on_record(&mut self, record: &Record, say: &mut Vec<Finding>) {
        let Some(contact) = Contact::of(record).filter(|c| !self.limits.trusts(c.source.addr)) else {
            return;
        };
        if !contact.is_young {
            self.take(contact, say);
        } else if self.young.len() < MAX_YOUNG {
            self.young.push(contact);
        } else {
            self.dropped += 1;
        }
    }

    fn on_end(&mut self, now: Timestamp, say: &mut Vec<Finding>) {
        for contact in std::mem::take(&mut self.young) {
            let is_young = now.since(contact.at) < UNANSWERED;
            self.take(Contact { is_young, ..contact }, say);
        }
        self.so_far(now, say);
    }

    fn so_far(&self, _now: Timestamp, say: &mut Vec<Finding>) {
        self.scans(|_| true, say);
        self.spreads.so_far(&self.limits, say);
    }

    fn watch(&mut self) {
        self.watch = Some(Watch::default());
    }

    fn going_on(&self, now: Timestamp, say: &mut Vec<Finding>) {
        let Some(watch) = &self.watch else { return self.so_far(now, say) };
        // What is too slow for a watch is fast enough for its records.
        self.scans(|source| !watch.knows(source.addr), say);
        watch.going_on(now, &self.limits, say);
        self.spreads.so_far(&self.limits, say);
    }

    fn silence(&self, finding: &Finding) -> Duration {
        // Segments that no stack sends, and SYNs alone, are known at once.
        let prompt = matches!(finding.variant, Some("distributed" | "stealth"));
        if prompt { QUIET } else { LATE + QUIET }
    }

    fn forgotten(&self) -> u64 {
        let tables = self.walks.forgotten() + self.hosts.forgotten() + self.ports.forgotten();
        tables + self.tools.forgotten() + self.spreads.forgotten() + self.dropped
    }
}

impl Sources {
    /// One attempt whose outcome is known.
    fn take(&mut self, contact: Contact, say: &mut Vec<Finding>) {
        if !contact.outcome.is_failure() {
            self.spreads.used(&contact);
        }
        if !self.first.is_first(&contact) {
            return self.again(&contact);
        }
        let walk = self.walks.at_quietly(contact.source, Walk::default);
        walk.add(contact.outcome);
        if !contact.outcome.is_failure() {
            return;
        }
        if walk.is_early(&contact) {
            return;
        }
        let suspicious = walk.is_suspicious();
        for early in walk.take_early() {
            self.fail(&early, false, say);
        }
        self.fail(&contact, suspicious, say);
    }

    /// A target that was tried before.
    fn again(&mut self, contact: &Contact) {
        let (source, target) = (contact.source, contact.target);
        if let Some(scan) = self.hosts.get(&(source, target.addr)).and_then(|t| t.scan.as_mut()) {
            scan.again += 1;
        }
        if let Some(scan) = self.ports.get(&(source, target.port)).and_then(|t| t.scan.as_mut()) {
            scan.again += 1;
        }
    }

    fn fail(&mut self, contact: &Contact, suspicious: bool, say: &mut Vec<Finding>) {
        let (source, target) = (contact.source, contact.target);
        let limits = self.limits.clone();
        let (mut hosts, mut ports) = (Vec::new(), Vec::new());
        let key = (source, target.addr);
        let targets = self.hosts.at(key, &mut hosts, Targets::default);
        let over = targets.over(contact.at, &limits);
        let within = |count, span| Pace { count, span };
        let paces = Paces {
            noted: within(limits.vertical_note, limits.scan_span),
            strong: within(limits.vertical, limits.scan_span),
            slow: Some(within(limits.vertical_slow, limits.slow_span)),
        };
        targets.add(target.port, contact, &paces, suspicious);
        say.extend(over.and_then(|scan| self.vertical(&key, &scan)));
        let key = (source, target.port);
        let targets = self.ports.at(key, &mut ports, Targets::default);
        let over = targets.over(contact.at, &limits);
        let paces = Paces {
            noted: within(limits.horizontal_note, limits.scan_span),
            strong: within(limits.horizontal, limits.scan_span),
            slow: None,
        };
        targets.add(target.addr, contact, &paces, suspicious);
        say.extend(over.and_then(|scan| self.horizontal(&key, &scan)));
        for (key, mut gone) in hosts {
            say.extend(gone.scan.take().and_then(|scan| self.vertical(&key, &scan)));
        }
        for (key, mut gone) in ports {
            say.extend(gone.scan.take().and_then(|scan| self.horizontal(&key, &scan)));
        }
    }

    /// Scans that have not ended, of these sources.
    fn scans(&self, of: impl Fn(&Source) -> bool, say: &mut Vec<Finding>) {
        for (key, targets) in self.hosts.sorted().into_iter().filter(|(key, _)| of(&key.0)) {
            say.extend(targets.scan.as_ref().and_then(|scan| self.vertical(key, scan)));
        }
        for (key, targets) in self.ports.sorted().into_iter().filter(|(key, _)| of(&key.0)) {
            say.extend(targets.scan.as_ref().and_then(|scan| self.horizontal(key, scan)));
        }
    }

    fn vertical(&self, (source, host): &HostKey, scan: &Scan<u16>) -> Option<Finding> {
        let open: Vec<u16> = scan.open.keys().copied().collect();
        let listed = list(&open, scan.half_open + scan.empty);
        let what = format!("{} ports of {host}", scan.count());
        let mut finding =
            self.finding("AT008", source, format!("{} > {host}", source.addr), &what, &listed, scan)?;
        finding.evidence.push(("open_ports", open.into()));
        Some(finding)
    }

    fn horizontal(&self, (source, port): &PortKey, scan: &Scan<IpAddr>) -> Option<Finding> {
        let open: Vec<String> = scan.open.keys().map(IpAddr::to_string).collect();
        let listed = list(&open, scan.half_open + scan.empty);
        let what = format!("port {port} of {} hosts", scan.count());
        let key = format!("{} > port {port}", source.addr);
        let mut finding = self.finding("AT009", source, key, &what, &listed, scan)?;
        finding.evidence.push(("open_hosts", open.into()));
        Some(finding)
    }

    /// `None` where the source succeeds too often to be a scanner, or asks the same again and again: a flood, or one in
    /// its name (AT001, AT003).
    fn finding<T: Copy + Ord>(
        &self,
        id: &'static str,
        source: &Source,
        key: String,
        what: &str,
        open: &str,
        scan: &Scan<T>,
    ) -> Option<Finding> {
        let walk = self.walks.peek(source);
        let (failures, successes) = walk.map_or((scan.count(), 0), |w| (w.failures, w.successes));
        if successes * 100 >= (failures + successes) * self.limits.scan_success {
            return None;
        }
        let noted_only = !scan.is_fast && !scan.is_slow;
        let too_early = noted_only && scan.young * 2 > scan.count();
        if too_early || scan.again > scan.count().saturating_mul(self.limits.scan_again) {
            return None;
        }
        let tool = self.tools.peek(&source.addr).copied();
        let lasted = scan.times.1.since(scan.times.0);
        let with = tool.map(|t| format!(", it seems with {t}")).unwrap_or_default();
        let odd = if scan.odd > 0 { format!(", {} with odd flags", scan.odd) } else { String::new() };
        let message = format!(
            "{} tried {what} in {lasted}{with}: {} refused, {} unanswered, {} open{open}{odd}",
            source.addr,
            scan.refused,
            scan.silent,
            scan.half_open + scan.empty
        );
        let mut finding = wide(id, key, scan.noticed, message);
        let is_sure = tool.is_some() || (scan.answered() + scan.odd) * 5 >= scan.count();
        finding.variant = Some(scan.mode());
        (finding.severity, finding.confidence) = match (!noted_only, is_sure) {
            (false, _) => (Severity::Note, Confidence::Low),
            (true, true) => (Severity::Error, Confidence::High),
            (true, false) => (Severity::Warning, Confidence::Medium),
        };
        finding.frames = scan.frames.sorted();
        (finding.start, finding.end) = (Some(scan.times.0), Some(scan.times.1));
        finding.count = scan.count();
        finding.evidence = vec![
            ("targets", scan.count().into()),
            ("refused", scan.refused.into()),
            ("unanswered", scan.silent.into()),
            ("open", (scan.half_open + scan.empty).into()),
            ("odd_flags", scan.odd.into()),
            ("unanswered_at_the_end", scan.young.into()),
            ("tried_again", scan.again.into()),
            ("peak_per_step", scan.timeline.peak().into()),
            ("slow", scan.is_slow.into()),
            ("first_contacts_failed", failures.into()),
            ("first_contacts_used", successes.into()),
            ("tool", tool.into()),
        ];
        finding.series = Some(scan.timeline.series(["failed", "open"]));
        Some(finding)
    }
}

/// ` (22, 80)`, the first ones.
pub(super) fn list<T: ToString>(open: &[T], all: u64) -> String {
    let shown: Vec<String> = open.iter().take(SHOWN).map(ToString::to_string).collect();
    let more = if all > shown.len() as u64 { ", …" } else { "" };
    if shown.is_empty() { String::new() } else { format!(" ({}{more})", shown.join(", ")) }
}

/// Open targets named in a sentence.
const SHOWN: usize = 8;
/// A SYN without an answer after this time failed (tcp.md §5.2).
pub(super) const UNANSWERED: Duration = Duration::from_secs(3);
