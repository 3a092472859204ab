//! A client as it stands in the document.

use std::net::IpAddr;

use schemars::JsonSchema;
use serde::Serialize;

use super::connection::Endpoint;
use super::curve::{AtOnce, Curve, Outcomes, Spread};
use super::scalar::{Ns, OneOf};
use crate::engine::{self, IdleReason};
use crate::output::text::rounded;
use crate::report::Word;

/// What one address did as a client.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Client {
    /// Its address.
    addr: IpAddr,
    /// Connections.
    connections: u64,
    /// The same by what came of their opening.
    outcomes: Outcomes,
    /// Short ones: one exchange, then closed.
    short: u64,
    /// Long ones: used again, kept or idle.
    long: u64,
    /// Open at once: from the completed handshake until the client's end is CLOSED or in TIME_WAIT.
    open: AtOnce,
    /// TIME_WAITs it held as the client, at once.
    time_wait: AtOnce,
    /// Its ports.
    ports: Ports,
    /// From the first SYN to an open server, of the complete connections.
    setup: Cost,
    /// From the first FIN or RST on, of the closed connections.
    teardown: Cost,
    /// Segments of all its connections, both directions.
    segments: u64,
    /// Payload of all its connections, both directions, each byte once.
    payload_bytes: u64,
    /// Round trips of its handshakes, from the last SYN to the final ACK.
    rtt: Spread,
    /// Connections that sat still, by reason; reasons without any are left out.
    idle: Vec<Idle>,
    /// Where it connected to, by address and port.
    destinations: Vec<Destination>,
}

/// Local ports of a client.
#[derive(Debug, Serialize, JsonSchema)]
struct Ports {
    /// How many were seen.
    seen: u64,
    /// The lowest and the highest seen.
    span: Option<[u16; 2]>,
    /// The range it is thought to choose from.
    range: [u16; 2],
    /// How many ports that is, toward each destination.
    capacity: u64,
}

/// What opening or closing connections cost.
#[derive(Debug, Serialize, JsonSchema)]
struct Cost {
    /// Connections that paid it.
    connections: u64,
    /// Segments of both ends.
    segments: u64,
    /// Bytes of their IP and TCP headers without options: at least so many were sent.
    header_bytes: u64,
    /// Time, summed over the connections.
    time_ns: Ns,
}

/// Connections that sat still for one reason.
#[derive(Debug, Serialize, JsonSchema)]
struct Idle {
    /// The reason.
    reason: OneOf<IdleReason>,
    /// How many.
    connections: u64,
    /// The longest time; null where it is not known.
    longest_ns: Option<Ns>,
}

/// What one client did toward one address and port.
#[derive(Debug, Serialize, JsonSchema)]
struct Destination {
    /// Whom it called.
    server: Endpoint,
    /// Connections.
    connections: u64,
    /// Of these, closed ones.
    closed: u64,
    /// Of these, closed first by the client, which then holds TIME_WAIT and the port.
    closed_by_client: u64,
    /// Short ones.
    short: u64,
    /// Open at once.
    open: AtOnce,
    /// TIME_WAITs of this pair.
    time_wait: Sides,
    /// Ports busy at once: open, and in the client's TIME_WAIT.
    busy: AtOnce,
    /// When its ports run out.
    ceiling: Ceiling,
    /// What as many connections kept open as were open at once would have saved; null where nothing.
    pooling: Option<Pooling>,
    /// Round trips of the handshakes.
    rtt: Spread,
}

/// TIME_WAITs of one client and destination.
#[derive(Debug, Serialize, JsonSchema)]
struct Sides {
    /// Held by the client: each blocks a port of it.
    client: AtOnce,
    /// Held by the server: each blocks one 4-tuple.
    server: AtOnce,
    /// Both over time.
    curve: Option<Curve>,
}

/// Client ports toward one destination, and when they run out.
#[derive(Debug, Serialize, JsonSchema)]
struct Ceiling {
    /// Busy ports at the peak, as a share of the capacity.
    share: f64,
    /// Closes a second by the client that the range can bear, each port being blocked for 2 MSL.
    closes_per_second: f64,
    /// Closes a second by the client as seen; null over less than a second.
    rate: Option<f64>,
    /// At the pace at which ports became busy, from the peak on; null below 100 busy ports.
    exhausted_in_ns: Option<Ns>,
}

/// What pooling would have saved.
#[derive(Debug, Serialize, JsonSchema)]
struct Pooling {
    /// Connections that were not needed.
    connections: u64,
    /// Segments: three to open and four to close each of them.
    segments: u64,
    /// Waiting: the mean round trip for each of them; null where no round trip was seen.
    time_ns: Option<Ns>,
}

impl From<&engine::Client> for Client {
    fn from(c: &engine::Client) -> Self {
        let idle = IdleReason::ALL.iter().zip(&c.idle).filter(|(_, i)| i.connections > 0);
        Self {
            addr: c.addr,
            connections: c.outcomes.total(),
            outcomes: (&c.outcomes).into(),
            short: c.short,
            long: c.long,
            open: (&c.open).into(),
            time_wait: (&c.time_wait).into(),
            ports: Ports {
                seen: c.ports.count(),
                span: c.ports.span().map(<[u16; 2]>::from),
                range: c.range.into(),
                capacity: c.capacity(),
            },
            setup: (&c.setup).into(),
            teardown: (&c.teardown).into(),
            segments: c.segments,
            payload_bytes: c.payload_bytes,
            rtt: (&c.rtt).into(),
            idle: idle
                .map(|(reason, i)| Idle {
                    reason: OneOf(*reason),
                    connections: i.connections,
                    longest_ns: i.longest.map(Ns::from),
                })
                .collect(),
            destinations: c.destinations.iter().map(|d| Destination::new(c, d)).collect(),
        }
    }
}

impl From<&engine::Cost> for Cost {
    fn from(c: &engine::Cost) -> Self {
        Self {
            connections: c.connections,
            segments: c.segments,
            header_bytes: c.header_bytes,
            time_ns: c.time.into(),
        }
    }
}

impl Destination {
    fn new(client: &engine::Client, d: &engine::Destination) -> Self {
        let ceiling = client.ceiling(d);
        Self {
            server: d.server.into(),
            connections: d.connections,
            closed: d.closed,
            closed_by_client: d.closed_by_client,
            short: d.short,
            open: (&d.open).into(),
            time_wait: Sides {
                client: (&d.client_waits).into(),
                server: (&d.server_waits).into(),
                curve: Curve::of(&d.curve),
            },
            busy: (&d.busy).into(),
            ceiling: Ceiling {
                share: rounded(ceiling.share),
                closes_per_second: rounded(ceiling.closes_per_second),
                rate: ceiling.rate.map(rounded),
                exhausted_in_ns: ceiling.exhausted_in.map(Ns::from),
            },
            pooling: d.saving().map(|s| Pooling {
                connections: s.connections,
                segments: s.segments,
                time_ns: s.time.map(Ns::from),
            }),
            rtt: (&d.rtt).into(),
        }
    }
}
