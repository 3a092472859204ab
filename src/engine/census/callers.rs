//! `Callers`: the bounded tables of clients and their destinations, and the connections open between them now.

use std::net::IpAddr;

use foldhash::HashMap;

use super::clients::{Client, Destination};
use crate::config::{Config, Thresholds};
use crate::engine::summary::Gauge;
use crate::rules::{Finding, Seen};
use crate::tcp::{Duration, Endpoint, State, Timestamp};
use crate::track::{Ended, Fact, OpenOutcome, Reason, Record};

/// Every client and destination, up to a bound each. Clients that completed no handshake get a quarter of the room,
/// so that a flood from invented addresses does not crowd out those that did.
#[derive(Debug)]
pub(super) struct Callers {
    clients: Vec<Client>,
    destinations: Vec<(u32, Destination)>,
    of_addr: HashMap<IpAddr, u32>,
    of_pair: HashMap<(IpAddr, Endpoint), u32>,
    live: HashMap<u64, Live>,
    unproven: usize,
    bounds: [usize; 2],
    points: usize,
    thresholds: Thresholds,
    two_msl: Duration,
    /// Connections that are in no client's figures.
    pub unlisted_clients: u64,
    /// Connections that are in no destination's figures.
    pub unlisted_destinations: u64,
}

/// A connection that uses a port.
#[derive(Clone, Copy, Debug)]
struct Live {
    client: u32,
    destination: u32,
    client_end: usize,
    open: bool,
    waits: [bool; 2],
}

impl Callers {
    pub fn new(config: &Config) -> Self {
        Self {
            clients: Vec::new(),
            destinations: Vec::new(),
            of_addr: HashMap::default(),
            of_pair: HashMap::default(),
            live: HashMap::default(),
            unproven: 0,
            bounds: [config.tables.clients.max(4), config.tables.destinations.max(1)],
            points: config.tables.points.min(DESTINATION_POINTS),
            thresholds: config.rules.thresholds.clone(),
            two_msl: config.track.two_msl,
            unlisted_clients: 0,
            unlisted_destinations: 0,
        }
    }

    pub fn seen(&mut self, seen: &Seen) {
        let (id, end, at) = (seen.connection, seen.event.end, seen.event.at);
        match seen.event.fact {
            Fact::HandshakeDone { .. } | Fact::Stepped { reason: Reason::Midstream, .. } => self.open(seen),
            Fact::TimeWaitStarted => {
                let Some(live) = self.live(seen) else { return };
                if end == live.client_end {
                    self.close(id, at);
                }
                self.wait(id, end, at, Change::Begins);
            }
            Fact::TimeWaitEnded { .. } => self.wait(id, end, at, Change::Ends),
            Fact::Stepped { to: State::Closed, .. } if self.is_client(id, end) => self.close(id, at),
            Fact::RolledBack { from: State::Closed, to }
                if self.is_client(id, end) && to.is_synchronized() && to != State::TimeWait =>
            {
                self.open(seen);
            }
            _ => {}
        }
    }

    pub fn ended(&mut self, record: &Record, findings: &[Finding], now: Timestamp) {
        let proven = matches!(record.open.outcome, OpenOutcome::Complete | OpenOutcome::NotCaptured);
        let addr = record.endpoints.client.addr;
        match self.client(addr, proven) {
            Some(index) => {
                let thresholds = &self.thresholds;
                if let Some(client) = self.clients.get_mut(index as usize) {
                    client.settle(record, findings, now, thresholds);
                }
            }
            None => self.unlisted_clients += 1,
        }
        let known = self.of_pair.get(&(addr, record.endpoints.server)).copied();
        let pair = known.or_else(|| if proven { self.pair(addr, record.endpoints.server) } else { None });
        match pair.and_then(|d| self.destinations.get_mut(d as usize)) {
            Some((_, destination)) => destination.settle(record),
            None => self.unlisted_destinations += u64::from(proven),
        }
        if record.ended == Ended::EndOfCapture {
            self.live.remove(&record.id);
        } else {
            self.close(record.id, now);
            self.wait(record.id, 0, now, Change::Ends);
            self.wait(record.id, 1, now, Change::Ends);
            self.live.remove(&record.id);
        }
    }

    /// All of them, by address, each with its destinations by address and port.
    pub fn finish(mut self, now: Timestamp) -> Vec<Client> {
        for (client, mut destination) in self.destinations {
            if destination.connections == 0 {
                continue;
            }
            if destination.client_waits.now + destination.server_waits.now > 0 {
                destination.curve.extend(now);
            }
            if let Some(client) = self.clients.get_mut(client as usize) {
                client.destinations.push(destination);
            }
        }
        self.clients.retain(|c| c.outcomes.total() > 0);
        self.clients.sort_by_key(|c| c.addr);
        for client in &mut self.clients {
            client.destinations.sort_by_key(|d| d.server);
        }
        self.clients
    }

