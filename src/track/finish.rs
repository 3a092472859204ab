//! A connection to its `Record`: each end named, intervals closed or censored, shapes and outcomes told.

use super::connection::Connection;
use super::peer::Peer;
use super::record::{
    Class, Close, Closer, Confidence, Ended, Ends, Flow, HalfOpen, HalfOpenEnd, Open, Reason, Record, Role,
    RoleBasis, Roles, TimeWait, Transition, Visibility,
};
use super::shape::{CloseOutcome, CloseShape, OpenOutcome, OpenShape};
use crate::tcp::{Endpoint, State, Timestamp};

/// Shapes of an opening from the most to the least telling; the first that applies is the main one.
const MAIN_FIRST: [OpenShape; 11] = [
    OpenShape::SimultaneousOpen,
    OpenShape::TfoAccepted,
    OpenShape::TfoIgnored,
    OpenShape::Reordered,
    OpenShape::OldDuplicateRecovered,
    OpenShape::ClientCancelled,
    OpenShape::SynData,
    OpenShape::SynMissing,
    OpenShape::SynAckMissing,
    OpenShape::Midstream,
    OpenShape::HalfOpenAtEnd,
];

/// Lists of a record that is done with: room for those of another.
#[derive(Debug, Default)]
pub(super) struct Room {
    transitions: Vec<Transition>,
    labels: Vec<OpenShape>,
    time_wait: Vec<TimeWait>,
    zeek_history: String,
}

impl Room {
    /// What the record has no use for any more.
    pub fn of(record: &mut Record) -> Self {
        let mut room = Self {
            transitions: std::mem::take(&mut record.transitions),
            labels: std::mem::take(&mut record.open.labels),
            time_wait: std::mem::take(&mut record.time_wait),
            zeek_history: std::mem::take(&mut record.zeek_history),
        };
        room.transitions.clear();
        room.labels.clear();
        room.time_wait.clear();
        room.zeek_history.clear();
        room
    }
}

impl Connection {
    /// Who is the client, and how that is known; `is_listener` knows endpoints that sent a SYN+ACK elsewhere.
    pub(super) fn roles(&self, is_listener: &dyn Fn(&Endpoint) -> bool) -> (usize, Roles) {
        use {Confidence as C, RoleBasis as B};
        if let Some((client, from)) = self.client {
            return (client, Roles { from, confidence: C::Certain });
        }
        let pick = |client, from, confidence| (client, Roles { from, confidence });
        let [a, b] = [self.ends[0].endpoint, self.ends[1].endpoint];
        let is_low = |e: Endpoint| e.port < 1024;
        // Linux and IANA ephemeral ranges (ip_local_port_range; RFC 6335).
        let is_ephemeral = |e: Endpoint| e.port >= 32_768;
        match (is_listener(&a), is_listener(&b)) {
            (false, true) => return pick(0, B::KnownListener, C::High),
            (true, false) => return pick(1, B::KnownListener, C::High),
            _ => {}
        }
        match (is_low(a), is_low(b)) {
            (false, true) => return pick(0, B::ServicePort, C::Medium),
            (true, false) => return pick(1, B::ServicePort, C::Medium),
            _ => {}
        }
        match (is_ephemeral(a), is_ephemeral(b)) {
            (true, false) => return pick(0, B::EphemeralPort, C::Low),
            (false, true) => return pick(1, B::EphemeralPort, C::Low),
            _ => {}
        }
        match self.first_payload_from {
            Some(end) => pick(end, B::FirstPayload, C::Low),
            None => pick(0, B::FirstSegment, C::Guess),
        }
    }

