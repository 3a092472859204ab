//! SYNs a second, half-open connections and TIME_WAIT over the last minutes.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Color;
use ratatui::widgets::Sparkline;

use super::{Theme, titled};
use crate::output::thousands;
use crate::tui::view::{Curve, View};

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, view: &View, theme: Theme) {
    let [a, b, c] = Layout::horizontal([Constraint::Fill(1); 3]).spacing(1).areas(area);
    curve(frame, a, "SYN/s", &view.syns, theme);
    curve(frame, b, "Half-open", &view.half_open, theme);
    curve(frame, c, "TIME_WAIT", &view.time_wait, theme);
}

/// The newest value is at the right, the highest fills the height.
fn curve(frame: &mut Frame<'_>, area: Rect, name: &str, curve: &Curve, theme: Theme) {
    let room = usize::from(area.width);
    let now = format!("{name} {}", thousands(curve.now()));
    let with_peak = format!("{now} (max {})", thousands(curve.peak));
    let title = if with_peak.len() <= room { with_peak } else { now };
    let skip = curve.points.len().saturating_sub(room);
    let begin = std::iter::repeat_n(0, room.saturating_sub(curve.points.len()));
    let points: Vec<u64> = begin.chain(curve.points.iter().skip(skip).copied()).collect();
    let line = Sparkline::default().data(points).style(theme.color(Color::Cyan)).block(titled(title));
    frame.render_widget(line, area);
}
