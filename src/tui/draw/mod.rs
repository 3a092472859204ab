//! A view to widgets. It says all it says in words and signs too; colours only help.

mod banner;
mod connections;
mod curves;
mod findings;
mod head;
mod help;
mod listeners;
#[cfg(test)]
mod tests;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Borders, Paragraph};

use super::choice::{Choice, Page};
use super::view::View;
use crate::rules::Severity;

/// Colours, or none.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Theme {
    /// The terminal's own sixteen.
    Colored,
    /// Bold and reversed only.
    Plain,
}

impl Theme {
    fn color(self, color: Color) -> Style {
        match self {
            Self::Colored => Style::new().fg(color),
            Self::Plain => Style::new(),
        }
    }

    fn severity(self, severity: Severity) -> Style {
        match severity {
            Severity::Error => self.color(Color::Red).add_modifier(Modifier::BOLD),
            Severity::Warning => self.color(Color::Yellow),
            Severity::Note => Style::new(),
        }
    }

    /// What must be seen.
    fn alarm(self) -> Style {
        self.color(Color::Red).add_modifier(Modifier::BOLD | Modifier::REVERSED)
    }
}

/// Draws everything.
pub fn draw(frame: &mut Frame<'_>, view: &View, choice: &mut Choice, theme: Theme) {
    let area = frame.area();
    if area.width < MIN_WIDTH || area.height < MIN_HEIGHT {
        let text = format!("{MIN_WIDTH}x{MIN_HEIGHT} at least; q ends the capture");
        return frame.render_widget(Paragraph::new(text), area);
    }
    let banner = banner::lines(view, choice, area.width);
    let [head, alarm, body, foot] = Layout::vertical([
        Constraint::Length(head::HEIGHT),
        Constraint::Length(banner.len() as u16),
        Constraint::Min(5),
        Constraint::Length(1),
    ])
    .areas(area);
    head::draw(frame, head, view, choice, theme);
    banner::draw(frame, alarm, banner, theme);
    match choice.page.clone() {
        Page::Overview => overview(frame, body, view, choice, theme),
        Page::Findings => findings::draw(frame, body, view, choice.scroll, theme),
        Page::Ladder(lines) => ladder(frame, body, &lines, choice.scroll),
        Page::Help => help::draw(frame, body),
    }
    frame.render_widget(Line::from(foot_line(choice)), foot);
}

fn overview(frame: &mut Frame<'_>, area: Rect, view: &View, choice: &mut Choice, theme: Theme) {
    let curves_height = if area.height >= 40 { 10 } else { 5 };
    let [top, rest] = Layout::vertical([Constraint::Length(curves_height), Constraint::Min(3)]).areas(area);
    curves::draw(frame, top, view, theme);
    if area.width >= WIDE {
        let [left, right] = Layout::horizontal([Constraint::Percentage(55), Constraint::Min(40)]).areas(rest);
        let [above, below] = Layout::vertical([Constraint::Percentage(40), Constraint::Min(3)]).areas(right);
        connections::draw(frame, left, view, choice, theme);
        listeners::draw(frame, above, view, theme);
        findings::draw(frame, below, view, 0, theme);
        return;
    }
    let small = if area.height >= 30 { 8 } else { 4 };
    let [listeners, connections, findings] =
        Layout::vertical([Constraint::Length(small), Constraint::Min(3), Constraint::Length(small)])
            .areas(rest);
    listeners::draw(frame, listeners, view, theme);
    connections::draw(frame, connections, view, choice, theme);
    findings::draw(frame, findings, view, 0, theme);
}

fn ladder(frame: &mut Frame<'_>, area: Rect, lines: &[String], scroll: usize) {
    let text: Vec<Line<'_>> = lines.iter().skip(scroll).map(|l| Line::from(l.as_str())).collect();
    frame.render_widget(Paragraph::new(text).block(titled("Segments")), area);
}

fn foot_line(choice: &Choice) -> Vec<Span<'static>> {
    let bold = |text: &'static str| Span::styled(text, Modifier::BOLD);
    if choice.typing {
        return vec![
            bold(" filter: "),
            format!("{}_   (Enter keeps it, Esc clears it)", choice.filter).into(),
        ];
    }
    match choice.page {
        Page::Overview => vec![
            bold(" ?"),
            " help  ".into(),
            bold("s"),
            " sort  ".into(),
            bold("/"),
            " filter  ".into(),
            bold("Enter"),
            " segments  ".into(),
            bold("f"),
            " findings  ".into(),
            bold("p"),
            " pause  ".into(),
            bold("q"),
            " quit".into(),
        ],
        _ => vec![bold(" Esc"), " back  ".into(), bold("arrows, PgUp, PgDn"), " scroll".into()],
    }
}

/// A part of the screen: a line with its title above it.
fn titled<'a>(title: impl Into<Line<'a>>) -> Block<'a> {
    Block::new().borders(Borders::TOP).title(title.into().patch_style(Modifier::BOLD))
}

/// Below this nothing can be told.
const MIN_WIDTH: u16 = 60;
const MIN_HEIGHT: u16 = 20;
/// From this width on there are two columns.
const WIDE: u16 = 140;
