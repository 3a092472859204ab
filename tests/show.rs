//! Ladder diagrams: their exact text at two widths, and what every format must hold to for every sample.

use std::path::PathBuf;

use tcpscope::config::Config;
use tcpscope::engine;
use tcpscope::output::{Folding, LADDERS, Layout, Numbers, View};
use tcpscope::report::{Ladder, Pick, Picker, Row};
use tcpscope::source::{FileOptions, Files};

use crate::support::known::no_complaints;
use crate::support::program::{root, run};

#[test]
fn ladders_have_their_golden_text() {
    let mut wrong = Vec::new();
    for (sample, id) in GOLDEN {
        let ladder = ladder(sample, Pick::Id(id), Picker::ROWS, 1);
        for width in [80, 120] {
            let text = drawn(&ladder, "text", FOLDED, width);
            let wide = text.lines().find(|l| l.chars().count() > width.into() && !l.starts_with("Next:"));
            wrong.extend(wide.map(|line| format!("{sample} at {width}: too wide: {line}")));
            wrong.extend(golden(&format!("{sample}-{id}-{width}.txt"), &text));
        }
        wrong.extend(golden(&format!("{sample}-{id}.mermaid"), &drawn(&ladder, "mermaid", FOLDED, 80)));
    }
    no_complaints("ladders (UPDATE_GOLDEN=1 rewrites them)", &wrong);
}

#[test]
fn every_connection_of_every_sample_is_drawn_in_every_format() {
    let mut wrong = Vec::new();
    for sample in samples() {
        let json: serde_json::Value =
            serde_json::from_slice(&run(["read", &format!("samples/{sample}"), "--json"]).stdout)
                .expect("JSON");
        let ids = json["connections"].as_array().into_iter().flatten().filter_map(|c| c["id"].as_u64());
        for id in ids.take(8) {
            let ladder = ladder(&sample, Pick::Id(id), Picker::ROWS, 1);
            let all = View { folding: Folding::Unfolded, numbers: Numbers::Absolute };
            for view in [FOLDED, all] {
                let text = drawn(&ladder, "text", view, 100);
                let states = [ladder.record.state.client, ladder.record.state.server];
                let missing = states.iter().find(|s| !text.contains(s.name()));
                wrong.extend(missing.map(|s| format!("{sample} {id}: does not show {s}")));
                wrong.extend(
                    ill_formed(&drawn(&ladder, "svg", view, 100)).map(|w| format!("{sample} {id}: {w}")),
                );
                let mermaid = drawn(&ladder, "mermaid", view, 100);
                wrong.extend(bad_mermaid(&mermaid).map(|w| format!("{sample} {id}: {w}")));
            }
        }
    }
    no_complaints("ladders", &wrong);
}

#[test]
fn a_connection_is_found_by_id_stream_and_endpoints_of_its_own_life() {
    let sample = "time-wait-reuse.pcap";
    let second = ladder(sample, Pick::Id(12), Picker::ROWS, 1);
    assert_eq!(frames(&second), (12..=22).collect::<Vec<_>>());
    let by_stream = ladder(sample, Pick::Stream(1), Picker::ROWS, 1);
    assert_eq!(frames(&by_stream), frames(&second));
    let ends = Pick::parse("198.18.0.2:80-198.18.0.1:40000").expect("endpoints");
    let first = ladder(sample, ends, Picker::ROWS, 1);
    assert_eq!(frames(&first), (1..=11).collect::<Vec<_>>());
    assert_eq!(first.others, [12]);
}

#[test]
fn rows_are_the_same_for_any_number_of_threads() {
    let one = drawn(&ladder("loss-2pct.pcap", Pick::Id(1), Picker::ROWS, 1), "text", FOLDED, 120);
    for threads in [2, 3, 8] {
        let many = ladder("loss-2pct.pcap", Pick::Id(1), Picker::ROWS, threads);
        assert_eq!(drawn(&many, "text", FOLDED, 120), one);
    }
}

#[test]
fn a_full_ladder_folds_and_loses_no_segment() {
    for sample in ["loss-2pct.pcap", "syn-unanswered.pcap", "zero-window.pcap"] {
        let all = ladder(sample, Pick::Id(1), Picker::ROWS, 1);
        let few = ladder(sample, Pick::Id(1), 8, 1);
        assert!(few.rows.len() <= 8, "{sample}: {}", few.rows.len());
        let count =
            |l: &Ladder| -> u64 { l.rows.iter().flat_map(|r| r.folded().of).map(|of| of.segments).sum() };
        assert_eq!(count(&few), count(&all), "{sample}");
        assert!(!drawn(&few, "text", FOLDED, 80).is_empty());
    }
}

#[test]
fn what_is_not_there_is_wrong_usage_with_the_way_to_it() {
    let file = "samples/time-wait-reuse.pcap";
    for (arguments, says) in [
        (&["show", file, "13"][..], "belongs to connection 12"),
        (&["show", file, "999"], "no connection 999"),
        (&["show", file, "--stream", "7"], "tcp.stream 7"),
        (&["show", file, "nonsense"], "first column"),
        (&["show", file], "which connection"),
    ] {
        let ran = run(arguments);
        assert_eq!(ran.code, Some(2), "{arguments:?}: {ran:?}");
        assert!(ran.stderr.contains(says) && ran.stderr.contains("hint: "), "{}", ran.stderr);
        assert!(ran.stdout.is_empty());
    }
    assert_eq!(run(["show", "samples/no-such.pcap", "1"]).code, Some(3));
}

