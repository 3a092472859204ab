//! `SendSpace`: which sequence numbers one end has used, as far as they were captured, with the holes between.

use std::fmt;

use super::packed::{Fold, Number, Pack, Reader, Row, Writer, read};
use crate::tcp::SeqNumber;

/// Where a range of sequence numbers fell.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Placement {
    /// Numbers beyond all seen before.
    pub new: u32,
    /// Numbers that fill a hole.
    pub filled: u32,
    /// Numbers seen before.
    pub repeated: u32,
    /// Numbers skipped before the range: the hole it leaves.
    pub skipped: u32,
}

/// The numbers used so far: everything from the start to `max` but the holes.
#[derive(Clone, Default)]
pub struct SendSpace {
    known: bool,
    count: u8,
    nxt: SeqNumber,
    max: SeqNumber,
    /// Ascending; `[from, to)`. Hardly any end ever has one.
    holes: Option<Box<[(SeqNumber, SeqNumber); Self::HOLES]>>,
    /// Numbers whose hole was given up: acknowledged by the peer, or too many holes at once.
    lost: u64,
}

impl fmt::Debug for SendSpace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { known, count: _, nxt, max, holes: _, lost } = self;
        let holes = self.open_holes();
        write!(f, "SendSpace {{ known: {known}, nxt: {nxt}, max: {max}, holes: {holes:?}, lost: {lost} }}")
    }
}

impl SendSpace {
    /// Holes remembered; a ninth makes the lowest one count as lost.
    pub const HOLES: usize = 8;
    /// RFC 7323 §2.3: no window is larger than 2^30, so no honest range starts further ahead.
    const FARTHEST: i32 = 1 << 30;

    /// Whether anything is known of it.
    #[inline]
    pub fn known(&self) -> bool {
        self.known
    }

    /// The contiguous right edge: SND.NXT as the capture point can tell it.
    #[inline]
    pub fn nxt(&self) -> SeqNumber {
        self.nxt
    }

    /// The highest number after any range.
    #[inline]
    pub fn max(&self) -> SeqNumber {
        self.max
    }

    /// Whether numbers below `max` are missing.
    #[inline]
    pub fn has_holes(&self) -> bool {
        self.count > 0
    }

    /// Numbers that were skipped and never captured, so far.
    pub fn missing(&self) -> u64 {
        let open: u64 = self.open_holes().iter().map(|(from, to)| to.distance(*from).max(0) as u64).sum();
        self.lost + open
    }

    /// Starts over at `at`: nothing used yet, `at` comes next.
    pub fn start(&mut self, at: SeqNumber) {
        *self = Self { known: true, nxt: at, max: at, lost: self.lost, ..Self::default() };
    }

    /// Uses `len` numbers from `seq` on. `None` where `seq` is farther ahead than any window reaches.
    pub fn place(&mut self, seq: SeqNumber, len: u32) -> Option<Placement> {
        if !self.known {
            self.start(seq);
        }
        let ahead = seq.distance(self.max);
        if ahead > Self::FARTHEST {
            return None;
        }
        let mut at = Placement::default();
        if ahead >= 0 {
            if ahead > 0 {
                at.skipped = ahead as u32;
                self.open_hole(self.max, seq);
            }
            at.new = len;
            self.max = seq + len;
        } else {
            let end = seq + len;
            at.new = end.distance(self.max).max(0) as u32;
            at.filled = if self.count > 0 { self.fill(seq, end.min(self.max)) } else { 0 };
            at.repeated = len - at.new - at.filled;
            self.max = self.max.max(end);
        }
        self.settle();
        Some(at)
    }

    /// The peer has acknowledged up to `ack`: holes below it will not be filled, the bytes passed unseen.
    #[inline]
    pub fn acknowledged(&mut self, ack: SeqNumber) -> u64 {
        if self.count == 0 { 0 } else { self.give_up_below(ack) }
    }

    fn open_holes(&self) -> &[(SeqNumber, SeqNumber)] {
        self.holes.as_deref().and_then(|holes| holes.get(..usize::from(self.count))).unwrap_or(&[])
    }

    fn settle(&mut self) {
        self.nxt = self.open_holes().first().map_or(self.max, |(from, _)| *from);
    }

    fn open_hole(&mut self, from: SeqNumber, to: SeqNumber) {
        let holes = self.holes.get_or_insert_default();
        if usize::from(self.count) == Self::HOLES {
            let (lowest_from, lowest_to) = holes[0];
            self.lost += lowest_to.distance(lowest_from).max(0) as u64;
            holes.rotate_left(1);
            self.count -= 1;
        }
        holes[usize::from(self.count)] = (from, to);
        self.count += 1;
    }

