//! What `tcpscope check` takes, and its help: the whole policy, the reports and the figures.

use std::path::PathBuf;

use clap::Args;

use crate::check::FIGURES;
use crate::cli::args::{InputArgs, KeepArgs, When};
use crate::output::REPORTS;

/// `tcpscope check`.
#[derive(Debug, Args)]
#[command(after_long_help = check_help())]
pub struct CheckArgs {
    /// Captures and folders of captures [default: what the policy names]
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// The policy [default: tcpscope.toml in the folder given, or here]
    #[arg(long, value_name = "FILE")]
    pub policy: Option<PathBuf>,
    /// Write a report; may be given several times
    #[arg(long, value_name = "KIND[=FILE]", value_delimiter = ',', long_help = report_help())]
    pub report: Vec<String>,
    /// Write a first policy that expects what the captures show now
    #[arg(long, conflicts_with_all = ["update_expectations", "update_baseline"])]
    pub init: bool,
    /// Write the policy's `expect = [...]` anew, as the captures are now
    #[arg(long, conflicts_with = "update_baseline")]
    pub update_expectations: bool,
    /// Write the policy's baseline anew: what fails now is known from then on
    #[arg(long)]
    pub update_baseline: bool,
    /// Exit with 0 though captures failed
    #[arg(long)]
    pub exit_zero: bool,
    /// What to read of them
    #[command(flatten)]
    pub input: InputArgs,
    /// Which connections to keep
    #[command(flatten)]
    pub keep: KeepArgs,
    /// Colours
    #[arg(long, value_name = "WHEN", value_enum, default_value_t = When::Auto, help_heading = "Output")]
    pub color: When,
    /// Only captures that failed, and how many passed
    #[arg(short, long, conflicts_with = "verbose", help_heading = "Output")]
    pub quiet: bool,
    /// Every finding, with what the policy makes of it
    #[arg(short, long, help_heading = "Output")]
    pub verbose: bool,
}

fn report_help() -> String {
    let width = REPORTS.iter().map(|r| r.name.len()).max().unwrap_or_default();
    let rows: Vec<_> = REPORTS.iter().map(|r| format!("  {:width$}  {}", r.name, r.doc)).collect();
    format!(
        "Write a report, such as junit=report.xml; may be given several times. All but github need a file:\n\n{}",
        rows.join("\n")
    )
}

fn check_help() -> String {
    let width = FIGURES.iter().map(|f| f.name.len()).max().unwrap_or_default();
    let rows: Vec<_> = FIGURES.iter().map(|f| format!("  {:width$}  {}", f.name, f.doc)).collect();
    format!("{CHECK_HELP}\n\nFigures that [limits] may name:\n{}", rows.join("\n"))
}

const CHECK_HELP: &str = "\
A capture fails on a finding at or above fail_on that is neither expected, ignored nor in the baseline, on an expectation
that is not met, and on a limit that is broken. Without a policy, errors fail it.

A policy, all of it optional but the first line; patterns and files are relative to its folder:
  schema = 1
  [input]           # also filter, os, ephemeral, backlog, somaxconn,
                    # local_net, checksum, threshold
  captures  = ['captures/**/*.pcap*']
  truncated = 'fail'        # or 'warn'
  msl       = '30s'
  [rules]
  select    = ['HS', 'TD', 'TW']
  ignore    = ['TD005']
  severity  = { HS001 = 'warning' }
  fail_on   = 'warning'     # or 'error', 'note'
  [limits]
  half_open_peak = '<= 10'
  handshake_p95  = '<= 50ms'
  completion     = '>= 99%'
  [per-capture.'captures/flood*']   # ignore, severity, fail_on, truncated, limits
  ignore    = ['FL']
  [[expect]]        # so many findings of a rule, or connections of a kind
  capture   = 'captures/flood.pcap'
  rule      = 'HO003'
  [[expect]]
  capture   = 'captures/close*.pcap'
  where     = 'state == TIME_WAIT && close == graceful'
  count     = '== 1'
  [baseline]
  file      = 'tcpscope-baseline.json'";
