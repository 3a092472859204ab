//! AT: rules about attacks, one file or folder for each kind; and the machinery that they share (tcp.md §5).
//!
//! Every table is bounded, every hash that an output depends on has a fixed key, and an attack is one finding for each
//! episode, however many packets it takes.

mod alarm;
mod catalogue;
mod episode;
mod exhaustion;
mod flood;
mod profile;
mod seconds;
mod sketch;
mod stray;

pub use catalogue::RULES;
pub(super) use flood::floods;
