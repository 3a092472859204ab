//! The one test program; its modules say what belongs where.

mod cli;
mod decoding;
mod readers;
