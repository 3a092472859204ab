//! Peak memory under ten million spoofed SYNs from ten million sources, in both JSON formats.
//!
//! `cargo bench --bench memory`; a bound that is not kept fails. `SYNS=N` sends another number.

mod support;

use std::io::BufWriter;
use std::process::{Command, Stdio};

use nix::sys::resource::{UsageWho, getrusage};
use support::Capture;

/// A format, and what its peak must stay below, MiB: the larger comes last, because the system tells the highest
/// peak of all children.
const BOUNDS: [(&str, i64); 2] = [("ndjson", 256), ("json", 1024)];
/// SYNs a second of capture time: more than the table holds arrive before the first expires.
const RATE: u64 = 100_000;

fn main() {
    let syns = std::env::var("SYNS").ok().and_then(|n| n.parse().ok()).unwrap_or(10_000_000);
    let mut is_kept = true;
    for (format, bound) in BOUNDS {
        let peak = peak(format, syns);
        println!("{syns} SYNs, {format}: peak {peak} MiB, bound {bound} MiB");
        is_kept &= peak < bound;
    }
    assert!(is_kept, "more memory than allowed");
}

/// MiB that the program needed at most.
fn peak(format: &str, syns: u64) -> i64 {
    let mut program = Command::new(env!("CARGO_BIN_EXE_tcpscope"))
        .args(["read", "-", "--format", format, "-o", "/dev/null", "-q"])
        .stdin(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let stdin = program.stdin.take().expect("a pipe");
    let mut capture = Capture::new(BufWriter::with_capacity(1 << 16, stdin), 7).expect("the program reads");
    capture.flood(syns, RATE).expect("the program reads all of it");
    drop(capture);
    assert!(program.wait().expect("the program ends").success());
    getrusage(UsageWho::RUSAGE_CHILDREN).expect("Linux tells").max_rss() >> 10
}
