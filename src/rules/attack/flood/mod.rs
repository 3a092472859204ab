//! AT001 and AT002: handshakes begun and never finished, at one listener, at one host, or over a whole network.
//!
//! Hosts: 16,384, those least recently asked for go first; of each the listeners that answered or were asked eight times
//! in ten seconds, 64 at most; a closer look at 1,024 of them at once. An attempt is judged three seconds after it began.

mod carpet;
mod episode;
mod host;
mod second;
mod victim;

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::Arc;

use super::profile::Profile;
use super::seconds::{second_of, start_of};
use super::sketch::{Gate, mix};
use crate::config::{RuleConfig, Thresholds};
use crate::rules::counter::Table;
use crate::rules::{Detector, Finding, Seen};
use crate::tcp::{Endpoint, Timestamp};
use crate::track::{Ended, Fact, HalfOpenEnd, Record, RoleBasis};
use carpet::Carpets;
use host::{Host, Suspect, Told};
use second::Outcome;
use victim::GRACE;

/// The detector behind AT001, AT002 and CN006.
pub(in crate::rules) fn floods(config: &RuleConfig) -> Box<dyn Detector> {
    Box::new(Floods {
        limits: config.thresholds.clone(),
        hosts: Table::new(MAX_HOSTS),
        gone: Vec::new(),
        gate: Gate::new(8),
        due: VecDeque::new(),
        carpets: Carpets::default(),
        profiles: Arc::default(),
    })
}

/// Hosts remembered at once.
const MAX_HOSTS: usize = 1 << 14;
/// Listeners of one host that are looked at one by one.
const MAX_LISTENERS: usize = 64;
/// Victims looked at more closely at once: 12 KiB each.
const MAX_PROFILES: usize = 1024;
/// Without a backlog from the user, a queue of 128 is a full one: the smallest default of Linux (tcp.md §7).
const QUEUE: u64 = 128;
/// Half-open connections in per cent of a known backlog.
const QUEUE_SHARE: u64 = 80;
/// How often, in SYNs, it is asked whether they need to be waited for.
const LOOK: u64 = 64;
/// When the clock jumps further ahead than this, not every second of it is judged.
const JUMP: i64 = 600;

#[derive(Debug)]
struct Floods {
    limits: Thresholds,
    hosts: Table<IpAddr, Box<Host>>,
    gone: Vec<(IpAddr, Box<Host>)>,
    gate: Gate,
    /// Which hosts are to be judged for which second, in order of seconds.
    due: VecDeque<(i64, IpAddr)>,
    carpets: Carpets,
    /// Every profile holds one.
    profiles: Arc<()>,
}

impl Detector for Floods {
    fn on_seen(&mut self, seen: &Seen, say: &mut Vec<Finding>) {
        let second = second_of(seen.event.at);
        self.judge_up_to(second - GRACE - 1, None, say);
        let (own, other) = seen.ends();
        let began = || second_of(seen.began);
        match seen.event.fact {
            Fact::Opened if seen.header.is_syn() => self.syn(seen, second, say),
            // The end is the client.
            Fact::LifeBegan { .. } if seen.has_syn => self.settled(other, own, began(), Outcome::Completed),
            Fact::Refused { .. } => self.settled(own, other, began(), Outcome::Refused),
            // Where the clients' side is not seen, their final ACKs are not either.
            Fact::HalfOpenEntered { again } if seen.has_syn => {
                self.at(own.addr, say).answered(own.port, second, again);
                self.call(own.addr, second);
            }
            Fact::HalfOpenLeft { kind, .. } if seen.has_syn => {
                match kind {
                    HalfOpenEnd::Cancelled => self.settled(own, other, began(), Outcome::Cancelled),
                    HalfOpenEnd::Aborted => self.settled(own, other, began(), Outcome::Refused),
                    _ => {}
                }
                self.left(own, kind);
            }
            Fact::SynRepeated { gap, .. } => {
                if let Some(host) = self.hosts.get(&other.addr) {
                    host.suspect(other.port).victim().repeated(gap);
                }
            }
            _ => {}
        }
    }

