//! `--format json`: one document, indented, written straight from the report.

use std::io::{self, Write};

use super::document::{Document, Places};
use super::layout::Layout;
use crate::report::Report;

/// Writes the document and a line end.
///
/// # Errors
/// The writer's.
pub fn write(report: &Report, layout: &Layout, out: &mut dyn Write) -> io::Result<()> {
    let places = Places::new(&report.inputs);
    serde_json::to_writer_pretty(&mut *out, &Document::new(report, layout, &places))?;
    out.write_all(b"\n")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::report::{Bounds, Collector, sample};

    fn document() -> Value {
        let mut bytes = Vec::new();
        write(&sample::report(), &Layout::default(), &mut bytes).expect("memory takes all");
        serde_json::from_slice(&bytes).expect("JSON")
    }

    #[test]
    fn a_connection_reads_as_the_interface_says() {
        let doc = document();
        let c = &doc["connections"][0];
        assert_eq!(c["client"], json!({"addr": "10.0.0.1", "port": 40000}));
        assert_eq!(c["first"], "2026-11-22T10:00:00.000000000Z");
        assert_eq!(c["duration_ns"], 1_030_000_000);
        assert_eq!(c["state"], json!({"client": "TIME_WAIT", "server": "CLOSED"}));
        assert_eq!(c["transitions"][0]["flags"], "000010");
        assert_eq!(c["transitions"][0]["flags_text"], "S");
        assert_eq!(c["close"]["active_closer"], "client");
        assert_eq!(c["time_wait"][0]["end"], Value::Null);
        assert_eq!(
            c["overhead"],
            json!({"segments_without_payload": 9, "share": 0.8182, "setup_ns": 20_000_000, "teardown_ns": 30_000_000})
        );
        assert_eq!(c["wireshark"], json!({"stream": 0, "completeness": 31, "filter": "tcp.stream eq 0"}));
        assert_eq!(c["to_server"]["rtt_ns"], json!({"min": null, "mean": null, "max": null, "samples": 0}));
        assert_eq!(c["findings"], json!(["HS002"]));
    }

    #[test]
    fn what_is_not_known_is_null() {
        let doc = document();
        let c = &doc["connections"][1];
        assert_eq!(c["class"], Value::Null);
        assert_eq!(c["wireshark"]["stream"], Value::Null);
        assert_eq!(c["half_open"]["end"], Value::Null);
        assert_eq!(c["open"]["labels"], json!(["half-open-at-end"]));
        assert!(c["wireshark"]["filter"].as_str().is_some_and(|f| f.contains("ipv6.src == 2001:db8::1")));
    }

    #[test]
    fn a_finding_says_where_to_look() {
        let doc = document();
        let f = &doc["findings"][0];
        assert_eq!(f["filter"], "frame.number in {3,7}");
        assert_eq!(f["file"], "a.pcap");
        assert_eq!(f["evidence"], json!({"expected_ack": 101, "ack": 91}));
        assert_eq!(doc["summary"]["skipped"]["not-ip"], 2);
        assert_eq!(doc["summary"]["skipped"]["fragment"], 0);
    }

    #[test]
    fn nothing_read_is_a_document_too() {
        let empty = Collector::new(Bounds::default()).finish(&[], Default::default());
        let mut bytes = Vec::new();
        write(&empty, &Layout::default(), &mut bytes).expect("memory takes all");
        let doc: Value = serde_json::from_slice(&bytes).expect("JSON");
        assert_eq!(doc["connections"], json!([]));
        assert_eq!(doc["schema_version"], 1);
    }
}
