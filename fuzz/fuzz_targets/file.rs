//! A file in memory: sources are opened by path.

use std::fs::File;
use std::io::Write;
use std::os::fd::AsRawFd;

/// A file that is gone when dropped.
pub struct Capture(File);

/// One with these bytes.
pub fn holding(bytes: &[u8]) -> Capture {
    let mut file = File::from(rustix::fs::memfd_create("capture", rustix::fs::MemfdFlags::CLOEXEC).expect("Linux"));
    file.write_all(bytes).expect("memory takes all");
    Capture(file)
}

impl Capture {
    /// Where it can be opened, from its beginning.
    pub fn path(&self) -> String {
        format!("/proc/self/fd/{}", self.0.as_raw_fd())
    }
}
