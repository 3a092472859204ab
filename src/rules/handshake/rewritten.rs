//! Whether SYN+ACKs acknowledge the wrong number because a device rewrites sequence numbers (HS002).
//!
//! Such a device adds the same to the numbers of one side; seen on the other side of it, each connection is off by
//! that. Two ends alone never agree so.

use std::collections::BTreeSet;

use crate::config::RuleConfig;
use crate::rules::Severity;
use crate::rules::counter::Table;
use crate::rules::finding::Finding;
use crate::rules::registry::{Detector, Review, Seen};
use crate::track::{Fact, Kind, Record};

/// Looks at HS002 again.
pub(super) const REVIEW: Review = Review { wants: &[Kind::SynAckWrongAck], make: rewritten };

fn rewritten(config: &RuleConfig) -> Box<dyn Detector> {
    let enough = config.thresholds.rewrite_connections.max(1) as usize;
    Box::new(Rewritten { enough, table: Table::new(MAX_DIFFERENCES) })
}

/// Connections by how far off the acknowledgment was.
#[derive(Debug)]
struct Rewritten {
    enough: usize,
    table: Table<i32, BTreeSet<u64>>,
}

/// Differences remembered at once: 1 MiB at most.
const MAX_DIFFERENCES: usize = 1 << 12;

impl Detector for Rewritten {
    fn on_seen(&mut self, seen: &Seen, _say: &mut Vec<Finding>) {
        let Fact::SynAckWrongAck { expected, ack } = seen.event.fact else { return };
        let connections = self.table.at_quietly(ack.distance(expected), BTreeSet::new);
        if connections.len() < self.enough {
            connections.insert(seen.connection);
        }
    }

    fn review(&mut self, _record: &Record, findings: &mut [Finding]) {
        for finding in findings.iter_mut().filter(|f| f.rule == "HS002") {
            let difference = finding.number("difference").and_then(|d| i32::try_from(d).ok());
            // Off by one is a server that does not count the SYN.
            let Some(difference) = difference.filter(|d| d.unsigned_abs() > 1) else { continue };
            let alike = self.table.get(&difference).map_or(0, |c| c.len());
            if alike >= self.enough {
                lower(finding, difference, alike);
            }
        }
    }
}

fn lower(finding: &mut Finding, difference: i32, alike: usize) {
    finding.severity = Severity::Note;
    finding.variant = Some("sequence-rewriting");
    finding.message = format!(
        "the SYN+ACK acknowledges a number that is off by {difference}, as with {alike} connections or more: a device rewrites sequence numbers beside the capture point"
    );
    finding.evidence.push(("connections_alike", alike.into()));
}
