//! `Config`: what the user may choose, the thresholds and the bounds; each default with its origin.

use crate::tcp::Duration;

/// Everything that an analysis can be told.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// How bytes become segments.
    pub decode: DecodeConfig,
    /// How segments become connections.
    pub track: TrackConfig,
    /// Which rules speak, and from where on.
    pub rules: RuleConfig,
    /// How much is kept of listeners, clients and hosts.
    pub tables: TableConfig,
    /// How many threads work; 0 for all the machine has. The output is the same for any number.
    pub threads: usize,
}

/// How bytes become segments.
#[derive(Clone, Debug)]
pub struct DecodeConfig {
    /// Look inside tunnels (IP-in-IP, 6in4, GRE, VXLAN, GENEVE …).
    pub decapsulate: bool,
    /// How many tunnels deep; a hostile packet can nest without end.
    pub max_tunnel_depth: u8,
    /// Bytes of fragments kept at most; IPv4 allows 64 KiB a datagram, so this holds 64 full ones.
    pub max_fragment_bytes: usize,
    /// How long fragments wait for their rest: 60 s, the upper end of RFC 791's and RFC 8200's advice.
    pub fragment_timeout: Duration,
}

impl Default for DecodeConfig {
    fn default() -> Self {
        Self {
            decapsulate: true,
            max_tunnel_depth: 4,
            max_fragment_bytes: 4 << 20,
            fragment_timeout: Duration::from_secs(60),
        }
    }
}

/// What a bad checksum does.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum ChecksumPolicy {
    /// It is counted and the segment is used: offload makes checksums in captures wrong as often as not.
    #[default]
    Ignore,
    /// The segment is dropped as a receiver would (RFC 9293 MUST-3), unless its sender offloads checksums.
    Verify,
}

/// How segments become connections.
#[derive(Clone, Debug)]
pub struct TrackConfig {
    /// What a bad checksum does.
    pub checksum: ChecksumPolicy,
    /// Copies of one packet within this time are one packet seen twice (mirror ports): 10 ms; real
    /// retransmissions are at least 200 ms apart (Linux TCP_RTO_MIN).
    pub duplicate_window: Duration,
    /// Length of TIME_WAIT, 2 × MSL: 60 s on Linux (include/net/tcp.h, TCP_TIMEWAIT_LEN).
    pub two_msl: Duration,
    /// Any ACK restarts TIME_WAIT as on Linux, not only a repeated FIN as in RFC 9293 §3.10.7.4.
    pub any_ack_restarts_time_wait: bool,
    /// How long a connection that is closed, or was never answered, is kept for stragglers: 75 s, more than the
    /// 63 s that Linux keeps a half-open entry (tcp_synack_retries 5).
    pub linger: Duration,
    /// Connections kept at once over all partitions; beyond it the least recently used one ends as `evicted`
    /// (tcp.md §5.0).
    pub max_connections: usize,
    /// Beside these, connections of which too little was seen to keep more than their first segments: half-open ones
    /// above all. Beyond it the first that comes to hand ends as `evicted` (tcp.md §5.0).
    pub max_attempts: usize,
    /// Connections of one partition that are kept whole for being new, however little was seen of them. Only time
    /// and memory depend on it, no result.
    pub young: usize,
    /// State transitions kept of one connection; more are counted, not kept.
    pub max_transitions: usize,
}

impl Default for TrackConfig {
    fn default() -> Self {
        Self {
            checksum: ChecksumPolicy::Ignore,
            duplicate_window: Duration::from_millis(10),
            two_msl: Duration::from_secs(60),
            any_ack_restarts_time_wait: false,
            linger: Duration::from_secs(75),
            max_connections: 1_000_000,
            max_attempts: 1 << 20,
            // With 64 partitions as many as begin within a tenth of a second at 40,000 a second.
            young: 64,
            max_transitions: 64,
        }
    }
}

