//! `Item`: what a ladder shows from top to bottom, the same for every format: segments, folds, timers; and beside
//! each the steps of both ends and the findings.

use std::collections::BTreeSet;

use super::words::Numbers;
use crate::output::text::{counted, state};
use crate::report::{Fold, Ladder, Mark, Row, Sent, Word};
use crate::rules::Finding;
use crate::tcp::{Certainty, State, Timestamp};
use crate::track::{Ends, HalfOpenEnd, Reason, Role, TimeWait, TimeWaitEnd, Transition};

/// One thing in a ladder.
#[derive(Debug)]
pub struct Item<'a> {
    /// What.
    pub what: What,
    /// Packet number; 0 for what is no packet.
    pub frame: u64,
    /// When.
    pub at: Timestamp,
    /// Each end's steps here.
    pub steps: Ends<Vec<Step>>,
    /// Findings that arise here.
    pub findings: Vec<&'a Finding>,
    /// A finding names this packet.
    pub named: bool,
}

/// What an item is.
#[derive(Debug)]
pub enum What {
    /// Where both ends stand before.
    Start,
    /// A segment, sent by that end.
    Segment(Box<Sent>, Role),
    /// Many.
    Fold(Fold),
    /// Something that no packet shows.
    Timer(String),
}

/// One step of one end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Step {
    /// The state it is in from here on.
    pub state: State,
    /// How that is known.
    pub certainty: Certainty,
    /// What kind of step.
    pub kind: StepKind,
}

/// What kind of step.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StepKind {
    /// It stands.
    Stands,
    /// A later packet proves that it never happened.
    Undone,
    /// An earlier step proved wrong: this is where the end is, and was.
    Back,
}

impl Step {
    /// The state with its marks.
    pub fn text(&self) -> String {
        let name = state(self.state, self.certainty);
        match self.kind {
            StepKind::Stands => name,
            StepKind::Undone => format!("{name}×"),
            StepKind::Back => format!("«{name}"),
        }
    }
}

/// Whether runs of plain segments are folded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Folding {
    /// They are.
    Folded,
    /// Each segment is shown.
    Unfolded,
}

/// A run shorter than this is shown whole.
const RUN: usize = 8;
/// Of a longer one, so many are shown at its beginning, and one at its end.
const SHOWN: usize = 2;

/// Up to so many repetitions are shown each on its own.
const REPEATS: usize = 20;

/// What the ladder shows, from top to bottom.
pub fn items(ladder: &Ladder, folding: Folding) -> Vec<Item<'_>> {
    let named: BTreeSet<u64> = ladder.findings.iter().flat_map(|f| f.frames.iter().copied()).collect();
    let mut items = vec![item(What::Start, 0, ladder.record.first)];
    let rows = match folding {
        Folding::Folded => folded(&ladder.rows, &apart(ladder, &named)),
        Folding::Unfolded => ladder.rows.clone(),
    };
    items.extend(rows.iter().map(|row| of_row(ladder, row)));
    for item in &mut items {
        item.named = named.contains(&item.frame);
    }
    begin(ladder, &mut items);
    for end in [Role::Client, Role::Server] {
        add_steps(ladder, end, &mut items);
    }
    for (at, text) in timers(ladder) {
        let to = after(&items, at);
        let known = to.checked_sub(1).and_then(|i| items.get_mut(i));
        match known {
            Some(Item { what: What::Timer(own), at: then, .. }) if *then == at => *own = text,
            _ => items.insert(to, item(What::Timer(text), 0, at)),
        }
    }
    for finding in &ladder.findings {
        let shown = |i: &Item<'_>| i.at == finding.at && finding.frames.contains(&i.frame);
        let to = items.iter().position(shown).unwrap_or_else(|| after(&items, finding.at).saturating_sub(1));
        if let Some(item) = items.get_mut(to) {
            item.findings.push(finding);
        }
    }
    items
}

fn item<'a>(what: What, frame: u64, at: Timestamp) -> Item<'a> {
    Item { what, frame, at, steps: Ends::default(), findings: Vec::new(), named: false }
}

fn of_row<'a>(ladder: &Ladder, row: &Row) -> Item<'a> {
    match row {
        Row::One(sent) => {
            let what = What::Segment(Box::new(*sent), ladder.role(sent.end));
            item(what, sent.segment.packet, sent.segment.time)
        }
        Row::Many(fold) => item(What::Fold(*fold), fold.first.0, fold.first.1),
    }
}

