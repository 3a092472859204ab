//! The connections on the page: one line each where that fits, else two.

use std::io::{self, Write};

use comfy_table::{Cell, CellAlignment, Table};

use super::page::{Page, heading, pad};
use crate::output::layout::{Color, Detail};
use crate::output::text::{shown, thousands};
use crate::report::{Column, Connection, Unit, Value};

/// The table, how many it leaves out, and what its marks mean.
pub fn write(page: &Page<'_>, out: &mut dyn Write) -> io::Result<()> {
    let view = page.report.view(page.layout.sort.as_ref(), page.layout.top_or(Some(TOP)));
    if view.is_empty() {
        return Ok(());
    }
    let all = page.report.connections.len();
    writeln!(out)?;
    page.put(fitting(page, &view), out)?;
    if page.layout.detail == Detail::Quiet {
        return Ok(());
    }
    if view.len() < all {
        let (some, all) = (thousands(view.len() as u64), thousands(all as u64));
        let more =
            format!("{some} of {all} connections; --top 0 shows all, --sort bytes:desc the largest first");
        page.put(page.labelled([("Shown", more)]), out)?;
    }
    let marks: Vec<_> = MARKS.iter().filter(|(mark, _)| view.iter().any(|c| marked(c, mark))).collect();
    if marks.is_empty() {
        return Ok(());
    }
    page.put(page.labelled(marks.into_iter().map(|(mark, meaning)| (*mark, (*meaning).to_string()))), out)
}

/// One or two columns in one: of two, the second stands below the first.
type Stack = &'static [&'static str];

/// An arrangement of columns.
struct Arrangement {
    columns: &'static [Stack],
    /// Blanks behind a column, beside the one that is always there.
    padding: u16,
}

/// Chosen columns, or the usual ones in the first arrangement that fits.
fn fitting(page: &Page<'_>, view: &[&Connection]) -> Table {
    if let Some(chosen) = &page.layout.columns {
        return table(page, view, &chosen.iter().map(|c| vec![*c]).collect::<Vec<_>>(), WIDE);
    }
    let find = |names: &Stack| names.iter().filter_map(|name| Column::find(name).ok()).collect::<Vec<_>>();
    let arranged =
        |a: &Arrangement| table(page, view, &a.columns.iter().map(find).collect::<Vec<_>>(), a.padding);
    let (last, wider) = ARRANGEMENTS.split_last().expect("there is one");
    let fits = |a: &&Arrangement| {
        let widths = arranged(a).column_max_content_widths();
        widths.iter().map(|w| usize::from(w + a.padding + 1)).sum::<usize>() <= page.layout.width.into()
    };
    arranged(wider.iter().find(fits).unwrap_or(last))
}

fn table(page: &Page<'_>, view: &[&Connection], columns: &[Vec<&'static Column>], padding: u16) -> Table {
    let mut table = page.table();
    let title = |stack: &Vec<&Column>| stack.iter().map(|c| c.title).collect::<Vec<_>>().join("\n");
    table.set_header(columns.iter().map(|stack| heading(&title(stack))));
    for connection in view {
        let cell = |stack: &Vec<&'static Column>| {
            let lines: Vec<_> = stack.iter().map(|c| text(page, c, connection)).collect();
            paint(page, stack, connection, Cell::new(lines.join("\n")))
        };
        table.add_row(columns.iter().map(cell).collect::<Vec<_>>());
    }
    pad(&mut table, padding);
    for (i, stack) in columns.iter().enumerate() {
        let numbers = stack.iter().all(|c| is_number(c, view));
        if let Some(column) = table.column_mut(i).filter(|_| numbers) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

fn text(page: &Page<'_>, column: &Column, connection: &Connection) -> String {
    match (column.value)(connection) {
        Value::List(words) if words.len() > WORDS && page.layout.detail < Detail::Verbose => {
            format!("{} +{}", words[..WORDS - 1].join(" "), words.len() - WORDS + 1)
        }
        value => shown(&value, column.kind.unit(), &page.clock),
    }
}

/// The findings of a connection have the colour of the worst.
fn paint(page: &Page<'_>, stack: &[&Column], connection: &Connection, cell: Cell) -> Cell {
    use crate::rules::Severity::{Error, Warning};
    let findings = page.layout.color == Color::Always && stack.iter().any(|c| c.name == "findings");
    match connection.worst().filter(|_| findings) {
        Some(Error) => cell.fg(comfy_table::Color::Red),
        Some(Warning) => cell.fg(comfy_table::Color::Yellow),
        _ => cell,
    }
}

fn is_number(column: &Column, view: &[&Connection]) -> bool {
    let number = |c: &&Connection| {
        matches!((column.value)(c), Value::Absent | Value::Count(_) | Value::Span(_) | Value::Share(_))
    };
    column.kind.unit() != Unit::None || view.iter().all(number)
}

fn marked(connection: &Connection, mark: &str) -> bool {
    let (state, certainty) = (&connection.record.state, &connection.record.certainty);
    [(state.client, certainty.client), (state.server, certainty.server)].into_iter().any(|(s, c)| {
        crate::output::text::state(s, c).trim_start_matches(|c| c != '?') == mark.trim_start_matches("State")
    })
}

/// What the marks behind a state mean.
const MARKS: [(&str, &str); 2] = [
    ("State?", "inferred: the segment that causes this state went to this end, which has not confirmed it"),
    ("State??", "assumed: a timer must have fired, or later traffic makes no sense otherwise"),
];

/// Connections shown unless asked otherwise.
const TOP: usize = 20;
/// Words of a list shown unless asked otherwise.
const WORDS: usize = 3;

/// Padding where there is room.
const WIDE: u16 = 1;

/// From wide to narrow.
const ARRANGEMENTS: &[Arrangement] = &[
    Arrangement {
        padding: WIDE,
        columns: &[
            &["id"],
            &["client"],
            &["server"],
            &["client_state"],
            &["server_state"],
            &["open"],
            &["close"],
            &["duration"],
            &["bytes"],
            &["retransmissions"],
            &["time_wait"],
            &["findings"],
        ],
    },
    Arrangement {
        padding: WIDE,
        columns: &[
            &["id"],
            &["client", "server"],
            &["client_state", "server_state"],
            &["open", "close"],
            &["duration"],
            &["bytes_to_server", "bytes_to_client"],
            &["retransmissions"],
            &["time_wait"],
            &["findings"],
        ],
    },
    Arrangement {
        padding: 0,
        columns: &[
            &["id"],
            &["client", "server"],
            &["client_state", "server_state"],
            &["open", "close"],
            &["duration", "bytes"],
            &["retransmissions", "time_wait"],
            &["findings"],
        ],
    },
];
