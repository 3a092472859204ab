//! HS: rules about how a connection opens.

use super::Severity;
use super::registry::{Detail, Judgement, Scene, rules};
use crate::tcp::Duration;
use crate::track::Fact;

rules! {
    /// ## What it reports
    /// A SYN sent again while unanswered (`syn`), a SYN+ACK sent again before the final ACK (`synack`), or a SYN+ACK
    /// from a server that is already in ESTABLISHED (`synack-late`).
    /// ## Why it matters
    /// Each repetition costs the user a whole timeout, one second at least; the connection does not start until it
    /// is answered.
    /// ## When it is normal
    /// A single one after a lost packet. Three or more are a warning: the path loses much, or the server's queues
    /// are full.
    /// ## Example
    /// SYN at 0 s, again at 1 s and at 3 s, SYN+ACK at 3.01 s.
    /// ## Source
    /// RFC 9293 §3.8.1 and §3.8.3 (MUST-20, MUST-22, MUST-23); Linux tcp_syn_retries and tcp_synack_retries.
    "HS001" "handshake-retransmit" {
        severity: Note, source: "RFC 9293 §3.8.1, §3.8.3", since: "0.1",
        wants: [SynRepeated, SynAckRepeated], check: Connection(repeated),
    }
    /// ## What it reports
    /// A SYN+ACK that acknowledges something other than what the SYN used: ISN + 1, or more where the SYN carried
    /// payload.
    /// ## Why it matters
    /// A client must refuse it and answer with a RST, so the connection does not open.
    /// ## When it is normal
    /// An old duplicate that shows up again (RFC 9293 figure 8), or a middlebox that rewrites sequence numbers on one
    /// side of the capture point only.
    /// ## Example
    /// SYN 100, SYN+ACK 300 acknowledging 91 instead of 101, RST 91.
    /// ## Source
    /// RFC 9293 §3.10.7.3, first check.
    "HS002" "synack-bad-ack" {
        severity: Error, source: "RFC 9293 §3.10.7.3", since: "0.1",
        wants: [SynAckWrongAck], check: Connection(bad_ack),
    }
    /// ## What it reports
    /// A connection attempt that was refused: an acceptable RST answers the SYN.
    /// ## Why it matters
    /// Nobody listens on that port, or something in between says so.
    /// ## When it is normal
    /// Service discovery, a service that is being restarted, a client that tries IPv6 before IPv4.
    /// ## Example
    /// SYN 100, RST+ACK 0 acknowledging 101.
    /// ## Source
    /// RFC 9293 §3.10.7.1 (a closed port answers so) and §3.10.7.3, second check.
    "HS005" "connect-refused" {
        severity: Note, source: "RFC 9293 §3.10.7.1", since: "0.1",
        wants: [Refused], check: Connection(refused),
    }
}

/// Repetitions of one kind from which on it is a warning.
const MANY: u32 = 3;
/// No stack repeats sooner (Linux TCP_RTO_MIN, include/net/tcp.h).
const SHORTEST: Duration = Duration::from_millis(200);

fn repeated(scene: &Scene<'_>) -> Option<Judgement> {
    let (variant, gap, count) = match scene.event.fact {
        Fact::SynRepeated { gap, count } => ("syn", gap, count),
        Fact::SynAckRepeated { gap, count, after_established: true, .. } => ("synack-late", gap, count),
        Fact::SynAckRepeated { gap, count, after_ack: false, .. } => ("synack", gap, count),
        _ => return None,
    };
    if gap < SHORTEST && variant != "synack-late" {
        return None;
    }
    let severity = if count >= MANY { Severity::Warning } else { Severity::Note };
    let message = match variant {
        "syn" => "the {end} sent its SYN again, {repeats} time(s) in all, the last after {gap}",
        _ => "the {end} sent its SYN+ACK again, {repeats} time(s) in all, the last after {gap}",
    };
    Detail::new(message)
        .variant(variant)
        .severity(severity)
        .with("repeats", count)
        .with("gap", gap.to_string())
        .with("gap_ns", gap.0)
        .report()
}

fn bad_ack(scene: &Scene<'_>) -> Option<Judgement> {
    let Fact::SynAckWrongAck { expected, ack } = scene.event.fact else { return None };
    Detail::new("the {end}'s SYN+ACK acknowledges {ack} instead of {expected_ack}, off by {difference}")
        .cause(scene.connection.open.syn_frame)
        .with("expected_ack", expected.0)
        .with("ack", ack.0)
        .with("difference", ack.distance(expected))
        .report()
}

fn refused(scene: &Scene<'_>) -> Option<Judgement> {
    let Fact::Refused { rtt } = scene.event.fact else { return None };
    Detail::new("the {end} refused the connection {rtt} after the SYN")
        .cause(scene.connection.open.syn_frame)
        .with("rtt", rtt.to_string())
        .with("rtt_ns", rtt.0)
        .report()
}