/// Packets that are shown on their own: a step or a finding is about them.
fn apart(ladder: &Ladder, named: &BTreeSet<u64>) -> BTreeSet<u64> {
    let steps = ladder.record.transitions.iter();
    let frames = steps.flat_map(|t| [Some(t.frame), t.confirmed, t.rolled_back]).flatten();
    frames.chain(repeated(&ladder.rows)).chain(named.iter().copied()).collect()
}

/// Packets that were sent again or came late, unless there are many.
fn repeated(rows: &[Row]) -> Vec<u64> {
    let repeats = rows.iter().filter_map(|row| match row {
        Row::One(sent) if matches!(sent.mark, Some(Mark::Again | Mark::Late)) => Some(sent.segment.packet),
        _ => None,
    });
    let frames: Vec<u64> = repeats.take(REPEATS + 1).collect();
    if frames.len() > REPEATS { Vec::new() } else { frames }
}

/// The rows, with the middle of each long run in one.
fn folded(rows: &[Row], apart: &BTreeSet<u64>) -> Vec<Row> {
    let plain = |row: &Row| match row {
        Row::One(sent) => sent.is_plain() && !apart.contains(&sent.segment.packet),
        Row::Many(_) => true,
    };
    let mut shown = Vec::new();
    for run in rows.chunk_by(|a, b| plain(a) && plain(b)) {
        let many = run.iter().any(|row| matches!(row, Row::Many(_)));
        let (Some(first), Some(middle), Some(last)) =
            (run.get(..SHOWN), run.get(SHOWN..run.len().saturating_sub(1)), run.last())
        else {
            shown.extend_from_slice(run);
            continue;
        };
        if run.len() < RUN && !(many && run.len() > SHOWN + 1) {
            shown.extend_from_slice(run);
            continue;
        }
        shown.extend_from_slice(first);
        let mut folds = middle.iter().map(Row::folded);
        if let Some(mut fold) = folds.next() {
            folds.for_each(|next| fold.join(&next));
            shown.push(Row::Many(fold));
        }
        shown.push(last.clone());
    }
    shown
}

