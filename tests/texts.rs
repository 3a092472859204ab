//! The sentences of findings: every finding of every transcript says what stands in `tests/known/texts.txt`;
//! `UPDATE_GOLDEN=1` rewrites it.

use crate::support::program::root;
use crate::support::run::Seen;
use crate::support::transcript::all;

#[test]
fn every_finding_of_a_transcript_says_what_it_is_known_to_say() {
    let texts: String = all()
        .iter()
        .flat_map(|t| Seen::of_frames(t.script.frames()).findings.into_iter().map(|f| (t.file.clone(), f)))
        .map(|(file, f)| {
            let variant = f.variant.map(|v| format!(" {v}")).unwrap_or_default();
            format!("{file}: {}{variant}, {}: {}\n", f.rule, f.severity.name(), f.message)
        })
        .collect();
    let known = root().join("tests/known/texts.txt");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&known, &texts).expect("the file can be written");
        return;
    }
    let before = std::fs::read_to_string(&known).unwrap_or_default();
    for (line, (old, new)) in before.lines().zip(texts.lines()).enumerate() {
        assert_eq!(new, old, "line {} of tests/known/texts.txt", line + 1);
    }
    assert_eq!(texts.lines().count(), before.lines().count(), "findings");
    assert!(!texts.contains("(s)") && !texts.contains("(es)"), "a number knows its word");
}