    /// The record of the connection as it stands, its lists in this room.
    pub(super) fn record(
        &self,
        ended: Ended,
        end_of_time: Timestamp,
        is_listener: &dyn Fn(&Endpoint) -> bool,
        room: Room,
    ) -> Record {
        let (client, roles) = self.roles(is_listener);
        let Room { mut transitions, labels, mut time_wait, mut zeek_history } = room;
        transitions.extend(self.steps.transitions(client));
        time_wait.extend(self.time_wait_intervals(client));
        zeek_history.push_str(self.zeek.history());
        let both = |f: &dyn Fn(&Peer) -> Flow| Ends {
            client: f(&self.ends[client]),
            server: f(&self.ends[1 - client]),
        };
        let (c, s) = (&self.ends[client], &self.ends[1 - client]);
        let half_closed = self.half_closed(end_of_time);
        Record {
            id: self.id,
            last_frame: self.last_frame,
            first: self.first,
            last: self.last,
            endpoints: Ends { client: c.endpoint, server: s.endpoint },
            roles,
            state: Ends { client: c.state, server: s.state },
            certainty: Ends { client: c.certainty, server: s.certainty },
            transitions,
            transitions_dropped: self.steps.dropped(),
            open: self.opening(client, labels),
            close: self.closing(client),
            time_wait,
            half_open: self.half_open_entry(),
            half_closed,
            exchanges: if self.role(client) == Role::Client { self.requests } else { self.requests.max(1) },
            class: self.class(),
            visibility: self.visibility(),
            ended,
            signs: self.signs.clone(),
            sent: both(&|p| self.flow(p)),
            zeek_history,
            zeek_state: self.zeek.conn_state(),
            completeness: self.completeness.bits(),
            stream: None,
        }
    }

    fn half_closed(&self, end_of_time: Timestamp) -> Option<crate::tcp::Duration> {
        let from = self.close.half_closed_at?;
        let until = self.close.second_fin_at.or(self.close.reset_at).unwrap_or(end_of_time);
        Some(until.since(from))
    }

    fn flow(&self, p: &Peer) -> Flow {
        let mut flow = p.flow;
        flow.gaps_bytes = p.space.missing() + p.jump.map_or(0, |j| j.ack.distance(j.old).max(0) as u64);
        flow
    }

    fn opening(&self, client: usize, mut present: Vec<OpenShape>) -> Open {
        let mut labels = self.open.labels;
        if self.half_open.is_some_and(|h| h.end.is_none() && !h.again) {
            labels.add(OpenShape::HalfOpenAtEnd);
        }
        present.extend(MAIN_FIRST.into_iter().filter(|l| labels.has(*l)));
        let rtt = self.open.server_rtt.zip(self.open.client_rtt).map(|(a, b)| a + b);
        let isn = |p: &Peer| p.iss.filter(|_| p.syn_seen).map(|s| s.0);
        Open {
            shape: present.first().copied().unwrap_or(OpenShape::ThreeWay),
            labels: present,
            outcome: self.open_outcome(client),
            client_isn: isn(&self.ends[client]),
            server_isn: isn(&self.ends[1 - client]),
            client_stack: self.ends[client].offer.map_or(0, |o| o.stack),
            syn_retransmissions: self.open.syn_retransmissions,
            syn_ack_retransmissions: self.open.syn_ack_retransmissions,
            rtt,
            server_rtt: self.open.server_rtt,
            client_rtt: self.open.client_rtt,
        }
    }

    fn open_outcome(&self, client: usize) -> OpenOutcome {
        let server = &self.ends[1 - client];
        let was_open = |end: usize| self.steps.standing(end).any(|s| s.to == State::Established);
        let opened = was_open(1 - client) || server.state.is_synchronized();
        if self.open.refused.is_some() && !opened {
            OpenOutcome::Refused
        } else if self.open.labels.has(OpenShape::ClientCancelled) && !opened {
            OpenOutcome::Cancelled
        } else if self.open.done.is_some() && opened {
            OpenOutcome::Complete
        } else if server.state == State::SynReceived || self.half_open.is_some() && !opened {
            OpenOutcome::HalfOpen
        } else if self.ends[client].syn_seen && !server.was_seen() && !opened {
            OpenOutcome::Unanswered
        } else if self.ends[0].syn_seen || self.ends[1].syn_seen {
            if opened || was_open(client) { OpenOutcome::Complete } else { OpenOutcome::Unanswered }
        } else {
            OpenOutcome::NotCaptured
        }
    }

