//! `Event` and `Fact`: the vocabulary of what was seen. Facts carry numbers, never verdicts.

use super::agreed::Departure;
use super::record::{HalfOpenEnd, Reason, TimeWaitEnd};
use super::stray::StrayKind;
use crate::tcp::{Certainty, Duration, SeqNumber, State, Timestamp};

/// One fact about one connection at one point in the order.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Event {
    /// Capture time; for a timer the time it was due.
    pub at: Timestamp,
    /// The packet that shows it; for a timer the connection's last packet.
    pub frame: u64,
    /// Index of the end it is about, 0 or 1, as in [`super::Connection::ends`].
    pub end: usize,
    /// What was seen.
    pub fact: Fact,
}

/// What was seen of one end. "Sent" facts are about the sender of the packet.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Fact {
    /// The connection's first packet.
    Opened,
    /// A segment whose header has something that most do not: SYN, URG, an urgent pointer, a fault. Rules that
    /// judge headers look at the segment itself.
    NotableHeader,
    /// A combination of flags that no state machine acts on; the segment moved nothing.
    FlagsRefused,
    /// A state changed.
    Stepped {
        /// From this state.
        from: State,
        /// To this one.
        to: State,
        /// How it is known.
        certainty: Certainty,
        /// Why.
        reason: Reason,
    },
    /// A step was disproved: the end is back in `to`.
    RolledBack {
        /// The state it never was in.
        from: State,
        /// The state it still is in.
        to: State,
    },
    /// A SYN was sent again.
    SynRepeated {
        /// Since the one before.
        gap: Duration,
        /// How often by now.
        count: u32,
    },
    /// A SYN+ACK was sent again.
    SynAckRepeated {
        /// Since the one before.
        gap: Duration,
        /// How often by now.
        count: u32,
        /// After a valid final ACK had passed toward its sender.
        after_ack: bool,
        /// After its sender had shown that it is in ESTABLISHED.
        after_established: bool,
    },
    /// A SYN+ACK acknowledges what its receiver has not sent.
    SynAckWrongAck {
        /// ISN + 1.
        expected: SeqNumber,
        /// What it acknowledges.
        ack: SeqNumber,
    },
    /// A second SYN+ACK for one SYN has another sequence number.
    SynAckIsnChanged {
        /// Sequence number of the first.
        first: SeqNumber,
        /// Of this one.
        second: SeqNumber,
        /// Between the two.
        gap: Duration,
    },
    /// The ACK that should complete the handshake does not fit it.
    FinalAckWrong {
        /// The acknowledgment that would.
        expected_ack: SeqNumber,
        /// What came.
        ack: SeqNumber,
        /// The sequence number that would.
        expected_seq: SeqNumber,
        /// What came.
        seq: SeqNumber,
    },
    /// A RST answered the SYN and was acceptable. The end is the one that refused.
    Refused {
        /// From the SYN to the RST.
        rtt: Duration,
    },
    /// The client sent payload before any SYN+ACK.
    EarlyData {
        /// Payload bytes.
        bytes: u32,
    },
    /// The handshake is complete as far as can be seen: the final ACK, or what stands for it, passed.
    HandshakeDone {
        /// Digest of what the client's SYN looked like: see [`super::Offer::signature`].
        syn: Option<u32>,
    },
    /// A SYN with a new ISN from an end that is synchronized.
    SynWhileSynchronized {
        /// Its sequence number.
        seq: SeqNumber,
        /// How far after the next one expected.
        ahead: i32,
    },
    /// A pure ACK with the old numbers answers that SYN, or a RST inside the window (RFC 5961).
    ChallengeAck,
    /// That SYN got a SYN+ACK: it opened a new connection, and this one had died unseen.
    SynTakenUp,
    /// The end that had sent the SYN answers the challenge with a RST: it had lost the connection (RFC 9293 §3.5.1).
    Desynchronized {
        /// Since the last traffic both ends knew of.
        idle: Duration,
    },
    /// The end that was asked sent a SYN and never a SYN+ACK, got the SYN+ACK, and completes the handshake.
    SplitHandshake,
    /// An entry came into the SYN queue, or was there all along.
    HalfOpenEntered {
        /// How it had seemed to have ended, where it was counted before.
        again: Option<HalfOpenEnd>,
    },
    /// An entry left the SYN queue.
    HalfOpenLeft {
        /// How.
        kind: HalfOpenEnd,
        /// SYN+ACKs sent again until then.
        retransmissions: u32,
        /// Since the first SYN+ACK.
        age: Duration,
    },
    /// A RST right after the final ACK from a server that said nothing else: the accept queue was full.
    AcceptAborted,
    /// Payload after the own FIN.
    DataAfterFin {
        /// The sequence number after the FIN.
        fin_end: SeqNumber,
        /// Where this segment ends.
        end: SeqNumber,
    },
    /// A second FIN ends elsewhere than the first.
    FinMoved {
        /// The sequence number after the first FIN.
        fin_end: SeqNumber,
        /// After this one.
        end: SeqNumber,
    },
    /// A FIN was sent again.
    FinRepeated {
        /// How often it was sent by now.
        count: u32,
    },
    /// An acceptable RST ended the connection. The end is its sender.
    Reset {
        /// State of the receiver until then.
        receiver: State,
        /// It carries the ACK flag: sent by an application's abort rather than by a stack without a socket (M17).
        with_ack: bool,
        /// The sender had sent a FIN before.
        after_own_fin: bool,
        /// The receiver had sent a FIN before.
        after_peer_fin: bool,
        /// It answers the receiver's latest segment: sequence number equal to that one's acknowledgment.
        is_reply: bool,
        /// Payload bytes of the receiver that were not acknowledged.
        unacknowledged: u32,
        /// Sequence number.
        seq: SeqNumber,
        /// Its TTL less the TTL its sender used otherwise; 0 where that sent nothing else.
        ttl_step: i16,
    },
    /// A RST that no receiver would act on.
    ResetRefused {
        /// Why.
        class: ResetClass,
        /// Its sequence number.
        seq: SeqNumber,
        /// The lowest that would have been exact.
        low: SeqNumber,
        /// The highest that would have been exact.
        high: SeqNumber,
        /// The right edge of the receiver's window.
        right: SeqNumber,
    },
    /// The sender of an exact RST, or its receiver, went on: the RST was forged, or not acted on.
    ResetNotObeyed {
        /// Packet of the RST.
        reset_frame: u64,
        /// It is the RST's own sender that goes on.
        by_sender: bool,
        /// TTL of the RST less the TTL its sender used otherwise.
        ttl_step: i16,
    },
    /// TIME_WAIT began.
    TimeWaitStarted,
    /// TIME_WAIT began again.
    TimeWaitRestarted {
        /// How often by now.
        count: u32,
        /// After a repeated FIN; else after any other segment.
        by_fin: bool,
    },
    /// TIME_WAIT ended.
    TimeWaitEnded {
        /// How.
        kind: TimeWaitEnd,
        /// How long it had lasted.
        age: Duration,
    },
    /// A new connection took the 4-tuple of one in TIME_WAIT. The end is the one that sent the SYN.
    TimeWaitReused {
        /// Since TIME_WAIT began.
        elapsed: Duration,
        /// The SYN came from the holder itself.
        by_holder: bool,
        /// The new ISN less the last sequence number its sender had used.
        isn_ahead: i32,
        /// The new timestamp less the last one, where both have one.
        tsval_ahead: Option<i32>,
        /// The SYN has a timestamp, the old connection had none.
        timestamps_new: bool,
        /// An ISN of old SND.NXT + 65537: a Linux host that had the TIME_WAIT (M10, M11).
        linux_isn: bool,
        /// Segments of the old connection were not captured: its last numbers may have been higher.
        capture_loss: bool,
    },
    /// A SYN was answered by the old connection's ACK out of TIME_WAIT. The end is the holder.
    TimeWaitRefusedSyn {
        /// Age of TIME_WAIT: proof that it lives.
        age: Duration,
    },
    /// Something was acknowledged that was not captured. The end is the one whose data is missing.
    AckedUnseen {
        /// How much.
        bytes: u32,
        /// Its sender went on beyond it.
        confirmed: bool,
    },
    /// Something was acknowledged that was never sent. The end is the one that acknowledged.
    AckOfUnsent {
        /// What was acknowledged.
        ack: SeqNumber,
        /// The highest that was sent.
        max: SeqNumber,
        /// How many such acknowledgments came by now, each beyond the one before.
        growing: u16,
    },
    /// New data with a timestamp older than the last (RFC 7323 §5).
    OldTimestamp {
        /// Its timestamp.
        value: u32,
        /// The last one.
        last: u32,
    },
    /// Payload beyond the window that its receiver offered.
    BeyondWindow {
        /// From the right edge to the segment's start; negative where it straddles the edge.
        start: i32,
        /// From the right edge to the segment's end.
        end: i32,
        /// Bytes by which it may be wrong: ACKs captured late.
        tolerance: u32,
    },
    /// Payload so old that no window reaches back to it.
    BeforeWindow {
        /// From the segment's end to the acknowledgment that covers it.
        distance: u32,
    },
    /// The right edge of the window moved back.
    WindowShrunk {
        /// By how much.
        by: u32,
        /// Bytes by which it may be wrong.
        tolerance: u32,
    },
    /// The window that this end had closed is open again.
    ZeroWindowEnded {
        /// How long it was closed.
        lasted: Duration,
        /// Probes of the peer meanwhile.
        probes: u32,
    },
    /// Payload was sent again with other bytes.
    PayloadChanged {
        /// Its first sequence number.
        seq: SeqNumber,
        /// Bytes.
        len: u32,
        /// Digest of the first.
        first: u64,
        /// Digest of this one.
        second: u64,
        /// Packet of the first.
        first_frame: u64,
    },
    /// Both ends sent many pure ACKs in a row that say nothing new, and nothing else.
    AckLoop {
        /// How many by now, of both.
        count: u32,
        /// Since the first of them.
        span: Duration,
    },
    /// A SYN was sent again, and nothing had answered it.
    SynUnanswered,
    /// An acceptable SYN+ACK was sent, the first one or another.
    SynAckSent {
        /// ISN of the SYN that it answers.
        client_isn: SeqNumber,
        /// Its own.
        isn: SeqNumber,
        /// Its timestamp.
        tsval: Option<u32>,
        /// Digest of its option kinds.
        layout: u32,
    },
    /// A segment departs from what both SYNs agreed on.
    Departed {
        /// How.
        how: Departure,
    },
    /// Payload, or the begin of the close, after a second or more without new payload of either end.
    Idle {
        /// How long.
        lasted: Duration,
        /// Keep-alive probes of both ends meanwhile.
        keep_alives: u32,
        /// It is the connection's first payload.
        is_first: bool,
        /// The end that speaks again.
        by: u8,
        /// Payload bytes that each end has sent by now; 2^32 − 1 stands for more too.
        payload: [u32; 2],
    },
    /// The same payload was sent again, or another keep-alive probe was, and the peer has said nothing in between.
    Unanswered {
        /// Repetitions of that payload since the peer last spoke.
        repeats: u32,
        /// Probes since the peer last spoke.
        probes: u32,
        /// Since the payload was sent first, or since the first probe.
        lasted: Duration,
    },
    /// Payload is sent, or a probe, into a window that has been at most 256 bytes for a second or more. The end is the
    /// one whose window it is.
    Throttled {
        /// Since the window became so small.
        lasted: Duration,
        /// The window, bytes.
        window: u32,
    },
    /// Both ends are open: synchronized, and not in TIME_WAIT. The end is the client.
    LifeBegan {
        /// Payload was sent before.
        spoke: bool,
        /// They had seemed to be before.
        again: bool,
    },
    /// The first payload of either end while both are open. The end is its sender.
    FirstPayload,
    /// They no longer are. The end is the client.
    LifeEnded {
        /// Payload was sent.
        spoke: bool,
    },
    /// In a connection that began with something else than a SYN, and of which only that end spoke: it sends a SYN+ACK
    /// or a RST, again or after that.
    StrayAgain {
        /// What it began with.
        kind: StrayKind,
    },
    /// In such a connection, once for each end: it goes on, or the other end says something.
    StrayFollowed {
        /// What it began with.
        kind: StrayKind,
        /// It is the other end that speaks.
        by_receiver: bool,
        /// With a RST: it knows nothing of the connection, or wants none of it.
        reset: bool,
        /// Segments of the first end so far; 0 where one of them carried payload, SYN or RST.
        tries: u32,
    },
    /// The end's record is being made; the connection's figures are final.
    Ended,
}