/// Where to put what happened at a time: behind everything up to then.
fn after(items: &[Item<'_>], at: Timestamp) -> usize {
    items.iter().rposition(|i| i.at <= at).map_or(items.len(), |i| i + 1)
}

/// Where both ends stand before the first segment.
fn begin(ladder: &Ladder, items: &mut [Item<'_>]) {
    let Some(start) = items.first_mut() else { return };
    for end in [Role::Client, Role::Server] {
        let first = ladder.record.transitions.iter().find(|t| t.endpoint == end);
        let (state, certainty) = match first {
            Some(step) if step.from == State::Closed => (step.from, Certainty::Observed),
            Some(step) => (step.from, Certainty::Assumed),
            None => (*ladder.record.state.of(end), *ladder.record.certainty.of(end)),
        };
        of_end(&mut start.steps, end).push(Step { state, certainty, kind: StepKind::Stands });
    }
}

fn of_end<T>(ends: &mut Ends<T>, end: Role) -> &mut T {
    match end {
        Role::Client => &mut ends.client,
        Role::Server => &mut ends.server,
    }
}

/// Puts the steps of an end where they happened, proved right, and proved wrong.
fn add_steps(ladder: &Ladder, end: Role, items: &mut Vec<Item<'_>>) {
    let steps: Vec<&Transition> = ladder.record.transitions.iter().filter(|t| t.endpoint == end).collect();
    for (i, step) in steps.iter().enumerate() {
        if let Some(back) = back_at(&steps, i) {
            push(items, step.frame, end, back);
        }
        let kind = if step.rolled_back.is_some() { StepKind::Undone } else { StepKind::Stands };
        let here = Step { state: step.to, certainty: step.certainty, kind };
        if step.reason == Reason::Timeout && step.flags.0 == 0 {
            let mut timer = item(What::Timer("timer".into()), 0, step.at);
            of_end(&mut timer.steps, end).push(here);
            let to = after(items, step.at);
            items.insert(to, timer);
        } else {
            push(items, step.frame, end, here);
        }
        if let Some(frame) = step.confirmed.filter(|frame| !steps.iter().any(|s| s.frame == *frame)) {
            push(items, frame, end, Step { state: step.to, certainty: Certainty::Observed, kind });
        }
    }
    // Proved wrong without a step after it.
    for (i, step) in steps.iter().enumerate() {
        let Some(frame) = step.rolled_back else { continue };
        let first = steps.iter().position(|s| s.rolled_back == Some(frame)) == Some(i);
        if first && !steps.get(i + 1..).is_some_and(|later| later.iter().any(|s| s.frame == frame)) {
            push(items, frame, end, back(&steps, i, frame));
        }
    }
}

/// The way back that a step's own packet proves before it.
fn back_at(steps: &[&Transition], i: usize) -> Option<Step> {
    let frame = steps.get(i)?.frame;
    let fresh = !steps.get(..i)?.iter().any(|s| s.frame == frame);
    let undone = steps.get(..i)?.iter().position(|s| s.rolled_back == Some(frame)).filter(|_| fresh)?;
    Some(back(steps, undone, frame))
}

/// The state an end is back in when the `undone`-th step is disproved by a packet.
fn back(steps: &[&Transition], undone: usize, frame: u64) -> Step {
    let from = steps.get(undone).map_or(State::Unknown, |s| s.from);
    let stood = |s: &&&Transition| s.to == from && s.rolled_back.is_none_or(|f| f > frame);
    let before = steps.get(..undone).unwrap_or_default().iter().rev().find(stood);
    let certainty = match before {
        Some(step) if step.confirmed.is_some_and(|f| f <= frame) => Certainty::Observed,
        Some(step) => step.certainty,
        None => Certainty::Assumed,
    };
    Step { state: from, certainty, kind: StepKind::Back }
}

fn push(items: &mut [Item<'_>], frame: u64, end: Role, step: Step) {
    let at = items.iter().rposition(|i| i.frame != 0 && i.frame <= frame);
    if let Some(item) = items.get_mut(at.unwrap_or_default()) {
        of_end(&mut item.steps, end).push(step);
    }
}

/// What no packet shows, and when.
fn timers(ladder: &Ladder) -> Vec<(Timestamp, String)> {
    let mut timers: Vec<_> = ladder.record.time_wait.iter().map(time_wait_end).collect();
    if let Some(half) = &ladder.record.half_open
        && half.end_kind == HalfOpenEnd::Expired
        && let Some(end) = half.end
    {
        let sent = counted(half.syn_ack_retransmissions.into(), "SYN+ACK");
        let text = format!("the server gives up: half-open for {}, {sent} again", end.since(half.start));
        timers.push((end, text));
    }
    timers.sort_by_key(|(at, _)| *at);
    timers
}

fn time_wait_end(interval: &TimeWait) -> (Timestamp, String) {
    let who = interval.endpoint.name();
    let Some(end) = interval.end else {
        let text = format!("here the {who}'s TIME_WAIT would end (not captured)");
        return (interval.nominal_end, text);
    };
    let after = end.since(interval.start);
    let text = match interval.end_kind {
        TimeWaitEnd::Expired => format!("the {who}'s TIME_WAIT ends by its timer, {after} after it began"),
        TimeWaitEnd::Reopened => {
            format!("the {who}'s TIME_WAIT ends after {after}: the endpoints are used again")
        }
        TimeWaitEnd::Assassinated => format!("the {who}'s TIME_WAIT ends after {after}: a RST killed it"),
        TimeWaitEnd::Gone => format!("the {who}'s TIME_WAIT is gone, {after} after it began at the latest"),
        kind => format!("the {who}'s TIME_WAIT ends after {after} ({})", kind.word()),
    };
    (end, text)
}

/// What one end sent of a fold, in words; `None` where it sent nothing.
pub fn fold_words(ladder: &Ladder, fold: &Fold, end: Role) -> Option<String> {
    let index = if end == Role::Client { ladder.client } else { 1 - ladder.client };
    let count = fold.of.get(index).filter(|count| count.segments > 0)?;
    let mut parts = Vec::new();
    if count.with_payload > 0 {
        let data = counted(count.with_payload, "data segment");
        parts.push(format!("{data}, {}", counted(count.bytes, "byte")));
    }
    let without = count.segments - count.with_payload;
    if without > 0 {
        parts.push(counted(without, if count.with_payload > 0 { "other" } else { "ACK" }));
    }
    if count.again > 0 {
        parts.push(format!("{} again", count.again));
    }
    Some(parts.join(", "))
}

/// How a ladder is wanted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct View {
    /// Whether runs of plain segments are folded.
    pub folding: Folding,
    /// How sequence numbers are written.
    pub numbers: Numbers,
}
