//! `FirstContacts`: whether a source has tried an address and port before, in fixed memory (tcp.md §5.0).

use datasketches::bloom::{BloomFilter, BloomFilterBuilder};

use super::contact::{Contact, Source};
use crate::tcp::{Duration, Endpoint, Timestamp};

/// Two Bloom filters of 2^23 bits: what was tried in the last five to ten minutes is known, at worst something is taken
/// for known that is not.
pub(super) struct FirstContacts {
    young: BloomFilter,
    old: BloomFilter,
    since: Timestamp,
}

impl FirstContacts {
    const BITS: u64 = 1 << 23;
    const HASHES: u16 = 4;
    /// Fixed, so that the same input gives the same output.
    const SEED: u64 = 9001;
    const SPAN: Duration = Duration::from_secs(300);

    /// Nothing was tried yet.
    pub fn new() -> Self {
        Self { young: Self::empty(), old: Self::empty(), since: Timestamp::MIN }
    }

    fn empty() -> BloomFilter {
        BloomFilterBuilder::with_size(Self::BITS, Self::HASHES)
            .seed(Self::SEED)
            .build()
            .expect("size and number of hashes lie within the limits")
    }

    /// Whether the contact is the first of its source to its target; remembers it.
    pub fn is_first(&mut self, contact: &Contact) -> bool {
        let age = contact.at.since(self.since);
        if age > Self::SPAN {
            std::mem::swap(&mut self.young, &mut self.old);
            self.young.reset();
            if age > Self::SPAN.times(2) {
                self.old.reset();
            }
            self.since = contact.at;
        }
        let key: (Source, Endpoint) = (contact.source, contact.target);
        !self.young.contains_and_insert(&key) && !self.old.contains(&key)
    }
}

impl std::fmt::Debug for FirstContacts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FirstContacts").field("since", &self.since).finish_non_exhaustive()
    }
}
