//! How TW rules judge what happens to an end in TIME_WAIT.

use crate::rules::registry::{Detail, Judgement, Scene};
use crate::tcp::State;
use crate::track::{Fact, TimeWaitEnd};

pub(super) fn restarted(scene: &Scene<'_>) -> Option<Judgement> {
    let Fact::TimeWaitRestarted { count, by_fin } = scene.event.fact else { return None };
    let message = if by_fin {
        "the {end}'s TIME_WAIT started again, {restarts:time:times} in all: the {peer}'s FIN came again"
    } else {
        "the {end}'s TIME_WAIT started again, {restarts:time:times} in all"
    };
    Detail::new(message).with("restarts", count).report()
}

pub(super) fn refused_syn(scene: &Scene<'_>) -> Option<Judgement> {
    match scene.event.fact {
        Fact::TimeWaitRefusedSyn { age } => {
            Detail::new("the {end} answered a new SYN with the old connection's ACK: its TIME_WAIT is {age} old and alive")
                .variant("old-ack")
                .with("age", age.to_string())
                .with("age_ns", age.0)
                .report()
        }
        Fact::SynRepeated { count, .. } if count >= SILENT => silent(scene, count),
        _ => None,
    }
}

/// Two SYNs without an answer are proved by a third.
const SILENT: u32 = 2;

fn silent(scene: &Scene<'_>, repeats: u32) -> Option<Judgement> {
    let c = scene.connection;
    let holder = &c.ends[1 - scene.event.end];
    if holder.state != State::TimeWait || holder.was_seen() || c.open.refused_by_time_wait {
        return None;
    }
    let waited = scene.event.at.since(c.first);
    Detail::new("the {end}'s SYN was not answered {syns} times by the {peer}, which is in TIME_WAIT; {waited} are lost")
        .variant("silent")
        .cause(Some(c.id))
        .with("syns", repeats)
        .with("waited", waited.to_string())
        .with("waited_ns", waited.0)
        .report()
}

pub(super) fn assassinated(scene: &Scene<'_>) -> Option<Judgement> {
    let Fact::TimeWaitEnded { kind: TimeWaitEnd::Assassinated, age } = scene.event.fact else { return None };
    let holder = scene.event.end;
    let refused = scene.connection.latest_time_wait(holder).is_some_and(|t| t.alive_until.is_some());
    let reply = scene.segment.is_some_and(|s| !s.flags.ack());
    let (variant, message) = if refused && reply {
        (
            "peer-reaction",
            "the {peer}'s RST ended the {end}'s TIME_WAIT after {age}: it answers the ACK that its SYN had got",
        )
    } else {
        ("reset", "a RST of the {peer} ended the {end}'s TIME_WAIT after {age}")
    };
    Detail::new(message)
        .variant(variant)
        .with("age", age.to_string())
        .with("age_ns", age.0)
        .with("seq", scene.segment.map(|s| s.seq.0))
        .with("ttl", scene.segment.map(|s| s.ip.ttl))
        .with("usual_ttl", scene.connection.ends[1 - holder].ttl)
        .report()
}
