//! `Report`: what is reported of an input, and `Collector`, the sink that keeps one within a bound.

mod collector;
mod columns;
mod condition;
mod frames;
mod ladder;
mod measure;
mod near;
#[cfg(test)]
pub(crate) mod sample;
mod value;
mod words;

pub use collector::{Bounds, Collector};
pub use columns::{COLUMNS, Column, Direction, Sort, UnknownColumn};
pub use condition::{BOTH_ENDS, BothEnds, Bound, Condition, Fault, Kept, Op, span};
pub use frames::Frames;
pub use ladder::{Count, Fold, Ladder, Mark, NotThere, Pick, Picker, Row, Rows, Sent};
pub use measure::{overhead_share, setup, time_wait_total, without_payload};
pub use near::{did_you_mean, nearest, rule_meant};
pub use value::{Kind, Unit, Value};
pub use words::{Word, words};

use crate::engine::{Client, Host, Listener, Summary};
use crate::rules::{Finding, Severity};
use crate::source::Input;
use crate::track::Record;

/// All that is reported of an input, kept within [`Bounds`]; the summary says what did not fit.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    /// What was read, in the order of reading.
    pub inputs: Vec<Input>,
    /// Counts over all that was read, connections and findings left out included.
    pub summary: Summary,
    /// Connections, by id.
    pub connections: Vec<Connection>,
    /// Listeners, by address and port.
    pub listeners: Vec<Listener>,
    /// Clients, by address.
    pub clients: Vec<Client>,
    /// Holders of TIME_WAIT, by address.
    pub hosts: Vec<Host>,
    /// Findings, about one connection and about more, by first frame, then rule.
    pub findings: Vec<Finding>,
}

/// One connection of a report.
#[derive(Clone, Debug, PartialEq)]
pub struct Connection {
    /// What was seen of it.
    pub record: Record,
    /// Rules that had something to say about it: each once, worst first, then by rule id.
    pub rules: Vec<(Severity, &'static str)>,
}

impl Connection {
    /// A connection and what the rules say of it.
    pub fn new(record: Record, findings: &[Finding]) -> Self {
        Self { record, rules: rules_of(findings) }
    }

    /// The worst severity of its findings.
    pub fn worst(&self) -> Option<Severity> {
        self.rules.first().map(|(severity, _)| *severity)
    }
}

impl Report {
    /// Connections in the order wanted, the first `top` of them.
    pub fn view(&self, sort: Option<&Sort>, top: Option<usize>) -> Vec<&Connection> {
        let mut view: Vec<_> = self.connections.iter().collect();
        if let Some(sort) = sort {
            view.sort_by(|a, b| sort.compare(a, b));
        }
        view.truncate(top.unwrap_or(usize::MAX));
        view
    }
}

/// Each rule once, worst first, then by rule id.
pub fn rules_of(findings: &[Finding]) -> Vec<(Severity, &'static str)> {
    let mut rules: Vec<_> = findings.iter().map(|f| (f.severity, f.rule)).collect();
    rules.sort_by(|a, b| (a.1, b.0).cmp(&(b.1, a.0)));
    rules.dedup_by_key(|(_, rule)| *rule);
    rules.sort_by(|a, b| (b.0, a.1).cmp(&(a.0, b.1)));
    rules
}
