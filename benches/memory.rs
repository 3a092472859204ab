//! Peak memory under ten million spoofed SYNs from ten million sources, in both JSON formats; and what each connection
//! takes that stays as it is.
//!
//! `cargo bench --bench memory`; a bound that is not kept fails. `SYNS=N` sends another number.

mod support;

use std::io::BufWriter;
use std::process::{Child, ChildStdin, Command, ExitCode, Stdio};
use std::time::Duration;

use nix::sys::resource::{UsageWho, getrusage};
use support::{Capture, Far};

/// A format, and what its peak must stay below, MiB: the larger comes last, because the system tells the highest
/// peak of all children.
const PEAKS: [(&str, i64); 2] = [("ndjson", 256), ("json", 1024)];
/// SYNs a second of capture time: more than the table holds arrive before the first expires.
const RATE: u64 = 100_000;

/// What a connection may take, bytes.
const EACH: [(Far, u64); 3] = [(Far::Asked, 128), (Far::HalfOpen, 128), (Far::Open, 640)];
/// So many connections, and as many again: the second half tells, when all tables of a fixed size are there.
const STANDING: u64 = 200_000;
/// Connections a second: none of them is given up before the last has come.
const OPENED: u64 = 20_000;

fn main() -> ExitCode {
    let syns = std::env::var("SYNS").ok().and_then(|n| n.parse().ok()).unwrap_or(10_000_000);
    let mut is_kept = true;
    for (format, bound) in PEAKS {
        let peak = peak(format, syns);
        println!("{syns} SYNs, {format}: peak {peak} MiB, bound {bound} MiB");
        is_kept &= peak < bound;
    }
    for (far, bound) in EACH {
        let each = each(far);
        println!("{STANDING} connections, {far:?}: {each} bytes each, bound {bound}");
        is_kept &= each <= bound;
    }
    if is_kept { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The program, and a capture that it reads while it is made.
fn start(format: &str) -> (Child, Capture<BufWriter<ChildStdin>>) {
    let mut program = Command::new(env!("CARGO_BIN_EXE_tcpscope"))
        .args(["read", "-", "--format", format, "-o", "/dev/null", "-q", "--threads", "1"])
        .stdin(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let stdin = program.stdin.take().expect("a pipe");
    let capture = Capture::new(BufWriter::with_capacity(1 << 16, stdin), 7).expect("the program reads");
    (program, capture)
}

/// MiB that the program needed at most.
fn peak(format: &str, syns: u64) -> i64 {
    let (mut program, mut capture) = start(format);
    capture.flood(syns, RATE).expect("the program reads all of it");
    drop(capture);
    assert!(program.wait().expect("the program ends").success());
    getrusage(UsageWho::RUSAGE_CHILDREN).expect("Linux tells").max_rss() >> 10
}

/// Bytes that each further connection takes.
fn each(far: Far) -> u64 {
    let (mut program, mut capture) = start("ndjson");
    let [before, after] = [0, STANDING].map(|from| {
        capture.standing(from, STANDING, OPENED, far).expect("the program reads all of it");
        resident(program.id())
    });
    drop(capture);
    assert!(program.wait().expect("the program ends").success());
    after.saturating_sub(before) / STANDING
}

/// Bytes that a process has in memory, once it waits for more to read.
fn resident(process: u32) -> u64 {
    let read = |name: &str| std::fs::read_to_string(format!("/proc/{process}/{name}")).expect("Linux tells");
    let mut waits = 0;
    while waits < 5 {
        std::thread::sleep(Duration::from_millis(20));
        // proc_pid_stat(5): the state stands behind the name, which ends with the last bracket.
        let sleeps = read("stat").rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('S'));
        waits = if sleeps { waits + 1 } else { 0 };
    }
    let status = read("status");
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib =
        resident.and_then(|rest| rest.split_whitespace().next()).and_then(|kib| kib.parse::<u64>().ok());
    kib.expect("a number of kB") << 10
}
