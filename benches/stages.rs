//! What each stage of an analysis costs, on three small made captures.
//!
//! - `cargo bench --bench stages` prints CPU nanoseconds a packet.
//! - `cargo bench --bench stages -- instructions` counts instructions with valgrind, holds them against
//!   `benches/instructions.tsv`, and fails where one has grown by more than [`TOLERANCE`]. Times depend on the machine
//!   and on who else uses it; instructions hardly do.
//! - `… -- instructions update` writes that file: after a change that is worth its price, or makes it cheaper.
//!
//! The stages build on each other: each does what those before it do, and one thing more.

mod stages {
    pub mod baseline;
    pub mod stage;
}
mod support;

use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use stages::baseline::{Baseline, Key};
use stages::stage::{STAGES, Stage};
use support::Capture;

/// Makes a capture of about so many packets.
type Make = fn(&mut Capture<BufWriter<File>>, u64) -> std::io::Result<()>;

/// The captures: what each of performance.md's is like, in small.
const CAPTURES: [(&str, Make); 3] = [
    ("mix", |capture, packets| capture.mix((packets / PER_CONNECTION) as u32)),
    ("bulk", |capture, packets| capture.bulk(packets * 2 / 3)),
    ("flood", |capture, packets| capture.flood(packets, 100_000)),
];
/// Packets of a connection of the mix, on average.
const PER_CONNECTION: u64 = 11;
/// Packets of a capture whose instructions are counted: enough for the start of the program not to count, and few
/// enough for valgrind.
const FEW: u64 = 20_000;
/// Packets of a capture whose time is taken.
const MANY: u64 = 400_000;
/// Runs of which the fastest counts.
const RUNS: usize = 5;
/// How much a count may grow. Two runs differ by a thousandth (tables are hashed with random keys), the length of the
/// environment by 40,000 in all; a processor without AVX2, for which the C library copies otherwise, by up to 14 %
/// (measured by taking it away). Where a new compiler or C library alone goes beyond, write the file anew.
const TOLERANCE: f64 = 1.15;

fn main() -> ExitCode {
    // Cargo itself adds `--bench`.
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => times(),
        ["instructions"] => return compare(),
        ["instructions", "update"] => Baseline(counts()).write(),
        ["run", name, path] => {
            let stage = STAGES.iter().find(|stage| stage.name == name).expect("a stage");
            println!("{}", (stage.run)(Path::new(path)));
        }
        _ => {
            eprintln!("error: what is {words:?}? nothing, `instructions` or `instructions update`");
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}

/// The capture's file, made now, and how many packets it has.
fn make(folder: &Path, (name, make): (&str, Make), packets: u64) -> (PathBuf, u64) {
    let path = folder.join(name).with_extension("pcap");
    let file = BufWriter::new(File::create(&path).expect("a temporary folder can be written"));
    let mut capture = Capture::new(file, 7).expect("there is room");
    make(&mut capture, packets).expect("there is room");
    (path, capture.packets)
}

/// Prints the CPU time of each stage.
fn times() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    print!("{:8} {:>9}", "", "packets");
    STAGES.iter().for_each(|stage| print!(" {:>8}", stage.name));
    println!("   ns of CPU a packet, least of {RUNS}");
    for kind in CAPTURES {
        let (path, packets) = make(folder.path(), kind, MANY);
        print!("{:8} {packets:>9}", kind.0);
        for stage in &STAGES {
            let least = (0..RUNS).map(|_| cpu_ns(stage, &path)).min().unwrap_or(0);
            print!(" {:>8.1}", least as f64 / packets as f64);
        }
        println!();
    }
}

/// Nanoseconds of CPU that one run takes.
fn cpu_ns(stage: &Stage, path: &Path) -> i64 {
    let spent = || {
        let usage = getrusage(UsageWho::RUSAGE_SELF).expect("Linux tells");
        usage.user_time().num_nanoseconds() + usage.system_time().num_nanoseconds()
    };
    let before = spent();
    std::hint::black_box((stage.run)(path));
    spent() - before
}

/// Counts, and holds against what was counted when the file was written.
fn compare() -> ExitCode {
    let verdict = Baseline::read().judge(&counts(), TOLERANCE);
    print!("{}", verdict.table);
    if verdict.worse.is_empty() {
        return ExitCode::SUCCESS;
    }
    eprintln!("error: more than {TOLERANCE} times the instructions: {}", verdict.worse.join(", "));
    eprintln!(
        "hint: if that is the price of the change, write it down: cargo bench --bench stages -- instructions update"
    );
    ExitCode::FAILURE
}

/// Instructions of every stage on every capture.
fn counts() -> Vec<(Key, u64)> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut jobs = Vec::new();
    for kind in CAPTURES {
        let (path, _) = make(folder.path(), kind, FEW);
        jobs.extend(
            STAGES
                .iter()
                .map(|stage| (Key { capture: kind.0.into(), stage: stage.name.into() }, path.clone())),
        );
    }
    // Two at once: what else runs changes times, not counts.
    let (left, right) = jobs.split_at(jobs.len() / 2);
    let count_all = |jobs: &[(Key, PathBuf)]| -> Vec<_> {
        jobs.iter().map(|(key, path)| (key.clone(), instructions(&key.stage, path))).collect()
    };
    std::thread::scope(|scope| {
        let left = scope.spawn(|| count_all(left));
        let right = count_all(right);
        [left.join().expect("valgrind ran"), right].concat()
    })
}

/// Instructions of this very program running one stage.
fn instructions(stage: &str, path: &Path) -> u64 {
    let output = Command::new("valgrind")
        .args(["--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"])
        .arg(std::env::current_exe().expect("Linux tells"))
        .args(["run", stage])
        .arg(path)
        .output()
        .expect("valgrind is installed");
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}");
    // `==123== I   refs:      1,234,567`
    let line = text.lines().find(|line| line.contains("refs:")).expect("cachegrind counts instructions");
    line.rsplit_once(' ').and_then(|(_, n)| n.replace(',', "").parse().ok()).expect("a number")
}
