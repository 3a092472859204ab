//! `ById`: a small number for each connection that is open, found by its id.
//!
//! Ids are the numbers of first packets: connections that began together have ids that lie together, and a flood's end
//! together too. So they share a page, which stays in the processor's caches, where entries of their own would not.

use foldhash::HashMap;

/// Numbers by id.
#[derive(Debug, Default)]
pub(super) struct ById {
    pages: HashMap<u64, Page>,
    /// Those that are far from the first of their page: of ids that had a number before.
    far: HashMap<u64, u32>,
}

/// The numbers of [`Page::IDS`] ids in a row: what is open together was mostly numbered together.
#[derive(Debug)]
struct Page {
    first: u32,
    /// How far each is from the first, or one of the two below.
    distances: [u8; Page::IDS],
}

impl Page {
    /// One that is alone in its page takes 48 bytes.
    const IDS: usize = 32;
    /// The id has no number.
    const NONE: u8 = u8::MAX;
    /// It is with the far ones.
    const FAR: u8 = u8::MAX - 1;

    fn is_empty(&self) -> bool {
        self.distances == [Self::NONE; Self::IDS]
    }
}

impl ById {
    /// The page of an id, and its place there.
    fn place(id: u64) -> (u64, usize) {
        (id / Page::IDS as u64, (id % Page::IDS as u64) as usize)
    }

    /// Gives the id a number, another one if it has one.
    pub fn insert(&mut self, id: u64, number: u32) {
        let (page, place) = Self::place(id);
        let new = || Page { first: number, distances: [Page::NONE; Page::IDS] };
        let page = self.pages.entry(page).or_insert_with(new);
        let distance = number.checked_sub(page.first).filter(|far| *far < u32::from(Page::FAR));
        let code = distance.map_or(Page::FAR, |near| near as u8);
        let before = std::mem::replace(&mut page.distances[place], code);
        if code == Page::FAR {
            self.far.insert(id, number);
        } else if before == Page::FAR {
            self.far.remove(&id);
        }
    }

    /// The id's number.
    pub fn get(&self, id: u64) -> Option<u32> {
        let (page, place) = Self::place(id);
        let page = self.pages.get(&page)?;
        match page.distances[place] {
            Page::NONE => None,
            Page::FAR => self.far.get(&id).copied(),
            near => Some(page.first + u32::from(near)),
        }
    }

    /// The same, for the last time.
    pub fn remove(&mut self, id: u64) -> Option<u32> {
        let removed = self.get(id);
        let (number, place) = Self::place(id);
        let page = self.pages.get_mut(&number)?;
        if std::mem::replace(&mut page.distances[place], Page::NONE) == Page::FAR {
            self.far.remove(&id);
        }
        if page.is_empty() {
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
            numbers.insert(id, 1000 * number as u32);
        }
        assert_eq!(numbers.pages.len(), 4);
        for (number, id) in ids.into_iter().enumerate() {
            let number = 1000 * number as u32;
            assert_eq!(numbers.get(id), Some(number));
            assert_eq!(numbers.remove(id), Some(number));
            assert_eq!(numbers.remove(id), None);
        }
        assert!(numbers.pages.is_empty() && numbers.far.is_empty());
    }
}
