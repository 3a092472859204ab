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

    /// Numbers, and how many bytes are mostly enough for each.
    #[inline(always)]
    pub fn row<const N: usize>(&mut self, numbers: [u64; N], widths: [u32; N]) {
        const { assert!(Code::bytes(N) <= 8, "the codes of a row are one number") };
        let mut codes = 0;
        for ((n, width), place) in numbers.iter().zip(widths).zip((0..).step_by(Code::BITS)) {
            codes |= Code::of(*n, width).0 << place;
        }
        self.put(codes, Code::bytes(N));
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
        for (n, width) in numbers.into_iter().zip(widths) {
            if let Some(place) = place.get_mut(at..).and_then(|rest| rest.first_chunk_mut()) {
                *place = n.to_le_bytes();
            }
            at += Code(codes).size(width) as usize;
            codes >>= Code::BITS;
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
        self.row([text.len() as u64], [1]);
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

/// How many bytes a number of a row takes; in its lowest bits.
#[derive(Clone, Copy)]
struct Code(u64);

impl Code {
    const BITS: usize = 2;

    /// Bytes for those of so many numbers.
    const fn bytes(numbers: usize) -> u32 {
        (numbers * Self::BITS).div_ceil(8) as u32
    }

    /// Of a number that mostly needs so many bytes.
    #[inline(always)]
    fn of(n: u64, width: u32) -> Self {
        let is_beyond = |bytes: u32| u64::from(n.checked_shr(8 * bytes).unwrap_or(0) != 0);
        Self(is_beyond(0) + is_beyond(width.div_ceil(2)) + is_beyond(width))
    }

    /// None, half, all, eight.
    #[inline(always)]
    fn size(self, width: u32) -> u32 {
        let sizes = width.div_ceil(2) << 4 | width << 8 | 8 << 12;
        sizes >> (4 * (self.0 & 3)) & 0xf
    }
}

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

    /// Numbers of these widths.
    #[inline(always)]
    pub fn row<const N: usize>(&mut self, widths: [u32; N]) -> [u64; N] {
        let mut codes = self.take(Code::bytes(N));
        let mut numbers = [0; N];
        if codes == 0 {
            return numbers;
        }
        let sizes = widths.map(|width| {
            let size = Code(codes).size(width);
            codes >>= Code::BITS;
            size
        });
        let Some(place) = self.rest.get(..8 * N) else {
            return sizes.map(|size| self.take(size));
        };
        let mut at = 0;
        for (n, size) in numbers.iter_mut().zip(sizes) {
            let word = place.get(at..).and_then(|rest| rest.first_chunk());
            let word = word.map_or(0, |word| u64::from_le_bytes(*word));
            *n = word & u64::MAX.checked_shr(64 - 8 * size).unwrap_or(0);
            at += size as usize;
        }
        self.rest = self.rest.get(at..).unwrap_or_default();
        numbers
    }

    /// A number of so many bytes, at most 8.
    #[inline(always)]
    pub fn take(&mut self, width: u32) -> u64 {
        let word = self.peek();
        self.skip(width);
        word & u64::MAX.checked_shr(64 - 8 * width).unwrap_or(0)
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
        let [len] = self.row([1]);
        let (text, rest) = self.rest.split_at_checked(len as usize).unwrap_or((self.rest, &[]));
        self.rest = rest;
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_written_is_read(all in proptest::collection::vec((any::<[u64; 3]>(), 0u32..65), 0..99)) {
            let narrow = |row: [u64; 3], by: u32| row.map(|n| n.checked_shr(by).unwrap_or(0));
            let mut w = Writer::default();
            w.begin();
            w.near_to([SeqNumber(1), SeqNumber(0)]);
            for (row, by) in &all {
                w.row(narrow(*row, *by), [1, 8, 3]);
                w.put(row[0] & 0xff_ffff, 3);
                w.text(&row[0].to_be_bytes()[..(*by % 8) as usize]);
            }
            let mut r = Reader::new(w.written());
            r.near_to();
            prop_assert_eq!(r.near.seqs, [SeqNumber(1), SeqNumber(0)]);
            for (row, by) in all {
                prop_assert_eq!(r.row([1, 8, 3]), narrow(row, by));
                prop_assert_eq!(r.take(3), row[0] & 0xff_ffff);
                prop_assert_eq!(r.text(), &row[0].to_be_bytes()[..(by % 8) as usize]);
            }
        }

        #[test]
        fn any_bytes_can_be_read(bytes in any::<Vec<u8>>()) {
            let mut r = Reader::new(&bytes);
            for _ in 0..100 {
                let _: ([u64; 3], u64) = (r.row([0, 3, 8]), r.take(8));
                r.text();
            }
        }
    }
}
