//! The busiest listeners: what waits in their queue, and how many handshakes get through.

use ratatui::Frame;
use ratatui::layout::{Constraint, Rect};
use ratatui::style::Modifier;
use ratatui::widgets::{Row as Line, Table};

use super::{Theme, titled};
use crate::output::thousands;
use crate::rules::Severity;
use crate::tui::view::{Row, View};

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, view: &View, theme: Theme) {
    let rows = view.listeners.iter().take(area.height.into()).map(|row| {
        let style = match row.backlog {
            Some(backlog) if row.half_open >= backlog => theme.severity(Severity::Error),
            _ => ratatui::style::Style::new(),
        };
        Line::new(cells(row)).style(style)
    });
    let widths = [
        Constraint::Min(21),
        Constraint::Length(10),
        Constraint::Length(10),
        Constraint::Length(11),
        Constraint::Length(6),
    ];
    let head = Line::new(["Listener", "Half-open", "Peak", "Handshakes", "Done"]).style(Modifier::BOLD);
    frame.render_widget(Table::new(rows, widths).header(head).block(titled("")), area);
}

fn cells(row: &Row) -> [String; 5] {
    let queue = match row.backlog {
        Some(backlog) => format!("{}/{}", thousands(row.half_open), thousands(backlog)),
        None => thousands(row.half_open),
    };
    let done = match row.answered {
        0 => "-".into(),
        n => format!("{} %", row.completed.saturating_mul(100) / n),
    };
    [row.endpoint.to_string(), queue, thousands(row.peak), thousands(row.answered), done]
}
