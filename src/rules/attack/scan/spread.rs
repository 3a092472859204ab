//! AT009 `distributed`: one port of one network tried by many sources that are one tool.
//!
//! At most 4096 networks and ports are remembered; those least recently asked go first and say what they have to say.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::super::sketch::{Distinct, Top, hash_of, mix};
use super::contact::Contact;
use super::timeline::Timeline;
use crate::config::ScanThresholds;
use crate::rules::counter::{Frames, Table};
use crate::rules::finding::Finding;
use crate::rules::registry::Seen;
use crate::rules::wide::wide;
use crate::tcp::{Duration, Timestamp};
use crate::track::{Confidence, Header};

/// A /24 or /48, by its first address, and a port.
type Key = (IpAddr, u16);

/// Networks and ports remembered (tcp.md §5.0).
const MAX_KEYS: usize = 4096;

/// What networks were asked for.
#[derive(Debug)]
pub(super) struct Spreads {
    table: Table<Key, Spread>,
}

impl Default for Spreads {
    fn default() -> Self {
        Self { table: Table::new(MAX_KEYS) }
    }
}

#[derive(Debug)]
struct Spread {
    sources: Distinct,
    hosts: Distinct,
    /// The host asked last: a flood asks the same again and again.
    latest: Option<IpAddr>,
    headers: Top<u64, 8>,
    used: u64,
    times: (Timestamp, Timestamp),
    frames: Frames,
    timeline: Timeline<1>,
}

impl Spreads {
    /// A first SYN.
    pub fn syn(&mut self, seen: &Seen, limits: &ScanThresholds, say: &mut Vec<Finding>) {
        let [src, dst] = seen.endpoints;
        let (key, at) = ((network(dst.addr), dst.port), seen.event.at);
        let mut gone = Vec::new();
        let spread = self.table.at(key, &mut gone, || Spread::new(at));
        if at.since(spread.times.1) > limits.scan_span {
            let over = std::mem::replace(spread, Spread::new(at));
            say.extend(over.finding(&key, limits));
        }
        spread.add(seen, src.addr, dst.addr);
        if !gone.is_empty() {
            say.extend(gone.into_iter().filter_map(|(key, spread)| spread.finding(&key, limits)));
        }
    }

    /// A connection was used.
    pub fn used(&mut self, contact: &Contact) {
        if let Some(spread) = self.table.get(&(network(contact.target.addr), contact.target.port)) {
            spread.used += 1;
        }
    }

    /// What there is to say.
    pub fn so_far(&self, limits: &ScanThresholds, say: &mut Vec<Finding>) {
        say.extend(self.table.sorted().into_iter().filter_map(|(key, spread)| spread.finding(key, limits)));
    }

    /// Networks and ports let go so far.
    pub fn forgotten(&self) -> u64 {
        self.table.forgotten()
    }
}

impl Spread {
    fn new(at: Timestamp) -> Self {
        Self {
            sources: Distinct::coarse(),
            hosts: Distinct::coarse(),
            latest: None,
            headers: Top::default(),
            used: 0,
            times: (at, at),
            frames: Frames::default(),
            timeline: Timeline::new(at),
        }
    }

    fn add(&mut self, seen: &Seen, source: IpAddr, host: IpAddr) {
        self.sources.add_hashed(hash_of(source));
        if self.latest != Some(host) {
            self.hosts.add_hashed(hash_of(host));
            self.latest = Some(host);
        }
        self.headers.add(look(&seen.header), 1);
        self.times = (self.times.0.min(seen.event.at), self.times.1.max(seen.event.at));
        self.frames.add(seen.event.frame);
        self.timeline.add(seen.event.at, 0);
    }

    fn finding(&self, (network, port): &Key, limits: &ScanThresholds) -> Option<Finding> {
        let syns = self.headers.total();
        if syns < limits.horizontal {
            return None;
        }
        // Estimates, but no more than there were SYNs.
        let (sources, hosts) = (self.sources.count().min(syns), self.hosts.count().min(syns));
        let alike = self.headers.most() * 100 / syns;
        // More to one host or a second is a flood; what is used is a service.
        let scans = sources >= limits.horizontal
            && hosts >= limits.spread_hosts
            && syns <= sources * limits.spread_each
            && alike >= limits.spread_alike
            && self.used * 100 < syns * limits.scan_success
            && self.timeline.peak() < limits.spread_rate;
        if !scans {
            return None;
        }
        let length = if network.is_ipv4() { 24 } else { 48 };
        let (first, last) = self.times;
        let message = format!(
            "about {sources} sources tried port {port} of about {hosts} hosts in {network}/{length} within {}, with one header in \
             {alike} % of {syns} SYNs: one scan from many places",
            last.since(first).max(Duration::from_millis(1))
        );
        let mut finding = wide("AT009", format!("{network}/{length} port {port}"), first, message);
        finding.variant = Some("distributed");
        finding.confidence = Confidence::Medium;
        finding.frames = self.frames.sorted();
        (finding.start, finding.end) = (Some(first), Some(last));
        finding.count = syns;
        finding.evidence = vec![
            ("sources", sources.into()),
            ("hosts", hosts.into()),
            ("syns", syns.into()),
            ("same_header_percent", alike.into()),
            ("used", self.used.into()),
        ];
        finding.series = Some(self.timeline.series(["syns"]));
        Some(finding)
    }
}

/// What tells one tool's SYNs from another's.
fn look(h: &Header) -> u64 {
    let numbers = u64::from(h.window) << 32 | u64::from(h.mss) << 16 | u64::from(h.scale) << 8;
    mix(u64::from(h.layout), numbers | u64::from(h.flags.0) << 48)
}

fn network(addr: IpAddr) -> IpAddr {
    match addr {
        IpAddr::V4(a) => IpAddr::V4(Ipv4Addr::from_bits(a.to_bits() & !0xff)),
        IpAddr::V6(a) => IpAddr::V6(Ipv6Addr::from_bits(a.to_bits() >> 80 << 80)),
    }
}
