//! `Verdict`: what stands between a listener and its clients, as a chain of questions with their evidence (tcp.md §4.4).
//!
//! Findings of the HO rules answer for certain; what the listener's own figures show answers `likely`. Rival
//! explanations are named, because a queue is never seen, only what it does.

use super::listeners::Listener;
use crate::tcp::{Duration, Timestamp};

/// What stands between a listener and its clients, and why that is believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The conclusion.
    pub cause: Cause,
    /// The questions in their order, each with its answer and evidence.
    pub steps: Vec<Step>,
    /// Other explanations of the same packets.
    pub rivals: Vec<Rival>,
}

/// What stands between a listener and its clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// The application does not accept connections fast enough.
    AcceptQueueFull,
    /// Too many half-open connections; SYNs are dropped.
    SynQueueFull,
    /// SYN cookies answer in place of the SYN queue, which is full or not used.
    SynCookies,
    /// Something before the listener drops SYNs, or the path loses them.
    FilterOrLoss,
    /// Clients do not complete their handshakes, which harms nobody yet.
    Incomplete,
}

/// One question of the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What is asked.
    pub question: Question,
    /// The answer.
    pub answer: Answer,
    /// What it rests on.
    pub because: String,
}

/// The questions, in the order in which they are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// Does it answer with SYN cookies?
    Cookies,
    /// Is its accept queue full?
    AcceptQueue,
    /// Is its SYN queue full?
    SynQueue,
    /// Are SYNs filtered or lost?
    Filter,
    /// Does somebody do this on purpose?
    Hostile,
}

/// An answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Answer {
    /// Nothing says so.
    No,
    /// Its own figures say so, no rule does.
    Likely,
    /// A rule found it.
    Yes,
}

/// Another explanation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rival {
    /// Its name, as a kebab-case word.
    pub name: &'static str,
    /// How it would look the same, and what would tell it apart.
    pub text: &'static str,
}

/// Rules whose findings the chain uses.
pub(super) const RULES: [&str; 8] = ["AT001", "AT016", "HO001", "HO002", "HO003", "HO004", "HO005", "HO006"];

/// The chain for one listener; `None` where nothing stands between it and its clients.
pub(super) fn judge(l: &Listener) -> Option<Verdict> {
    if !l.answers || !has_symptoms(l) {
        return None;
    }
    let cookies = cookies(l);
    let accept = accept_queue(l);
    let syn = syn_queue(l, cookies.answer, accept.answer);
    let filter = filter(l, &[&cookies, &accept, &syn]);
    let hostile = hostile(l);
    let cause = match [accept.answer, syn.answer, cookies.answer, filter.answer].map(|a| a > Answer::No) {
        [true, ..] if accept.answer >= syn.answer => Cause::AcceptQueueFull,
        [_, true, ..] => Cause::SynQueueFull,
        [_, _, true, _] => Cause::SynCookies,
        [.., true] => Cause::FilterOrLoss,
        _ => Cause::Incomplete,
    };
    let rivals = rivals(l, cause);
    Some(Verdict { cause, steps: vec![cookies, accept, syn, filter, hostile], rivals })
}

fn has_symptoms(l: &Listener) -> bool {
    let s = &l.symptoms;
    let queue = l.queue.as_deref();
    let trouble = l.heard.iter().any(|h| h.rule != "HO001" && h.variant != Some("defer-accept"));
    trouble
        || s.ignored >= FEW
        || s.late >= FEW
        || s.held_back > 0
        || s.aborted > 0
        || s.unserved > 0
        || (l.outcomes.half_open >= MANY && l.outcomes.half_open > l.outcomes.complete)
        || queue.is_some_and(|q| q.is_pressed() || q.ends.expired >= MANY || q.ends.cancelled >= MANY)
}

