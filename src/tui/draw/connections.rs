//! Connections that have not ended, in the order and through the filter chosen.

use ratatui::Frame;
use ratatui::layout::{Constraint, Rect};
use ratatui::style::Modifier;
use ratatui::widgets::{Row, Table, TableState};

use super::{Theme, titled};
use crate::engine::Glimpse;
use crate::output::{bytes, thousands};
use crate::tcp::Timestamp;
use crate::tui::choice::Choice;
use crate::tui::view::View;

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, view: &View, choice: &mut Choice, _theme: Theme) {
    let all = choice.connections(view);
    let at = choice.position(&all);
    choice.rows = usize::from(area.height.saturating_sub(2));
    let wide = area.width >= 100;
    let mut title = format!("Connections {} by {}", thousands(all.len() as u64), choice.order.name());
    if !choice.filter.is_empty() {
        title.push_str(&format!(
            ", of {} with {:?}",
            thousands(view.connections.len() as u64),
            choice.filter
        ));
    }
    let first = at.saturating_sub(choice.rows.saturating_sub(1));
    let shown = all.iter().skip(first).take(choice.rows).map(|c| Row::new(cells(c, view.clock, wide)));
    let (head, widths) = columns(wide);
    let table = Table::new(shown, widths)
        .header(Row::new(head).style(Modifier::BOLD))
        .row_highlight_style(Modifier::REVERSED)
        .block(titled(title));
    let mut state = TableState::new().with_selected((!all.is_empty()).then_some(at - first));
    frame.render_stateful_widget(table, area, &mut state);
}

fn columns(wide: bool) -> (Vec<&'static str>, Vec<Constraint>) {
    let (mut head, mut widths) = (
        vec!["Client", "Server", "States", "Bytes", "Age"],
        vec![
            Constraint::Fill(1),
            Constraint::Fill(1),
            Constraint::Length(if wide { 25 } else { 11 }),
            Constraint::Length(10),
            Constraint::Length(9),
        ],
    );
    if wide {
        head.splice(0..0, ["Id"]);
        widths.splice(0..0, [Constraint::Length(9)]);
        head.push("Retx");
        widths.push(Constraint::Length(5));
    }
    (head, widths)
}

fn cells(c: &Glimpse, clock: Timestamp, wide: bool) -> Vec<String> {
    let states = match wide {
        true => format!("{}/{}", c.states[0], c.states[1]),
        false => format!("{}/{}", short(c.states[0]), short(c.states[1])),
    };
    let mut cells = vec![
        c.endpoints[0].to_string(),
        c.endpoints[1].to_string(),
        states,
        bytes(c.bytes[0] + c.bytes[1]),
        clock.since(c.first).max(crate::tcp::Duration::ZERO).to_string(),
    ];
    if wide {
        cells.splice(0..0, [c.id.to_string()]);
        cells.push(c.retransmissions.to_string());
    }
    cells
}

/// A state in five letters, as `ss` shortens them.
fn short(state: crate::tcp::State) -> &'static str {
    use crate::tcp::State;
    match state {
        State::Closed => "CLOSD",
        State::Listen => "LISTN",
        State::SynSent => "SYN_S",
        State::SynReceived => "SYN_R",
        State::Established => "ESTAB",
        State::FinWait1 => "FIN_1",
        State::FinWait2 => "FIN_2",
        State::CloseWait => "CL_WT",
        State::Closing => "CLOSG",
        State::LastAck => "L_ACK",
        State::TimeWait => "TM_WT",
        State::Unknown => "?",
    }
}
