//! `TimeWaits`: ends in TIME_WAIT that a few sources heap up at a server (AT017).

use std::net::IpAddr;

use crate::config::RuleConfig;
use crate::rules::attack::episode::{Episode, Grounds, confidence_word, percent, possible};
use crate::rules::attack::seconds::second_of;
use crate::rules::attack::sketch::Top;
use crate::rules::counter::{Frames, Table};
use crate::rules::words::counted;
use crate::rules::{Detector, Finding, Seen};
use crate::tcp::{Duration, Timestamp};
use crate::track::Fact;

/// The detector behind AT017.
pub(in crate::rules::attack) fn time_waits(config: &RuleConfig) -> Box<dyn Detector> {
    let limits = &config.thresholds;
    let limit = limits.time_wait_buckets.map_or(limits.time_wait_pileup, |n| n * 80 / 100);
    Box::new(TimeWaits { limit: limit.max(10), hosts: Table::new(MAX_HOSTS), gone: Vec::new() })
}

/// Servers remembered at once.
const MAX_HOSTS: usize = 4096;
/// So many sources cause most of them.
const SOURCES: usize = 16;
const SHARE: u64 = 80;
/// Connections shorter than this.
const BRIEF: Duration = Duration::from_secs(1);

#[derive(Debug)]
struct TimeWaits {
    limit: u64,
    hosts: Table<IpAddr, Host>,
    gone: Vec<(IpAddr, Host)>,
}

/// One server's TIME_WAITs; their causes are counted from a tenth of the limit on.
#[derive(Debug, Default)]
struct Host {
    now: u64,
    brief: u64,
    sources: Top<IpAddr, SOURCES>,
    since: Option<Timestamp>,
    frames: Frames,
    episode: Option<Box<Episode<1>>>,
}

impl Detector for TimeWaits {
    fn on_seen(&mut self, seen: &Seen, say: &mut Vec<Finding>) {
        // A client that waits has caused it itself (TW007).
        if seen.client.is_none_or(|client| client == seen.event.end) {
            return;
        }
        let (own, other) = seen.ends();
        let at = seen.event.at;
        match seen.event.fact {
            Fact::TimeWaitStarted => {
                let limit = self.limit;
                let host = self.hosts.at(own.addr, &mut self.gone, Host::default);
                host.enter(seen, other.addr, limit);
                if !self.gone.is_empty() {
                    say.extend(self.gone.drain(..).filter_map(|(addr, gone)| gone.finding(addr, at)));
                }
            }
            Fact::TimeWaitEnded { .. } => {
                if let Some(host) = self.hosts.get(&own.addr) {
                    say.extend(host.leave(own.addr, at, self.limit));
                }
            }
            _ => {}
        }
    }

    fn so_far(&self, now: Timestamp, say: &mut Vec<Finding>) {
        let hosts = self.hosts.sorted_if(|_, host| host.episode.is_some());
        say.extend(hosts.into_iter().filter_map(|(addr, host)| host.finding(*addr, now)));
    }

    /// Ends in TIME_WAIT are there until their time is over, however quiet it is.
    fn silence(&self, _finding: &Finding) -> Duration {
        Duration::MAX
    }

    fn forgotten(&self) -> u64 {
        self.hosts.forgotten()
    }
}

impl Host {
    fn enter(&mut self, seen: &Seen, source: IpAddr, limit: u64) {
        let at = seen.event.at;
        self.now += 1;
        if self.now * 10 < limit {
            return;
        }
        self.since.get_or_insert(at);
        self.sources.add(source, 1);
        self.brief += u64::from(at.since(seen.began) < BRIEF);
        self.frames.add(seen.event.frame);
        let total = self.sources.total();
        let few = percent(self.sources.covered(), total) >= SHARE;
        if self.now >= limit && self.episode.is_none() && few && self.brief * 2 > total {
            let since = self.since.unwrap_or(at);
            let mut episode = Episode::new(second_of(since), since, at);
            episode.frames = self.frames.clone();
            self.episode = Some(Box::new(episode));
        }
        let now = self.now;
        if let Some(episode) = &mut self.episode {
            episode.level(second_of(at), now);
        }
    }

    fn leave(&mut self, addr: IpAddr, at: Timestamp, limit: u64) -> Option<Finding> {
        self.now = self.now.saturating_sub(1);
        let over = self.now * 2 < limit;
        let said = if over { self.finding(addr, at) } else { None };
        if over {
            self.episode = None;
        }
        if self.now * 10 < limit && self.since.is_some() {
            *self = Self { now: self.now, ..Self::default() };
        }
        said
    }

    fn finding(&self, addr: IpAddr, now: Timestamp) -> Option<Finding> {
        let episode = self.episode.as_ref()?;
        let lasted = episode.lasted(now);
        let confidence = Grounds { both_directions: true, proof: false, lasted }.confidence();
        let top = self.sources.sorted();
        let named: Vec<String> = top.iter().take(3).map(|(a, _)| a.to_string()).collect();
        let brief = percent(self.brief, self.sources.total());
        let message = format!(
            "{}exhaustion by TIME_WAIT at {addr}: up to {} at once, most of them caused by {} ({}) with connections of less than a second ({brief} % of them); confidence {}: let clients close first, keep connections, limit their rate for each client",
            possible(confidence),
            episode.peak,
            counted(top.len() as u64, "address", "addresses"),
            named.join(" "),
            confidence_word(confidence),
        );
        let list: Vec<String> = top.iter().take(10).map(|(a, n)| format!("{a}: {n}")).collect();
        let peak = episode.peak;
        let evidence = vec![
            ("peak", peak.into()),
            ("brief_percent", brief.into()),
            ("sources", top.len().into()),
            ("top_sources", list.into()),
        ];
        let mut finding =
            episode.finding(("AT017", addr.to_string()), now, (confidence, message), ["time_wait"], evidence);
        finding.count = peak;
        Some(finding)
    }
}
