//! `tcpscope diff`: what changed between two captures, as text and as JSON, and when it is worse.

use serde_json::Value;

use crate::support::known::no_complaints;
use crate::support::program::{Ran, run};

#[test]
fn the_same_traffic_is_no_difference() {
    let ran = run(["diff", "samples/handshake-and-close.pcap", "samples/handshake-and-close.pcap.gz"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(text(&ran).ends_with("\nno difference\n"), "{}", text(&ran));
}

#[test]
fn worse_is_1_and_the_other_way_round_is_not() {
    let (good, bad) = ("samples/handshake-and-close.pcap", "samples/synack-bad-ack.pcap");
    let ran = run(["diff", good, bad]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(text(&ran).contains("B is worse than A: HS002"), "{}", text(&ran));
    let ran = run(["diff", bad, good]);
    assert_eq!(ran.code, Some(0), "{}", text(&ran));
    assert!(text(&ran).contains("B is not worse than A"), "{}", text(&ran));
}

#[test]
fn the_tolerance_says_what_is_no_change() {
    // A millisecond of distance against five: handshakes take longer.
    let slower = ["diff", "samples/many-short-connections.pcap", "samples/long-pooled-connection.pcap"];
    assert_eq!(run([&slower[..], &["--select", "HS002"]].concat()).code, Some(1));
    assert_eq!(run([&slower[..], &["--select", "HS002", "--tolerance", "5000%"]].concat()).code, Some(0));
    assert_eq!(run([&slower[..], &["--tolerance", "some"]].concat()).code, Some(2));
}

#[test]
fn the_json_is_what_its_schema_says() {
    let ran = run(["diff", "samples/syn-flood-cookies.pcap", "samples/syn-flood.pcap", "--json"]);
    let document: Value = serde_json::from_slice(&ran.stdout).expect("JSON");
    let schema: Value = serde_json::from_slice(&run(["schema", "diff"]).stdout).expect("JSON");
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    let errors: Vec<_> = validator.iter_errors(&document).map(|e| e.to_string()).collect();
    no_complaints("schema", &errors);
    assert_eq!(document["worse"], true);
    let figure = |name: &str| {
        let figures = document["figures"].as_array().expect("a list");
        figures.iter().find(|figure| figure["name"] == name).cloned().unwrap_or_default()
    };
    assert_eq!((figure("complete")["a"].as_u64(), figure("complete")["b"].as_u64()), (Some(10), Some(0)));
    assert_eq!(figure("completion")["leaning"], "worse");
    assert_eq!(figure("handshake_p95")["b"], Value::Null);
}

#[test]
fn what_can_not_be_read_is_3() {
    assert_eq!(run(["diff", "samples/ecn.pcap", "samples/nowhere.pcap"]).code, Some(3));
    let cut = ["diff", "samples/ecn.pcap", "samples/cut-inside.pcap"];
    assert!(run(cut).stderr.contains("warning: "));
    assert_eq!(run([&cut[..], &["--strict"]].concat()).code, Some(3));
}

fn text(ran: &Ran) -> String {
    String::from_utf8_lossy(&ran.stdout).into_owned()
}
