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

/// Four lanes of multiply and fold, as wyhash and foldhash do: the lanes don't wait for each other.
fn mix(bytes: &[u8]) -> u64 {
    let mut lanes = KEYS;
    let mut blocks = bytes.chunks_exact(64);
    for block in &mut blocks {
        for ((lane, pair), key) in lanes.iter_mut().zip(block.chunks_exact(16)).zip(KEYS) {
            let (low, high) = pair.split_at(8);
            *lane = fold(*lane ^ word(low), key ^ word(high));
        }
    }
    let [mut lane, rest @ ..] = lanes;
    for (other, key) in rest.into_iter().zip(KEYS) {
        lane = fold(lane ^ other, key);
    }
    for piece in blocks.remainder().chunks(8) {
        lane = fold(lane ^ word(piece), KEYS[1]);
    }
    fold(lane ^ bytes.len() as u64, KEYS[2])
}

/// Up to eight bytes as a number.
fn word(bytes: &[u8]) -> u64 {
    match bytes.first_chunk::<8>() {
        Some(whole) => u64::from_le_bytes(*whole),
        None => bytes.iter().rev().fold(0, |n, b| n << 8 | u64::from(*b)),
    }
}

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