#[test]
fn standard_input_is_read_once() {
    let bytes = std::fs::read(root().join("samples/half-close.pcap")).expect("a sample");
    let output = assert_cmd::Command::cargo_bin("tcpscope")
        .expect("the program is built with the tests")
        .args(["show", "-", "1", "--all"])
        .write_stdin(bytes)
        .output()
        .expect("it ends");
    let file = run(["show", "samples/half-close.pcap", "1", "--all"]);
    assert_eq!(String::from_utf8(output.stdout), String::from_utf8(file.stdout));
}

fn ladder(sample: &str, pick: Pick, rows: usize, threads: usize) -> Ladder {
    let mut name = sample.to_string();
    if !name.contains(".pcap") {
        name.push_str(".pcap");
    }
    let path = root().join("samples").join(name);
    let mut files = Files::open([path], &FileOptions::default()).expect("no filter");
    let mut picker = Picker::new(pick, rows);
    let outcome = engine::analyze(&mut files, &Config { threads, ..Config::default() }, &mut picker);
    assert!(outcome.failure.is_none(), "{sample}: {:?}", outcome.failure);
    picker.finish().unwrap_or_else(|e| panic!("{sample}: {e:?}"))
}

fn drawn(ladder: &Ladder, format: &str, view: View, width: u16) -> String {
    let format = LADDERS.iter().find(|f| f.name == format).expect("a format");
    let mut bytes = Vec::new();
    (format.write)(ladder, view, &Layout { width, ..Layout::default() }, &mut bytes)
        .expect("memory takes all");
    String::from_utf8(bytes).expect("UTF-8")
}

fn frames(ladder: &Ladder) -> Vec<u64> {
    ladder.rows.iter().map(Row::frame).collect()
}

fn golden(name: &str, text: &str) -> Option<String> {
    let path = root().join("tests/ladders").join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, text).expect("the golden folder can be written");
        return None;
    }
    let golden = std::fs::read_to_string(&path).unwrap_or_default();
    let line = golden.lines().zip(text.lines()).position(|(a, b)| a != b);
    (golden != text).then(|| format!("{name}: differs from line {:?} on:\n{text}", line.map(|l| l + 1)))
}

fn samples() -> Vec<String> {
    let entries = std::fs::read_dir(root().join("samples")).expect("the samples");
    let name = |path: PathBuf| path.file_name().map(|n| n.to_string_lossy().into_owned());
    let mut names: Vec<String> = entries.flatten().filter_map(|e| name(e.path())).collect();
    names.retain(|n| n.ends_with(".pcap"));
    names.sort();
    names
}

/// What keeps an SVG document from being well-formed XML: elements that cross, bare `&` or `<`, control characters.
fn ill_formed(svg: &str) -> Option<String> {
    let mut open: Vec<&str> = Vec::new();
    let mut rest = svg.trim();
    while let Some(at) = rest.find('<') {
        let text = &rest[..at];
        if let Some(bad) = bad_text(text) {
            return Some(bad);
        }
        let Some(end) = rest.find('>') else { return Some("an element without end".into()) };
        let tag = &rest[at + 1..end];
        if tag.contains('<') || tag.matches('"').count() % 2 != 0 {
            return Some(format!("bad element <{tag}>"));
        }
        let name = tag.trim_matches('/').split_whitespace().next().unwrap_or_default();
        match (tag.starts_with('/'), tag.ends_with('/')) {
            (true, _) if open.pop() != Some(name) => {
                return Some(format!("</{name}> closes another element"));
            }
            (false, false) => open.push(name),
            _ => {}
        }
        rest = &rest[end + 1..];
        if open.is_empty() && !rest.is_empty() {
            return Some("something after the document".into());
        }
    }
    let foreign = ["<script", "href", "url(", "@import"].iter().find(|word| svg.contains(**word));
    foreign.map(|word| format!("loads or runs something: {word}"))
}

fn bad_text(text: &str) -> Option<String> {
    let entity = |rest: &&str| !["amp;", "lt;", "gt;", "quot;"].iter().any(|e| rest.starts_with(e));
    if text.split('&').skip(1).any(|rest| entity(&rest)) {
        return Some(format!("a bare & in {text:?}"));
    }
    text.chars().any(|c| c.is_control() && c != '\n').then(|| format!("a control character in {text:?}"))
}

/// A line that is no statement of a sequence diagram.
fn bad_mermaid(text: &str) -> Option<String> {
    let mut lines = text.lines();
    if lines.next() != Some("sequenceDiagram") {
        return Some("does not begin with sequenceDiagram".into());
    }
    let starts = [
        "%% ",
        "participant C as ",
        "participant S as ",
        "C->>S: ",
        "S->>C: ",
        "C-->>S: ",
        "S-->>C: ",
        "Note left of C: ",
        "Note right of S: ",
        "Note over C,S: ",
    ];
    let bad = |line: &&str| {
        let line = line.trim();
        let Some(start) = starts.iter().find(|s| line.starts_with(**s)) else { return true };
        let text = line[start.len()..]
            .replace("#35;", "")
            .replace("#59;", "")
            .replace("#lt;", "")
            .replace("#gt;", "");
        !line.starts_with("%%") && text.replace("#37;", "").contains(['#', ';', '<', '>'])
    };
    lines.find(bad).map(|line| format!("no statement: {line}"))
}

const FOLDED: View = View { folding: Folding::Folded, numbers: Numbers::Relative };

/// Samples and the connections of them whose ladders are kept.
const GOLDEN: [(&str, u64); 6] = [
    ("handshake-and-close", 1),
    ("half-close", 1),
    ("accept-queue-overflow", 5),
    ("lost-final-ack", 1),
    ("time-wait-reuse", 12),
    ("loss-2pct", 1),
];
