//! Listeners under pressure on the page: their figures, the chain of questions, and other explanations.

use std::io::{self, Write};

use super::page::Page;
use crate::engine::{Answer, Cause, Listener, Question, SynQueue, Window};
use crate::output::layout::Detail;
use crate::output::text::{counted, thousands};
use crate::report::Word;

/// The listeners that something stands before, most connections first; nothing where there are none.
pub fn write(page: &Page<'_>, out: &mut dyn Write) -> io::Result<()> {
    let mut pressed: Vec<&Listener> = page.report.listeners.iter().filter(|l| is_pressed(l)).collect();
    pressed.sort_by_key(|l| (std::cmp::Reverse(l.outcomes.total()), l.endpoint));
    let shown = if page.layout.detail == Detail::Verbose { usize::MAX } else { SHOWN };
    for listener in pressed.iter().take(shown) {
        writeln!(out)?;
        page.put(page.labelled(lines(page, listener)), out)?;
    }
    let more = pressed.len().saturating_sub(shown) as u64;
    if more > 0 {
        let text = format!("{}; -v shows each", counted(more, "more listener"));
        page.put(page.labelled([("", text)]), out)?;
    }
    Ok(())
}

fn is_pressed(l: &Listener) -> bool {
    l.verdict.is_some() || l.queue.as_deref().is_some_and(SynQueue::is_pressed)
}

fn lines(page: &Page<'_>, l: &Listener) -> Vec<(&'static str, String)> {
    let mut lines = vec![("Listener", format!("{}: {}", l.endpoint, outcomes(l)))];
    if let Some(queue) = l.queue.as_deref() {
        lines.push(("  half-open", half_open(page, l, queue)));
        lines.extend(backlog(queue).map(|text| ("  backlog", text)));
    }
    let Some(verdict) = &l.verdict else { return lines };
    for step in &verdict.steps {
        lines.push((question(step.question), format!("{}: {}", answer(step.answer), step.because)));
    }
    lines.push(("  so", cause(verdict.cause).into()));
    lines.extend(windows(page, l));
    lines.extend(verdict.rivals.iter().map(|r| ("  or", format!("{}: {}", r.name, r.text))));
    lines
}

/// When it was so; the first ones, and how many more.
fn windows(page: &Page<'_>, l: &Listener) -> Vec<(&'static str, String)> {
    let shown = if page.layout.detail == Detail::Verbose { usize::MAX } else { WINDOWS_SHOWN };
    let span = |w: &Window| format!("{}, for {}", page.time(w.start), w.end.since(w.start));
    let line = |w: &Window| match &l.windows[..] {
        [_] => span(w),
        _ => format!("{}: {}", span(w), cause(w.verdict.cause)),
    };
    let mut lines: Vec<_> = l.windows.iter().take(shown).map(|w| ("  when", line(w))).collect();
    let more = l.windows.len().saturating_sub(shown) as u64;
    if more > 0 {
        lines.push(("", format!("{}; -v shows each", counted(more, "more span"))));
    }
    lines
}

fn outcomes(l: &Listener) -> String {
    let o = &l.outcomes;
    let parts = [
        (o.complete, "complete"),
        (o.half_open, "half-open"),
        (o.unanswered, "unanswered"),
        (o.refused, "refused"),
        (o.cancelled, "cancelled"),
        (o.not_captured, "opened before the capture"),
    ];
    let parts: Vec<_> =
        parts.iter().filter(|(n, _)| *n > 0).map(|(n, word)| format!("{} {word}", thousands(*n))).collect();
    format!("{}: {}", counted(o.total(), "connection"), parts.join(", "))
}

fn half_open(page: &Page<'_>, l: &Listener, q: &SynQueue) -> String {
    let at = q.gauge.peak_at.map(|at| format!(" ({})", page.time(at))).unwrap_or_default();
    let e = &q.ends;
    let ends = [
        (e.completed, "completed"),
        (e.expired, "given up"),
        (e.cancelled, "cancelled"),
        (e.aborted, "aborted"),
        (e.replaced, "replaced"),
        (e.censored, "there at the end"),
    ];
    let ends: Vec<_> =
        ends.iter().filter(|(n, _)| *n > 0).map(|(n, word)| format!("{} {word}", thousands(*n))).collect();
    let peak = format!("at most {} at once{at}: {}", thousands(q.gauge.peak), ends.join(", "));
    if l.has_cookies() { format!("{peak}; with SYN cookies, most are no entries of a queue") } else { peak }
}

fn backlog(q: &SynQueue) -> Option<String> {
    let [half, most, full] = q.above;
    let backlog = q.backlog?;
    Some(format!(
        "{}, of which the peak is {:.0} %; {half} at or above half of it, {most} above 80 %, {full} full",
        thousands(backlog),
        q.gauge.peak as f64 * 100.0 / backlog.max(1) as f64
    ))
}

fn question(question: Question) -> &'static str {
    match question {
        Question::Cookies => "  cookies?",
        Question::AcceptQueue => "  accept q?",
        Question::SynQueue => "  SYN q?",
        Question::Filter => "  filter?",
        Question::Hostile => "  hostile?",
    }
}

fn answer(answer: Answer) -> &'static str {
    answer.word()
}

fn cause(cause: Cause) -> &'static str {
    match cause {
        Cause::AcceptQueueFull => "the accept queue is full: the application does not accept() fast enough",
        Cause::AcceptQueueFullBehindCookies => {
            "the accept queue is full, and SYN cookies answer: connections are open for clients only"
        }
        Cause::SynQueueFull => "the SYN queue is full: SYNs are dropped, clients wait or give up",
        Cause::SynCookies => "SYN cookies answer in place of the SYN queue, which was full or is not used",
        Cause::FilterOrLoss => "something before the listener drops SYNs, or the path loses them",
        Cause::Incomplete => "clients do not complete their handshakes; nothing is dropped because of it",
    }
}

/// Spans with a verdict of their own shown of each, unless asked for all.
const WINDOWS_SHOWN: usize = 4;
/// Listeners shown unless asked for all.
const SHOWN: usize = 3;
