//! The shared vectors: every script gives the states, findings and labels that its expected line says.

use std::collections::BTreeSet;

use tcpscope::tcp::{Certainty, State};

use crate::support::known::no_complaints;
use crate::support::run::{Seen, role_of, shape_words};
use crate::support::script::{Script, endpoint};
use crate::support::shared::shared;

#[test]
fn every_shared_vector_holds() {
    let Some(vectors) = all("vectors") else { return };
    let complaints: Vec<String> = vectors.iter().flat_map(check).collect();
    let failed: BTreeSet<&str> = complaints.iter().filter_map(|c| c.split(' ').next()).collect();
    eprintln!("vectors: {} of {} hold", vectors.len() - failed.len(), vectors.len());
    no_complaints("vectors", &complaints);
}

/// One vector.
pub struct Vector {
    pub id: String,
    pub title: String,
    pub script: Script,
    /// Endpoint, state, certainty.
    pub ends: [(String, State, Certainty); 2],
    pub rules: BTreeSet<String>,
    pub shapes: BTreeSet<String>,
}

/// All vectors, or `None` on a machine without the shared folder.
pub fn all(test: &str) -> Option<Vec<Vector>> {
    let path = shared(test)?.join("design/vectors.txt");
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let blocks = text.split("\n\n").map(str::trim).filter(|b| b.contains("\n=>"));
    let vectors: Vec<Vector> = blocks.map(vector).collect();
    assert!(vectors.len() >= 82, "only {} vectors read", vectors.len());
    Some(vectors)
}

/// The rules that this version has; a vector's other rules are not asked for yet.
pub fn implemented() -> BTreeSet<String> {
    tcpscope::rules::rules().map(|r| r.id.to_string()).collect()
}

fn vector(block: &str) -> Vector {
    let mut lines = block.lines();
    let (id, title) = lines.next().and_then(|l| l.split_once(' ')).expect("a vector has a title");
    let mut script = String::new();
    let mut expected = "";
    for line in lines {
        match line.strip_prefix("=>") {
            Some(rest) => expected = rest,
            None => script.push_str(line),
        }
    }
    let mut columns = expected.split('|').map(str::trim);
    let ends: Vec<_> = columns.next().unwrap_or_default().split_whitespace().map(end).collect();
    Vector {
        id: id.into(),
        title: title.into(),
        script: Script::parse(&script),
        ends: ends.try_into().unwrap_or_else(|_| panic!("{id}: not two ends")),
        rules: words(columns.next()),
        shapes: words(columns.next()).into_iter().filter(|w| !NOTES.contains(&w.as_str())).collect(),
    }
}

fn end(text: &str) -> (String, State, Certainty) {
    let (who, what) = text.split_once('=').expect("endpoint=STATE/certainty");
    let (state, certainty) = what.split_once('/').expect("STATE/certainty");
    let certainty = match certainty {
        "o" => Certainty::Observed,
        "i" => Certainty::Inferred,
        "a" => Certainty::Assumed,
        _ => panic!("no certainty: {text}"),
    };
    (who.into(), State::parse(state).unwrap_or_else(|| panic!("no state: {text}")), certainty)
}

fn words(column: Option<&str>) -> BTreeSet<String> {
    let text = column.unwrap_or_default();
    text.split(',').map(str::trim).filter(|w| !w.is_empty() && *w != "-").map(String::from).collect()
}

/// What is wrong with a vector's result; each line begins with its id.
fn check(vector: &Vector) -> Vec<String> {
    let seen = Seen::of_frames(vector.script.frames());
    let name = format!("{} ({})", vector.id, vector.title);
    let Some(last) = seen.last() else { return vec![format!("{name}: no connection")] };
    let mut wrong = Vec::new();
    for (i, (who, state, certainty)) in vector.ends.iter().enumerate() {
        let at = endpoint(who.trim_end_matches('\''));
        let Some(role) = role_of(last, at, i == 0) else {
            wrong.push(format!("{name}: {who} is not in the last record"));
            continue;
        };
        let (got, how) = (*last.state.of(role), *last.certainty.of(role));
        if (got, how) != (*state, *certainty) {
            let wanted = certainty.letter();
            wrong.push(format!("{name}: {who} is {got}/{}, not {state}/{wanted}", how.letter()));
        }
    }
    let wanted: BTreeSet<String> = vector.rules.intersection(&implemented()).cloned().collect();
    let mut found: BTreeSet<String> = seen.rules().intersection(&implemented()).cloned().collect();
    found.retain(|rule| wanted.contains(rule) || !UNLISTED.contains(&rule.as_str()));
    if wanted != found {
        wrong.push(format!("{name}: rules {found:?}, not {wanted:?}"));
    }
    let shapes: BTreeSet<String> = seen
        .records
        .iter()
        .flat_map(shape_words)
        .filter(|w| !CLOSES_NOT_LISTED.contains(&w.as_str()))
        .collect();
    if shapes != vector.shapes {
        wrong.push(format!("{name}: shapes {shapes:?}, not {:?}", vector.shapes));
    }
    wrong
}

/// Notes about the use of a connection and labels of tools, which the vectors' expected lines leave out.
const UNLISTED: [&str; 3] = ["CN002", "CN003", "AT020"];
/// Words in the shapes column that say what the peer answered; no labels.
const NOTES: [&str; 2] = ["old-ack", "rst-reply"];
/// Shapes of a close that the vectors leave unsaid.
const CLOSES_NOT_LISTED: [&str; 5] =
    ["four-segment", "three-segment", "half-close", "abort", "rst-after-fin"];
