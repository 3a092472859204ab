//! `Pattern`: which captures are meant, such as `samples/**/*.pcap*`; `*` stays inside a folder, `**` does not.

use glob::MatchOptions;

/// A pattern of paths.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(glob::Pattern);

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// It is no pattern; where in bytes, and why.
    pub fn parse(text: &str) -> Result<Self, (usize, &'static str)> {
        glob::Pattern::new(text.trim_start_matches("./")).map(Self).map_err(|e| (e.pos, e.msg))
    }

    /// Whether a path with `/` between its parts is meant.
    pub fn matches(&self, path: &str) -> bool {
        self.0.matches_with(path, OPTIONS)
    }

    /// As it was written.
    pub fn text(&self) -> &str {
        self.0.as_str()
    }
}

const OPTIONS: MatchOptions = MatchOptions {
    case_sensitive: true,
    require_literal_separator: true,
    require_literal_leading_dot: false,
};
