//! The top of the screen: what is captured, what was lost, how ends stand.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Modifier;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use super::Theme;
use crate::output::{Clock, TimeStyle, escape, thousands};
use crate::tui::choice::Choice;
use crate::tui::view::View;

/// Lines it takes.
pub(super) const HEIGHT: u16 = 3;

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, view: &View, choice: &Choice, theme: Theme) {
    let lines = vec![title(view, choice), packets(view, theme), states(view)];
    frame.render_widget(Paragraph::new(lines), area);
}

fn title(view: &View, choice: &Choice) -> Line<'static> {
    let clock = Clock { style: &TimeStyle::Utc, start: view.begun, digits: 0 };
    let mut parts = vec![
        Span::styled(format!(" tcpscope {} ", escape(&view.interfaces)), Modifier::REVERSED | Modifier::BOLD),
        format!(" {}  for {}", clock.text(view.clock), view.clock.since(view.begun)).into(),
        format!("  {} received", thousands(view.loss.received)).into(),
    ];
    if choice.paused {
        parts.push(Span::styled("  PAUSED", Modifier::REVERSED | Modifier::BOLD));
    }
    if let Some(written) = &view.written {
        parts.push(format!("  {} written", thousands(written.packets())).into());
        if let Some(problem) = written.problem() {
            parts.push(Span::styled(format!("  {}", escape(problem)), Modifier::BOLD));
        }
    }
    Line::from(parts)
}

/// Losses are always there, with room for millions on the narrowest screen, and stand out when there are any.
fn packets(view: &View, theme: Theme) -> Line<'static> {
    let lost = |n: u64| if n > 0 { theme.alarm() } else { ratatui::style::Style::new() };
    let l = &view.loss;
    let mut parts = vec![
        format!(" {} packets  {}/s  ", thousands(l.packets), thousands(view.rate)).into(),
        Span::styled(format!("{} dropped by kernel", thousands(l.dropped)), lost(l.dropped)),
        "  ".into(),
        Span::styled(
            format!("{} by interface", thousands(l.dropped_by_interface)),
            lost(l.dropped_by_interface),
        ),
    ];
    if view.evicted > 0 {
        parts.push(Span::styled(format!("  {} forgotten", thousands(view.evicted)), lost(1)));
    }
    Line::from(parts)
}

fn states(view: &View) -> Line<'static> {
    let parts: Vec<String> = view.states.iter().map(|(s, n)| format!("{s} {}", thousands(*n))).collect();
    match parts.is_empty() {
        true => Line::from(" no connections"),
        false => Line::from(format!(" {}", parts.join("  "))),
    }
}
