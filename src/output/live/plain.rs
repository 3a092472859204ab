//! `tcpscope live --plain`: one line for each connection opened, refused, closed or reset, and for each finding; and now
//! and then one about how things stand. Under a flood, lines of one kind that nobody could read are counted instead.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::ops::ControlFlow;

use super::{Loss, Pace, Turn, role};
use crate::engine::{Ask, Happening, Happenings, Moment, Sink, Wishes};
use crate::output::layout::{Color, Detail, Layout};
use crate::output::text::{counted, escape, thousands};
use crate::output::time::{Clock, TimeStyle};
use crate::report::Word;
use crate::rules::{Finding, Severity};
use crate::tcp::{Duration, State, Timestamp};
use crate::track::Fact;

/// Writes lines for people who read along.
pub struct Plain<W: Write> {
    out: W,
    pace: Pace,
    style: TimeStyle,
    color: Color,
    detail: Detail,
    start: Option<Timestamp>,
    quota: Quota,
    failure: Option<io::Error>,
    dirty: bool,
}

impl<W: Write> Plain<W> {
    /// Lines that look as the layout says; `pace` says when to tell how things stand.
    pub fn new(out: W, layout: &Layout, pace: Pace) -> Self {
        Self {
            out,
            pace,
            style: layout.time.clone(),
            color: layout.color,
            detail: layout.detail,
            start: None,
            quota: Quota::default(),
            failure: None,
            dirty: false,
        }
    }

    /// Ends the lines.
    ///
    /// # Errors
    /// The writer's: now, or earlier, when it made the analysis stop.
    pub fn finish(mut self) -> io::Result<()> {
        if self.failure.is_none() {
            self.not_shown();
        }
        match self.failure {
            Some(failure) => Err(failure),
            None => self.out.flush(),
        }
    }

    fn line(&mut self, at: Timestamp, kind: &str, severity: Option<Severity>, text: &str) -> ControlFlow<()> {
        let start = *self.start.get_or_insert(at);
        let time = Clock { style: &self.style, start, digits: 6 }.text(at);
        // Who reads along knows the day.
        let time = match self.style {
            TimeStyle::Utc | TimeStyle::Zone(_) => time.split_once('T').map_or(&*time, |(_, time)| time),
            TimeStyle::Epoch | TimeStyle::Relative => &time,
        };
        let (begin, end) = match (self.color, severity) {
            (Color::Always, Some(Severity::Error)) => ("\x1b[1;31m", "\x1b[0m"),
            (Color::Always, Some(Severity::Warning)) => ("\x1b[33m", "\x1b[0m"),
            _ => ("", ""),
        };
        let written = writeln!(self.out, "{time}  {begin}{kind:8}{end} {text}");
        self.dirty = true;
        self.keep(written)
    }

    fn keep(&mut self, written: io::Result<()>) -> ControlFlow<()> {
        match written {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                self.failure.get_or_insert(error);
                ControlFlow::Break(())
            }
        }
    }

    /// Whether there is room for one more line of this kind; tells what had none when a new second begins.
    fn admits(&mut self, at: Timestamp, kind: &'static str) -> bool {
        if at >= self.quota.since + Quota::SPAN {
            self.not_shown();
            self.quota = Quota { since: at, ..Quota::default() };
        }
        self.quota.admits(kind)
    }

    fn not_shown(&mut self) {
        let at = self.quota.since + Quota::SPAN;
        for (kind, count) in std::mem::take(&mut self.quota.counts) {
            let more = count.saturating_sub(Quota::LINES);
            if more > 0 && self.line(at, kind, None, &format!("and {} more", thousands(more))).is_break() {
                return;
            }
        }
    }

    fn say(&mut self, finding: &Finding) -> ControlFlow<()> {
        if finding.severity == Severity::Note && self.detail != Detail::Verbose {
            return ControlFlow::Continue(());
        }
        let kind = finding.severity.name();
        if !self.admits(finding.at, kind) {
            return ControlFlow::Continue(());
        }
        let about = match (finding.connection, finding.endpoint) {
            (Some(id), Some(end)) => format!("  #{id} {}", end.word()),
            (Some(id), None) => format!("  #{id}"),
            _ => String::new(),
        };
        let text = format!("{} {}{about}  {}", finding.rule, finding.name, escape(&finding.message));
        self.line(finding.at, kind, Some(finding.severity), &text)
    }
}

impl<W: Write> Sink for Plain<W> {
    fn wishes(&self) -> Wishes {
        Wishes { happenings: Happenings::Decisive, drafts: true, segments: false }
    }

    fn happening(&mut self, happening: &Happening) -> ControlFlow<()> {
        let turn = Turn::of(happening);
        if !matches!(turn, Turn::Opened | Turn::Refused | Turn::Reset | Turn::Closed) {
            return ControlFlow::Continue(());
        }
        if !self.admits(happening.event.at, turn.word()) {
            return ControlFlow::Continue(());
        }
        self.line(happening.event.at, turn.word(), None, &told(turn, happening))
    }

    fn draft(&mut self, finding: &Finding) -> ControlFlow<()> {
        self.say(finding)
    }

    fn finding(&mut self, finding: &Finding) -> ControlFlow<()> {
        self.say(finding)
    }

    fn asks(&mut self, clock: Timestamp) -> Ask {
        self.pace.asks(clock, Ask::Figures)
    }

