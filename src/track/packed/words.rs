//! `Writer` and `Reader`: rows of numbers, each as wide as it mostly needs.
//!
//! The widths of a row are known when the program is built, so that writing it takes no branch for each number. Where one of
//! them does not fit, all of the row are written whole; a row of noughts is one byte. What is read past the end is 0: the
//! reader cannot fail.

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
    /// Begins: sequence numbers that follow are near these.
    pub fn begin(&mut self, seqs: [SeqNumber; 2]) {
        self.len = 0;
        self.near = Near { seqs, ..Near::default() };
        let [a, b] = seqs;
        self.put(u64::from(a.0), 4);
        self.put(u64::from(b.0), 4);
    }

    /// All that was written since it began.
    pub fn written(&self) -> &[u8] {
        self.room.get(..self.len).unwrap_or_default()
    }

    /// Numbers, and how many bytes are mostly enough for each.
    #[inline(always)]
    pub fn row<const N: usize>(&mut self, numbers: [u64; N], widths: [u32; N]) {
        let mut all = 0;
        let mut beyond = 0;
        for (n, width) in numbers.iter().zip(widths) {
            all |= n;
            beyond |= n.checked_shr(8 * width).unwrap_or(0);
        }
        if all == 0 {
            return self.put(Row::NOUGHTS, 1);
        }
        if beyond != 0 {
            return self.whole(&numbers);
        }
        // One look at the room for all of them.
        let len = 1 + widths.iter().sum::<u32>() as usize;
        let place = loop {
            match self.room.get(self.len..).is_some_and(|rest| rest.len() >= len + 8) {
                true => break self.room.get_mut(self.len..self.len + len + 8).unwrap_or_default(),
                false => self.grow(),
            }
        };
        if let Some(kind) = place.first_mut() {
            *kind = Row::NARROW as u8;
        }
        let mut at = 1;
        for (n, width) in numbers.into_iter().zip(widths) {
            if let Some(place) = place.get_mut(at..).and_then(|rest| rest.first_chunk_mut()) {
                *place = n.to_le_bytes();
            }
            at += width as usize;
        }
        self.len += len;
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

    #[cold]
    fn whole(&mut self, numbers: &[u64]) {
        self.put(Row::WHOLE, 1);
        numbers.iter().for_each(|n| self.put(*n, 8));
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

/// How a row is written.
struct Row;

impl Row {
    const NOUGHTS: u64 = 0;
    const NARROW: u64 = 1;
    const WHOLE: u64 = 2;
}

impl<'a> Reader<'a> {
    /// Of what a [`Writer`] has written.
    pub fn new(written: &'a [u8]) -> Self {
        let mut reader = Self { rest: written, near: Near::default() };
        let (a, b) = (reader.take(4), reader.take(4));
        reader.near.seqs = [SeqNumber(a as u32), SeqNumber(b as u32)];
        reader
    }

    /// Numbers of these widths.
    #[inline(always)]
    pub fn row<const N: usize>(&mut self, widths: [u32; N]) -> [u64; N] {
        let mut numbers = [0; N];
        match self.take(1) {
            Row::NOUGHTS => {}
            Row::NARROW => {
                let len = widths.iter().sum::<u32>() as usize;
                let Some(place) = self.rest.get(..len + 8) else {
                    return widths.map(|width| self.take(width));
                };
                let mut at = 0;
                for (n, width) in numbers.iter_mut().zip(widths) {
                    let word = place.get(at..).and_then(|rest| rest.first_chunk());
                    let word = word.map_or(0, |word| u64::from_le_bytes(*word));
                    *n = word & u64::MAX.checked_shr(64 - 8 * width).unwrap_or(0);
                    at += width as usize;
                }
                self.rest = self.rest.get(len..).unwrap_or_default();
            }
            _ => self.whole(&mut numbers),
        }
        numbers
    }

    #[cold]
    fn whole(&mut self, numbers: &mut [u64]) {
        numbers.iter_mut().for_each(|n| *n = self.take(8));
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
            w.begin([SeqNumber(1), SeqNumber(0)]);
            for (row, by) in &all {
                w.row(narrow(*row, *by), [1, 8, 3]);
                w.put(row[0] & 0xff_ffff, 3);
                w.text(&row[0].to_be_bytes()[..(*by % 8) as usize]);
            }
            let mut r = Reader::new(w.written());
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
