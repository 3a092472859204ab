//! How the chain of questions is answered.

use super::look::Look;
use super::{Answer, Cause, Question, Step, Verdict, rivals};
use crate::tcp::Duration;

/// The chain for one listener; `None` where nothing stands between it and its clients.
pub fn judge(l: &Look<'_>) -> Option<Verdict> {
    if !has_symptoms(l) {
        return None;
    }
    let cookies = cookies(l);
    let accept = accept_queue(l);
    let syn = syn_queue(l, cookies.answer, accept.answer);
    let filter = filter(l, &[&cookies, &accept, &syn]);
    let hostile = hostile(l);
    let s = &l.figures.symptoms;
    let cause = match [accept.answer, syn.answer, cookies.answer, filter.answer].map(|a| a > Answer::No) {
        [true, _, true, _] if s.unserved > 0 && s.held_back + s.aborted == 0 => {
            Cause::AcceptQueueFullBehindCookies
        }
        [true, ..] if accept.answer >= syn.answer => Cause::AcceptQueueFull,
        [_, true, ..] => Cause::SynQueueFull,
        [_, _, true, _] => Cause::SynCookies,
        [.., true] => Cause::FilterOrLoss,
        _ => Cause::Incomplete,
    };
    let rivals = rivals::rivals(l, cause);
    Some(Verdict { cause, steps: vec![cookies, accept, syn, filter, hostile], rivals })
}

/// Whether there is anything to explain.
pub(super) fn has_symptoms(l: &Look<'_>) -> bool {
    let (s, f) = (&l.figures.symptoms, &l.figures);
    l.is_troubled
        || s.ignored >= FEW
        || s.late >= FEW
        || s.held_back > 0
        || s.aborted > 0
        || s.unserved > 0
        || (f.half_open >= MANY && f.half_open > f.complete)
        || l.is_pressed()
        || f.expired >= MANY
        || f.cancelled >= MANY
}

fn cookies(l: &Look<'_>) -> Step {
    let found = l.heard_of("HO005", None);
    let (silent, repeated) = (l.figures.never_repeated, l.figures.repeated);
    let unserved = l.figures.symptoms.unserved;
    let step = |answer, because| Step { question: Question::Cookies, answer, because };
    if found > 0 {
        step(Answer::Yes, format!("HO005 found them, {}", times(found)))
    } else if silent >= MANY && repeated > 0 {
        step(
            Answer::Likely,
            format!("{silent} SYN+ACKs without an answer were never sent again, {repeated} others were"),
        )
    } else if unserved > 0 && l.figures.symptoms.held_back == 0 {
        let because = format!(
            "{unserved} open for the client, unknown to the server, which repeats no SYN+ACK: only cookies leave that"
        );
        step(Answer::Likely, because)
    } else {
        step(Answer::No, "no two ISNs that differ alike, no SYN+ACK that should have come again".into())
    }
}

fn accept_queue(l: &Look<'_>) -> Step {
    let s = &l.figures.symptoms;
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
    } else if l.heard_of("HO004", Some("cookies")) > 0 {
        let because = format!("HO004 found {} complete connections whose data nothing answers", s.unserved);
        step(Answer::Yes, because)
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

fn syn_queue(l: &Look<'_>, cookies: Answer, accept: Answer) -> Step {
    let step = |answer, because| Step { question: Question::SynQueue, answer, because };
    if l.peak == 0 {
        return step(Answer::No, "it never was half-open".into());
    }
    let (peak, dropped) = (l.peak, dropped(l));
    let full = match l.backlog {
        Some(backlog) => {
            format!("it held {} of {backlog} when SYNs were dropped", l.peak_of_drops)
        }
        None => {
            format!("{dropped} SYNs were dropped while it stood near its peak of {peak} for {}", l.near_peak)
        }
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

fn filter(l: &Look<'_>, before: &[&Step]) -> Step {
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

fn hostile(l: &Look<'_>) -> Step {
    let step = |answer, because| Step { question: Question::Hostile, answer, because };
    match (l.heard_of("AT001", None), l.heard_of("AT016", None)) {
        (0, 0) => step(Answer::No, "no flood was found (AT001, AT016)".into()),
        (0, n) => step(Answer::Yes, format!("AT016 found connections that exhaust it, {}", times(n))),
        (n, _) => step(Answer::Yes, format!("AT001 found a SYN flood, {}", times(n))),
    }
}

/// Connections whose SYNs were dropped: what HO003 found, or else what was never answered.
fn dropped(l: &Look<'_>) -> u64 {
    let ignored = if l.figures.symptoms.ignored >= FEW { l.figures.symptoms.ignored } else { 0 };
    // A flood does not repeat its SYNs; many without an answer are as telling where others have one.
    let flood = if l.figures.answered > 0 && l.figures.unanswered >= MANY { l.figures.unanswered } else { 0 };
    let late = if l.figures.symptoms.late >= FEW { l.figures.symptoms.late } else { 0 };
    l.heard_of("HO003", None).max(ignored + late).max(flood)
}

/// The SYN queue was at its bound: near the backlog, or without one near a peak that it could not pass.
fn is_bounded(l: &Look<'_>) -> bool {
    match l.backlog {
        Some(backlog) => l.peak_of_drops.saturating_mul(100) >= backlog.saturating_mul(80),
        None => l.peak >= PLATEAU && l.near_peak >= PLATEAU_TIME,
    }
}

fn times(n: u64) -> String {
    if n == 1 { "once".into() } else { format!("{n} times") }
}

/// Fewer may be chance: tcp.md HO003.
const FEW: u64 = 3;
/// Half-open entries that stand out: tcp.md HO005 b.
const MANY: u64 = 20;
/// A peak lower than this is no plateau.
const PLATEAU: u64 = 8;
/// How long a queue stays near its peak before it counts as bounded: longer than one SYN+ACK retransmission.
const PLATEAU_TIME: Duration = Duration::from_secs(3);
