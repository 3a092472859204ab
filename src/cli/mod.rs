//! The program: arguments, exit codes and messages. The only layer that knows the terminal and the environment.

mod args;
mod check;
mod diff;
mod failure;
mod kernel;
mod meta;
mod place;
mod read;
mod rules;
mod screen;
mod show;
mod watch;

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{CommandFactory, FromArgMatches};

use args::{Cli, Command};
pub use failure::Usage;

/// Does what the arguments say; the first one is the program's name.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let words = with_read(args.into_iter().collect());
    let parsed = command().try_get_matches_from(&words).and_then(|matches| Cli::from_arg_matches(&matches));
    let cli = match parsed {
        Ok(cli) => cli,
        Err(error) => {
            // Nobody left to tell when this fails: the reader of help or of errors has gone.
            let _ = error.print();
            if error.kind() == ErrorKind::InvalidSubcommand {
                hint_read(&words);
            }
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    let done = match cli.command {
        Command::Read(args) => read::run(&args),
        Command::Show(args) => show::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Diff(args) => diff::run(&args),
        Command::Rules(args) => rules::list(&args),
        Command::Explain(args) => rules::explain(&args),
        Command::Schema { of } => meta::schema(of),
        Command::Completions { shell } => meta::completions(shell),
        Command::Man { command } => meta::man(command.as_deref()),
    };
    ExitCode::from(done.unwrap_or_else(|error| failure::tell(&error)))
}

/// A file in the place of a command: what was meant is likely.
fn hint_read(words: &[OsString]) {
    if let Some(file) = words.get(1).filter(|word| Path::new(word).is_file()) {
        failure::say("hint", &format!("to analyze a capture: tcpscope read {}", file.to_string_lossy()));
    }
}

/// The arguments' definition, with the version of libpcap.
fn command() -> clap::Command {
    let libpcap = crate::source::libpcap_version().unwrap_or_else(|| "none".into());
    Cli::command().long_version(format!("{}\nlibpcap {libpcap}", env!("CARGO_PKG_VERSION")))
}

/// `tcpscope -r FILE` means `tcpscope read FILE`, wherever `-r` stands among the flags.
fn with_read(mut args: Vec<OsString>) -> Vec<OsString> {
    let starts = |arg: &OsString, what: &str| arg.as_encoded_bytes().starts_with(what.as_bytes());
    let flag_first = args.get(1).is_some_and(|arg| starts(arg, "-"));
    if flag_first && args.iter().any(|arg| starts(arg, "-r")) {
        args.insert(1, "read".into());
    }
    args
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        command().debug_assert();
    }

    #[test]
    fn tcpdumps_way_to_name_a_file_works() {
        let words = |line: &str| with_read(line.split(' ').map(OsString::from).collect());
        assert_eq!(words("tcpscope -c 5 -r f"), ["tcpscope", "read", "-c", "5", "-r", "f"]);
        assert_eq!(words("tcpscope -rf"), ["tcpscope", "read", "-rf"]);
        assert_eq!(words("tcpscope read -r f"), ["tcpscope", "read", "-r", "f"]);
        assert_eq!(words("tcpscope --help"), ["tcpscope", "--help"]);
    }
}
