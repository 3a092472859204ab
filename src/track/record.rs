//! `Record`: what is kept of a connection when it ends, each end named client or server.

use serde::Serialize;

use super::packed::{choices, fields};
use super::shape::{CloseOutcome, CloseShape, OpenOutcome, OpenShape};
use super::signs::Signs;
use crate::tcp::{Certainty, Duration, Endpoint, Flags, State, Timestamp};

/// One end of a connection by its role.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The end that opened actively: sent the first SYN.
    Client,
    /// The other end.
    Server,
}

impl Role {
    /// The printed name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Server => "server",
        }
    }

    /// The other end.
    #[must_use]
    pub fn peer(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}

/// One value for each end.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Ends<T> {
    /// The client's.
    pub client: T,
    /// The server's.
    pub server: T,
}

impl<T> Ends<T> {
    /// The value of one end.
    pub fn of(&self, role: Role) -> &T {
        match role {
            Role::Client => &self.client,
            Role::Server => &self.server,
        }
    }
}

/// Everything reported of one connection; frames are packet numbers, times capture time.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// Number of its first packet: unique, and the same for any number of threads.
    pub id: u64,
    /// Number of its last packet.
    pub last_frame: u64,
    /// Time of its first packet.
    pub first: Timestamp,
    /// Highest time of any of its packets.
    pub last: Timestamp,
    /// The two ends.
    pub endpoints: Ends<Endpoint>,
    /// How it is known who is the client.
    pub roles: Roles,
    /// The state each end was in when the record was made.
    pub state: Ends<State>,
    /// How those states are known.
    pub certainty: Ends<Certainty>,
    /// Every step of both ends in the order of happening, rolled-back ones included.
    pub transitions: Vec<Transition>,
    /// Steps beyond the bound, counted and not kept.
    pub transitions_dropped: u32,
    /// How it was opened.
    pub open: Open,
    /// How it was closed.
    pub close: Close,
    /// Its TIME_WAIT intervals, in the order of their starts.
    pub time_wait: Vec<TimeWait>,
    /// Its time in the server's SYN queue, if it ever was there.
    pub half_open: Option<HalfOpen>,
    /// From the first FIN acknowledged to the second FIN or the end; `None` when never half-closed.
    pub half_closed: Option<Duration>,
    /// Requests: times that the client sent payload first or after payload of the server.
    pub exchanges: u32,
    /// Short or long; `None` where no payload tells or the opening failed.
    pub class: Option<Class>,
    /// What the capture shows of it.
    pub visibility: Visibility,
    /// Why the record ended.
    pub ended: Ended,
    /// What of it looks forged, where anything does.
    pub signs: Option<Box<Signs>>,
    /// What each end sent: `client` is the direction to the server.
    pub sent: Ends<Flow>,
    /// Zeek's connection history letters.
    pub zeek_history: String,
    /// Zeek's `conn_state`.
    pub zeek_state: &'static str,
    /// Wireshark's `tcp.completeness` bits.
    pub completeness: u8,
    /// The number Wireshark gives the stream, where that can be known.
    pub stream: Option<u32>,
}

impl Record {
    /// From first to last packet, never negative.
    pub fn duration(&self) -> Duration {
        self.last.since(self.first)
    }

    /// The steps of one end that no later segment disproved, in order.
    pub fn path(&self, role: Role) -> impl Iterator<Item = &Transition> {
        self.transitions.iter().filter(move |t| t.endpoint == role && t.rolled_back.is_none())
    }
}

/// How it is known who is the client (tcp.md §1.10).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Roles {
    /// The evidence.
    pub from: RoleBasis,
    /// How much to trust it.
    pub confidence: Confidence,
}

