//! What the program says about itself: schema, completions, manual.

use clap_complete::Shell;

use super::args::SchemaOf;
use super::command;
use super::failure::Usage;
use super::place::Place;
use crate::output;

/// Prints the JSON Schema of the JSON output.
pub fn schema(of: SchemaOf) -> anyhow::Result<u8> {
    let text = match of {
        SchemaOf::Read => output::schema(),
        SchemaOf::Check => output::check_schema(),
        SchemaOf::Diff => output::diff_schema(),
    };
    print(text.as_bytes())
}

/// Prints a completion script.
pub fn completions(shell: Shell) -> anyhow::Result<u8> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command(), env!("CARGO_PKG_NAME"), &mut script);
    print(&script)
}

/// Prints the manual page of the program, or of one command.
pub fn man(name: Option<&str>) -> anyhow::Result<u8> {
    let mut whole = command();
    whole.build();
    let page = match name {
        None => whole,
        Some(name) => whole
            .find_subcommand(name)
            .cloned()
            .ok_or_else(|| Usage::new(format!("there is no command {name:?}"), "see `tcpscope --help`"))?,
    };
    let mut text = Vec::new();
    clap_mangen::Man::new(page).render(&mut text)?;
    print(&text)
}

fn print(bytes: &[u8]) -> anyhow::Result<u8> {
    Place::Stdout.write(|out| out.write_all(bytes))?;
    Ok(0)
}
