//! Report to bytes: `FORMATS` has one row per format, each a pure function into a writer.
//!
//! Nothing here asks a clock, a terminal or the environment; [`Layout`] says all that a format may depend on.

#[cfg(feature = "check")]
mod check;
mod community;
mod compact;
mod delimited;
#[cfg(feature = "check")]
mod diff;
mod document;
#[cfg(all(feature = "pcap", unix))]
mod interfaces;
mod json;
mod ladder;
mod layout;
mod line;
mod live;
mod ndjson;
mod rules;
#[cfg(feature = "cli")]
mod table;
mod text;
mod time;
mod wireshark;

use std::io::{self, Write};

#[cfg(feature = "check")]
pub use check::{DefaultPlace, REPORTS, RunReport, check_schema, run_markdown, run_text};
pub use community::{CommunityId, community_id};
#[cfg(feature = "check")]
pub use diff::{Compared, diff_json, diff_schema, diff_text};
pub use document::{Document, schema};
#[cfg(all(feature = "pcap", unix))]
pub use interfaces::{interfaces_json, list_interfaces};
pub use ladder::{Folding, LADDERS, LadderFormat, Numbers, View};
pub use layout::{Color, Detail, Layout};
pub use live::{Loss, Pace, Plain, Turn};
pub use ndjson::Lines;
pub use rules::{explain_rule, list_rules, rules_json};
pub use text::{bytes, counted, escape, thousands};
pub use time::{Clock, TimeStyle};

use crate::report::Report;

/// One output format.
#[derive(Debug)]
pub struct Format {
    /// What `--format` takes.
    pub name: &'static str,
    /// What it is for, for the help text.
    pub doc: &'static str,
    /// Whether it shows chosen columns, so that `--fields` makes sense.
    pub tabular: bool,
    /// How it is written.
    pub way: Way,
}

/// How a format is written.
#[derive(Clone, Copy, Debug)]
pub enum Way {
    /// At the end, from a report.
    Report(WriteReport),
    /// Line by line while packets are read, by [`Lines`].
    Stream,
}

/// Writes a report.
pub type WriteReport = fn(&Report, &Layout, &mut dyn Write) -> io::Result<()>;

impl Format {
    /// The format of a name.
    pub fn of(name: &str) -> Option<&'static Self> {
        FORMATS.iter().find(|f| f.name == name)
    }
}

/// Every format, the default first.
pub const FORMATS: &[Format] = &[
    #[cfg(feature = "cli")]
    Format { name: "table", doc: "for people", tabular: true, way: Way::Report(table::write) },
    Format {
        name: "json",
        doc: "one document, see `tcpscope schema`",
        tabular: false,
        way: Way::Report(json::write),
    },
    Format { name: "ndjson", doc: "one object a line, as they come", tabular: false, way: Way::Stream },
    Format {
        name: "csv",
        doc: "connections, comma-separated",
        tabular: true,
        way: Way::Report(delimited::csv),
    },
    Format {
        name: "tsv",
        doc: "connections, tab-separated",
        tabular: true,
        way: Way::Report(delimited::tsv),
    },
    Format {
        name: "markdown",
        doc: "connections, as a table for issues",
        tabular: true,
        way: Way::Report(delimited::markdown),
    },
];
