//! Event to finding: all that tcpscope can say is in this folder.

mod finding;

pub use finding::{Finding, Severity};
