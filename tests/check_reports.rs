//! Reports of `tcpscope check`: their exact bytes, and that those they are for can read them.

use std::path::Path;

use serde_json::{Value, json};

use crate::support::known::no_complaints;
use crate::support::program::{Ran, root, run, run_with, scratch};

#[test]
fn every_report_gives_its_golden_bytes_for_any_number_of_threads() {
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    let mut wrong = Vec::new();
    for kind in ["junit", "sarif", "github", "gitlab", "json", "markdown"] {
        let report = format!("{kind}=-");
        let arguments = [&CHECK[..], &["--report", &report]].concat();
        let once = run(&arguments);
        assert_eq!(once.code, Some(1), "{}", text(&once));
        for threads in ["1", "5"] {
            let again = run([&arguments[..], &["--threads", threads]].concat());
            assert!(once.stdout == again.stdout, "{kind} differs with {threads} threads");
        }
        let golden = root().join(format!("tests/check/golden/{kind}"));
        let own = format!("\"{}\"", env!("CARGO_PKG_VERSION"));
        let bytes = text(&once).replace(&own, "\"VERSION\"");
        if update {
            std::fs::create_dir_all(golden.parent().expect("a folder")).expect("the golden folder");
            std::fs::write(&golden, &bytes).expect("the golden folder can be written");
        } else if std::fs::read_to_string(&golden).unwrap_or_default() != bytes {
            wrong.push(format!("{kind}: not as in {}:\n{bytes}", golden.display()));
        }
        let forbidden = [root().to_str().expect("text"), "localhost", "/tmp"];
        wrong.extend(
            forbidden.iter().filter(|word| bytes.contains(**word)).map(|word| format!("{kind}: {word}")),
        );
    }
    no_complaints("reports (UPDATE_GOLDEN=1 rewrites them)", &wrong);
}

#[test]
fn sarif_is_valid_and_every_result_has_a_relative_place() {
    let log: Value = serde_json::from_str(&report("sarif")).expect("JSON");
    valid(&sarif_schema(), &log);
    let results = log["runs"][0]["results"].as_array().expect("results");
    assert!(results.len() >= 4, "{results:#?}");
    let mut fingerprints = std::collections::BTreeSet::new();
    for result in results {
        let place = &result["locations"][0]["physicalLocation"];
        let uri = place["artifactLocation"]["uri"].as_str().expect("a place");
        assert!(!uri.starts_with('/') && !uri.contains(':') && !uri.contains(".."), "{uri}");
        assert!(place["region"]["startLine"].as_u64().is_some_and(|line| line > 0));
        let fingerprint = result["partialFingerprints"]["primaryLocationLineHash"].to_string();
        assert!(fingerprints.insert(fingerprint), "not unique: {result}");
    }
    // The schema itself must be able to refuse.
    let mut broken = log.clone();
    broken["runs"][0]["results"][0]["level"] = json!("terrible");
    assert!(!jsonschema::is_valid(&sarif_schema(), &broken));
}

#[test]
fn junit_is_valid() {
    let folder = scratch("junit");
    let schema = root().join("tests/schemas/junit-10.xsd");
    let file = folder.join("report.xml");
    std::fs::write(&file, report("junit")).expect("our own folder");
    let Some(done) = xmllint(&schema, &file) else { return };
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    // The schema itself must be able to refuse.
    std::fs::write(&file, report("junit").replace("<testcase name", "<testcase nom"))
        .expect("our own folder");
    assert!(!xmllint(&schema, &file).expect("it was there before").status.success());
}

#[test]
fn the_json_report_is_what_its_schema_says() {
    let document: Value = serde_json::from_str(&report("json")).expect("JSON");
    valid(&schema("check"), &document);
    assert_eq!(document["failed"], 4);
    assert_eq!(document["captures"].as_array().map(Vec::len), Some(5));
}

#[test]
fn gitlab_has_what_it_asks_for() {
    let list: Value = serde_json::from_str(&report("gitlab")).expect("JSON");
    let entries = list.as_array().expect("a list");
    let mut fingerprints = std::collections::BTreeSet::new();
    for entry in entries {
        let texts = ["description", "check_name", "fingerprint"].map(|key| entry[key].as_str());
        assert!(texts.iter().all(|text| text.is_some_and(|text| !text.is_empty())), "{entry}");
        let severity = entry["severity"].as_str().expect("a word");
        assert!(["info", "minor", "major", "critical", "blocker"].contains(&severity));
        assert!(entry["location"]["lines"]["begin"].as_u64().is_some_and(|line| line > 0));
        assert!(fingerprints.insert(entry["fingerprint"].to_string()), "not unique: {entry}");
    }
    assert!(!entries.is_empty());
}

