//! How SQ rules judge what lies inside and outside a window.

use crate::rules::Severity;
use crate::rules::registry::{Detail, Judgement, Scene};
use crate::track::{Fact, ResetClass};

/// While it is open whether data is missing, no window can be judged.
fn can_tell(scene: &Scene<'_>) -> bool {
    let c = scene.connection;
    let seen = c.visibility();
    let settled = c.ends.iter().all(|p| p.acked_unsettled().is_none());
    seen.both_directions && seen.handshake_captured && !seen.capture_loss && settled
}

pub(super) fn outside(scene: &Scene<'_>) -> Option<Judgement> {
    let (variant, distance, tolerance) = match scene.event.fact {
        Fact::BeyondWindow { start, tolerance, .. } if i64::from(start) >= i64::from(tolerance) => {
            ("beyond", i64::from(start), tolerance)
        }
        Fact::BeforeWindow { distance } => ("too-old", i64::from(distance), 0),
        Fact::AckedUnseen { .. } => return Some(Judgement::Retract),
        _ => return None,
    };
    if !can_tell(scene) {
        return None;
    }
    let message = match variant {
        "beyond" => "the {end} sent payload that begins {distance} bytes beyond the {peer}'s window",
        _ => "the {end} sent payload that the {peer} had acknowledged {distance} bytes ago",
    };
    Detail::new(message)
        .variant(variant)
        .grows(10, Severity::Warning)
        .with("distance", distance)
        .with("tolerance", tolerance)
        .report()
}

pub(super) fn misused(scene: &Scene<'_>) -> Option<Judgement> {
    let (variant, amount, tolerance) = match scene.event.fact {
        Fact::BeyondWindow { start, end, tolerance } if i64::from(start) < i64::from(tolerance) => {
            ("overrun", i64::from(end), tolerance)
        }
        Fact::WindowShrunk { by, tolerance } if !is_late(scene) => ("shrunk", i64::from(by), tolerance),
        Fact::AckedUnseen { .. } => return Some(Judgement::Retract),
        _ => return None,
    };
    if !can_tell(scene) {
        return None;
    }
    let message = match variant {
        "overrun" => "the {end} sent {amount} bytes more than the {peer}'s window had room for",
        _ => "the {end} took back {amount} bytes of the window that it had offered",
    };
    Detail::new(message).variant(variant).with("amount", amount).with("tolerance", tolerance).report()
}

/// An ACK that others of its sender overtook: its window is an old one.
fn is_late(scene: &Scene<'_>) -> bool {
    let last = scene.connection.ends[scene.event.end].ts_last;
    let sent = scene.segment.and_then(|s| s.options.timestamps).map(|t| t.value);
    sent.zip(last).is_some_and(|(sent, last)| (sent.wrapping_sub(last) as i32) < 0)
}

pub(super) fn stalled(scene: &Scene<'_>) -> Option<Judgement> {
    let c = scene.connection;
    let (end, lasted, probes, open_again) = match scene.event.fact {
        Fact::ZeroWindowEnded { lasted, probes } => (scene.event.end, lasted, probes, true),
        Fact::Ended => {
            let closed =
                |e: &usize| c.ends[*e].window.zero_since.is_some_and(|_| c.ends[*e].window.probes > 0);
            let end = (0..2).find(closed)?;
            let window = &c.ends[end].window;
            (end, c.last.since(window.zero_since?), window.probes, false)
        }
        _ => return None,
    };
    let limits = &scene.config.thresholds;
    if probes == 0 || lasted < limits.zero_window {
        return None;
    }
    let message = if open_again {
        "the {end}'s window was closed for {lasted}, while the {peer} probed it {probes:time:times}"
    } else {
        "the {end}'s window was closed for {lasted} and never opened again; the {peer} probed it {probes:time:times}"
    };
    let long = lasted >= limits.zero_window_warning;
    Detail::new(message)
        .about(end)
        .severity(if long { Severity::Warning } else { Severity::Note })
        .with("lasted", lasted.to_string())
        .with("lasted_ns", lasted.0)
        .with("probes", probes)
        .with("opened_again", open_again)
        .with("bytes_before", c.ends[1 - end].flow.unique_bytes)
        .report()
}

pub(super) fn reset_refused(scene: &Scene<'_>) -> Option<Judgement> {
    let Fact::ResetRefused { class, seq, low, high, right } = scene.event.fact else { return None };
    let c = scene.connection;
    let (sender, receiver) = (&c.ends[scene.event.end], &c.ends[1 - scene.event.end]);
    let (variant, message) = match class {
        ResetClass::Outside => {
            ("outside", "the {end} sent a RST ({seq}) outside the {peer}'s window ({low} to {right})")
        }
        ResetClass::InWindow => (
            "in-window",
            "the {end} sent a RST ({seq}) inside the {peer}'s window but not at its edge ({high})",
        ),
        ResetClass::SynSent => {
            ("syn-sent", "the {end} answered the SYN with a RST that does not acknowledge it")
        }
    };
    let missing = c.visibility().capture_loss || sender.space.has_holes();
    let honest = class == ResetClass::InWindow && (missing || receiver.fin_end.is_some());
    Detail::new(message)
        .variant(variant)
        .severity(if honest { Severity::Note } else { Severity::Warning })
        .with("seq", seq.0)
        .with("low", low.0)
        .with("high", high.0)
        .with("right", right.0)
        .with("ttl", scene.segment.map(|s| s.ip.ttl))
        .with("usual_ttl", sender.ttl)
        .report()
}
