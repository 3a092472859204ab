//! What a rule says of itself: its documentation by heading, its first sentence, its scope.

use super::registry::{Check, Rule};

impl Rule {
    /// The headings of every rule's documentation, in their order (house style, section 3).
    pub const HEADINGS: [&'static str; 5] =
        ["What it reports", "Why it matters", "When it is normal", "Example", "Source"];

    /// The documentation by heading: paragraphs, each on one line, of text or of a list (`- `).
    pub fn sections(&self) -> Vec<(&'static str, Vec<String>)> {
        let mut sections: Vec<(&'static str, Vec<String>)> = Vec::new();
        let mut fresh = true;
        for line in self.doc.lines().map(str::trim) {
            if let Some(heading) = line.strip_prefix("## ") {
                sections.push((heading, Vec::new()));
                fresh = true;
            } else if line.is_empty() {
                fresh = true;
            } else if let Some((_, paragraphs)) = sections.last_mut() {
                match paragraphs.last_mut() {
                    Some(paragraph) if !fresh && !line.starts_with("- ") => {
                        paragraph.push(' ');
                        paragraph.push_str(line);
                    }
                    _ => paragraphs.push(line.into()),
                }
                fresh = false;
            }
        }
        sections
    }

    /// The first sentence of what it reports.
    pub fn summary(&self) -> String {
        let sections = self.sections();
        let paragraph = sections.first().and_then(|(_, paragraphs)| paragraphs.first());
        paragraph.map(|text| first_sentence(text).into()).unwrap_or_default()
    }

    /// What it looks at, as a word.
    pub fn scope(&self) -> &'static str {
        match self.check {
            Check::Connection(_) => "connection",
            Check::Capture(_) => "capture",
        }
    }
}

/// Up to the first full stop, question or exclamation mark before a blank and a capital.
fn first_sentence(text: &str) -> &str {
    let ends = text.match_indices(['.', '!', '?']).map(|(at, _)| at + 1);
    let is_end = |at: &usize| {
        let rest = text.get(*at..).unwrap_or_default();
        rest.strip_prefix(' ').is_some_and(|next| next.starts_with(|c: char| c.is_uppercase() || c == '`'))
    };
    let end = ends.into_iter().find(is_end).unwrap_or(text.len());
    text.get(..end).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_ends_before_a_capital_only() {
        assert_eq!(first_sentence("A SYN at 0.5 s, i.e. early. Twice."), "A SYN at 0.5 s, i.e. early.");
        assert_eq!(first_sentence("Only one"), "Only one");
    }

    #[test]
    fn every_rule_has_the_five_headings_with_text() {
        for rule in crate::rules::rules() {
            let sections = rule.sections();
            let headings: Vec<_> = sections.iter().map(|(heading, _)| *heading).collect();
            assert_eq!(headings, Rule::HEADINGS, "{}", rule.id);
            assert!(sections.iter().all(|(_, text)| !text.is_empty()), "{}", rule.id);
            assert!(rule.summary().ends_with('.'), "{}: {}", rule.id, rule.summary());
        }
    }
}
