//! What a sink that watches while packets come may ask for: `Happening`, `Glimpse` and `Moment`.
//!
//! None of it is made unless the sink wants it; what the engine says at the end does not depend on it.

use super::census::Listener;
use super::summary::Summary;
use crate::rules::Finding;
use crate::source::Input;
use crate::tcp::{Endpoint, State, Timestamp};
use crate::track::{Connection, Event, Fact, Partition, Reason};

/// What a sink wants to hear beside connections, findings and what is told at the end.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Wishes {
    /// Every segment that a connection took in: [`super::Sink::segment`].
    pub segments: bool,
    /// What happens to connections, when it happens: [`super::Sink::happening`].
    pub happenings: Happenings,
    /// Findings about a connection before it has ended: [`super::Sink::draft`].
    pub drafts: bool,
}

/// Which happenings a sink wants to hear. Under a flood of SYNs only the first two cost nothing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub enum Happenings {
    /// None.
    #[default]
    None,
    /// Those after which a connection is open, refused, reset or closed.
    Decisive,
    /// All.
    All,
}

/// What a sink asks for when a batch of packets ends.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub enum Ask {
    /// Nothing.
    #[default]
    Nothing,
    /// A [`Moment`] with figures.
    Figures,
    /// A [`Moment`] with figures and connections.
    Connections,
}

/// One fact about a connection that changes how it stands: it began, an end changed its state, it was opened, refused or
/// reset.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Happening {
    /// The connection's id.
    pub connection: u64,
    /// What was seen, when, and at which end.
    pub event: Event,
    /// Its two ends; 0 sent the first packet.
    pub endpoints: [Endpoint; 2],
    /// Where they stand now.
    pub states: [State; 2],
    /// Index of the client, if anything told by now.
    pub client: Option<usize>,
}

impl Happening {
    /// What the sink is to hear of a fact.
    pub(super) fn of(event: &Event, c: &Connection, which: Happenings) -> Option<Self> {
        let wanted = match event.fact {
            Fact::HandshakeDone { .. } | Fact::Refused { .. } | Fact::Reset { .. } => true,
            Fact::Stepped { reason: Reason::Midstream, .. } => true,
            Fact::Stepped { reason: Reason::Timeout, .. } => which == Happenings::All,
            Fact::Stepped { to: State::Closed | State::TimeWait, .. } => true,
            Fact::Opened | Fact::Stepped { .. } | Fact::RolledBack { .. } => which == Happenings::All,
            _ => false,
        };
        wanted.then(|| Self {
            connection: c.id,
            event: *event,
            endpoints: [c.ends[0].endpoint, c.ends[1].endpoint],
            states: [c.ends[0].state, c.ends[1].state],
            client: c.client(),
        })
    }
}

/// A connection that has not ended, as it stands now. Client is whoever seems to be it by now, else the sender of the
/// first packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Glimpse {
    /// Its id.
    pub id: u64,
    /// Its client's and its server's endpoint.
    pub endpoints: [Endpoint; 2],
    /// Where they stand.
    pub states: [State; 2],
    /// Payload that each sent, in bytes.
    pub bytes: [u64; 2],
    /// Segments that each sent.
    pub segments: [u64; 2],
    /// Segments that either sent again.
    pub retransmissions: u64,
    /// Time of its first packet.
    pub first: Timestamp,
    /// Time of its latest one.
    pub last: Timestamp,
}

impl Glimpse {
    /// Connections looked at in each partition: together some hundred thousand, and some ten milliseconds.
    pub(super) const LOOKED_AT: usize = 2048;
    /// Of these, kept of each partition: those with the latest packets. Together 4096.
    pub(super) const KEPT: usize = 64;

    /// Kept of each partition beside these: such as were begun and never went on. Together 2048.
    pub(super) const FROZEN: usize = 32;

    /// The connections with the latest packets, of those looked at.
    pub(super) fn latest(partition: &Partition) -> Vec<Self> {
        let mut latest = Vec::new();
        partition.latest(Self::LOOKED_AT, Self::KEPT, &mut |connection| latest.push(Self::of(connection)));
        latest
    }

    pub(super) fn of(c: &Connection) -> Self {
        let client = c.client().unwrap_or(0);
        let ends = [&c.ends[client], &c.ends[1 - client]];
        Self {
            id: c.id,
            endpoints: ends.map(|e| e.endpoint),
            states: ends.map(|e| e.state),
            bytes: ends.map(|e| e.flow.payload_bytes),
            segments: ends.map(|e| e.flow.segments),
            retransmissions: ends.iter().map(|e| u64::from(e.flow.retransmissions)).sum(),
            first: c.first,
            last: c.last,
        }
    }
}

/// How many ends stand in each state. Ends in CLOSED, LISTEN and UNKNOWN are not counted: they are no connection's.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct States([i64; State::ALL.len()]);

impl States {
    /// How many ends stand in this state.
    pub fn of(&self, state: State) -> u64 {
        self.0.get(state as usize).map_or(0, |n| u64::try_from(*n).unwrap_or(0))
    }

    /// An end went from one state to another.
    pub(super) fn step(&mut self, from: State, to: State) {
        self.leave(from);
        self.add_to(to, 1);
    }

    /// An end is no more.
    pub(super) fn leave(&mut self, state: State) {
        self.add_to(state, -1);
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.0.iter_mut().zip(other.0).for_each(|(mine, more)| *mine += more);
    }

    /// TIME_WAIT has a gauge of its own, which knows when an end has two.
    pub(super) fn with_time_wait(mut self, now: u64) -> Self {
        self.0[State::TimeWait as usize] = i64::try_from(now).unwrap_or(i64::MAX);
        self
    }

    fn add_to(&mut self, state: State, n: i64) {
        if !matches!(state, State::Closed | State::Listen | State::Unknown | State::TimeWait) {
            self.0[state as usize] += n;
        }
    }
}

/// How things stand while packets come.
#[derive(Debug)]
pub struct Moment<'a> {
    /// The clock of the capture: the highest packet time so far, or later where the source knows better.
    pub clock: Timestamp,
    /// Counts so far. Connections, classes and findings are counted when connections end.
    pub summary: &'a Summary,
    /// Ends by state.
    pub states: &'a States,
    /// SYNs read that ask for a connection, repetitions included.
    pub syns: u64,
    /// What was read so far.
    pub inputs: &'a [Input],
    /// Listeners in no particular order; what is counted when connections end is behind.
    pub listeners: &'a [&'a Listener],
    /// Attacks and other episodes that go on, as they stand, the gravest first; each becomes a finding when it has ended.
    pub going_on: &'a [Finding],
    /// Connections with the latest packets, by id, at most 6144; of those that were begun and never went on the half-open
    /// ones come first. Empty unless [`Ask::Connections`] was asked.
    pub connections: &'a [Glimpse],
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_without_a_connection_are_not_counted() {
        let mut states = States::default();
        states.step(State::Closed, State::SynSent);
        states.step(State::Listen, State::SynReceived);
        states.step(State::SynSent, State::Established);
        states.step(State::Established, State::Closed);
        assert_eq!(states.of(State::SynReceived), 1);
        states.leave(State::SynReceived);
        assert_eq!(states, States::default());
        assert_eq!(states.with_time_wait(7).of(State::TimeWait), 7);
    }
}
