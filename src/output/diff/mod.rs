//! A difference to bytes: text for people, JSON for programs.

mod json;
mod text;

pub use json::{schema as diff_schema, write as diff_json};
pub use text::write as diff_text;

use crate::check::Difference;

/// A difference, and what was compared.
#[derive(Clone, Copy, Debug)]
pub struct Compared<'a> {
    /// The capture from before.
    pub a: &'a str,
    /// The capture from after.
    pub b: &'a str,
    /// What changed.
    pub difference: &'a Difference,
    /// The share by which figures may differ.
    pub share: f64,
}
