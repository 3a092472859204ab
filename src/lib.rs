//! What did my TCP connections do, which rule did they break, and where is the proof?
//!
//! tcpscope rebuilds the TCP states of both endpoints from a capture taken between them, lets rules judge what
//! happened, and reports it. This is its library; the program of the same name is a thin layer over it.
//!
//! # Example
//!
//! ```
//! use tcpscope::report::{Bounds, Collector};
//! use tcpscope::source::{FileOptions, Files, Source};
//! use tcpscope::{config::Config, engine, tcp::State};
//!
//! let path = "samples/handshake-and-close.pcap";
//! let mut source = Files::open(&[path], &FileOptions::default())?;
//! let mut collector = Collector::new(Bounds::default());
//! let outcome = engine::analyze(&mut source, &Config::default(), &mut collector);
//! let report = collector.finish(source.inputs(), outcome.summary);
//! assert_eq!(report.connections[0].record.state.client, State::TimeWait);
//! # Ok::<(), tcpscope::error::Error>(())
//! ```
//!
//! To see connections as they end instead of a report at the end, write an [`engine::Sink`]; to feed packets from
//! elsewhere, a [`source::Source`], or use [`source::Memory`].
//!
//! # Map
//!
//! From low to high; each layer uses only those above it in this list, and a test holds them to it. ([`error`] is
//! for all.)
//!
//! 1. [`tcp`]: the words of RFC 9293: sequence numbers, flags, options, segments, states, times.
//! 2. [`config`]: what can be chosen, the thresholds and the bounds; each default with its origin.
//! 3. [`source`]: where packets come from: files, compressed or not, interfaces, and memory.
//! 4. [`decode`]: a packet's bytes to a segment, or the reason why not.
//! 5. [`track`]: segments to events: what happened to each connection, never whether it was right.
//! 6. [`rules`]: events to findings: one list of all rules.
//! 7. [`engine`]: runs an analysis over all threads; one [`engine::Sink`] is the only way out.
//! 8. [`report`]: what is kept of an analysis, and the columns a table can have.
//! 9. `check`: reports held against what was expected of them: policies, verdicts, differences.
//! 10. [`output`]: a report or a verdict to bytes: table, JSON, CSV, JUnit and the other formats.
//! 11. `tui`: the screen of a live capture.
//! 12. `cli`: the program: arguments, exit codes, messages.
//!
//! # Promises
//!
//! The same input gives the same output for any number of threads. The input is never an error: a broken packet is
//! skipped and counted. Memory is bounded, and what did not fit is counted too.
//!
//! # Features
//!
//! - `pcap` (default): capture filters and interfaces, through libpcap.
//! - `check` (default): policies, and the reports that systems for continuous integration read.
//! - `cli` (default; needs the two others): the program. Without it, the crate is the library alone.
//! - `tui` (default; needs `cli`): the screen of `tcpscope live`.
//!
//! With none of them, nothing needs libpcap, and files are read all the same.

#[cfg(feature = "check")]
pub mod check;
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
#[cfg(feature = "tui")]
pub mod tui;
