//! A connection as it stands in the document.

use std::net::IpAddr;

use schemars::JsonSchema;
use serde::Serialize;

use super::Places;
use super::flow::Flow;
use super::life::{Close, HalfOpen, Open, TimeWait, Transition};
use super::scalar::{Each, Ends, Ns, OneOf, Text, Time};
use crate::output::community::{CommunityId, community_id};
use crate::output::text::rounded;
use crate::output::wireshark::ConnectionFilter;
use crate::report::{overhead_share, setup, without_payload};
use crate::rules::Severity;
use crate::tcp::{self, Certainty, State};
use crate::track::{self, Class, Confidence, Ended, Record, RoleBasis};

/// One connection: one life of a pair of endpoints.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Connection<'a> {
    /// Number of its first packet: unique, and the same for any number of threads.
    id: u64,
    /// Number of its first packet.
    first_frame: u64,
    /// Number of its last packet.
    last_frame: u64,
    /// The input that holds its first packet; null where that is not known.
    file: Option<&'a str>,
    /// Who opened it.
    client: Endpoint,
    /// The other end.
    server: Endpoint,
    /// How it is known who is the client.
    roles: Roles,
    /// Time of its first packet.
    first: Time,
    /// Highest time of any of its packets.
    last: Time,
    /// From first to last.
    duration_ns: Ns,
    /// Why its record ended.
    ended: OneOf<Ended>,
    /// The state each end was in when the record was made.
    state: Ends<OneOf<State>>,
    /// How those states are known.
    certainty: Ends<OneOf<Certainty>>,
    /// Every step of both ends, in the order of happening, rolled-back ones included.
    transitions: Each<'a, track::Transition, Transition>,
    /// Steps beyond the bound, counted and not kept.
    transitions_dropped: u32,
    /// How it was opened.
    open: Open<'a>,
    /// How it was closed.
    close: Close,
    /// Its TIME_WAIT intervals, in the order of their starts.
    time_wait: Each<'a, track::TimeWait, TimeWait<'a>>,
    /// Its time half-open, in the server's SYN queue; null when it never was.
    half_open: Option<HalfOpen>,
    /// From the first FIN acknowledged to the second FIN or the end; null when never half-closed.
    half_closed_ns: Option<Ns>,
    /// Requests: times that the client sent payload first or after payload of the server.
    exchanges: u32,
    /// Short: one exchange and closed; long: reused or idle; null where nothing tells.
    class: Option<OneOf<Class>>,
    /// What the connection cost beside its payload.
    overhead: Overhead,
    /// What the capture shows of it.
    visibility: Visibility,
    /// What the client sent.
    to_server: Flow,
    /// What the server sent.
    to_client: Flow,
    /// What Zeek would write.
    zeek: Zeek<'a>,
    /// Where to find it in Wireshark.
    wireshark: Wireshark,
    /// Community ID, version 1, seed 0.
    community_id: Text<CommunityId>,
    /// Rules that had something to say, each once, worst severity first, then by id.
    findings: Each<'a, (Severity, &'static str), RuleId>,
}

