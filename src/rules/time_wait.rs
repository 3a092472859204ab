//! TW: rules about TIME_WAIT.

use super::registry::{Detail, Judgement, Scene, rules};
use crate::track::Fact;

rules! {
    /// ## What it reports
    /// A new connection takes the 4-tuple of one that is in TIME_WAIT, and its numbers are such that no old segment
    /// can be taken for a new one: a higher ISN, or newer timestamps.
    /// ## Why it matters
    /// It shows that ports are reused quickly, and that it is done right.
    /// ## When it is normal
    /// Always: RFC 9293 allows it (MAY-2), Linux does it with tcp_tw_reuse, with SO_REUSEADDR, and for a peer's SYN.
    /// ## Example
    /// TIME_WAIT since 0.3 s; SYN with ISN old SND.NXT + 65537, which is what Linux chooses here.
    /// ## Source
    /// RFC 9293 §3.6.1 (MAY-2), RFC 6191 §2; Linux net/ipv4/tcp_minisocks.c.
    "TW001" "tw-reuse-safe" {
        severity: Note, source: "RFC 9293 §3.6.1 (MAY-2); RFC 6191 §2", since: "0.1",
        wants: [TimeWaitReused], check: Connection(reused_safely),
    }
    /// ## What it reports
    /// TIME_WAIT that starts again, because the peer's FIN came again and was acknowledged again.
    /// ## Why it matters
    /// The last ACK was lost, or the peer did not take it; the 4-tuple stays blocked for another 2 MSL.
    /// ## When it is normal
    /// After a lost packet: it is what TIME_WAIT is for.
    /// ## Example
    /// FIN, ACK, half a second later the same FIN and the same ACK.
    /// ## Source
    /// RFC 9293 §3.10.7.4, TIME-WAIT, eighth check.
    "TW004" "tw-restarted" {
        severity: Note, source: "RFC 9293 §3.10.7.4", since: "0.1",
        wants: [TimeWaitRestarted], check: Connection(restarted),
    }
}

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

fn reused_safely(scene: &Scene<'_>) -> Option<Judgement> {
    let Fact::TimeWaitReused { elapsed, by_holder, isn_ahead, tsval_ahead, timestamps_new, linux_isn } =
        scene.event.fact
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
        .cause(scene.connection.open.syn_frame)
        .with("elapsed", elapsed.to_string())
        .with("elapsed_ns", elapsed.0)
        .with("protection", variant)
        .with("isn_ahead", isn_ahead)
        .with("tsval_ahead", tsval_ahead)
        .with("linux_tw_isn", linux_isn)
        .report()
}

fn restarted(scene: &Scene<'_>) -> Option<Judgement> {
    let Fact::TimeWaitRestarted { count, by_fin } = scene.event.fact else { return None };
    let message = if by_fin {
        "the {end}'s TIME_WAIT started again, {restarts} time(s) in all: the {peer}'s FIN came again"
    } else {
        "the {end}'s TIME_WAIT started again, {restarts} time(s) in all"
    };
    Detail::new(message).with("restarts", count).report()
}
