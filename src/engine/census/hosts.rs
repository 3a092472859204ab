//! `Host`: the TIME_WAITs that one address holds, over time and by how they ended (tcp.md §3).

use std::net::IpAddr;
use std::ops::ControlFlow;

use foldhash::HashMap;

use super::curve::Curve;
use super::histogram::Spread;
use super::order::{Addr, in_order};
use crate::config::Config;
use crate::engine::summary::Gauge;
use crate::rules::Finding;
use crate::tcp::{Duration, Timestamp};
use crate::track::{Ended, Record, Role, TimeWait, TimeWaitEnd};

/// The TIME_WAITs that one address holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Host {
    /// Its address.
    pub addr: IpAddr,
    /// How many at once.
    pub gauge: Gauge,
    /// The same over time.
    pub curve: Curve,
    /// How long they are thought to last.
    pub nominal: Duration,
    /// Held as the client.
    pub as_client: u64,
    /// Held as the server.
    pub as_server: u64,
    /// By how their ends are known.
    pub ends: TimeWaitEnds,
    /// How long the ones with an exact end lasted: reopened or assassinated.
    pub exact: Spread,
    /// The shortest time after which one was gone: an upper bound.
    pub gone_within: Option<Duration>,
    /// The longest time one was still there: a lower bound, of refused and censored ones.
    pub alive_for: Option<Duration>,
    /// A SYN refused later than the nominal end: this host's TIME_WAIT lasts at least so long.
    pub observed_min_2msl: Option<Duration>,
    /// Times that one started again.
    pub restarts: u64,
    /// Early reuses of a 4-tuple held here.
    pub reuses: Reuses,
}

/// TIME_WAITs by how their ends are known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TimeWaitEnds {
    /// The 4-tuple was used again: exact.
    pub reopened: u64,
    /// A RST killed it: exact.
    pub assassinated: u64,
    /// The holder answered as if it had no connection: upper bound.
    pub gone: u64,
    /// It refused a SYN past its nominal end: lower bound.
    pub refused: u64,
    /// Nominal end, nothing contradicts: assumed.
    pub expired: u64,
    /// The capture ended first: lower bound.
    pub censored: u64,
}

/// Early reuses of 4-tuples in TIME_WAIT.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reuses {
    /// In all.
    pub total: u64,
    /// Judged safe by TW001.
    pub safe: u64,
    /// Judged unsafe by TW002.
    pub not_safe: u64,
    /// By an ISN of old SND.NXT + 65537: proof of a Linux host that held it.
    pub linux_isn: u64,
    /// SYNs that were refused (TW003 or seen directly).
    pub refused_syns: u64,
}

impl Host {
    fn new(addr: IpAddr, points: usize, nominal: Duration) -> Self {
        Self {
            addr,
            gauge: Gauge::default(),
            curve: Curve::new(points),
            nominal,
            as_client: 0,
            as_server: 0,
            ends: TimeWaitEnds::default(),
            exact: Spread::default(),
            gone_within: None,
            alive_for: None,
            observed_min_2msl: None,
            restarts: 0,
            reuses: Reuses::default(),
        }
    }

    fn settle(&mut self, wait: &TimeWait, now: Timestamp) {
        match wait.endpoint {
            Role::Client => self.as_client += 1,
            Role::Server => self.as_server += 1,
        }
        self.restarts += u64::from(wait.restart_count);
        let began = wait.restarts.last().copied().unwrap_or(wait.start);
        let lasted = wait.end.unwrap_or(now).since(wait.start);
        match wait.end_kind {
            TimeWaitEnd::Reopened | TimeWaitEnd::Assassinated => self.exact.add(lasted),
            TimeWaitEnd::Gone => {
                self.gone_within = Some(self.gone_within.map_or(lasted, |g| g.min(lasted)));
            }
            TimeWaitEnd::Refused | TimeWaitEnd::Censored => self.alive_for = self.alive_for.max(Some(lasted)),
            TimeWaitEnd::Expired => {}
        }
        *self.ends.of(wait.end_kind) += 1;
        if let Some(proved) = wait.alive_until.map(|t| t.since(began)) {
            self.alive_for = self.alive_for.max(Some(proved));
            if proved > self.nominal {
                self.observed_min_2msl = self.observed_min_2msl.max(Some(proved));
            }
        }
    }
}

