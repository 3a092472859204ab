//! `ById`: a small number for each connection that is open, found by its id.
//!
//! Ids are the numbers of first packets: connections that began together have ids that lie together, and a flood's end
//! together too. So they share a page, which stays in the processor's caches, where entries of their own would not.

use foldhash::HashMap;

/// Numbers by id.
#[derive(Debug, Default)]
pub(super) struct ById {
    pages: HashMap<u64, Page>,
}

/// The numbers of as many ids in a row as a word has bits; one that is alone in its page takes 144 bytes.
#[derive(Debug, Default)]
struct Page {
    /// Which of them have one, a bit each.
    used: u32,
    numbers: [u32; 32],
}

impl ById {
    /// The page of an id, its place there, and the bit of that.
    fn place(id: u64) -> (u64, usize, u32) {
        let place = id % 32;
        (id / 32, place as usize, 1 << place)
    }

    /// Gives the id a number, another one if it has one.
    pub fn insert(&mut self, id: u64, number: u32) {
        let (page, place, bit) = Self::place(id);
        let page = self.pages.entry(page).or_default();
        page.used |= bit;
        page.numbers[place] = number;
    }

    /// The id's number.
    pub fn get(&self, id: u64) -> Option<u32> {
        let (page, place, bit) = Self::place(id);
        let page = self.pages.get(&page)?;
        (page.used & bit != 0).then(|| page.numbers[place])
    }

    /// The same, for the last time.
    pub fn remove(&mut self, id: u64) -> Option<u32> {
        let (number, place, bit) = Self::place(id);
        let page = self.pages.get_mut(&number)?;
        let removed = (page.used & bit != 0).then(|| page.numbers[place]);
        page.used &= !bit;
        if page.used == 0 {
            self.pages.remove(&number);
        }
        removed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_id_has_its_own_number_until_it_is_removed() {
        let mut numbers = ById::default();
        let ids = [1, 2, 31, 32, 33, 1 << 40, u64::MAX];
        for (number, id) in ids.into_iter().enumerate() {
            assert_eq!(numbers.get(id), None);
            numbers.insert(id, 7);
            numbers.insert(id, number as u32);
        }
        assert_eq!(numbers.pages.len(), 4);
        for (number, id) in ids.into_iter().enumerate() {
            assert_eq!(numbers.get(id), Some(number as u32));
            assert_eq!(numbers.remove(id), Some(number as u32));
            assert_eq!(numbers.remove(id), None);
        }
        assert!(numbers.pages.is_empty());
    }
}
