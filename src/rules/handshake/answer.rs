//! How HS rules judge what answers a SYN, and the answer to that.

use super::attempt::ttl_step;
use crate::rules::Severity;
use crate::rules::registry::{Detail, Judgement, Scene};
use crate::tcp::{Certainty, Segment, State};
use crate::track::{Fact, Offer};

pub(super) fn bad_ack(scene: &Scene<'_>) -> Option<Judgement> {
    let Fact::SynAckWrongAck { expected, ack } = scene.event.fact else { return None };
    let client = &scene.connection.ends[1 - scene.event.end];
    if !client.syn_seen {
        return None;
    }
    Detail::new("the {end}'s SYN+ACK acknowledges {ack} instead of {expected_ack}, off by {difference}")
        .cause(scene.connection.open.syn_frame)
        .with("expected_ack", expected.0)
        .with("ack", ack.0)
        .with("difference", ack.distance(expected))
        .with("ttl_step", ttl_step(scene))
        .report()
}

pub(super) fn final_ack_mismatch(scene: &Scene<'_>) -> Option<Judgement> {
    let Fact::FinalAckWrong { expected_ack, ack, expected_seq, seq } = scene.event.fact else { return None };
    let seen = scene.connection.visibility();
    if !seen.handshake_captured || seen.capture_loss {
        return None;
    }
    let wrong_ack = ack != expected_ack;
    let message = if wrong_ack {
        "the {end} completes the handshake with acknowledgment {ack} instead of {expected_ack}"
    } else {
        "the {end} completes the handshake with sequence number {seq} instead of {expected_seq}"
    };
    Detail::new(message)
        .variant(if wrong_ack { "ack" } else { "seq" })
        .cause(scene.connection.open.syn_frame)
        .with("expected_ack", expected_ack.0)
        .with("ack", ack.0)
        .with("expected_seq", expected_seq.0)
        .with("seq", seq.0)
        .report()
}

pub(super) fn isn_changed(scene: &Scene<'_>) -> Option<Judgement> {
    let Fact::SynAckIsnChanged { first, second, gap } = scene.event.fact else { return None };
    let server = &scene.connection.ends[scene.event.end];
    let opening = server.state == State::SynReceived
        || (server.state == State::Established && server.certainty != Certainty::Observed);
    if !opening {
        return None;
    }
    let later = gap > scene.config.thresholds.cookie_minute;
    Detail::new("the {end} answered one SYN with two SYN+ACKs, {first_isn} and {second_isn} {gap} later")
        .severity(if later { Severity::Note } else { Severity::Warning })
        .cause(scene.connection.open.syn_frame)
        .with("first_isn", first.0)
        .with("second_isn", second.0)
        .with("gap", gap.to_string())
        .with("gap_ns", gap.0)
        .with("ttl_step", ttl_step(scene))
        .with("ip_id", scene.segment.and_then(|s| s.ip.id))
        .with("same_options", server.offer.zip(scene.segment).map(|(first, s)| has_options_of(s, &first)))
        .report()
}

/// Whether a SYN+ACK offers what the first one did; two hosts seldom do.
fn has_options_of(s: &Segment, first: &Offer) -> bool {
    let o = &s.options;
    o.mss == first.mss
        && o.window_scale.is_some() == first.window_scale
        && o.sack_permitted == first.sack_permitted
        && o.timestamps.is_some() == first.timestamps
}

pub(super) fn refused(scene: &Scene<'_>) -> Option<Judgement> {
    let rtt = match scene.event.fact {
        Fact::Refused { rtt } => rtt,
        // It was forged: the server took the connection.
        Fact::ResetNotObeyed { by_sender: true, .. } => return Some(Judgement::Retract),
        _ => return None,
    };
    let open = &scene.connection.open;
    Detail::new("the {end} refused the connection {rtt} after the SYN")
        .cause(open.syn_frame)
        .with("rtt", rtt.to_string())
        .with("rtt_ns", rtt.0)
        .with("syns", open.syn_retransmissions + 1)
        .with("ttl", scene.segment.map(|s| s.ip.ttl))
        .report()
}

pub(super) fn split(scene: &Scene<'_>) -> Option<Judgement> {
    let c = scene.connection;
    let listener = scene.event.end;
    Detail::new("the {end} answered the SYN with a SYN of its own, and the {peer} sent the SYN+ACK")
        .cause(c.open.syn_frame)
        .with("syn_seq", c.ends[1 - listener].iss.map(|s| s.0))
        .with("answer_seq", c.ends[listener].iss.map(|s| s.0))
        .report()
}
