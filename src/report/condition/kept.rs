//! `Kept`: a sink before a sink that lets through the connections a condition means, with their findings.

use std::ops::ControlFlow;

use super::Condition;
use crate::engine::{Ask, Client, Findings, Happening, Host, Listener, Moment, Sink, TakenSegment, Wishes};
use crate::report::Connection;
use crate::rules::{Finding, Severity};
use crate::tcp::Timestamp;
use crate::track::Record;

/// Lets through what is meant. Findings about more than one connection, listeners, clients and hosts pass: they are
/// about all that was read.
pub struct Kept<'a> {
    condition: Option<&'a Condition>,
    inner: &'a mut dyn Sink,
    findings: Findings,
}

impl<'a> Kept<'a> {
    /// Before `inner`; without a condition all passes.
    pub fn new(condition: Option<&'a Condition>, inner: &'a mut dyn Sink) -> Self {
        Self { condition, inner, findings: Findings::default() }
    }

    /// Findings that passed.
    pub fn findings(&self) -> Findings {
        self.findings
    }

    fn count(&mut self, finding: &Finding) {
        match finding.severity {
            Severity::Error => self.findings.error += 1,
            Severity::Warning => self.findings.warning += 1,
            Severity::Note => self.findings.note += 1,
        }
    }
}

impl Sink for Kept<'_> {
    fn connection(&mut self, record: &Record, findings: &[Finding]) -> ControlFlow<()> {
        let meant = self.condition.is_none_or(|c| c.holds(&Connection::new(record.clone(), findings)));
        if !meant {
            return ControlFlow::Continue(());
        }
        findings.iter().for_each(|finding| self.count(finding));
        self.inner.connection(record, findings)
    }

    fn finding(&mut self, finding: &Finding) -> ControlFlow<()> {
        self.count(finding);
        self.inner.finding(finding)
    }

    fn listener(&mut self, listener: &Listener) -> ControlFlow<()> {
        self.inner.listener(listener)
    }

    fn client(&mut self, client: &Client) -> ControlFlow<()> {
        self.inner.client(client)
    }

    fn host(&mut self, host: &Host) -> ControlFlow<()> {
        self.inner.host(host)
    }

    fn wishes(&self) -> Wishes {
        self.inner.wishes()
    }

    /// Whether a connection is meant can be said when it has ended; until then all is told.
    fn happening(&mut self, happening: &Happening) -> ControlFlow<()> {
        self.inner.happening(happening)
    }

    fn draft(&mut self, finding: &Finding) -> ControlFlow<()> {
        self.inner.draft(finding)
    }

    fn asks(&mut self, clock: Timestamp) -> Ask {
        self.inner.asks(clock)
    }

    fn moment(&mut self, moment: &Moment<'_>) -> ControlFlow<()> {
        self.inner.moment(moment)
    }

    fn segment(&mut self, taken: &TakenSegment) -> ControlFlow<()> {
        self.inner.segment(taken)
    }

    fn progress(&mut self, packets: u64) -> ControlFlow<()> {
        self.inner.progress(packets)
    }
}
