//! `Cells`: room for a million short writings that come and go, each in a cell of its own size.
//!
//! An allocation of its own would cost each of them 16 bytes more: the pointer's length, and what the allocator keeps.

/// Writings, each of them of at most [`Cells::LONGEST`] bytes.
#[derive(Debug, Default)]
pub(super) struct Cells {
    /// By the words of a cell.
    sizes: Vec<Size>,
}

/// Cells of one size. They lie in pieces, so that they never move.
#[derive(Debug, Default)]
struct Size {
    pieces: Vec<Box<[u8]>>,
    used: u32,
    free: Vec<u32>,
}

/// Where something is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Cell {
    at: u32,
    words: u16,
}

impl Cells {
    const WORD: usize = 8;
    /// What the words of a cell can count: half a megabyte.
    pub const LONGEST: usize = (u16::MAX as usize - Self::STEP) * Self::WORD;
    /// Words of what has cells of exactly its size: half-open connections, which are many, have 10.
    const SMALL: usize = 16;
    /// Longer writings come in many sizes, each of which has a piece that is not full: these are rounded to so many
    /// words.
    const STEP: usize = 4;
    /// Bytes behind the last cell of a piece.
    const BEYOND: usize = 64;

    /// The words of the cell for so many bytes.
    fn words(len: usize) -> usize {
        let words = len.div_ceil(Self::WORD);
        if words > Self::SMALL { words.next_multiple_of(Self::STEP) } else { words }
    }

    /// Bytes of a piece: few, because 64 partitions have pieces of their own, and what allocators give without loss.
    fn room(words: usize) -> usize {
        let bytes = if words > Self::SMALL { 14 << 10 } else { 7 << 9 };
        bytes.max(words * Self::WORD + Self::BEYOND)
    }

    /// How many cells a piece has.
    fn piece(words: usize) -> usize {
        (Self::room(words) - Self::BEYOND) / (words * Self::WORD).max(1)
    }

    /// Writes.
    pub fn put(&mut self, written: &[u8]) -> Cell {
        let words = Self::words(written.len());
        debug_assert!(written.len() <= Self::LONGEST, "nothing so long is written");
        if self.sizes.len() <= words {
            self.sizes.resize_with(words + 1, Size::default);
        }
        let size = &mut self.sizes[words];
        let at = size.free.pop().unwrap_or_else(|| {
            size.used += 1;
            size.used - 1
        });
        let cell = Cell { at, words: words as u16 };
        let (piece, from) = cell.place();
        if piece == size.pieces.len() {
            size.pieces.push(vec![0; Self::room(words)].into());
        }
        if let Some(place) = size.pieces.get_mut(piece) {
            place[from..][..written.len()].copy_from_slice(written);
        }
        cell
    }

    /// What is written there, and what lies behind it: a reader that may look further is faster.
    #[inline]
    pub fn get(&self, cell: Cell) -> &[u8] {
        let (piece, from) = cell.place();
        let piece = self.sizes.get(usize::from(cell.words)).and_then(|size| size.pieces.get(piece));
        piece.and_then(|piece| piece.get(from..)).unwrap_or_default()
    }

    /// It is not needed any more. Once no cell of its size is, their room is given back, but for what one piece takes.
    pub fn free(&mut self, cell: Cell) {
        let Some(size) = self.sizes.get_mut(usize::from(cell.words)) else { return };
        size.free.push(cell.at);
        if size.free.len() == size.used as usize && size.pieces.len() > 1 {
            *size = Size::default();
        }
    }
}

impl Cell {
    /// Its piece, and the byte where it begins there.
    fn place(self) -> (usize, usize) {
        let (at, words) = (self.at as usize, usize::from(self.words));
        let piece = Cells::piece(words);
        (at / piece, at % piece * words * Cells::WORD)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_longest_has_a_cell_of_its_own() {
        let (mut cells, longest) = (Cells::default(), vec![7; Cells::LONGEST]);
        let (one, other) = (cells.put(&longest), cells.put(&longest));
        assert_ne!(one, other);
        assert_eq!(cells.get(one)[..longest.len()], longest);
        assert_eq!(cells.get(other)[..longest.len()], longest);
    }

    proptest! {
        #[test]
        fn what_is_written_stays_until_it_is_freed(
            steps in proptest::collection::vec((0usize..400, any::<u8>(), 0usize..9), 1..300),
        ) {
            let (mut cells, mut kept) = (Cells::default(), Vec::new());
            for (len, byte, freed) in steps {
                kept.push((cells.put(&vec![byte; len]), vec![byte; len]));
                if freed < 4 && freed < kept.len() {
                    cells.free(kept.swap_remove(freed).0);
                }
                for (cell, written) in &kept {
                    prop_assert_eq!(&cells.get(*cell)[..written.len()], &written[..]);
                }
            }
            let used: u32 = cells.sizes.iter().map(|size| size.used).sum();
            let free: usize = cells.sizes.iter().map(|size| size.free.len()).sum();
            prop_assert_eq!(used as usize - free, kept.len());
        }
    }
}