fn cookies(l: &Listener) -> Step {
    let found = l.heard_of("HO005", None);
    let queue = l.queue.as_deref();
    let silent = queue.map_or(0, |q| q.never_repeated);
    let repeated = queue.map_or(0, |q| q.retransmissions[1..].iter().sum::<u64>());
    let unserved = l.symptoms.unserved;
    let step = |answer, because| Step { question: Question::Cookies, answer, because };
    if found > 0 {
        step(Answer::Yes, format!("HO005 found them, {}", times(found)))
    } else if silent >= MANY && repeated > 0 {
        step(
            Answer::Likely,
            format!("{silent} SYN+ACKs without an answer were never sent again, {repeated} others were"),
        )
    } else if unserved > 0 && l.symptoms.held_back == 0 {
        let because = format!(
            "{unserved} open for the client, unknown to the server, which repeats no SYN+ACK: only cookies leave that"
        );
        step(Answer::Likely, because)
    } else {
        step(Answer::No, "no two ISNs that differ alike, no SYN+ACK that should have come again".into())
    }
}

fn accept_queue(l: &Listener) -> Step {
    let s = &l.symptoms;
    let (overflow, abort) = (l.heard_of("HO004", Some("overflow")), l.heard_of("HO004", Some("abort")));
    let step = |answer, because| Step { question: Question::AcceptQueue, answer, because };
    // eff + 1 fit (tcp.md M5); without a backlog two are enough to think of it.
    let waiting = l.backlog.map_or(2, |b| b.saturating_add(1));
    if overflow + abort > 0 {
        let because = format!(
            "HO004 found {overflow} connections whose SYN+ACK came again after the final ACK and {abort} aborted"
        );
        step(Answer::Yes, because)
    } else if s.aborted > 0 {
        step(Answer::Likely, format!("{} final ACKs were answered with RST", s.aborted))
    } else if s.held_back > 0 {
        let because = format!(
            "SYN+ACKs came again {} times although the final ACK had passed; connections held back: {}",
            s.repeated_after_ack, s.held_back
        );
        step(Answer::Likely, because)
    } else if s.unserved > 0 {
        let because = format!("the data of {} complete connections was never acknowledged", s.unserved);
        step(Answer::Likely, because)
    } else if dropped(l) > 0 && s.unconfirmed >= waiting && !is_bounded(l) {
        let because = format!(
            "SYNs are dropped while the SYN queue has room, and {} connections wait to be accepted",
            s.unconfirmed
        );
        step(Answer::Likely, because)
    } else if s.late >= FEW && !is_bounded(l) {
        let because = format!(
            "{} clients got no answer to four SYNs or more, and then one, while the SYN queue had room",
            s.late
        );
        step(Answer::Likely, because)
    } else {
        step(Answer::No, "no SYN+ACK after the final ACK, no RST for it, no data left unanswered".into())
    }
}

fn syn_queue(l: &Listener, cookies: Answer, accept: Answer) -> Step {
    let step = |answer, because| Step { question: Question::SynQueue, answer, because };
    let Some(queue) = l.queue.as_deref() else {
        return step(Answer::No, "it never was half-open".into());
    };
    let (peak, dropped) = (queue.gauge.peak, dropped(l));
    let full = match l.backlog {
        Some(backlog) => {
            format!("it held {} of {backlog} when SYNs were dropped", then(l, queue.gauge.peak))
        }
        None => format!(
            "{dropped} SYNs were dropped while it stood near its peak of {peak} for {}",
            queue.near_peak
        ),
    };
    let found = l.heard_of("HO003", None) > 0;
    if cookies > Answer::No {
        return step(Answer::No, format!("cookies answer in its place; the {peak} of its peak are virtual"));
    }
    if dropped == 0 {
        let peak = format!("at most {peak} at once, and no SYN was dropped");
        return step(if l.heard_of("HO002", None) > 0 { Answer::Likely } else { Answer::No }, peak);
    }
    match (found, is_bounded(l)) {
        (true, true) => step(Answer::Yes, format!("HO003, and {full}")),
        (false, true) if accept < Answer::Likely => step(Answer::Likely, full),
        _ => step(Answer::No, format!("{dropped} SYNs were dropped, but it held at most {peak} at once")),
    }
}

