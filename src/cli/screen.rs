//! What the terminal can show: colours and width, from its own answers and the usual environment variables.

use std::env;

use super::args::When;
use crate::output::{Color, Layout};

/// Whether to colour: the flag first, then `NO_COLOR`, `CLICOLOR_FORCE`, `CLICOLOR=0` and `TERM=dumb`, then the terminal.
pub fn color(when: When, terminal: Terminal) -> Color {
    let set = |name: &str| env::var_os(name).is_some_and(|value| !value.is_empty());
    let is = |name: &str, value: &str| env::var_os(name).is_some_and(|v| v == value);
    let yes = match when {
        When::Always => true,
        When::Never => false,
        When::Auto if set("NO_COLOR") => false,
        When::Auto if set("CLICOLOR_FORCE") && !is("CLICOLOR_FORCE", "0") => true,
        When::Auto => terminal == Terminal::Yes && !is("CLICOLOR", "0") && !is("TERM", "dumb"),
    };
    if yes { Color::Always } else { Color::Never }
}

/// Columns of text in a line.
pub fn width(terminal: Terminal) -> u16 {
    match terminal {
        Terminal::Yes => comfy_table::Table::new().width().unwrap_or(Layout::FIXED_WIDTH).max(MIN_WIDTH),
        Terminal::No => Layout::FIXED_WIDTH,
    }
}

/// Whether a person watches.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Terminal {
    /// Output goes to a terminal.
    Yes,
    /// Output goes to a file or a program.
    No,
}

impl From<bool> for Terminal {
    fn from(yes: bool) -> Self {
        if yes { Self::Yes } else { Self::No }
    }
}

/// Below this, wrapping helps nobody.
const MIN_WIDTH: u16 = 60;
