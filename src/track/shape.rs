//! The shapes that an opening and a close can take: labels for legal variants, not verdicts (tcp.md §1.6).

use serde::Serialize;

/// How a connection was opened.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum OpenShape {
    /// SYN, SYN+ACK, ACK.
    ThreeWay,
    /// SYNs crossed.
    SimultaneousOpen,
    /// The SYN carried payload.
    SynData,
    /// The server acknowledged the SYN's payload (RFC 7413).
    TfoAccepted,
    /// The server acknowledged the SYN alone.
    TfoIgnored,
    /// A segment of the handshake was captured before the one it answers.
    Reordered,
    /// The SYN was not captured.
    SynMissing,
    /// The SYN+ACK was not captured.
    #[serde(rename = "synack-missing")]
    SynAckMissing,
    /// Nothing of the opening was captured.
    Midstream,
    /// The client gave up with a RST.
    ClientCancelled,
    /// A wrong SYN+ACK was answered by a RST, as RFC 9293 figure 8 has it.
    OldDuplicateRecovered,
    /// The final ACK had not come when the record was made.
    HalfOpenAtEnd,
}

/// What came of an opening.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum OpenOutcome {
    /// Both ends reached ESTABLISHED.
    Complete,
    /// The server answered, the final ACK never came.
    HalfOpen,
    /// A RST answered the SYN.
    Refused,
    /// Nothing answered the SYN.
    Unanswered,
    /// The client sent a RST before the handshake was done.
    Cancelled,
    /// The opening was not captured.
    NotCaptured,
}

/// How a connection was closed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CloseShape {
    /// FIN, ACK, FIN, ACK.
    FourSegment,
    /// FIN, FIN+ACK, ACK.
    ThreeSegment,
    /// FINs crossed.
    SimultaneousClose,
    /// One FIN, acknowledged; the other direction stayed open.
    HalfClose,
    /// A RST without a FIN before it.
    Abort,
    /// A RST after a FIN.
    RstAfterFin,
    /// Not closed.
    None,
}

/// What came of a close.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CloseOutcome {
    /// Both FINs sent and acknowledged.
    Graceful,
    /// Ended by a RST.
    Aborted,
    /// One direction closed.
    HalfClosed,
    /// Still open when the record was made.
    Open,
    /// What happened can't be told.
    Unknown,
}
