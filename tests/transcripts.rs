//! The project's own transcripts: every file of `tests/transcripts/` gives exactly what it says.

use std::collections::BTreeSet;

use tcpscope::track::Role;

use crate::support::known::no_complaints;
use crate::support::packet::capture_time;
use crate::support::run::{Seen, role_of, shape_words, standing_states, word};
use crate::support::script::Script;
use crate::support::transcript::{StateCheck, Transcript, Wait, all, end_name};
use crate::vectors::implemented;

#[test]
fn every_transcript_holds() {
    let transcripts = all();
    assert!(transcripts.len() >= 30, "only {} transcripts", transcripts.len());
    let complaints: Vec<String> = transcripts.iter().flat_map(check).collect();
    no_complaints("transcripts", &complaints);
}

fn check(transcript: &Transcript) -> Vec<String> {
    let mut wrong: Vec<String> = transcript.states.iter().flat_map(|s| check_states(transcript, s)).collect();
    let seen = Seen::of_frames(transcript.script.frames());
    let file = &transcript.file;
    let Some(last) = seen.last() else {
        wrong.push(format!("{file}: no connection"));
        return wrong;
    };
    for (end, wanted) in &transcript.paths {
        let got = role_of(last, *end, true).map(|role| standing_states(last, role)).unwrap_or_default();
        if got != *wanted {
            wrong.push(format!("{file}: path of {} is {got:?}, not {wanted:?}", end_name(*end)));
        }
    }
    let mut found: BTreeSet<String> = seen.rules().intersection(&implemented()).cloned().collect();
    if !file.starts_with("cn") {
        // Most transcripts open and close without payload; only those of the family need say so.
        found.retain(|rule| !rule.starts_with("CN") || transcript.rules.contains(rule));
    }
    let wanted: BTreeSet<String> = transcript.rules.intersection(&implemented()).cloned().collect();
    if found != wanted {
        wrong.push(format!("{file}: findings {found:?}, not {wanted:?}"));
    }
    if let Some(shape) = transcript.shape.as_ref().filter(|s| **s != shape_words(last)) {
        wrong.push(format!("{file}: shapes {:?}, not {shape:?}", shape_words(last)));
    }
    if let Some(wanted) = transcript.connections.filter(|n| *n != seen.records.len()) {
        wrong.push(format!("{file}: {} connections, not {wanted}", seen.records.len()));
    }
    let mut waits = waits(&seen);
    waits.sort();
    let mut wanted: Vec<&Wait> = transcript.waits.iter().collect();
    wanted.sort();
    if waits.iter().collect::<Vec<_>>() != wanted {
        wrong.push(format!("{file}: TIME_WAIT {waits:?}, not {wanted:?}"));
    }
    wrong
}

/// The states after the segments above the check: the transcript up to there, analyzed by itself.
fn check_states(transcript: &Transcript, check: &StateCheck) -> Vec<String> {
    let place = format!("{}:{}", transcript.file, check.line);
    let script = Script {
        shots: transcript.script.shots.iter().take(check.after).cloned().collect(),
        end: transcript.script.end.filter(|_| check.at_end),
    };
    let seen = Seen::of_frames(script.frames());
    let Some(last) = seen.last() else { return vec![format!("{place}: no connection")] };
    let mut wrong = Vec::new();
    for (end, state, letter) in &check.ends {
        let Some(role) = role_of(last, *end, true) else {
            wrong.push(format!("{place}: {} is not in the last connection", end_name(*end)));
            continue;
        };
        let (got, how) = (*last.state.of(role), last.certainty.of(role).letter());
        if got != *state || letter.is_some_and(|l| l != how) {
            let wanted = letter.map(|l| format!("/{l}")).unwrap_or_default();
            wrong.push(format!("{place}: {} is {got}/{how}, not {state}{wanted}", end_name(*end)));
        }
    }
    wrong
}

fn waits(seen: &Seen) -> Vec<Wait> {
    let of = |r: &tcpscope::track::Record| {
        let holder = |role: Role| *r.endpoints.of(role);
        r.time_wait
            .iter()
            .map(|w| Wait {
                holder: holder(w.endpoint),
                start: w.start.since(capture_time(0)).0,
                certainty: w.start_certainty.name().into(),
                end_kind: word(&w.end_kind),
            })
            .collect::<Vec<_>>()
    };
    seen.records.iter().flat_map(of).collect()
}
