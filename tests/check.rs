//! `tcpscope check` as a pipeline meets it: exit codes, what is said of wrong policies, and reports that others must read.

use std::path::{Path, PathBuf};

use proptest::collection::vec;
use proptest::prelude::{prop_assert, proptest};
use proptest::sample;
use tcpscope::check::Policy;
use tcpscope::report::Condition;

use crate::support::known::no_complaints;
use crate::support::program::{Ran, root, run, run_in, scratch};

#[test]
fn the_samples_show_what_their_policy_says() {
    let ran = run(["check", "samples"]);
    assert_eq!(
        ran.code,
        Some(0),
        "samples/tcpscope.toml does not hold (`tcpscope check samples \
        --update-expectations` writes it anew; look at the diff):\n{}",
        text(&ran)
    );
    let samples = std::fs::read_dir(root().join("samples")).expect("the samples").flatten();
    let captures = samples.filter(|e| e.file_name().to_string_lossy().contains(".pcap")).count();
    assert_eq!(last_line(&ran), format!("{captures} passed, 0 failed"));
}

#[test]
fn a_sample_whose_answer_changes_fails() {
    let folder = copied("changed", &["half-close.pcap", "refused.pcap"]);
    assert_eq!(run_in(&folder, ["check", "--init", "--fail-on", "note"]).code, Some(0));
    assert_eq!(last_line(&run_in(&folder, ["check"])), "2 passed, 0 failed");
    std::fs::copy(root().join("samples/abort-linger0.pcap"), folder.join("half-close.pcap")).expect("a copy");
    let ran = run_in(&folder, ["check"]);
    assert_eq!((ran.code, last_line(&ran).as_str()), (Some(1), "1 passed, 1 failed"), "{}", text(&ran));
    assert!(text(&ran).contains("TD005"), "{}", text(&ran));
    // And what is right now can be said anew, with the rest of the policy left as it is.
    let policy = folder.join("tcpscope.toml");
    let edited = read(&policy).replacen("schema = 1", "schema = 1 # ours", 1);
    std::fs::write(&policy, edited).expect("our own file");
    assert_eq!(run_in(&folder, ["check", "--update-expectations"]).code, Some(0));
    assert_eq!(last_line(&run_in(&folder, ["check"])), "2 passed, 0 failed");
    assert!(read(&policy).contains("schema = 1 # ours"));
    // A policy that is there is not overwritten.
    assert_eq!(run_in(&folder, ["check", "--init"]).code, Some(2));
}

#[test]
fn without_a_policy_an_error_fails() {
    let folder = copied("bare", &["half-close.pcap", "synack-bad-ack.pcap", "lost-syn-ack.pcap"]);
    let ran = run_in(&folder, ["check", "half-close.pcap", "lost-syn-ack.pcap"]);
    assert_eq!((ran.code, last_line(&ran).as_str()), (Some(0), "2 passed, 0 failed"), "{}", text(&ran));
    let ran = run_in(&folder, ["check", "."]);
    assert_eq!((ran.code, last_line(&ran).as_str()), (Some(1), "2 passed, 1 failed"), "{}", text(&ran));
    assert_eq!(run_in(&folder, ["check", ".", "--exit-zero"]).code, Some(0));
    let ran = run_in(&folder, ["check", ".", "--fail-on", "note"]);
    assert_eq!(last_line(&ran), "1 passed, 2 failed", "{}", text(&ran));
    let ran = run_in(&folder, ["check", ".", "--where", "port == 1"]);
    assert_eq!((ran.code, last_line(&ran).as_str()), (Some(0), "3 passed, 0 failed"), "{}", text(&ran));
}

#[test]
fn no_capture_is_wrong_usage() {
    let folder = scratch("check-empty");
    for (policy, arguments) in [
        ("schema = 1\n", &["check"][..]),
        ("schema = 1\ninput.captures = [\"nothing/*.pcap\"]\n", &["check"]),
        ("schema = 1\n", &["check", "."]),
    ] {
        std::fs::write(folder.join("tcpscope.toml"), policy).expect("our own folder");
        let ran = run_in(&folder, arguments);
        assert_eq!(ran.code, Some(2), "{policy}: {}", ran.stderr);
        assert!(ran.stderr.contains("no capture") && ran.stderr.contains("hint: "), "{}", ran.stderr);
    }
    std::fs::remove_file(folder.join("tcpscope.toml")).expect("our own file");
    assert_eq!(run_in(&folder, ["check"]).code, Some(2));
}

#[test]
fn a_cut_capture_fails_with_its_reason() {
    let folder = copied("cut", &["cut-inside.pcap"]);
    let check = |truncated: &str| {
        let policy = format!("schema = 1\ninput.truncated = \"{truncated}\"\n");
        std::fs::write(folder.join("tcpscope.toml"), policy).expect("our own folder");
        run_in(&folder, ["check", "--report", "junit=-"])
    };
    assert_eq!(check("warn").code, Some(0));
    let ran = check("fail");
    assert_eq!(ran.code, Some(1), "{}", text(&ran));
    assert!(text(&ran).contains("ends inside packet 11"), "{}", text(&ran));
    assert!(
        text(&ran).contains("<failure message=\"cut or corrupt: ends inside packet 11"),
        "{}",
        text(&ran)
    );
    assert_eq!(run_in(&folder, ["check", "--strict"]).code, Some(3));
}

