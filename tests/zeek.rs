//! Zeek's published conn.log rows: our `conn_state` and history letters are Zeek's.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde_json::Value;
use tcpscope::config::ChecksumPolicy;
use tcpscope::tcp::Endpoint;
use tcpscope::track::Record;

use crate::support::captures::{analyze, json_lines, pair, pair_of, with_checksums};
use crate::support::known::{against_known, faults, no_complaints};
use crate::support::run::Seen;
use crate::support::shared::shared;

#[test]
fn state_and_history_are_zeeks() {
    let Some(folder) = shared("zeek").map(|s| s.join("captures")) else { return };
    let rows: Vec<Row> =
        json_lines(&folder.join("truth/zeek_truth.jsonl.gz")).iter().filter_map(Row::complete).collect();
    assert!(rows.len() >= 70, "only {} complete rows", rows.len());
    let mut runs: BTreeMap<(String, bool), Result<Seen, String>> = BTreeMap::new();
    let mut found = BTreeMap::new();
    for row in &rows {
        let run = runs.entry((row.capture.clone(), row.ignore_checksums)).or_insert_with(|| {
            let policy = if row.ignore_checksums { ChecksumPolicy::Ignore } else { ChecksumPolicy::Verify };
            analyze(&folder.join(&row.capture), &with_checksums(policy)).map_err(|e| e.to_string())
        });
        let difference = match run {
            Ok(seen) => row.difference(seen),
            Err(error) => Some(error.clone()),
        };
        found.extend(difference.map(|d| (row.key(), d)));
    }
    let equal = rows.len() - faults("zeek", &found);
    eprintln!("zeek: {equal} of {} rows equal or explained by Zeek alone", rows.len());
    no_complaints("zeek (ours | Zeek's)", &against_known("zeek", &found));
    assert!(equal * 100 >= rows.len() * 95, "zeek: fewer than 95 % equal");
}

/// One row of conn.log that says everything about the only connection of its endpoints.
struct Row {
    capture: String,
    ignore_checksums: bool,
    bare: bool,
    originator: Endpoint,
    responder: Endpoint,
    state: String,
    history: String,
}

impl Row {
    fn complete(row: &Value) -> Option<Self> {
        if row["partial"].as_bool() == Some(true) || row["rows_for_these_endpoints"].as_u64() != Some(1) {
            return None;
        }
        let text = |key: &str| row[key].as_str().unwrap_or_else(|| panic!("{key} of {row}")).to_string();
        let flag = |key: &str| row[key].as_bool().unwrap_or_else(|| panic!("{key} of {row}"));
        let end = |who: &str| {
            let addr: IpAddr = text(&format!("id.{who}_h")).parse().unwrap_or_else(|e| panic!("{row}: {e}"));
            let port = row[format!("id.{who}_p")].as_u64().and_then(|p| u16::try_from(p).ok());
            Endpoint::new(addr, port.unwrap_or_else(|| panic!("{row}")))
        };
        Some(Self {
            capture: text("capture"),
            ignore_checksums: flag("ignore_checksums"),
            bare: flag("bare"),
            originator: end("orig"),
            responder: end("resp"),
            state: text("conn_state"),
            history: text("history"),
        })
    }

    fn key(&self) -> String {
        let mode = if self.bare { "bare" } else { "default" };
        format!("{}\t{}\t{}\t{mode}", self.capture, self.originator, self.responder)
    }

    fn difference(&self, seen: &Seen) -> Option<String> {
        let ends = pair(self.originator, self.responder);
        let records: Vec<&Record> = seen.records.iter().filter(|r| pair_of(r) == ends).collect();
        let [record] = records[..] else { return Some(format!("{} records | 1 row", records.len())) };
        let wanted = (self.originator, self.state.as_str(), self.history.as_str());
        let got = (record.endpoints.client, record.zeek_state, record.zeek_history.as_str());
        (got != wanted)
            .then(|| format!("{} {} {} | {} {} {}", got.0, got.1, got.2, wanted.0, wanted.1, wanted.2))
    }
}
