//! `Baseline`: the instructions that were counted once, and how others compare.

use std::fmt::Write;
use std::fs;

/// What was counted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Key {
    pub capture: String,
    pub stage: String,
}

/// Counts as they were when somebody found them good.
pub struct Baseline(pub Vec<(Key, u64)>);

/// How counts compare.
pub struct Verdict {
    /// For people.
    pub table: String,
    /// What grew too much, or was never counted before.
    pub worse: Vec<String>,
}

impl Baseline {
    /// From its file.
    pub fn read() -> Self {
        let text = fs::read_to_string(FILE).expect("the baseline is part of the project");
        let mut counts = Vec::new();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let [capture, stage, count] = line.split('\t').collect::<Vec<_>>()[..] else {
                panic!("{FILE}: not three columns: {line:?}");
            };
            let key = Key { capture: capture.into(), stage: stage.into() };
            counts.push((key, count.parse().expect("a number")));
        }
        Self(counts)
    }

    /// Into its file.
    pub fn write(&self) {
        let mut text = HEAD.to_owned();
        for (key, count) in &self.0 {
            let _ = writeln!(text, "{}\t{}\t{count}", key.capture, key.stage);
        }
        fs::write(FILE, text).expect("the project's folder can be written");
        eprintln!("{FILE} written");
    }

    /// Each count against this one's, of which it may be so many times as high.
    pub fn judge(&self, counts: &[(Key, u64)], tolerance: f64) -> Verdict {
        let mut verdict = Verdict { table: String::new(), worse: Vec::new() };
        let _ = writeln!(
            verdict.table,
            "{:8} {:8} {:>14} {:>14} {:>6}",
            "capture", "stage", "baseline", "now", "ratio"
        );
        for (key, now) in counts {
            let before = self.0.iter().find(|(known, _)| known == key).map_or(0, |(_, count)| *count);
            let ratio = *now as f64 / before as f64;
            let Key { capture, stage } = key;
            let _ = writeln!(verdict.table, "{capture:8} {stage:8} {before:>14} {now:>14} {ratio:>6.3}");
            // What is not known has a ratio without end.
            if ratio > tolerance {
                verdict.worse.push(format!("{stage} of {capture}"));
            }
        }
        verdict
    }
}

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/instructions.tsv");
const HEAD: &str = "# Instructions of each stage, by `cargo bench --profile bench-ci --bench stages -- instructions update`.\n";
