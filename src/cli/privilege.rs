//! What the program may do, given up once everything is open: user, capabilities, and the file system.
//!
//! All three are a thread's own on Linux, so this comes before the first thread is started.

use std::env;
use std::fmt;
use std::fs::File;
use std::io;
use std::os::fd::BorrowedFd;
use std::path::PathBuf;

use rustix::fs::fchown;
use rustix::process::{Gid, Uid, geteuid};

/// Who to become.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct User {
    uid: Uid,
    gid: Gid,
}

impl User {
    /// Whoever called sudo, or nobody; `None` where this is not root and stays who it is.
    pub fn to_become() -> Option<Self> {
        geteuid().is_root().then(|| Self::of(number("SUDO_UID"), number("SUDO_GID")))
    }

    fn of(uid: Option<u32>, gid: Option<u32>) -> Self {
        let other_than_root = |id: Option<u32>| id.filter(|id| *id != 0).unwrap_or(NOBODY);
        Self { uid: Uid::from_raw(other_than_root(uid)), gid: Gid::from_raw(other_than_root(gid)) }
    }

    /// Makes the user the owner of files that were created for it.
    pub fn give<'a>(self, files: impl Iterator<Item = BorrowedFd<'a>>) -> io::Result<()> {
        for file in files {
            fchown(file, Some(self.uid), Some(self.gid))?;
        }
        Ok(())
    }
}

fn number(name: &str) -> Option<u32> {
    env::var(name).ok()?.parse().ok()
}

/// What is left of the program's rights.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Left {
    uid: u32,
    /// Whether a file could still be opened.
    files: Files,
}

/// Whether the file system can be reached.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Files {
    /// It cannot.
    Closed,
    /// It can, as far as the user may: the kernel has no Landlock.
    Open,
}

impl fmt::Display for Left {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let files = match self.files {
            Files::Closed => "the file system is closed",
            Files::Open => "the file system stays open (this kernel has no Landlock)",
        };
        write!(f, "running as uid {} without capabilities; {files}", self.uid)
    }
}

/// Gives everything up but reading below `readable`.
///
/// # Errors
/// The system's, where something cannot be given up that is there.
#[cfg(target_os = "linux")]
pub fn give_up(user: Option<User>, readable: &[PathBuf]) -> io::Result<Left> {
    use caps::CapSet;
    let other = |e: caps::errors::CapsError| io::Error::other(e.to_string());
    if let Some(user) = user {
        // What is dropped here can never come back; only root may do it.
        caps::clear(None, CapSet::Bounding).map_err(other)?;
        rustix::thread::set_thread_groups(&[])?;
        rustix::thread::set_thread_res_gid(user.gid, user.gid, user.gid)?;
        rustix::thread::set_thread_res_uid(user.uid, user.uid, user.uid)?;
    }
    for set in [CapSet::Ambient, CapSet::Inheritable, CapSet::Effective, CapSet::Permitted] {
        caps::clear(None, set).map_err(other)?;
    }
    close_files(readable).map_err(|e| io::Error::other(e.to_string()))?;
    let files = match File::open("/") {
        Err(e) if e.kind() == io::ErrorKind::PermissionDenied => Files::Closed,
        _ => Files::Open,
    };
    Ok(Left { uid: geteuid().as_raw(), files })
}

/// Elsewhere only the user changes.
///
/// # Errors
/// None.
#[cfg(not(target_os = "linux"))]
pub fn give_up(_: Option<User>, _: &[PathBuf]) -> io::Result<Left> {
    Ok(Left { uid: geteuid().as_raw(), files: Files::Open })
}

/// As much as the kernel knows of Landlock; it also keeps the program from ever getting new rights.
#[cfg(target_os = "linux")]
fn close_files(readable: &[PathBuf]) -> Result<(), landlock::RulesetError> {
    use landlock::{
        ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, PathBeneath, PathFd, Ruleset, RulesetAttr,
        RulesetCreatedAttr,
    };
    let abi = ABI::V5;
    let mut rules = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(abi))?
        .handle_access(AccessNet::from_all(abi))?
        .create()?;
    for path in readable {
        if let Ok(folder) = PathFd::new(path) {
            rules = rules.add_rule(PathBeneath::new(folder, AccessFs::ReadFile | AccessFs::ReadDir))?;
        }
    }
    rules.restrict_self().map(drop)
}

/// What libpcap reads again and again to know what interfaces dropped: it takes a file it cannot open for a zero.
pub fn counters_of(interfaces: &[String]) -> Vec<PathBuf> {
    let folder = |name: &String| PathBuf::from("/sys/class/net").join(name).join("statistics");
    interfaces.iter().filter(|name| !name.contains('/')).map(folder).collect()
}

/// The user nobody, and its group, on Linux (Documentation/admin-guide/sysctl/fs.rst, overflowuid).
const NOBODY: u32 = 65_534;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_is_never_what_one_becomes() {
        let raw = |user: User| (user.uid.as_raw(), user.gid.as_raw());
        assert_eq!(raw(User::of(Some(1000), Some(100))), (1000, 100));
        assert_eq!(raw(User::of(Some(0), None)), (NOBODY, NOBODY));
        assert_eq!(raw(User::of(None, None)), (NOBODY, NOBODY));
    }
}