    fn on_record(&mut self, record: &Record, _say: &mut Vec<Finding>) {
        // An entry whose connection was let go before it left the queue.
        let entry = record.half_open.filter(|h| h.end_kind == HalfOpenEnd::Censored);
        if entry.is_some() && record.roles.from == RoleBasis::Syn && record.ended != Ended::EndOfCapture {
            self.left(record.endpoints.server, HalfOpenEnd::Censored);
        }
    }

    fn on_silence(&mut self, now: Timestamp, say: &mut Vec<Finding>) {
        self.judge_up_to(second_of(now) - GRACE - 1, None, say);
    }

    fn on_end(&mut self, now: Timestamp, say: &mut Vec<Finding>) {
        self.judge_up_to(second_of(now), Some(now), say);
        self.so_far(now, say);
    }

    fn so_far(&self, now: Timestamp, say: &mut Vec<Finding>) {
        for (addr, host) in self.hosts.sorted_if(|_, host| host.so_far().next().is_some()) {
            for (port, flood, profile) in host.so_far() {
                self.tell(*addr, (port, flood, profile), now, true, say);
            }
        }
        self.carpets.so_far(now, say);
    }

    fn going_on(&self, now: Timestamp, say: &mut Vec<Finding>) {
        for (addr, host) in self.hosts.sorted_if(|_, host| host.so_far().next().is_some()) {
            for (port, flood, profile) in host.going_on() {
                self.tell(*addr, (port, &flood, profile), now, true, say);
            }
        }
        self.carpets.so_far(now, say);
    }

    fn forgotten(&self) -> u64 {
        self.hosts.forgotten() + self.carpets.forgotten()
    }
}

impl Floods {
    /// A new attempt.
    fn syn(&mut self, seen: &Seen, second: i64, say: &mut Vec<Finding>) {
        let ([client, server], at) = (seen.endpoints, seen.event.at);
        if self.hosts.get(&server.addr).is_none() {
            if !self.gate.passes(key_of(server.addr, 0), second) {
                return;
            }
            self.at(server.addr, say);
        }
        let has_room = Arc::strong_count(&self.profiles) <= MAX_PROFILES;
        let Some(host) = self.hosts.get(&server.addr) else { return };
        let is_known = host.listener(server.port).is_some();
        if !is_known && self.gate.passes(key_of(server.addr, server.port), second) {
            host.listener_or_new(server.port);
        }
        host.syn((client.addr, server.port), (at, seen.event.frame));
        let suspect = host.suspect(server.port);
        let all_ports = matches!(suspect, Suspect::All(_));
        let victim = suspect.victim();
        if victim.is_warm() && (has_room || victim.profile.is_some()) {
            let token = &self.profiles;
            let profile = victim.profile.get_or_insert_with(|| Box::new(Profile::new(at, Arc::clone(token))));
            profile.syn((at, seen.event.frame), client.addr, &seen.header);
            if all_ports {
                profile.port(server.port);
            }
            if profile.syns().is_multiple_of(LOOK) && !victim.is_flooded() && victim.is_overrun(second) {
                victim.overrun(second, at);
            }
        }
        self.call(server.addr, second);
    }

    /// Something came of an attempt.
    fn settled(&mut self, server: Endpoint, client: Endpoint, began: i64, outcome: Outcome) {
        let Some(host) = self.hosts.get(&server.addr) else { return };
        host.all.settled(began, outcome);
        if let Some(listener) = host.listener(server.port) {
            listener.settled(began, outcome);
        }
        if outcome == Outcome::Completed
            && let Some(profile) = &mut host.suspect(server.port).victim().profile
        {
            profile.completed(client.addr);
        }
    }

