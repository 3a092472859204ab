//! `tcpscope check`: captures against a policy, for continuous integration.

mod args;
mod captures;
mod policy;
mod reports;
mod work;

use std::path::{Path, PathBuf};

use super::failure::{FINDINGS, INPUT, Usage, say};
use super::place::Place;
use super::{read, screen};
use crate::check::{self, Baseline, Capture, Policy, Rulings, Run, Survey, Truncated, Verdict};
use crate::error::Error;
use crate::output::{Detail, Layout, run_text};
use crate::report::Report;
use crate::rules::Severity;

pub use args::CheckArgs;
use captures::Found;
use policy::Home;
pub use work::Job;

/// Checks, writes the reports; the exit code.
pub fn run(args: &CheckArgs) -> anyhow::Result<u8> {
    let home = Home::find(args)?;
    if args.init {
        return init(args, &home);
    }
    let policy = home.policy()?;
    let job = job(args, &policy)?;
    let found = captures::find(args, &home, &policy)?;
    if args.update_expectations {
        return update_expectations(args, &home, &policy, &found, &job);
    }
    let baseline = home.baseline(&policy)?;
    if args.update_baseline && policy.baseline.is_none() {
        let hint = "add to the policy: [baseline] with file = \"tcpscope-baseline.json\"";
        return Err(Usage::new("there is no baseline to update", hint).into());
    }
    let places = reports::open(&args.report, &found.paths())?;
    let rulings = Rulings {
        policy: &policy,
        baseline: baseline.as_ref(),
        fail_on: args.input.fail_on.map(Severity::from),
        truncated: args.input.strict.then_some(Truncated::Fail),
    };
    let verdicts = work::each(&found.captures, &job, |capture, read: Result<Report, Error>| match read {
        Ok(report) => Ok(check::judge(report, capture, &rulings)),
        Err(error) => own(error).map(|error| check::unreadable(capture, &error)),
    })?;
    if args.update_baseline {
        return update_baseline(&home, &policy, &verdicts);
    }
    let names: Vec<_> = found.captures.iter().map(|(_, capture)| capture.clone()).collect();
    let run = Run::new(&policy, baseline.as_ref(), &names, verdicts, found.whole);
    reports::write(&run, places)?;
    Place::Stdout.write(|out| run_text(&run, &layout(args), out))?;
    Ok(code(args, &run))
}

/// Unreadable before failed, as everywhere.
fn code(args: &CheckArgs, run: &Run) -> u8 {
    let cut = args.input.strict && run.verdicts.iter().any(|v| v.problem.is_some());
    match () {
        () if run.is_unreadable() || cut => INPUT,
        () if run.failed() > 0 && !args.exit_zero => FINDINGS,
        () => 0,
    }
}

/// An error about one capture; one about the whole job ends it.
fn own(error: Error) -> Result<Error, Error> {
    match error {
        Error::Unreadable { .. } | Error::NotACapture { .. } => Ok(error),
        other => Err(other),
    }
}

/// What the flags and the policy say of the analysis, flags first.
fn job(args: &CheckArgs, policy: &Policy) -> Result<Job, Usage> {
    Job::new(&policy::with_settings(&args.input, policy)?, &args.keep, read::progress(args.quiet))
}

/// Writes a first policy.
fn init(args: &CheckArgs, home: &Home) -> anyhow::Result<u8> {
    if home.exists() {
        let hint =
            "read it; --update-expectations writes its expectations anew, another --policy a second one";
        return Err(Usage::new(format!("{} is there already", home.name), hint).into());
    }
    let policy = Policy::default();
    let found = captures::find(args, home, &policy)?;
    let level = args.input.fail_on.map_or(Severity::Warning, Severity::from);
    let surveys = surveys(&found, &job(args, &policy)?, level)?;
    let text = check::first_policy(&captures::patterns(&found), level, &surveys);
    replace(&home.path, text)?;
    say("note", &format!("wrote {}: what {} captures show", home.name, surveys.len()));
    Ok(0)
}

/// Writes the array of expectations anew, and leaves the rest of the policy as it is.
fn update_expectations(
    args: &CheckArgs,
    home: &Home,
    policy: &Policy,
    found: &Found,
    job: &Job,
) -> anyhow::Result<u8> {
    let Some(at) = policy.expect_at.clone() else {
        let hint = "write it as the last key before any [section]: expect = []";
        return Err(Usage::new(format!("{} has no array `expect = [...]`", home.name), hint).into());
    };
    if !found.whole {
        let hint = "without a PATH, all captures of the policy are looked at";
        return Err(Usage::new("expectations of some captures only can not be written anew", hint).into());
    }
    let level = args.input.fail_on.map_or(policy.fail_on, Severity::from);
    let surveys = surveys(found, job, level)?;
    let mut text = home.text.clone().unwrap_or_default();
    text.replace_range(at, &check::expectations(&surveys));
    replace(&home.path, text)?;
    say("note", &format!("wrote the expectations of {}: look at what changed", home.name));
    Ok(0)
}

fn surveys(found: &Found, job: &Job, level: Severity) -> anyhow::Result<Vec<(Capture, Survey)>> {
    work::each(&found.captures, job, |capture, read: Result<Report, Error>| {
        read.map(|report| (capture.clone(), Survey::new(&report, level)))
    })
}

fn update_baseline(home: &Home, policy: &Policy, verdicts: &[Verdict]) -> anyhow::Result<u8> {
    let (Some(file), baseline) = (&policy.baseline, Baseline::of(verdicts)) else { return Ok(0) };
    replace(&home.folder.join(file), baseline.text())?;
    let n: u64 = baseline.entries().map(|entry| entry.count).sum();
    say("note", &format!("wrote {file}: {n} known findings"));
    Ok(0)
}

/// Writes a whole file.
fn replace(path: &Path, text: String) -> Result<(), Error> {
    std::fs::write(path, text).map_err(|cause| Error::Unwritable { what: path.display().to_string(), cause })
}

fn layout(args: &CheckArgs) -> Layout {
    let terminal = Place::Stdout.is_terminal().into();
    Layout {
        color: screen::color(args.color, terminal),
        width: screen::width(terminal),
        detail: match (args.quiet, args.verbose) {
            (true, _) => Detail::Quiet,
            (_, true) => Detail::Verbose,
            _ => Detail::Normal,
        },
        ..Layout::default()
    }
}

/// A path as reports name it: never absolute, with `/` between its parts.
fn shown(path: &Path, given: &Path) -> String {
    let cwd = std::env::current_dir().unwrap_or_default();
    let relative: PathBuf = match path.is_absolute() {
        false => path.into(),
        true => path
            .strip_prefix(&cwd)
            .or_else(|_| path.strip_prefix(given.parent().unwrap_or(given)))
            .map_or_else(|_| path.file_name().map(PathBuf::from).unwrap_or_default(), PathBuf::from),
    };
    let parts = relative.components().filter(|part| !matches!(part, std::path::Component::CurDir));
    parts.map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
}