impl<'a> Connection<'a> {
    /// A record, the rules that spoke about it, and its place in the inputs.
    pub fn new(r: &'a Record, rules: &'a [(Severity, &'static str)], places: &'a Places) -> Self {
        Self {
            id: r.id,
            first_frame: r.id,
            last_frame: r.last_frame,
            file: places.path(r.id),
            client: r.endpoints.client.into(),
            server: r.endpoints.server.into(),
            roles: Roles { from: OneOf(r.roles.from), confidence: OneOf(r.roles.confidence) },
            first: Time(r.first),
            last: Time(r.last),
            duration_ns: r.duration().into(),
            ended: OneOf(r.ended),
            state: Ends::words(&r.state),
            certainty: Ends::words(&r.certainty),
            transitions: r.transitions.as_slice().into(),
            transitions_dropped: r.transitions_dropped,
            open: (&r.open).into(),
            close: (&r.close).into(),
            time_wait: r.time_wait.as_slice().into(),
            half_open: r.half_open.map(HalfOpen::from),
            half_closed_ns: r.half_closed.map(Ns::from),
            exchanges: r.exchanges,
            class: r.class.map(OneOf),
            overhead: Overhead::new(r),
            visibility: r.visibility.into(),
            to_server: r.sent.client.into(),
            to_client: r.sent.server.into(),
            zeek: Zeek { conn_state: r.zeek_state, history: &r.zeek_history },
            wireshark: Wireshark::new(r, places),
            community_id: Text(community_id(r.endpoints.client, r.endpoints.server)),
            findings: rules.into(),
        }
    }
}

/// A rule's id.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(transparent)]
#[schemars(inline)]
struct RuleId(&'static str);

impl From<&(Severity, &'static str)> for RuleId {
    fn from((_, rule): &(Severity, &'static str)) -> Self {
        Self(rule)
    }
}

/// An address and port.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Endpoint {
    /// IPv4 or IPv6 address.
    addr: IpAddr,
    /// TCP port.
    port: u16,
}

impl From<tcp::Endpoint> for Endpoint {
    fn from(e: tcp::Endpoint) -> Self {
        Self { addr: e.addr, port: e.port }
    }
}

/// How it is known who is the client.
#[derive(Debug, Serialize, JsonSchema)]
struct Roles {
    /// The evidence.
    from: OneOf<RoleBasis>,
    /// How much to trust it.
    confidence: OneOf<Confidence>,
}

/// What a connection cost beside its payload.
#[derive(Debug, Serialize, JsonSchema)]
struct Overhead {
    /// Segments without payload, of both ends.
    segments_without_payload: u64,
    /// Their share of all segments, four decimals.
    share: Option<f64>,
    /// From the client's first SYN to an open server.
    setup_ns: Option<Ns>,
    /// From the first FIN or RST to the end of the close.
    teardown_ns: Option<Ns>,
}

impl Overhead {
    fn new(r: &Record) -> Self {
        Self {
            segments_without_payload: without_payload(r),
            share: overhead_share(r).map(rounded),
            setup_ns: setup(r).map(Ns::from),
            teardown_ns: r.close.duration.map(Ns::from),
        }
    }
}

/// What the capture shows of a connection.
#[derive(Debug, Serialize, JsonSchema)]
struct Visibility {
    /// Segments of both ends were captured.
    both_directions: bool,
    /// SYN and SYN+ACK were captured.
    handshake_captured: bool,
    /// The first segment belonged to an open connection.
    midstream: bool,
    /// Acknowledged bytes were never captured.
    capture_loss: bool,
    /// Copies of packets were captured and dropped.
    duplicated: bool,
    /// Some payload was cut by the snaplen.
    truncated_payload: bool,
    /// An end leaves checksums to its network card.
    offload: bool,
}

impl From<track::Visibility> for Visibility {
    fn from(v: track::Visibility) -> Self {
        Self {
            both_directions: v.both_directions,
            handshake_captured: v.handshake_captured,
            midstream: v.midstream,
            capture_loss: v.capture_loss,
            duplicated: v.duplicated,
            truncated_payload: v.truncated_payload,
            offload: v.offload,
        }
    }
}

/// What Zeek would write.
#[derive(Debug, Serialize, JsonSchema)]
struct Zeek<'a> {
    /// `conn_state`.
    conn_state: &'static str,
    /// `history`.
    history: &'a str,
}

/// Where to find a connection in Wireshark.
#[derive(Debug, Serialize, JsonSchema)]
struct Wireshark {
    /// `tcp.stream`; null where Wireshark's number can't be known.
    stream: Option<u32>,
    /// `tcp.completeness`.
    completeness: u8,
    /// Display filter that shows the connection.
    filter: Text<ConnectionFilter>,
}

impl Wireshark {
    fn new(r: &Record, places: &Places) -> Self {
        let stream = r.stream.filter(|_| places.single());
        let frames = places.within_one(&[r.id, r.last_frame]).and_then(|f| Some((*f.first()?, *f.last()?)));
        let ends = [r.endpoints.client, r.endpoints.server];
        Self { stream, completeness: r.completeness, filter: Text(ConnectionFilter { stream, ends, frames }) }
    }
}
