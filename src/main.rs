//! The program: arguments in, exit code out.

use std::process::ExitCode;

/// Connections come and go by the million: the system's allocator alone took a sixth of the time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    tcpscope::cli::main(std::env::args_os())
}
