//! What the flags of `live` ask for: how to capture, when to stop, how often to speak.

use std::io::IsTerminal;
use std::path::PathBuf;

use super::super::args::LiveArgs;
use super::super::failure::Usage;
use super::super::read;
use crate::source::{LiveOptions, Ring};
use crate::tcp::Duration;

/// What was asked for.
pub struct Wanted {
    /// How to capture.
    pub options: LiveOptions,
    /// How often to say how things stand.
    pub interval: Duration,
    /// Where the packets go, into how many files, and when the next one's turn is.
    pub write: Option<(PathBuf, usize, Ring)>,
}

impl Wanted {
    /// Reads the flags.
    pub fn of(args: &LiveArgs) -> Result<Self, Usage> {
        let capture = &args.capture;
        let mut options = LiveOptions {
            filter: args.input.filter.clone(),
            snaplen: capture.snaplen,
            buffer: capture.buffer << 20,
            promiscuous: !capture.no_promiscuous,
            count: args.input.count,
            duration: None,
        };
        for text in &capture.stop {
            stop(&mut options, text)?;
        }
        let screen = cfg!(feature = "tui") && !capture.plain && std::io::stdout().is_terminal();
        let lines = args.output.format() == "table" && !screen;
        let interval = match &capture.interval {
            Some(text) => read::span(text)?,
            None => Duration::from_secs(if lines { 10 } else { 1 }),
        };
        let write = match &capture.write {
            Some(path) => {
                let (count, ring) = ring(&capture.ring)?;
                Some((path.clone(), count, ring))
            }
            None => None,
        };
        Ok(Self { options, interval, write })
    }

    /// Captures that can be read again; `-` where there are none.
    pub fn again(&self) -> Vec<PathBuf> {
        match &self.write {
            Some((path, 0 | 1, _)) => vec![path.clone()],
            _ => vec!["-".into()],
        }
    }
}

/// Takes in one stop condition; the one met first counts.
fn stop(options: &mut LiveOptions, text: &str) -> Result<(), Usage> {
    let wrong =
        || Usage::new(format!("{text:?} is no stop condition"), "write -a duration:60s or -a packets:1000");
    match text.split_once(':').ok_or_else(wrong)? {
        ("duration", span) => {
            let span = read::span(span)?;
            options.duration = Some(options.duration.map_or(span, |s| s.min(span)));
        }
        ("packets", n) => {
            let n = n.parse::<u64>().ok().filter(|n| *n > 0).ok_or_else(wrong)?;
            options.count = Some(options.count.map_or(n, |c| c.min(n)));
        }
        _ => return Err(wrong()),
    }
    Ok(())
}

/// How many files there are, and when the next one's turn is.
fn ring(texts: &[String]) -> Result<(usize, Ring), Usage> {
    let (mut count, mut ring) = (1, Ring::default());
    for text in texts {
        let hint = "write -b files:10 and -b size:100MB or -b duration:60s or both";
        let wrong = || Usage::new(format!("{text:?} says nothing about files"), hint);
        match text.split_once(':').ok_or_else(wrong)? {
            ("files", n) => count = n.parse().ok().filter(|n| FILES.contains(n)).ok_or_else(wrong)?,
            ("size", size) => ring.size = Some(bytes(size).ok_or_else(wrong)?),
            ("duration", span) => ring.duration = Some(read::span(span)?),
            _ => return Err(wrong()),
        }
    }
    match (count > 1, ring == Ring::default()) {
        (false, false) => Err(Usage::new(
            "a ring needs to know of how many files",
            "add -b files:10; they are all opened at the start, when the program still may",
        )),
        (true, true) => {
            Err(Usage::new("when is the next file's turn?", "add -b size:100MB or -b duration:60s"))
        }
        _ => Ok((count, ring)),
    }
}

/// A number of bytes, with `kB`, `MB`, `GB` behind it, or `KiB`, `MiB`, `GiB`.
fn bytes(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match text.get(digits.len()..)?.to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kb" => 1_000,
        "m" | "mb" => 1_000_000,
        "g" | "gb" => 1_000_000_000,
        "kib" => 1 << 10,
        "mib" => 1 << 20,
        "gib" => 1 << 30,
        _ => return None,
    };
    digits.trim().parse::<u64>().ok()?.checked_mul(unit).filter(|n| *n > 0)
}

/// Files of a ring; each stays open.
const FILES: std::ops::RangeInclusive<usize> = 2..=500;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ring_is_of_files_and_turns() {
        let of = |texts: &[&str]| ring(&texts.iter().map(|t| t.to_string()).collect::<Vec<_>>());
        assert_eq!(of(&[]).expect("no ring"), (1, Ring::default()));
        let (count, turns) = of(&["files:3", "size:10MB", "duration:1m"]).expect("a ring");
        assert_eq!((count, turns.size, turns.duration), (3, Some(10_000_000), Some(Duration::from_secs(60))));
        for wrong in
            [&["size:10MB"][..], &["files:3"], &["files:1", "size:1k"], &["size:0"], &["size:5x"], &["x"]]
        {
            assert!(of(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn the_first_condition_met_stops() {
        let mut options = LiveOptions::default();
        for text in ["duration:1m", "duration:90s", "packets:10", "packets:5"] {
            stop(&mut options, text).expect("a condition");
        }
        assert_eq!((options.duration, options.count), (Some(Duration::from_secs(60)), Some(5)));
        for wrong in ["", "60s", "duration:", "packets:0", "packets:x", "files:3"] {
            assert!(stop(&mut options, wrong).is_err(), "{wrong}");
        }
    }
}
