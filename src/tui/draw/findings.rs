//! The newest findings.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use super::{Theme, titled};
use crate::output::{Clock, TimeStyle, escape};
use crate::tui::view::{Told, View};

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, view: &View, scroll: usize, theme: Theme) {
    let room = area.height.saturating_sub(1).into();
    let lines: Vec<Line<'_>> =
        view.findings.iter().skip(scroll).take(room).map(|f| line(f, view, theme)).collect();
    frame.render_widget(Paragraph::new(lines).block(titled("Findings, the newest first")), area);
}

fn line<'a>(f: &'a Told, view: &View, theme: Theme) -> Line<'a> {
    let clock = Clock { style: &TimeStyle::Utc, start: view.begun, digits: 0 };
    let text = clock.text(f.at);
    let time = text.split_once('T').map_or(&*text, |(_, time)| time).trim_end_matches('Z').to_string();
    let about = f.connection.map(|id| format!("#{id} ")).unwrap_or_default();
    let times = if f.count > 1 { format!("{}x ", f.count) } else { String::new() };
    Line::from(vec![
        format!("{time} ").into(),
        Span::styled(format!("{:7} {} ", f.severity.name(), f.rule), theme.severity(f.severity)),
        format!("{times}{about}{}", escape(&f.message)).into(),
    ])
}
