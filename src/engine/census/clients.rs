//! `Client` and `Destination`: what one address did as a client, in all and toward each address and port it called.
//!
//! A port is busy while its connection is open, from the completed handshake until the client's end is CLOSED, and
//! while the client holds TIME_WAIT for it.

use std::net::IpAddr;

use super::curve::Curve;
use super::histogram::Spread;
use super::idle::{IDLE_REASONS, Idle, idle};
use super::listeners::Outcomes;
use super::ports::PortSet;
use crate::config::Thresholds;
use crate::engine::summary::Gauge;
use crate::rules::Finding;
use crate::tcp::{Duration, Endpoint, State, Timestamp};
use crate::track::{Class, CloseShape, Closer, Record, Role};

/// What one address did as a client.
#[derive(Clone, Debug, PartialEq)]
pub struct Client {
    /// Its address.
    pub addr: IpAddr,
    /// Its connections by what came of their opening.
    pub outcomes: Outcomes,
    /// Short ones: one exchange, then closed.
    pub short: u64,
    /// Long ones: used again, kept or idle.
    pub long: u64,
    /// Connections open at once.
    pub open: Gauge,
    /// TIME_WAITs it held as the client, at once.
    pub time_wait: Gauge,
    /// Its ports.
    pub ports: PortSet,
    /// First and last port of the range it is thought to choose from.
    pub range: (u16, u16),
    /// How long its TIME_WAITs are thought to last.
    pub two_msl: Duration,
    /// Of the complete connections: from SYN to final ACK.
    pub setup: Cost,
    /// Of the closed ones: from the first FIN or RST on.
    pub teardown: Cost,
    /// All segments of its connections, both directions.
    pub segments: u64,
    /// Payload bytes of its connections, both directions, each byte once.
    pub payload_bytes: u64,
    /// Round trips of its handshakes.
    pub rtt: Spread,
    /// Connections that sat still, by reason, in the order of [`super::IdleReason`].
    pub idle: [Idle; IDLE_REASONS],
    /// Where it connected to, by address and port.
    pub destinations: Vec<Destination>,
}

/// What opening or closing connections cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// Connections that paid it.
    pub connections: u64,
    /// Segments of both ends.
    pub segments: u64,
    /// Bytes of IP and TCP headers without options: at least so many were sent.
    pub header_bytes: u64,
    /// Time, summed over the connections.
    pub time: Duration,
}

/// What one client did toward one address and port.
#[derive(Clone, Debug, PartialEq)]
pub struct Destination {
    /// Whom it called.
    pub server: Endpoint,
    /// Connections.
    pub connections: u64,
    /// Of these, complete and closed ones.
    pub closed: u64,
    /// Of these, closed first by the client, which then holds TIME_WAIT and the port.
    pub closed_by_client: u64,
    /// Short ones.
    pub short: u64,
    /// Open at once.
    pub open: Gauge,
    /// TIME_WAITs held by the client at once.
    pub client_waits: Gauge,
    /// TIME_WAITs held by the server at once.
    pub server_waits: Gauge,
    /// TIME_WAITs of both sides over time.
    pub curve: Curve,
    /// Ports busy at once: open and in the client's TIME_WAIT.
    pub busy: Gauge,
    /// Round trips of the handshakes.
    pub rtt: Spread,
    /// Sum of these round trips.
    pub rtt_sum: Duration,
    /// Time of the first packet.
    pub first: Timestamp,
    /// Time of the last packet.
    pub last: Timestamp,
}

/// What one set of connections kept open would have saved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Saving {
    /// Connections that were not needed.
    pub connections: u64,
    /// Segments: three to open and four to close each of them.
    pub segments: u64,
    /// Time: a round trip each; `None` where none was seen.
    pub time: Option<Duration>,
}

/// Client ports toward one destination, and when they run out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ceiling {
    /// Ports of the ephemeral range.
    pub capacity: u64,
    /// Busy ones at the peak, of the capacity.
    pub share: f64,
    /// Closes a second that the range can bear, each port being blocked for 2 MSL.
    pub closes_per_second: f64,
    /// Closes a second as seen, by the client; `None` over less than a second.
    pub rate: Option<f64>,
    /// At the pace at which they became busy, until none is left; `None` where too few to tell.
    pub exhausted_in: Option<Duration>,
}

impl Client {
    pub(super) fn new(addr: IpAddr, range: (u16, u16), two_msl: Duration) -> Self {
        Self {
            addr,
            outcomes: Outcomes::default(),
            short: 0,
            long: 0,
            open: Gauge::default(),
            time_wait: Gauge::default(),
            ports: PortSet::default(),
            range,
            two_msl,
            setup: Cost::default(),
            teardown: Cost::default(),
            segments: 0,
            payload_bytes: 0,
            rtt: Spread::default(),
            idle: [Idle::default(); IDLE_REASONS],
            destinations: Vec::new(),
        }
    }

