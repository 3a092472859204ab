//! How TW rules judge a 4-tuple that is used again.

use crate::rules::registry::{Detail, Judgement, Scene};
use crate::tcp::Duration;
use crate::track::{Confidence, Fact};

/// Why a reuse of a 4-tuple is safe, as tcp.md §3.3 names the cases; `None` where nothing protects it.
fn protection(isn_ahead: i32, tsval_ahead: Option<i32>, timestamps_new: bool) -> Option<&'static str> {
    match (isn_ahead > 0, tsval_ahead.is_some_and(|t| t > 0), timestamps_new) {
        (true, true, _) => Some("sequence-and-timestamp"),
        (true, ..) => Some("sequence"),
        (_, true, _) => Some("timestamp"),
        (.., true) => Some("timestamp-introduced"),
        _ => None,
    }
}

pub(super) fn safe(scene: &Scene<'_>) -> Option<Judgement> {
    let Fact::TimeWaitReused {
        elapsed,
        by_holder,
        isn_ahead,
        tsval_ahead,
        timestamps_new,
        linux_isn,
        capture_loss,
    } = scene.event.fact
    else {
        return None;
    };
    let variant = protection(isn_ahead, tsval_ahead, timestamps_new)?;
    let message = if by_holder {
        "the {end} reused the 4-tuple {elapsed} into its own TIME_WAIT, protected by {protection}"
    } else {
        "the {end} reopened the 4-tuple {elapsed} into the {peer}'s TIME_WAIT, protected by {protection}"
    };
    Detail::new(message)
        .variant(variant)
        .confidence(if capture_loss { Confidence::Medium } else { Confidence::High })
        .cause(scene.connection.open.syn_frame)
        .with("elapsed", elapsed.to_string())
        .with("elapsed_ns", elapsed.0)
        .with("protection", variant)
        .with("isn_ahead", isn_ahead)
        .with("tsval_ahead", tsval_ahead)
        .with("linux_tw_isn", linux_isn)
        .with("capture_loss", capture_loss)
        .report()
}

pub(super) fn unsafe_numbers(scene: &Scene<'_>) -> Option<Judgement> {
    let Fact::TimeWaitReused {
        elapsed,
        by_holder,
        isn_ahead,
        tsval_ahead,
        timestamps_new,
        linux_isn,
        capture_loss,
    } = scene.event.fact
    else {
        return None;
    };
    if protection(isn_ahead, tsval_ahead, timestamps_new).is_some() {
        return None;
    }
    let message = if by_holder {
        "the {end} reused the 4-tuple {elapsed} into its own TIME_WAIT, and neither ISN nor timestamp protects it"
    } else {
        "the {end} reopened the 4-tuple {elapsed} into the {peer}'s TIME_WAIT, and neither ISN nor timestamp protects it"
    };
    let confidence = match (elapsed < SHORTEST_TIME_WAIT, capture_loss) {
        (true, false) => Confidence::High,
        (false, true) => Confidence::Low,
        _ => Confidence::Medium,
    };
    Detail::new(message)
        .confidence(confidence)
        .cause(scene.connection.open.syn_frame)
        .with("elapsed", elapsed.to_string())
        .with("elapsed_ns", elapsed.0)
        .with("isn_ahead", isn_ahead)
        .with("tsval_ahead", tsval_ahead)
        .with("linux_tw_isn", linux_isn)
        .with("capture_loss", capture_loss)
        .report()
}

/// Of macOS (net.inet.tcp.msl 15000); after it some system's TIME_WAIT may be over.
const SHORTEST_TIME_WAIT: Duration = Duration::from_secs(30);
