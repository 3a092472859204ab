//! `Walk`: how likely it is that a source scans, by what came of its first contacts, one after the other.
//!
//! Threshold random walk of Jung, Paxson, Berger and Balakrishnan (IEEE S&P 2004): of a scanner's first contacts 20 %
//! succeed, of others' 80 %; each outcome multiplies the likelihood ratio by 4 or divides it by 4.

use super::contact::{Contact, Outcome};

/// The state of one source.
#[derive(Debug, Default)]
pub(super) struct Walk {
    /// Failures less successes: the ratio's logarithm to the base 4.
    steps: i32,
    /// The latest verdict.
    suspicious: bool,
    /// First contacts that failed.
    pub failures: u64,
    /// First contacts that were answered and used.
    pub successes: u64,
    early: Early,
}

/// The first failures, until there are enough to be looked at. Most sources of failures have one, which needs no list.
#[derive(Debug, Default)]
struct Early {
    first: Option<Contact>,
    others: Vec<Contact>,
}

impl Walk {
    /// Steps up to a verdict: 4^4 > 99, 4^3 < 99 (false alarms 1 %, misses 1 %).
    const VERDICT: i32 = 4;
    /// Failures that are only remembered: no walk is up that soon.
    const EARLY: u64 = 3;

    /// One more first contact.
    pub fn add(&mut self, outcome: Outcome) {
        let failed = outcome.is_failure();
        self.failures += u64::from(failed);
        self.successes += u64::from(!failed);
        self.steps += if failed { 1 } else { -1 };
        if self.steps.abs() >= Self::VERDICT {
            self.suspicious = self.steps > 0;
            self.steps = 0;
        }
    }

    /// Whether this failure, which was added last, is one of the first few: they are remembered.
    pub fn is_early(&mut self, failure: &Contact) -> bool {
        let is_early = self.failures <= Self::EARLY;
        match &mut self.early {
            _ if !is_early => {}
            Early { first, .. } if first.is_none() => *first = Some(*failure),
            Early { others, .. } => others.push(*failure),
        }
        is_early
    }

    /// The first failures, once.
    pub fn take_early(&mut self) -> impl Iterator<Item = Contact> + use<> {
        let Early { first, others } = std::mem::take(&mut self.early);
        first.into_iter().chain(others)
    }

    /// Whether the latest verdict was that it scans.
    pub fn is_suspicious(&self) -> bool {
        self.suspicious
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_failures_make_a_suspect_and_four_successes_clear_him() {
        let mut walk = Walk::default();
        (0..3).for_each(|_| walk.add(Outcome::Silent));
        walk.add(Outcome::Used);
        (0..2).for_each(|_| walk.add(Outcome::Refused));
        assert!(walk.is_suspicious());
        (0..4).for_each(|_| walk.add(Outcome::Used));
        assert!(!walk.is_suspicious());
        assert_eq!((walk.failures, walk.successes), (5, 5));
    }
}
