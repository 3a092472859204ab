//! The banner over an attack: it takes the width of the screen, stays while the attack goes on, and after that until
//! somebody has seen it.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;
use ratatui::widgets::Paragraph;

use super::Theme;
use crate::output::{Clock, TimeStyle, escape};
use crate::tui::choice::Choice;
use crate::tui::view::{Alarm, View};

/// Lines it takes.
pub(super) fn height(view: &View, choice: &Choice) -> u16 {
    match shown(view, choice).len() {
        0 => 0,
        n => 2 * n.min(SHOWN) as u16 + u16::from(n > SHOWN),
    }
}

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, view: &View, choice: &Choice, theme: Theme) {
    let alarms = shown(view, choice);
    let width = usize::from(area.width);
    let full = |text: String| Line::styled(format!("{text:width$}"), theme.alarm());
    let mut lines = Vec::new();
    for alarm in alarms.iter().take(SHOWN) {
        lines.push(full(title(alarm, view)));
        lines.push(full(format!("     {}", escape(&alarm.message))));
    }
    if alarms.len() > SHOWN {
        lines.push(full(format!(" !!! and {} more: press f", alarms.len() - SHOWN)));
    }
    frame.render_widget(Paragraph::new(lines), area);
}

fn title(alarm: &Alarm, view: &View) -> String {
    let clock = Clock { style: &TimeStyle::Utc, start: view.begun, digits: 0 };
    let about = alarm.key.as_deref().map(|key| format!(" {}", escape(key))).unwrap_or_default();
    let when = match alarm.goes_on(view.clock) {
        true => format!("since {} (going on)", clock.text(alarm.since)),
        false => format!(
            "{} to {} (x: seen)",
            clock.text(alarm.since),
            clock.text(alarm.end.unwrap_or(alarm.last))
        ),
    };
    format!(" !!! ATTACK {} {}{about}  {when}", alarm.rule, alarm.name)
}

/// Attacks that go on, and those that nobody has acknowledged.
fn shown<'a>(view: &'a View, choice: &Choice) -> Vec<&'a Alarm> {
    let fresh = view.alarms.len().saturating_sub(choice.acknowledged);
    let alarms = view.alarms.iter().enumerate();
    alarms.filter(|(i, a)| *i < fresh || a.goes_on(view.clock)).map(|(_, a)| a).collect()
}

/// Attacks with lines of their own.
const SHOWN: usize = 2;