/// What told the client from the server; strongest first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RoleBasis {
    /// It sent the SYN.
    Syn,
    /// It received a SYN+ACK.
    SynAck,
    /// It received a `RST+ACK` with sequence number 0, the answer to a SYN.
    Refusal,
    /// The other end sent a SYN+ACK elsewhere in the capture.
    KnownListener,
    /// The other end's port is a well-known one (below 1024) and its own is not.
    ServicePort,
    /// Its port is in an ephemeral range and the other's is not.
    EphemeralPort,
    /// It sent the first payload.
    FirstPayload,
    /// It sent the first segment.
    FirstSegment,
}

/// How much to trust an inference.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Confidence {
    /// A coin would do nearly as well.
    Guess,
    /// Likely.
    Low,
    /// Very likely.
    Medium,
    /// Wrong only in odd cases.
    High,
    /// It follows from a segment.
    Certain,
}

/// One step of one end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Transition {
    /// Packet that caused or proved it; for a timer the last packet before it.
    pub frame: u64,
    /// When.
    pub at: Timestamp,
    /// Whose state.
    pub endpoint: Role,
    /// From this state.
    pub from: State,
    /// To this one.
    pub to: State,
    /// The flags of the packet; none for a timer.
    pub flags: Flags,
    /// How it is known; raised when a later segment of this end proves it.
    pub certainty: Certainty,
    /// The packet by which this end itself proved an inferred step.
    pub confirmed: Option<u64>,
    /// Why, as a word.
    pub reason: Reason,
    /// The packet that proved that this step never happened; `None` while it stands.
    pub rolled_back: Option<u64>,
}

/// Why a state changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// It sent a SYN.
    SynSent,
    /// It sent a SYN+ACK.
    SynAckSent,
    /// A SYN reached it.
    SynReceived,
    /// A SYN+ACK reached it.
    SynAckReceived,
    /// It sent the ACK that completes the handshake, or data after it.
    AckSent,
    /// The ACK of its SYN reached it.
    AckReceived,
    /// It sent a FIN.
    FinSent,
    /// A FIN reached it in order.
    FinReceived,
    /// It acknowledged a FIN.
    FinAckSent,
    /// The acknowledgment of its FIN reached it.
    FinAckReceived,
    /// It sent a RST.
    ResetSent,
    /// An acceptable RST reached it.
    ResetReceived,
    /// It spoke as only an open connection can; its opening was not captured.
    Midstream,
    /// A timer must have fired.
    Timeout,
    /// An earlier step was disproved.
    RolledBack,
}

/// How a connection was opened.
#[derive(Clone, Debug, PartialEq)]
pub struct Open {
    /// The main shape.
    pub shape: OpenShape,
    /// Every shape that applies, in a fixed order; `shape` is among them unless it is `three-way`.
    pub labels: Vec<OpenShape>,
    /// What came of it.
    pub outcome: OpenOutcome,
    /// Initial sequence number of the client.
    pub client_isn: Option<u32>,
    /// Initial sequence number of the server.
    pub server_isn: Option<u32>,
    /// Digest of the options of the client's first SYN: one stack has one value. 0 without a SYN.
    pub client_stack: u32,
    /// SYNs the client sent again.
    pub syn_retransmissions: u32,
    /// SYN+ACKs the server sent again.
    pub syn_ack_retransmissions: u32,
    /// Client's (last) SYN to the final ACK, as seen at the capture point.
    pub rtt: Option<Duration>,
    /// SYN to SYN+ACK: from the capture point to the server and back.
    pub server_rtt: Option<Duration>,
    /// SYN+ACK to ACK: from the capture point to the client and back.
    pub client_rtt: Option<Duration>,
}

/// How a connection was closed.
#[derive(Clone, Debug, PartialEq)]
pub struct Close {
    /// The shape.
    pub shape: CloseShape,
    /// What came of it.
    pub outcome: CloseOutcome,
    /// Who closed first; `Both` when the FINs crossed.
    pub active_closer: Option<Closer>,
    /// Who sent the RST that ended it.
    pub reset_by: Option<Role>,
    /// From the first FIN or RST to the last segment that takes part in the close.
    pub duration: Option<Duration>,
}

