//! `Alarm`: says on standard error that packets are no longer written, as soon as that is so. A screen says it itself.

use std::ops::ControlFlow;
use std::sync::Arc;

use super::super::failure;
use crate::engine::Sink;
use crate::source::Written;

/// Watches the writing of packets.
pub struct Alarm {
    written: Arc<Written>,
    rung: bool,
}

impl Alarm {
    /// Nothing has been said yet.
    pub fn new(written: Arc<Written>) -> Self {
        Self { written, rung: false }
    }
}

impl Sink for Alarm {
    fn progress(&mut self, _packets: u64) -> ControlFlow<()> {
        if let Some(problem) = self.written.problem().filter(|_| !self.rung && !is_screen()) {
            self.rung = true;
            failure::say("warning", &format!("cannot write {problem}; the analysis goes on"));
        }
        ControlFlow::Continue(())
    }
}

/// Then a line on standard error would only spoil it.
fn is_screen() -> bool {
    #[cfg(feature = "tui")]
    return crate::tui::is_shown();
    #[cfg(not(feature = "tui"))]
    false
}
