//! Any bytes behind a pcap header go the whole way to JSON lines, and every packet is counted.

#![no_main]

#[path = "file.rs"]
mod file;

use libfuzzer_sys::fuzz_target;
use tcpscope::config::Config;
use tcpscope::engine;
use tcpscope::output::Lines;
use tcpscope::source::{FileOptions, Files, Source};

fuzz_target!(|input: (u8, &[u8])| {
    let (link, rest) = input;
    let mut bytes = vec![0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, link, 0, 0, 0];
    bytes.extend(rest);
    let capture = file::holding(&bytes);
    let mut files = Files::open([capture.path()], &FileOptions::default()).expect("no filter to be wrong");
    let config = Config { threads: 1, ..Config::default() };
    let mut lines = Lines::new(std::io::sink(), &[]);
    let outcome = engine::analyze(&mut files, &config, &mut lines);
    lines.finish(files.inputs(), &outcome.summary).expect("nobody refuses to take it");
    let summary = outcome.summary;
    let skipped: u64 = summary.skipped.values().sum();
    assert_eq!(summary.packets, summary.segments + summary.duplicates + skipped);
});