    fn moment(&mut self, moment: &Moment<'_>) -> ControlFlow<()> {
        let grave = |f: &&Finding| f.severity > Severity::Note || self.detail == Detail::Verbose;
        let going_on: Vec<&Finding> = moment.going_on.iter().filter(grave).collect();
        for finding in going_on.iter().take(EPISODES) {
            let about = finding.key.as_deref().map(|key| format!(" {}", escape(key))).unwrap_or_default();
            let text = format!("{} {}{about}  {}", finding.rule, finding.name, escape(&finding.message));
            self.line(moment.clock, "GOING ON", Some(Severity::Error), &text)?;
        }
        let more = going_on.len().saturating_sub(EPISODES);
        if more > 0 {
            self.line(
                moment.clock,
                "GOING ON",
                Some(Severity::Error),
                &format!("and {} more", thousands(more as u64)),
            )?;
        }
        if moment.clock >= self.quota.since + Quota::SPAN {
            self.not_shown();
        }
        match self.detail {
            Detail::Quiet => ControlFlow::Continue(()),
            _ => self.line(moment.clock, "status", None, &status(moment)),
        }
    }

    fn progress(&mut self, _packets: u64) -> ControlFlow<()> {
        match std::mem::take(&mut self.dirty) {
            true => {
                let flushed = self.out.flush();
                self.keep(flushed)
            }
            false => ControlFlow::Continue(()),
        }
    }
}

/// Episodes told one by one.
const EPISODES: usize = 10;

/// What a line says of a connection.
fn told(turn: Turn, h: &Happening) -> String {
    let client = h.client.unwrap_or(0);
    let (c, s) = (h.endpoints[client], h.endpoints[1 - client]);
    let more = match (turn, h.event.fact) {
        (Turn::Opened, Fact::Stepped { .. }) => "  was open already".into(),
        (Turn::Refused, Fact::Refused { rtt }) => format!("  after {rtt}"),
        (Turn::Reset, Fact::Reset { receiver, .. }) => {
            format!("  by the {}, its peer was in {receiver}", role(h, h.event.end).word())
        }
        (Turn::Closed, _) => match (h.states[client], h.states[1 - client]) {
            (State::TimeWait, State::TimeWait) => "  both in TIME_WAIT".into(),
            (State::TimeWait, _) => "  client in TIME_WAIT".into(),
            (_, State::TimeWait) => "  server in TIME_WAIT".into(),
            _ => String::new(),
        },
        _ => String::new(),
    };
    format!("#{} {c} > {s}{more}", h.connection)
}

/// How things stand, in one line: what was lost comes first.
fn status(m: &Moment<'_>) -> String {
    let loss = Loss::of(m.inputs);
    let mut parts = vec![
        counted(loss.packets, "packet"),
        format!("{} received", thousands(loss.received)),
        format!("{} dropped by the kernel", thousands(loss.dropped)),
        format!("{} by the interface", thousands(loss.dropped_by_interface)),
        format!("{} half-open", thousands(m.summary.half_open.now)),
    ];
    let states = State::ALL.iter().filter(|s| **s != State::SynReceived);
    parts.extend(states.filter_map(|s| {
        let n = m.states.of(*s);
        (n > 0).then(|| format!("{} {s}", thousands(n)))
    }));
    parts.join(", ")
}

/// Lines of each kind in the current second.
#[derive(Debug)]
struct Quota {
    since: Timestamp,
    counts: BTreeMap<&'static str, u64>,
}

impl Quota {
    /// Lines of one kind in a second: more than anybody reads.
    const LINES: u64 = 50;
    const SPAN: Duration = Duration::from_secs(1);

    fn admits(&mut self, kind: &'static str) -> bool {
        let count = self.counts.entry(kind).or_default();
        *count += 1;
        *count <= Self::LINES
    }
}

impl Default for Quota {
    fn default() -> Self {
        Self { since: Timestamp::MIN, counts: BTreeMap::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    fn lines(feed: impl FnOnce(&mut Plain<&mut Vec<u8>>)) -> Vec<String> {
        let mut bytes = Vec::new();
        let pace = Pace::new(Duration::from_secs(1), std::sync::Arc::default());
        let mut plain = Plain::new(&mut bytes, &Layout::default(), pace);
        feed(&mut plain);
        plain.finish().expect("memory takes all");
        String::from_utf8(bytes).expect("UTF-8").lines().map(String::from).collect()
    }

    #[test]
    fn a_flood_of_lines_is_counted_instead() {
        let shown = lines(|plain| {
            for frame in 0..1000 {
                let _ = plain.draft(&sample::finding("HS002", frame));
            }
        });
        assert_eq!(shown.len(), 51, "{shown:?}");
        assert!(shown.last().is_some_and(|l| l.ends_with("and 950 more")), "{shown:?}");
    }

    #[test]
    fn a_finding_is_one_line_whatever_it_says() {
        let mut finding = sample::finding("HS002", 3);
        finding.message.push_str("\x1b[2J\nx");
        let shown = lines(|plain| {
            let _ = plain.draft(&finding);
        });
        assert_eq!(shown.len(), 1);
        assert!(shown[0].contains("error") && shown[0].contains("HS002") && !shown[0].contains('\x1b'));
    }
}
