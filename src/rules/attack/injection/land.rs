//! How AT010 judges a SYN from a host to itself.

use crate::rules::Severity;
use crate::rules::registry::{Detail, Judgement, Scene};

pub(super) fn land(scene: &Scene<'_>) -> Option<Judgement> {
    let s = scene.segment.filter(|s| s.flags.syn() && !s.flags.ack())?;
    let at_home = s.ip.link_loopback || s.src.addr.is_loopback();
    if s.src.addr != s.dst.addr || at_home {
        return None;
    }
    let (variant, message) = if s.src.port == s.dst.port {
        ("land", "a SYN came from {source} to itself: its source is forged")
    } else {
        ("same-address", "a SYN came from {source} to port {port} of the same address: its source is forged")
    };
    Detail::new(message)
        .variant(variant)
        .severity(Severity::Error)
        .with("source", s.src.to_string())
        .with("port", s.dst.port)
        .with("ttl", s.ip.ttl)
        .report()
}
