//! The program: arguments in, exit code out.

use std::process::ExitCode;

fn main() -> ExitCode {
    tcpscope::cli::main(std::env::args_os())
}