    fn give_up_below(&mut self, ack: SeqNumber) -> u64 {
        let mut given_up = 0;
        self.rebuild(|from, to, keep| {
            if !to.after(ack) {
                given_up += to.distance(from).max(0) as u64;
            } else if from.before(ack) {
                given_up += ack.distance(from).max(0) as u64;
                keep(ack, to);
            } else {
                keep(from, to);
            }
        });
        self.lost += given_up;
        self.settle();
        given_up
    }

    fn fill(&mut self, seq: SeqNumber, end: SeqNumber) -> u32 {
        let mut filled = 0u32;
        self.rebuild(|from, to, keep| {
            let left = seq.max(from);
            let right = end.min(to);
            if right.after(left) {
                filled += right.distance(left) as u32;
                if left.after(from) {
                    keep(from, left);
                }
                if to.after(right) {
                    keep(right, to);
                }
            } else {
                keep(from, to);
            }
        });
        filled
    }

    /// Passes every hole through `f`, which keeps any number of pieces of it.
    fn rebuild(&mut self, mut f: impl FnMut(SeqNumber, SeqNumber, &mut dyn FnMut(SeqNumber, SeqNumber))) {
        let Some(old) = self.holes.as_deref().copied() else { return };
        let count = usize::from(self.count);
        self.count = 0;
        for (from, to) in old.iter().take(count) {
            f(*from, *to, &mut |a, b| self.open_hole(a, b));
        }
    }
}

/// Only holes that are there.
impl Pack for SendSpace {
    fn pack(&self, w: &mut Writer) {
        let Self { known, count, nxt, max, holes: _, lost } = self;
        Fold::default().with(known).with(count).write(w);
        let (max, nxt) = (max.number(&mut w.near), nxt.number(&mut w.near));
        w.row([max, nxt, *lost], const { &Row::of([1, 1, 0]) });
        self.open_holes().iter().for_each(|hole| hole.pack(w));
    }

    fn unpack(&mut self, r: &mut Reader<'_>) {
        *self = Self::default();
        let (known, fold) = Fold::read(r).take();
        let (count, fold): (u8, _) = fold.take();
        fold.end(r);
        let [max, nxt, lost] = r.row(const { &Row::of([1, 1, 0]) });
        let (max, nxt) = (SeqNumber::of(max, &mut r.near), SeqNumber::of(nxt, &mut r.near));
        for _ in 0..count {
            let (from, to) = read(r);
            self.open_hole(from, to);
        }
        (self.known, self.max, self.nxt, self.lost) = (known, max, nxt, lost);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn space(at: u32) -> SendSpace {
        let mut s = SendSpace::default();
        s.start(SeqNumber(at));
        s
    }

    #[test]
    fn new_repeated_and_partly_new_are_told_apart() {
        let mut s = space(100);
        assert_eq!(s.place(SeqNumber(100), 10).unwrap(), Placement { new: 10, ..Default::default() });
        assert_eq!(s.place(SeqNumber(100), 10).unwrap(), Placement { repeated: 10, ..Default::default() });
        let half = s.place(SeqNumber(105), 10).unwrap();
        assert_eq!(half, Placement { new: 5, repeated: 5, ..Default::default() });
    }

    #[test]
    fn a_hole_is_filled_in_pieces() {
        let mut s = space(u32::MAX - 4);
        assert_eq!(s.place(SeqNumber(15), 5).unwrap().skipped, 20);
        assert_eq!(s.nxt(), SeqNumber(u32::MAX - 4));
        assert_eq!(s.place(SeqNumber(0), 5).unwrap().filled, 5);
        assert_eq!(s.missing(), 15);
        assert_eq!(
            s.place(SeqNumber(u32::MAX - 4), 25).unwrap(),
            Placement { filled: 15, repeated: 10, ..Default::default() }
        );
        assert_eq!(s.nxt(), SeqNumber(20));
        assert_eq!(s.missing(), 0);
    }

    #[test]
    fn an_acknowledged_hole_is_lost_not_open() {
        let mut s = space(0);
        s.place(SeqNumber(100), 10);
        assert_eq!(s.acknowledged(SeqNumber(50)), 50);
        assert_eq!(s.nxt(), SeqNumber(50));
        assert_eq!(s.acknowledged(SeqNumber(110)), 50);
        assert_eq!((s.nxt(), s.missing()), (SeqNumber(110), 100));
    }

    #[test]
    fn holes_are_bounded_and_none_is_forgotten_in_the_count() {
        let mut s = space(0);
        for i in 0..50u32 {
            s.place(SeqNumber(10 + i * 20), 10);
        }
        assert_eq!(s.missing(), 500);
    }

    #[test]
    fn a_range_farther_than_any_window_is_refused() {
        assert!(space(0).place(SeqNumber(2_000_000_000), 1).is_none());
    }
}
