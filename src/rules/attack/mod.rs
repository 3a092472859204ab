//! AT: rules about attacks, one file for each kind; and the machinery that they share (tcp.md §5).
//!
//! Every table is bounded, every hash that an output depends on has a fixed key, and an attack is one finding for each
//! episode, however many packets it takes.
#![allow(dead_code, reason = "the detectors come next")]

mod alarm;
mod episode;
mod fingerprint;
mod injection;
mod isn;
mod scan;
mod seconds;
mod sketch;

use super::registry::Rule;

/// The rules of this family, in order of ids.
pub const RULES: &[Rule] = &join::<{ count(&LISTS) }>(&LISTS);

/// Those of each file.
const LISTS: [&[Rule]; 5] =
    [scan::RULES, injection::RULES, injection::blind_data::RULES, isn::RULES, fingerprint::RULES];

const fn count(lists: &[&[Rule]]) -> usize {
    let (mut count, mut list) = (0, 0);
    while list < lists.len() {
        (count, list) = (count + lists[list].len(), list + 1);
    }
    count
}

/// Lists one after the other.
const fn join<const N: usize>(lists: &[&[Rule]]) -> [Rule; N] {
    let mut all = [lists[0][0]; N];
    let (mut list, mut at) = (0, 0);
    while list < lists.len() {
        let mut i = 0;
        while i < lists[list].len() {
            all[at] = lists[list][i];
            (i, at) = (i + 1, at + 1);
        }
        list += 1;
    }
    all
}
