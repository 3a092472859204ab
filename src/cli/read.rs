//! `tcpscope read`: analyzes captures.

use std::path::PathBuf;

use jiff::tz::TimeZone;

use super::args::{Checksum, InputArgs, KeepArgs, Level, Os, OutputArgs, ReadArgs, Switch, Time};
use super::failure::{self, FINDINGS, INPUT, INTERRUPTED, Usage};
use super::kernel;
use super::order;
use super::place::Place;
use super::rules;
use super::screen::{self, Terminal};
use super::signals::Signals;
use super::watch::{Progress, Watched};
use crate::config::{ChecksumPolicy, Config, DecodeConfig, RuleConfig, TableConfig, TrackConfig};
use crate::engine::{self, Summary};
use crate::error::Error;
use crate::output::{Detail, Format, Layout, Lines, TimeStyle, Way, WriteReport};
use crate::report::{self, Bounds, Collector, Column, Condition, Kept, Sort, UnknownColumn};
use crate::source::{FileOptions, Files, Input, Source, libpcap_version};
use crate::tcp::Duration;

/// Reads, analyzes, writes; the exit code.
pub fn run(args: &ReadArgs) -> anyhow::Result<u8> {
    let paths = args.paths();
    let format = Format::of(args.output.format()).expect("clap takes names of FORMATS only");
    suits(format, &args.output)?;
    let place = Place::open(args.output.output.as_deref(), &paths)?;
    let job = Job {
        config: config(&args.input)?,
        layout: layout(&args.output, place.is_terminal().into(), &paths, &args.input, &args.keep)?,
        condition: condition(&args.keep)?,
        source: source(&args.input, progress(args.output.quiet), &paths)?,
        paths,
    };
    let done = match format.way {
        Way::Report(write) => job.report(place, write)?,
        Way::Stream => job.stream(place)?,
    };
    Ok(judge(args, &done))
}

/// What is needed for an analysis.
struct Job {
    paths: Vec<PathBuf>,
    config: Config,
    layout: Layout,
    condition: Option<Condition>,
    source: Watched,
}

/// What is left when the output is written.
struct Done {
    inputs: Vec<Input>,
    summary: Summary,
    failures: Vec<Error>,
    /// Not all was read, because somebody wanted no more.
    interrupted: bool,
}

impl Job {
    /// Collects, then writes all at once. Nothing is written when nothing could be read.
    fn report(mut self, place: Place, write: WriteReport) -> anyhow::Result<Done> {
        let mut collector = Collector::new(Bounds::default());
        let mut kept = Kept::new(self.condition.as_ref(), &mut collector);
        let mut outcome = engine::analyze(&mut self.source, &self.config, &mut kept);
        outcome.summary.findings = kept.findings();
        let report = collector.finish(self.source.inputs(), outcome.summary);
        let interrupted = self.source.is_interrupted();
        let failures = failures(self.source, outcome.failure)?;
        if !report.inputs.is_empty() || failures.is_empty() {
            place.write(|out| write(&report, &self.layout, out))?;
        }
        Ok(Done { inputs: report.inputs, summary: report.summary, failures, interrupted })
    }

    /// Writes while it reads.
    fn stream(mut self, place: Place) -> anyhow::Result<Done> {
        let (inputs, outcome) = place.write(|out| {
            let mut lines = Lines::new(out, &self.paths);
            let mut kept = Kept::new(self.condition.as_ref(), &mut lines);
            let mut outcome = engine::analyze(&mut self.source, &self.config, &mut kept);
            outcome.summary.findings = kept.findings();
            let inputs = self.source.inputs().to_vec();
            lines.finish(&inputs, &outcome.summary)?;
            Ok((inputs, outcome))
        })?;
        let interrupted = self.source.is_interrupted();
        let failures = failures(self.source, outcome.failure)?;
        Ok(Done { inputs, summary: outcome.summary, failures, interrupted })
    }
}

/// Inputs that could not be read; an error that concerns no single input ends the job at once.
pub(super) fn failures(source: Watched, last: Option<Error>) -> anyhow::Result<Vec<Error>> {
    let mut failures = source.finish();
    match last {
        Some(error @ (Error::Unreadable { .. } | Error::NotACapture { .. })) => failures.push(error),
        Some(error) => return Err(error.into()),
        None => {}
    }
    Ok(failures)
}

