//! Rules by what people type: an id in any case, a name, the beginning of an id; and what is near when nothing fits.

use super::registry::Rule;
use super::rules;

/// No rule has this id or name, and no id begins so.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no rule {word:?}")]
pub struct UnknownRule {
    /// What was typed.
    pub word: String,
    /// Ids of the rules that differ least from it, at most three.
    pub near: Vec<&'static str>,
}

/// The rules meant by an id or a name (one), or by the beginning of an id (`HS`: a family).
///
/// # Errors
/// There is none; the error says which are near.
pub fn find(word: &str) -> Result<Vec<&'static Rule>, UnknownRule> {
    let wanted = word.trim().to_ascii_lowercase().replace('_', "-");
    let is = |rule: &&Rule| rule.id.eq_ignore_ascii_case(&wanted) || rule.name == wanted;
    if let Some(rule) = rules().find(is) {
        return Ok(vec![rule]);
    }
    let begun: Vec<_> = rules().filter(|r| r.id.to_ascii_lowercase().starts_with(&wanted)).collect();
    if wanted.is_empty() || begun.is_empty() {
        return Err(UnknownRule { word: word.trim().into(), near: nearest(&wanted) });
    }
    Ok(begun)
}

fn nearest(word: &str) -> Vec<&'static str> {
    let mut near: Vec<_> = rules()
        .map(|rule| {
            let by_name = if word.len() > 2 && rule.name.contains(word) { 0 } else { edits(word, rule.name) };
            (by_name.min(edits(word, &rule.id.to_ascii_lowercase())), rule.id)
        })
        .filter(|(distance, _)| *distance <= 2 + word.len() / 4)
        .collect();
    near.sort_unstable();
    near.into_iter().take(3).map(|(_, id)| id).collect()
}

/// Levenshtein's distance, in bytes.
pub fn edits(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.bytes().enumerate() {
            let replaced = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_found_by_id_in_any_case_and_by_name() {
        let one = |word: &str| find(word).expect("a rule").iter().map(|r| r.id).collect::<Vec<_>>();
        assert_eq!(one("hs002"), ["HS002"]);
        assert_eq!(one(" HS002 "), ["HS002"]);
        assert_eq!(one("SYNACK-bad_ack"), ["HS002"]);
        assert!(one("hs").len() > 1);
    }

    #[test]
    fn what_is_near_is_named() {
        let near = |word: &str| find(word).expect_err("no rule").near;
        assert!(near("HS0002").contains(&"HS002"));
        assert_eq!(near("synack-bad-akc")[0], "HS002");
        assert!(near("").is_empty() || near("").len() <= 3);
        assert!(near("nothing-like-a-rule-at-all").is_empty());
    }

    #[test]
    fn ids_and_names_are_unique_and_well_formed() {
        let mut words = std::collections::BTreeSet::new();
        for rule in rules() {
            let (family, number) = rule.id.split_at(2);
            assert!(family.chars().all(|c| c.is_ascii_uppercase()), "{}", rule.id);
            assert!(number.len() == 3 && number.chars().all(|c| c.is_ascii_digit()), "{}", rule.id);
            assert!(rule.name.chars().all(|c| c.is_ascii_lowercase() || c == '-' || c.is_ascii_digit()));
            assert!(words.insert(rule.id) && words.insert(rule.name), "{} {}", rule.id, rule.name);
        }
    }
}
