//! `tcpscope live`: the same analysis on an interface.

mod alarm;
mod ask;
mod metrics;
mod tee;

use std::path::PathBuf;
use std::sync::Arc;

#[cfg(feature = "tui")]
use std::{io::IsTerminal, thread};

use anyhow::Context;
#[cfg(feature = "tui")]
use anyhow::anyhow;

use super::args::LiveArgs;
use super::failure::{self, FINDINGS, INPUT};
use super::place::Place;
use super::privilege::{self, User};
use super::read;
use super::signals::Signals;
use crate::config::Config;
use crate::engine::{self, Outcome, Sink};
use crate::output::{Format, Layout, Lines, Loss, Pace, Plain, Way, WriteReport};
use crate::report::{Bounds, Collector, Condition, Kept};
use crate::source::{Input, Live, Ring, Source, Writer, WriterFiles, Written};
use crate::tcp::Duration;
use alarm::Alarm;
use ask::Wanted;
use metrics::Metrics;
use tee::Tee;

#[cfg(feature = "tui")]
use crate::{
    output::Color,
    source::{Recent, Stopper},
    tui::{Screen, Theme, Watcher},
};

/// Captures, analyzes, and says what happens until told to stop; the exit code.
pub fn run(args: &LiveArgs) -> anyhow::Result<u8> {
    let wanted = Wanted::of(args)?;
    let config = read::config(&args.input)?;
    let format = Format::of(args.output.format()).expect("clap takes names of FORMATS only");
    read::suits(format, &args.output)?;
    let condition = read::condition(&args.keep)?;
    let signals = Signals::listen()?;
    let (mut live, stopper) = Live::open(&args.names(), &wanted.options)?;
    let port = args.capture.metrics.as_deref().map(metrics::bind).transpose()?;
    let place = Place::open(args.output.output.as_deref(), &[])?;
    let user = User::to_become().filter(|_| !args.capture.keep_privileges);
    if let (Some(user), Some(file)) = (user, place.created()) {
        user.give([file].into_iter()).context("cannot make the file of -o yours")?;
    }
    let written = wanted.write.as_ref().map(|to| write_to(&mut live, to, user)).transpose()?;
    let layout =
        read::layout(&args.output, place.is_terminal().into(), &wanted.again(), &args.input, &args.keep)?;
    if !args.capture.keep_privileges {
        let left = privilege::give_up(user, &privilege::counters_of(&args.names()))
            .context("cannot give up privileges; --keep-privileges goes on with them")?;
        if args.output.verbose {
            failure::say("note", &left.to_string());
        }
    }
    #[cfg(feature = "tui")]
    let watched = !args.capture.plain && place.is_terminal() && std::io::stdin().is_terminal();
    let asked = signals.serve(&stopper);
    let mut watchers: Vec<Box<dyn Sink>> = Vec::new();
    if let Some(port) = port {
        let pace = Pace::new(Duration::from_secs(1), Arc::default());
        watchers.push(Box::new(Metrics::serve(port, pace)?));
    }
    watchers.extend(written.clone().map(|written| Box::new(Alarm::new(written)) as Box<dyn Sink>));
    let job = Job {
        watchers,
        condition,
        config,
        layout,
        pace: Pace::new(wanted.interval, asked),
        source: Box::new(live),
    };
    let done = match format.way {
        Way::Stream => job.stream(place, &args.names())?,
        #[cfg(feature = "tui")]
        Way::Report(write) if format.name == "table" && watched => {
            job.screen(write, args.names().join(" "), written.clone(), stopper)?
        }
        Way::Report(write) if format.name == "table" => job.lines(place, write)?,
        Way::Report(write) => job.report(place, write)?,
    };
    judge(args, &done, written.as_deref())
}

/// Opens the files that packets are written to.
fn write_to(
    live: &mut Live,
    (path, count, ring): &(PathBuf, usize, Ring),
    user: Option<User>,
) -> anyhow::Result<Arc<Written>> {
    let files = WriterFiles::create(path, *count)?;
    if let Some(user) = user {
        user.give(files.created()).with_context(|| format!("cannot make {} yours", path.display()))?;
    }
    let writer = Writer::new(files, *ring);
    let written = writer.status();
    live.write_to(writer);
    Ok(written)
}

/// What is needed for an analysis.
struct Job {
    config: Config,
    layout: Layout,
    pace: Pace,
    source: Box<dyn Source>,
    condition: Option<Condition>,
    /// Who listens beside the output.
    watchers: Vec<Box<dyn Sink>>,
}

/// What is left when the output is written.
struct Done {
    inputs: Vec<Input>,
    outcome: Outcome,
}

impl Job {
    /// A line for each event, and at the end the page that `read` has.
    fn lines(mut self, place: Place, write: WriteReport) -> anyhow::Result<Done> {
        let mut collector = Collector::new(KEPT);
        let (inputs, outcome) = place.write(|out| {
            let mut plain = Plain::new(&mut *out, &self.layout, self.pace.clone());
            let outcome = self.analyze(&mut [&mut plain, &mut collector]);
            plain.finish()?;
            let inputs = self.source.inputs().to_vec();
            let report = collector.finish(&inputs, outcome.summary.clone());
            writeln!(out)?;
            write(&report, &self.layout, out)?;
            Ok((inputs, outcome))
        })?;
        Ok(Done { inputs, outcome })
    }

