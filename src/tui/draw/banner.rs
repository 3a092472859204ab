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

/// What it says, on a screen of this width.
pub(super) fn lines(view: &View, choice: &Choice, width: u16) -> Vec<String> {
    let alarms = shown(view, choice);
    let room = if alarms.len() > 1 { 1 } else { SENTENCE };
    let mut lines = Vec::new();
    for alarm in alarms.iter().take(SHOWN) {
        lines.push(title(alarm, view));
        lines.extend(wrapped(&escape(&alarm.message), usize::from(width).saturating_sub(INDENT.len()), room));
    }
    let more = alarms.len().saturating_sub(SHOWN) + view.more_alarms;
    if more > 0 {
        lines.push(format!(" !!! AND {more} MORE"));
    }
    lines
}

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, lines: Vec<String>, theme: Theme) {
    let width = usize::from(area.width);
    let full = |text: String| Line::styled(format!("{text:width$}"), theme.alarm());
    frame.render_widget(Paragraph::new(lines.into_iter().map(full).collect::<Vec<_>>()), area);
}

/// What matters most comes first: whether it goes on, what it is, and whom it hits.
fn title(alarm: &Alarm, view: &View) -> String {
    let clock = Clock { style: &TimeStyle::Utc, start: view.begun, digits: 0 };
    let time = |at| {
        let text = clock.text(at);
        text.split_once('T').map_or(text.clone(), |(_, time)| time.to_string())
    };
    let about = alarm.key.as_deref().map(|key| format!(" {}", escape(key))).unwrap_or_default();
    let what = format!("{} {}{about}", alarm.rule, alarm.name);
    match alarm.goes_on(view.clock) {
        true => format!(" !!! ATTACK GOING ON: {what}  since {}", time(alarm.since)),
        false => {
            let end = alarm.end.unwrap_or(alarm.last);
            format!(" !!! ATTACK, now over: {what}  {} to {} (x: seen)", time(alarm.since), time(end))
        }
    }
}

/// A sentence in lines of this width, so many at most; what has no room is marked as missing.
fn wrapped(sentence: &str, width: usize, most: usize) -> Vec<String> {
    let mut lines: Vec<String> = vec![String::new()];
    for word in sentence.split(' ') {
        let is_last = lines.len() >= most;
        let Some(line) = lines.last_mut() else { break };
        if line.is_empty() || line.chars().count() + 1 + word.chars().count() <= width {
            line.push_str(if line.is_empty() { "" } else { " " });
            line.push_str(word);
        } else if is_last {
            let kept: String = line.chars().take(width.saturating_sub(2)).collect();
            *line = format!("{kept} …");
            break;
        } else {
            lines.push(word.to_string());
        }
    }
    lines.into_iter().map(|line| format!("{INDENT}{line}")).collect()
}

/// Attacks that go on, and those that nobody has acknowledged.
fn shown<'a>(view: &'a View, choice: &Choice) -> Vec<&'a Alarm> {
    let fresh = view.alarms.len().saturating_sub(choice.acknowledged);
    let alarms = view.alarms.iter().enumerate();
    alarms.filter(|(i, a)| *i < fresh || a.goes_on(view.clock)).map(|(_, a)| a).collect()
}

/// Lines that the sentence about a single attack may take.
const SENTENCE: usize = 2;
const INDENT: &str = "     ";
/// Attacks with lines of their own.
const SHOWN: usize = 2;
