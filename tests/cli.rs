//! The program's manners: exit codes, what goes to which stream, hints, pipes that close, and threads that do not show.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tcpscope::output::FORMATS;

use crate::support::frames::Frame;
use crate::support::program::{Ran, root, run, run_with, scratch};
use crate::support::script::Script;

#[test]
fn a_folder_is_no_capture() {
    let folder = scratch("folder");
    refused(&run(["read", text(&folder)]), &folder, "directory");
}

#[test]
fn an_empty_file_is_no_capture() {
    let path = file("empty", "empty.pcap", b"");
    refused(&run(["read", text(&path)]), &path, "empty");
}

#[test]
fn a_text_is_no_capture() {
    let path = file("text", "notes.pcap", b"dear diary, today no packets came\n");
    refused(&run(["read", text(&path)]), &path, "capture");
}

#[test]
fn a_missing_file_is_named_with_what_to_do() {
    let path = scratch("missing").join("nowhere.pcap");
    refused(&run(["read", text(&path)]), &path, "no such file");
}

#[cfg(unix)]
#[test]
fn a_file_without_permission_is_named_with_what_to_do() {
    use std::os::unix::fs::PermissionsExt;
    let path = file("secret", "secret.pcap", &pcap(RAW, &handshake()));
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o000)).expect("our own file");
    if std::fs::File::open(&path).is_ok() {
        return eprintln!("SKIPPED a_file_without_permission: this user may read everything");
    }
    refused(&run(["read", text(&path)]), &path, "permission");
}

