//! `View`: what the screen shows, a bounded copy of what the engine knew at one moment.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::engine::{Glimpse, Listener, Moment};
use crate::output::Loss;
use crate::rules::{Finding, Severity};
use crate::source::Written;
use crate::tcp::{Duration, Endpoint, State, Timestamp};

/// Everything on the screen.
#[derive(Clone, Debug, Default)]
pub struct View {
    /// Interfaces, as the user named them.
    pub interfaces: String,
    /// The clock of the capture.
    pub clock: Timestamp,
    /// When it began.
    pub begun: Timestamp,
    /// What was captured and what was lost.
    pub loss: Loss,
    /// Packets a second.
    pub rate: u64,
    /// Where packets are written to, if anywhere.
    pub written: Option<Arc<Written>>,
    /// Ends by state, those with any.
    pub states: Vec<(State, u64)>,
    /// SYNs a second.
    pub syns: Curve,
    /// Half-open connections.
    pub half_open: Curve,
    /// Ends in TIME_WAIT.
    pub time_wait: Curve,
    /// Busiest listeners, at most `LISTENERS`.
    pub listeners: Vec<Row>,
    /// Connections with the latest packets, by id.
    pub connections: Vec<Glimpse>,
    /// The latest finding of each rule and severity, newest first, at most `FINDINGS`.
    pub findings: VecDeque<Told>,
    /// Attacks, the newest first, at most `ALARMS`.
    pub alarms: VecDeque<Alarm>,
    /// Attacks that go on and have no place among them.
    pub more_alarms: usize,
    /// Connections that were forgotten because there was no room.
    pub evicted: u64,
}

/// A figure over time: a value for each moment.
#[derive(Clone, Debug, Default)]
pub struct Curve {
    /// Oldest first, at most `POINTS`.
    pub points: VecDeque<u64>,
    /// The highest value ever.
    pub peak: u64,
}

impl Curve {
    /// The value now.
    pub fn now(&self) -> u64 {
        self.points.back().copied().unwrap_or_default()
    }

    fn push(&mut self, value: u64) {
        if self.points.len() == POINTS {
            self.points.pop_front();
        }
        self.points.push_back(value);
        self.peak = self.peak.max(value);
    }
}

/// A listener.
#[derive(Clone, Debug)]
pub struct Row {
    /// Its address and port.
    pub endpoint: Endpoint,
    /// Half-open connections now.
    pub half_open: u64,
    /// Most of them at once.
    pub peak: u64,
    /// What they are judged against, where the user gave it.
    pub backlog: Option<u64>,
    /// SYN+ACKs that began a handshake.
    pub answered: u64,
    /// Handshakes completed.
    pub completed: u64,
}

/// A finding.
#[derive(Clone, Debug)]
pub struct Told {
    /// When it was true.
    pub at: Timestamp,
    /// How bad.
    pub severity: Severity,
    /// Rule id.
    pub rule: &'static str,
    /// The connection, if it is about one.
    pub connection: Option<u64>,
    /// One sentence.
    pub message: String,
    /// How often the rule has spoken with this severity.
    pub count: u64,
}

/// An attack.
#[derive(Clone, Debug)]
pub struct Alarm {
    /// Rule id.
    pub rule: &'static str,
    /// Rule name.
    pub name: &'static str,
    /// What it is about.
    pub key: Option<String>,
    /// One sentence.
    pub message: String,
    /// When it began.
    pub since: Timestamp,
    /// When it was last heard of.
    pub last: Timestamp,
    /// When it ended, as far as anybody said so.
    pub end: Option<Timestamp>,
}

impl Alarm {
    /// Whether it goes on: nobody said it ended, and it was heard of not long ago.
    pub fn goes_on(&self, clock: Timestamp) -> bool {
        self.end.is_none() && clock.since(self.last) < SILENCE
    }
}

