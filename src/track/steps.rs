//! `Steps`: the states each end went through, with what was disproved later (tcp.md §1.3, §1.13).

use super::packed::{Fold, Number, Pack, Plain, Reader, Row, Writer, written};
use super::record::{Reason, Role, Transition};
use crate::tcp::{Certainty, Flags, State, Timestamp};

/// One step of one end; a frame of 0 is none, packets count from 1.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    pub at: Timestamp,
    pub frame: u64,
    confirmed: u64,
    rolled_back: u64,
    pub flags: Flags,
    pub end: u8,
    pub from: State,
    pub to: State,
    pub certainty: Certainty,
    pub reason: Reason,
}

impl Step {
    /// How it is known by now.
    pub fn certainty_now(&self) -> Certainty {
        if self.confirmed != 0 { Certainty::Observed } else { self.certainty }
    }

    fn stands(&self) -> bool {
        self.rolled_back == 0
    }
}

/// The steps of both ends in the order of happening, within a bound.
#[derive(Debug, Default)]
pub(super) struct Steps {
    list: Vec<Step>,
    dropped: u32,
}

impl Steps {
    /// Steps of a three-way handshake and a close, with one to spare: what most connections need.
    const ORDINARY: usize = 12;

    /// None yet, in the same room.
    pub fn clear(&mut self) {
        self.list.clear();
        self.dropped = 0;
    }

    /// Adds a step. At the bound one from the middle is dropped: the opening stays for the reader, the latest
    /// ones for roll-backs.
    #[expect(
        clippy::too_many_arguments,
        reason = "a step has that many parts, and this is its only constructor"
    )]
    pub fn push(
        &mut self,
        bound: usize,
        end: usize,
        (from, to): (State, State),
        certainty: Certainty,
        reason: Reason,
        frame: u64,
        at: Timestamp,
        flags: Flags,
    ) {
        if self.list.len() >= bound.max(2) {
            self.list.remove(self.list.len() / 2);
            self.dropped = self.dropped.saturating_add(1);
        }
        if self.list.len() == self.list.capacity() {
            self.list.reserve_exact(Self::ORDINARY.max(self.list.len()));
        }
        let end = end as u8;
        self.list.push(Step {
            at,
            frame,
            confirmed: 0,
            rolled_back: 0,
            flags,
            end,
            from,
            to,
            certainty,
            reason,
        });
    }

    /// The end itself has proved its latest standing step.
    pub fn confirm(&mut self, end: usize, frame: u64) {
        let latest = self.list.iter_mut().rev().find(|s| usize::from(s.end) == end && s.stands());
        if let Some(step) = latest.filter(|s| s.confirmed == 0 && s.certainty != Certainty::Observed) {
            step.confirmed = frame;
        }
    }

    /// The latest standing step of an end.
    pub fn last(&self, end: usize) -> Option<&Step> {
        self.list.iter().rev().find(|s| usize::from(s.end) == end && s.stands())
    }

    /// The standing steps of an end, latest first.
    pub fn standing(&self, end: usize) -> impl Iterator<Item = &Step> {
        self.list.iter().rev().filter(move |s| usize::from(s.end) == end && s.stands())
    }

    /// Marks the latest standing step of an end as disproved by packet `frame`; gives it.
    pub fn undo_last(&mut self, end: usize, frame: u64) -> Option<Step> {
        let step = self.list.iter_mut().rev().find(|s| usize::from(s.end) == end && s.stands())?;
        step.rolled_back = frame;
        Some(*step)
    }

    /// Steps that were dropped at the bound.
    pub fn dropped(&self) -> u32 {
        self.dropped
    }

    /// All steps for the record; `client` is the index of the client's end.
    pub fn transitions(&self, client: usize) -> impl Iterator<Item = Transition> {
        let some = |frame: u64| (frame != 0).then_some(frame);
        self.list.iter().map(move |s| Transition {
            frame: s.frame,
            at: s.at,
            endpoint: if usize::from(s.end) == client { Role::Client } else { Role::Server },
            from: s.from,
            to: s.to,
            flags: s.flags,
            certainty: s.certainty,
            confirmed: some(s.confirmed),
            reason: s.reason,
            rolled_back: some(s.rolled_back),
        })
    }
}

/// In a dozen bytes: there are ten of most connections.
impl Pack for Step {
    fn pack(&self, w: &mut Writer) {
        let Self { at, frame, confirmed, rolled_back, flags, end, from, to, certainty, reason } = self;
        let is_more = confirmed | rolled_back != 0;
        let fold = Fold::default().with(&is_more).with(&usize::from(*end)).with(certainty);
        let fold = fold.with(from).with(to).with(reason).with(flags);
        fold.write(w);
        let row = [at.number(&mut w.near), w.near.number_of_frame(*frame)];
        w.row(row, const { &Row::of([4, 2]) });
        if is_more {
            w.row([*confirmed, *rolled_back], const { &Row::of([4, 4]) });
        }
    }

    fn unpack(&mut self, r: &mut Reader<'_>) {
        let (is_more, fold): (bool, _) = Fold::read(r).take();
        let (end, fold): (usize, _) = fold.take();
        let (certainty, fold) = fold.take();
        let (from, fold) = fold.take();
        let (to, fold) = fold.take();
        let (reason, fold) = fold.take();
        let (flags, fold) = fold.take();
        fold.end(r);
        let [at, frame] = r.row(const { &Row::of([4, 2]) });
        let (at, frame) = (Timestamp::of(at, &mut r.near), r.near.frame_of(frame));
        let [confirmed, rolled_back] = if is_more { r.row(const { &Row::of([4, 4]) }) } else { [0; 2] };
        let end = end as u8;
        *self = Self { at, frame, confirmed, rolled_back, flags, end, from, to, certainty, reason };
    }
}

impl Plain for Step {
    fn plain() -> Self {
        Self {
            at: Timestamp::MIN,
            frame: 0,
            confirmed: 0,
            rolled_back: 0,
            flags: Flags(0),
            end: 0,
            from: State::Unknown,
            to: State::Unknown,
            certainty: Certainty::Assumed,
            reason: Reason::SynSent,
        }
    }
}

written!(Steps { small [] row [dropped: 0] part [list] beside [] });
