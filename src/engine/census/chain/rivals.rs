//! Other explanations of the same packets, and what would tell them apart.

use super::look::Look;
use super::{Cause, Rival};

/// Other explanations than this cause.
pub(super) fn rivals(l: &Look<'_>, cause: Cause) -> Vec<Rival> {
    let s = &l.figures.symptoms;
    let deferred = l.heard_of("HO004", Some("defer-accept")) > 0;
    let all: &[Rival] = match cause {
        Cause::AcceptQueueFull if s.aborted > 0 => &[ABORT_BY_APPLICATION],
        Cause::AcceptQueueFull if s.held_back > 0 => &[LOST_BEHIND, DEFER_ACCEPT],
        Cause::AcceptQueueFull if s.unserved > 0 => &[LOST_BEHIND, PATH_MTU],
        Cause::AcceptQueueFullBehindCookies => &[LOST_BEHIND, PATH_MTU, SCRUBBER],
        Cause::AcceptQueueFull => &[FILTER],
        Cause::SynQueueFull => &[FILTER, ACCEPT_QUEUE],
        Cause::SynCookies => &[SCRUBBER],
        Cause::FilterOrLoss => &[ACCEPT_QUEUE, LOST_BEHIND],
        Cause::Incomplete => &[LOST_ANSWERS],
    };
    let mut rivals = all.to_vec();
    if deferred && !rivals.contains(&DEFER_ACCEPT) {
        rivals.push(DEFER_ACCEPT);
    }
    rivals
}

const LOST_BEHIND: Rival = Rival {
    name: "loss-behind-capture",
    text: "the packets were lost between the capture point and the server; that hits connections at random, a full \
           queue hits all of one time",
};
const PATH_MTU: Rival = Rival {
    name: "path-mtu",
    text: "large segments are lost on the way and nothing tells the sender; then small requests are answered",
};
const DEFER_ACCEPT: Rival = Rival {
    name: "defer-accept",
    text: "TCP_DEFER_ACCEPT ignores the final ACK until data comes; then the SYN+ACKs after 1 s and 3 s are missing",
};
const ABORT_BY_APPLICATION: Rival = Rival {
    name: "application-abort",
    text: "the application closed the connection at once with SO_LINGER 0; such a RST carries the ACK flag",
};
const FILTER: Rival = Rival {
    name: "filter",
    text: "a filter drops SYNs before the listener; then the same clients never succeed",
};
const ACCEPT_QUEUE: Rival = Rival {
    name: "accept-queue-full",
    text: "a full accept queue drops new SYNs too; then connections stay open without a word of the server",
};
const SCRUBBER: Rival = Rival {
    name: "scrubber",
    text: "a device before the server answers SYNs for it; its TTL and options differ from the server's",
};
const LOST_ANSWERS: Rival = Rival {
    name: "answers-lost",
    text: "the SYN+ACKs never reached the clients, or their ACKs took a path that is not captured",
};