    fn left(&mut self, server: Endpoint, kind: HalfOpenEnd) {
        if let Some(listener) = self.hosts.get(&server.addr).and_then(|h| h.listener(server.port)) {
            listener.left(kind);
        }
    }

    /// The host, made where it is not known; one that has to go for it tells what it has to tell.
    fn at(&mut self, addr: IpAddr, say: &mut Vec<Finding>) -> &mut Host {
        if self.hosts.get(&addr).is_none() {
            self.hosts.at(addr, &mut self.gone, Box::default);
            for (gone, host) in std::mem::take(&mut self.gone) {
                let now = start_of(host.judged.unwrap_or(0));
                for flood in host.so_far() {
                    self.tell(gone, flood, now, true, say);
                }
            }
        }
        self.hosts.at(addr, &mut self.gone, Box::default)
    }

    /// The host is to be judged for this second.
    fn call(&mut self, addr: IpAddr, second: i64) {
        if let Some(host) = self.hosts.get(&addr)
            && host.due.is_none_or(|due| second > due)
        {
            host.due = Some(second);
            self.due.push_back((second, addr));
        }
    }

    /// Judges every second up to this one; `end` where the input ended.
    #[inline]
    fn judge_up_to(&mut self, last: i64, end: Option<Timestamp>, say: &mut Vec<Finding>) {
        if self.due.front().is_some_and(|(second, _)| *second <= last) {
            self.judge_due(last, end, say);
        }
        self.carpets.judge_up_to(last, say);
    }

    fn judge_due(&mut self, last: i64, end: Option<Timestamp>, say: &mut Vec<Finding>) {
        while let Some((second, addr)) = self.due.front().copied().filter(|(second, _)| *second <= last) {
            self.due.pop_front();
            self.carpets.judge_up_to(second - 1, say);
            let Some(host) = self.hosts.get(&addr) else { continue };
            let at = start_of(second + GRACE + 1).min(end.unwrap_or(Timestamp::MAX));
            let ended = host.judge(second, at, |port| queue_limit(&self.limits, addr, port));
            if let Some(share) = host.share(second) {
                self.carpets.add(second, addr, &share, say);
            }
            if host.is_watched() && host.due.is_none_or(|due| due <= second) {
                let next = (second + 1).max(last - JUMP);
                host.due = Some(next);
                let place = self.due.partition_point(|(s, _)| *s <= next);
                self.due.insert(place, (next, addr));
            }
            for (port, flood, profile) in &ended {
                self.tell(addr, (*port, flood, profile.as_deref()), at, false, say);
            }
        }
    }

    /// A flood. One that is part of one against the whole network is told as that.
    fn tell(
        &self,
        addr: IpAddr,
        (port, flood, profile): Told<'_>,
        now: Timestamp,
        truncated: bool,
        say: &mut Vec<Finding>,
    ) {
        if !flood.is_attack() || !self.carpets.explains(addr, &flood.episode) {
            let key = port.map_or(addr.to_string(), |port| Endpoint::new(addr, port).to_string());
            say.push(flood.finding(key, profile, now, truncated));
        }
    }
}

/// From so many half-open connections on a slow flood is suspected.
fn queue_limit(limits: &Thresholds, addr: IpAddr, port: u16) -> u64 {
    let backlog = limits.backlog(&Endpoint::new(addr, port)).unwrap_or(0);
    QUEUE.max(backlog * QUEUE_SHARE / 100)
}

/// A fixed hash of an address and a port; 0 stands for all ports.
fn key_of(addr: IpAddr, port: u16) -> u64 {
    match addr {
        IpAddr::V4(a) => mix(u64::from(a.to_bits()) << 16 | u64::from(port), 4),
        IpAddr::V6(a) => {
            mix(a.to_bits() as u64 ^ u64::from(port).rotate_right(16), (a.to_bits() >> 64) as u64)
        }
    }
}