/// Chooses the exit code: unreadable before interrupted before findings.
fn judge(args: &ReadArgs, done: &Done) -> u8 {
    match (tell(&done.inputs, &done.failures, &args.input, progress(args.output.quiet)), args.input.fail_on) {
        (0, _) if done.interrupted => INTERRUPTED,
        (0, Some(level)) if at_or_above(level, &done.summary) > 0 => FINDINGS,
        (code, _) => code,
    }
}

/// Tells what went wrong while reading, warnings only where progress is told too; the exit code it deserves.
pub(super) fn tell(inputs: &[Input], failures: &[Error], args: &InputArgs, progress: Progress) -> u8 {
    let mut code = 0;
    for (input, problem) in inputs.iter().filter_map(|i| Some((i, i.problem.as_ref()?))) {
        let text = format!("{}: {problem}; all before that is analyzed", input.path.display());
        if args.strict {
            failure::say("error", &text);
            failure::say("hint", "without --strict this is a warning");
            code = INPUT;
        } else if progress == Progress::Shown {
            failure::say("warning", &text);
        }
    }
    if progress == Progress::Shown {
        order::amiss(inputs).into_iter().for_each(|text| failure::say("warning", &text));
    }
    for failure in failures {
        failure::say("error", &failure.to_string());
        failure::say("hint", &failure.hint());
        code = INPUT;
    }
    code
}

pub(super) fn at_or_above(level: Level, summary: &Summary) -> u64 {
    let f = summary.findings;
    match level {
        Level::Error => f.error,
        Level::Warning => f.error + f.warning,
        Level::Note => f.error + f.warning + f.note,
    }
}

/// Refuses flags that the format could only ignore.
pub(super) fn suits(format: &Format, args: &OutputArgs) -> Result<(), Usage> {
    let no = |flag: &str, hint: &str| {
        Err(Usage::new(format!("{flag} does not go with --format {}", format.name), hint))
    };
    match format.way {
        Way::Stream if args.sort.is_some() => no("--sort", "connections are written as they end; use --json"),
        Way::Stream if args.top.is_some() => no("--top", "connections are written as they end; use --json"),
        _ if args.fields.is_some() && !format.tabular => {
            no("--fields", "choose columns of table, csv, tsv or markdown")
        }
        _ => Ok(()),
    }
}

/// What `--quiet` means for a job that lasts.
pub(super) fn progress(quiet: bool) -> Progress {
    if quiet { Progress::Hidden } else { Progress::Shown }
}

/// The files, watched, and stopped by signals.
pub(super) fn source(args: &InputArgs, progress: Progress, paths: &[PathBuf]) -> anyhow::Result<Watched> {
    if paths.iter().filter(|path| path.as_os_str() == "-").count() > 1 {
        return Err(Usage::new("standard input can be read only once", "give - once").into());
    }
    let options = FileOptions { filter: args.filter.clone(), count: args.count, ..FileOptions::default() };
    let mut files = Files::open(paths, &options)?;
    Signals::listen()?.serve(&files.stopper()?);
    Ok(Watched::new(files, progress))
}

/// The connections that `--where` means.
pub(super) fn condition(args: &KeepArgs) -> Result<Option<Condition>, Usage> {
    let Some(text) = &args.condition else { return Ok(None) };
    Condition::parse(text).map(Some).map_err(|fault| {
        Usage::new(format!("--where: {fault}"), fault.hint.clone()).showing(fault.underlined(text))
    })
}

/// What the flags say of the analysis.
pub(super) fn config(args: &InputArgs) -> Result<Config, Usage> {
    let two_msl = match &args.msl {
        Some(text) => span(text)?.times(2),
        None => kernel::two_msl_of(args.os.unwrap_or(Os::Linux)),
    };
    Ok(Config {
        decode: DecodeConfig { decapsulate: args.decap == Switch::On, ..DecodeConfig::default() },
        track: TrackConfig {
            checksum: match args.checksum.unwrap_or(Checksum::Ignore) {
                Checksum::Ignore => ChecksumPolicy::Ignore,
                Checksum::Verify => ChecksumPolicy::Verify,
            },
            two_msl,
            ..TrackConfig::default()
        },
        rules: RuleConfig {
            select: rules::chosen(&args.select)?,
            ignore: rules::chosen(&args.ignore)?,
            local_nets: kernel::networks(&args.local_net)?,
            thresholds: kernel::thresholds(args)?,
        },
        tables: TableConfig::default(),
        threads: args.threads,
    })
}

