//! Captures for benches, made while they are read: the same bytes for the same numbers, on any machine.

#![allow(dead_code, unused_imports, reason = "each bench uses its part")]

mod capture;
mod frame;
mod mix;

pub use capture::{Capture, Far};
