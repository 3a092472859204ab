//! The program: arguments, exit codes and messages. The only layer that knows the terminal and the environment.

mod args;
mod check;
mod diff;
mod failure;
mod interfaces;
mod kernel;
mod live;
mod meta;
mod order;
mod place;
mod privilege;
mod read;
mod rules;
mod screen;
mod show;
mod signals;
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
    let words = with_command(args.into_iter().collect());
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
        Command::Live(args) => live::run(&args),
        Command::Interfaces(args) => interfaces::run(&args),
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
    // A negative number is a wrong value, and said to be one; otherwise it would be taken for a flag.
    let command = Cli::command().mut_subcommands(|c| c.allow_negative_numbers(true));
    command.long_version(format!("{}\nlibpcap {libpcap}", env!("CARGO_PKG_VERSION")))
}

/// `tcpscope -r FILE` means `tcpscope read FILE`, wherever `-r` stands among the flags; so do `-i` and `live`, `-D` and
/// `interfaces`.
fn with_command(mut args: Vec<OsString>) -> Vec<OsString> {
    let starts = |arg: &OsString, what: &str| arg.as_encoded_bytes().starts_with(what.as_bytes());
    let flag_first = args.get(1).is_some_and(|arg| starts(arg, "-"));
    let meant = |flag: &str| args.iter().skip(1).any(|arg| starts(arg, flag));
    if !flag_first {
        return args;
    }
    if meant("-r") {
        args.insert(1, "read".into());
    } else if meant("-i") {
        args.insert(1, "live".into());
    } else if args.get(1).is_some_and(|arg| arg == "-D") {
        args[1] = "interfaces".into();
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
        let words = |line: &str| with_command(line.split(' ').map(OsString::from).collect());
        assert_eq!(words("tcpscope -c 5 -r f"), ["tcpscope", "read", "-c", "5", "-r", "f"]);
        assert_eq!(words("tcpscope -rf"), ["tcpscope", "read", "-rf"]);
        assert_eq!(words("tcpscope read -r f"), ["tcpscope", "read", "-r", "f"]);
        assert_eq!(words("tcpscope -p -i lo"), ["tcpscope", "live", "-p", "-i", "lo"]);
        assert_eq!(words("tcpscope -ilo"), ["tcpscope", "live", "-ilo"]);
        assert_eq!(words("tcpscope -D --json"), ["tcpscope", "interfaces", "--json"]);
        assert_eq!(words("tcpscope --help"), ["tcpscope", "--help"]);
    }
}
