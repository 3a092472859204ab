//! `--report`: which reports go where; each place is opened before the work begins.

use std::fs::OpenOptions;
use std::path::{Path, PathBuf};

use crate::check::Run;
use crate::cli::failure::Usage;
use crate::cli::place::Place;
use crate::error::Error;
use crate::output::{DefaultPlace, REPORTS, RunReport, run_markdown};
use crate::report::did_you_mean;

/// Reads `KIND=FILE` and opens the file.
pub fn open(words: &[String], captures: &[PathBuf]) -> anyhow::Result<Vec<(&'static RunReport, Place)>> {
    let mut places = Vec::new();
    for word in words {
        let (kind, file) = match word.split_once('=') {
            Some((kind, file)) => (kind, Some(file)),
            None => (word.as_str(), None),
        };
        let names: Vec<_> = REPORTS.iter().map(|report| report.name).collect();
        let report = RunReport::of(kind).ok_or_else(|| {
            let hint = did_you_mean(kind, &names, &format!("there are: {}", names.join(", ")));
            Usage::new(format!("there is no report {kind:?}"), hint)
        })?;
        match (file, report.place) {
            (None | Some(""), DefaultPlace::None) => {
                let hint = format!("write it as --report {kind}=FILE; {kind}=- is standard output");
                return Err(Usage::new(format!("the report {kind} needs a file"), hint).into());
            }
            _ => places.push((report, Place::open(file.map(Path::new), captures)?)),
        }
    }
    Ok(places)
}

/// Writes all of them; with `github`, the step summary too, where the runner says its file.
pub fn write(run: &Run, places: Vec<(&'static RunReport, Place)>) -> anyhow::Result<()> {
    for (report, place) in places {
        place.write(|out| (report.write)(run, out))?;
        let summary =
            std::env::var_os(STEP_SUMMARY).filter(|path| report.name == "github" && !path.is_empty());
        if let Some(path) = summary {
            let unwritable = |cause| Error::Unwritable { what: path.to_string_lossy().into_owned(), cause };
            // Other steps' words stand in it already.
            let file = OpenOptions::new().append(true).create(true).open(&path).map_err(unwritable)?;
            run_markdown(run, &mut &file).map_err(unwritable)?;
        }
    }
    Ok(())
}

/// Where GitHub's runner takes Markdown for the step's page.
const STEP_SUMMARY: &str = "GITHUB_STEP_SUMMARY";
