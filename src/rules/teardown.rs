//! TD: rules about how a connection ends.

use super::registry::{Detail, Judgement, Scene, rules};
use crate::track::Fact;

rules! {
    /// ## What it reports
    /// A connection that ends with a RST that its receiver acts on: without a FIN before (`abort`), after a FIN of
    /// the same side (`rst-after-fin`), or as the answer of a host that has no such connection any more
    /// (`late-data`).
    /// ## Why it matters
    /// Data that was on its way is lost without a word, in both directions.
    /// ## When it is normal
    /// Very often: browsers and load balancers close so to save TIME_WAIT; closing a socket with unread data does.
    /// ## Example
    /// Data is acknowledged up to 102, then RST+ACK 102.
    /// ## Source
    /// RFC 9293 §3.5.2, §3.6.1 (SHLD-2, SHLD-3).
    "TD005" "abortive-close" {
        severity: Note, source: "RFC 9293 §3.5.2, §3.6.1", since: "0.1",
        wants: [Reset, ResetNotObeyed], check: Connection(aborted),
    }
}

fn aborted(scene: &Scene<'_>) -> Option<Judgement> {
    let (with_ack, after_own_fin, after_peer_fin, is_reply, unacknowledged) = match scene.event.fact {
        Fact::Reset { with_ack, after_own_fin, after_peer_fin, is_reply, unacknowledged, .. } => {
            (with_ack, after_own_fin, after_peer_fin, is_reply, unacknowledged)
        }
        // It was forged: the connection went on.
        Fact::ResetNotObeyed { by_sender: true, .. } => return Some(Judgement::Retract),
        _ => return None,
    };
    let (variant, message) = if is_reply && (after_own_fin || after_peer_fin) {
        (
            "late-data",
            "the {end} answered with a RST: it has no such connection any more ({lost_bytes} bytes of the {peer} unacknowledged)",
        )
    } else if after_own_fin {
        (
            "rst-after-fin",
            "the {end} sent a RST after its FIN ({lost_bytes} bytes of the {peer} unacknowledged)",
        )
    } else {
        (
            "abort",
            "the {end} aborted the connection with a RST ({lost_bytes} bytes of the {peer} unacknowledged)",
        )
    };
    let kind = if with_ack { "application" } else { "no-socket" };
    Detail::new(message).variant(variant).with("lost_bytes", unacknowledged).with("reset_kind", kind).report()
}
