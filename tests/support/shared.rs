//! Where the truth lies: captures, kernel logs and vectors that are shared between projects and not part of this one.

use std::path::PathBuf;

/// The shared folder; `None`, and a loud line on stderr, when this machine has none.
pub fn shared(test: &str) -> Option<PathBuf> {
    let path = std::env::var_os(VARIABLE)
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
    // A worktree lies one folder deeper than the project itself.
    let found = [path.clone(), PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared")]
        .into_iter()
        .find(|p| p.join("design").is_dir());
    if found.is_none() {
        assert!(
            std::env::var_os(VARIABLE).is_none(),
            "{VARIABLE} names {}, which is not there",
            path.display()
        );
        eprintln!("SKIPPED {test}: no shared folder at {} (set {VARIABLE})", path.display());
    }
    found
}

const VARIABLE: &str = "TCPSCOPE_SHARED";
