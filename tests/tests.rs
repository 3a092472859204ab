//! The one test program; its modules say what belongs where.

mod decoding;
mod readers;
