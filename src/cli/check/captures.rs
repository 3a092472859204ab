//! Which captures are checked: those given, those of the policy, or all below a folder; in the order of their names.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::CheckArgs;
use super::policy::Home;
use super::shown;
use crate::check::{Capture, Policy};
use crate::cli::failure::Usage;
use crate::error::Error;

/// The captures of a run.
pub struct Found {
    /// Where each lies, and its names; in order of names.
    pub captures: Vec<(PathBuf, Capture)>,
    /// Whether these are all captures that the policy is about.
    pub whole: bool,
}

impl Found {
    /// Where they lie.
    pub fn paths(&self) -> Vec<PathBuf> {
        self.captures.iter().map(|(path, _)| path.clone()).collect()
    }
}

/// Looks for them.
pub fn find(args: &CheckArgs, home: &Home, policy: &Policy) -> anyhow::Result<Found> {
    let folder = if home.folder.as_os_str().is_empty() { Path::new(".") } else { &home.folder };
    if args.paths.is_empty() && !home.exists() && !args.init {
        let hint = "give captures or folders, or write a policy with `tcpscope check --init`";
        return Err(Usage::new("nothing to check: there is no tcpscope.toml here", hint).into());
    }
    let own = args.paths.is_empty() || args.paths.iter().any(|path| same(path, folder));
    let given: Vec<&Path> = match own && args.paths.len() <= 1 {
        true => vec![folder],
        false => args.paths.iter().map(PathBuf::as_path).collect(),
    };
    let mut found = BTreeMap::new();
    for path in given {
        for file in below(path)? {
            let capture = names(&file, path, folder);
            let listed = policy.captures.iter().any(|(pattern, _)| pattern.matches(&capture.relative));
            if !path.is_dir() || policy.captures.is_empty() && is_capture(&file) || listed {
                found.insert(capture, file);
            }
        }
    }
    let captures: Vec<_> = found.into_iter().map(|(capture, path)| (path, capture)).collect();
    match captures.is_empty() {
        true => Err(none(args, home, policy).into()),
        false => Ok(Found { captures, whole: own && home.exists() }),
    }
}

/// Patterns for a first policy that mean these captures.
pub fn patterns(found: &Found) -> Vec<String> {
    let flat = found.captures.iter().all(|(_, capture)| !capture.relative.contains('/'));
    let ending = |(_, capture): &(_, Capture)| {
        let name = capture.relative.rsplit('/').next().unwrap_or_default();
        let at = ENDINGS.iter().find_map(|ending| name.rfind(&format!(".{ending}")))?;
        Some(format!("{}*{}", if flat { "" } else { "**/" }, name.get(at..)?))
    };
    found.captures.iter().filter_map(ending).collect::<BTreeSet<_>>().into_iter().collect()
}

fn none(args: &CheckArgs, home: &Home, policy: &Policy) -> Usage {
    let patterns: Vec<_> =
        policy.captures.iter().map(|(pattern, _)| format!("{:?}", pattern.text())).collect();
    let paths: Vec<_> = args.paths.iter().map(|p| p.display().to_string()).collect();
    let place = if paths.is_empty() { "here".into() } else { format!("in {}", paths.join(", ")) };
    match patterns.is_empty() {
        false => Usage::new(
            format!("no capture matches {} of {}", patterns.join(", "), home.name),
            "patterns begin at the policy's folder; ** stands for any folders between",
        ),
        true => Usage::new(
            format!("there is no capture {place}"),
            format!("captures end in .{}, or in these and .{}", ENDINGS.join(", ."), COMPRESSED.join(", .")),
        ),
    }
}

fn names(file: &Path, given: &Path, folder: &Path) -> Capture {
    let name = shown(file, given);
    let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.into());
    let relative = absolute(file).strip_prefix(absolute(folder)).map(|inside| shown(inside, inside));
    Capture { relative: relative.unwrap_or_else(|_| name.clone()), name }
}

fn same(a: &Path, b: &Path) -> bool {
    a.is_dir() && a.canonicalize().is_ok_and(|a| b.canonicalize().is_ok_and(|b| a == b))
}

/// The file itself, or every file below the folder; links to folders are not followed, so there is an end.
fn below(path: &Path) -> Result<Vec<PathBuf>, Error> {
    if !path.is_dir() {
        return Ok(vec![path.into()]);
    }
    let mut files = Vec::new();
    let mut folders = vec![path.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let unreadable = |cause| Error::Unreadable { path: folder.clone(), cause };
        for entry in std::fs::read_dir(&folder).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            let kind = entry.file_type().map_err(unreadable)?;
            let hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
            match kind.is_dir() {
                true if !hidden => folders.push(entry.path()),
                true => {}
                false => files.push(entry.path()),
            }
        }
    }
    Ok(files)
}

fn is_capture(file: &Path) -> bool {
    let name = file.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    let plain =
        COMPRESSED.iter().find_map(|ending| name.strip_suffix(&format!(".{ending}"))).unwrap_or(&name);
    ENDINGS.iter().any(|ending| plain.ends_with(&format!(".{ending}")))
}

/// What captures end in.
const ENDINGS: [&str; 3] = ["pcap", "pcapng", "cap"];
/// And what compressed ones have behind that.
const COMPRESSED: [&str; 4] = ["gz", "zst", "lz4", "xz"];
