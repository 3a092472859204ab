//! `FirstContacts`: whether a source has tried an address and port before, in fixed memory (tcp.md §5.0).

use std::hash::{Hash, Hasher};
use std::net::IpAddr;

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
            clear(&mut self.young);
            if age > Self::SPAN.times(2) {
                clear(&mut self.old);
            }
            self.since = contact.at;
        }
        let key = Bytes::of(contact.source, contact.target);
        !self.young.contains_and_insert(&key) && (self.old.is_empty() || !self.old.contains(&key))
    }
}

/// What is empty need not be written to, a megabyte of it.
fn clear(filter: &mut BloomFilter) {
    if !filter.is_empty() {
        filter.reset();
    }
}

/// Addresses, stack and port as their own hashes give them to a hasher one by one, in one piece: a filter hashes it twice.
/// Other bytes would make other errors of the filters, and with them another output.
struct Bytes {
    bytes: [u8; Self::MOST],
    len: usize,
}

impl Bytes {
    /// Two addresses of IPv6, each after its kind, the digest of a stack, and a port.
    const MOST: usize = 2 * (8 + 16) + 4 + 2;

    fn of(source: Source, target: Endpoint) -> Self {
        let mut all = Self { bytes: [0; Self::MOST], len: 0 };
        all.address(source.addr);
        all.add(source.stack.to_ne_bytes());
        all.address(target.addr);
        all.add(target.port.to_ne_bytes());
        all
    }

    #[inline]
    fn address(&mut self, addr: IpAddr) {
        match addr {
            IpAddr::V4(a) => {
                self.add(0_u64.to_ne_bytes());
                self.add(a.octets());
            }
            IpAddr::V6(a) => {
                self.add(1_u64.to_ne_bytes());
                self.add(a.octets());
            }
        }
    }

    #[inline]
    fn add<const N: usize>(&mut self, bytes: [u8; N]) {
        if let Some(place) = self.bytes.get_mut(self.len..self.len + N) {
            place.copy_from_slice(&bytes);
            self.len += N;
        }
    }
}

impl Hash for Bytes {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write(self.bytes.get(..self.len).unwrap_or_default());
    }
}

impl std::fmt::Debug for FirstContacts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FirstContacts").field("since", &self.since).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Heard(Vec<u8>);

    impl Hasher for Heard {
        fn write(&mut self, bytes: &[u8]) {
            self.0.extend(bytes);
        }

        fn finish(&self) -> u64 {
            0
        }
    }

    #[test]
    fn in_one_piece_it_is_what_the_derived_hash_says() {
        let addresses = ["192.0.2.7", "2001:db8::7"].map(|a| a.parse::<IpAddr>().expect("an address"));
        for (from, to) in addresses.into_iter().flat_map(|from| addresses.map(|to| (from, to))) {
            let (source, target) = (Source { addr: from, stack: 0xabcd }, Endpoint::new(to, 443));
            let [mut derived, mut whole] = [Heard::default(), Heard::default()];
            ((from, source.stack), (to, target.port)).hash(&mut derived);
            Bytes::of(source, target).hash(&mut whole);
            assert_eq!(derived.0, whole.0);
        }
    }
}
