//! `Targets`: what one scan tried: the latest different targets, and the whole of it once there are enough.

use std::collections::BTreeMap;

use super::contact::{Contact, Outcome};
use super::timeline::Timeline;
use crate::config::ScanThresholds;
use crate::rules::counter::Frames;
use crate::tcp::{Duration, Timestamp};

/// Failed targets of one key, ports or hosts.
#[derive(Debug)]
pub(super) struct Targets<T> {
    recent: Vec<(T, Contact)>,
    /// The scan that is under way.
    pub scan: Option<Scan<T>>,
}

impl<T> Default for Targets<T> {
    fn default() -> Self {
        Self { recent: Vec::new(), scan: None }
    }
}

/// What makes a scan of one kind.
#[derive(Clone, Copy, Debug)]
pub(super) struct Paces {
    /// A note.
    pub noted: Pace,
    /// A warning.
    pub strong: Pace,
    /// A warning too, if it goes on for long.
    pub slow: Option<Pace>,
}

/// How many different targets within how much time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// So many.
    pub count: u64,
    /// Within this time.
    pub span: Duration,
}

/// A scan under way.
#[derive(Debug)]
pub(super) struct Scan<T> {
    /// When it was noticed.
    pub noticed: Timestamp,
    /// First and last attempt.
    pub times: (Timestamp, Timestamp),
    /// Targets, by outcome.
    pub refused: u64,
    /// Those without an answer.
    pub silent: u64,
    /// Those that were open, without being used.
    pub half_open: u64,
    /// Those that were opened and closed at once.
    pub empty: u64,
    /// Those that got a segment that no stack sends.
    pub odd: u64,
    /// Of the silent ones, those that might still have answered.
    pub young: u64,
    /// Attempts at targets that had been tried before.
    pub again: u64,
    /// The first open ones.
    pub open: BTreeMap<T, ()>,
    /// Some packets.
    pub frames: Frames,
    /// Failures and open ones over time.
    pub timeline: Timeline<2>,
    /// It was as fast as a warning needs.
    pub is_fast: bool,
    /// It went on for so long that it needs not be.
    pub is_slow: bool,
}

impl<T: Copy + Ord> Targets<T> {
    /// Targets remembered while they are too few: the slow pace's number at most.
    const MOST: usize = 64;

    /// One more failed target of a source; `suspicious` says what its walk says.
    pub fn add(&mut self, target: T, contact: &Contact, paces: &Paces, suspicious: bool) {
        if let Some(scan) = &mut self.scan {
            scan.add(target, contact);
        }
        self.recent.retain(|(t, _)| *t != target);
        if self.recent.len() == Self::MOST {
            self.recent.remove(0);
        }
        self.recent.push((target, *contact));
        let [noted, strong] = [paces.noted, paces.strong].map(|pace| self.meets(&pace));
        let slow = paces.slow.is_some_and(|pace| self.meets(&pace));
        if self.scan.is_none() && suspicious && (noted || slow) {
            self.begin(contact);
        }
        if let Some(scan) = &mut self.scan {
            scan.is_slow = (scan.is_slow || slow) && !scan.is_fast && !strong;
            scan.is_fast |= strong;
        }
    }

    /// Whether so many of the latest lie within so much time.
    fn meets(&self, pace: &Pace) -> bool {
        let count = usize::try_from(pace.count).unwrap_or(usize::MAX).max(1);
        let times = || self.recent.iter().rev().take(count).map(|(_, c)| c.at);
        let (Some(first), Some(last)) = (times().min(), times().max()) else { return false };
        self.recent.len() >= count && last.since(first) <= pace.span
    }

    fn begin(&mut self, contact: &Contact) {
        let first = self.recent.iter().map(|(_, c)| c.at).min().unwrap_or(contact.at);
        let mut scan = Scan {
            noticed: contact.at,
            times: (first, first),
            refused: 0,
            silent: 0,
            half_open: 0,
            empty: 0,
            odd: 0,
            young: 0,
            again: 0,
            open: BTreeMap::new(),
            frames: Frames::default(),
            timeline: Timeline::new(first),
            is_fast: false,
            is_slow: false,
        };
        for (target, contact) in &self.recent {
            scan.add(*target, contact);
        }
        self.scan = Some(scan);
    }

    /// The scan, if nothing was tried for so long that this contact belongs to another one.
    pub fn over(&mut self, at: Timestamp, limits: &ScanThresholds) -> Option<Scan<T>> {
        let is_over = |s: &mut Scan<T>| {
            let pause = if s.is_slow { limits.slow_span } else { limits.scan_span };
            at.since(s.times.1) > pause
        };
        let over = self.scan.take_if(is_over);
        if over.is_some() {
            self.recent.clear();
        }
        over
    }
}

impl<T: Copy + Ord> Scan<T> {
    /// Open targets remembered.
    const OPEN_KEPT: usize = 32;

    fn add(&mut self, target: T, contact: &Contact) {
        let (first, last) = self.times;
        self.times = (first.min(contact.at), last.max(contact.at));
        match contact.outcome {
            Outcome::Refused => self.refused += 1,
            Outcome::Silent => self.silent += 1,
            Outcome::Cancelled => self.half_open += 1,
            Outcome::Empty => self.empty += 1,
            Outcome::Odd => self.odd += 1,
            Outcome::Used => {}
        }
        self.young += u64::from(contact.is_young);
        let is_open = contact.outcome.is_open();
        if is_open && self.open.len() < Self::OPEN_KEPT {
            self.open.insert(target, ());
        }
        self.frames.add(contact.frame);
        self.timeline.add(contact.at, usize::from(is_open));
    }

    /// Different targets tried.
    pub fn count(&self) -> u64 {
        self.refused + self.silent + self.half_open + self.empty + self.odd
    }

    /// Those that something answered.
    pub fn answered(&self) -> u64 {
        self.count() - self.silent - self.odd
    }

    /// How it opens: by connections, or by SYNs alone.
    pub fn mode(&self) -> &'static str {
        match self {
            s if s.odd * 2 > s.count() => "stealth",
            s if s.empty > s.half_open => "connect",
            _ => "syn",
        }
    }
}