/// Who closed first.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Closer {
    /// The client.
    Client,
    /// The server.
    Server,
    /// Both: the FINs crossed.
    Both,
}

/// One interval that an end spends in TIME_WAIT (tcp.md §3.2).
#[derive(Clone, Debug, PartialEq)]
pub struct TimeWait {
    /// Who holds it.
    pub endpoint: Role,
    /// Packet that started it.
    pub start_frame: u64,
    /// When it started.
    pub start: Timestamp,
    /// Observed: the holder's own last ACK. Inferred: the peer's FIN passed toward it.
    pub start_certainty: Certainty,
    /// When it was started again, the latest [`TimeWait::RESTARTS_KEPT`] of them.
    pub restarts: Vec<Timestamp>,
    /// How often it was started again in all.
    pub restart_count: u32,
    /// Start or last restart plus 2 MSL.
    pub nominal_end: Timestamp,
    /// When it ended, where that is known or assumed; `None` when the capture ended first.
    pub end: Option<Timestamp>,
    /// How the end is known.
    pub end_kind: TimeWaitEnd,
    /// Latest proof that it was still alive: an old ACK to a SYN.
    pub alive_until: Option<Timestamp>,
}

impl TimeWait {
    /// Restarts whose time is kept; a peer can cause them without end.
    pub const RESTARTS_KEPT: usize = 8;

    /// How long it lasted; exact, a bound or an assumption as [`TimeWait::end_kind`] says.
    pub fn duration(&self) -> Option<Duration> {
        self.end.map(|end| end.since(self.start))
    }
}

/// How the end of a TIME_WAIT is known (tcp.md §3.2).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TimeWaitEnd {
    /// The 4-tuple was used again: exact.
    Reopened,
    /// An acceptable RST killed it: exact.
    Assassinated,
    /// The holder answered as if it had no connection: upper bound.
    Gone,
    /// It refused a SYN past its nominal end: lower bound.
    Refused,
    /// The nominal end lies in the capture and nothing contradicts it: assumed.
    Expired,
    /// The capture ended first: lower bound.
    Censored,
}

/// One entry of a server's SYN queue (tcp.md §4.2).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HalfOpen {
    /// First SYN+ACK.
    pub start: Timestamp,
    /// When it left the queue; `None` when still there at the end.
    pub end: Option<Timestamp>,
    /// How it left.
    pub end_kind: HalfOpenEnd,
    /// SYN+ACKs sent again while it was there.
    pub syn_ack_retransmissions: u32,
}

/// How a half-open entry left the SYN queue.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum HalfOpenEnd {
    /// The final ACK came.
    Completed,
    /// The client sent a RST.
    Cancelled,
    /// The server sent a RST.
    Aborted,
    /// The server gave up: last SYN+ACK plus twice its last gap (tcp.md M25), or 63 s after a lone one.
    Expired,
    /// Another attempt on the 4-tuple took its place.
    Replaced,
    /// The capture ended first.
    Censored,
}

/// Why a record was made.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// It was closed, and the time for stragglers passed.
    Closed,
    /// It was never answered, or never completed, and the time for that passed.
    Abandoned,
    /// A new incarnation of the 4-tuple began.
    Reused,
    /// The table was full and it was the least recently used.
    Evicted,
    /// The capture ended.
    EndOfCapture,
}

/// Whether a connection was used once or kept (tcp.md, CN rules).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// It carried one exchange at most and was closed.
    Short,
    /// It was used again, kept idle, or is still open.
    Long,
}

/// What the capture shows of a connection (tcp.md §1.11).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Visibility {
    /// Segments of both ends were captured.
    pub both_directions: bool,
    /// SYN and SYN+ACK were captured.
    pub handshake_captured: bool,
    /// The first segment belonged to an open connection.
    pub midstream: bool,
    /// Acknowledged bytes were never captured.
    pub capture_loss: bool,
    /// Copies of packets were captured and dropped.
    pub duplicated: bool,
    /// Some payload was cut by the snaplen.
    pub truncated_payload: bool,
    /// An end leaves checksums to its network card.
    pub offload: bool,
}

