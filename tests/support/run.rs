//! `Seen`: everything the library said about some packets, and ways to put two of them side by side.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use tcpscope::config::Config;
use tcpscope::engine::{self, Outcome, Sink, Summary};
use tcpscope::error::Error;
use tcpscope::rules::Finding;
use tcpscope::source::Source;
use tcpscope::tcp::{Certainty, Endpoint, State, Timestamp};
use tcpscope::track::{CloseShape, OpenShape, Record, Role, TimeWaitEnd};

use super::frames::{Frame, source};

/// All that came out of one analysis.
#[derive(Debug, Default)]
pub struct Seen {
    /// By id.
    pub records: Vec<Record>,
    /// Of connections and of the whole.
    pub findings: Vec<Finding>,
    pub summary: Summary,
    pub failure: Option<Error>,
}

impl Seen {
    pub fn of(source: &mut dyn Source, config: &Config) -> Self {
        let mut seen = Self::default();
        let Outcome { summary, failure } = engine::analyze(source, config, &mut seen);
        seen.records.sort_by_key(|r| r.id);
        seen.summary = summary;
        seen.failure = failure;
        seen
    }

    pub fn of_frames(frames: Vec<Frame>) -> Self {
        Self::of(&mut source(frames), &Config::default())
    }

    /// The ids of the rules that spoke.
    pub fn rules(&self) -> BTreeSet<String> {
        self.findings.iter().map(|f| f.rule.to_string()).collect()
    }

    /// The record that began last.
    pub fn last(&self) -> Option<&Record> {
        self.records.last()
    }

    /// `packets = segments + skipped + duplicates`.
    pub fn adds_up(&self) -> bool {
        let skipped: u64 = self.summary.skipped.values().sum();
        self.summary.packets == self.summary.segments + skipped + self.summary.duplicates
    }

    /// Segments that came in, copies included.
    pub fn tcp_packets(&self) -> u64 {
        self.summary.segments + self.summary.duplicates
    }

    /// What must be equal when a capture tells the same story: no packet numbers, no ISNs, times from `zero`.
    pub fn story(&self, zero: Timestamp, name: &dyn Fn(Endpoint) -> String) -> Vec<String> {
        let mut lines: Vec<String> = self.records.iter().flat_map(|r| record_story(r, zero, name)).collect();
        lines.push(format!("rules {:?}", self.rules()));
        lines
    }
}

impl Sink for Seen {
    fn connection(&mut self, record: &Record, findings: &[Finding]) -> ControlFlow<()> {
        self.records.push(record.clone());
        self.findings.extend_from_slice(findings);
        ControlFlow::Continue(())
    }

    fn finding(&mut self, finding: &Finding) -> ControlFlow<()> {
        self.findings.push(finding.clone());
        ControlFlow::Continue(())
    }
}

/// The role of one endpoint in a record; a connection of an endpoint with itself has both, `first` decides.
pub fn role_of(record: &Record, endpoint: Endpoint, first: bool) -> Option<Role> {
    let ends = &record.endpoints;
    match (ends.client == endpoint, ends.server == endpoint) {
        (true, true) => Some(if first { Role::Client } else { Role::Server }),
        (true, false) => Some(Role::Client),
        (false, true) => Some(Role::Server),
        (false, false) => None,
    }
}

/// The states that one end was in, without those nobody can see: LISTEN and what came before the first segment.
pub fn standing_states(record: &Record, role: Role) -> Vec<State> {
    let mut states: Vec<State> = record.path(role).map(|t| t.to).filter(|s| *s != State::Listen).collect();
    states.dedup();
    states
}

/// The labels of the opening and the shape of the close, as words.
pub fn shape_words(record: &Record) -> BTreeSet<String> {
    let mut words: BTreeSet<String> =
        record.open.labels.iter().filter(|s| **s != OpenShape::ThreeWay).map(word).collect();
    if record.open.shape != OpenShape::ThreeWay {
        words.insert(word(&record.open.shape));
    }
    if record.close.shape != CloseShape::None {
        words.insert(word(&record.close.shape));
    }
    words
}

/// How serde writes a unit variant.
pub fn word<T: serde::Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(s)) => s,
        other => panic!("not a word: {other:?}"),
    }
}

fn record_story(r: &Record, zero: Timestamp, name: &dyn Fn(Endpoint) -> String) -> Vec<String> {
    let who = |role: Role| name(*r.endpoints.of(role));
    let state = |role: Role| -> (State, Certainty) { (*r.state.of(role), *r.certainty.of(role)) };
    let mut both = [Role::Client, Role::Server].map(|role| format!("{} {:?}", who(role), state(role)));
    both.sort();
    let mut lines = vec![format!("record {} | {}", both[0], both[1])];
    lines.extend(r.transitions.iter().map(|t| {
        let at = t.at.since(zero).0;
        let undone = t.rolled_back.is_some();
        let why = word(&t.reason);
        format!(
            "  {at} {} {}>{} {why} {} {} {undone}",
            who(t.endpoint),
            t.from,
            t.to,
            t.flags,
            t.certainty.letter()
        )
    }));
    lines.push(format!("  shapes {:?} {:?} {:?}", shape_words(r), r.open.outcome, r.close.outcome));
    lines.extend(r.time_wait.iter().map(|w| {
        let end = match w.end_kind {
            TimeWaitEnd::Censored => None,
            _ => w.end.map(|e| e.since(zero).0),
        };
        let start = w.start.since(zero).0;
        format!("  wait {} {start} {end:?} {:?} restarts {}", who(w.endpoint), w.end_kind, w.restart_count)
    }));
    lines
}