#[test]
fn what_can_not_be_read_is_a_verdict_of_its_own() {
    let folder = copied("unreadable", &["half-close.pcap"]);
    std::fs::write(folder.join("text.pcap"), "no capture").expect("our own folder");
    let ran = run_in(
        &folder,
        ["check", ".", "missing.pcap", "--report", "junit=r.xml", "--report", "sarif=r.sarif"],
    );
    assert_eq!((ran.code, last_line(&ran).as_str()), (Some(3), "1 passed, 2 failed"), "{}", text(&ran));
    assert!(read(&folder.join("r.xml")).contains("<error"));
    assert!(read(&folder.join("r.sarif")).contains("text.pcap"));
}

#[test]
fn every_mistake_in_a_policy_is_named_with_its_line_and_the_nearest_right_word() {
    let mistakes = [
        ("colour = 1", "2:1", "there are: schema"),
        ("[inputs]", "2:2", "input"),
        ("[input]\ncaptrues = []", "3:1", "captures"),
        ("[input]\ntruncated = \"fial\"", "3:13", "fail"),
        ("[input]\ncaptures = [true]", "3:13", "quotes"),
        ("[input]\ncaptures = \"a[\"", "3:14", "**"),
        ("[input]\nmsl = \"30 parsecs\"", "3:7", "30s"),
        ("[input]\nfilter = \"tcp prot 80\"", "3:10", "pcap-filter"),
        ("[input]\nlocal_net = \"home\"", "3:13", "192.0.2.0/24"),
        ("[input]\nos = \"linus\"", "3:6", "linux"),
        ("[input]\nthreshold = \"idel=3s\"", "3:13", "idle"),
        ("[input]\nchecksum = \"verfiy\"", "3:12", "verify"),
        ("[rules]\nselect = \"HX\"", "3:10", "HS"),
        ("[rules]\nignore = [\"HS001\", \"HS0002\"]", "3:20", "HS002"),
        ("[rules]\nseverity = { HS001 = \"warn\" }", "3:22", "warning"),
        ("[rules]\nseverity = { HS0001 = \"warning\" }", "3:14", "HS001"),
        ("[rules]\nfail_on = \"eror\"", "3:11", "error"),
        ("[limits]\nhalf_open_pek = \"<= 3\"", "3:1", "half_open_peak"),
        ("[limits]\nhalf_open_peak = \"<= few\"", "3:22", "443"),
        ("[limits]\nhalf_open_peak = \"=< 3\"", "3:19", "<="),
        ("[limits]\nhandshake_p95 = \"<= 50 parsecs\"", "3:24", ""),
        ("[limits]\ncompletion = \">= 200%\"", "3:18", "0.99"),
        ("[per-capture.\"a*\"]\nignor = \"FL\"", "3:1", "ignore"),
        ("[per-capture]\n\"a*\" = 3", "3:8", "[per-capture."),
        ("[[expect]]\nrule = \"HS002\"", "2:1", "capture ="),
        ("[[expect]]\ncapture = \"a\"", "2:1", "rule ="),
        ("[[expect]]\ncapture = \"a\"\nrule = \"synack-bad-akc\"", "4:8", "synack-bad-ack"),
        ("[[expect]]\ncapture = \"a\"\nwhere = \"stat == LISTEN\"", "4:10", "state"),
        ("[[expect]]\ncapture = \"a\"\nwhere = \"open == complet\"", "4:18", "complete"),
        ("[[expect]]\ncapture = \"a\"\nrule = \"HS002\"\ncont = 1", "5:1", "count"),
        ("[[expect]]\ncapture = \"a\"\nrule = \"HS002\"\ncount = \"many\"", "5:10", "=="),
        ("expect = 3", "2:10", "[[expect]]"),
        ("[baseline]\nfiel = \"x\"", "3:1", "file"),
        ("[baseline]", "2:1", "file ="),
        ("[input", "2:7", "TOML"),
        ("[input]\n[input]", "3:2", "TOML"),
    ];
    let folder = copied("mistakes", &["half-close.pcap"]);
    let mut wrong = Vec::new();
    for (mistake, place, word) in mistakes {
        std::fs::write(folder.join("tcpscope.toml"), format!("schema = 1\n{mistake}\n")).expect("our folder");
        let ran = run_in(&folder, ["check"]);
        let at = format!("error: tcpscope.toml:{place}: ");
        let hints: Vec<_> = ran.stderr.lines().filter(|line| line.starts_with("hint: ")).collect();
        if ran.code != Some(2) || !ran.stderr.contains(&at) || !hints.iter().any(|hint| hint.contains(word)) {
            wrong.push(format!("{mistake:?}: not {at:?} with {word:?}: {:?} {}", ran.code, ran.stderr));
        }
    }
    std::fs::write(folder.join("tcpscope.toml"), "schema = 2\n").expect("our folder");
    assert!(run_in(&folder, ["check"]).stderr.contains("tcpscope.toml:1:10: schema 2"));
    std::fs::write(folder.join("tcpscope.toml"), "input.captures = \"*\"\n").expect("our folder");
    assert!(run_in(&folder, ["check"]).stderr.contains("schema = 1"));
    no_complaints("policies", &wrong);
}