    /// A screen, and at the end the same page.
    #[cfg(feature = "tui")]
    fn screen(
        self,
        write: WriteReport,
        names: String,
        written: Option<Arc<Written>>,
        stopper: Stopper,
    ) -> anyhow::Result<Done> {
        let theme = match self.layout.color {
            Color::Always => Theme::Colored,
            Color::Never => Theme::Plain,
        };
        let (mut watcher, views) = Watcher::new(names, written, self.pace.clone());
        let (source, recent) = Recent::new(self.source, RECENT);
        let screen = Screen { views, recent, stopper, config: self.config.clone(), theme };
        let mut job = Job { source: Box::new(source), ..self };
        let mut collector = Collector::new(KEPT);
        let (outcome, shown) = thread::scope(|scope| {
            let screen = scope.spawn(|| screen.run());
            let outcome = job.analyze(&mut [&mut watcher, &mut collector]);
            drop(watcher);
            (outcome, screen.join())
        });
        shown.map_err(|_| anyhow!("the screen broke down"))?.context("cannot use the terminal")?;
        let inputs = job.source.inputs().to_vec();
        let report = collector.finish(&inputs, outcome.summary.clone());
        Place::Stdout.write(|out| write(&report, &job.layout, out))?;
        Ok(Done { inputs, outcome })
    }

    /// One object a line.
    fn stream(mut self, place: Place, names: &[String]) -> anyhow::Result<Done> {
        let names: Vec<PathBuf> = names.iter().map(PathBuf::from).collect();
        let (inputs, outcome) = place.write(|out| {
            let mut lines = Lines::new(out, &names).live(self.pace.clone());
            let outcome = self.analyze(&mut [&mut lines]);
            let inputs = self.source.inputs().to_vec();
            lines.finish(&inputs, &outcome.summary)?;
            Ok((inputs, outcome))
        })?;
        Ok(Done { inputs, outcome })
    }

    /// Nothing but a report at the end.
    fn report(mut self, place: Place, write: WriteReport) -> anyhow::Result<Done> {
        let mut collector = Collector::new(Bounds::default());
        let outcome = self.analyze(&mut [&mut collector]);
        let inputs = self.source.inputs().to_vec();
        let report = collector.finish(&inputs, outcome.summary.clone());
        place.write(|out| write(&report, &self.layout, out))?;
        Ok(Done { inputs, outcome })
    }

    fn analyze(&mut self, sinks: &mut [&mut dyn Sink]) -> Outcome {
        let others = self.watchers.iter_mut().map(|w| &mut **w as &mut dyn Sink);
        let mut all: Vec<&mut dyn Sink> = sinks.iter_mut().map(|s| &mut **s as &mut dyn Sink).collect();
        all.extend(others);
        let mut tee = Tee::new(&mut all);
        let mut kept = Kept::new(self.condition.as_ref(), &mut tee);
        let mut outcome = engine::analyze(&mut *self.source, &self.config, &mut kept);
        outcome.summary.findings = kept.findings();
        outcome
    }
}

/// Says what was lost; the exit code.
fn judge(args: &LiveArgs, done: &Done, written: Option<&Written>) -> anyhow::Result<u8> {
    let code = read::tell(&done.inputs, &[], &args.input, read::progress(args.output.quiet));
    if !args.output.quiet {
        failure::say("note", &captured(&done.inputs));
    }
    if let Some((written, problem)) = written.and_then(|w| Some((w, w.problem()?))) {
        failure::say(
            "error",
            &format!("cannot write {problem}: {} packets are missing", written.unwritten()),
        );
        return Ok(INPUT);
    }
    let bad = args.input.fail_on.is_some_and(|l| read::at_or_above(l, &done.outcome.summary) > 0);
    Ok(if bad && code == 0 { FINDINGS } else { code })
}

/// What became of the packets, all of them.
fn captured(inputs: &[Input]) -> String {
    let loss = Loss::of(inputs);
    let unread = loss.received.saturating_sub(loss.dropped).saturating_sub(loss.packets);
    let unread = match unread {
        0 => String::new(),
        n if inputs.iter().any(|i| matches!(i.path.to_str(), Some("lo" | "any"))) => {
            format!(", {n} not taken: what is on loopback is counted twice, or they came after the end")
        }
        n => format!(", {n} came after the end"),
    };
    format!(
        "{} packets analyzed; {} received, {} dropped by the kernel, {} by the interface{unread}",
        loss.packets, loss.received, loss.dropped, loss.dropped_by_interface
    )
}

/// Connections and findings kept for the page at the end; the rest is counted.
const KEPT: Bounds = Bounds { connections: 10_000, attempts: 2_500, findings: 10_000, of_one_rule: 2_500 };
/// Bytes of packets kept for the ladder of a connection on the screen: at a snaplen of 128, some 150,000 packets.
#[cfg(feature = "tui")]
const RECENT: usize = 16 << 20;