/// How much is kept of listeners, clients and hosts; what finds no room is counted in the summary.
#[derive(Clone, Debug)]
pub struct TableConfig {
    /// Addresses and ports that connections were opened to; a quarter of the room is for those that never answered.
    pub listeners: usize,
    /// Addresses that opened connections; a quarter of the room is for those that completed none.
    pub clients: usize,
    /// Pairs of a client and an address and port it called.
    pub destinations: usize,
    /// Addresses that held TIME_WAIT.
    pub hosts: usize,
    /// Points of a curve: four minutes with a point a second, then half as many points a second, and so on.
    pub points: usize,
}

impl Default for TableConfig {
    /// Together less than 300 MiB when all are full and every curve is as long as it can be.
    fn default() -> Self {
        Self { listeners: 8192, clients: 8192, destinations: 32_768, hosts: 8192, points: 240 }
    }
}

/// Which rules speak.
#[derive(Clone, Debug, Default)]
pub struct RuleConfig {
    /// Rule ids or prefixes to use; empty for all.
    pub select: Vec<String>,
    /// Rule ids or prefixes to leave out, stronger than `select`.
    pub ignore: Vec<String>,
    /// From where on rules speak.
    pub thresholds: Thresholds,
}

/// From where on rules speak; each default with its origin (tcp.md §7 where none is named).
#[derive(Clone, Debug)]
pub struct Thresholds {
    /// HS001: repetitions of one segment from which on it is a warning.
    pub handshake_repeats: u32,
    /// HS006: SYNs without an answer that make a time-out.
    pub connect_tries: u32,
    /// HS006: or two of them over this time; Windows gives up after 21 s.
    pub connect_span: Duration,
    /// TD001: FINs sent without an acknowledgment.
    pub fin_repeats: u32,
    /// TD004: a half-closed connection is noted after this time: tcp_fin_timeout of Linux.
    pub half_close_linger: Duration,
    /// TD004: and warned of after this.
    pub half_close_warning: Duration,
    /// TW006: ends in TIME_WAIT at one host.
    pub time_wait_pileup: u64,
    /// TW006: the kernel's bound on them, where the user gave it (net.ipv4.tcp_max_tw_buckets); 80 % of it count.
    pub time_wait_buckets: Option<u64>,
    /// TW007, CN005: shares of the ephemeral range that are noted, warned of, and an error, in per cent.
    pub port_share: [u64; 3],
    /// First port of the client port range: net.ipv4.ip_local_port_range of Linux.
    pub ephemeral_low: u16,
    /// Last port of it.
    pub ephemeral_high: u16,
    /// SQ005: a window closed so long is noted.
    pub zero_window: Duration,
    /// SQ005: and warned of after this.
    pub zero_window_warning: Duration,
    /// HO002: what half-open counts are judged against, where the user gave it: listen(2)'s backlog.
    pub backlog: Option<u64>,
    /// HO002: backlogs of single listeners.
    pub backlog_of: Vec<(crate::tcp::Endpoint, u64)>,
    /// The kernel's bound on every backlog: net.core.somaxconn, 4096 on Linux since 5.4.
    pub somaxconn: u64,
    /// HO006: completed handshakes of those answered, in per cent, below which it is a warning.
    pub completion: u64,
    /// HO006: of at least so many in [`Thresholds::completion_span`].
    pub completion_attempts: u64,
    /// HO006: that time.
    pub completion_span: Duration,
    /// CN001: connections of one client to one listener within [`Thresholds::churn_span`].
    pub churn: u64,
    /// CN001: that time.
    pub churn_span: Duration,
    /// CN001: a second, from which on it is a warning.
    pub churn_warning: u64,
    /// CN002: an open connection without payload is noted after this.
    pub idle: Duration,
    /// CN002: and warned of after this: RFC 9293 §3.8.4 (MUST-28), keep-alive after two hours.
    pub idle_warning: Duration,
    /// CN003: a connection without any payload is noted after this.
    pub empty: Duration,
    /// CN004: repetitions of the same data without an answer; R2 of RFC 9293 §3.8.3 is 100 s.
    pub dead_repeats: u32,
    /// CN004: keep-alive probes without an answer: tcp_keepalive_probes of Linux.
    pub dead_probes: u32,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self {
            handshake_repeats: 3,
            connect_tries: 4,
            connect_span: Duration::from_secs(21),
            fin_repeats: 3,
            half_close_linger: Duration::from_secs(60),
            half_close_warning: Duration::from_secs(300),
            time_wait_pileup: 10_000,
            time_wait_buckets: None,
            port_share: [50, 80, 95],
            ephemeral_low: 32_768,
            ephemeral_high: 60_999,
            zero_window: Duration::from_secs(5),
            zero_window_warning: Duration::from_secs(30),
            backlog: None,
            backlog_of: Vec::new(),
            somaxconn: 4096,
            completion: 50,
            completion_attempts: 100,
            completion_span: Duration::from_secs(60),
            churn: 20,
            churn_span: Duration::from_secs(10),
            churn_warning: 100,
            idle: Duration::from_secs(600),
            idle_warning: Duration::from_secs(7200),
            empty: Duration::from_secs(10),
            dead_repeats: 6,
            dead_probes: 9,
        }
    }
}

