//! `Config`: what the user may choose, the thresholds and the bounds; each default with its origin.

mod scans;
mod thresholds;

pub use scans::ScanThresholds;
pub use thresholds::{Knob, Thresholds};

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
    /// Connections of one partition that are kept whole for being new, however little was seen of them. Time and memory
    /// depend on it, and what is evicted where a table is full; no other result.
    pub young: usize,
    /// Connections of one partition that are kept ready for their next segment; others rest as fewer bytes. Only time and
    /// memory depend on it, no result.
    pub awake: usize,
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
            // About 160 bytes each with their share of tables and timers: a flood of any length stays below 256 MiB.
            max_attempts: 800_000,
            // In 64 partitions as many as begin within 25 ms at 20,000 a second, and 1.2 MB: with 32 a flood took 1.08
            // times the CPU.
            young: 8,
            // In 64 partitions 49,152 of 3 KiB each, the rest 0.6 KiB: a mix of a million connections in six minutes takes
            // 630 MiB. To pack and unpack one takes 5 µs, so few should need it.
            awake: 768,
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
    /// Networks whose masks are known: their highest addresses are no hosts (HS009).
    pub local_nets: Vec<ipnet::IpNet>,
    /// From where on rules speak.
    pub thresholds: Thresholds,
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
