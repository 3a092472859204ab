//! `Cells`: room for a million short writings that come and go, each in a cell of its own size.
//!
//! An allocation of its own would cost each of them 16 bytes more: the pointer's length, and what the allocator keeps.

/// Writings, each of them of up to half a megabyte.
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
    /// Cells of a piece: 2.5 KiB of half-open connections with 80 bytes each, 16 KiB of open ones with 500.
    const PIECE: u32 = 32;

    /// Bytes behind the last cell of a piece.
    const BEYOND: usize = 64;

    /// Writes.
    pub fn put(&mut self, written: &[u8]) -> Cell {
        let words = written.len().div_ceil(Self::WORD);
        debug_assert!(words <= usize::from(u16::MAX), "nothing so long is written");
        if self.sizes.len() <= words {
            self.sizes.resize_with(words + 1, Size::default);
        }
        let size = &mut self.sizes[words];
        let at = size.free.pop().unwrap_or_else(|| {
            size.used += 1;
            size.used - 1
        });
        if (at / Self::PIECE) as usize == size.pieces.len() {
            size.pieces.push(vec![0; words * Self::WORD * Self::PIECE as usize + Self::BEYOND].into());
        }
        let cell = Cell { at, words: words as u16 };
        if let Some(place) = size.pieces.get_mut((at / Self::PIECE) as usize) {
            place[cell.from()..][..written.len()].copy_from_slice(written);
        }
        cell
    }

    /// What is written there, and what lies behind it: a reader that may look further is faster.
    #[inline]
    pub fn get(&self, cell: Cell) -> &[u8] {
        let piece = self
            .sizes
            .get(usize::from(cell.words))
            .and_then(|size| size.pieces.get((cell.at / Self::PIECE) as usize));
        piece.and_then(|piece| piece.get(cell.from()..)).unwrap_or_default()
    }

    /// It is not needed any more.
    pub fn free(&mut self, cell: Cell) {
        if let Some(size) = self.sizes.get_mut(usize::from(cell.words)) {
            size.free.push(cell.at);
        }
    }
}

impl Cell {
    /// Where in its piece it begins.
    fn from(self) -> usize {
        (self.at % Cells::PIECE) as usize * usize::from(self.words) * Cells::WORD
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_written_stays_until_it_is_freed(
            steps in proptest::collection::vec((0usize..99, any::<u8>(), 0usize..9), 1..300),
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
