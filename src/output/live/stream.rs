//! The lines of `--format ndjson` that only a live capture has: what happens, and how things stand.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::{Loss, Turn, role};
use crate::engine::{Gauge, Happening, Listener, Moment};
use crate::output::document::{Endpoint, Ends, Finding, OneOf, Places, Summary, Time};
use crate::tcp::{self, Certainty, State};
use crate::track::{Fact, Reason, Role};

/// Something happened to a connection.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Event")]
pub struct EventLine {
    /// What happened.
    event: OneOf<Turn>,
    /// When.
    at: Time,
    /// The packet that shows it; of a timer, the connection's latest one.
    frame: u64,
    /// The connection's id.
    connection: u64,
    /// Whoever seems to be the client by now, else the sender of the first packet.
    client: Endpoint,
    /// The other end.
    server: Endpoint,
    /// The end it happened to.
    endpoint: OneOf<Role>,
    /// The state that end left; null where it made no step.
    from: Option<OneOf<State>>,
    /// The state it entered.
    to: Option<OneOf<State>>,
    /// Why; null where a step is taken back.
    reason: Option<OneOf<Reason>>,
    /// How that is known.
    certainty: Option<OneOf<Certainty>>,
    /// Where both ends stand after it.
    state: Ends<OneOf<State>>,
}

impl EventLine {
    pub fn new(h: &Happening) -> Self {
        let client = h.client.unwrap_or(0);
        let (from, to, reason, certainty) = match h.event.fact {
            Fact::Stepped { from, to, certainty, reason } => {
                (Some(from), Some(to), Some(OneOf(reason)), Some(OneOf(certainty)))
            }
            Fact::RolledBack { from, to } => (Some(from), Some(to), None, None),
            _ => (None, None, None, None),
        };
        Self {
            event: OneOf(Turn::of(h)),
            at: Time(h.event.at),
            frame: h.event.frame,
            connection: h.connection,
            client: h.endpoints[client].into(),
            server: h.endpoints[1 - client].into(),
            endpoint: OneOf(role(h, h.event.end)),
            from: from.map(OneOf),
            to: to.map(OneOf),
            reason,
            certainty,
            state: Ends { client: OneOf(h.states[client]), server: OneOf(h.states[1 - client]) },
        }
    }
}

/// How things stand.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Moment")]
pub struct MomentLine<'a> {
    /// The clock of the capture.
    at: Time,
    /// Packets by what became of them.
    captured: Captured,
    /// Ends by state; both ends of each connection are counted.
    states: BTreeMap<&'static str, u64>,
    /// Half-open connections.
    half_open: u64,
    /// Ends in TIME_WAIT.
    time_wait: u64,
    /// SYNs that ask for a connection, repetitions included.
    syns: u64,
    /// Listeners with half-open connections, fullest first, at most ten.
    queues: Vec<Queue>,
    /// Attacks and other episodes that go on, as they stand, the gravest first, at most 50.
    going_on: Vec<Finding<'a>>,
    /// How many more there are.
    more_going_on: usize,
    /// Counts so far, as at the end.
    summary: Summary,
}

/// What became of the packets.
#[derive(Debug, Serialize, JsonSchema)]
struct Captured {
    /// Analyzed.
    packets: u64,
    /// Came through the filter, as the kernel counts them, dropped ones included.
    received: u64,
    /// Dropped by the kernel, because nobody took them in time.
    dropped: u64,
    /// Dropped by the interface before anybody saw them.
    dropped_by_interface: u64,
}

/// A listener's SYN queue.
#[derive(Debug, Serialize, JsonSchema)]
struct Queue {
    /// Whose.
    listener: Endpoint,
    /// Half-open connections now.
    half_open: u64,
    /// Most of them at once.
    peak: u64,
    /// What they are judged against, where the user gave it.
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
            going_on: m.going_on.iter().take(EPISODES).map(|f| Finding::new(f, places)).collect(),
            more_going_on: m.going_on.len().saturating_sub(EPISODES),
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

/// Episodes told in one line.
const EPISODES: usize = 50;
/// Listeners named in one line.
const QUEUES: usize = 10;
