//! `Callers`: the bounded tables of clients and their destinations, and the connections open between them now.

use std::collections::hash_map::Entry;
use std::net::IpAddr;
use std::ops::ControlFlow;

use foldhash::HashMap;

use super::clients::{Client, Destination};
use super::order::{Addr, in_order};
use crate::config::{Config, Thresholds};
use crate::engine::summary::Gauge;
use crate::rules::{Finding, Seen};
use crate::tcp::{Duration, Endpoint, State, Timestamp};
use crate::track::{Ended, Fact, OpenOutcome, Reason, Record};

/// The clients, and the connections that are open now.
#[derive(Debug)]
pub(super) struct Callers {
    book: Book,
    live: HashMap<u64, Live>,
    thresholds: Thresholds,
    /// Connections that are in no client's figures.
    pub unlisted_clients: u64,
    /// Connections that are in no destination's figures.
    pub unlisted_destinations: u64,
}

/// Every client with its destinations, up to a bound each. Clients that completed no handshake get a quarter of the
/// room, so that a flood from invented addresses does not crowd out those that did.
#[derive(Debug)]
struct Book {
    clients: Vec<Client>,
    of_addr: HashMap<Addr, u32>,
    /// Where a destination stands in the list of its client; only for those of clients that have many.
    of_pair: HashMap<(u32, Endpoint), u32>,
    destinations: usize,
    unproven: usize,
    bounds: [usize; 2],
    points: usize,
    range: (u16, u16),
    two_msl: Duration,
}

/// A connection that uses a port.
#[derive(Clone, Copy, Debug)]
struct Live {
    client: u32,
    /// Its place in the client's list; [`Live::UNLISTED`] where there was no room.
    destination: u32,
    client_end: usize,
    open: bool,
    waits: [bool; 2],
}

impl Callers {
    pub fn new(config: &Config) -> Self {
        let thresholds = config.rules.thresholds.clone();
        let book = Book {
            clients: Vec::new(),
            of_addr: HashMap::default(),
            of_pair: HashMap::default(),
            destinations: 0,
            unproven: 0,
            bounds: [config.tables.clients.max(4), config.tables.destinations.max(1)],
            points: config.tables.points.min(DESTINATION_POINTS),
            range: (thresholds.ephemeral_low, thresholds.ephemeral_high),
            two_msl: config.track.two_msl,
        };
        Self { book, live: HashMap::default(), thresholds, unlisted_clients: 0, unlisted_destinations: 0 }
    }

    pub fn seen(&mut self, seen: &Seen) {
        let (id, end, at) = (seen.connection, seen.event.end, seen.event.at);
        let book = &mut self.book;
        match seen.event.fact {
            Fact::HandshakeDone { .. } | Fact::Stepped { reason: Reason::Midstream, .. } => {
                if let Some(live) = known(&mut self.live, book, seen) {
                    live.open(book, at);
                }
            }
            Fact::TimeWaitStarted => {
                if let Some(live) = known(&mut self.live, book, seen) {
                    if end == live.client_end {
                        live.close(book, at);
                    }
                    live.wait(book, end, at, Change::Begins);
                }
            }
            Fact::TimeWaitEnded { .. } => {
                if let Some(live) = self.live.get_mut(&id) {
                    live.wait(book, end, at, Change::Ends);
                }
            }
            Fact::Stepped { to: State::Closed, .. } => {
                if let Some(live) = self.live.get_mut(&id).filter(|l| l.client_end == end) {
                    live.close(book, at);
                }
            }
            Fact::RolledBack { from: State::Closed, to } if to.is_synchronized() && to != State::TimeWait => {
                if let Some(live) = self.live.get_mut(&id).filter(|l| l.client_end == end) {
                    live.open(book, at);
                }
            }
            _ => {}
        }
    }

    pub fn ended(&mut self, record: &Record, findings: &[Finding], now: Timestamp) {
        let live = if self.live.is_empty() { None } else { self.live.remove(&record.id) };
        self.settle(live, record, findings, now);
        if let Some(mut live) = live.filter(|_| record.ended != Ended::EndOfCapture) {
            live.close(&mut self.book, now);
            live.wait(&mut self.book, 0, now, Change::Ends);
            live.wait(&mut self.book, 1, now, Change::Ends);
        }
    }

    fn settle(&mut self, live: Option<Live>, record: &Record, findings: &[Finding], now: Timestamp) {
        let proven = matches!(record.open.outcome, OpenOutcome::Complete | OpenOutcome::NotCaptured);
        let (addr, server) = (record.endpoints.client.addr, record.endpoints.server);
        let book = &mut self.book;
        // Who was taken for the client may have turned out to be the server.
        let known = live.filter(|l| book.clients.get(l.client as usize).is_some_and(|c| c.addr == addr));
        let Some(index) = known.map(|l| l.client).or_else(|| book.client(addr, proven)) else {
            self.unlisted_clients += 1;
            self.unlisted_destinations += u64::from(proven);
            return;
        };
        let place = known.map(|l| l.destination).filter(|place| {
            book.destination(index, *place).is_some_and(|destination| destination.server == server)
        });
        let place = place.or_else(|| match proven {
            true => book.pair(index, server),
            false => book.find(index, server),
        });
        if let Some(client) = book.clients.get_mut(index as usize) {
            client.settle(record, findings, now, &self.thresholds);
        }
        match place.and_then(|place| book.destination(index, place)) {
            Some(destination) => destination.settle(record),
            None => self.unlisted_destinations += u64::from(proven),
        }
    }