/// What one end sent.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Flow {
    /// Segments, capture duplicates not counted.
    pub segments: u64,
    /// Segments without payload.
    pub segments_without_payload: u64,
    /// Payload bytes, repeated ones included.
    pub payload_bytes: u64,
    /// Payload bytes, each sequence number once.
    pub unique_bytes: u64,
    /// SYNs and SYN+ACKs.
    pub syn: u32,
    /// FINs.
    pub fin: u32,
    /// RSTs.
    pub rst: u32,
    /// Segments with payload, SYN or FIN sent again.
    pub retransmissions: u32,
    /// Of these, ones whose bytes the peer had already acknowledged.
    pub spurious_retransmissions: u32,
    /// Segments that came late and were not sent again.
    pub out_of_order: u32,
    /// Pure ACKs that repeat the last one while data is missing or in flight.
    pub duplicate_acks: u32,
    /// Keep-alive probes.
    pub keep_alives: u32,
    /// Segments that offer no window.
    pub zero_windows: u32,
    /// Probes of the peer's closed window.
    pub window_probes: u32,
    /// Copies of packets, dropped.
    pub duplicates: u32,
    /// Sequence numbers that were skipped and never captured.
    pub gaps_bytes: u64,
    /// Round trips from this end's data to the peer's ACK, from the capture point (Karn's rule: RFC 6298 §3).
    pub rtt: Rtt,
}

/// Minimum, mean and maximum of round-trip samples.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Rtt {
    /// Shortest, nanoseconds.
    pub min_ns: i64,
    /// Longest, nanoseconds.
    pub max_ns: i64,
    /// Sum, nanoseconds, saturating.
    pub sum_ns: i64,
    /// How many; the others mean nothing while this is 0.
    pub samples: u32,
}

impl Rtt {
    /// Adds a sample.
    pub fn add(&mut self, sample: Duration) {
        let ns = sample.0.max(0);
        self.min_ns = if self.samples == 0 { ns } else { self.min_ns.min(ns) };
        self.max_ns = self.max_ns.max(ns);
        self.sum_ns = self.sum_ns.saturating_add(ns);
        self.samples = self.samples.saturating_add(1);
    }

    /// The mean, nanoseconds.
    pub fn mean_ns(&self) -> Option<i64> {
        (self.samples > 0).then(|| self.sum_ns / i64::from(self.samples))
    }
}

choices!(Role in 1: Client Server);
choices!(RoleBasis in 3: Syn SynAck Refusal KnownListener ServicePort EphemeralPort FirstPayload FirstSegment);
choices!(TimeWaitEnd in 3: Reopened Assassinated Gone Refused Expired Censored);
choices!(HalfOpenEnd in 3: Completed Cancelled Aborted Expired Replaced Censored);
choices!(Reason in 4:
    SynSent SynAckSent SynReceived SynAckReceived AckSent AckReceived FinSent FinReceived FinAckSent FinAckReceived
    ResetSent ResetReceived Midstream Timeout RolledBack
);
fields!(TimeWait {
    small [endpoint start_certainty end_kind]
    row [start: 5 nominal_end: 5 start_frame: 4]
    row [end: 5 alive_until: 0 restart_count: 0]
    part [restarts]
});
fields!(Flow {
    small []
    row [segments: 2 segments_without_payload: 2 syn: 1 fin: 1 rst: 1 payload_bytes: 3 unique_bytes: 3]
    row [
        retransmissions: 0 spurious_retransmissions: 0 out_of_order: 0 duplicate_acks: 0 keep_alives: 0
        zero_windows: 0 window_probes: 0 duplicates: 0 gaps_bytes: 0
    ]
    part [rtt]
});
fields!(Rtt { small [] row [min_ns: 4 max_ns: 4 sum_ns: 4 samples: 1] part [] });