/// The kind of a fact: what rules ask for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "each is the variant of `Fact` of the same name")]
pub enum Kind {
    Opened,
    NotableHeader,
    FlagsRefused,
    Stepped,
    RolledBack,
    SynRepeated,
    SynAckRepeated,
    SynAckWrongAck,
    SynAckIsnChanged,
    FinalAckWrong,
    Refused,
    EarlyData,
    HandshakeDone,
    SynWhileSynchronized,
    ChallengeAck,
    SynTakenUp,
    Desynchronized,
    SplitHandshake,
    HalfOpenEntered,
    HalfOpenLeft,
    AcceptAborted,
    DataAfterFin,
    FinMoved,
    FinRepeated,
    Reset,
    ResetRefused,
    ResetNotObeyed,
    TimeWaitStarted,
    TimeWaitRestarted,
    TimeWaitEnded,
    TimeWaitReused,
    TimeWaitRefusedSyn,
    AckedUnseen,
    AckOfUnsent,
    OldTimestamp,
    BeyondWindow,
    BeforeWindow,
    WindowShrunk,
    ZeroWindowEnded,
    PayloadChanged,
    AckLoop,
    SynUnanswered,
    SynAckSent,
    Departed,
    Idle,
    Unanswered,
    Throttled,
    LifeBegan,
    FirstPayload,
    LifeEnded,
    StrayAgain,
    StrayFollowed,
    Ended,
}

