//! `Thresholds`: from where on rules speak; each with its name, its default, and the origin of that default.

use super::ScanThresholds;
use crate::tcp::{Duration, Endpoint};

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

impl<'a> From<&'a mut u32> for Knob<'a> {
    fn from(place: &'a mut u32) -> Self {
        Self::Small(place)
    }
}

impl<'a> From<&'a mut u64> for Knob<'a> {
    fn from(place: &'a mut u64) -> Self {
        Self::Count(place)
    }
}

impl<'a> From<&'a mut Option<u64>> for Knob<'a> {
    fn from(place: &'a mut Option<u64>) -> Self {
        Self::Maybe(place)
    }
}

impl<'a> From<&'a mut Duration> for Knob<'a> {
    fn from(place: &'a mut Duration) -> Self {
        Self::Span(place)
    }
}

/// Makes `Thresholds` from one line each: what it is, its name, its field, its default. Those without a name have ways
/// of their own to be set.
macro_rules! thresholds {
    (
        named { $($(#[doc = $doc:literal])+ $name:literal $field:ident: $type:ty = $default:expr;)+ }
        unnamed { $($(#[doc = $odoc:literal])+ $ofield:ident: $otype:ty = $odefault:expr;)+ }
    ) => {
        /// From where on rules speak; each default with its origin (tcp.md §2 and §7 where none is named).
        #[derive(Clone, Debug)]
        pub struct Thresholds {
            $($(#[doc = $doc])+ pub $field: $type,)+
            $($(#[doc = $odoc])+ pub $ofield: $otype,)+
        }

        impl Default for Thresholds {
            fn default() -> Self {
                Self { $($field: $default,)+ $($ofield: $odefault,)+ }
            }
        }

        impl Thresholds {
            /// Those of this list; [`ScanThresholds`] has more.
            const NAMES: &'static [&'static str] = &[$($name),+];

            /// The threshold of this name.
            pub fn knob(&mut self, name: &str) -> Option<Knob<'_>> {
                Some(match name {
                    $($name => Knob::from(&mut self.$field),)+
                    _ => return self.scans.knob(name),
                })
            }
        }
    };
}

thresholds! {
    named {
        /// HS001: repetitions of one segment from which on it is a warning.
        "handshake-repeats" handshake_repeats: u32 = 3;
        /// HS001: no stack repeats sooner: TCP_RTO_MIN of Linux (include/net/tcp.h).
        "handshake-gap" handshake_gap: Duration = Duration::from_millis(200);
        /// HS002: connections with one and the same difference that tell a device which rewrites numbers.
        "rewrite-connections" rewrite_connections: u64 = 3;
        /// HS004: a server with SYN cookies has another number after this: their counter moves once a minute
        /// (net/ipv4/syncookies.c of Linux).
        "cookie-minute" cookie_minute: Duration = Duration::from_secs(60);
        /// HS006: SYNs without an answer that make a time-out.
        "connect-tries" connect_tries: u32 = 4;
        /// HS006: or two of them over this time; Windows gives up after 21 s.
        "connect-span" connect_span: Duration = Duration::from_secs(21);
        /// TD001: FINs sent without an acknowledgment.
        "fin-repeats" fin_repeats: u32 = 3;
        /// TD001: a peer that speaks so long after a FIN should have noticed it.
        "fin-noticed" fin_noticed: Duration = Duration::from_secs(1);
        /// TD004: a half-closed connection is noted after this time: tcp_fin_timeout of Linux.
        "half-close-linger" half_close_linger: Duration = Duration::from_secs(60);
        /// TD004: and warned of after this.
        "half-close-warning" half_close_warning: Duration = Duration::from_secs(300);
        /// TD004, CN002, CN003: at the end of the input, a connection without any segment for so long was lost sight of:
        /// a live one would have sent a keep-alive (RFC 9293 §3.8.4, MUST-28). So it is where files are read one after
        /// the other, or a clock jumps.
        "lost-sight" lost_sight: Duration = Duration::from_secs(7200);
        /// TW006: ends in TIME_WAIT at one host.
        "time-wait-pileup" time_wait_pileup: u64 = 10_000;
        /// TW006: the kernel's bound on them, where the user gave it (net.ipv4.tcp_max_tw_buckets); 80 % of it count.
        "time-wait-buckets" time_wait_buckets: Option<u64> = None;
        /// TW006, TW007: said at the latest so long after the threshold was passed; sooner where the number no longer
        /// grows. Long enough for a peak, short enough for who is watching.
        "time-wait-settle" time_wait_settle: Duration = Duration::from_secs(10);
        /// TW007, CN005: share of the ephemeral range that is noted, in per cent.
        "port-share-note" port_share_note: u64 = 50;
        /// TW007, CN005: that is warned of.
        "port-share-warning" port_share_warning: u64 = 80;
        /// TW007: that is an error.
        "port-share-error" port_share_error: u64 = 95;
        /// TW007, CN005: kinds of SYN from one address that tell several hosts behind it.
        "nat-signatures" nat_signatures: u64 = 4;
        /// SQ005: a window closed so long is noted.
        "zero-window" zero_window: Duration = Duration::from_secs(5);
        /// SQ005: and warned of after this.
        "zero-window-warning" zero_window_warning: Duration = Duration::from_secs(30);
        /// OP003: clients with whom a server's options do not fit that tell a middlebox.
        "middlebox-clients" middlebox_clients: u64 = 3;
        /// HO001: SYN+ACKs sent again: tcp_synack_retries of Linux.
        "synack-retries" synack_retries: u32 = 5;
        /// HO002: share of the backlog that is warned of, in per cent.
        "backlog-share" backlog_share: u64 = 80;
        /// HO003: clients left unanswered; fewer may be lost packets.
        "syn-drop-clients" syn_drop_clients: u64 = 3;
        /// HO003: or this share of the SYNs within [`Thresholds::syn_drop_near`], in per cent.
        "syn-drop-share" syn_drop_share: u64 = 5;
        /// HO003: of at least so many SYNs, for one of fewer is more than 5 % already.
        "syn-drop-syns" syn_drop_syns: u64 = 20;
        /// HO003: so near in time must the answer to another client be.
        "syn-drop-near" syn_drop_near: Duration = Duration::from_secs(10);
        /// HO004: a first repetition so late is TCP_DEFER_ACCEPT's, not that of a full queue (tcp.md M8).
        "defer-accept" defer_accept: Duration = Duration::from_secs(3);
        /// HO004: connections of one listener within [`Thresholds::accept_overflow_span`] that make it sure.
        "accept-overflow-connections" accept_overflow_connections: u64 = 3;
        /// HO004: that time.
        "accept-overflow-span" accept_overflow_span: Duration = Duration::from_secs(60);
        /// HO005: ISNs of one client with one difference. tcp.md names two; but two alone are what port reuse gives
        /// too (vector V81), so three are asked for.
        "cookie-isns" cookie_isns: u32 = 3;
        /// HO005: SYN+ACKs that end in the same timestamp bits: by chance once in 64^7.
        "cookie-synacks" cookie_synacks: u32 = 8;
        /// HO005: half-open entries in a row whose SYN+ACK never came again.
        "cookie-silent" cookie_silent: u32 = 20;
        /// HO005: of those older than this; Linux sends it again after 1 and 3 s.
        "cookie-age" cookie_age: Duration = Duration::from_millis(3500);
        /// HO006: completed handshakes of those answered, in per cent, below which it is a warning.
        "completion" completion: u64 = 50;
        /// HO006: of at least so many in [`Thresholds::completion_span`].
        "completion-attempts" completion_attempts: u64 = 100;
        /// HO006: that time.
        "completion-span" completion_span: Duration = Duration::from_secs(60);
        /// HO007: silent for so long, a connection is more likely forgotten by a middlebox than by its end (RFC 5382
        /// REQ-5 asks them for two hours, many keep five minutes).
        "middlebox-idle" middlebox_idle: Duration = Duration::from_secs(300);
        /// HO007: silent for less, a RST without ACK is rather an abort than a lost connection.
        "lost-after" lost_after: Duration = Duration::from_secs(10);
        /// CN001: connections of one client to one listener within [`Thresholds::churn_span`].
        "churn" churn: u64 = 20;
        /// CN001: that time.
        "churn-span" churn_span: Duration = Duration::from_secs(10);
        /// CN001: a second, from which on it is a warning.
        "churn-warning" churn_warning: u64 = 100;
        /// CN001: a shorter life is short.
        "churn-life" churn_life: Duration = Duration::from_secs(1);
        /// CN001: fewer payload bytes are few.
        "churn-payload" churn_payload: u64 = 10 << 10;
        /// CN002: an open connection without payload is noted after this.
        "idle" idle: Duration = Duration::from_secs(600);
        /// CN002: and warned of after this: RFC 9293 §3.8.4 (MUST-28), keep-alive after two hours.
        "idle-warning" idle_warning: Duration = Duration::from_secs(7200);
        /// CN002: or where one server has so many of them.
        "idle-connections" idle_connections: u64 = 100;
        /// CN003: a connection without any payload is noted after this.
        "empty" empty: Duration = Duration::from_secs(10);
        /// CN004: repetitions of the same data without an answer.
        "dead-repeats" dead_repeats: u32 = 6;
        /// CN004: or two of them over this time: R2 of RFC 9293 §3.8.3.
        "dead-span" dead_span: Duration = Duration::from_secs(100);
        /// CN004: keep-alive probes without an answer: tcp_keepalive_probes of Linux.
        "dead-probes" dead_probes: u32 = 9;
    }
    unnamed {
        /// AT007 to AT013, AT018 to AT020.
        scans: ScanThresholds = ScanThresholds::default();
        /// First port of the client port range: net.ipv4.ip_local_port_range of Linux.
        ephemeral_low: u16 = 32_768;
        /// Last port of it.
        ephemeral_high: u16 = 60_999;
        /// HO002: what half-open counts are judged against, where the user gave it: listen(2)'s backlog.
        backlog: Option<u64> = None;
        /// HO002: backlogs of single listeners.
        backlog_of: Vec<(Endpoint, u64)> = Vec::new();
        /// The kernel's bound on every backlog: net.core.somaxconn, 4096 on Linux since 5.4.
        somaxconn: u64 = 4096;
    }
}

impl Thresholds {
    /// The names of all that [`Thresholds::knob`] finds.
    pub fn names() -> impl Iterator<Item = &'static str> {
        Self::NAMES.iter().copied().chain(ScanThresholds::NAMES)
    }

    /// The effective backlog of a listener, where the user told one: the kernel clamps it to somaxconn.
    pub fn backlog(&self, endpoint: &Endpoint) -> Option<u64> {
        let own = self.backlog_of.iter().find(|(e, _)| e == endpoint).map(|(_, n)| *n);
        own.or(self.backlog).map(|n| n.min(self.somaxconn))
    }

    /// Ports of the client port range.
    pub fn ephemeral_ports(&self) -> u64 {
        u64::from(self.ephemeral_high.saturating_sub(self.ephemeral_low)) + 1
    }
}