fn filter(l: &Listener, before: &[&Step]) -> Step {
    let step = |answer, because| Step { question: Question::Filter, answer, because };
    let dropped = dropped(l);
    if dropped == 0 {
        return step(Answer::No, "no client had to repeat its SYN in vain".into());
    }
    if before.iter().any(|s| s.answer > Answer::No) {
        return step(Answer::No, "the queues explain the SYNs that were dropped".into());
    }
    let answer = if l.heard_of("HO003", None) > 0 { Answer::Yes } else { Answer::Likely };
    step(answer, format!("{dropped} SYNs were dropped and no queue was full"))
}

fn hostile(l: &Listener) -> Step {
    let step = |answer, because| Step { question: Question::Hostile, answer, because };
    match (l.heard_of("AT001", None), l.heard_of("AT016", None)) {
        (0, 0) => step(Answer::No, "no flood was found (AT001, AT016)".into()),
        (0, n) => step(Answer::Yes, format!("AT016 found connections that exhaust it, {}", times(n))),
        (n, _) => step(Answer::Yes, format!("AT001 found a SYN flood, {}", times(n))),
    }
}

/// Connections whose SYNs were dropped: what HO003 found, or else what was never answered.
fn dropped(l: &Listener) -> u64 {
    let ignored = if l.symptoms.ignored >= FEW { l.symptoms.ignored } else { 0 };
    // A flood does not repeat its SYNs; many without an answer are as telling where others have one.
    let flood = if l.answered > 0 && l.outcomes.unanswered >= MANY { l.outcomes.unanswered } else { 0 };
    let late = if l.symptoms.late >= FEW { l.symptoms.late } else { 0 };
    l.heard_of("HO003", None).max(ignored + late).max(flood)
}

/// The SYN queue was at its bound: near the backlog, or without one near a peak that it could not pass.
fn is_bounded(l: &Listener) -> bool {
    match (l.queue.as_deref(), l.backlog) {
        (_, Some(_)) => pressure(l) >= 80,
        (Some(queue), None) => queue.gauge.peak >= PLATEAU && queue.near_peak >= PLATEAU_TIME,
        (None, None) => false,
    }
}

/// How full the SYN queue was at its peak, or while HO003 was true, in per cent; 0 without a backlog.
fn pressure(l: &Listener) -> u64 {
    let (Some(queue), Some(backlog)) = (l.queue.as_deref(), l.backlog) else { return 0 };
    then(l, queue.gauge.peak).saturating_mul(100) / backlog.max(1)
}

/// The SYN queue while HO003 was true, else at its peak.
fn then(l: &Listener, peak: u64) -> u64 {
    let span = l.heard.iter().find(|h| h.rule == "HO003").map(|h| (h.first, h.last));
    let near = |(first, last): (Timestamp, Timestamp)| {
        l.queue.as_deref().map(|q| q.curve.max_between(first - WINDOW, last + WINDOW))
    };
    span.and_then(near).unwrap_or(peak)
}

fn rivals(l: &Listener, cause: Cause) -> Vec<Rival> {
    let deferred = l.heard_of("HO004", Some("defer-accept")) > 0;
    let all: &[Rival] = match cause {
        Cause::AcceptQueueFull if l.symptoms.aborted > 0 => &[ABORT_BY_APPLICATION],
        Cause::AcceptQueueFull if l.symptoms.held_back > 0 => &[LOST_BEHIND, DEFER_ACCEPT],
        Cause::AcceptQueueFull if l.symptoms.unserved > 0 => &[LOST_BEHIND],
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

fn times(n: u64) -> String {
    if n == 1 { "once".into() } else { format!("{n} times") }
}

const LOST_BEHIND: Rival = Rival {
    name: "loss-behind-capture",
    text: "the packets were lost between the capture point and the server; that hits connections at random, a full \
           queue hits all of one time",
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

/// Fewer may be chance: tcp.md HO003.
const FEW: u64 = 3;
/// Half-open entries that stand out: tcp.md HO005 b.
const MANY: u64 = 20;
/// A peak lower than this is no plateau.
const PLATEAU: u64 = 8;
/// How long a queue stays near its peak before it counts as bounded: longer than one SYN+ACK retransmission.
const PLATEAU_TIME: Duration = Duration::from_secs(3);
/// Queues are judged over 10 s (tcp.md §4.4).
const WINDOW: Duration = Duration::from_secs(10);
