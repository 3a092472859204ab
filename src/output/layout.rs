//! `Layout`: everything beside the report that a format may depend on.

use super::time::TimeStyle;
use crate::report::{Column, Sort};

/// What the user wants to see, and what the place it goes to can show.
#[derive(Clone, Debug)]
pub struct Layout {
    /// Columns of a connection; `None` for those of the format.
    pub columns: Option<Vec<&'static Column>>,
    /// Order of connections; `None` for by id.
    pub sort: Option<Sort>,
    /// Connections shown at most; `None` for the format's own number, `Some(0)` for all.
    pub top: Option<usize>,
    /// How times are written; JSON always has them in UTC.
    pub time: TimeStyle,
    /// Colours or none.
    pub color: Color,
    /// Columns of text that fit a line of the table.
    pub width: u16,
    /// How much the table says.
    pub detail: Detail,
    /// Which connections were asked for; the others are not in the report.
    pub condition: Option<String>,
    /// The command that made the report, without what only concerns its looks; for advice.
    pub command: Option<String>,
    /// The command that draws a connection when its id is put behind it; for advice.
    pub show: Option<String>,
    /// Version of the libpcap that read the input, if one did.
    pub libpcap: Option<String>,
}

impl Default for Layout {
    fn default() -> Self {
        Self {
            columns: None,
            sort: None,
            top: None,
            time: TimeStyle::Utc,
            color: Color::Never,
            width: Self::FIXED_WIDTH,
            detail: Detail::Normal,
            condition: None,
            command: None,
            show: None,
            libpcap: None,
        }
    }
}

impl Layout {
    /// Width of a table that goes to no terminal.
    pub const FIXED_WIDTH: u16 = 120;

    /// Connections to show at most when the format's own number is `default`.
    pub fn top_or(&self, default: Option<usize>) -> Option<usize> {
        match self.top {
            Some(0) => None,
            Some(n) => Some(n),
            None => default,
        }
    }
}

/// Whether escape sequences for colours are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Color {
    /// Yes.
    Always,
    /// No.
    Never,
}

/// How much the table says.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Detail {
    /// No legend and no advice.
    Quiet,
    /// Notes are summed up.
    Normal,
    /// Every finding on its own.
    Verbose,
}
