//! How AT013 judges two answers to one SYN.

use crate::rules::Severity;
use crate::rules::registry::{Detail, Judgement, Scene};
use crate::tcp::{Certainty, Segment, State};
use crate::track::{Confidence, Fact, Peer};

pub(super) fn hijack(scene: &Scene<'_>) -> Option<Judgement> {
    let server = &scene.connection.ends[scene.event.end];
    let (first, second, gap) = match scene.event.fact {
        Fact::SynAckIsnChanged { first, second, gap } => (first, second, gap),
        Fact::HandshakeDone { .. } => return Some(Judgement::Amend(accepted)),
        _ => return None,
    };
    let opening = server.state == State::SynReceived
        || (server.state == State::Established && server.certainty != Certainty::Observed);
    let limits = &scene.config.thresholds.scans;
    let (s, ttl) = (scene.segment?, server.ttl?);
    let ttl_step = i64::from(s.ip.ttl) - i64::from(ttl);
    let far = ttl_step.unsigned_abs() >= limits.ttl_apart;
    let other = offers_otherwise(server, s);
    if !opening || gap > limits.hijack_span || !(far || other) {
        return None;
    }
    let message = "two hosts answered one SYN as {server}, with {first_isn} (TTL {first_ttl}) and {second_isn} (TTL \
                   {second_ttl}) {gap} later";
    Detail::new(message)
        .confidence(if far && other { Confidence::High } else { Confidence::Medium })
        .severity(if far && other { Severity::Error } else { Severity::Warning })
        .grows(FLOOD, Severity::Error)
        .cause(scene.connection.open.syn_frame)
        .cause(server.offer.map(|o| o.frame))
        .with("server", server.endpoint.to_string())
        .with("first_isn", first.0)
        .with("second_isn", second.0)
        .with("first_ttl", ttl)
        .with("second_ttl", s.ip.ttl)
        .with("ttl_step", ttl_step)
        .with("options_differ", other)
        .with("gap", gap.to_string())
        .with("gap_ns", gap.0)
        .report()
}

fn accepted(scene: &Scene<'_>) -> Detail {
    let message = "two hosts answered one SYN as {server}, with {first_isn} (TTL {first_ttl}) and {second_isn} \
                   (TTL {second_ttl}); the {peer} accepted {accepted}";
    let server = &scene.connection.ends[scene.event.end];
    Detail::new(message).with("accepted", server.iss.map(|s| s.0))
}

/// Other options or another window than its sender's SYN+ACK before.
fn offers_otherwise(server: &Peer, s: &Segment) -> bool {
    let o = &s.options;
    let now = (o.mss, o.window_scale.is_some(), o.sack_permitted);
    let options =
        server.offer.is_some_and(|before| now != (before.mss, before.window_scale, before.sack_permitted));
    options || server.window.last != u32::from(s.window)
}

/// Changes that make a flood of SYN+ACKs (tcp.md §5.3).
const FLOOD: u64 = 5;
