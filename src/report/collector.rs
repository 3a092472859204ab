//! `Collector`: a sink that keeps a report within its bounds and counts what did not fit.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use super::{Connection, Report};
use crate::engine::{Client, Host, Listener, Sink, Summary};
use crate::rules::Finding;
use crate::source::Input;
use crate::track::{OpenOutcome, Record};

/// How much of an analysis a report keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Connections; those that end first are kept.
    pub connections: usize,
    /// Of these, attempts that came to nothing: a flood or a scan leaves room for the rest.
    pub attempts: usize,
    /// Findings about one connection.
    pub findings: usize,
    /// Findings of one rule, so that a rule that speaks about every packet leaves room for the others.
    pub of_one_rule: usize,
}

impl Default for Bounds {
    /// A million connections and findings take about 2 GiB of memory when full; a quarter of a million attempts,
    /// 256 MiB; a hundred thousand findings of one rule, 80 MiB.
    fn default() -> Self {
        Self { connections: 1_000_000, attempts: 250_000, findings: 1_000_000, of_one_rule: 100_000 }
    }
}

/// Keeps what an analysis says.
#[derive(Debug)]
pub struct Collector {
    bounds: Bounds,
    report: Report,
    attempts: usize,
    /// Findings kept about one connection, and those of each rule.
    findings: usize,
    of_rule: BTreeMap<&'static str, usize>,
    dropped_connections: u64,
    dropped_findings: u64,
}

impl Collector {
    /// An empty collector.
    pub fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            report: Report::default(),
            attempts: 0,
            findings: 0,
            of_rule: BTreeMap::new(),
            dropped_connections: 0,
            dropped_findings: 0,
        }
    }

    /// The report, in its order, with what the engine counted.
    pub fn finish(self, inputs: &[Input], summary: Summary) -> Report {
        let mut report = self.report;
        report.inputs = inputs.to_vec();
        report.summary = summary;
        report.summary.limits.dropped_connections += self.dropped_connections;
        report.summary.limits.dropped_findings += self.dropped_findings;
        report.connections.sort_by_key(|c| c.record.id);
        report.findings.sort_by(|a, b| order(a).cmp(&order(b)));
        report
    }
}

impl Sink for Collector {
    fn connection(&mut self, record: &Record, findings: &[Finding]) -> ControlFlow<()> {
        let is_attempt = !matches!(record.open.outcome, OpenOutcome::Complete | OpenOutcome::NotCaptured);
        let has_room = self.report.connections.len() < self.bounds.connections;
        if has_room && (!is_attempt || self.attempts < self.bounds.attempts) {
            self.attempts += usize::from(is_attempt);
            self.report.connections.push(Connection::new(record.clone(), findings));
        } else {
            self.dropped_connections += 1;
        }
        findings.iter().try_for_each(|finding| self.finding(finding))
    }

    fn finding(&mut self, finding: &Finding) -> ControlFlow<()> {
        let about_one = finding.connection.is_some();
        let of_rule = self.of_rule.entry(finding.rule).or_default();
        // What concerns many connections, an attack first of all, comes late and is never crowded out by theirs.
        if *of_rule < self.bounds.of_one_rule && (!about_one || self.findings < self.bounds.findings) {
            *of_rule += 1;
            self.findings += usize::from(about_one);
            self.report.findings.push(finding.clone());
        } else {
            self.dropped_findings += 1;
        }
        ControlFlow::Continue(())
    }

    fn listener(&mut self, listener: &Listener) -> ControlFlow<()> {
        self.report.listeners.push(listener.clone());
        ControlFlow::Continue(())
    }

    fn client(&mut self, client: &Client) -> ControlFlow<()> {
        self.report.clients.push(client.clone());
        ControlFlow::Continue(())
    }

    fn host(&mut self, host: &Host) -> ControlFlow<()> {
        self.report.hosts.push(host.clone());
        ControlFlow::Continue(())
    }
}

/// By first frame, then rule; the rest makes the order total for findings that differ.
fn order(f: &Finding) -> impl Ord {
    (f.frames.first().copied(), f.rule, f.connection, f.endpoint, f.at, f.variant, f.key.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    fn bounds(connections: usize, attempts: usize, findings: usize) -> Bounds {
        Bounds { connections, attempts, findings, of_one_rule: 2 }
    }

    #[test]
    fn a_rule_that_speaks_often_leaves_room_for_the_others() {
        let mut collector = Collector::new(bounds(9, 9, 3));
        let about_all = Finding { connection: None, ..sample::finding("AT001", 9) };
        for rule in ["HS009", "HS009", "HS009", "HS002", "TD001"] {
            let _ = collector.finding(&sample::finding(rule, 3));
        }
        let _ = collector.finding(&about_all);
        let report = collector.finish(&[], Summary::default());
        let rules: Vec<_> = report.findings.iter().map(|f| f.rule).collect();
        assert_eq!(rules, ["HS002", "HS009", "HS009", "AT001"]);
        assert_eq!(report.summary.limits.dropped_findings, 2);
    }

    #[test]
    fn what_does_not_fit_is_counted() {
        let mut collector = Collector::new(bounds(1, 1, 1));
        let finding = sample::finding("HS002", 7);
        for id in [9, 3] {
            let _ = collector.connection(&sample::graceful(id), std::slice::from_ref(&finding));
        }
        let report = collector.finish(&[], Summary::default());
        assert_eq!(report.connections.len(), 1);
        assert_eq!(report.findings.len(), 1);
        assert_eq!(report.summary.limits.dropped_connections, 1);
        assert_eq!(report.summary.limits.dropped_findings, 1);
    }

    #[test]
    fn attempts_leave_room_for_connections() {
        let mut collector = Collector::new(bounds(3, 1, 1));
        for record in [sample::half_open(1), sample::half_open(2), sample::graceful(3), sample::half_open(4)]
        {
            let _ = collector.connection(&record, &[]);
        }
        let report = collector.finish(&[], Summary::default());
        let ids: Vec<_> = report.connections.iter().map(|c| c.record.id).collect();
        assert_eq!((ids, report.summary.limits.dropped_connections), (vec![1, 3], 2));
    }

    #[test]
    fn order_does_not_follow_the_order_of_arrival() {
        let mut collector = Collector::new(Bounds::default());
        let late = [sample::finding("TD001", 9), sample::finding("HS002", 9)];
        let _ = collector.connection(&sample::graceful(8), &late);
        let _ = collector.connection(&sample::graceful(2), &[sample::finding("TD001", 3)]);
        let report = collector.finish(&[], Summary::default());
        let ids: Vec<_> = report.connections.iter().map(|c| c.record.id).collect();
        let rules: Vec<_> = report.findings.iter().map(|f| (f.frames[0], f.rule)).collect();
        assert_eq!(ids, [2, 8]);
        assert_eq!(rules, [(3, "TD001"), (9, "HS002"), (9, "TD001")]);
    }
}
