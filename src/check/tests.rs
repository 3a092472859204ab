//! Policies and verdicts, on reports made by hand.

use super::*;
use crate::report::{Report, sample};
use crate::rules::Severity;

/// The policy that interface.md shows, with `about` at its end.
fn policy(about: &str) -> Policy {
    let text = format!("schema = 1\n{about}");
    Policy::parse(&text).unwrap_or_else(|faults| panic!("{faults:#?}"))
}

fn capture(name: &str) -> Capture {
    Capture { name: format!("samples/{name}"), relative: name.into() }
}

/// Two connections, one HS002 at connection 1, judged by a policy.
fn verdict(policy: &Policy, baseline: Option<&Baseline>) -> Verdict {
    let rulings = Rulings { policy, baseline, fail_on: None, truncated: None };
    judge(sample::report(), &capture("a.pcap"), &rulings)
}

#[test]
fn every_key_of_the_interface_is_known() {
    let policy = policy(
        r#"
        [input]
        captures  = ["samples/**/*.pcap*"]
        truncated = "fail"
        msl       = "30s"
        threshold = ["idle=30m", "churn=50"]
        [rules]
        select   = ["HS", "TD", "TW"]
        ignore   = ["TD005"]
        severity = { HS001 = "warning" }
        fail_on  = "warning"
        [limits]
        half_open_peak = "<= 10"
        time_wait_peak = "<= 1000"
        handshake_p95  = "<= 50ms"
        completion     = ">= 0.99"
        [per-capture."samples/syn-flood*"]
        ignore = ["FL"]
        limits = { half_open_peak = "<= 500" }
        [[expect]]
        capture = "samples/syn-flood.pcap"
        rule    = "HO003"
        count   = ">= 1"
        [baseline]
        file = "tcpscope-baseline.json"
        "#,
    );
    assert!(policy.captures[0].0.matches("samples/a/b.pcapng"));
    assert_eq!((policy.truncated, policy.fail_on), (Truncated::Fail, Severity::Warning));
    assert_eq!(policy.settings.len(), 3);
    assert_eq!((policy.limits.len(), policy.per_capture.len(), policy.expect.len()), (4, 1, 1));
    assert_eq!(policy.limits[0].figure.name, "half_open_peak");
    assert_eq!(policy.limits[0].place, Place { line: 14, column: 9 });
    assert!(policy.per_capture[0].ignore[0].rules.iter().all(|id| id.starts_with("FL")));
    assert_eq!(policy.expect[0].subject.text(), "HO003");
    assert_eq!(policy.baseline.as_deref(), Some("tcpscope-baseline.json"));
}

#[test]
fn a_finding_fails_from_its_level_on() {
    assert_eq!(verdict(&policy(""), None).outcome, Outcome::Failed);
    assert_eq!(verdict(&policy("rules.fail_on = \"error\""), None).outcome, Outcome::Failed);
    let note = policy("rules.severity = { HS002 = \"note\" }");
    let verdict = verdict(&note, None);
    assert_eq!((verdict.outcome, verdict.count(Standing::Minor)), (Outcome::Passed, 1));
    assert_eq!(verdict.findings[0].finding.severity, Severity::Note);
}

#[test]
fn what_is_expected_must_be_there_and_is_no_surprise() {
    let expecting = |count: &str, capture: &str| {
        policy(&format!("expect = [{{ capture = \"{capture}\", rule = \"HS002\", count = {count} }}]"))
    };
    assert_eq!(verdict(&expecting("1", "*.pcap"), None).outcome, Outcome::Passed);
    let missed = verdict(&expecting("\">= 2\"", "a.pcap"), None);
    assert_eq!((missed.outcome, missed.count(Standing::Expected)), (Outcome::Failed, 1));
    assert_eq!(missed.broken().count(), 1);
    let elsewhere = verdict(&expecting("1", "b.pcap"), None);
    assert_eq!((elsewhere.outcome, elsewhere.claims.len()), (Outcome::Failed, 0));
}

#[test]
fn connections_are_expected_by_condition() {
    let counting = |count: u64| {
        let expect = format!("{{ capture = \"a.pcap\", where = \"open == complete\", count = {count} }}");
        verdict(&policy(&format!("rules.ignore = \"HS\"\nexpect = [{expect}]")), None)
    };
    assert_eq!(counting(1).outcome, Outcome::Passed);
    assert_eq!(counting(2).outcome, Outcome::Failed);
    assert_eq!(counting(1).count(Standing::Ignored), 1);
}

#[test]
fn a_limit_is_broken_or_has_nothing_to_hold() {
    let ignore = "rules.ignore = \"HS002\"\n";
    let limited = |limit: &str| verdict(&policy(&format!("{ignore}[limits]\n{limit}")), None);
    assert_eq!(limited("half_open_peak = \"<= 1\"").outcome, Outcome::Passed);
    assert_eq!(limited("half_open_peak = \"< 1\"").outcome, Outcome::Failed);
    assert_eq!(limited("handshake_p95 = \"<= 20ms\"").outcome, Outcome::Passed);
    assert_eq!(limited("handshake_p50 = \"< 20ms\"").outcome, Outcome::Failed);
    assert_eq!(limited("completion = \">= 50%\"").outcome, Outcome::Passed);
    assert_eq!(limited("errors = 0").outcome, Outcome::Passed);
    let own = "[limits]\nconnections = \"<= 1\"\n[per-capture.\"a.*\".limits]\nconnections = \"<= 2\"";
    assert_eq!(verdict(&policy(&format!("{ignore}{own}")), None).outcome, Outcome::Passed);
    let nothing = judge(
        Report::default(),
        &capture("a.pcap"),
        &Rulings {
            policy: &policy("[limits]\ncompletion = \">= 99%\""),
            baseline: None,
            fail_on: None,
            truncated: None,
        },
    );
    assert_eq!((nothing.outcome, nothing.claims.len()), (Outcome::Passed, 1));
}

