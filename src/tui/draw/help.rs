//! What the keys do and what the words mean.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;
use ratatui::widgets::Paragraph;

use super::titled;

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect) {
    let lines: Vec<Line<'_>> = TEXT.lines().map(Line::from).collect();
    frame.render_widget(Paragraph::new(lines).block(titled("Help")), area);
}

const TEXT: &str = "\
 up, down, PgUp, PgDn   choose a connection, or scroll
 Enter                  its segments, as far as they are still kept
 s, r                   sort by the next column; the other way round
 /                      filter: words that occur in id, endpoints, states
 f                      findings alone           p   pause
 x                      attacks are seen: no banner once they are over
 Esc                    back                     q   quit

 States are those of both ends: each connection counts twice. Half-open: SYN+ACK
 sent, final ACK not seen. Done: handshakes of a listener that were completed.
 Dropped by kernel: nobody took them in time (see --buffer). By interface: lost
 before anybody saw them. Forgotten: connections for which there was no room.
 The list holds the 4,096 connections with the latest packets.";