#[test]
fn a_cut_file_is_read_as_far_as_it_goes_and_said_to_be_cut() {
    let mut bytes = pcap(RAW, &handshake());
    bytes.truncate(bytes.len() - 7);
    let path = file("cut", "cut.pcap", &bytes);
    let ran = run(["read", text(&path), "--json"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let json = json(&ran);
    assert_eq!(json["summary"]["packets"], 2);
    assert_eq!(json["input"][0]["truncated"], true);
    assert!(!ran.stderr.trim().is_empty(), "no warning");
    assert_eq!(run(["read", text(&path), "--strict"]).code, Some(3));
}

#[test]
fn a_capture_without_packets_is_a_result_without_connections() {
    let path = empty("none");
    let ran = run(["read", text(&path), "--json"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let json = json(&ran);
    assert_eq!(json["summary"]["packets"], 0);
    assert_eq!(json["connections"].as_array().map(Vec::len), Some(0));
    assert_eq!(json["input"][0]["truncated"], false);
    let ran = run(["-r", text(&path)]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.stdout.ends_with(b"no packets\n"), "{ran:?}");
}

#[test]
fn every_format_takes_a_capture_without_packets() {
    let path = empty("formats");
    for format in FORMATS.iter().map(|f| f.name) {
        let ran = run(["read", text(&path), "--format", format]);
        assert_eq!(ran.code, Some(0), "{format}: {ran:?}");
        assert!(!ran.stdout.is_empty(), "{format}");
    }
}

#[test]
fn an_output_that_is_an_input_is_refused() {
    let path = good("itself");
    let before = std::fs::read(&path).expect("it is there");
    let ran = run(["read", text(&path), "-o", text(&path)]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert_eq!(std::fs::read(&path).expect("it is there"), before);
}

#[test]
fn packets_of_a_link_type_nobody_reads_are_counted() {
    let path = file("link", "link.pcap", &pcap(BLUETOOTH, &handshake()));
    let ran = run(["read", text(&path), "--json"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let json = json(&ran);
    assert_eq!(json["summary"]["skipped"]["unknown-link-type"], 3);
    assert_eq!(json["summary"]["segments"], 0);
}

#[test]
fn a_wrong_filter_is_wrong_usage_and_shown() {
    let path = good("filter");
    let ran = run(["read", text(&path), "-f", "tcp prot 80"]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.stderr.contains("tcp prot 80"), "{}", ran.stderr);
    assert!(ran.stderr.contains("hint: "), "{}", ran.stderr);
    assert!(ran.stderr.contains("syntax error"), "not what libpcap said: {}", ran.stderr);
    assert!(ran.stdout.is_empty(), "data on stdout");
    // A filter is looked at before any file.
    assert_eq!(run(["read", "/no/such/file", "-f", "port port"]).code, Some(2));
}

#[test]
fn a_filter_leaves_out_what_it_rejects() {
    let path = good("filtered");
    let ran = run(["read", text(&path), "--json", "-f", "src host 10.0.0.1"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(json(&ran)["summary"]["segments"], 2);
}

#[test]
fn wrong_usage_exits_with_2_and_says_where_help_is() {
    let wrong: [&[&str]; 8] = [
        &["read"],
        &["read", "--no-such-flag", "x"],
        &["no-such-command"],
        &["read", "x", "--format", "xml"],
        &["read", "x", "--msl", "0s"],
        &["read", "x", "--json", "--fields", "id"],
        &["read", "x", "--sort", "duratoin:desc"],
        &["man", "nonsense"],
    ];
    for arguments in wrong {
        let ran = run(arguments);
        assert_eq!(ran.code, Some(2), "{arguments:?}: {ran:?}");
        assert!(
            ran.stderr.contains("--help") || ran.stderr.contains("hint: "),
            "{arguments:?}: {}",
            ran.stderr
        );
    }
    let near = run(["read", "x", "--sort", "duratoin:desc"]).stderr;
    assert!(near.contains("hint: did you mean duration"), "{near}");
}

#[test]
fn an_unknown_time_zone_is_not_taken_for_utc() {
    let ran = run_with(["read", "x", "--time", "local"], &[("TZ", "No/Such")]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.stderr.contains("time zone"), "{}", ran.stderr);
}

#[test]
fn help_and_version_are_0_on_stdout() {
    for arguments in [&["--help"][..], &["--version"], &["read", "--help"], &["-h"]] {
        let ran = run(arguments);
        assert_eq!(ran.code, Some(0), "{arguments:?}");
        assert!(!ran.stdout.is_empty() && ran.stderr.is_empty(), "{arguments:?}");
    }
}

#[test]
fn the_schema_completions_and_manual_are_printed() {
    assert_eq!(json(&run(["schema"]))["title"], "Document");
    assert!(!run(["completions", "bash"]).stdout.is_empty());
    assert!(run(["man", "read"]).stdout.windows(3).any(|w| w == b".TH"));
}

#[test]
fn one_bad_file_of_several_does_not_hide_the_others() {
    let good = good("several");
    let bad = good.with_file_name("nowhere.pcap");
    let ran = run(["read", text(&good), text(&bad), "--json"]);
    assert_eq!(ran.code, Some(3), "{ran:?}");
    assert!(ran.stderr.contains("nowhere.pcap"), "{}", ran.stderr);
    assert_eq!(json(&ran)["summary"]["segments"], 3);
    // Nor those behind it.
    let ran = run(["read", text(&empty("first")), text(&bad), text(&good), "--json"]);
    assert_eq!(ran.code, Some(3), "{ran:?}");
    assert_eq!(json(&ran)["input"].as_array().map(Vec::len), Some(2));
    assert_eq!(json(&ran)["summary"]["segments"], 3);
}

#[test]
fn the_number_of_threads_does_not_show() {
    for path in captures() {
        let one = run(["read", text(&path), "--json", "--threads", "1"]);
        assert_eq!(one.code, Some(0), "{one:?}");
        assert!(!one.stdout.is_empty());
        for threads in ["2", "7"] {
            let many = run(["read", text(&path), "--json", "--threads", threads]);
            assert!(one.stdout == many.stdout, "{} differs with {threads} threads", path.display());
        }
    }
}

/// With a look at every open connection for every minute of those years, this would outlast any patience.
#[test]
fn a_clock_that_jumps_by_decades_costs_nothing() {
    let mut frames = opened();
    let mut late = frames[0].clone();
    late.time.0 += 50 * 365 * 86_400 * 1_000_000_000;
    frames.push(late);
    let path = file("jump", "jump.pcap", &pcap(RAW, &frames));
    let ran = run(["read", text(&path), "--json"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(json(&ran)["summary"]["connections"], 3000);
}

#[test]
fn a_closed_pipe_is_success() {
    let path = file("pipe", "many.pcap", &pcap(RAW, &many_connections()));
    for arguments in [&["read", text(&path), "--format", "ndjson"][..], &["schema"]] {
        for read_before in [0, 1] {
            let (code, stderr) = with_closed_pipe(arguments, read_before);
            assert_eq!((code, stderr.as_str()), (Some(0), ""), "{arguments:?} after {read_before} bytes");
        }
    }
}

/// Exit code and stderr of a program whose reader goes away after some bytes.
fn with_closed_pipe(arguments: &[&str], bytes: usize) -> (Option<i32>, String) {
    let mut child = std::process::Command::new(assert_cmd::cargo::cargo_bin("tcpscope"))
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut stdout = child.stdout.take().expect("it is piped");
    stdout.read_exact(&mut vec![0; bytes]).expect("that much data");
    drop(stdout);
    let output = child.wait_with_output().expect("it ends");
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

/// A capture from a pipe that ends with the program before it, and from one that goes on in silence.
#[cfg(unix)]
#[test]
fn an_interrupted_read_says_what_it_has_read() {
    let capture = pcap(RAW, &handshake());
    let (first, rest) = capture.split_at(capture.len() - 7);
    // As tcpdump does at Ctrl-C: it writes what it still has, and ends.
    let (code, json, stderr) = interrupted(first, Some(rest));
    assert_eq!((code, json["summary"]["packets"].as_u64(), stderr.as_str()), (Some(0), Some(3), ""));
    assert_eq!(json["input"][0]["truncated"], false);
    let (code, json, stderr) = interrupted(first, None);
    assert_eq!((code, json["summary"]["packets"].as_u64()), (Some(130), Some(2)), "{stderr}");
    assert_eq!(json["input"][0]["truncated"], true);
    assert!(stderr.contains("interrupted"), "{stderr}");
}

/// Exit code, JSON and stderr of `read -` that got these bytes, then SIGINT, then the rest and the end, if there is one.
#[cfg(unix)]
fn interrupted(first: &[u8], rest: Option<&[u8]>) -> (Option<i32>, serde_json::Value, String) {
    use rustix::process::{Pid, Signal, kill_process};
    use std::io::Write;
    let mut child = std::process::Command::new(assert_cmd::cargo::cargo_bin("tcpscope"))
        .args(["read", "-", "--json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut stdin = child.stdin.take().expect("it is piped");
    stdin.write_all(first).expect("it reads");
    std::thread::sleep(std::time::Duration::from_millis(500));
    kill_process(Pid::from_child(&child), Signal::INT).expect("it lives");
    let open = match rest {
        Some(rest) => {
            std::thread::sleep(std::time::Duration::from_millis(100));
            stdin.write_all(rest).expect("it still reads");
            drop(stdin);
            None
        }
        None => Some(stdin),
    };
    let output = child.wait_with_output().expect("it ends");
    drop(open);
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    let json = serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {stderr}"));
    (output.status.code(), json, stderr)
}

#[test]
fn files_that_are_not_in_the_order_of_time_are_named() {
    let one = good("order");
    let mut late = handshake();
    late.iter_mut().for_each(|f| f.time.0 += 60_000_000_000);
    let two = file("order-late", "late.pcap", &pcap(RAW, &late));
    let in_order = run(["read", text(&one), text(&two)]);
    assert_eq!((in_order.code, in_order.stderr.as_str()), (Some(0), ""));
    let backwards = run(["read", text(&two), text(&one)]);
    assert_eq!(backwards.code, Some(0));
    assert!(backwards.stderr.contains("in the order of time"), "{}", backwards.stderr);
    assert!(run(["read", "-q", text(&two), text(&one)]).stderr.is_empty());
    let twice = run(["read", text(&one), text(&one)]);
    assert!(twice.stderr.contains("more than once"), "{}", twice.stderr);
}

#[test]
fn wrong_values_are_called_wrong_values() {
    for (arguments, said) in [
        (&["read", "x", "--top", "-1"][..], "invalid value '-1' for '--top"),
        (&["read", "x", "-c", "-5"], "invalid value '-5' for '--count"),
        (&["read", "x", "--threshold", "idle"], "give it a value"),
        (&["read", "-", "-"], "only once"),
    ] {
        let ran = run(arguments);
        assert_eq!(ran.code, Some(2), "{arguments:?}: {ran:?}");
        assert!(ran.stderr.contains(said), "{arguments:?}: {}", ran.stderr);
    }
}

#[test]
fn advice_does_not_run_over_the_edge() {
    let long = format!("{}.pcap", "a-long-name-".repeat(12));
    let path = file("advice", &long, &pcap(RAW, &handshake()));
    let ran = run(["read", text(&path)]);
    let said = String::from_utf8_lossy(&ran.stdout).into_owned();
    let advice = said.lines().skip_while(|l| !l.starts_with("Next:")).collect::<Vec<_>>();
    assert!(!advice.is_empty() && advice.iter().all(|l| !l.contains("(its segments")), "{advice:?}");
}

/// A message with the file and the reason, a hint on its own line, nothing on stdout, exit 3.
fn refused(ran: &Ran, path: &Path, reason: &str) {
    assert_eq!(ran.code, Some(3), "{ran:?}");
    assert!(ran.stdout.is_empty(), "data on stdout: {ran:?}");
    let stderr = ran.stderr.to_lowercase();
    assert!(ran.stderr.contains(text(path)), "does not name the file: {}", ran.stderr);
    assert!(stderr.contains(reason), "does not say {reason:?}: {}", ran.stderr);
    assert!(ran.stderr.lines().any(|l| l.starts_with("hint: ")), "no hint: {}", ran.stderr);
}

fn json(ran: &Ran) -> serde_json::Value {
    serde_json::from_slice(&ran.stdout).unwrap_or_else(|e| panic!("{e}: {ran:?}"))
}

fn text(path: &Path) -> &str {
    path.to_str().expect("the build folder's name is text")
}

fn good(test: &str) -> PathBuf {
    file(test, "good.pcap", &pcap(RAW, &handshake()))
}

/// A capture without packets.
fn empty(test: &str) -> PathBuf {
    file(test, "none.pcap", &pcap(RAW, &[]))
}

fn file(test: &str, name: &str, bytes: &[u8]) -> PathBuf {
    let path = scratch(test).join(name);
    std::fs::write(&path, bytes).expect("the build folder can be written");
    path
}

/// A small capture, one with many connections, and the samples.
fn captures() -> Vec<PathBuf> {
    let many = file("threads", "many.pcap", &pcap(RAW, &many_connections()));
    let mut captures = vec![good("one"), many];
    let samples = std::fs::read_dir(root().join("samples")).into_iter().flatten().flatten().map(|e| e.path());
    captures.extend(samples.filter(|p| p.to_string_lossy().contains(".pcap")));
    captures
}

fn handshake() -> Vec<Frame> {
    Script::parse("0 A>B S 100; .01 B>A SA 300/101; .02 A>B A 101/301").frames()
}

/// 3,000 connections of different clients, opened and closed.
fn many_connections() -> Vec<Frame> {
    by_many_clients(
        "0 A>B S 100; .01 B>A SA 300/101; .02 A>B A 101/301; .03 A>B FA 101/301; .04 B>A FA 301/102; .05 A>B A 102/302",
    )
}

/// As many that stay open.
fn opened() -> Vec<Frame> {
    by_many_clients("0 A>B S 100; .01 B>A SA 300/101; .02 A>B A 101/301")
}

/// The script for each of 3,000 clients, a millisecond apart.
fn by_many_clients(script: &str) -> Vec<Frame> {
    let script = Script::parse(script);
    let client = script.shots[0].src;
    let mut frames = Vec::new();
    for i in 0..3000_u16 {
        let mut one = script.clone();
        for shot in &mut one.shots {
            shot.at += i64::from(i) * 1_000_000;
            let end = if shot.src == client { &mut shot.src } else { &mut shot.dst };
            end.port = 10_000 + i;
        }
        frames.extend(one.frames());
    }
    frames.sort_by_key(|f| f.time);
    frames
}

/// A savefile with nanosecond times (https://www.tcpdump.org/manpages/pcap-savefile.5.html).
fn pcap(link: u32, frames: &[Frame]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for word in [0xa1b2_3c4d_u32, 0x0004_0002, 0, 0, 262_144, link] {
        bytes.extend(word.to_le_bytes());
    }
    for frame in frames {
        let (seconds, rest) = (frame.time.0 / 1_000_000_000, frame.time.0 % 1_000_000_000);
        for word in [seconds as u32, rest as u32, frame.bytes.len() as u32, frame.bytes.len() as u32] {
            bytes.extend(word.to_le_bytes());
        }
        bytes.extend(&frame.bytes);
    }
    bytes
}

/// `LINKTYPE_RAW`.
const RAW: u32 = 101;
/// `LINKTYPE_BLUETOOTH_HCI_H4`.
const BLUETOOTH: u32 = 187;
