//! `Watched`: files with a progress bar, which goes on with the next file when one cannot be read.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::error::Error;
use crate::source::{Files, Input, Next, Source};
use crate::tcp::Timestamp;

/// A source that tells people how far it is.
pub struct Watched {
    files: Files,
    failures: Vec<Error>,
    packets: u64,
    begun: Instant,
    bar: Bar,
}

/// The bar appears only when the job lasts.
enum Bar {
    Never,
    Later,
    Shown(ProgressBar),
}

/// Whether a job that lasts has a bar.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Progress {
    /// A bar, where standard error is a terminal.
    Shown,
    /// None.
    Hidden,
}

impl Watched {
    /// Watches the files.
    pub fn new(files: Files, progress: Progress) -> Self {
        let bar = match progress {
            Progress::Shown if std::io::stderr().is_terminal() => Bar::Later,
            _ => Bar::Never,
        };
        Self { files, failures: Vec::new(), packets: 0, begun: Instant::now(), bar }
    }

    /// Whether something was left unread because somebody wanted no more.
    pub fn is_interrupted(&self) -> bool {
        self.files.is_interrupted()
    }

    /// Takes the bar away and says what could not be read.
    pub fn finish(self) -> Vec<Error> {
        if let Bar::Shown(bar) = self.bar {
            bar.finish_and_clear();
        }
        self.failures
    }

    /// Shows how far it is, once it has lasted long enough.
    #[cold]
    fn tick(&mut self) {
        let (read, total) = self.files.progress();
        match &self.bar {
            Bar::Never => {}
            Bar::Later if self.begun.elapsed() < PATIENCE => {}
            Bar::Later => self.bar = Bar::Shown(bar(total)),
            Bar::Shown(bar) => {
                bar.set_position(read);
                bar.set_message(format!("{} packets", crate::output::thousands(self.packets)));
            }
        }
    }
}

impl Source for Watched {
    fn next(&mut self) -> Result<Next<'_>, Error> {
        self.packets += 1;
        if self.packets.is_multiple_of(TICK) {
            self.tick();
        }
        match self.files.next() {
            // The file after it is still there; asking again goes on with that.
            Err(failure @ (Error::Unreadable { .. } | Error::NotACapture { .. })) => {
                self.failures.push(failure);
                Ok(Next::Idle(Timestamp::MIN))
            }
            next => next,
        }
    }

    fn inputs(&self) -> &[Input] {
        self.files.inputs()
    }
}

fn bar(total: Option<u64>) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::stderr_with_hz(5));
    let template = match total {
        Some(_) => "{bar:40} {bytes}/{total_bytes}  {msg}  {eta} left",
        None => "{spinner} {bytes}  {msg}  {elapsed}",
    };
    bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar
}

/// How long a job may last without a bar.
const PATIENCE: Duration = Duration::from_secs(1);
/// Packets between two looks at the clock.
const TICK: u64 = 1 << 14;
