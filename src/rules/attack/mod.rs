//! AT: rules about attacks, one file or folder for each kind; and the machinery that they share (tcp.md §5).
//!
//! Every table is bounded, every hash that an output depends on has a fixed key, and an attack is one finding for each
//! episode, however many packets it takes.

mod alarm;
mod catalogue;
mod episode;
mod exhaustion;
mod fingerprint;
mod flood;
mod injection;
mod isn;
mod profile;
mod scan;
mod seconds;
mod sketch;
mod stray;

use super::registry::Rule;

pub(super) use flood::floods;

/// The rules of this family, in order of ids.
pub const RULES: &[Rule] = &join::<{ count(&LISTS) }>(&LISTS);

/// Those of each file.
const LISTS: [&[Rule]; 6] = [
    catalogue::RULES,
    scan::RULES,
    injection::RULES,
    injection::blind_data::RULES,
    isn::RULES,
    fingerprint::RULES,
];

const fn count(lists: &[&[Rule]]) -> usize {
    let (mut count, mut list) = (0, 0);
    while list < lists.len() {
        (count, list) = (count + lists[list].len(), list + 1);
    }
    count
}

/// All of them in one list, sorted by insertion.
const fn join<const N: usize>(lists: &[&[Rule]]) -> [Rule; N] {
    let mut all = [lists[0][0]; N];
    let (mut list, mut filled) = (0, 0);
    while list < lists.len() {
        let mut i = 0;
        while i < lists[list].len() {
            let rule = lists[list][i];
            let mut at = filled;
            while at > 0 && comes_before(rule.id, all[at - 1].id) {
                all[at] = all[at - 1];
                at -= 1;
            }
            all[at] = rule;
            (i, filled) = (i + 1, filled + 1);
        }
        list += 1;
    }
    all
}

const fn comes_before(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let mut i = 0;
    while i < a.len() && i < b.len() {
        if a[i] != b[i] {
            return a[i] < b[i];
        }
        i += 1;
    }
    a.len() < b.len()
}
