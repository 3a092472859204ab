//! Our segments against tshark's TCP packets, on every capture of the shared collection.
//!
//! The captures lie outside the repository: in `$TCPSCOPE_SHARED`, or in `../shared` beside it. Where the numbers differ,
//! `known/tcp_packets.tsv` says why; a difference that is gone must leave that list.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use tcpscope::config::DecodeConfig;
use tcpscope::decode::Decoder;
use tcpscope::source::{FileOptions, Files, Next, Source};

/// The folder of captures, if it is there.
fn captures() -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared");
    let captures = std::env::var_os("TCPSCOPE_SHARED").map_or_else(beside, PathBuf::from).join("captures");
    if captures.join("MANIFEST.tsv").is_file() {
        return Some(captures);
    }
    eprintln!("SKIPPED: no captures in {}; set TCPSCOPE_SHARED", captures.display());
    None
}

/// Segments in a file.
fn segments(path: &Path) -> u64 {
    let mut files = Files::open([path], &FileOptions::default()).expect("no filter to be wrong");
    let mut decoder = Decoder::new(DecodeConfig::default());
    let mut segments = 0;
    while let Ok(Next::Packet(packet)) = files.next() {
        segments += u64::from(decoder.decode(&packet).is_ok());
    }
    segments
}

/// A table with headings: by the column `name`, the `numbers` of each line.
fn table<const N: usize>(text: &str, name: &str, numbers: [&str; N]) -> BTreeMap<String, [u64; N]> {
    let mut lines = text.lines().map(|line| line.split('\t').collect::<Vec<_>>());
    let heads = lines.next().expect("a line of headings");
    let column = |name: &str| heads.iter().position(|head| *head == name).expect("the heading is there");
    let (name, numbers) = (column(name), numbers.map(column));
    lines
        .map(|cells| (cells[name].to_owned(), numbers.map(|at| cells[at].parse().expect("a number"))))
        .collect()
}

#[test]
fn segments_are_tsharks_tcp_packets_or_the_reason_is_known() {
    let Some(captures) = captures() else { return };
    let manifest = std::fs::read_to_string(captures.join("MANIFEST.tsv")).expect("the manifest was there");
    let mut known = table(include_str!("known/tcp_packets.tsv"), "capture", ["ours", "tshark"]);
    let mut wrong = Vec::new();
    for (capture, [tshark]) in table(&manifest, "file", ["tcp_packets"]) {
        let ours = segments(&captures.join(&capture));
        let expected = known.remove(&capture).unwrap_or([tshark, tshark]);
        if [ours, tshark] != expected {
            wrong.push(format!("{capture}: ours {ours}, tshark {tshark}, known {expected:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(known.is_empty(), "not in the manifest: {known:?}");
}