impl TimeWaitEnds {
    fn of(&mut self, kind: TimeWaitEnd) -> &mut u64 {
        match kind {
            TimeWaitEnd::Reopened => &mut self.reopened,
            TimeWaitEnd::Assassinated => &mut self.assassinated,
            TimeWaitEnd::Gone => &mut self.gone,
            TimeWaitEnd::Refused => &mut self.refused,
            TimeWaitEnd::Expired => &mut self.expired,
            TimeWaitEnd::Censored => &mut self.censored,
        }
    }
}

/// Every host that holds TIME_WAIT, up to a bound.
#[derive(Debug)]
pub(super) struct Hosts {
    all: Vec<Host>,
    of_addr: HashMap<Addr, u32>,
    /// Holders of the 4-tuples that connections reused early, by the new connection, until it ends.
    reused: HashMap<u64, IpAddr>,
    bound: usize,
    points: usize,
    two_msl: Duration,
    /// TIME_WAITs that are in no host's figures.
    pub unlisted: u64,
}

impl Hosts {
    pub fn new(config: &Config) -> Self {
        Self {
            all: Vec::new(),
            of_addr: HashMap::default(),
            reused: HashMap::default(),
            bound: config.tables.hosts.max(1),
            points: config.tables.points,
            two_msl: config.track.two_msl,
            unlisted: 0,
        }
    }

    /// A TIME_WAIT began.
    pub fn enter(&mut self, addr: IpAddr, at: Timestamp) {
        let index = match self.of_addr.get(&Addr(addr)) {
            Some(index) => *index,
            None if self.all.len() < self.bound => self.add(addr),
            None => {
                self.unlisted += 1;
                return;
            }
        };
        if let Some(host) = self.all.get_mut(index as usize) {
            host.gauge.enter(at);
            host.curve.set(at, host.gauge.now);
        }
    }

    fn add(&mut self, addr: IpAddr) -> u32 {
        let index = self.all.len() as u32;
        self.all.push(Host::new(addr, self.points, self.two_msl));
        self.of_addr.insert(Addr(addr), index);
        index
    }

    fn host(&mut self, addr: IpAddr) -> Option<&mut Host> {
        let index = *self.of_addr.get(&Addr(addr))?;
        self.all.get_mut(index as usize)
    }

    /// A TIME_WAIT ended, or never was.
    pub fn leave(&mut self, addr: IpAddr, at: Timestamp) {
        if let Some(host) = self.host(addr) {
            host.gauge.leave();
            host.curve.set(at, host.gauge.now);
        }
    }

    /// The connection took a 4-tuple that this address held.
    pub fn reused(&mut self, connection: u64, holder: IpAddr, linux_isn: bool) {
        if let Some(host) = self.host(holder) {
            host.reuses.total += 1;
            host.reuses.linux_isn += u64::from(linux_isn);
            self.reused.insert(connection, holder);
        }
    }

    /// A SYN was refused out of a TIME_WAIT that this address held.
    pub fn refused(&mut self, holder: IpAddr) {
        if let Some(host) = self.host(holder) {
            host.reuses.refused_syns += 1;
        }
    }

    pub fn ended(&mut self, record: &Record, findings: &[Finding], now: Timestamp) {
        let holder = if self.reused.is_empty() { None } else { self.reused.remove(&record.id) };
        if let Some(host) = holder.and_then(|addr| self.host(addr)) {
            let of = |rule| findings.iter().filter(|f| f.rule == rule).count() as u64;
            host.reuses.safe += of("TW001");
            host.reuses.not_safe += of("TW002");
        }
        for wait in &record.time_wait {
            let addr = record.endpoints.of(wait.endpoint).addr;
            if let Some(host) = self.host(addr) {
                host.settle(wait, now);
                if wait.end.is_none() && record.ended != Ended::EndOfCapture {
                    host.gauge.leave();
                    host.curve.set(now, host.gauge.now);
                }
            }
        }
    }

    /// Tells all of them, by address.
    pub fn finish(
        mut self,
        now: Timestamp,
        mut tell: impl FnMut(&Host) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        for host in self.all.iter_mut().filter(|h| h.gauge.now > 0) {
            host.curve.extend(now);
        }
        for place in in_order(self.all.iter().map(|h| h.addr)) {
            if let Some(host) = self.all.get(place).filter(|h| h.as_client + h.as_server > 0) {
                tell(host)?;
            }
        }
        ControlFlow::Continue(())
    }
}
