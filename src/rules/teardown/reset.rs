//! How TD rules judge a RST.

use crate::rules::registry::{Detail, Judgement, Scene};
use crate::track::Fact;

pub(super) fn aborted(scene: &Scene<'_>) -> Option<Judgement> {
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
    } else if is_reply {
        (
            "abort",
            "the {end} answered with a RST, as a host without such a connection does ({lost_bytes} bytes of the {peer} unacknowledged)",
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
