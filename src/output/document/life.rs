//! The life of a connection as it stands in the document: its steps, opening, close, TIME_WAIT and half-open time.

use schemars::JsonSchema;
use serde::Serialize;

use super::scalar::{Each, Ns, OneOf, Text, Time};
use crate::tcp::{self, Certainty, State};
use crate::track::{
    self, CloseOutcome, CloseShape, Closer, HalfOpenEnd, OpenOutcome, OpenShape, Reason, Role, TimeWaitEnd,
};

/// One step of one end.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Transition {
    /// Packet that caused or proved it; for a timer the last packet before it.
    frame: u64,
    /// When.
    at: Time,
    /// Whose state.
    endpoint: OneOf<Role>,
    /// From this state.
    from: OneOf<State>,
    /// To this one.
    to: OneOf<State>,
    /// The packet's bits URG ACK PSH RST SYN FIN, such as `000010` for SYN; null for a timer.
    flags: Option<&'static str>,
    /// The packet's flags in tcpdump's letters; null for a timer.
    flags_text: Option<Text<tcp::Flags>>,
    /// How it is known.
    certainty: OneOf<Certainty>,
    /// The packet by which this end itself proved an inferred step.
    confirmed: Option<u64>,
    /// Why.
    reason: OneOf<Reason>,
    /// The packet that proved that this step never happened; null while it stands.
    rolled_back: Option<u64>,
}

impl From<&track::Transition> for Transition {
    fn from(t: &track::Transition) -> Self {
        let flags = (t.reason != Reason::Timeout).then_some(t.flags);
        Self {
            frame: t.frame,
            at: Time(t.at),
            endpoint: OneOf(t.endpoint),
            from: OneOf(t.from),
            to: OneOf(t.to),
            flags: flags.map(tcp::Flags::bits),
            flags_text: flags.map(Text),
            certainty: OneOf(t.certainty),
            confirmed: t.confirmed,
            reason: OneOf(t.reason),
            rolled_back: t.rolled_back,
        }
    }
}

/// How a connection was opened.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Open<'a> {
    /// The main shape.
    shape: OneOf<OpenShape>,
    /// Every shape that applies.
    labels: Each<'a, OpenShape, OneOf<OpenShape>>,
    /// What came of it.
    outcome: OneOf<OpenOutcome>,
    /// Initial sequence number of the client.
    client_isn: Option<u32>,
    /// Initial sequence number of the server.
    server_isn: Option<u32>,
    /// SYNs the client sent again.
    syn_retransmissions: u32,
    /// SYN+ACKs the server sent again.
    syn_ack_retransmissions: u32,
    /// Client's last SYN to the final ACK, at the capture point.
    rtt_ns: Option<Ns>,
    /// SYN to SYN+ACK: capture point to server and back.
    server_rtt_ns: Option<Ns>,
    /// SYN+ACK to ACK: capture point to client and back.
    client_rtt_ns: Option<Ns>,
}

impl<'a> From<&'a track::Open> for Open<'a> {
    fn from(o: &'a track::Open) -> Self {
        Self {
            shape: OneOf(o.shape),
            labels: o.labels.as_slice().into(),
            outcome: OneOf(o.outcome),
            client_isn: o.client_isn,
            server_isn: o.server_isn,
            syn_retransmissions: o.syn_retransmissions,
            syn_ack_retransmissions: o.syn_ack_retransmissions,
            rtt_ns: o.rtt.map(Ns::from),
            server_rtt_ns: o.server_rtt.map(Ns::from),
            client_rtt_ns: o.client_rtt.map(Ns::from),
        }
    }
}

/// How a connection was closed.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Close {
    /// The shape.
    shape: OneOf<CloseShape>,
    /// What came of it.
    outcome: OneOf<CloseOutcome>,
    /// Who closed first.
    active_closer: Option<OneOf<Closer>>,
    /// Who sent the RST that ended it.
    reset_by: Option<OneOf<Role>>,
    /// From the first FIN or RST to the last segment that takes part in the close.
    duration_ns: Option<Ns>,
}

impl From<&track::Close> for Close {
    fn from(c: &track::Close) -> Self {
        Self {
            shape: OneOf(c.shape),
            outcome: OneOf(c.outcome),
            active_closer: c.active_closer.map(OneOf),
            reset_by: c.reset_by.map(OneOf),
            duration_ns: c.duration.map(Ns::from),
        }
    }
}

/// One interval that an end spends in TIME_WAIT.
#[derive(Debug, Serialize, JsonSchema)]
pub struct TimeWait<'a> {
    /// Who holds it.
    endpoint: OneOf<Role>,
    /// Packet that started it.
    start_frame: u64,
    /// When it started.
    start: Time,
    /// How the start is known.
    start_certainty: OneOf<Certainty>,
    /// When it was started again, the latest eight.
    restarts: Each<'a, tcp::Timestamp, Time>,
    /// How often it was started again in all.
    restart_count: u32,
    /// Start or last restart plus 2 MSL.
    nominal_end: Time,
    /// When it ended; null when the capture ended first.
    end: Option<Time>,
    /// How the end is known: exact for reopened and assassinated, an upper bound for gone, a lower bound for refused
    /// and censored, an assumption for expired.
    end_kind: OneOf<TimeWaitEnd>,
    /// Latest proof that it was still alive.
    alive_until: Option<Time>,
    /// From start to end.
    duration_ns: Option<Ns>,
}

impl<'a> From<&'a track::TimeWait> for TimeWait<'a> {
    fn from(t: &'a track::TimeWait) -> Self {
        Self {
            endpoint: OneOf(t.endpoint),
            start_frame: t.start_frame,
            start: Time(t.start),
            start_certainty: OneOf(t.start_certainty),
            restarts: t.restarts.as_slice().into(),
            restart_count: t.restart_count,
            nominal_end: Time(t.nominal_end),
            end: t.end.map(Time),
            end_kind: OneOf(t.end_kind),
            alive_until: t.alive_until.map(Time),
            duration_ns: t.duration().map(Ns::from),
        }
    }
}

/// One entry of a server's SYN queue.
#[derive(Debug, Serialize, JsonSchema)]
pub struct HalfOpen {
    /// First SYN+ACK.
    start: Time,
    /// When it left the queue; null when still there at the end.
    end: Option<Time>,
    /// How it left.
    end_kind: OneOf<HalfOpenEnd>,
    /// SYN+ACKs sent again while it was there.
    syn_ack_retransmissions: u32,
    /// From start to end.
    duration_ns: Option<Ns>,
}

impl From<track::HalfOpen> for HalfOpen {
    fn from(h: track::HalfOpen) -> Self {
        Self {
            start: Time(h.start),
            end: h.end.map(Time),
            end_kind: OneOf(h.end_kind),
            syn_ack_retransmissions: h.syn_ack_retransmissions,
            duration_ns: h.end.map(|end| end.since(h.start).into()),
        }
    }
}
