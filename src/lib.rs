//! What did my TCP connections do, which rule did they break, and where is the proof?

#[cfg(feature = "cli")]
pub mod cli;
pub mod config;
pub mod decode;
pub mod engine;
pub mod error;
pub mod output;
pub mod report;
pub mod rules;
pub mod source;
pub mod tcp;
pub mod track;
