//! `State` and `Certainty`: where one endpoint stands (RFC 9293 §3.3.2), and how we know.

use std::fmt;

/// A connection state of RFC 9293 §3.3.2, or `Unknown` where nothing was seen that tells.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, PartialOrd, Ord)]
pub enum State {
    /// No connection.
    Closed,
    /// Waiting for a connection request.
    Listen,
    /// SYN sent, no answer yet.
    SynSent,
    /// SYN received and answered (or crossed with our own), final ACK missing.
    SynReceived,
    /// Open.
    Established,
    /// FIN sent, not acknowledged.
    FinWait1,
    /// FIN sent and acknowledged, the peer's FIN is missing.
    FinWait2,
    /// The peer's FIN was received; this end may go on sending.
    CloseWait,
    /// FINs crossed; ours is not acknowledged yet.
    Closing,
    /// FIN sent after the peer's; its acknowledgment is missing.
    LastAck,
    /// Both FINs done; waiting 2 MSL.
    TimeWait,
    /// Nothing seen that tells the state.
    #[default]
    Unknown,
}

impl State {
    /// All states, in the order of RFC 9293 §3.3.2, `Unknown` last.
    pub const ALL: [Self; 12] = [
        Self::Closed,
        Self::Listen,
        Self::SynSent,
        Self::SynReceived,
        Self::Established,
        Self::FinWait1,
        Self::FinWait2,
        Self::CloseWait,
        Self::Closing,
        Self::LastAck,
        Self::TimeWait,
        Self::Unknown,
    ];

    /// The printed name; nobody else spells a state.
    pub fn name(self) -> &'static str {
        match self {
            Self::Closed => "CLOSED",
            Self::Listen => "LISTEN",
            Self::SynSent => "SYN_SENT",
            Self::SynReceived => "SYN_RECEIVED",
            Self::Established => "ESTABLISHED",
            Self::FinWait1 => "FIN_WAIT_1",
            Self::FinWait2 => "FIN_WAIT_2",
            Self::CloseWait => "CLOSE_WAIT",
            Self::Closing => "CLOSING",
            Self::LastAck => "LAST_ACK",
            Self::TimeWait => "TIME_WAIT",
            Self::Unknown => "UNKNOWN",
        }
    }

    /// Reads a name in any usual spelling: `TIME-WAIT`, `time_wait`, `SYN_RCVD`, `SYN_RECV`, `FIN_WAIT1`.
    pub fn parse(text: &str) -> Option<Self> {
        let plain = |s: &str| -> String {
            s.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_uppercase()
        };
        let text = plain(text);
        let text = match text.as_str() {
            "SYNRCVD" | "SYNRECV" => "SYNRECEIVED",
            other => other,
        };
        Self::ALL.into_iter().find(|s| plain(s.name()) == text)
    }

    /// Past the handshake: ESTABLISHED or any later state but CLOSED.
    #[inline]
    pub fn is_synchronized(self) -> bool {
        matches!(
            self,
            Self::Established
                | Self::FinWait1
                | Self::FinWait2
                | Self::CloseWait
                | Self::Closing
                | Self::LastAck
                | Self::TimeWait
        )
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// How a state is known.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, PartialOrd, Ord)]
pub enum Certainty {
    /// It follows from a segment that this endpoint itself sent.
    Observed,
    /// A segment that causes it passed the capture point toward this endpoint; it may have been lost behind it.
    Inferred,
    /// It is needed to explain later traffic, or a timer must have fired.
    #[default]
    Assumed,
}

impl Certainty {
    /// The printed name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Observed => "observed",
            Self::Inferred => "inferred",
            Self::Assumed => "assumed",
        }
    }

    /// `o`, `i` or `a`, for narrow places.
    pub fn letter(self) -> char {
        match self {
            Self::Observed => 'o',
            Self::Inferred => 'i',
            Self::Assumed => 'a',
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_usual_spelling_is_read() {
        for (text, state) in [
            ("TIME-WAIT", State::TimeWait),
            ("syn_rcvd", State::SynReceived),
            ("SYN_RECV", State::SynReceived),
            ("FIN_WAIT1", State::FinWait1),
            ("FIN-WAIT-1", State::FinWait1),
            ("estab", State::Unknown),
        ] {
            let read = State::parse(text).unwrap_or(State::Unknown);
            assert_eq!(read, state, "{text}");
        }
        assert!(State::ALL.iter().all(|s| State::parse(s.name()) == Some(*s)));
    }
}
