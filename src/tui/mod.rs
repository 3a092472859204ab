//! The screen of a live capture: a sink that leaves a bounded [`View`] at each moment, and a thread that draws the latest.

mod choice;
mod draw;
mod view;
mod watcher;

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crossbeam_channel::Receiver;
use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers};

pub use choice::{Choice, Order, Page};
pub use draw::{Theme, draw};
pub use view::{Alarm, Curve, Row, Told, View};
pub use watcher::Watcher;

use crate::config::Config;
use crate::engine::{self, Glimpse};
use crate::output::{Folding, LADDERS, Layout, Numbers};
use crate::report::{Pick, Picker};
use crate::source::{Kept, Request, Stopper};

/// What the screen needs beside views.
pub struct Screen {
    /// Where views come from; when it is closed, the capture has ended.
    pub views: Receiver<Box<View>>,
    /// Where recent packets come from, for a connection's ladder.
    pub recent: Request,
    /// Ends the capture.
    pub stopper: Stopper,
    /// How the ladder's packets are analyzed.
    pub config: Config,
    /// Colours or none.
    pub theme: Theme,
}

impl Screen {
    /// Shows views until there are no more; the terminal is as before when it returns.
    ///
    /// # Errors
    /// The terminal's.
    pub fn run(self) -> io::Result<()> {
        let mut terminal = ratatui::try_init()?;
        SHOWN.store(true, Ordering::Relaxed);
        let shown = self.show(&mut terminal);
        restore();
        // Without a screen nobody sees anything, so there is nothing to go on for.
        self.stopper.stop();
        shown
    }

    fn show(&self, terminal: &mut DefaultTerminal) -> io::Result<()> {
        let (mut view, mut choice) = (View::default(), Choice::default());
        let mut wanted = None;
        let mut rung = 0;
        loop {
            terminal.draw(|frame| draw(frame, &view, &mut choice, self.theme))?;
            while event::poll(WAIT)? {
                match event::read()? {
                    Event::Key(key) if key.kind != KeyEventKind::Release => {
                        let done = match (key.modifiers.contains(KeyModifiers::CONTROL), key.code) {
                            (true, KeyCode::Char('c')) => choice::Done::Yes,
                            (true, KeyCode::Char(with)) => choice.control(with),
                            (_, code) => choice.key(code, &view),
                        };
                        if done == choice::Done::Yes {
                            self.stopper.stop();
                        }
                    }
                    _ => {}
                }
                if !event::poll(Duration::ZERO)? {
                    break;
                }
            }
            match self.views.try_recv() {
                Ok(new) if !choice.paused => view = *new,
                Ok(_) => {}
                Err(e) if e.is_disconnected() => return Ok(()),
                Err(_) => {}
            }
            // A bell reaches people who look elsewhere.
            let alarms = view.alarms.iter().filter(|a| a.goes_on(view.clock)).count();
            if alarms > rung {
                io::Write::write_all(&mut io::stdout(), b"\x07")?;
            }
            rung = alarms;
            if let Some(connection) = choice.asked.take() {
                self.recent.ask();
                wanted = Some(connection);
            }
            if let Some(connection) = wanted
                && let Some(kept) = self.recent.take()
            {
                wanted = None;
                choice.ladder(ladder(&self.config, kept, &connection, terminal.size()?.width));
            }
        }
    }
}

/// Whether the terminal shows a screen.
pub fn is_shown() -> bool {
    SHOWN.load(Ordering::Relaxed)
}

/// The terminal as it was.
pub fn restore() {
    if SHOWN.swap(false, Ordering::Relaxed) {
        ratatui::restore();
    }
}

static SHOWN: AtomicBool = AtomicBool::new(false);

/// The lines of a connection's ladder, as far as its packets are still kept.
fn ladder(config: &Config, kept: Kept, connection: &Glimpse, width: u16) -> Vec<String> {
    let count = kept.len();
    let config = Config { threads: 1, ..config.clone() };
    let picked = [Pick::Id(connection.id), Pick::Ends(connection.endpoints[0], connection.endpoints[1])];
    let found = picked.into_iter().find_map(|pick| {
        let mut picker = Picker::new(pick, Picker::ROWS);
        engine::analyze(&mut kept.clone(), &config, &mut picker);
        picker.finish().ok()
    });
    let missing = || {
        vec![
            format!("none of the {count} packets kept is of connection {}", connection.id),
            "it has been quiet for too long; -w keeps all packets".into(),
        ]
    };
    let Some(ladder) = found else { return missing() };
    let layout = Layout { width: width.saturating_sub(2).max(60), ..Layout::default() };
    let view = crate::output::View { folding: Folding::Folded, numbers: Numbers::Relative };
    let mut text = Vec::new();
    match LADDERS.first().map(|format| (format.write)(&ladder, view, &layout, &mut text)) {
        Some(Ok(())) => String::from_utf8_lossy(&text).lines().map(String::from).collect(),
        _ => missing(),
    }
}

/// Between two looks at keys and views.
const WAIT: Duration = Duration::from_millis(100);
