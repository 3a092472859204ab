//! How TD rules judge FINs and what becomes of them.

use crate::rules::Severity;
use crate::rules::registry::{Detail, Judgement, Scene};
use crate::tcp::Duration;
use crate::track::{Confidence, Fact, Peer};

/// An answer to what was sent later than this before the end may still be on its way.
const STILL_COMING: Duration = Duration::from_secs(3);

pub(super) fn unacknowledged(scene: &Scene<'_>) -> Option<Judgement> {
    let end = (0..2).find(|&e| is_unacknowledged(scene, e))?;
    let c = scene.connection;
    let (sender, peer) = (&c.ends[end], &c.ends[1 - end]);
    let ignored = spoke_after(scene, sender, peer);
    let message = if ignored {
        "the {end}'s FIN ({fins} sent) was never acknowledged, though the {peer} went on speaking for {after}"
    } else {
        "the {end}'s FIN ({fins} sent) was never acknowledged"
    };
    let after = sender.fin_first.zip(peer.last_sent).map(|(fin, last)| last.since(fin).max(Duration::ZERO));
    let sure = !c.visibility().capture_loss;
    Detail::new(message)
        .about(end)
        .confidence(if sure { Confidence::High } else { Confidence::Medium })
        .with("fins", sender.flow.fin)
        .with("fin_end", sender.fin_end.map(|s| s.0))
        .with("peer_ack_max", peer.ack_max.map(|s| s.0))
        .with("after", after.unwrap_or(Duration::ZERO).to_string())
        .with("after_ns", after.map(|d| d.0))
        .report()
}

fn is_unacknowledged(scene: &Scene<'_>, end: usize) -> bool {
    let c = scene.connection;
    let (sender, peer) = (&c.ends[end], &c.ends[1 - end]);
    let Some((fin_end, sent)) = sender.fin_end.zip(sender.fin_first) else { return false };
    let acknowledged = peer.ack_max.is_some_and(|ack| !ack.before(fin_end));
    let exempt = scene.event.at.since(sent) < STILL_COMING
        || c.close.reset_at.is_some()
        || c.ends.iter().any(|p| p.flow.rst > 0)
        || !c.visibility().both_directions
        || is_left_out(scene, end);
    let often = sender.flow.fin >= scene.config.thresholds.fin_repeats;
    !acknowledged && !exempt && (often || spoke_after(scene, sender, peer))
}

fn spoke_after(scene: &Scene<'_>, sender: &Peer, peer: &Peer) -> bool {
    let noticed = scene.config.thresholds.fin_noticed;
    sender.fin_first.zip(peer.last_sent).is_some_and(|(fin, last)| last.since(fin) >= noticed)
}

pub(super) fn left_out(scene: &Scene<'_>) -> Option<Judgement> {
    let end = (0..2).find(|&e| is_left_out(scene, e))?;
    let (sender, peer) = (&scene.connection.ends[end], &scene.connection.ends[1 - end]);
    Detail::new("the {end} acknowledges {ack}, all but the {peer}'s FIN, {times} times, though that was sent {fins} times")
        .about(1 - end)
        .with("ack", peer.ack_max.map(|s| s.0))
        .with("fin_end", sender.fin_end.map(|s| s.0))
        .with("times", peer.fin_left_out)
        .with("fins", sender.flow.fin)
        .report()
}

/// The peer of `end` acknowledges all but its FIN, and had the time to do better.
fn is_left_out(scene: &Scene<'_>, end: usize) -> bool {
    let c = scene.connection;
    let (sender, peer) = (&c.ends[end], &c.ends[1 - end]);
    let Some(fin_end) = sender.fin_end else { return false };
    let seen = c.visibility();
    let settled = sender.last_sent.is_some_and(|t| scene.event.at.since(t) >= STILL_COMING);
    peer.fin_left_out >= 2
        && sender.flow.fin >= 2
        && peer.ack_max == Some(fin_end - 1)
        && settled
        && seen.both_directions
        && !seen.capture_loss
        && c.close.reset_at.is_none()
}

pub(super) fn violated(scene: &Scene<'_>) -> Option<Judgement> {
    let (variant, fin_end, end) = match scene.event.fact {
        Fact::DataAfterFin { fin_end, end } => ("data-after-fin", fin_end, end),
        Fact::FinMoved { fin_end, end } => ("fin-moved", fin_end, end),
        _ => return None,
    };
    let s = scene.segment.filter(|s| s.checksum != crate::tcp::Checksum::Bad)?;
    let usual = scene.connection.ends[scene.event.end].ttl.unwrap_or(s.ip.ttl);
    let ttl_step = i16::from(s.ip.ttl) - i16::from(usual);
    let sure = ttl_step == 0 && scene.connection.visibility().both_directions;
    let message = match variant {
        "fin-moved" => {
            "the {end} sent a second FIN that ends at {seq_end}, while its first one ends at {fin_end}"
        }
        _ => "the {end} sent payload up to {seq_end} after its FIN, which ends at {fin_end}",
    };
    Detail::new(message)
        .variant(variant)
        .severity(if sure { Severity::Error } else { Severity::Warning })
        .with("fin_end", fin_end.0)
        .with("seq_end", end.0)
        .with("beyond", end.distance(fin_end))
        .with("payload_bytes", s.payload_len)
        .with("ttl_step", ttl_step)
        .report()
}

pub(super) fn lingering(scene: &Scene<'_>) -> Option<Judgement> {
    let c = scene.connection;
    let (from, closed) = c.close.half_closed_at.zip(c.close.first_fin)?;
    let until = c.close.second_fin_at.or(c.close.reset_at).unwrap_or(scene.known_until());
    let open = &c.ends[1 - closed];
    if open.acked_unsettled().is_some() {
        // The peer acknowledged more than was captured: its FIN may be that.
        return None;
    }
    let silent_since = open.last_payload.map_or(from, |t| t.max(from)).min(until);
    let (idle, lasted) = (until.since(silent_since), until.since(from));
    let limits = &scene.config.thresholds;
    let (variant, message) = if idle >= limits.half_close_linger {
        ("close-wait-idle", "the {peer} closed and the {end} did not for {lasted}, {idle} of it in silence")
    } else if lasted >= limits.half_close_warning {
        (
            "half-close-active",
            "the {peer} closed and the {end} went on sending for {lasted}, {bytes_since} bytes",
        )
    } else {
        return None;
    };
    let long = lasted >= limits.half_close_warning;
    Detail::new(message)
        .variant(variant)
        .about(1 - closed)
        .severity(if long { Severity::Warning } else { Severity::Note })
        .with("lasted", lasted.to_string())
        .with("lasted_ns", lasted.0)
        .with("idle", idle.to_string())
        .with("idle_ns", idle.0)
        .with("bytes_since", open.flow.unique_bytes.saturating_sub(c.close.half_closed_bytes))
        .with("closed_at_last", c.close.second_fin_at.is_some())
        .report()
}
