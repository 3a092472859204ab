//! `Carpets`: unfinished attempts spread over the addresses of a network, so thin that no single host shows it (AT002).
//!
//! Networks: 4,096 of /24 (IPv4) or /48 (IPv6), those least recently asked for go first.

use std::collections::VecDeque;
use std::fmt;
use std::hash::Hasher;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::victim::GRACE;
use crate::rules::attack::alarm::{Alarm, Turn};
use crate::rules::attack::episode::{Episode, Grounds, confidence_word, percent, possible};
use crate::rules::attack::seconds::{Seconds, second_of, start_of};
use crate::rules::attack::sketch::{Distinct, Top, hash_of};
use crate::rules::counter::{Frames, Table};
use crate::rules::finding::Finding;
use crate::rules::key::Key;
use crate::tcp::Timestamp;

/// A /24 or a /48.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) struct Network(IpAddr);

impl Network {
    fn of(addr: IpAddr) -> Self {
        Self(match addr {
            IpAddr::V4(a) => IpAddr::V4(Ipv4Addr::from_bits(a.to_bits() & !0xff)),
            IpAddr::V6(a) => IpAddr::V6(Ipv6Addr::from_bits(a.to_bits() & (u128::MAX << 80))),
        })
    }
}

impl Key for Network {
    #[inline]
    fn feed(&self, state: &mut impl Hasher) {
        self.0.feed(state);
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bits = if self.0.is_ipv4() { 24 } else { 48 };
        write!(f, "{}/{bits}", self.0)
    }
}

/// What one host adds in a second.
#[derive(Clone, Copy, Debug)]
pub(super) struct Share {
    /// Attempts that nothing came of.
    pub unfinished: u64,
    /// Who asked last.
    pub source: IpAddr,
    /// For which port.
    pub port: u16,
    /// In which packet.
    pub frame: u64,
}

/// All networks.
#[derive(Debug)]
pub(super) struct Carpets {
    table: Table<Network, Box<Carpet>>,
    gone: Vec<(Network, Box<Carpet>)>,
    due: VecDeque<(i64, Network)>,
}

impl Default for Carpets {
    fn default() -> Self {
        Self { table: Table::new(MAX_NETWORKS), gone: Vec::new(), due: VecDeque::new() }
    }
}

/// One network.
#[derive(Debug)]
struct Carpet {
    ring: Seconds<u32, 16>,
    alarm: Alarm,
    spread: Spread,
    judged: Option<i64>,
    due: Option<i64>,
    first: i64,
    episode: Option<Episode<2>>,
    hosts_now: u64,
}

/// Whom it hits, since the minute began or the alarm was raised.
#[derive(Debug)]
struct Spread {
    since: i64,
    hosts: Distinct,
    sources: Distinct,
    busiest: Top<IpAddr, 16>,
    ports: Top<u16, 16>,
    frames: Frames,
}

const MAX_NETWORKS: usize = 4096;
/// Usual unfinished attempts of a network, a second (tcp.md AT002: Kmin).
const USUAL: f64 = 50.0;
/// Fewer a second are no carpet.
const FLOOR: u64 = 200;
/// Nor are fewer hosts.
const HOSTS: u64 = 32;
/// So few sources scan (AT009).
const SCANNERS: u64 = 8;
/// When the clock jumps further ahead than this, not every second of it is judged.
const JUMP: i64 = 600;
const COLUMNS: [&str; 2] = ["unfinished", "hosts"];

impl Carpets {
    /// A host's share of a second. Seconds come in order.
    pub fn add(&mut self, second: i64, host: IpAddr, share: &Share, say: &mut Vec<Finding>) {
        let network = Network::of(host);
        let carpet = self.table.at(network, &mut self.gone, || Box::new(Carpet::new(second)));
        carpet.add(second, host, share);
        if carpet.due.is_none_or(|due| second > due) {
            carpet.due = Some(second);
            let place = self.due.partition_point(|(s, _)| *s <= second);
            self.due.insert(place, (second, network));
        }
        for (network, gone) in self.gone.drain(..) {
            let now = start_of(gone.judged.unwrap_or(second));
            say.extend(gone.finding(network, now));
        }
    }

    /// Judges the networks for every second up to this one.
    #[inline]
    pub fn judge_up_to(&mut self, last: i64, say: &mut Vec<Finding>) {
        if self.due.front().is_some_and(|(second, _)| *second <= last) {
            self.judge_due(last, say);
        }
    }

    fn judge_due(&mut self, last: i64, say: &mut Vec<Finding>) {
        while let Some((second, network)) = self.due.front().copied().filter(|(s, _)| *s <= last) {
            self.due.pop_front();
            let Some(carpet) = self.table.get(&network) else { continue };
            say.extend(carpet.judge(network, second));
            if carpet.episode.is_some() && carpet.due.is_none_or(|due| due <= second) {
                let next = (second + 1).max(last.saturating_sub(JUMP));
                carpet.due = Some(next);
                let place = self.due.partition_point(|(s, _)| *s <= next);
                self.due.insert(place, (next, network));
            }
        }
    }

