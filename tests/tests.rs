//! The one test program; each module says what it holds the library or the program to.

mod cli;
mod decoding;
mod explain;
mod golden;
mod kernel;
mod layers;
mod live;
mod properties;
mod readers;
mod readme;
mod reports;
mod rules;
mod rules_capture;
mod show;
mod support;
mod time_wait;
mod transcripts;
mod transformations;
mod tshark;
mod vectors;
mod zeek;
