//! Event to finding: one list of all rules; all that tcpscope can say is in this folder.

mod attack;
mod clients;
mod counter;
mod doc;
mod draft;
mod finding;
mod half_open;
mod handshake;
mod header;
mod idle_many;
mod key;
mod lifetime;
mod listener;
mod lookup;
mod middlebox;
mod options;
mod registry;
mod sequence;
mod signatures;
mod teardown;
mod time_wait;
mod wide;
mod words;

pub use draft::Drafts;
pub use finding::{Finding, Series, Severity};
pub use lookup::{UnknownRule, edits, find};
pub use registry::{Check, Detail, Detector, Hearing, Judgement, Review, Rule, RuleSet, Scene, Seen};

/// Every family: its prefix and its rules, in the order of printing.
pub const FAMILIES: [(&str, &[Rule]); 9] = [
    ("HS", handshake::RULES),
    ("TD", teardown::RULES),
    ("TW", time_wait::RULES),
    ("SQ", sequence::RULES),
    ("FL", header::RULES),
    ("OP", options::RULES),
    ("HO", half_open::RULES),
    ("CN", lifetime::RULES),
    ("AT", attack::RULES),
];

/// Every rule, family by family.
pub fn rules() -> impl Iterator<Item = &'static Rule> {
    FAMILIES.into_iter().flat_map(|(_, rules)| rules)
}
