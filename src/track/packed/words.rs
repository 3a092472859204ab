//! `Writer` and `Reader`: rows of numbers, each as wide as it needs.
//!
//! How wide the numbers of a row mostly are is known when the program is built. Two bits for each tell whether it takes
//! none of that, half, all, or eight bytes, so that writing one takes no branch. What is read past the end is 0: the reader
//! cannot fail.

use crate::tcp::{SeqNumber, Timestamp};

/// Writes what a [`Reader`] reads; used again and again, for its room.
#[derive(Debug, Default)]
pub(in crate::track) struct Writer {
    room: Vec<u8>,
    len: usize,
    pub near: Near,
}

/// Reads what a [`Writer`] wrote.
#[derive(Debug)]
pub(in crate::track) struct Reader<'a> {
    rest: &'a [u8],
    pub near: Near,
}

/// What was near what follows: numbers are written as distances from it.
#[derive(Debug, Default)]
pub(in crate::track) struct Near {
    pub time: Timestamp,
    pub frame: u64,
    pub seqs: [SeqNumber; 2],
    /// Something had no number: what was written does not come back.
    pub is_lost: bool,
}

impl Writer {
    /// Begins, with nothing.
    pub fn begin(&mut self) {
        self.len = 0;
        self.near = Near::default();
    }

    /// Sequence numbers that follow are near these.
    pub fn near_to(&mut self, seqs: [SeqNumber; 2]) {
        self.near.seqs = seqs;
        seqs.iter().for_each(|seq| self.put(u64::from(seq.0), 4));
    }

    /// All that was written since it began.
    pub fn written(&self) -> &[u8] {
        self.room.get(..self.len).unwrap_or_default()
    }

    /// The numbers of a row.
    #[inline(always)]
    pub fn row<const N: usize>(&mut self, numbers: [u64; N], row: &Row<N>) {
        let mut codes = 0;
        for (n, (widths, place)) in numbers.iter().zip(row.0.iter().zip((0..).step_by(Widths::BITS))) {
            codes |= widths.code(*n) << place;
        }
        self.put(codes, Row::<N>::HEAD);
        if codes == 0 {
            return;
        }
        // One look at the room for all of them.
        let place = loop {
            match self.room.get(self.len..).is_some_and(|rest| rest.len() >= 8 * N) {
                true => break self.room.get_mut(self.len..self.len + 8 * N).unwrap_or_default(),
                false => self.grow(),
            }
        };
        let mut at = 0;
        for (n, widths) in numbers.into_iter().zip(&row.0) {
            if let Some(place) = place.get_mut(at..).and_then(|rest| rest.first_chunk_mut()) {
                *place = n.to_le_bytes();
            }
            at += widths.size(codes) as usize;
            codes >>= Widths::BITS;
        }
        self.len += at;
    }

    /// The lowest bytes of a number; those above are 0.
    #[inline(always)]
    pub fn put(&mut self, value: u64, width: u32) {
        loop {
            if let Some(place) = self.room.get_mut(self.len..).and_then(|rest| rest.first_chunk_mut()) {
                *place = value.to_le_bytes();
                self.len += width as usize;
                return;
            }
            self.grow();
        }
    }

    /// Bytes as they are.
    pub fn text(&mut self, text: &[u8]) {
        self.row([text.len() as u64], const { &Row::of([1]) });
        for piece in text.chunks(8) {
            let word = piece.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte));
            self.put(word, piece.len() as u32);
        }
    }

    #[cold]
    fn grow(&mut self) {
        self.room.resize(2 * self.room.len() + 2048, 0);
    }
}

/// How many bytes the numbers of a row mostly need.
#[derive(Debug)]
pub(in crate::track) struct Row<const N: usize>([Widths; N]);

impl<const N: usize> Row<N> {
    /// Bytes of all their codes.
    const HEAD: u32 = (N * Widths::BITS).div_ceil(8) as u32;

    /// So many, at most 8.
    pub const fn of(widths: [u8; N]) -> Self {
        assert!(Self::HEAD <= 8, "the codes of a row are one number");
        let mut row = [const { Widths::of(0) }; N];
        let mut i = 0;
        while i < N {
            row[i] = Widths::of(widths[i]);
            i += 1;
        }
        Self(row)
    }
}

/// The sizes that a number is written in, by its code: none, half, all of what it mostly needs, or eight.
#[derive(Debug)]
struct Widths {
    sizes: [u8; 4],
    /// The highest of half, and of all.
    highest: [u64; 2],
}

impl Widths {
    /// Of a code.
    const BITS: usize = 2;

    const fn of(width: u8) -> Self {
        let half = width.div_ceil(2);
        Self { sizes: [0, half, width, 8], highest: [MASKS[half as usize], MASKS[width as usize]] }
    }

    #[inline(always)]
    fn code(&self, n: u64) -> u64 {
        let [half, all] = self.highest;
        u64::from(n != 0) + u64::from(n > half) + u64::from(n > all)
    }

