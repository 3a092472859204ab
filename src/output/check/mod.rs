//! A run of checks to bytes: `REPORTS` has one row per report, each a pure function of the run into a writer.
//!
//! No clock, host or absolute path is in any of them, so that equal captures and policies give equal bytes.

mod github;
mod gitlab;
mod json;
mod junit;
mod markdown;
mod sarif;
mod text;
mod uri;
mod wording;

use std::io::{self, Write};

pub use json::schema as check_schema;
pub use markdown::write as run_markdown;
pub use text::write as run_text;

use crate::check::Run;

/// One report of a run, for a machine or a page.
#[derive(Debug)]
pub struct RunReport {
    /// What `--report` takes.
    pub name: &'static str,
    /// What it is for, for the help text.
    pub doc: &'static str,
    /// Where it goes when no file is named.
    pub place: DefaultPlace,
    /// How it is written.
    pub write: fn(&Run, &mut dyn Write) -> io::Result<()>,
}

/// Where a report goes when no file is named.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DefaultPlace {
    /// Nowhere: it needs a file.
    None,
    /// Standard output, among the text, where the runner looks for it.
    Stdout,
}

impl RunReport {
    /// The report of a name.
    pub fn of(name: &str) -> Option<&'static Self> {
        REPORTS.iter().find(|report| report.name == name)
    }
}

/// Every report.
pub const REPORTS: &[RunReport] = &[
    RunReport {
        name: "junit",
        doc: "JUnit XML, as nearly every system reads it",
        place: DefaultPlace::None,
        write: junit::write,
    },
    RunReport {
        name: "sarif",
        doc: "SARIF 2.1.0, for code scanning",
        place: DefaultPlace::None,
        write: sarif::write,
    },
    RunReport {
        name: "github",
        doc: "annotations on standard output, and the step summary",
        place: DefaultPlace::Stdout,
        write: github::write,
    },
    RunReport { name: "gitlab", doc: "GitLab code quality", place: DefaultPlace::None, write: gitlab::write },
    RunReport {
        name: "json",
        doc: "everything, as one document",
        place: DefaultPlace::None,
        write: json::write,
    },
    RunReport {
        name: "markdown",
        doc: "a page for comments and summaries",
        place: DefaultPlace::None,
        write: markdown::write,
    },
];