    fn open(&mut self, seen: &Seen) {
        let (id, at) = (seen.connection, seen.event.at);
        match self.live(seen) {
            Some(live) if !live.open && live.waits == [false; 2] => {
                self.change(id, |live| live.open = true);
                self.count(live, at, Change::Begins);
            }
            _ => {}
        }
    }

    fn close(&mut self, id: u64, at: Timestamp) {
        if let Some(live) = self.live.get(&id).copied().filter(|l| l.open) {
            self.change(id, |live| live.open = false);
            self.count(live, at, Change::Ends);
        }
    }

    fn count(&mut self, live: Live, at: Timestamp, change: Change) {
        if let Some(client) = self.clients.get_mut(live.client as usize) {
            change.apply(&mut client.open, at);
        }
        if let Some((_, destination)) = self.destinations.get_mut(live.destination as usize) {
            change.apply(&mut destination.open, at);
            change.apply(&mut destination.busy, at);
        }
    }

    fn wait(&mut self, id: u64, end: usize, at: Timestamp, change: Change) {
        let begins = change == Change::Begins;
        let Some(live) = self.live.get(&id).copied().filter(|l| l.waits[end] != begins) else { return };
        self.change(id, |live| live.waits[end] = begins);
        let by_client = end == live.client_end;
        if let Some(client) = self.clients.get_mut(live.client as usize).filter(|_| by_client) {
            change.apply(&mut client.time_wait, at);
        }
        if let Some((_, d)) = self.destinations.get_mut(live.destination as usize) {
            if by_client {
                change.apply(&mut d.client_waits, at);
                change.apply(&mut d.busy, at);
            } else {
                change.apply(&mut d.server_waits, at);
            }
            d.curve.set(at, d.client_waits.now + d.server_waits.now);
        }
    }

    fn change(&mut self, id: u64, change: impl FnOnce(&mut Live)) {
        if let Some(live) = self.live.get_mut(&id) {
            change(live);
        }
    }

    fn is_client(&self, id: u64, end: usize) -> bool {
        self.live.get(&id).is_some_and(|l| l.client_end == end)
    }

    /// The connection, from its first fact on; `None` where the tables have no room for it.
    fn live(&mut self, seen: &Seen) -> Option<Live> {
        if let Some(live) = self.live.get(&seen.connection) {
            return Some(*live);
        }
        let client_end = seen.client.unwrap_or_else(|| likely_client(seen.endpoints));
        let addr = seen.endpoints[client_end].addr;
        let client = self.client(addr, true)?;
        let destination = self.pair(addr, seen.endpoints[1 - client_end]).unwrap_or(u32::MAX);
        let live = Live { client, destination, client_end, open: false, waits: [false; 2] };
        self.live.insert(seen.connection, live);
        Some(live)
    }

    fn client(&mut self, addr: IpAddr, proven: bool) -> Option<u32> {
        if let Some(index) = self.of_addr.get(&addr) {
            return Some(*index);
        }
        let quarter = self.bounds[0] / 4;
        let room = match proven {
            true => self.clients.len() - self.unproven < self.bounds[0] - quarter,
            false => self.unproven < quarter,
        };
        if !room {
            return None;
        }
        self.unproven += usize::from(!proven);
        let index = self.clients.len() as u32;
        let range = (self.thresholds.ephemeral_low, self.thresholds.ephemeral_high);
        self.clients.push(Client::new(addr, range, self.two_msl));
        self.of_addr.insert(addr, index);
        Some(index)
    }

    fn pair(&mut self, addr: IpAddr, server: Endpoint) -> Option<u32> {
        if let Some(index) = self.of_pair.get(&(addr, server)) {
            return Some(*index);
        }
        let client = *self.of_addr.get(&addr)?;
        if self.destinations.len() >= self.bounds[1] {
            return None;
        }
        let index = self.destinations.len() as u32;
        self.destinations.push((client, Destination::new(server, self.points)));
        self.of_pair.insert((addr, server), index);
        Some(index)
    }
}

/// Whether something begins or ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Change {
    Begins,
    Ends,
}

impl Change {
    fn apply(self, gauge: &mut Gauge, at: Timestamp) {
        match self {
            Self::Begins => gauge.enter(at),
            Self::Ends => gauge.leave(),
        }
    }
}

/// Where nothing told the client yet: service ports are low, client ports high (tcp.md §1.10).
fn likely_client([a, b]: [Endpoint; 2]) -> usize {
    let service = |e: Endpoint| e.port < 1024;
    let ephemeral = |e: Endpoint| e.port >= 32_768;
    if service(a) != service(b) {
        return usize::from(service(a));
    }
    usize::from(ephemeral(b) && !ephemeral(a))
}

/// Points of a destination's curve: there are many of them.
const DESTINATION_POINTS: usize = 60;
