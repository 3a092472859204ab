//! AT: attacks. One file per kind; most look across connections, each with a bounded memory (tcp.md §5).

mod injection;

pub use injection::RULES;
