//! `nearest`: which of the right words was meant by a wrong one.

use crate::rules::{self, edits};

/// At most three of `words` that take few enough edits to become `wrong`, or share a part with it; the nearest first.
pub fn nearest<'a>(wrong: &str, words: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let wrong = wrong.trim().to_ascii_lowercase();
    let mut near: Vec<_> = words
        .into_iter()
        .map(|word| {
            let lower = word.to_ascii_lowercase();
            let shared = wrong.len() > 1 && (lower.contains(&wrong) || wrong.contains(&lower));
            let distance = if shared { 1 } else { edits(&wrong, &lower) };
            // Of two that share a part with it, the one that shares more.
            (distance, lower.len().abs_diff(wrong.len()), word)
        })
        .filter(|(distance, ..)| *distance <= 1 + wrong.len() / 3)
        .collect();
    near.sort_unstable();
    near.into_iter().take(3).map(|(.., word)| word).collect()
}

/// `did you mean a, b or c?`, or `otherwise` where nothing is near.
pub fn did_you_mean(wrong: &str, words: &[&str], otherwise: &str) -> String {
    match nearest(wrong, words.iter().copied()).as_slice() {
        [] => otherwise.into(),
        [one] => format!("did you mean {one}?"),
        [rest @ .., last] => format!("did you mean {} or {last}?", rest.join(", ")),
    }
}

/// The rule or family that was meant by a word that names none.
pub fn rule_meant(wrong: &str) -> String {
    let families = rules::FAMILIES.iter().map(|(family, _)| *family);
    let words: Vec<_> = families.chain(rules::rules().flat_map(|rule| [rule.id, rule.name])).collect();
    did_you_mean(wrong, &words, "see them all with `tcpscope rules`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_comes_first() {
        assert_eq!(nearest("captrues", ["truncated", "captures", "msl"]), ["captures"]);
        assert_eq!(nearest("xyzzy", ["captures", "msl"]), [""; 0]);
        assert_eq!(did_you_mean("time", &["time_wait", "first"], "-"), "did you mean time_wait?");
    }
}
