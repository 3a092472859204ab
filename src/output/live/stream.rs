//! The lines of `--format ndjson` that only a live capture has: what happens, and how things stand.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Loss, Turn, role};
use crate::engine::{Gauge, Happening, Listener, Moment};
use crate::output::document::{Endpoint, Finding, Places, Summary, Time};
use crate::report::Word;
use crate::tcp::{self, State};
use crate::track::Fact;

/// Something happened to a connection.
#[derive(Debug, Serialize)]
pub struct EventLine {
    /// `attempt`, `opened`, `refused`, `reset`, `closed`, `state`, `rolled-back`.
    event: &'static str,
    at: Time,
    frame: u64,
    /// The connection's id.
    connection: u64,
    client: Endpoint,
    server: Endpoint,
    /// The end it happened to.
    endpoint: &'static str,
    /// A step of that end: from, to and why; null where it made none.
    from: Option<&'static str>,
    to: Option<&'static str>,
    reason: Option<&'static str>,
    certainty: Option<&'static str>,
    /// Where both ends stand after it.
    state: EndStates,
}

#[derive(Debug, Serialize)]
struct EndStates {
    client: &'static str,
    server: &'static str,
}

impl EventLine {
    pub fn new(h: &Happening) -> Self {
        let client = h.client.unwrap_or(0);
        let (from, to, reason, certainty) = match h.event.fact {
            Fact::Stepped { from, to, certainty, reason } => {
                (Some(from), Some(to), Some(reason.word()), Some(certainty.word()))
            }
            Fact::RolledBack { from, to } => (Some(from), Some(to), None, None),
            _ => (None, None, None, None),
        };
        Self {
            event: Turn::of(h).word(),
            at: Time(h.event.at),
            frame: h.event.frame,
            connection: h.connection,
            client: h.endpoints[client].into(),
            server: h.endpoints[1 - client].into(),
            endpoint: role(h, h.event.end).word(),
            from: from.map(State::name),
            to: to.map(State::name),
            reason,
            certainty,
            state: EndStates { client: h.states[client].name(), server: h.states[1 - client].name() },
        }
    }
}

/// How things stand.
#[derive(Debug, Serialize)]
pub struct MomentLine<'a> {
    at: Time,
    /// Packets by what became of them.
    captured: Captured,
    /// Ends by state.
    states: BTreeMap<&'static str, u64>,
    half_open: u64,
    time_wait: u64,
    /// SYNs that ask for a connection, repetitions included.
    syns: u64,
    /// Listeners with half-open connections, fullest first, at most ten.
    queues: Vec<Queue>,
    /// Attacks and other episodes that go on, as they stand.
    going_on: Vec<Finding<'a>>,
    /// Counts so far, as at the end.
    summary: Summary,
}

#[derive(Debug, Serialize)]
struct Captured {
    packets: u64,
    received: u64,
    dropped: u64,
    dropped_by_interface: u64,
}

#[derive(Debug, Serialize)]
struct Queue {
    listener: Endpoint,
    half_open: u64,
    peak: u64,
    backlog: Option<u64>,
}

impl<'a> MomentLine<'a> {
    pub fn new(m: &'a Moment<'_>, places: &'a Places) -> Self {
        let loss = Loss::of(m.inputs);
        let counted = |s: &&State| !matches!(s, State::Closed | State::Listen | State::Unknown);
        Self {
            at: Time(m.clock),
            captured: Captured {
                packets: m.summary.packets,
                received: loss.received,
                dropped: loss.dropped,
                dropped_by_interface: loss.dropped_by_interface,
            },
            states: State::ALL.iter().filter(counted).map(|s| (s.name(), m.states.of(*s))).collect(),
            half_open: m.summary.half_open.now,
            time_wait: m.summary.time_wait.now,
            syns: m.syns,
            queues: queues(m.listeners),
            going_on: m.going_on.iter().map(|f| Finding::new(f, places)).collect(),
            summary: Summary::new(m.summary),
        }
    }
}

fn queues(listeners: &[&Listener]) -> Vec<Queue> {
    let queue = |l: &&Listener| {
        let gauge = l.queue.as_ref()?.gauge;
        (gauge.now > 0).then_some((gauge, l.endpoint, l.backlog))
    };
    let mut all: Vec<_> = listeners.iter().filter_map(queue).collect();
    all.sort_unstable_by_key(|(gauge, endpoint, _)| (std::cmp::Reverse(gauge.now), *endpoint));
    all.truncate(QUEUES);
    let line = |(gauge, endpoint, backlog): (Gauge, tcp::Endpoint, _)| Queue {
        listener: endpoint.into(),
        half_open: gauge.now,
        peak: gauge.peak,
        backlog,
    };
    all.into_iter().map(line).collect()
}

/// Listeners named in one line.
const QUEUES: usize = 10;
