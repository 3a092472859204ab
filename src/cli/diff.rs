//! `tcpscope diff`: what changed between two captures of the same test.

use std::path::{Path, PathBuf};

use clap::Args;

use super::args::{InputArgs, KeepArgs, When};
use super::check::Job;
use super::failure::{FINDINGS, INPUT, Usage, say};
use super::place::Place;
use super::{read, screen};
use crate::check::{Tolerance, compare};
use crate::output::{Compared, Detail, Layout, diff_json, diff_text};
use crate::report::Report;
use crate::rules::Severity;

/// `tcpscope diff`.
#[derive(Debug, Args)]
pub struct DiffArgs {
    /// The capture from before
    #[arg(value_name = "A")]
    pub a: PathBuf,
    /// The capture from after
    #[arg(value_name = "B")]
    pub b: PathBuf,
    /// Figures may differ by this much before they are better or worse
    #[arg(long, value_name = "SHARE", default_value = "10%")]
    pub tolerance: String,
    /// What to read of them
    #[command(flatten)]
    pub input: InputArgs,
    /// Which connections to keep
    #[command(flatten)]
    pub keep: KeepArgs,
    /// As a JSON document
    #[arg(long, help_heading = "Output")]
    pub json: bool,
    /// Write to a file instead of standard output
    #[arg(short, long, value_name = "FILE", help_heading = "Output")]
    pub output: Option<PathBuf>,
    /// Colours
    #[arg(long, value_name = "WHEN", value_enum, default_value_t = When::Auto, help_heading = "Output")]
    pub color: When,
    /// No warnings
    #[arg(short, long, conflicts_with = "verbose", help_heading = "Output")]
    pub quiet: bool,
    /// Figures that are the same too
    #[arg(short, long, help_heading = "Output")]
    pub verbose: bool,
}

/// Compares; the exit code is 1 where anything got worse.
pub fn run(args: &DiffArgs) -> anyhow::Result<u8> {
    let tolerance = Tolerance {
        share: share(&args.tolerance)?,
        level: args.input.fail_on.map_or(Tolerance::default().level, Severity::from),
    };
    let job = Job::new(&args.input, &args.keep, read::progress(args.quiet))?;
    let place = Place::open(args.output.as_deref(), &[args.a.clone(), args.b.clone()])?;
    let (a, b) = (job.report(&args.a)?, job.report(&args.b)?);
    let mut code = 0;
    for (path, report) in [(&args.a, &a), (&args.b, &b)] {
        code = tell(args, path, report).max(code);
    }
    let difference = compare(&a, &b, &tolerance);
    let compared =
        Compared { a: &name(&args.a), b: &name(&args.b), difference: &difference, share: tolerance.share };
    match args.json {
        true => place.write(|out| diff_json(&compared, out))?,
        false => {
            let layout = layout(args, &place);
            place.write(|out| diff_text(&compared, &layout, out))?;
        }
    }
    Ok(if code == 0 && difference.is_worse() { FINDINGS } else { code })
}

/// Tells what of a capture was not read.
fn tell(args: &DiffArgs, path: &Path, report: &Report) -> u8 {
    let Some(problem) = report.inputs.iter().find_map(|input| input.problem.as_ref()) else { return 0 };
    let text = format!("{}: {problem}; all before that is compared", path.display());
    match (args.input.strict, args.quiet) {
        (true, _) => say("error", &text),
        (false, false) => say("warning", &text),
        (false, true) => {}
    }
    if args.input.strict { INPUT } else { 0 }
}

fn share(text: &str) -> Result<f64, Usage> {
    let percent = text.trim().strip_suffix('%').map(|n| n.trim().parse::<f64>().map(|n| n / 100.0));
    percent
        .unwrap_or_else(|| text.trim().parse())
        .ok()
        .filter(|share| (0.0..=100.0).contains(share))
        .ok_or_else(|| Usage::new(format!("{text:?} is no share"), "write it as 10% or 0.1"))
}

fn name(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

fn layout(args: &DiffArgs, place: &Place) -> Layout {
    let terminal = place.is_terminal().into();
    Layout {
        color: screen::color(args.color, terminal),
        width: screen::width(terminal),
        detail: if args.verbose { Detail::Verbose } else { Detail::Normal },
        ..Layout::default()
    }
}
