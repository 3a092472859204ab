//! AT019: hosts whose initial sequence numbers can be told in advance.
//!
//! The first 64 numbers of at most 4096 hosts are kept; the hosts least recently heard of go first.

use std::net::IpAddr;

use serde_json::Value;

use super::sketch::{hash_of_endpoint, mix};
use crate::config::{RuleConfig, ScanThresholds};
use crate::rules::counter::Table;
use crate::rules::finding::Finding;
use crate::rules::registry::{Detector, rules};
use crate::rules::wide::wide;
use crate::tcp::{Endpoint, Timestamp};
use crate::track::{Confidence, OpenOutcome, Record};

rules! {
    /// ## What it reports
    /// A host whose initial sequence numbers follow a rule that an outsider can use, over 16 or more connections with
    /// different endpoints: `constant`; `common-factor` (all, or all differences, are multiples of 256 or more);
    /// `constant-step` (each is as far from the one before, within 1 %); `clock` (they lie on one straight line over
    /// time, within 65,536).
    /// ## Why it matters
    /// Who knows the number can open a connection in another host's name, inject data and end connections, without
    /// seeing any packet.
    /// ## When it is normal
    /// A host may count up for one and the same pair of endpoints, as Linux does for ports in TIME_WAIT: each pair
    /// counts once here. Only connections that were completed count: SYNs that a tool made say nothing of a stack, and
    /// are named by AT020. A SYN proxy's numbers are the proxy's, not the host's.
    /// ## Example
    /// 16 connections from different ports, whose server chose 64000, 128000, 192000 and so on.
    /// ## Source
    /// RFC 6528 (numbers from a clock and a keyed hash of the endpoints); RFC 9293 §3.4.1 (SHLD-1).
    "AT019" "isn-predictable" {
        severity: Warning, source: "RFC 6528; RFC 9293 §3.4.1", since: "0.1",
        wants: [], check: Capture(predictable),
    }
}

/// The detector behind AT019.
fn predictable(config: &RuleConfig) -> Box<dyn Detector> {
    let limits = config.thresholds.scans.clone();
    Box::new(Predictable { limits, hosts: Table::new(MAX_HOSTS), gone: Vec::new() })
}

/// Hosts remembered.
const MAX_HOSTS: usize = 4096;
/// Numbers remembered of each.
const MAX_NUMBERS: usize = 64;

#[derive(Debug)]
struct Predictable {
    limits: ScanThresholds,
    hosts: Table<IpAddr, Choices>,
    gone: Vec<(IpAddr, Choices)>,
}

/// What one host chose, for different pairs of endpoints. Most have one in a capture, which needs no list.
#[derive(Debug, Default)]
struct Choices {
    first: Option<Choice>,
    others: Vec<Choice>,
}

impl Choices {
    fn add(&mut self, choice: Choice) {
        let first = self.first.get_or_insert(choice);
        if self.others.len() + 1 >= MAX_NUMBERS {
            return;
        }
        let is_new = choice.pair != first.pair && self.others.iter().all(|c| c.pair != choice.pair);
        if is_new {
            self.others.push(choice);
        }
    }

    fn are_enough(&self, least: u64) -> bool {
        self.others.len() as u64 + 1 >= least
    }

    /// In order of time, where there are so many.
    fn sorted(self, least: u64) -> Option<Vec<Choice>> {
        if !self.are_enough(least) {
            return None;
        }
        let mut all = self.others;
        all.extend(self.first);
        all.sort_unstable();
        Some(all)
    }
}

/// One number that a host chose.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Choice {
    at: Timestamp,
    frame: u64,
    isn: u32,
    /// Tells one pair of endpoints from another.
    pair: u64,
}

impl Detector for Predictable {
    fn on_record(&mut self, record: &Record, say: &mut Vec<Finding>) {
        if record.open.outcome != OpenOutcome::Complete || record.visibility.duplicated {
            return;
        }
        let (client, server) = (record.endpoints.client, record.endpoints.server);
        let chosen = [(client, server, record.open.client_isn), (server, client, record.open.server_isn)];
        for (host, peer, isn) in chosen {
            let Some(isn) = isn else { continue };
            let choice = Choice { at: record.first, frame: record.id, isn, pair: pair(host, peer) };
            self.hosts.at(host.addr, &mut self.gone, Choices::default).add(choice);
        }
        if !self.gone.is_empty() {
            let limits = &self.limits;
            say.extend(self.gone.drain(..).filter_map(|(host, choices)| judge(host, choices, limits)));
        }
    }

    fn on_end(&mut self, _now: Timestamp, say: &mut Vec<Finding>) {
        let limits = &self.limits;
        let hosts = self.hosts.drain_if(|_, choices| choices.are_enough(limits.isn_least));
        say.extend(hosts.into_iter().filter_map(|(host, choices)| judge(host, choices, limits)));
    }

    fn forgotten(&self) -> u64 {
        self.hosts.forgotten()
    }
}

fn pair(host: Endpoint, peer: Endpoint) -> u64 {
    mix(hash_of_endpoint(&peer), u64::from(host.port))
}

