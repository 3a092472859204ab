//! The one test program; each module says what it holds the library or the program to.

mod attacks;
mod check;
mod check_reports;
mod cli;
mod decoding;
mod differences;
mod explain;
mod golden;
mod kernel;
mod layers;
mod properties;
mod readers;
mod readme;
mod reports;
mod rules;
mod rules_capture;
mod scans;
mod show;
mod support;
mod time_wait;
mod transcripts;
mod transformations;
mod tshark;
mod vectors;
mod wanted;
mod zeek;
