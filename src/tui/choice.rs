//! `Choice`: what the person at the screen has chosen, and what each key does.

use std::cmp::Reverse;

use ratatui::crossterm::event::KeyCode;

use super::view::View;
use crate::engine::Glimpse;

/// What is looked at, and how.
#[derive(Clone, Debug, Default)]
pub struct Choice {
    /// What fills the screen.
    pub page: Page,
    /// Order of connections.
    pub order: Order,
    /// The other way round.
    pub reversed: bool,
    /// Only connections in whose line this occurs.
    pub filter: String,
    /// The filter is being typed.
    pub typing: bool,
    /// The picture stands still.
    pub paused: bool,
    /// The chosen connection's id.
    pub selected: Option<u64>,
    /// First line shown of a page that scrolls.
    pub scroll: usize,
    /// A connection whose ladder is wanted.
    pub asked: Option<Glimpse>,
    /// The latest alarm that was seen, and needs no banner any more once it is over.
    pub acknowledged: usize,
    /// Rows of connections that the screen has room for.
    pub rows: usize,
}

/// What fills the screen.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Page {
    /// Everything at a glance.
    #[default]
    Overview,
    /// Findings alone.
    Findings,
    /// A connection's segments.
    Ladder(Vec<String>),
    /// What the keys do.
    Help,
}

/// Order of connections.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Order {
    /// Latest packet first.
    #[default]
    Recent,
    /// Most bytes first.
    Bytes,
    /// Oldest first.
    Age,
    /// Most retransmissions first.
    Retransmissions,
    /// By the client's state, then the server's.
    State,
    /// By client.
    Client,
    /// By server.
    Server,
}

impl Order {
    const ALL: [Self; 7] = [
        Self::Recent,
        Self::Bytes,
        Self::Age,
        Self::Retransmissions,
        Self::State,
        Self::Client,
        Self::Server,
    ];

    /// Its name on the screen.
    pub fn name(self) -> &'static str {
        match self {
            Self::Recent => "latest packet",
            Self::Bytes => "bytes",
            Self::Age => "age",
            Self::Retransmissions => "retransmissions",
            Self::State => "state",
            Self::Client => "client",
            Self::Server => "server",
        }
    }

    fn next(self) -> Self {
        let at = Self::ALL.iter().position(|o| *o == self).unwrap_or_default();
        Self::ALL[(at + 1) % Self::ALL.len()]
    }

    fn sort(self, rows: &mut [&Glimpse]) {
        match self {
            Self::Recent => rows.sort_by_key(|c| Reverse((c.last, c.id))),
            Self::Bytes => rows.sort_by_key(|c| Reverse((c.bytes[0] + c.bytes[1], c.id))),
            Self::Age => rows.sort_by_key(|c| (c.first, c.id)),
            Self::Retransmissions => rows.sort_by_key(|c| Reverse((c.retransmissions, c.id))),
            Self::State => rows.sort_by_key(|c| (c.states, c.id)),
            Self::Client => rows.sort_by_key(|c| (c.endpoints[0], c.id)),
            Self::Server => rows.sort_by_key(|c| (c.endpoints[1], c.endpoints[0])),
        }
    }
}

/// Whether the person has seen enough.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Done {
    /// The capture is to end.
    Yes,
    /// It goes on.
    No,
}

impl Choice {
    /// Connections as chosen.
    pub fn connections<'a>(&self, view: &'a View) -> Vec<&'a Glimpse> {
        let wanted = self.filter.to_lowercase();
        let words: Vec<&str> = wanted.split_whitespace().collect();
        let fits = |c: &&Glimpse| {
            let line = words_of(c);
            words.iter().all(|word| line.contains(word))
        };
        let mut rows: Vec<&Glimpse> = view.connections.iter().filter(fits).collect();
        self.order.sort(&mut rows);
        if self.reversed {
            rows.reverse();
        }
        rows
    }

    /// Does what a key means.
    pub fn key(&mut self, key: KeyCode, view: &View) -> Done {
        if self.typing {
            self.type_filter(key);
            return Done::No;
        }
        match key {
            KeyCode::Char('q') if self.page == Page::Overview => return Done::Yes,
            KeyCode::Esc | KeyCode::Char('q') => self.turn_to(Page::Overview),
            KeyCode::Char('?') => self.turn_to(Page::Help),
            KeyCode::Char('f') => self.turn_to(Page::Findings),
            KeyCode::Char('p') => self.paused = !self.paused,
            KeyCode::Char('x') => self.acknowledged = view.alarms.len(),
            KeyCode::Char('s') => self.order = self.order.next(),
            KeyCode::Char('r') => self.reversed = !self.reversed,
            KeyCode::Char('/') => (self.page, self.typing) = (Page::Overview, true),
            KeyCode::Enter if self.page == Page::Overview => {
                let rows = self.connections(view);
                let at = self.position(&rows);
                self.asked = rows.get(at).map(|c| **c);
            }
            KeyCode::Up | KeyCode::Char('k') => self.go(view, -1),
            KeyCode::Down | KeyCode::Char('j') => self.go(view, 1),
            KeyCode::PageUp => self.go(view, -(self.rows.max(1) as isize)),
            KeyCode::PageDown | KeyCode::Char(' ') => self.go(view, self.rows.max(1) as isize),
            KeyCode::Home => self.go(view, isize::MIN / 2),
            KeyCode::End => self.go(view, isize::MAX / 2),
            _ => {}
        }
        Done::No
    }

    /// Does what a letter with Control means: it is none to be typed.
    pub fn control(&mut self, with: char) -> Done {
        if self.typing && matches!(with, 'u' | 'w') {
            self.filter.clear();
        }
        Done::No
    }

    /// Shows a ladder that has been made.
    pub fn ladder(&mut self, lines: Vec<String>) {
        self.turn_to(Page::Ladder(lines));
    }

    /// Index of the chosen connection; the first where it has gone.
    pub fn position(&self, rows: &[&Glimpse]) -> usize {
        self.selected.and_then(|id| rows.iter().position(|c| c.id == id)).unwrap_or(0)
    }

    fn turn_to(&mut self, page: Page) {
        (self.page, self.scroll) = (page, 0);
    }

    fn go(&mut self, view: &View, by: isize) {
        if self.page == Page::Overview {
            let rows = self.connections(view);
            let last = rows.len().saturating_sub(1);
            let at = self.position(&rows).saturating_add_signed(by).min(last);
            self.selected = rows.get(at).map(|c| c.id);
            return;
        }
        let lines = match &self.page {
            Page::Ladder(lines) => lines.len(),
            _ => view.findings.len(),
        };
        self.scroll = self.scroll.saturating_add_signed(by).min(lines.saturating_sub(1));
    }

    fn type_filter(&mut self, key: KeyCode) {
        match key {
            KeyCode::Enter => self.typing = false,
            KeyCode::Esc => (self.typing, self.filter) = (false, String::new()),
            KeyCode::Backspace => drop(self.filter.pop()),
            KeyCode::Char(c) if self.filter.len() < FILTER => self.filter.push(c),
            _ => {}
        }
    }
}

/// What a filter is looked for in: id, endpoints, states.
fn words_of(c: &Glimpse) -> String {
    let [client, server] = c.endpoints;
    format!("#{} {client} {server} {} {}", c.id, c.states[0], c.states[1]).to_lowercase()
}

/// Characters of a filter.
const FILTER: usize = 100;