#[test]
fn github_gets_annotations_and_a_summary() {
    let summary = scratch("github").join("summary.md");
    std::fs::write(&summary, "before\n").expect("our own folder");
    let path = summary.to_str().expect("text");
    let ran = run_with([&CHECK[..], &["--report", "github"]].concat(), &[("GITHUB_STEP_SUMMARY", path)]);
    let annotations: Vec<_> =
        text(&ran).lines().filter(|line| line.starts_with("::")).map(String::from).collect();
    assert!(
        annotations.iter().any(|a| a.starts_with("::error file=samples/synack-bad-ack.pcap,title=HS002 "))
    );
    assert!(annotations.iter().any(|a| a.starts_with("::error file=tests/check/policy.toml,line=")));
    let summary = read(&summary);
    assert!(summary.starts_with("before\n## tcpscope: 1 passed, 4 failed\n"), "{summary}");
}

#[test]
fn several_reports_come_of_one_run() {
    let folder = scratch("several-reports");
    let to = |name: &str| format!("{name}={}", folder.join(name).display());
    let (junit, sarif) = (to("junit"), to("sarif"));
    let ran = run([&CHECK[..], &["--report", &junit, "--report", &sarif, "-q"]].concat());
    assert_eq!(ran.code, Some(1));
    assert_eq!(last_line(&ran), "1 passed, 4 failed");
    assert!(read(&folder.join("junit")).starts_with("<?xml"));
    assert!(read(&folder.join("sarif")).starts_with('{'));
}

/// The report of the test policy.
fn report(kind: &str) -> String {
    let file = scratch(&format!("report-{kind}")).join("report");
    let report = format!("{kind}={}", file.display());
    assert_eq!(run([&CHECK[..], &["--report", &report]].concat()).code, Some(1));
    read(&file)
}

fn valid(schema: &Value, document: &Value) {
    let validator = jsonschema::validator_for(schema).expect("a schema");
    let errors: Vec<_> =
        validator.iter_errors(document).map(|e| format!("{}: {e}", e.instance_path())).collect();
    no_complaints("schema", &errors);
}

fn schema(of: &str) -> Value {
    serde_json::from_slice(&run(["schema", of]).stdout).expect("a schema is JSON")
}

/// As published, but for one pattern that is no regular expression: it has a `]` too many.
fn sarif_schema() -> Value {
    let published = read(&root().join("tests/schemas/sarif-2.1.0.json"));
    let mended = published.replace("-[a-zA-Z]{2}]?$", "(-[a-zA-Z]{2})?$");
    assert_ne!(mended, published, "mended upstream?");
    serde_json::from_str(&mended).expect("a schema is JSON")
}

/// What xmllint says; loud where it is missing, and an error where everything must be tested.
fn xmllint(schema: &Path, file: &Path) -> Option<std::process::Output> {
    let mut command = std::process::Command::new("xmllint");
    match command.args(["--noout", "--nonet", "--schema"]).arg(schema).arg(file).output() {
        Ok(output) => Some(output),
        Err(error) => {
            let here = std::env::var_os("CI").is_none();
            assert!(here, "xmllint is missing ({error}): install libxml2-utils");
            eprintln!("SKIPPED junit_is_valid: no xmllint ({error}): install libxml2-utils");
            None
        }
    }
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn text(ran: &Ran) -> String {
    format!("{}{}", String::from_utf8_lossy(&ran.stdout), ran.stderr)
}

fn last_line(ran: &Ran) -> String {
    String::from_utf8_lossy(&ran.stdout).lines().last().unwrap_or_default().into()
}

/// Five captures and a policy that four of them break.
const CHECK: [&str; 8] = [
    "check",
    "--policy",
    "tests/check/policy.toml",
    "samples/synack-bad-ack.pcap",
    "samples/cut-inside.pcap",
    "samples/half-close.pcap",
    "samples/refused.pcap",
    "samples/ecn.pcap",
];