    pub(super) fn settle(&mut self, r: &Record, findings: &[Finding], now: Timestamp, t: &Thresholds) {
        self.outcomes.add(r.open.outcome);
        self.short += u64::from(r.class == Some(Class::Short));
        self.long += u64::from(r.class == Some(Class::Long));
        self.ports.insert(r.endpoints.client.port);
        self.segments += r.sent.client.segments + r.sent.server.segments;
        self.payload_bytes += r.sent.client.unique_bytes + r.sent.server.unique_bytes;
        if let Some(rtt) = r.open.rtt {
            self.rtt.add(rtt);
        }
        let header = if self.addr.is_ipv4() { 40 } else { 60 };
        if let Some(time) = setup(r) {
            self.setup.add(u64::from(r.sent.client.syn + r.sent.server.syn) + 1, header, time);
        }
        if let Some(time) = r.close.duration {
            self.teardown.add(closing_segments(r), header, time);
        }
        if let Some((reason, lasted)) = idle(r, findings, now, t) {
            self.idle[reason as usize].add(lasted);
        }
    }

    /// How many ports it is thought to choose from, toward each destination.
    pub fn capacity(&self) -> u64 {
        u64::from(self.range.1.saturating_sub(self.range.0)) + 1
    }

    /// How near its ports toward one destination came to their end.
    pub fn ceiling(&self, destination: &Destination) -> Ceiling {
        destination.ceiling(self.capacity(), self.two_msl)
    }
}

impl Cost {
    fn add(&mut self, segments: u64, header: u64, time: Duration) {
        self.connections += 1;
        self.segments += segments;
        self.header_bytes += segments * header;
        self.time = self.time + time;
    }
}

impl Destination {
    pub(super) fn new(server: Endpoint, points: usize) -> Self {
        Self {
            server,
            connections: 0,
            closed: 0,
            closed_by_client: 0,
            short: 0,
            open: Gauge::default(),
            client_waits: Gauge::default(),
            server_waits: Gauge::default(),
            curve: Curve::new(points),
            busy: Gauge::default(),
            rtt: Spread::default(),
            rtt_sum: Duration::ZERO,
            first: Timestamp::MAX,
            last: Timestamp::MIN,
        }
    }

    pub(super) fn settle(&mut self, r: &Record) {
        self.connections += 1;
        let closed = r.close.active_closer.is_some() || r.close.reset_by.is_some();
        self.closed += u64::from(closed);
        self.closed_by_client += u64::from(r.close.active_closer == Some(Closer::Client));
        self.short += u64::from(r.class == Some(Class::Short));
        if let Some(rtt) = r.open.rtt {
            self.rtt.add(rtt);
            self.rtt_sum = self.rtt_sum + rtt;
        }
        self.first = self.first.min(r.first);
        self.last = self.last.max(r.last);
    }

    /// What as many connections kept open as were open at once would have saved; `None` where nothing.
    pub fn saving(&self) -> Option<Saving> {
        let needed = self.open.peak.max(1);
        let connections = self.closed.checked_sub(needed).filter(|n| *n > 0)?;
        let mean = self.rtt_sum.0.checked_div(self.rtt.count() as i64);
        Some(Saving {
            connections,
            segments: connections * SEGMENTS_EACH,
            time: mean.map(|ns| Duration(ns).times(connections as i64)),
        })
    }

    fn ceiling(&self, capacity: u64, two_msl: Duration) -> Ceiling {
        let span = self.last.since(self.first);
        let seconds = span.as_secs_f64();
        let left = capacity.saturating_sub(self.busy.peak);
        let rise = self.busy.peak_at.map(|at| at.since(self.first).as_secs_f64()).filter(|s| *s > 0.0);
        let pace = rise.filter(|_| self.busy.peak >= FEW).map(|s| self.busy.peak as f64 / s);
        Ceiling {
            capacity,
            share: self.busy.peak as f64 / capacity.max(1) as f64,
            closes_per_second: capacity as f64 / two_msl.as_secs_f64().max(1e-9),
            rate: (seconds >= 1.0).then(|| self.closed_by_client as f64 / seconds),
            exhausted_in: pace.map(|p| Duration((left as f64 / p * 1e9) as i64)),
        }
    }
}

/// From the client's first SYN to the server's step into ESTABLISHED, repeated SYNs included; `None` when either was
/// not captured or the step was rolled back.
pub fn setup(record: &Record) -> Option<Duration> {
    let start = record.path(Role::Client).find(|t| t.to == State::SynSent)?.at;
    let end = record.path(Role::Server).find(|t| t.to == State::Established)?.at;
    Some(end.since(start))
}

/// FINs and RSTs as sent, and the ACKs that the shape of the close needs.
fn closing_segments(r: &Record) -> u64 {
    let sent =
        [r.sent.client, r.sent.server].iter().map(|f| u64::from(f.fin) + u64::from(f.rst)).sum::<u64>();
    let acks = match r.close.shape {
        CloseShape::FourSegment | CloseShape::SimultaneousClose | CloseShape::HalfClose => 2,
        CloseShape::ThreeSegment => 1,
        CloseShape::Abort | CloseShape::RstAfterFin | CloseShape::None => 0,
    };
    sent + acks
}

/// Three to open, four to close (tcp.md CN001).
const SEGMENTS_EACH: u64 = 7;
/// Fewer busy ports tell no pace.
const FEW: u64 = 100;
