//! Many captures over all cores, one analysis each; what comes of them is in the order of the captures.

use std::io::IsTerminal;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::check::Capture;
use crate::cli::args::{InputArgs, KeepArgs};
use crate::cli::failure::Usage;
use crate::cli::read;
use crate::cli::watch::Progress;
use crate::config::Config;
use crate::engine;
use crate::error::Error;
use crate::report::{Bounds, Collector, Condition, Kept, Report};
use crate::source::{FileOptions, Files, Source};

/// What is the same for all captures.
pub struct Job {
    /// How they are analyzed.
    pub config: Config,
    /// What is read of them.
    pub input: InputArgs,
    /// Which connections are kept.
    pub condition: Option<Condition>,
    /// How many threads there may be, all captures together.
    pub threads: usize,
    /// Whether a job that lasts has a bar.
    pub progress: Progress,
}

impl Job {
    /// What these flags say.
    pub fn new(input: &InputArgs, keep: &KeepArgs, progress: Progress) -> Result<Self, Usage> {
        let threads = match input.threads {
            0 => std::thread::available_parallelism().map_or(1, NonZero::get),
            n => n,
        };
        let (config, condition) = (read::config(input)?, read::condition(keep)?);
        Ok(Self { config, input: input.clone(), condition, threads, progress })
    }

    /// The report of one capture, by all threads.
    pub fn report(&self, path: &Path) -> Result<Report, Error> {
        report(path, self, &self.config)
    }
}

/// Analyzes each capture and makes something of its report, which is dropped then: memory holds one report a thread.
///
/// # Errors
/// The first error, in the order of the captures, that `make` does not take.
pub fn each<T: Send>(
    captures: &[(PathBuf, Capture)],
    job: &Job,
    make: impl Fn(&Capture, Result<Report, Error>) -> Result<T, Error> + Sync,
) -> anyhow::Result<Vec<T>> {
    let workers = job.threads.min(captures.len()).max(1);
    // Few captures: each gets more threads of its own.
    let config = Config { threads: (job.threads / workers).max(1), ..job.config.clone() };
    let next = AtomicUsize::new(0);
    let (sender, results) = crossbeam_channel::unbounded();
    let mut done: Vec<Option<Result<T, Error>>> = captures.iter().map(|_| None).collect();
    std::thread::scope(|scope| {
        for _ in 0..workers {
            let (sender, next, config, make) = (sender.clone(), &next, &config, &make);
            scope.spawn(move || {
                while let Some((path, capture)) = captures.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let at = captures.partition_point(|(_, other)| other < capture);
                    // Nobody waits for it any more only when the program ends.
                    let _ = sender.send((at, make(capture, report(path, job, config))));
                }
            });
        }
        drop(sender);
        let mut bar = Bar::new(captures.len(), job.progress);
        for (at, result) in &results {
            done[at] = Some(result);
            bar.step();
        }
    });
    let all: Result<Vec<T>, Error> = done.into_iter().flatten().collect();
    Ok(all?)
}

/// The report of one capture.
fn report(path: &Path, job: &Job, config: &Config) -> Result<Report, Error> {
    let options =
        FileOptions { filter: job.input.filter.clone(), count: job.input.count, ..FileOptions::default() };
    let mut source = Files::open([path], &options)?;
    let mut collector = Collector::new(BOUNDS);
    let mut kept = Kept::new(job.condition.as_ref(), &mut collector);
    let mut outcome = engine::analyze(&mut source, config, &mut kept);
    outcome.summary.findings = kept.findings();
    match outcome.failure {
        Some(error) => Err(error),
        None => Ok(collector.finish(source.inputs(), outcome.summary)),
    }
}

/// Captures done, once that lasts.
struct Bar {
    bar: Option<ProgressBar>,
    begun: Instant,
    done: usize,
    all: usize,
    wanted: bool,
}

impl Bar {
    fn new(all: usize, progress: Progress) -> Self {
        let wanted = progress == Progress::Shown && std::io::stderr().is_terminal();
        Self { bar: None, begun: Instant::now(), done: 0, all, wanted }
    }

    fn step(&mut self) {
        self.done += 1;
        if self.wanted && self.bar.is_none() && self.begun.elapsed() > PATIENCE {
            let target = ProgressDrawTarget::stderr_with_hz(5);
            let bar = ProgressBar::with_draw_target(Some(self.all as u64), target);
            let style = ProgressStyle::with_template("{bar:40} {pos} of {len} captures  {eta} left");
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            self.bar = Some(bar);
        }
        if let Some(bar) = &self.bar {
            bar.set_position(self.done as u64);
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// Of each capture, a million connections, attempts or not, and a hundred thousand findings; verdicts say what did not
/// fit.
const BOUNDS: Bounds =
    Bounds { connections: 1_000_000, attempts: 1_000_000, findings: 100_000, of_one_rule: 100_000 };
/// How long a job may last without a bar.
const PATIENCE: Duration = Duration::from_secs(1);
