//! JUnit XML: a suite for each capture; a case for each limit, each expectation, and each rule that fails it.
//!
//! No attribute is written that the schema of Jenkins' xunit plugin does not know, and no time or host.

use std::io::{self, Write};

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event};

use super::wording::{by_rule, claim_broken, claim_name, policy_place, sentence};
use crate::check::{Outcome, Run, Verdict};
use crate::output::text::escape;

/// Writes the document.
///
/// # Errors
/// The writer's.
pub fn write(run: &Run, out: &mut dyn Write) -> io::Result<()> {
    let mut xml = Writer::new_with_indent(out, b' ', 2);
    xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let suites: Vec<_> = run.verdicts.iter().map(|verdict| (verdict, cases(run, verdict))).collect();
    let all = || suites.iter().flat_map(|(_, cases)| cases);
    let [tests, failures, errors] = counts(all());
    let start = BytesStart::new("testsuites").with_attributes([
        ("name", "tcpscope check"),
        ("tests", &tests),
        ("failures", &failures),
        ("errors", &errors),
    ]);
    xml.write_event(Event::Start(start))?;
    for (verdict, cases) in &suites {
        suite(verdict, cases, &mut xml)?;
    }
    xml.write_event(Event::End(BytesEnd::new("testsuites")))?;
    xml.into_inner().write_all(b"\n")
}

/// One thing that passed or failed.
struct Case {
    name: String,
    outcome: Outcome,
    /// Why it failed, in a sentence.
    message: String,
    /// The same at length.
    text: String,
}

impl Case {
    fn passed(name: impl Into<String>) -> Self {
        Self { name: name.into(), outcome: Outcome::Passed, message: String::new(), text: String::new() }
    }
}

fn cases(run: &Run, verdict: &Verdict) -> Vec<Case> {
    if verdict.outcome == Outcome::Unreadable {
        let message = verdict.problem.clone().unwrap_or_default();
        let text = message.clone();
        return vec![Case { name: "readable".into(), outcome: Outcome::Unreadable, message, text }];
    }
    let mut cases: Vec<_> = verdict
        .claims
        .iter()
        .map(|claim| {
            let name = claim_name(claim);
            if claim.met {
                return Case::passed(name);
            }
            let message = claim_broken(claim);
            let text = format!("{message}\n{}", policy_place(run.policy.as_deref(), claim.place.line));
            Case { name, outcome: Outcome::Failed, message, text }
        })
        .collect();
    let rules = by_rule(verdict);
    for (rule, list) in &rules {
        let sentences: Vec<_> = list.iter().map(|judged| sentence(&judged.finding)).collect();
        cases.push(Case {
            name: format!("no {rule} {}", list.first().map_or("", |judged| judged.finding.name)),
            outcome: Outcome::Failed,
            message: sentences.first().cloned().unwrap_or_default(),
            text: format!("{}\ntcpscope explain {rule}", sentences.join("\n")),
        });
    }
    if rules.is_empty() {
        cases.push(Case::passed("no unexpected findings"));
    }
    cases.push(whole(verdict));
    cases
}

/// Whether it was read to its end, which fails a capture only where the policy says so.
fn whole(verdict: &Verdict) -> Case {
    let name = "read to its end";
    match &verdict.problem {
        Some(problem) if verdict.problem_fails => Case {
            name: name.into(),
            outcome: Outcome::Failed,
            message: format!("cut or corrupt: {problem}"),
            text: problem.clone(),
        },
        _ => Case::passed(name),
    }
}

fn suite(verdict: &Verdict, cases: &[Case], xml: &mut Writer<&mut dyn Write>) -> io::Result<()> {
    let [tests, failures, errors] = counts(cases.iter());
    let name = escape(&verdict.capture);
    let start = BytesStart::new("testsuite").with_attributes([
        ("name", name.as_ref()),
        ("tests", &tests),
        ("failures", &failures),
        ("errors", &errors),
    ]);
    xml.write_event(Event::Start(start))?;
    for case in cases {
        let start = BytesStart::new("testcase")
            .with_attributes([("name", escape(&case.name).as_ref()), ("classname", name.as_ref())]);
        if case.outcome == Outcome::Passed {
            xml.write_event(Event::Empty(start))?;
            continue;
        }
        let tag = if case.outcome == Outcome::Failed { "failure" } else { "error" };
        xml.write_event(Event::Start(start))?;
        let start = BytesStart::new(tag).with_attributes([("message", escape(&case.message).as_ref())]);
        xml.write_event(Event::Start(start))?;
        let lines: Vec<_> = case.text.lines().map(escape).collect();
        xml.write_event(Event::Text(BytesText::new(&lines.join("\n"))))?;
        xml.write_event(Event::End(BytesEnd::new(tag)))?;
        xml.write_event(Event::End(BytesEnd::new("testcase")))?;
    }
    xml.write_event(Event::End(BytesEnd::new("testsuite")))
}

/// Cases, failures, errors.
fn counts<'a>(cases: impl Iterator<Item = &'a Case>) -> [String; 3] {
    let mut counts = [0_u64; 3];
    for case in cases {
        counts[0] += 1;
        match case.outcome {
            Outcome::Passed => {}
            Outcome::Failed => counts[1] += 1,
            Outcome::Unreadable => counts[2] += 1,
        }
    }
    counts.map(|n| n.to_string())
}