    fn closing(&self, client: usize) -> Close {
        let role = |end: usize| if end == client { Role::Client } else { Role::Server };
        let shape = self.close_shape();
        let active_closer = match (self.close.crossed, self.close.first_fin) {
            (true, _) => Some(Closer::Both),
            (false, Some(end)) if end == client => Some(Closer::Client),
            (false, Some(_)) => Some(Closer::Server),
            (false, None) => None,
        };
        Close {
            shape,
            outcome: self.close_outcome(),
            active_closer,
            reset_by: self.close.reset_by.map(role),
            duration: self.close.duration(),
        }
    }

    fn close_shape(&self) -> CloseShape {
        let fins = self.ends.iter().filter(|p| p.fin_end.is_some()).count();
        match (self.close.reset_by.is_some(), fins) {
            (true, 0) => CloseShape::Abort,
            (true, _) => CloseShape::RstAfterFin,
            (false, 0) => CloseShape::None,
            (false, 1) => CloseShape::HalfClose,
            _ if self.close.crossed => CloseShape::SimultaneousClose,
            _ if self.close.merged => CloseShape::ThreeSegment,
            _ => CloseShape::FourSegment,
        }
    }

    fn close_outcome(&self) -> CloseOutcome {
        let acked = |end: usize| {
            let (p, q) = (&self.ends[end], &self.ends[1 - end]);
            p.fin_end.is_some() && q.ack_max.is_some_and(|ack| p.fin_acked_by(ack))
        };
        let any_fin = self.ends.iter().any(|p| p.fin_end.is_some());
        if acked(0) && acked(1) {
            CloseOutcome::Graceful
        } else if self.close.reset_by.is_some() {
            CloseOutcome::Aborted
        } else if any_fin && (acked(0) || acked(1)) {
            CloseOutcome::HalfClosed
        } else if any_fin {
            CloseOutcome::Unknown
        } else if self.ends.iter().any(|p| p.state.is_synchronized()) {
            CloseOutcome::Open
        } else {
            CloseOutcome::Unknown
        }
    }

    fn time_wait_intervals(&self, client: usize) -> impl Iterator<Item = TimeWait> {
        let named = move |i: &super::time_wait::Interval| TimeWait {
            endpoint: if i.end == client { Role::Client } else { Role::Server },
            ..i.kept.clone()
        };
        self.time_waits.iter().map(named)
    }

    fn half_open_entry(&self) -> Option<HalfOpen> {
        let entry = self.half_open?;
        Some(HalfOpen {
            start: entry.start,
            end: entry.end.map(|(at, _)| at),
            end_kind: entry.end.map_or(HalfOpenEnd::Censored, |(_, kind)| kind),
            syn_ack_retransmissions: entry.retransmissions,
        })
    }

    /// What the capture shows of it, so far.
    pub fn visibility(&self) -> Visibility {
        let flow = |end: usize| &self.ends[end].flow;
        Visibility {
            both_directions: flow(0).segments > 0 && flow(1).segments > 0,
            handshake_captured: self.ends[0].syn_seen && self.ends[1].syn_seen,
            midstream: self.open.labels.has(OpenShape::Midstream),
            capture_loss: self.capture_loss || self.ends.iter().any(|p| p.jump.is_some()),
            duplicated: self.duplicated,
            truncated_payload: self.truncated,
            offload: self.offload,
        }
    }

    /// Short: opened, at most one exchange, closed. Long: used again, or still open.
    fn class(&self) -> Option<Class> {
        let opened = [0, 1].into_iter().any(|end| {
            let synchronized = |s: State| s.is_synchronized();
            synchronized(self.ends[end].state) || self.steps.standing(end).any(|s| synchronized(s.to))
        });
        let closed =
            self.is_closed() || self.ends.iter().any(|p| p.state == State::TimeWait) || self.both_fins();
        let timed_out = |end: usize| self.steps.last(end).is_some_and(|s| s.reason == Reason::Timeout);
        match (opened, closed || timed_out(0), self.requests <= 1) {
            (false, ..) => None,
            (true, true, true) => Some(Class::Short),
            _ => Some(Class::Long),
        }
    }

    fn both_fins(&self) -> bool {
        self.ends.iter().all(|p| p.fin_end.is_some())
    }
}