impl Kind {
    /// How many kinds there are.
    pub const COUNT: usize = Self::Ended as usize + 1;
}

impl Fact {
    /// Which kind it is.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Opened => Kind::Opened,
            Self::NotableHeader => Kind::NotableHeader,
            Self::FlagsRefused => Kind::FlagsRefused,
            Self::Stepped { .. } => Kind::Stepped,
            Self::RolledBack { .. } => Kind::RolledBack,
            Self::SynRepeated { .. } => Kind::SynRepeated,
            Self::SynAckRepeated { .. } => Kind::SynAckRepeated,
            Self::SynAckWrongAck { .. } => Kind::SynAckWrongAck,
            Self::SynAckIsnChanged { .. } => Kind::SynAckIsnChanged,
            Self::FinalAckWrong { .. } => Kind::FinalAckWrong,
            Self::Refused { .. } => Kind::Refused,
            Self::EarlyData { .. } => Kind::EarlyData,
            Self::HandshakeDone { .. } => Kind::HandshakeDone,
            Self::SynWhileSynchronized { .. } => Kind::SynWhileSynchronized,
            Self::ChallengeAck => Kind::ChallengeAck,
            Self::SynTakenUp => Kind::SynTakenUp,
            Self::Desynchronized { .. } => Kind::Desynchronized,
            Self::SplitHandshake => Kind::SplitHandshake,
            Self::HalfOpenEntered { .. } => Kind::HalfOpenEntered,
            Self::HalfOpenLeft { .. } => Kind::HalfOpenLeft,
            Self::AcceptAborted => Kind::AcceptAborted,
            Self::DataAfterFin { .. } => Kind::DataAfterFin,
            Self::FinMoved { .. } => Kind::FinMoved,
            Self::FinRepeated { .. } => Kind::FinRepeated,
            Self::Reset { .. } => Kind::Reset,
            Self::ResetRefused { .. } => Kind::ResetRefused,
            Self::ResetNotObeyed { .. } => Kind::ResetNotObeyed,
            Self::TimeWaitStarted => Kind::TimeWaitStarted,
            Self::TimeWaitRestarted { .. } => Kind::TimeWaitRestarted,
            Self::TimeWaitEnded { .. } => Kind::TimeWaitEnded,
            Self::TimeWaitReused { .. } => Kind::TimeWaitReused,
            Self::TimeWaitRefusedSyn { .. } => Kind::TimeWaitRefusedSyn,
            Self::AckedUnseen { .. } => Kind::AckedUnseen,
            Self::AckOfUnsent { .. } => Kind::AckOfUnsent,
            Self::OldTimestamp { .. } => Kind::OldTimestamp,
            Self::BeyondWindow { .. } => Kind::BeyondWindow,
            Self::BeforeWindow { .. } => Kind::BeforeWindow,
            Self::WindowShrunk { .. } => Kind::WindowShrunk,
            Self::ZeroWindowEnded { .. } => Kind::ZeroWindowEnded,
            Self::PayloadChanged { .. } => Kind::PayloadChanged,
            Self::AckLoop { .. } => Kind::AckLoop,
            Self::SynUnanswered => Kind::SynUnanswered,
            Self::SynAckSent { .. } => Kind::SynAckSent,
            Self::Departed { .. } => Kind::Departed,
            Self::Idle { .. } => Kind::Idle,
            Self::Unanswered { .. } => Kind::Unanswered,
            Self::Throttled { .. } => Kind::Throttled,
            Self::LifeBegan { .. } => Kind::LifeBegan,
            Self::FirstPayload => Kind::FirstPayload,
            Self::LifeEnded { .. } => Kind::LifeEnded,
            Self::StrayAgain { .. } => Kind::StrayAgain,
            Self::StrayFollowed { .. } => Kind::StrayFollowed,
            Self::Ended => Kind::Ended,
        }
    }
}

/// Why a RST would not be acted on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ResetClass {
    /// Outside the window.
    Outside,
    /// Inside the window but not at RCV.NXT (RFC 5961 §3.2).
    InWindow,
    /// In SYN_SENT, without acknowledging the SYN.
    SynSent,
}
