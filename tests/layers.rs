//! The order of the layers and the rules of files that the compiler does not check (house style, sections 2 and 5).

use std::path::{Path, PathBuf};

use crate::support::known::no_complaints;

#[test]
fn a_layer_uses_only_layers_below_it() {
    no_complaints("layers", &lines_where(crosses_layers));
}

#[test]
fn every_file_begins_with_what_it_knows() {
    let mut wrong: Vec<String> = Vec::new();
    for folder in ["src", "tests"] {
        for (name, text) in sources(folder) {
            let first = text.lines().next().unwrap_or_default();
            if first.strip_prefix("//! ").is_none_or(|rest| rest.trim().is_empty()) {
                wrong.push(format!("{name}:1: does not begin with `//! ` and a sentence: {first}"));
            }
        }
    }
    no_complaints("first lines", &wrong);
}

#[test]
fn no_file_has_a_name_that_says_nothing() {
    let mut wrong = Vec::new();
    for folder in ["src", "tests"] {
        for (name, _) in sources(folder) {
            let parts = name.split('/').map(|p| p.trim_end_matches(".rs"));
            wrong.extend(
                parts.filter(|p| EMPTY_NAMES.contains(p)).map(|p| format!("{name}: {p} says nothing")),
            );
        }
    }
    no_complaints("names", &wrong);
}

#[test]
fn only_the_outside_reads_the_clock() {
    no_complaints(
        "clocks",
        &lines_where(|name, line| {
            let allowed = belongs(name, "source/live") || CLOCK_LAYERS.iter().any(|l| belongs(name, l));
            let reads =
                ["SystemTime", "Instant"].iter().any(|clock| code(line).split(word_end).any(|w| w == *clock));
            (reads && !allowed).then(|| "reads the clock".into())
        }),
    );
}

/// The checks themselves must be able to fail.
#[test]
fn the_check_of_layers_sees_what_it_should() {
    let bad = |name, line| crosses_layers(name, line).is_some();
    assert!(bad("src/tcp/seq.rs", "use crate::track::Record;"));
    assert!(bad("src/decode/mod.rs", "use crate::{error::Error, engine};"));
    assert!(bad("src/track/mod.rs", "    let x = crate::rules::RULES;"));
    assert!(bad("src/config.rs", "use crate::source::Packet;"));
    assert!(!bad("src/config.rs", "use crate::tcp::Duration;"));
    assert!(!bad("src/source/mod.rs", "use crate::source::Input;"));
    assert!(!bad("src/cli/mod.rs", "use crate::{engine, report::Report};"));
    assert!(!bad("src/tcp/mod.rs", "use crate::error::Error;"));
    assert!(!bad("src/tcp/mod.rs", "// crate::cli is above"));
}

/// The layer that a line may not use, for the line of that file.
fn crosses_layers(name: &str, line: &str) -> Option<String> {
    let own = LAYERS.iter().position(|l| belongs(name, l))?;
    let used = used_modules(code(line)).into_iter().find(|used| {
        used != "error" && LAYERS.iter().position(|l| l == used).is_some_and(|layer| layer > own)
    })?;
    Some(format!("{} may not use {used}", LAYERS[own]))
}

/// The first name after every `crate::` of a line, those inside braces included.
fn used_modules(line: &str) -> Vec<String> {
    let mut used = Vec::new();
    for rest in line.split("crate::").skip(1) {
        let names: Vec<&str> = match rest.strip_prefix('{') {
            Some(group) => top_level(group),
            None => vec![rest],
        };
        used.extend(names.iter().filter_map(|n| n.trim().split(word_end).next()).map(String::from));
    }
    used
}

/// The parts of `a::{b, c}, d}` up to the closing brace: `a::{b, c}` and `d`.
fn top_level(group: &str) -> Vec<&str> {
    let (mut depth, mut start, mut parts) = (0, 0, Vec::new());
    for (i, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => {
                parts.push(&group[start..i]);
                return parts;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&group[start..i]);
                start = i + 1;
            }
            _ => {}
        }
    }
    parts.push(&group[start..]);
    parts
}

fn belongs(name: &str, layer: &str) -> bool {
    name == format!("src/{layer}.rs") || name.starts_with(&format!("src/{layer}/"))
}

/// A line without its comment.
fn code(line: &str) -> &str {
    line.split("//").next().unwrap_or_default()
}

fn word_end(c: char) -> bool {
    !c.is_alphanumeric() && c != '_'
}

/// Every line of `src` that `wrong` has something to say about.
fn lines_where(wrong: impl Fn(&str, &str) -> Option<String>) -> Vec<String> {
    let mut found = Vec::new();
    for (name, text) in sources("src") {
        // A `use` over several lines is one statement.
        let mut statement = String::new();
        for (number, line) in text.lines().enumerate() {
            statement.push_str(code(line));
            let open =
                statement.trim_start().starts_with("use ") || statement.trim_start().starts_with("pub use ");
            if open && !statement.contains(';') {
                continue;
            }
            let why = wrong(&name, &statement);
            found.extend(why.map(|why| format!("{name}:{}: {why}: {}", number + 1, statement.trim())));
            statement.clear();
        }
    }
    found
}

/// Path from the project's root, and text, of every Rust file below a folder.
fn sources(folder: &str) -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    collect(&root.join(folder), &mut files);
    files.sort();
    assert!(files.len() > 10, "only {} files in {folder}", files.len());
    let name = |f: &PathBuf| {
        f.strip_prefix(root).expect("it is below the root").to_string_lossy().replace('\\', "/")
    };
    files.iter().map(|f| (name(f), std::fs::read_to_string(f).expect("a source file is text"))).collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder of the project").flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|e| e == "rs") {
            files.push(path);
        }
    }
}

/// Low to high.
///
/// `check` judges a report and does not print: so it stands after `report`, and before `output`, which writes reports and
/// verdicts alike.
const LAYERS: [&str; 12] = [
    "tcp", "config", "source", "decode", "track", "rules", "engine", "report", "check", "output", "tui",
    "cli",
];
const CLOCK_LAYERS: [&str; 2] = ["cli", "tui"];
const EMPTY_NAMES: [&str; 4] = ["utils", "common", "helpers", "types"];
