//! What the flags of `live` ask for: how to capture, when to stop, how often to speak.

use std::path::PathBuf;

use super::super::args::LiveArgs;
use super::super::failure::Usage;
use super::super::read;
use crate::source::LiveOptions;
use crate::tcp::Duration;

/// What was asked for.
pub struct Wanted {
    /// How to capture.
    pub options: LiveOptions,
    /// How often to say how things stand.
    pub interval: Duration,
    /// Where the packets go.
    write: Option<PathBuf>,
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
        let lines = args.output.format() == "table";
        let interval = match &capture.interval {
            Some(text) => read::span(text)?,
            None => Duration::from_secs(if lines { 10 } else { 1 }),
        };
        Ok(Self { options, interval, write: capture.write.clone() })
    }

    /// Captures that can be read again; `-` where there are none.
    pub fn again(&self) -> Vec<PathBuf> {
        vec![self.write.clone().unwrap_or_else(|| "-".into())]
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

#[cfg(test)]
mod tests {
    use super::*;

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
