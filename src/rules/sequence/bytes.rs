//! How SQ rules judge bytes and their acknowledgments.

use crate::rules::Severity;
use crate::rules::registry::{Detail, Judgement, Scene};
use crate::tcp::Duration;
use crate::track::{Confidence, Fact};

pub(super) fn acked_unseen(scene: &Scene<'_>) -> Option<Judgement> {
    let c = scene.connection;
    let (end, bytes, confirmed) = match scene.event.fact {
        Fact::AckedUnseen { bytes, confirmed } => (scene.event.end, bytes, confirmed),
        Fact::Ended => {
            let (end, bytes) = (0..2).find_map(|e| Some((e, c.ends[e].acked_unsettled()?)))?;
            (end, bytes, false)
        }
        _ => return None,
    };
    if bytes == 0 {
        return None;
    }
    let sender = &c.ends[end];
    let missing = sender.space.missing() + u64::from(sender.acked_unsettled().unwrap_or(0));
    let all = (missing + sender.flow.unique_bytes).max(1);
    let percent = missing as f64 * 100.0 / all as f64;
    let message = if confirmed {
        "{missing_bytes} bytes that the {end} sent ({percent} %) were acknowledged but not captured"
    } else {
        "{missing_bytes} bytes of the {end} ({percent} %) were acknowledged but not captured, and it was not seen again"
    };
    let detail = Detail::new(message)
        .about(end)
        .severity(if percent > 1.0 { Severity::Warning } else { Severity::Note })
        .with("bytes", bytes)
        .with("missing_bytes", missing)
        .with("percent", (percent * 10.0).round() / 10.0);
    if confirmed {
        return detail.report();
    }
    detail.variant("unconfirmed").severity(Severity::Note).confidence(Confidence::Medium).report()
}

pub(super) fn ack_of_unsent(scene: &Scene<'_>) -> Option<Judgement> {
    /// From so many on, each beyond the one before, it is a receiver's method (tcp.md SQ002).
    const METHOD: u16 = 10;
    let Fact::AckOfUnsent { ack, max, growing } = scene.event.fact else { return None };
    let seen = scene.connection.visibility();
    let sender = &scene.connection.ends[1 - scene.event.end];
    // The first segment seen of it was a keep-alive, which repeats the last number.
    let keep_alive = seen.midstream && ack.distance(max) == 1 && sender.flow.payload_bytes <= 1;
    if !seen.both_directions || seen.capture_loss || keep_alive {
        return None;
    }
    let detail = if growing >= METHOD {
        Detail::new("the {end} acknowledged what the {peer} had not sent {times} times, each time more: it asks for more than its share")
            .variant("optimistic")
            .with("times", growing)
    } else {
        Detail::new("the {end} acknowledged {ack}, {excess} bytes more than the {peer} ever sent")
    };
    detail.with("ack", ack.0).with("sent_up_to", max.0).with("excess", ack.distance(max)).report()
}

pub(super) fn overlap_conflict(scene: &Scene<'_>) -> Option<Judgement> {
    let Fact::PayloadChanged { seq, len, first, second, first_frame } = scene.event.fact else { return None };
    let c = scene.connection;
    if c.visibility().capture_loss || c.ends[scene.event.end].acked_unsettled().is_some() {
        return None;
    }
    let ttl = scene.segment.map(|s| s.ip.ttl);
    Detail::new("the {end} sent {bytes} bytes at {seq} a second time with other content")
        .cause(Some(first_frame))
        .with("seq", seq.0)
        .with("bytes", len)
        .with("first_digest", format!("{first:016x}"))
        .with("second_digest", format!("{second:016x}"))
        .with("usual_ttl", c.ends[scene.event.end].ttl)
        .with("ttl", ttl)
        .report()
}

pub(super) fn old_timestamp(scene: &Scene<'_>) -> Option<Judgement> {
    let Fact::OldTimestamp { value, last } = scene.event.fact else { return None };
    let sender = &scene.connection.ends[scene.event.end];
    let silent = sender.last_sent.map_or(Duration::ZERO, |t| scene.event.at.since(t));
    if silent >= OUTDATED {
        return None;
    }
    Detail::new("the {end} sent new data with timestamp {value}, older than its last one, {last}")
        .grows(5, Severity::Warning)
        .with("value", value)
        .with("last", last)
        .with("step", value.wrapping_sub(last) as i32)
        .report()
}

/// A timestamp is not compared with one so old: a clock of 1 ms has gone half round (RFC 7323 §5.5).
const OUTDATED: Duration = Duration::from_secs(24 * 86_400);

pub(super) fn ack_loop(scene: &Scene<'_>) -> Option<Judgement> {
    let Fact::AckLoop { count, span } = scene.event.fact else { return None };
    Detail::new("both ends repeat the same ACK: {acks} in {span}")
        .with("acks", count)
        .with("span", span.to_string())
        .with("span_ns", span.0)
        .report()
}
