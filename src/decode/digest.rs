//! A digest of payload bytes: 64 bits, fast, the same on every machine. Tells accidents, not forgers, apart.

use std::num::NonZeroU64;

use super::wire::Wire;

/// The digest of a payload, if all of it was captured.
#[inline]
pub(super) fn digest(payload: Wire<'_>) -> Option<NonZeroU64> {
    if payload.data.is_empty() || payload.is_cut() {
        return None;
    }
    NonZeroU64::new(mix(payload.data))
}

/// The digest of bytes that were all captured, and their one's complement sum, not folded: 16-bit words whose first byte
/// is the low one, the last filled up with zero (RFC 1071 §2). Half the reading that one after the other would be.
#[inline]
pub(super) fn digest_and_sum(payload: &[u8]) -> (Option<NonZeroU64>, u64) {
    if payload.is_empty() {
        return (None, 0);
    }
    let mut total = 0u128;
    let digest = mix_telling(payload, |word| total += u128::from(word));
    let parts = [total as u32, (total >> 32) as u32, (total >> 64) as u32];
    (NonZeroU64::new(digest), parts.into_iter().map(u64::from).sum())
}

fn mix(bytes: &[u8]) -> u64 {
    mix_telling(bytes, |_| ())
}

/// Four lanes of multiply and fold, as wyhash and foldhash do: the lanes don't wait for each other. Tells every word read
/// to somebody else.
#[inline(always)]
fn mix_telling(bytes: &[u8], mut tell: impl FnMut(u64)) -> u64 {
    let [k0, k1, k2, k3] = KEYS;
    let [mut l0, mut l1, mut l2, mut l3] = KEYS;
    let (words, rest) = bytes.as_chunks();
    let (blocks, words) = words.as_chunks();
    let mut read = |bytes| {
        let word = u64::from_le_bytes(bytes);
        tell(word);
        word
    };
    // Written out: with iterators over lanes and words, six times the instructions.
    for &[a, b, c, d, e, f, g, h] in blocks {
        l0 = fold(l0 ^ read(a), k0 ^ read(b));
        l1 = fold(l1 ^ read(c), k1 ^ read(d));
        l2 = fold(l2 ^ read(e), k2 ^ read(f));
        l3 = fold(l3 ^ read(g), k3 ^ read(h));
    }
    let mut lane = fold(fold(fold(l0 ^ l1, k0) ^ l2, k1) ^ l3, k2);
    for word in words {
        lane = fold(lane ^ read(*word), k1);
    }
    if !rest.is_empty() {
        // Filled up with zeros.
        let mut last = [0; 8];
        for (to, from) in last.iter_mut().zip(rest) {
            *to = *from;
        }
        lane = fold(lane ^ read(last), k1);
    }
    fold(lane ^ bytes.len() as u64, k2)
}

#[inline(always)]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}

/// Digits of the fraction of pi, odd; any numbers without a pattern would do.
const KEYS: [u64; 4] =
    [0x243f_6a88_85a3_08d3, 0x1319_8a2e_0370_7345, 0xa409_3822_299f_31d1, 0x082e_fa98_ec4e_6c89];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_and_its_place_count() {
        let bytes: Vec<u8> = (0..200).map(|i| (i * 7) as u8).collect();
        let whole = mix(&bytes);
        for at in 0..bytes.len() {
            let mut other = bytes.clone();
            other[at] ^= 1;
            assert_ne!(mix(&other), whole, "byte {at}");
        }
        let mut swapped = bytes.clone();
        swapped.swap(3, 130);
        assert_ne!(mix(&swapped), whole);
        assert_ne!(mix(&bytes[..199]), whole);
    }

    #[test]
    fn the_sum_is_that_of_16_bit_words() {
        let bytes: Vec<u8> = (0..200).map(|i| (i * 7) as u8).collect();
        for len in 1..bytes.len() {
            let plain: u64 = bytes[..len]
                .chunks(2)
                .map(|w| u64::from(w[0]) | u64::from(*w.get(1).unwrap_or(&0)) << 8)
                .sum();
            let (digest, sum) = digest_and_sum(&bytes[..len]);
            assert_eq!(digest.map(NonZeroU64::get), Some(mix(&bytes[..len])));
            // Equal as one's complement numbers.
            assert_eq!(sum % 0xffff, plain % 0xffff, "{len}");
        }
    }

    #[test]
    fn it_is_the_same_everywhere() {
        assert_eq!(mix(b"tcpscope"), 13_267_103_391_064_488_402);
        assert_eq!(mix(&[0x5a; 150]), 11_636_767_167_293_374_637);
    }

    #[test]
    fn a_payload_that_was_cut_has_none() {
        assert!(digest(Wire::new(b"abc", 4)).is_none());
        assert!(digest(Wire::new(b"", 0)).is_none());
        assert!(digest(Wire::new(b"abc", 3)).is_some());
    }
}
