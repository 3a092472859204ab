//! How HS rules judge what a client does to get a connection.

use std::net::IpAddr;

use ipnet::IpNet;

use super::schedule::Schedule;
use crate::rules::Severity;
use crate::rules::registry::{Detail, Judgement, Scene};
use crate::tcp::{Duration, State};
use crate::track::{Fact, Gaps};

pub(super) fn repeated(scene: &Scene<'_>) -> Option<Judgement> {
    let (variant, gap, count) = match scene.event.fact {
        Fact::SynRepeated { gap, count } => ("syn", gap, count),
        Fact::SynAckRepeated { gap, count, after_established: true, .. } => ("synack-late", gap, count),
        Fact::SynAckRepeated { gap, count, after_ack: false, .. } => ("synack", gap, count),
        _ => return None,
    };
    if gap < scene.config.thresholds.handshake_gap && variant != "synack-late" {
        return None;
    }
    let many = count >= scene.config.thresholds.handshake_repeats;
    let message = match variant {
        "syn" => "the {end} sent its SYN again, {repeats:time:times} in all, the last after {gap}",
        _ => "the {end} sent its SYN+ACK again, {repeats:time:times} in all, the last after {gap}",
    };
    let waited = scene.event.at.since(scene.connection.first);
    let open = &scene.connection.open;
    let gaps = if variant == "syn" { &open.syn_gaps } else { &open.syn_ack_gaps };
    let gaps = gaps.as_deref().map(Gaps::as_slice).unwrap_or_default();
    let schedule = Schedule::of(gaps);
    Detail::new(message)
        .variant(variant)
        .severity(if many { Severity::Warning } else { Severity::Note })
        .with("repeats", count)
        .with("gap", gap.to_string())
        .with("gap_ns", gap.0)
        .with("waited_ns", waited.0)
        .with("gaps_ms", gaps.iter().map(|g| g.0 / MILLISECOND).collect::<Vec<_>>())
        .with("schedule", schedule.name())
        .with("schedule_of", schedule.stacks(variant == "syn"))
        .report()
}

const MILLISECOND: i64 = Duration::from_millis(1).0;

pub(super) fn timed_out(scene: &Scene<'_>) -> Option<Judgement> {
    let c = scene.connection;
    let client = c.client()?;
    let server = &c.ends[1 - client];
    let answered = server.was_seen() || c.open.refused.is_some() || c.open.refused_by_time_wait;
    let last = c.open.syn_at?;
    if answered || c.ends[client].state != State::SynSent || !c.ends[client].syn_seen {
        return None;
    }
    let tries = c.open.syn_retransmissions + 1;
    let span = last.since(c.first);
    let limits = &scene.config.thresholds;
    if tries < limits.connect_tries && (tries < 2 || span < limits.connect_span) {
        return None;
    }
    Detail::new("the {end} got no answer to {tries} SYNs over {span}")
        .about(client)
        .cause(Some(c.id))
        .with("tries", tries)
        .with("span", span.to_string())
        .with("span_ns", span.0)
        .report()
}

pub(super) fn while_synchronized(scene: &Scene<'_>) -> Option<Judgement> {
    let c = scene.connection;
    let detail = match scene.event.fact {
        Fact::SynWhileSynchronized { .. } if c.visibility().midstream => return None,
        Fact::SynWhileSynchronized { seq, ahead } => {
            let right = c.ends[1 - scene.event.end].window.right;
            let inside = ahead >= 0 && right.is_some_and(|r| seq.before(r));
            let text = "the {end} sent a SYN ({seq}) in the midst of the connection, {ahead} from the number that was due";
            Detail::new(text)
                .with("seq", seq.0)
                .with("ahead", ahead)
                .with("in_window", inside)
                .with("answer", "none")
                .with("ttl_step", ttl_step(scene))
        }
        Fact::ChallengeAck => return Some(Judgement::Amend(challenged)),
        _ => return Some(Judgement::Retract),
    };
    detail.report()
}

fn challenged(_: &Scene<'_>) -> Detail {
    let text =
        "the {end} sent a SYN in the midst of the connection, and the {peer} answered with a challenge ACK";
    Detail::new(text).with("answer", "challenge")
}

/// TTL of this segment less the one its sender used first.
pub(super) fn ttl_step(scene: &Scene<'_>) -> Option<i16> {
    let usual = scene.connection.ends[scene.event.end].ttl?;
    Some(i16::from(scene.segment?.ip.ttl) - i16::from(usual))
}

pub(super) fn early_data(scene: &Scene<'_>) -> Option<Judgement> {
    let open = &scene.connection.open;
    let frame = open.early_data_frame?;
    let client = 1 - scene.event.end;
    let taken =
        scene.connection.ends[client].iss.is_none_or(|iss| scene.segment.is_none_or(|s| s.ack != iss + 1));
    if taken {
        return None;
    }
    Detail::new("the {end} sent {bytes} payload bytes before the SYN+ACK, which the {peer} did not take")
        .about(client)
        .cause(open.syn_frame)
        .cause(Some(frame))
        .with("bytes", open.early_data_bytes)
        .report()
}

pub(super) fn group_address(scene: &Scene<'_>) -> Option<Judgement> {
    let s = scene.segment.filter(|s| s.flags.syn() && !s.flags.ack())?;
    let network = |addr| broadcast_of(addr, &scene.config.local_nets);
    let (variant, message) = if is_group(s.dst.addr) {
        ("destination", "the {end} sent a SYN to {destination}, which is not the address of one host")
    } else if network(s.dst.addr).is_some() {
        ("destination", "the {end} sent a SYN to {destination}, the broadcast address of {network}")
    } else if network(s.src.addr).is_some() {
        ("source", "a SYN came from {source}, the broadcast address of {network}")
    } else if s.ip.link_broadcast && !s.dst.addr.is_loopback() {
        ("link", "the {end} sent a SYN to every host of the link, though {destination} is the address of one")
    } else if is_group(s.src.addr) || is_nowhere(s.src.addr) || loops_outside(s.src.addr, s.dst.addr) {
        ("source", "a SYN came from {source}, which is not the address of one host on this network")
    } else {
        return None;
    };
    Detail::new(message)
        .variant(variant)
        .severity(if variant == "link" { Severity::Warning } else { Severity::Error })
        .with("source", s.src.addr.to_string())
        .with("destination", s.dst.addr.to_string())
        .with("link_broadcast", s.ip.link_broadcast)
        .with("network", network(s.dst.addr).or(network(s.src.addr)).map(|n| n.to_string()))
        .report()
}

/// The network whose directed broadcast address this is, among those that the user named.
fn broadcast_of(addr: IpAddr, nets: &[IpNet]) -> Option<&IpNet> {
    // Two addresses, or one, leave none for all (RFC 3021).
    nets.iter()
        .find(|n| matches!(n, IpNet::V4(v4) if v4.prefix_len() < 31 && IpAddr::V4(v4.broadcast()) == addr))
}

fn is_group(addr: IpAddr) -> bool {
    match addr {
        IpAddr::V4(a) => a.is_multicast() || a.is_broadcast(),
        IpAddr::V6(a) => a.is_multicast(),
    }
}

/// "This host on this network": only for a host that does not know its address yet, and never with TCP.
fn is_nowhere(addr: IpAddr) -> bool {
    match addr {
        IpAddr::V4(a) => a.octets()[0] == 0,
        IpAddr::V6(a) => a.is_unspecified(),
    }
}

fn loops_outside(src: IpAddr, dst: IpAddr) -> bool {
    src.is_loopback() && !dst.is_loopback()
}