#[test]
fn a_cut_capture_fails_where_the_policy_says_so() {
    let cut = |text: &str| {
        let mut report = sample::report();
        report.findings.clear();
        report.inputs[0].problem = Some("ends inside packet 11".into());
        let policy = policy(text);
        judge(
            report,
            &capture("a.pcap"),
            &Rulings { policy: &policy, baseline: None, fail_on: None, truncated: None },
        )
    };
    assert_eq!(cut("").outcome, Outcome::Passed);
    let failed = cut("input.truncated = \"fail\"");
    assert_eq!((failed.outcome, failed.problem_fails), (Outcome::Failed, true));
    let own = cut("input.truncated = \"fail\"\n[per-capture.\"a*\"]\ntruncated = \"warn\"");
    assert_eq!(own.outcome, Outcome::Passed);
}

#[test]
fn a_baseline_forgives_as_many_as_it_knows() {
    let policy = policy("");
    let first = verdict(&policy, None);
    let text = Baseline::of(std::slice::from_ref(&first)).text();
    let baseline = Baseline::parse(&text).expect("our own text");
    let second = verdict(&policy, Some(&baseline));
    assert_eq!((second.outcome, second.count(Standing::Known)), (Outcome::Passed, 1));
    assert_eq!(Baseline::of(&[second]).text(), text);
    // One more than is known.
    let mut report = sample::report();
    report.findings.push(report.findings[0].clone());
    let rulings = Rulings { policy: &policy, baseline: Some(&baseline), fail_on: None, truncated: None };
    let third = judge(report, &capture("a.pcap"), &rulings);
    assert_eq!((third.outcome, third.count(Standing::Surprise)), (Outcome::Failed, 1));
}

#[test]
fn a_fingerprint_does_not_follow_packet_numbers_or_client_ports() {
    let report = sample::report();
    let mut finding = report.findings[0].clone();
    let before = fingerprint("a.pcap", &finding, &report);
    finding.frames = vec![900];
    finding.message.clear();
    let mut other = report.clone();
    other.connections[0].record.endpoints.client.port += 1;
    assert_eq!(fingerprint("a.pcap", &finding, &other), before);
    assert_ne!(fingerprint("b.pcap", &finding, &report), before);
    finding.rule = "HS003";
    assert_ne!(fingerprint("a.pcap", &finding, &report), before);
}

#[test]
fn what_the_policy_says_in_vain_is_told() {
    let policy = policy(
        "rules.ignore = [\"HS002\", \"TW\"]\ninput.captures = [\"*.pcap\", \"*.cap\"]\n\
         [per-capture.\"z*\"]\nignore = \"FL\"\n[[expect]]\ncapture = \"gone.pcap\"\nrule = \"HS002\"",
    );
    let names = [capture("a.pcap")];
    let verdicts = || vec![verdict(&policy, None)];
    let run = Run::new(&policy, None, &names, verdicts(), true);
    let told: Vec<_> = run.unused.iter().map(|u| (u.place.map(|p| p.line), u.message.as_str())).collect();
    assert_eq!(
        told,
        [
            (Some(2), "ignore \"TW\" left out no finding"),
            (Some(3), "no capture matches \"*.cap\""),
            (Some(4), "no capture matches \"z*\""),
            (Some(5), "ignore \"FL\" left out no finding"),
        ]
    );
    // The capture that is expected and not there fails the run.
    assert_eq!((run.passed(), run.failed()), (1, 1));
    assert_eq!(run.verdicts[1].claims[0].subject, "gone.pcap");
    // Of a part of the captures, nothing of this can be said.
    let part = Run::new(&policy, None, &names, verdicts(), false);
    assert_eq!((part.unused.len(), part.failed()), (0, 0));
}

#[test]
fn a_first_policy_holds_for_what_it_was_written_from() {
    let surveys = [(capture("a.pcap"), Survey::new(&sample::report(), Severity::Note))];
    let text = first_policy(&["*.pcap".into()], Severity::Note, &surveys);
    let policy = Policy::parse(&text).unwrap_or_else(|faults| panic!("{faults:#?}\n{text}"));
    let verdict = verdict(&policy, None);
    assert_eq!(verdict.outcome, Outcome::Passed, "{verdict:#?}");
    assert_eq!(verdict.claims.len(), 5);
    let array = policy.expect_at.expect("it is an array");
    assert_eq!(text[array], expectations(&surveys));
}

#[test]
fn figures_have_names_that_can_be_typed() {
    for figure in FIGURES {
        assert!(Figure::find(figure.name).is_some_and(|found| found.name == figure.name));
        assert!(figure.name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_'));
        assert!(figure.doc.ends_with('.'), "{}", figure.name);
    }
}

#[test]
fn more_findings_and_worse_figures_are_worse() {
    let (a, mut b) = (sample::report(), sample::report());
    assert!(compare(&a, &b, &Tolerance::default()).is_empty());
    b.findings.push(sample::finding("TD001", 9));
    let difference = compare(&a, &b, &Tolerance::default());
    assert!(difference.is_worse());
    assert_eq!((difference.rules[0].rule, difference.rules[0].b), ("TD001", 1));
    assert!(!compare(&b, &a, &Tolerance::default()).is_worse());
    b.findings.pop();
    b.summary.half_open.peak = 20;
    assert!(compare(&a, &b, &Tolerance::default()).is_worse());
    assert!(!compare(&a, &b, &Tolerance { share: 100.0, ..Tolerance::default() }).is_worse());
}