impl View {
    /// Takes in how things stand.
    pub fn update(&mut self, m: &Moment<'_>, syns_before: u64) {
        let passed =
            if self.clock == Timestamp::default() { Duration::ZERO } else { m.clock.since(self.clock) };
        let rate = |n: u64| match passed.0 {
            ..=0 => 0,
            ns => (n as f64 * 1e9 / ns as f64).round() as u64,
        };
        let loss = Loss::of(m.inputs);
        self.rate = rate(loss.packets.saturating_sub(self.loss.packets));
        self.syns.push(rate(m.syns.saturating_sub(syns_before)));
        self.half_open.push(m.summary.half_open.now);
        self.time_wait.push(m.summary.time_wait.now);
        if self.begun == Timestamp::default() {
            self.begun = m.clock;
        }
        (self.clock, self.loss) = (m.clock, loss);
        self.evicted = m.summary.limits.evicted_connections;
        self.states = State::ALL.iter().map(|s| (*s, m.states.of(*s))).filter(|(_, n)| *n > 0).collect();
        self.listeners = busiest(m.listeners);
        self.connections = m.connections.to_vec();
        let alarms: Vec<&Finding> = m.going_on.iter().filter(|f| is_attack(f)).collect();
        self.more_alarms = alarms.len().saturating_sub(ALARMS);
        // The gravest comes to stand in front.
        alarms.iter().take(ALARMS).rev().for_each(|finding| self.alarm(finding));
    }

    /// Takes in a finding.
    pub fn hear(&mut self, finding: &Finding) {
        if is_attack(finding) {
            self.alarm(finding);
        }
        let same = |t: &Told| t.rule == finding.rule && t.severity == finding.severity;
        let before = self.findings.iter().position(same).and_then(|i| self.findings.remove(i));
        self.findings.truncate(FINDINGS - 1);
        self.findings.push_front(Told {
            at: finding.at,
            severity: finding.severity,
            rule: finding.rule,
            connection: finding.connection,
            message: finding.message.clone(),
            count: before.map_or(1, |t| t.count + 1),
        });
    }

    fn alarm(&mut self, finding: &Finding) {
        let same = |a: &Alarm| a.rule == finding.rule && a.key == finding.key;
        let before = self.alarms.iter().position(same).and_then(|i| self.alarms.remove(i));
        let since = finding.start.unwrap_or(finding.at);
        self.alarms.truncate(ALARMS - 1);
        self.alarms.push_front(Alarm {
            rule: finding.rule,
            name: finding.name,
            key: finding.key.clone(),
            message: finding.message.clone(),
            since: before.map_or(since, |a| a.since.min(since)),
            last: finding.end.unwrap_or(finding.at).max(self.clock),
            end: finding.end,
        });
    }
}

/// Whether a finding is about an attack: its family is AT, and it is worth a warning.
fn is_attack(finding: &Finding) -> bool {
    finding.rule.starts_with("AT") && finding.severity >= Severity::Warning
}

/// Those with the most half-open connections, then those with the most connections.
fn busiest(listeners: &[&Listener]) -> Vec<Row> {
    let row = |l: &&Listener| {
        let queue = l.queue.as_ref()?;
        Some(Row {
            endpoint: l.endpoint,
            half_open: queue.gauge.now,
            peak: queue.gauge.peak,
            backlog: l.backlog,
            answered: queue.gauge.total,
            completed: queue.completed,
        })
    };
    let mut rows: Vec<Row> = listeners.iter().filter_map(row).collect();
    rows.sort_unstable_by_key(|r| std::cmp::Reverse((r.half_open, r.answered, r.endpoint)));
    rows.truncate(LISTENERS);
    rows
}

/// Points of a curve: more than any terminal is wide.
pub const POINTS: usize = 512;
/// Listeners kept.
pub const LISTENERS: usize = 100;
/// Findings kept.
pub const FINDINGS: usize = 200;
/// Attacks kept.
pub const ALARMS: usize = 20;
/// An attack of which nothing was heard for so long is over.
const SILENCE: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn findings_are_bounded_and_repetitions_counted() {
        let mut view = View::default();
        for n in 0..1000 {
            view.hear(&sample::finding(if n % 2 == 0 { "HS002" } else { "TD001" }, n));
        }
        assert_eq!(view.findings.len(), 2);
        assert_eq!((view.findings[0].rule, view.findings[0].count), ("TD001", 500));
    }

    #[test]
    fn an_attack_is_an_alarm_until_it_ends() {
        let mut view = View::default();
        let mut finding = Finding { key: Some("10.0.0.2:80".into()), ..sample::finding("AT001", 3) };
        finding.severity = Severity::Warning;
        view.hear(&finding);
        view.clock = finding.at + Duration::from_secs(1);
        assert!(view.alarms[0].goes_on(view.clock));
        finding.end = Some(view.clock);
        view.hear(&finding);
        assert_eq!(view.alarms.len(), 1);
        assert!(!view.alarms[0].goes_on(view.clock));
    }
}