/// A threshold by its name, to be set.
#[derive(Debug)]
pub enum Knob<'a> {
    /// A count.
    Small(&'a mut u32),
    /// A count, or a share in per cent.
    Count(&'a mut u64),
    /// A count that is not known unless the user says it.
    Maybe(&'a mut Option<u64>),
    /// A time.
    Span(&'a mut Duration),
}

impl Thresholds {
    /// The names of those that [`Thresholds::knob`] finds; the others have ways of their own to be set.
    pub const NAMES: [&str; 24] = [
        "handshake-repeats",
        "connect-tries",
        "connect-span",
        "fin-repeats",
        "half-close-linger",
        "half-close-warning",
        "time-wait-pileup",
        "time-wait-buckets",
        "port-share-note",
        "port-share-warning",
        "port-share-error",
        "zero-window",
        "zero-window-warning",
        "completion",
        "completion-attempts",
        "completion-span",
        "churn",
        "churn-span",
        "churn-warning",
        "idle",
        "idle-warning",
        "empty",
        "dead-repeats",
        "dead-probes",
    ];

    /// The threshold of this name.
    pub fn knob(&mut self, name: &str) -> Option<Knob<'_>> {
        Some(match name {
            "handshake-repeats" => Knob::Small(&mut self.handshake_repeats),
            "connect-tries" => Knob::Small(&mut self.connect_tries),
            "connect-span" => Knob::Span(&mut self.connect_span),
            "fin-repeats" => Knob::Small(&mut self.fin_repeats),
            "half-close-linger" => Knob::Span(&mut self.half_close_linger),
            "half-close-warning" => Knob::Span(&mut self.half_close_warning),
            "time-wait-pileup" => Knob::Count(&mut self.time_wait_pileup),
            "time-wait-buckets" => Knob::Maybe(&mut self.time_wait_buckets),
            "port-share-note" => Knob::Count(&mut self.port_share[0]),
            "port-share-warning" => Knob::Count(&mut self.port_share[1]),
            "port-share-error" => Knob::Count(&mut self.port_share[2]),
            "zero-window" => Knob::Span(&mut self.zero_window),
            "zero-window-warning" => Knob::Span(&mut self.zero_window_warning),
            "completion" => Knob::Count(&mut self.completion),
            "completion-attempts" => Knob::Count(&mut self.completion_attempts),
            "completion-span" => Knob::Span(&mut self.completion_span),
            "churn" => Knob::Count(&mut self.churn),
            "churn-span" => Knob::Span(&mut self.churn_span),
            "churn-warning" => Knob::Count(&mut self.churn_warning),
            "idle" => Knob::Span(&mut self.idle),
            "idle-warning" => Knob::Span(&mut self.idle_warning),
            "empty" => Knob::Span(&mut self.empty),
            "dead-repeats" => Knob::Small(&mut self.dead_repeats),
            "dead-probes" => Knob::Small(&mut self.dead_probes),
            _ => return None,
        })
    }
}

impl RuleConfig {
    /// Whether the rule of this id is to speak.
    pub fn has(&self, id: &str) -> bool {
        let named = |list: &[String]| {
            list.iter().any(|p| {
                id.len() >= p.len() && id.is_char_boundary(p.len()) && id[..p.len()].eq_ignore_ascii_case(p)
            })
        };
        (self.select.is_empty() || named(&self.select)) && !named(&self.ignore)
    }
}
