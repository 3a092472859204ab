//! The program as a user meets it: exit codes, what goes to which stream, and readers that go away.

use std::io::Read;
use std::process::{Command, Output, Stdio};

fn tcpscope(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tcpscope"));
    command.args(args).env_remove("CLICOLOR_FORCE");
    command
}

fn run(args: &[&str]) -> Output {
    tcpscope(args).output().expect("the program starts")
}

fn code(args: &[&str]) -> Option<i32> {
    run(args).status.code()
}

fn stderr(args: &[&str]) -> String {
    String::from_utf8(run(args).stderr).expect("UTF-8")
}

/// A pcap file header, little-endian, Ethernet, and no packet.
fn empty_capture() -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    let words = [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 65_535, 1];
    let bytes: Vec<u8> = words.iter().flat_map(|w| w.to_le_bytes()).collect();
    std::fs::write(file.path(), bytes).expect("it can be written");
    file
}

#[test]
fn wrong_usage_is_2_with_a_hint() {
    assert_eq!(code(&["read"]), Some(2));
    assert_eq!(code(&["read", "x", "--format", "xml"]), Some(2));
    assert_eq!(code(&["read", "x", "--msl", "0s"]), Some(2));
    assert_eq!(code(&["read", "x", "--json", "--fields", "id"]), Some(2));
    let text = stderr(&["read", "x", "--sort", "duratoin:desc"]);
    assert!(text.contains("hint: did you mean duration"), "{text}");
}

#[test]
fn a_wrong_filter_is_2_with_what_libpcap_said() {
    assert_eq!(code(&["read", "x", "-f", "port port"]), Some(2));
    assert!(stderr(&["read", "x", "-f", "port port"]).contains("syntax error"));
}

#[test]
fn an_unknown_time_zone_is_not_taken_for_utc() {
    let output = tcpscope(&["read", "x", "--time", "local"]).env("TZ", "No/Such").output();
    let output = output.expect("the program starts");
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("time zone"));
}

#[test]
fn help_and_version_are_0_on_stdout() {
    for args in [["--help"].as_slice(), &["--version"], &["read", "--help"], &["-h"]] {
        let output = run(args);
        assert_eq!(output.status.code(), Some(0), "{args:?}");
        assert!(!output.stdout.is_empty() && output.stderr.is_empty(), "{args:?}");
    }
}

#[test]
fn the_schema_completions_and_manual_are_printed() {
    let schema: serde_json::Value = serde_json::from_slice(&run(&["schema"]).stdout).expect("JSON");
    assert_eq!(schema["title"], "Document");
    assert!(!run(&["completions", "bash"]).stdout.is_empty());
    assert!(run(&["man", "read"]).stdout.windows(3).any(|w| w == b".TH"));
    assert_eq!(code(&["man", "nonsense"]), Some(2));
}

#[test]
fn a_reader_that_goes_away_is_success() {
    let mut child = tcpscope(&["schema"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    drop(child.stdout.take());
    let mut text = String::new();
    child.stderr.take().expect("piped").read_to_string(&mut text).expect("UTF-8");
    assert_eq!(child.wait().expect("it ends").code(), Some(0));
    assert_eq!(text, "");
}

#[test]
fn an_output_that_is_an_input_is_refused() {
    let file = empty_capture();
    let path = file.path().to_str().expect("UTF-8");
    assert_eq!(code(&["read", path, "-o", path]), Some(2));
    assert_eq!(std::fs::metadata(path).expect("it is there").len(), 24);
}

#[test]
fn no_packets_is_0() {
    let file = empty_capture();
    let path = file.path().to_str().expect("UTF-8");
    let output = run(&["-r", path]);
    assert_eq!(output.status.code(), Some(0));
    assert!(String::from_utf8_lossy(&output.stdout).ends_with("no packets\n"));
}

#[test]
fn every_format_takes_a_capture_without_packets() {
    let file = empty_capture();
    let path = file.path().to_str().expect("UTF-8");
    for format in ["table", "json", "ndjson", "csv", "tsv", "markdown"] {
        let output = run(&["read", path, "--format", format]);
        assert_eq!(output.status.code(), Some(0), "{format}");
        assert!(!output.stdout.is_empty(), "{format}");
    }
}

#[test]
fn nothing_readable_is_3_and_prints_nothing() {
    let output = run(&["read", "/no/such/file"]);
    assert_eq!(output.status.code(), Some(3));
    assert!(output.stdout.is_empty());
    assert!(String::from_utf8_lossy(&output.stderr).contains("hint: "));
}

#[test]
fn one_unreadable_file_does_not_hide_the_others() {
    let file = empty_capture();
    let path = file.path().to_str().expect("UTF-8");
    let output = run(&["read", path, "/no/such/file", path, "--json"]);
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(document["input"].as_array().map(Vec::len), Some(2));
    assert_eq!(output.status.code(), Some(3));
}
