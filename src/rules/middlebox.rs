//! Whether options do not fit because a device between changes them: then one server departs alike toward many (OP003).

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::Severity;
use super::counter::Table;
use super::finding::Finding;
use super::registry::{Detector, Review, Seen};
use crate::config::RuleConfig;
use crate::tcp::Endpoint;
use crate::track::{Departure, Fact, Kind, Record};

/// Looks at OP003 again.
pub(super) const REVIEW: Review = Review { wants: &[Kind::Departed], make: middlebox };

fn middlebox(config: &RuleConfig) -> Box<dyn Detector> {
    let enough = config.thresholds.middlebox_clients.max(1) as usize;
    Box::new(Middlebox { enough, table: Table::new(MAX_SERVERS) })
}

/// Clients toward which something departed, by server and how.
#[derive(Debug)]
struct Middlebox {
    enough: usize,
    table: Table<(Endpoint, &'static str), BTreeSet<IpAddr>>,
}

/// Servers and ways remembered at once.
const MAX_SERVERS: usize = 1 << 12;

impl Detector for Middlebox {
    fn on_seen(&mut self, seen: &Seen, _say: &mut Vec<Finding>) {
        let (Fact::Departed { how }, Some(client)) = (seen.event.fact, seen.client) else { return };
        let key = (seen.endpoints[1 - client], variant(how));
        let clients = self.table.at_quietly(key, BTreeSet::new);
        if clients.len() < self.enough {
            clients.insert(seen.endpoints[client].addr);
        }
    }

    fn review(&mut self, record: &Record, findings: &mut [Finding]) {
        for finding in findings.iter_mut().filter(|f| f.rule == "OP003") {
            let Some(variant) = finding.variant else { continue };
            let clients = self.table.get(&(record.endpoints.server, variant)).map_or(0, |c| c.len());
            if clients >= self.enough {
                finding.severity = Severity::Note;
                finding.message +=
                    &format!("; so it is for {clients} clients or more of this server: a middlebox");
                finding.evidence.push(("middlebox", true.into()));
                finding.evidence.push(("clients", clients.into()));
            }
        }
    }
}

/// The variant of OP003 that says so.
pub(super) fn variant(how: Departure) -> &'static str {
    match how {
        Departure::NotOffered => "not-offered",
        Departure::TimestampsMissing => "timestamp-missing",
        Departure::SackNotPermitted => "sack-not-permitted",
        Departure::SackInverted => "sack-inverted",
        Departure::SackBeyond(_) => "sack-beyond",
    }
}