    /// Whether a flood of one host is part of one of its network.
    pub fn explains<const C: usize>(&self, host: IpAddr, flood: &Episode<C>) -> bool {
        let Some(carpet) = self.table.peek(&Network::of(host)) else { return false };
        let busiest = carpet
            .spread
            .busiest
            .sorted()
            .first()
            .is_some_and(|(addr, n)| *addr == host && percent(*n, carpet.spread.busiest.total()) >= 50);
        let began = second_of(flood.start());
        carpet.episode.as_ref().is_some_and(|e| began + 10 >= second_of(e.start()) && !busiest)
    }

    /// What is on.
    pub fn so_far(&self, now: Timestamp, say: &mut Vec<Finding>) {
        say.extend(self.table.sorted().into_iter().filter_map(|(network, c)| c.finding(*network, now)));
    }

    /// Networks let go so far.
    pub fn forgotten(&self) -> u64 {
        self.table.forgotten()
    }
}

impl Carpet {
    fn new(second: i64) -> Self {
        Self {
            ring: Seconds::default(),
            alarm: Alarm::default(),
            spread: Spread::new(second),
            judged: None,
            due: None,
            first: second,
            episode: None,
            hosts_now: 0,
        }
    }

    fn add(&mut self, second: i64, host: IpAddr, share: &Share) {
        let unfinished = u32::try_from(share.unfinished).unwrap_or(u32::MAX);
        if let Some(sum) = self.ring.at(second) {
            *sum = sum.saturating_add(unfinished);
        }
        if self.episode.is_none() && second - self.spread.since >= 60 {
            self.spread = Spread::new(second);
        }
        self.hosts_now += 1;
        self.spread.hosts.add_hashed(hash_of(host));
        self.spread.sources.add_hashed(hash_of(share.source));
        self.spread.busiest.add(host, share.unfinished);
        self.spread.ports.add(share.port, share.unfinished);
        self.spread.frames.add(share.frame);
    }

    fn judge(&mut self, network: Network, second: i64) -> Option<Finding> {
        let first = self.judged.map_or(second, |j| j + 1).max(second - 64);
        let mut said = None;
        for second in first..=second {
            let bad = u64::from(self.ring.get(second));
            let hosts = std::mem::take(&mut self.hosts_now);
            let s = &self.spread;
            let holds = bad >= FLOOR
                && s.hosts.count() >= HOSTS
                && percent(s.busiest.most(), s.busiest.total()) < 50
                && s.sources.count() > SCANNERS;
            match self.alarm.step(second, bad, USUAL, holds) {
                Turn::Raised => self.begin(second),
                Turn::Cleared => {
                    said = self.finding(network, start_of(second));
                    self.episode = None;
                }
                Turn::Same => {}
            }
            if let Some(episode) = &mut self.episode {
                episode.add(second, bad, [bad, hosts]);
            }
        }
        self.judged = self.judged.max(Some(second));
        said
    }

    fn begin(&mut self, second: i64) {
        let since = self.alarm.since().max(self.first);
        let mut episode = Episode::new(since, start_of(since), start_of(second + GRACE + 1));
        for before in since.max(second - 16)..second {
            let bad = u64::from(self.ring.get(before));
            episode.add(before, bad, [bad, 0]);
        }
        self.episode = Some(episode);
    }

    fn finding(&self, network: Network, now: Timestamp) -> Option<Finding> {
        let episode = self.episode.as_ref()?;
        let s = &self.spread;
        let (hosts, sources) = (s.hosts.count(), s.sources.count());
        let lasted = episode.lasted(now);
        let grounds = Grounds { both_directions: false, proof: true, lasted };
        let confidence = grounds.confidence();
        let message = format!(
            "{}SYN flood over the network {network}: {} handshakes begun and never finished at {hosts} addresses in {lasted}, up to {} a second and about {} to each address; confidence {}: filter before the network, SYN cookies on its hosts",
            possible(confidence),
            episode.count,
            episode.peak,
            episode.count / hosts.max(1),
            confidence_word(confidence),
        );
        let ports: Vec<u64> = s.ports.sorted().iter().take(8).map(|(port, _)| u64::from(*port)).collect();
        let evidence = vec![
            ("unfinished", episode.count.into()),
            ("hosts", hosts.into()),
            ("sources_sampled", sources.into()),
            ("busiest_host_percent", percent(s.busiest.most(), s.busiest.total()).into()),
            ("mean_per_host_per_s", (episode.rate(now) / hosts.max(1)).into()),
            ("ports", ports.into()),
        ];
        let mut finding =
            episode.finding(("AT002", network.to_string()), now, (confidence, message), COLUMNS, evidence);
        finding.frames = s.frames.sorted();
        Some(finding)
    }
}

impl Spread {
    fn new(second: i64) -> Self {
        Self {
            since: second,
            hosts: Distinct::coarse(),
            sources: Distinct::coarse(),
            busiest: Top::default(),
            ports: Top::default(),
            frames: Frames::default(),
        }
    }
}
