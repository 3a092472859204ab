//! Output while packets come: what a happening means in one word, how often to say how things stand, and what was lost.

mod plain;
mod stream;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

pub use plain::Plain;
pub(super) use stream::{EventLine, MomentLine};

use crate::engine::{Ask, Happening};
use crate::report::Word;
use crate::source::Input;
use crate::tcp::{Duration, State, Timestamp};
use crate::track::{Fact, Reason, Role};

/// When to say how things stand: in intervals of capture time, and whenever somebody asks.
#[derive(Clone, Debug)]
pub struct Pace {
    interval: Duration,
    next: Timestamp,
    asked: Arc<AtomicBool>,
}

impl Pace {
    /// Every `interval`, and when `asked` is set.
    pub fn new(interval: Duration, asked: Arc<AtomicBool>) -> Self {
        Self { interval, next: Timestamp::MIN, asked }
    }

    /// What to ask the engine for at this time.
    pub fn asks(&mut self, clock: Timestamp, what: Ask) -> Ask {
        if self.asked.swap(false, Ordering::Relaxed) || (clock > Timestamp::MIN && clock >= self.next) {
            self.next = clock + self.interval;
            return what;
        }
        Ask::Nothing
    }
}

/// What a happening means to someone who reads along.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Turn {
    /// The first packet of a connection.
    Attempt,
    /// The handshake is complete, or the connection was found open.
    Opened,
    /// The server refused.
    Refused,
    /// A RST ended it.
    Reset,
    /// Both ends have closed.
    Closed,
    /// Another change of an end's state.
    State,
    /// A change of state turned out not to have happened.
    RolledBack,
}

impl Turn {
    /// What it means.
    pub fn of(happening: &Happening) -> Self {
        let done = |s: &State| matches!(s, State::Closed | State::TimeWait);
        match happening.event.fact {
            Fact::Opened => Self::Attempt,
            Fact::HandshakeDone { .. } => Self::Opened,
            Fact::Refused { .. } => Self::Refused,
            Fact::Reset { .. } => Self::Reset,
            Fact::RolledBack { .. } => Self::RolledBack,
            Fact::Stepped { reason: Reason::Midstream, .. }
                if happening.states.iter().all(|s| *s == State::Established) =>
            {
                Self::Opened
            }
            Fact::Stepped { reason, .. } if by_fin(reason) && happening.states.iter().all(done) => {
                Self::Closed
            }
            _ => Self::State,
        }
    }
}

impl Word for Turn {
    const LIST: &'static str = "Turn";
    const ALL: &'static [Self] = &[
        Self::Attempt,
        Self::Opened,
        Self::Refused,
        Self::Reset,
        Self::Closed,
        Self::State,
        Self::RolledBack,
    ];

    fn word(self) -> &'static str {
        match self {
            Self::Attempt => "attempt",
            Self::Opened => "opened",
            Self::Refused => "refused",
            Self::Reset => "reset",
            Self::Closed => "closed",
            Self::State => "state",
            Self::RolledBack => "rolled-back",
        }
    }
}

fn by_fin(reason: Reason) -> bool {
    matches!(reason, Reason::FinSent | Reason::FinReceived | Reason::FinAckSent | Reason::FinAckReceived)
}

/// Whether the end is the client, as far as is known; else the sender of the first packet counts as it.
fn role(happening: &Happening, end: usize) -> Role {
    if end == happening.client.unwrap_or(0) { Role::Client } else { Role::Server }
}

/// What was captured and what was not, over all interfaces.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Loss {
    /// Packets that were analyzed.
    pub packets: u64,
    /// Packets that came through the filter, as the kernel counts them.
    pub received: u64,
    /// Of these, ones that it dropped because nobody took them in time.
    pub dropped: u64,
    /// Packets that the interfaces dropped before anybody saw them.
    pub dropped_by_interface: u64,
}

impl Loss {
    /// Over these inputs.
    pub fn of(inputs: &[Input]) -> Self {
        inputs.iter().fold(Self::default(), |sum, i| Self {
            packets: sum.packets + i.packets,
            received: sum.received + i.received.unwrap_or(0),
            dropped: sum.dropped + i.dropped.unwrap_or(0),
            dropped_by_interface: sum.dropped_by_interface + i.dropped_by_interface.unwrap_or(0),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pace_is_kept_and_can_be_overridden() {
        let asked = Arc::new(AtomicBool::new(false));
        let mut pace = Pace::new(Duration::from_secs(1), Arc::clone(&asked));
        let at = |ms| Timestamp(0) + Duration::from_millis(ms);
        assert_eq!(pace.asks(at(0), Ask::Figures), Ask::Figures);
        assert_eq!(pace.asks(at(999), Ask::Figures), Ask::Nothing);
        asked.store(true, Ordering::Relaxed);
        assert_eq!(pace.asks(at(999), Ask::Figures), Ask::Figures);
        assert_eq!(pace.asks(at(1500), Ask::Figures), Ask::Nothing);
        assert_eq!(pace.asks(at(1999), Ask::Figures), Ask::Figures);
    }
}
