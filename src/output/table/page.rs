//! `Page`: the report, its layout, and the few things every part of the table is made with.

use std::io::{self, Write};

use comfy_table::{
    Attribute, Cell, Color as Ink, ColumnConstraint, ContentArrangement, LineStyle, Table, TableStyle, Width,
};

use crate::output::delimited::clock;
use crate::output::layout::{Color, Layout};
use crate::output::time::Clock;
use crate::report::{Report, Word};
use crate::rules::Severity;
use crate::tcp::Timestamp;

/// What is being written.
pub struct Page<'a> {
    /// The report.
    pub report: &'a Report,
    /// How it is wanted.
    pub layout: &'a Layout,
    /// How times are written.
    pub clock: Clock<'a>,
}

impl<'a> Page<'a> {
    /// A page of microseconds: capture times are seldom better.
    pub fn new(report: &'a Report, layout: &'a Layout) -> Self {
        Self { report, layout, clock: clock(report, layout, 6) }
    }

    /// The text of a time.
    pub fn time(&self, at: Timestamp) -> String {
        self.clock.text(at)
    }

    /// Bold, where there are colours.
    pub fn bold(&self, text: &str) -> String {
        match self.layout.color {
            Color::Always => format!("\x1b[1m{text}\x1b[0m"),
            Color::Never => text.into(),
        }
    }

    /// A table without lines but one under its heading, if it has one.
    pub fn table(&self) -> Table {
        let mut table = Table::new();
        table
            .load_style(STYLE)
            .set_width(self.layout.width)
            .set_content_arrangement(ContentArrangement::Dynamic);
        match self.layout.color {
            Color::Always => table.enforce_styling(),
            Color::Never => table.force_no_tty(),
        };
        table.style_text_only();
        table
    }

    /// A table of lines that begin with a label, all labels of the page equally wide.
    pub fn labelled<'t>(&self, lines: impl IntoIterator<Item = (&'t str, String)>) -> Table {
        let mut table = self.table();
        for (label, text) in lines {
            table.add_row(vec![heading(label), Cell::new(text)]);
        }
        let width = ColumnConstraint::Absolute(Width::Fixed(LABEL));
        pad(&mut table, 1);
        if let Some(column) = table.column_mut(0) {
            column.set_constraint(width);
        }
        table
    }

    /// Writes a table.
    pub fn put(&self, table: Table, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "{}", table.trim_fmt())
    }
}

/// One blank between columns, where other styles have a line, and `padding` more; none before the first.
pub fn pad(table: &mut Table, padding: u16) {
    for column in table.column_iter_mut() {
        column.set_padding((0, padding));
    }
}

/// A heading's cell.
pub fn heading(title: &str) -> Cell {
    Cell::new(title).add_attribute(Attribute::Bold)
}

/// A severity's cell.
pub fn severity(severity: Severity) -> Cell {
    let cell = Cell::new(severity.word());
    match severity {
        Severity::Error => cell.fg(Ink::Red).add_attribute(Attribute::Bold),
        Severity::Warning => cell.fg(Ink::Yellow),
        Severity::Note => cell.fg(Ink::Cyan),
    }
}

const STYLE: TableStyle = TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─'));
/// Width of the widest label, `Connections`, and its padding.
const LABEL: u16 = 12;