#[test]
fn wrong_usage_is_told_with_what_was_meant() {
    for (arguments, word) in [
        (&["--report", "junti=x"][..], "did you mean junit?"),
        (&["--report", "junit"], "junit=FILE"),
        (&["--policy", "nowhere.toml"], "--init"),
        (&["--update-baseline"], "[baseline]"),
        (&["--where", "prot == 80"], "did you mean port"),
        (&["--init", "--update-baseline"], "cannot be used with"),
    ] {
        let ran = run([&["check", "samples"], arguments].concat());
        assert_eq!(ran.code, Some(2), "{arguments:?}: {ran:?}");
        assert!(ran.stderr.contains(word), "{arguments:?}: {}", ran.stderr);
    }
}

#[test]
fn a_baseline_lets_known_findings_pass_and_tells_when_they_are_gone() {
    let folder = copied("baseline", &["synack-bad-ack.pcap", "half-close.pcap"]);
    let policy = "schema = 1\n[baseline]\nfile = \"known.json\"\n";
    std::fs::write(folder.join("tcpscope.toml"), policy).expect("our own folder");
    assert_eq!(run_in(&folder, ["check"]).code, Some(1));
    assert_eq!(run_in(&folder, ["check", "--update-baseline"]).code, Some(0));
    assert!(read(&folder.join("known.json")).contains("HS002"));
    let ran = run_in(&folder, ["check"]);
    assert_eq!((ran.code, last_line(&ran).as_str()), (Some(0), "2 passed, 0 failed"), "{}", text(&ran));
    assert!(text(&ran).contains("1 in the baseline"), "{}", text(&ran));
    std::fs::copy(folder.join("half-close.pcap"), folder.join("synack-bad-ack.pcap"))
        .expect("our own folder");
    let ran = run_in(&folder, ["check"]);
    assert_eq!(ran.code, Some(0), "{}", text(&ran));
    assert!(text(&ran).contains("unused") && text(&ran).contains("is gone"), "{}", text(&ran));
    std::fs::write(folder.join("known.json"), "{}").expect("our own folder");
    assert_eq!(run_in(&folder, ["check"]).code, Some(2));
}

#[test]
fn the_policies_that_readme_and_help_show_are_policies() {
    let readme = read(&root().join("README.md"));
    let shown = readme.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).expect("a policy");
    Policy::parse(shown).unwrap_or_else(|faults| panic!("README.md: {faults:#?}"));
    let help = text(&run(["check", "--help"]));
    let begin = help.find("  schema = 1").expect("a policy in the help");
    let end = help.find("\nFigures that").expect("figures behind it");
    Policy::parse(&help[begin..end]).unwrap_or_else(|faults| panic!("check --help: {faults:#?}"));
}

proptest! {
    /// Whatever is written: a policy or faults with places, never a panic; the same for conditions.
    #[test]
    fn no_text_breaks_the_readers_of_policies_and_conditions(words in vec(sample::select(WORDS), 0..40)) {
        let text = words.concat();
        if let Err(faults) = Policy::parse(&text) {
            prop_assert!(!faults.is_empty() && faults.iter().all(|f| f.place.line > 0 && !f.message.is_empty()));
        }
        if let Err(fault) = Condition::parse(&text) {
            prop_assert!(fault.at.end <= text.len().max(fault.at.start) && !fault.hint.is_empty());
            let _ = fault.underlined(&text);
        }
    }
}

/// What policies and conditions are made of, and what they are not.
const WORDS: &[&str] = &[
    "schema = 1\n",
    "\n",
    "[input]",
    "[rules]",
    "[limits]",
    "[per-capture.\"a\"]",
    "[[expect]]",
    "captures",
    "capture",
    "where",
    "rule",
    "count",
    "severity",
    "half_open_peak",
    "=",
    "==",
    " ",
    "\"",
    "'",
    "<= 3",
    "state",
    "port",
    "in",
    "{",
    "}",
    "(",
    ")",
    "!",
    "&&",
    "||",
    "not",
    "TIME_WAIT",
    "10.0.0.0/8",
    "3",
    "30s",
    ",",
    "[",
    "]",
    "é",
    "\r\n",
    "\u{0}",
    "HS",
    "\\",
    "#",
    "none",
];

/// A folder with copies of samples.
fn copied(test: &str, samples: &[&str]) -> PathBuf {
    let folder = scratch(&format!("check-{test}"));
    for sample in samples {
        std::fs::copy(root().join("samples").join(sample), folder.join(sample)).expect("a sample");
    }
    folder
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
