//! What goes wrong, told on standard error, and the exit code it ends in.

use std::env;
use std::io::{self, Write};

use crate::error::Error;

/// Findings at or above the level asked for.
pub const FINDINGS: u8 = 1;
/// Wrong arguments.
pub const USAGE: u8 = 2;
/// An input could not be read, or an output not written.
pub const INPUT: u8 = 3;
/// Not permitted, or no such interface.
pub const PERMISSION: u8 = 4;

/// Arguments that contradict each other, or name what does not exist.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Usage {
    /// What is wrong.
    pub message: String,
    /// Lines between the two that show the place; may be empty.
    pub shown: String,
    /// What to do about it.
    pub hint: String,
}

impl Usage {
    /// A message and its hint.
    pub fn new(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { message: message.into(), shown: String::new(), hint: hint.into() }
    }

    /// With lines that show the place.
    #[must_use]
    pub fn showing(mut self, lines: String) -> Self {
        self.shown = lines;
        self
    }
}

/// SIGINT or SIGTERM came before all was read, or a second SIGINT.
pub const INTERRUPTED: u8 = 130;

/// Prints the error and its hint; the exit code it deserves. A closed pipe is success, and silent.
pub fn tell(error: &anyhow::Error) -> u8 {
    if is_closed_pipe(error) {
        return 0;
    }
    say("error", &format!("{error:#}"));
    if let Some(usage) = error.downcast_ref::<Usage>() {
        show(&usage.shown);
    }
    hints(error).iter().for_each(|hint| say("hint", hint));
    code(error)
}

/// Prints `what: text` as one line on standard error.
pub fn say(what: &str, text: &str) {
    // Standard error may be closed; then there is nobody to tell.
    let _ = writeln!(io::stderr(), "{what}: {}", crate::output::escape(text));
}

/// Prints lines as they are, one by one, on standard error.
pub fn show(lines: &str) {
    for line in lines.lines() {
        let _ = writeln!(io::stderr(), "{}", crate::output::escape(line));
    }
}

fn hints(error: &anyhow::Error) -> Vec<String> {
    let usage = error.downcast_ref::<Usage>().map(|u| u.hint.clone());
    match error.downcast_ref::<Error>() {
        Some(Error::NotPermitted { interface, .. }) => permissions(interface),
        library => usage.or_else(|| library.map(Error::hint)).into_iter().filter(|h| !h.is_empty()).collect(),
    }
}

/// Every way to be permitted, the exact words to type.
fn permissions(interface: &str) -> Vec<String> {
    let program = env::current_exe().and_then(|path| path.canonicalize());
    let program = program.map_or_else(|_| "/path/to/tcpscope".into(), |path| path.display().to_string());
    vec![
        format!("sudo setcap cap_net_raw=eip {program}   (once; other capabilities are not needed)"),
        format!("sudo tcpscope live {interface}   (it gives root up as soon as the interface is open)"),
        format!("docker run --cap-add=NET_RAW ... tcpscope live {interface}   (in a container)"),
        "reading files needs no privilege: tcpscope read FILE".into(),
    ]
}

fn code(error: &anyhow::Error) -> u8 {
    match error.downcast_ref::<Error>() {
        Some(Error::BadFilter { .. }) => USAGE,
        Some(Error::Interface { .. } | Error::NotPermitted { .. }) => PERMISSION,
        Some(_) => INPUT,
        None if error.is::<Usage>() => USAGE,
        None => INPUT,
    }
}

fn is_closed_pipe(error: &anyhow::Error) -> bool {
    let io = match error.downcast_ref::<Error>() {
        Some(Error::Unwritable { cause, .. }) => Some(cause),
        _ => error.downcast_ref::<io::Error>(),
    };
    io.is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_of_the_interface() {
        let bad_filter = Error::BadFilter { filter: "x".into(), why: "y".into() };
        let unreadable = Error::Unreadable { path: "a".into(), cause: io::ErrorKind::NotFound.into() };
        assert_eq!(code(&bad_filter.into()), 2);
        assert_eq!(code(&unreadable.into()), 3);
        assert_eq!(code(&Usage::new("a", "b").into()), 2);
        let permission = Error::NotPermitted { interface: "eth0".into(), why: "no".into() };
        assert_eq!(code(&permission.into()), 4);
    }

    #[test]
    fn a_closed_pipe_is_success() {
        let pipe = || io::Error::from(io::ErrorKind::BrokenPipe);
        assert_eq!(tell(&pipe().into()), 0);
        assert_eq!(tell(&Error::Unwritable { what: "standard output".into(), cause: pipe() }.into()), 0);
    }
}
