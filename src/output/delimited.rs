//! `--format csv`, `tsv`, `markdown`: connections as rows, columns from `COLUMNS`.

use std::borrow::Cow;
use std::io::{self, Write};

use super::layout::Layout;
use super::text::{escape, raw, shown};
use super::time::Clock;
use crate::report::{COLUMNS, Column, Report};
use crate::tcp::Timestamp;

/// A heading and quotes as in RFC 4180, lines end in LF; numbers are plain, absent values empty.
///
/// # Errors
/// The writer's.
pub fn csv(report: &Report, layout: &Layout, out: &mut dyn Write) -> io::Result<()> {
    rows(report, layout, out, &Shape { separator: ",", quote: csv_quoted })
}

/// Like CSV with tabs; a tab or line end inside a cell is written as `\t` or `\n`.
///
/// # Errors
/// The writer's.
pub fn tsv(report: &Report, layout: &Layout, out: &mut dyn Write) -> io::Result<()> {
    rows(report, layout, out, &Shape { separator: "\t", quote: |cell| escape(cell) })
}

/// A table that GitHub and GitLab render; few columns unless chosen.
///
/// # Errors
/// The writer's.
pub fn markdown(report: &Report, layout: &Layout, out: &mut dyn Write) -> io::Result<()> {
    let columns = columns(layout, || MARKDOWN.iter().filter_map(|name| Column::find(name).ok()).collect());
    let clock = clock(report, layout, 6);
    let line = |out: &mut dyn Write, cells: Vec<String>| writeln!(out, "| {} |", cells.join(" | "));
    line(out, columns.iter().map(|c| c.title.to_string()).collect())?;
    line(out, columns.iter().map(|_| "---".to_string()).collect())?;
    for connection in report.view(layout.sort.as_ref(), layout.top_or(None)) {
        let cell = |c: &&Column| shown(&(c.value)(connection), c.kind.unit(), &clock).replace('|', "\\|");
        line(out, columns.iter().map(cell).collect())?;
    }
    Ok(())
}

/// How cells stand in a line.
struct Shape {
    separator: &'static str,
    quote: fn(&str) -> Cow<'_, str>,
}

fn rows(report: &Report, layout: &Layout, out: &mut dyn Write, shape: &Shape) -> io::Result<()> {
    let columns = columns(layout, || COLUMNS.iter().collect());
    let clock = clock(report, layout, 9);
    let heading: Vec<_> = columns.iter().map(|c| c.raw_name()).collect();
    writeln!(out, "{}", heading.join(shape.separator))?;
    for connection in report.view(layout.sort.as_ref(), layout.top_or(None)) {
        for (i, column) in columns.iter().enumerate() {
            let separator = if i == 0 { "" } else { shape.separator };
            let cell = raw(&(column.value)(connection), &clock);
            write!(out, "{separator}{}", (shape.quote)(&cell))?;
        }
        writeln!(out)?;
    }
    Ok(())
}

fn columns(layout: &Layout, default: impl FnOnce() -> Vec<&'static Column>) -> Vec<&'static Column> {
    layout.columns.clone().unwrap_or_else(default)
}

/// The clock of a report: relative times count from its first packet.
pub(super) fn clock<'a>(report: &Report, layout: &'a Layout, digits: usize) -> Clock<'a> {
    let start = report.inputs.iter().filter_map(|i| i.first).min().unwrap_or(Timestamp(0));
    Clock { style: &layout.time, start, digits }
}

fn csv_quoted(cell: &str) -> Cow<'_, str> {
    match cell.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", cell.replace('"', "\"\"")).into(),
        false => cell.into(),
    }
}

/// What fits into an issue.
const MARKDOWN: [&str; 10] = [
    "id",
    "client",
    "server",
    "client_state",
    "server_state",
    "open",
    "close",
    "duration",
    "bytes",
    "findings",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    fn text(format: super::super::WriteReport, fields: &str) -> String {
        let columns = (!fields.is_empty()).then(|| Column::parse_list(fields).expect("columns"));
        let layout = Layout { columns, ..Layout::default() };
        let mut bytes = Vec::new();
        format(&sample::report(), &layout, &mut bytes).expect("memory takes all");
        String::from_utf8(bytes).expect("UTF-8")
    }

    #[test]
    fn csv_is_plain_numbers_under_names_with_units() {
        assert_eq!(
            text(csv, "id,client,client_state,duration,rtt,overhead,findings,first"),
            "id,client,client_state,duration_ns,rtt_ns,overhead,findings,first\n\
             1,10.0.0.1:40000,TIME_WAIT,1030000000,20000000,0.8182,HS002,2026-11-22T10:00:00.000000000Z\n\
             12,[2001:db8::1]:50000,SYN_SENT,1030000000,,1,,2026-11-22T10:00:00.000000000Z\n"
        );
        let all = text(csv, "");
        assert!(all.lines().all(|line| line.split(',').count() == COLUMNS.len()));
    }

    #[test]
    fn tsv_has_tabs() {
        assert_eq!(text(tsv, "id,bytes"), "id\tbytes\n1\t2100\n12\t0\n");
    }

    #[test]
    fn markdown_reads_as_people_say_it() {
        assert_eq!(
            text(markdown, "id,client_state,duration,bytes"),
            "| Id | Client state | Duration | Bytes |\n| --- | --- | --- | --- |\n\
             | 1 | TIME_WAIT | 1.03 s | 2.1 KiB |\n| 12 | SYN_SENT?? | 1.03 s | 0 B |\n"
        );
    }

    #[test]
    fn quotes_are_doubled() {
        assert_eq!(csv_quoted("a,\"b\""), "\"a,\"\"b\"\"\"");
    }
}