    /// By the lowest bits of codes.
    #[inline(always)]
    fn size(&self, codes: u64) -> u32 {
        u32::from(self.sizes[(codes & 3) as usize])
    }
}

/// The highest numbers of so many bytes.
const MASKS: [u64; 16] = {
    let mut masks = [u64::MAX; 16];
    let mut bytes = 0;
    while bytes < 8 {
        masks[bytes] = (1 << (8 * bytes)) - 1;
        bytes += 1;
    }
    masks
};

impl<'a> Reader<'a> {
    /// Of what a [`Writer`] has written.
    #[inline]
    pub fn new(written: &'a [u8]) -> Self {
        Self { rest: written, near: Near::default() }
    }

    /// Sequence numbers that follow are near those written.
    pub fn near_to(&mut self) {
        self.near.seqs = [0; 2].map(|_| SeqNumber(self.take(4) as u32));
    }

    /// The numbers of a row.
    #[inline(always)]
    pub fn row<const N: usize>(&mut self, row: &Row<N>) -> [u64; N] {
        let mut codes = self.take(Row::<N>::HEAD);
        let mut numbers = [0; N];
        if codes == 0 {
            return numbers;
        }
        // One look at what there is for all of them.
        let Some(place) = self.rest.get(..8 * N) else {
            return self.last_row(codes, row);
        };
        let mut at = 0;
        for (n, widths) in numbers.iter_mut().zip(&row.0) {
            let size = widths.size(codes);
            let word = place.get(at..).and_then(|rest| rest.first_chunk());
            *n = word.map_or(0, |word| u64::from_le_bytes(*word)) & MASKS[(size & 15) as usize];
            at += size as usize;
            codes >>= Widths::BITS;
        }
        self.skip(at as u32);
        numbers
    }

    /// The first number of a row; the others are left.
    pub fn first<const N: usize>(&mut self, row: &Row<N>) -> u64 {
        let codes = self.take(Row::<N>::HEAD);
        row.0.first().map_or(0, |widths| self.take(widths.size(codes)))
    }

    #[cold]
    fn last_row<const N: usize>(&mut self, mut codes: u64, row: &Row<N>) -> [u64; N] {
        row.0.each_ref().map(|widths| {
            let size = widths.size(codes);
            codes >>= Widths::BITS;
            self.take(size)
        })
    }

    /// A number of so many bytes, at most 8.
    #[inline(always)]
    pub fn take(&mut self, width: u32) -> u64 {
        let word = self.peek();
        self.skip(width);
        word & MASKS[(width & 15) as usize]
    }

    /// The next eight bytes.
    #[inline(always)]
    pub fn peek(&self) -> u64 {
        match self.rest.first_chunk() {
            Some(word) => u64::from_le_bytes(*word),
            None => self.last(),
        }
    }

    /// Goes on by so many bytes.
    #[inline(always)]
    pub fn skip(&mut self, width: u32) {
        self.rest = self.rest.get(width as usize..).unwrap_or_default();
    }

    #[cold]
    fn last(&self) -> u64 {
        self.rest.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte))
    }

    /// Bytes as they are.
    pub fn text(&mut self) -> &'a [u8] {
        let [len] = self.row(const { &Row::of([1]) });
        let (text, rest) = self.rest.split_at_checked(len as usize).unwrap_or((self.rest, &[]));
        self.rest = rest;
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ROW: &Row<3> = &Row::of([1, 8, 3]);

    proptest! {
        #[test]
        fn what_is_written_is_read(all in proptest::collection::vec((any::<[u64; 3]>(), 0u32..65), 0..99)) {
            let narrow = |row: [u64; 3], by: u32| row.map(|n| n.checked_shr(by).unwrap_or(0));
            let mut w = Writer::default();
            w.begin();
            w.near_to([SeqNumber(1), SeqNumber(0)]);
            for (row, by) in &all {
                w.row(narrow(*row, *by), ROW);
                w.put(row[0] & 0xff_ffff, 3);
                w.text(&row[0].to_be_bytes()[..(*by % 8) as usize]);
            }
            let mut r = Reader::new(w.written());
            r.near_to();
            prop_assert_eq!(r.near.seqs, [SeqNumber(1), SeqNumber(0)]);
            for (row, by) in all {
                prop_assert_eq!(Reader { rest: r.rest, near: Near::default() }.first(ROW), narrow(row, by)[0]);
                prop_assert_eq!(r.row(ROW), narrow(row, by));
                prop_assert_eq!(r.take(3), row[0] & 0xff_ffff);
                prop_assert_eq!(r.text(), &row[0].to_be_bytes()[..(by % 8) as usize]);
            }
        }

        #[test]
        fn any_bytes_can_be_read(bytes in any::<Vec<u8>>()) {
            let mut r = Reader::new(&bytes);
            for _ in 0..100 {
                let _: ([u64; 3], u64) = (r.row(ROW), r.take(8));
                r.text();
            }
        }
    }
}
