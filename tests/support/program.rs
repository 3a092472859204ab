//! Runs the built program and keeps what it said.

use std::path::{Path, PathBuf};

use assert_cmd::Command;

/// What a run of the program left.
#[derive(Debug)]
pub struct Ran {
    /// `None` where a signal ended it.
    pub code: Option<i32>,
    pub stdout: Vec<u8>,
    pub stderr: String,
}

/// Runs `tcpscope` with these arguments from the project's root, without colour and without a terminal.
pub fn run<S: AsRef<std::ffi::OsStr>>(arguments: impl IntoIterator<Item = S>) -> Ran {
    run_with(arguments, &[])
}

/// The same with more in its environment.
pub fn run_with<S: AsRef<std::ffi::OsStr>>(
    arguments: impl IntoIterator<Item = S>,
    environment: &[(&str, &str)],
) -> Ran {
    run_at(root(), arguments, environment)
}

/// The same from a folder.
pub fn run_in<S: AsRef<std::ffi::OsStr>>(folder: &Path, arguments: impl IntoIterator<Item = S>) -> Ran {
    run_at(folder, arguments, &[])
}

fn run_at<S: AsRef<std::ffi::OsStr>>(
    folder: &Path,
    arguments: impl IntoIterator<Item = S>,
    environment: &[(&str, &str)],
) -> Ran {
    let mut command = Command::cargo_bin("tcpscope").expect("the program is built with the tests");
    let output = command
        .args(arguments)
        .current_dir(folder)
        .env("NO_COLOR", "1")
        .env_remove("CLICOLOR_FORCE")
        .env("TZ", "UTC")
        .env_remove("GITHUB_STEP_SUMMARY")
        .envs(environment.iter().copied())
        .timeout(std::time::Duration::from_secs(60))
        .output()
        .expect("the program starts");
    Ran {
        code: output.status.code(),
        stdout: output.stdout,
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// The project's root.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A folder for this test alone, below the build's own, empty.
pub fn scratch(test: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{test}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("the build folder can be written");
    folder
}