/// Reads `30s`, `2m`, `1m 30s`, or a number of seconds.
pub(super) fn span(text: &str) -> Result<Duration, Usage> {
    report::span(text)
        .filter(|span| (1..=DAY_NS).contains(&span.0))
        .ok_or_else(|| Usage::new(format!("{text:?} is not a span up to a day"), "write it as 30s or 2m"))
}

/// What the flags say of how it looks; `paths` are the captures that can be read again.
pub(super) fn layout(
    args: &OutputArgs,
    terminal: Terminal,
    paths: &[PathBuf],
    input: &InputArgs,
    keep: &KeepArgs,
) -> Result<Layout, Usage> {
    let condition = keep.condition.as_deref();
    let again = !paths.iter().any(|p| p.as_os_str() == "-");
    Ok(Layout {
        columns: args.fields.as_deref().map(Column::parse_list).transpose().map_err(unknown)?,
        sort: args.sort.as_deref().map(Sort::parse).transpose().map_err(unknown)?,
        top: args.top,
        time: match args.time {
            Time::Utc => TimeStyle::Utc,
            Time::Local => TimeStyle::Zone(local_zone()?),
            Time::Epoch => TimeStyle::Epoch,
            Time::Rel => TimeStyle::Relative,
        },
        color: screen::color(args.color, terminal),
        width: screen::width(terminal),
        detail: match (args.quiet, args.verbose) {
            (true, _) => Detail::Quiet,
            (_, true) => Detail::Verbose,
            _ => Detail::Normal,
        },
        condition: condition.map(|text| text.trim().into()),
        command: again.then(|| command("read", paths, input, condition)),
        show: again.then(|| command("show", paths, input, None)),
        libpcap: libpcap_version(),
    })
}

/// The system's time zone; never a silent UTC in its place.
fn local_zone() -> Result<TimeZone, Usage> {
    let wrong = |error: jiff::Error| {
        Usage::new(
            format!("cannot tell the local time zone: {error}"),
            "set TZ, such as TZ=Europe/Berlin, or use --time utc",
        )
    };
    TimeZone::try_system().map_err(wrong)
}

/// The command to type again, as far as it says what is read.
fn command(name: &str, paths: &[PathBuf], input: &InputArgs, condition: Option<&str>) -> String {
    let mut words = vec!["tcpscope".to_string(), name.to_string()];
    match paths {
        [path] => words.push(quoted(&path.to_string_lossy())),
        _ => words.push("FILE...".into()),
    }
    if let Some(filter) = &input.filter {
        words.extend(["-f".into(), quoted(filter)]);
    }
    if let Some(condition) = condition {
        words.extend(["-Y".into(), quoted(condition)]);
    }
    words.join(" ")
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./:@%+=,".contains(c);
    match !word.is_empty() && word.chars().all(plain) {
        true => word.into(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

fn unknown(error: UnknownColumn) -> Usage {
    let hint = match error.near.as_slice() {
        [] => "see the columns with `tcpscope read --help`".into(),
        near => format!("did you mean {}? all columns: `tcpscope read --help`", near.join(" or ")),
    };
    Usage::new(error.to_string(), hint)
}

const DAY_NS: i64 = 86_400_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_as_people_write_them() {
        assert_eq!(span("30s").expect("a span"), Duration::from_secs(30));
        assert_eq!(span("2m").expect("a span"), Duration::from_secs(120));
        assert_eq!(span("1m 30s").expect("a span"), Duration::from_secs(90));
        assert_eq!(span("15").expect("a span"), Duration::from_secs(15));
        assert_eq!(span("500ms").expect("a span"), Duration::from_millis(500));
        for wrong in ["", "0s", "-5s", "x", "2d", "99999999999999h"] {
            assert!(span(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn words_survive_a_shell() {
        assert_eq!(quoted("a/b.pcap"), "a/b.pcap");
        assert_eq!(quoted("it's"), r"'it'\''s'");
    }
}
