//! Records made by hand, for the tests of `report` and `output`.

use serde_json::json;

use crate::engine::{Findings, Gauge, Summary};
use crate::rules::{Finding, Severity};
use crate::source::{Input, LinkType};
use crate::tcp::{Certainty, Duration, Endpoint, Flags, State, Timestamp};
use crate::track::{
    Class, Close, CloseOutcome, CloseShape, Closer, Confidence, Ended, Ends, Flow, HalfOpen, HalfOpenEnd,
    Open, OpenOutcome, OpenShape, Reason, Record, Role, RoleBasis, Roles, TimeWait, TimeWaitEnd, Transition,
    Visibility,
};

/// 2026-11-22T10:00:00Z.
pub const START: Timestamp = Timestamp(1_795_341_600_000_000_000);

/// So many milliseconds after [`START`].
pub fn at(ms: i64) -> Timestamp {
    START + Duration::from_millis(ms)
}

/// A request and an answer, closed by the client, over IPv4.
pub fn graceful(id: u64) -> Record {
    let step = |n, ms, endpoint, from, to, flags, certainty, reason| Transition {
        frame: id + n,
        at: at(ms),
        endpoint,
        from,
        to,
        flags,
        certainty,
        confirmed: None,
        reason,
        rolled_back: None,
    };
    let sent = |segments, without, bytes| Flow {
        segments,
        segments_without_payload: without,
        payload_bytes: bytes,
        unique_bytes: bytes,
        syn: 1,
        fin: 1,
        ..Flow::default()
    };
    use Certainty::{Inferred, Observed};
    Record {
        id,
        last_frame: id + 10,
        first: at(0),
        last: at(1030),
        endpoints: Ends { client: endpoint("10.0.0.1:40000"), server: endpoint("10.0.0.2:80") },
        roles: Roles { from: RoleBasis::Syn, confidence: Confidence::Certain },
        state: Ends { client: State::TimeWait, server: State::Closed },
        certainty: Ends { client: Observed, server: Inferred },
        transitions: vec![
            step(0, 0, Role::Client, State::Closed, State::SynSent, Flags::SYN, Observed, Reason::SynSent),
            step(
                2,
                20,
                Role::Server,
                State::SynReceived,
                State::Established,
                Flags::ACK,
                Inferred,
                Reason::AckReceived,
            ),
        ],
        transitions_dropped: 0,
        open: open(OpenOutcome::Complete),
        close: Close {
            shape: CloseShape::FourSegment,
            outcome: CloseOutcome::Graceful,
            active_closer: Some(Closer::Client),
            reset_by: None,
            duration: Some(Duration::from_millis(30)),
        },
        time_wait: vec![TimeWait {
            endpoint: Role::Client,
            start_frame: id + 10,
            start: at(1030),
            start_certainty: Observed,
            restarts: vec![],
            restart_count: 0,
            nominal_end: at(61_030),
            end: None,
            end_kind: TimeWaitEnd::Censored,
            alive_until: None,
        }],
        half_open: None,
        half_closed: None,
        exchanges: 1,
        class: Some(Class::Short),
        visibility: Visibility { both_directions: true, handshake_captured: true, ..Visibility::default() },
        ended: Ended::EndOfCapture,
        signs: None,
        sent: Ends { client: sent(6, 5, 100), server: sent(5, 4, 2000) },
        zeek_history: "ShADadFf".into(),
        zeek_state: "SF",
        completeness: 31,
        stream: Some(0),
    }
}

/// SYN and SYN+ACK over IPv6 and nothing after; its stream is not known.
pub fn half_open(id: u64) -> Record {
    Record {
        endpoints: Ends { client: endpoint("[2001:db8::1]:50000"), server: endpoint("[2001:db8::2]:443") },
        state: Ends { client: State::SynSent, server: State::SynReceived },
        certainty: Ends { client: Certainty::Assumed, server: Certainty::Observed },
        transitions: vec![],
        open: open(OpenOutcome::HalfOpen),
        close: Close {
            shape: CloseShape::None,
            outcome: CloseOutcome::Open,
            active_closer: None,
            reset_by: None,
            duration: None,
        },
        time_wait: vec![],
        half_open: Some(HalfOpen {
            start: at(10),
            end: None,
            end_kind: HalfOpenEnd::Censored,
            syn_ack_retransmissions: 2,
        }),
        exchanges: 0,
        class: None,
        sent: Ends {
            client: Flow { segments: 1, segments_without_payload: 1, syn: 1, ..Flow::default() },
            server: Flow {
                segments: 3,
                segments_without_payload: 3,
                syn: 3,
                retransmissions: 2,
                ..Flow::default()
            },
        },
        zeek_history: "Sh".into(),
        zeek_state: "S1",
        completeness: 3,
        stream: None,
        ..graceful(id)
    }
}

/// A finding about connection 1.
pub fn finding(rule: &'static str, frame: u64) -> Finding {
    Finding {
        rule,
        name: "synack-bad-ack",
        severity: Severity::Error,
        confidence: Confidence::High,
        variant: None,
        connection: Some(1),
        endpoint: Some(Role::Server),
        key: None,
        frames: vec![frame, frame + 4],
        at: at(20),
        start: None,
        end: None,
        count: 1,
        message: "the SYN+ACK acknowledges 91, expected 101".into(),
        evidence: vec![("expected_ack", json!(101)), ("ack", json!(91))],
        series: None,
    }
}

/// One file and counts that fit two connections.
pub fn inputs() -> Vec<Input> {
    vec![Input {
        path: "a.pcap".into(),
        format: "pcap".into(),
        link_types: vec![LinkType(1)],
        snaplen: Some(262_144),
        packets: 18,
        filtered: 0,
        bytes: 3300,
        first: Some(at(0)),
        last: Some(at(1030)),
        problem: None,
        dropped: None,
        received: None,
        dropped_by_interface: None,
    }]
}

/// Counts that fit [`inputs`].
pub fn summary() -> Summary {
    Summary {
        packets: 18,
        segments: 15,
        skipped: [("not-ip", 2), ("not-tcp", 1)].into(),
        connections: 2,
        short: 1,
        half_open: Gauge { total: 2, now: 1, peak: 1, peak_at: Some(at(10)) },
        time_wait: Gauge { total: 1, now: 1, peak: 1, peak_at: Some(at(1030)) },
        findings: Findings { error: 1, warning: 0, note: 2 },
        ..Summary::default()
    }
}

fn open(outcome: OpenOutcome) -> Open {
    let complete = outcome == OpenOutcome::Complete;
    let ms = |ms| complete.then(|| Duration::from_millis(ms));
    Open {
        shape: OpenShape::ThreeWay,
        labels: if complete { vec![] } else { vec![OpenShape::HalfOpenAtEnd] },
        outcome,
        client_isn: Some(1000),
        server_isn: Some(5000),
        client_stack: 1,
        syn_retransmissions: 0,
        syn_ack_retransmissions: if complete { 0 } else { 2 },
        rtt: ms(20),
        server_rtt: Some(Duration::from_millis(10)),
        client_rtt: ms(10),
    }
}

fn endpoint(text: &str) -> Endpoint {
    let socket: std::net::SocketAddr = text.parse().expect("an address in this file");
    Endpoint::new(socket.ip(), socket.port())
}

/// Two connections, one finding.
pub fn report() -> super::Report {
    use crate::engine::Sink;
    let mut collector = super::Collector::new(super::Bounds::default());
    let _ = collector.connection(&half_open(12), &[]);
    let _ = collector.connection(&graceful(1), &[finding("HS002", 3)]);
    collector.finish(&inputs(), summary())
}
