//! `Error`: why the job could not be done, and what to do about it. The input's content is never an error.

use std::path::PathBuf;

/// Why an analysis could not start or go on. The text says what failed; [`Error::hint`] says what to do next.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file cannot be opened or read.
    #[error("cannot read {path}: {cause}")]
    Unreadable {
        /// The file as the user named it; `-` is standard input.
        path: PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
    /// The file is no capture: a directory, empty, text, or an unknown format.
    #[error("{path} is not a capture: {why}")]
    NotACapture {
        /// The file as the user named it.
        path: PathBuf,
        /// What it seems to be instead.
        why: String,
    },
    /// The capture filter does not compile.
    #[error("wrong filter {filter:?}: {why}")]
    BadFilter {
        /// The filter as given.
        filter: String,
        /// What libpcap said, with the place.
        why: String,
    },
    /// The interface does not exist or cannot be opened.
    #[error("cannot capture on {interface}: {why}")]
    Interface {
        /// The interface as named.
        interface: String,
        /// What the system said.
        why: String,
    },
    /// The system does not let this user capture.
    #[error("not permitted to capture on {interface}: {why}")]
    NotPermitted {
        /// The interface as named.
        interface: String,
        /// What the system said.
        why: String,
    },
    /// Something could not be written.
    #[error("cannot write {what}: {cause}")]
    Unwritable {
        /// The file, or `standard output`.
        what: String,
        /// What the system said.
        cause: std::io::Error,
    },
}

impl Error {
    /// The next step for the person who reads the error.
    pub fn hint(&self) -> String {
        match self {
            Self::Unreadable { cause, .. } if cause.kind() == std::io::ErrorKind::NotFound => {
                "check the path; patterns such as *.pcap are expanded by the shell".into()
            }
            Self::Unreadable { cause, .. } if cause.kind() == std::io::ErrorKind::PermissionDenied => {
                "ask for read permission, or copy the file; reading a capture needs no root".into()
            }
            Self::Unreadable { .. } => "check that the file is complete and the disk readable".into(),
            Self::NotACapture { path, why } if path.as_os_str() == "-" && why == NOTHING_CAME => {
                "see what the program before the pipe says; it has to write packets, as `tcpdump -w -` does".into()
            }
            Self::NotACapture { .. } => {
                "give a pcap or pcapng file (gz, zst, lz4 or xz is fine), such as `tcpdump -w` or Wireshark write".into()
            }
            Self::BadFilter { .. } => "see `man pcap-filter`; an example: -f 'tcp port 443 and host 10.0.0.1'".into(),
            Self::Interface { why, interface } if why.contains("not up") => {
                format!("bring it up with `ip link set {interface} up`")
            }
            Self::Interface { .. } => "see what there is with `tcpscope interfaces`".into(),
            Self::NotPermitted { .. } => {
                "run `sudo tcpscope live IFACE`, or grant the program cap_net_raw; reading files needs no privilege".into()
            }
            Self::Unwritable { .. } => "check the path and the free space".into(),
        }
    }
}

/// Why standard input is no capture when nothing was written to it.
pub(crate) const NOTHING_CAME: &str = "nothing came";
