//! Lists of known differences: every difference found must be listed, and every one listed must be found.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// Compares what was found with `tests/known/<name>.tsv` (key columns, then the reason, tab-separated).
///
/// Gives the complaints: differences not listed, entries that are stale, entries without a reason.
pub fn against_known(name: &str, found: &BTreeMap<String, String>) -> Vec<String> {
    let (listed, mut complaints) = listed(name);
    let stale = listed.keys().filter(|k| !found.contains_key(*k));
    complaints.extend(stale.map(|k| format!("{name}.tsv is stale, no difference any more: {k}")));
    let new = found.iter().filter(|(k, _)| !listed.contains_key(*k));
    complaints.extend(new.map(|(k, what)| format!("difference: {k}\t{what}")));
    complaints
}

/// How many of the differences found are ours; a listed reason `truth: ...` says that the other side is at fault.
pub fn faults(name: &str, found: &BTreeMap<String, String>) -> usize {
    let (listed, _) = listed(name);
    found.keys().filter(|k| !listed.get(*k).is_some_and(|reason| reason.starts_with("truth: "))).count()
}

/// Fails with every complaint on its own line.
pub fn no_complaints(title: &str, complaints: &[String]) {
    assert!(complaints.is_empty(), "{title}: {} complaints\n{}", complaints.len(), complaints.join("\n"));
}

/// Key and reason of every entry, and what is wrong with the list itself.
fn listed(name: &str) -> (BTreeMap<String, String>, Vec<String>) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/known").join(format!("{name}.tsv"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let (mut listed, mut complaints) = (BTreeMap::new(), Vec::new());
    for line in text.lines().filter(|l| !l.trim().is_empty() && !l.starts_with('#')) {
        match line.rsplit_once('\t') {
            Some((key, reason)) if !reason.trim().is_empty() => {
                if listed.insert(key.to_string(), reason.to_string()).is_some() {
                    complaints.push(format!("{name}.tsv lists twice: {key}"));
                }
            }
            _ => complaints.push(format!("{name}.tsv gives no reason: {line}")),
        }
    }
    (listed, complaints)
}
