//! `Known`: texts that were made before, by what they say. Most of a line is such: words between numbers, in few
//! combinations.

use foldhash::HashMap;

/// Texts by their keys.
#[derive(Debug)]
pub(super) struct Known<T> {
    all: HashMap<u64, u32>,
    texts: Vec<T>,
    /// The latest of those that fall here, which needs no search: its key, and its place among the texts.
    near: [Option<(u64, u32)>; NEAR],
}

/// Keys that are found without a search.
const NEAR: usize = 128;

impl<T> Default for Known<T> {
    fn default() -> Self {
        Self { all: HashMap::default(), texts: Vec::new(), near: [None; NEAR] }
    }
}

impl<T> Known<T> {
    /// Ordinary captures have about forty kinds of step; hostile ones thousands, for their flags.
    const ROOM: usize = 1024;

    /// Where the text of this key is, if it was made before.
    #[inline]
    pub fn find(&mut self, key: u64) -> Option<u32> {
        let near = Self::near(key);
        match self.near[near] {
            Some((known, place)) if known == key => Some(place),
            _ => self.search(near, key),
        }
    }

    /// The text that is there.
    #[inline]
    pub fn text(&self, place: u32) -> &T {
        &self.texts[place as usize]
    }

    /// Where a key falls.
    #[inline]
    fn near(key: u64) -> usize {
        /// 2^64 divided by the golden ratio: spreads neighbours (Knuth, The Art of Computer Programming, vol. 3, §6.4).
        const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;
        (key.wrapping_mul(SPREAD) >> (u64::BITS - NEAR.ilog2())) as usize
    }

    #[cold]
    fn search(&mut self, near: usize, key: u64) -> Option<u32> {
        let place = *self.all.get(&key)?;
        self.near[near] = Some((key, place));
        Some(place)
    }

    /// Keeps the text of a key that has none, and says where.
    pub fn insert(&mut self, key: u64, text: T) -> u32 {
        if self.texts.len() >= Self::ROOM {
            *self = Self::default();
        }
        let place = self.texts.len() as u32;
        self.texts.push(text);
        self.all.insert(key, place);
        self.near[Self::near(key)] = Some((key, place));
        place
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_that_of_its_key_however_many_there_are() {
        let mut known = Known::default();
        for round in 0..3 {
            for key in (0..5000).chain([7, 7, u64::MAX]) {
                let found = known.find(key);
                let place = found.unwrap_or_else(|| known.insert(key, key.to_string()));
                assert_eq!(known.find(key), Some(place), "round {round}");
                assert_eq!(known.text(place), &key.to_string(), "round {round}");
            }
            assert!(known.texts.len() <= Known::<String>::ROOM);
        }
    }
}
