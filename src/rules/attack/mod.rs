//! AT: rules about attacks, one file for each kind; and the machinery that they share (tcp.md §5).
//!
//! Every table is bounded, every hash that an output depends on has a fixed key, and an attack is one finding for each
//! episode, however many packets it takes.
#![allow(dead_code, reason = "the detectors come next")]

mod alarm;
mod episode;
mod seconds;
mod sketch;
