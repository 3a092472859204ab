//! Golden files: every sample in every format gives what stands in `tests/golden/`; `UPDATE_GOLDEN=1` rewrites them.
//!
//! Of a long output the golden file has the first lines, and a digest of the rest: every change fails the test, and all
//! files together stay small enough to be read in a diff.

use std::collections::BTreeSet;
use std::path::PathBuf;

use sha1::{Digest, Sha1};
use tcpscope::output::FORMATS;

use crate::support::known::no_complaints;
use crate::support::program::{root, run};

#[test]
fn every_sample_in_every_format_gives_its_golden_bytes() {
    let samples = samples();
    assert!(!samples.is_empty(), "no captures in samples/");
    let folder = root().join("tests/golden");
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    let mut wrong = Vec::new();
    let mut expected = BTreeSet::new();
    for sample in &samples {
        for format in FORMATS.iter().map(|f| f.name) {
            let name = format!("{}.{format}", sample.trim_start_matches("samples/").replace('/', "__"));
            expected.insert(name.clone());
            let ran = run(["read", sample, "--format", format]);
            if ran.code != Some(0) {
                wrong.push(format!("{name}: exit {:?}: {}", ran.code, ran.stderr));
                continue;
            }
            let bytes = shorten(&mask(&String::from_utf8_lossy(&ran.stdout)));
            let golden = folder.join(&name);
            if update {
                let written = std::fs::create_dir_all(&folder).and_then(|()| std::fs::write(&golden, &bytes));
                written.expect("the golden folder can be written");
            } else {
                wrong.extend(difference(
                    &name,
                    &std::fs::read_to_string(&golden).unwrap_or_default(),
                    &bytes,
                ));
            }
        }
    }
    for stale in present(&folder).difference(&expected) {
        if update {
            std::fs::remove_file(folder.join(stale)).expect("the golden folder can be written");
        } else {
            wrong.push(format!("{stale}: belongs to no sample"));
        }
    }
    no_complaints("golden files (UPDATE_GOLDEN=1 rewrites them)", &wrong);
}

/// The lines that fit into [`LONGEST`], then how many more there are and their digest.
fn shorten(text: &str) -> String {
    if text.len() <= LONGEST {
        return text.to_string();
    }
    let kept = text.split_inclusive('\n').scan(0, |bytes, line| {
        *bytes += line.len();
        (*bytes <= LONGEST).then_some(line.len())
    });
    let (kept, rest) = text.split_at(kept.sum());
    let digest = Sha1::digest(rest).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    format!("{kept}... {} more lines, {} bytes, SHA-1 {digest}\n", rest.lines().count(), rest.len())
}

#[test]
fn a_long_output_is_shortened_to_whole_lines_and_a_digest() {
    let line = format!("{}\n", "x".repeat(LONGEST / 2));
    assert_eq!(shorten(&line), line);
    let (two, other) = (shorten(&line.repeat(2)), shorten(&format!("{line}{}y\n", line.trim_end())));
    assert!(two.starts_with(&format!("{line}... 1 more lines, ")) && two.ends_with('\n'));
    assert_ne!(two, other);
}

/// The first line that differs.
fn difference(name: &str, golden: &str, now: &str) -> Option<String> {
    if golden == now {
        return None;
    }
    if golden.is_empty() {
        return Some(format!("{name}: no golden file"));
    }
    let (mut old, mut new) = (golden.lines(), now.lines());
    for line in 1.. {
        let (a, b) = (old.next(), new.next());
        if a != b {
            return Some(format!("{name}:{line}: {b:?}, not {a:?}"));
        }
        if a.is_none() {
            break;
        }
    }
    Some(format!("{name}: line ends differ"))
}

/// The versions of the program and of libpcap change without meaning.
fn mask(text: &str) -> String {
    let own = env!("CARGO_PKG_VERSION");
    let text = text.replace(&format!("tcpscope {own}"), "tcpscope VERSION");
    ["\"libpcap\"", "\"version\""].iter().fold(text, |text, key| mask_string(&text, key))
}

/// Masks the string that follows every `key:`.
fn mask_string(text: &str, key: &str) -> String {
    let mut parts = text.split(key);
    let mut masked = parts.next().unwrap_or_default().to_string();
    for part in parts {
        masked.push_str(key);
        let mut quoted = part.splitn(3, '"');
        match (quoted.next(), quoted.next(), quoted.next()) {
            (Some(colon), Some(_), Some(rest)) if colon.trim() == ":" => {
                masked.push_str(&format!("{colon}\"VERSION\"{rest}"));
            }
            _ => masked.push_str(part),
        }
    }
    masked
}

#[test]
fn only_versions_are_masked() {
    let text = r#"{"tool":{"name":"tcpscope","version": "9.9","libpcap":null},"x":"version"}"#;
    let masked = r#"{"tool":{"name":"tcpscope","version": "VERSION","libpcap":null},"x":"version"}"#;
    assert_eq!(mask(text), masked);
}

/// Paths of the samples from the project's root.
fn samples() -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(root().join("samples")) else { return Vec::new() };
    let mut names: Vec<String> =
        entries.flatten().map(|e| format!("samples/{}", e.file_name().to_string_lossy())).collect();
    names.retain(|n| n.contains(".pcap"));
    names.sort();
    names
}

fn present(folder: &PathBuf) -> BTreeSet<String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return BTreeSet::new() };
    let names = entries.flatten().map(|e| e.file_name().to_string_lossy().into_owned());
    names.filter(|n| !n.starts_with('.')).collect()
}

/// Bytes of a golden file at most, its last line aside: 62 samples in six formats come to less than 2 MB.
const LONGEST: usize = 16 << 10;
