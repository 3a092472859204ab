//! `Windows`: the figures of one listener ten seconds at a time, and the chain over each (tcp.md §4.4).
//!
//! Bounded: spans that show nothing go first; when there are still too many, neighbours become one and each stands for
//! twice the time. A connection counts where it began.

use super::judge::{has_symptoms, judge};
use super::look::{Figures, Look};
use super::{Cause, Verdict};
use crate::engine::census::listeners::Listener;
use crate::tcp::{Duration, Timestamp};

/// Some time with one and the same verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    /// When it begins.
    pub start: Timestamp,
    /// When it ends: ten seconds later or more.
    pub end: Timestamp,
    /// What stood between the listener and its clients, and why that is believed.
    pub verdict: Verdict,
}

/// Figures by the time they belong to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Windows {
    step: Duration,
    /// By number, ascending.
    slots: Vec<(i64, Figures)>,
}

/// Whether figures of connections that went well make a slot of their own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// They do: there is something to show.
    Made,
    /// Only near the end, where something may follow.
    Found,
}

impl Default for Windows {
    fn default() -> Self {
        Self { step: STEP, slots: Vec::new() }
    }
}

impl Windows {
    /// Counts something at this time.
    pub fn add(&mut self, at: Timestamp, place: Place, figures: &Figures, listener: &Listener) {
        let number = self.number(at);
        match self.slots.binary_search_by_key(&number, |(n, _)| *n) {
            Ok(found) => self.slots[found].1.add(figures),
            Err(_) if place == Place::Found && self.is_past(number) => {}
            Err(place) => {
                self.slots.insert(place, (number, *figures));
                if self.slots.len() > MOST {
                    self.tidy(listener);
                }
            }
        }
    }

    /// The chain over each, those of one cause that follow each other as one.
    pub fn judge(&self, listener: &Listener, now: Timestamp) -> Vec<Window> {
        let mut windows: Vec<(i64, i64, Figures, Cause)> = Vec::new();
        for (number, figures) in &self.slots {
            let look = Look::within(listener, *figures, self.start(*number), self.start(number + 1));
            let Some(verdict) = judge(&look) else { continue };
            match windows.last_mut() {
                Some((_, to, sum, cause)) if *to == *number && *cause == verdict.cause => {
                    *to = number + 1;
                    sum.add(figures);
                }
                _ => windows.push((*number, number + 1, *figures, verdict.cause)),
            }
        }
        let window = |(from, to, figures, _): (i64, i64, Figures, Cause)| {
            let (start, end) = (self.start(from), self.start(to));
            let verdict = judge(&Look::within(listener, figures, start, end))?;
            Some(Window { start, end: end.min(now).max(start), verdict })
        };
        windows.into_iter().filter_map(window).collect()
    }

    fn number(&self, at: Timestamp) -> i64 {
        at.0.div_euclid(self.step.0)
    }

    fn start(&self, number: i64) -> Timestamp {
        Timestamp(number.saturating_mul(self.step.0))
    }

    /// Too far from the latest slot for anything to be expected there.
    fn is_past(&self, number: i64) -> bool {
        self.slots.last().is_some_and(|(latest, _)| number + RECENT < *latest)
    }

    fn tidy(&mut self, listener: &Listener) {
        let latest = self.slots.last().map_or(0, |(n, _)| *n);
        let (step, slots) = (self.step, std::mem::take(&mut self.slots));
        self.slots = slots
            .into_iter()
            .filter(|(number, figures)| {
                let start = Timestamp(number.saturating_mul(step.0));
                number + RECENT >= latest
                    || has_symptoms(&Look::within(listener, *figures, start, start + step))
            })
            .collect();
        while self.slots.len() > MOST {
            self.step = self.step.times(2);
            let mut merged: Vec<(i64, Figures)> = Vec::new();
            for (number, figures) in std::mem::take(&mut self.slots) {
                match merged.last_mut() {
                    Some((last, sum)) if *last == number.div_euclid(2) => sum.add(&figures),
                    _ => merged.push((number.div_euclid(2), figures)),
                }
            }
            self.slots = merged;
        }
    }
}

/// Queues are judged over 10 s (tcp.md §4.4).
const STEP: Duration = Duration::from_secs(10);
/// Slots kept of one listener: 4 KiB.
const MOST: usize = 32;
/// Slots at the end that may still be filled: a record is made 75 s after its last segment.
const RECENT: i64 = 12;