    /// Tells all of them, by address, each with its destinations by address and port.
    pub fn finish(
        mut self,
        now: Timestamp,
        mut tell: impl FnMut(&Client) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let clients = &mut self.book.clients;
        for place in in_order(clients.iter().map(|c| c.addr)) {
            let Some(client) = clients.get_mut(place).filter(|c| c.outcomes.total() > 0) else { continue };
            client.destinations.retain(|d| d.connections > 0);
            client.destinations.sort_unstable_by_key(|d| d.server);
            for destination in &mut client.destinations {
                if destination.client_waits.now + destination.server_waits.now > 0 {
                    destination.curve.extend(now);
                }
            }
            tell(client)?;
        }
        ControlFlow::Continue(())
    }
}

/// The connection, from its first fact on; `None` where the tables have no room for it.
fn known<'a>(live: &'a mut HashMap<u64, Live>, book: &mut Book, seen: &Seen) -> Option<&'a mut Live> {
    match live.entry(seen.connection) {
        Entry::Occupied(known) => Some(known.into_mut()),
        Entry::Vacant(place) => Some(place.insert(Live::new(book, seen)?)),
    }
}

impl Live {
    /// In the place of a destination: there was no room for it.
    const UNLISTED: u32 = u32::MAX;

    fn new(book: &mut Book, seen: &Seen) -> Option<Self> {
        let client_end = seen.client.unwrap_or_else(|| likely_client(seen.endpoints));
        let client = book.client(seen.endpoints[client_end].addr, true)?;
        let destination = book.pair(client, seen.endpoints[1 - client_end]).unwrap_or(Self::UNLISTED);
        Some(Self { client, destination, client_end, open: false, waits: [false; 2] })
    }

    fn open(&mut self, book: &mut Book, at: Timestamp) {
        if !self.open && self.waits == [false; 2] {
            self.open = true;
            self.count(book, at, Change::Begins);
        }
    }

    fn close(&mut self, book: &mut Book, at: Timestamp) {
        if self.open {
            self.open = false;
            self.count(book, at, Change::Ends);
        }
    }

    fn count(&self, book: &mut Book, at: Timestamp, change: Change) {
        let Some(client) = book.clients.get_mut(self.client as usize) else { return };
        change.apply(&mut client.open, at);
        if let Some(destination) = client.destinations.get_mut(self.destination as usize) {
            change.apply(&mut destination.open, at);
            change.apply(&mut destination.busy, at);
        }
    }

    fn wait(&mut self, book: &mut Book, end: usize, at: Timestamp, change: Change) {
        let begins = change == Change::Begins;
        if self.waits[end] == begins {
            return;
        }
        self.waits[end] = begins;
        let by_client = end == self.client_end;
        let Some(client) = book.clients.get_mut(self.client as usize) else { return };
        if by_client {
            change.apply(&mut client.time_wait, at);
        }
        if let Some(d) = client.destinations.get_mut(self.destination as usize) {
            if by_client {
                change.apply(&mut d.client_waits, at);
                change.apply(&mut d.busy, at);
            } else {
                change.apply(&mut d.server_waits, at);
            }
            d.curve.set(at, d.client_waits.now + d.server_waits.now);
        }
    }
}

impl Book {
    /// As many are searched as fast as a table.
    const MANY: usize = 8;

    fn client(&mut self, addr: IpAddr, proven: bool) -> Option<u32> {
        if let Some(index) = self.of_addr.get(&Addr(addr)) {
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
        self.clients.push(Client::new(addr, self.range, self.two_msl));
        self.of_addr.insert(Addr(addr), index);
        Some(index)
    }

    fn destination(&mut self, client: u32, place: u32) -> Option<&mut Destination> {
        self.clients.get_mut(client as usize)?.destinations.get_mut(place as usize)
    }

    /// Where a destination stands in the list of its client, if it does.
    fn find(&self, client: u32, server: Endpoint) -> Option<u32> {
        let list = &self.clients.get(client as usize)?.destinations;
        if list.len() >= Self::MANY {
            return self.of_pair.get(&(client, server)).copied();
        }
        list.iter().position(|d| d.server == server).map(|place| place as u32)
    }

    /// The same, and if it does not, it does from now on, while there is room.
    fn pair(&mut self, client: u32, server: Endpoint) -> Option<u32> {
        if let Some(place) = self.find(client, server) {
            return Some(place);
        }
        if self.destinations >= self.bounds[1] {
            return None;
        }
        self.destinations += 1;
        let list = &mut self.clients.get_mut(client as usize)?.destinations;
        let place = list.len();
        if place == 0 {
            // Most have one.
            list.reserve_exact(1);
        }
        list.push(Destination::new(server, self.points));
        let first = match list.len() {
            0..Self::MANY => return Some(place as u32),
            Self::MANY => 0,
            _ => place,
        };
        let newly = list.iter().zip(0..).skip(first).map(|(d, place)| ((client, d.server), place));
        self.of_pair.extend(newly);
        Some(place as u32)
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