fn judge(host: IpAddr, choices: Choices, limits: &ScanThresholds) -> Option<Finding> {
    let choices = choices.sorted(limits.isn_least)?;
    let (variant, what, evidence) = rule_of(&choices)?;
    let count = choices.len();
    let message =
        format!("the initial sequence numbers of {host} can be told in advance: {count} of them {what}");
    let (first, last) = (choices.first()?, choices.last()?);
    let mut finding = wide("AT019", host.to_string(), first.at, message);
    finding.variant = Some(variant);
    finding.confidence = Confidence::High;
    finding.frames = choices.iter().take(10).map(|c| c.frame).collect();
    finding.frames.sort_unstable();
    (finding.start, finding.end) = (Some(first.at), Some(last.at));
    finding.count = count as u64;
    finding.evidence = vec![("numbers", count.into()), evidence];
    Some(finding)
}

/// What numbers have in common, the plainest first.
fn rule_of(choices: &[Choice]) -> Option<(&'static str, String, (&'static str, Value))> {
    let isns: Vec<u32> = choices.iter().map(|c| c.isn).collect();
    let steps: Vec<u32> = isns.windows(2).map(|w| w[1].wrapping_sub(w[0])).collect();
    if steps.iter().all(|s| *s == 0) {
        let isn = *isns.first()?;
        return Some(("constant", format!("are {isn}"), ("isn", isn.into())));
    }
    let step = *steps.first()?;
    if steps.iter().all(|s| s.abs_diff(step) <= step / 100) {
        return Some(("constant-step", format!("are {step} apart"), ("step", step.into())));
    }
    let factor = isns.iter().copied().fold(0, gcd).max(steps.iter().copied().fold(0, gcd));
    if factor >= COMMON_FACTOR {
        return Some((
            "common-factor",
            format!("are multiples of {factor} apart"),
            ("factor", factor.into()),
        ));
    }
    let off = off_the_clock(choices)?;
    let near = format!("follow a clock within {off}");
    (off < OFF_THE_CLOCK).then(|| ("clock", near, ("off_by", off.into())))
}

/// Greatest common divisor (Euclid).
fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// How far the worst number is from the straight line that fits all best (least squares); `None` where time stood still.
fn off_the_clock(choices: &[Choice]) -> Option<u64> {
    let first = choices.first()?;
    let mut value = 0.0;
    let mut before = first.isn;
    let points: Vec<(f64, f64)> = choices
        .iter()
        .map(|c| {
            value += f64::from(c.isn.wrapping_sub(before) as i32);
            before = c.isn;
            (c.at.since(first.at).as_secs_f64(), value)
        })
        .collect();
    let n = points.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / n;
    let (x, y) = (mean(|p| p.0), mean(|p| p.1));
    let spread: f64 = points.iter().map(|p| (p.0 - x).powi(2)).sum();
    if spread <= 0.0 {
        return None;
    }
    let slope = points.iter().map(|p| (p.0 - x) * (p.1 - y)).sum::<f64>() / spread;
    Some(points.iter().map(|p| (p.1 - y - slope * (p.0 - x)).abs()).fold(0.0, f64::max) as u64)
}

/// Random numbers have no factor in common; 256 leaves 24 bits to guess (tcp.md §5.3).
const COMMON_FACTOR: u32 = 256;
/// A guess within this of a clock needs few tries (tcp.md §5.3).
const OFF_THE_CLOCK: u64 = 1 << 16;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tcp::Duration;

    fn choices(isn: impl Fn(u32) -> u32) -> Vec<Choice> {
        let at = |i: u32| Timestamp(0) + Duration::from_millis(i64::from(i * i * 7));
        (0..16).map(|i| Choice { at: at(i), frame: u64::from(i), isn: isn(i), pair: u64::from(i) }).collect()
    }

    fn variant(isn: impl Fn(u32) -> u32) -> Option<&'static str> {
        rule_of(&choices(isn)).map(|r| r.0)
    }

    fn chosen(all: Vec<Choice>) -> Choices {
        let mut choices = Choices::default();
        all.into_iter().for_each(|choice| choices.add(choice));
        choices
    }

    #[test]
    fn what_can_be_told_in_advance_is_named() {
        let random = |i: u32| mix(u64::from(i), 77) as u32;
        assert_eq!(variant(|_| 5), Some("constant"));
        assert_eq!(variant(|i| 4_294_900_000u32.wrapping_add(i * 64_000)), Some("constant-step"));
        assert_eq!(variant(|i| random(i) & 0xffff_0000), Some("common-factor"));
        // 250,000 a second, as RFC 793 had it, and a jitter of some thousands.
        assert_eq!(
            variant(|i| 4_294_000_000u32.wrapping_add(i * i * 7 * 250 + random(i) % 9000)),
            Some("clock")
        );
        assert_eq!(variant(random), None);
    }

    #[test]
    fn fifteen_are_too_few() {
        let few: Vec<Choice> = choices(|_| 5).into_iter().take(15).collect();
        let host = IpAddr::from([192, 0, 2, 1]);
        assert!(judge(host, chosen(few), &ScanThresholds::default()).is_none());
        assert!(judge(host, chosen(choices(|_| 5)), &ScanThresholds::default()).is_some());
    }
}
