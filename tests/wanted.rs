//! `--where`: the connections wanted, in every format, and what is said of a wrong condition.

use serde_json::Value;

use crate::support::program::{Ran, run};

#[test]
fn only_connections_that_are_meant_are_left() {
    let json = json(&run(["read", "samples/port-scan.pcap", "--json", "--where", "open == cancelled"]));
    let ports: Vec<_> =
        json["connections"].as_array().expect("a list").iter().map(|c| c["server"]["port"].clone()).collect();
    assert_eq!(ports.len(), 3);
    assert!([22, 25, 80].iter().all(|port| ports.contains(&(*port).into())), "{ports:?}");
    // What was read is told of all; findings are those of the connections left.
    assert_eq!(json["summary"]["connections"], 60);
    let findings = json["findings"].as_array().expect("a list");
    assert!(findings.iter().all(|f| f["connection"].is_null()), "{findings:?}");
}

#[test]
fn every_format_keeps_the_same_connections() {
    let lines = |format: &str| {
        let arguments = ["read", "samples/port-scan.pcap", "--format", format, "-Y", "port in {22 25 80}"];
        let ran = run(arguments);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        String::from_utf8_lossy(&ran.stdout).into_owned()
    };
    assert_eq!(lines("csv").lines().count(), 1 + 3);
    assert_eq!(lines("tsv").lines().count(), 1 + 3);
    assert_eq!(lines("markdown").lines().count(), 2 + 3);
    assert_eq!(lines("ndjson").matches("\"type\":\"connection\"").count(), 3);
    assert!(lines("table").contains("3 connections, where port in {22 25 80}"));
}

#[test]
fn findings_that_fail_are_those_of_the_connections_left() {
    let fails = |condition: &str| {
        run(["read", "samples/synack-bad-ack.pcap", "--fail-on", "error", "-Y", condition]).code
    };
    assert_eq!(fails("rule == HS002"), Some(1));
    assert_eq!(fails("rule != HS002"), Some(0));
}

#[test]
fn a_wrong_condition_is_shown_with_its_place() {
    let ran = run(["read", "samples/ecn.pcap", "--where", "port == 80 && stat == LISTEN"]);
    assert_eq!(ran.code, Some(2));
    let told = "error: --where: there is no column \"stat\"\n  port == 80 && stat == LISTEN\n                ^^^^\n\
                hint: did you mean state, ";
    assert!(ran.stderr.starts_with(told), "{}", ran.stderr);
}

fn json(ran: &Ran) -> Value {
    serde_json::from_slice(&ran.stdout).unwrap_or_else(|e| panic!("{e}: {ran:?}"))
}
