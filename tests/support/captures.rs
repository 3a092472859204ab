//! Capture files through the library, the shared ones once for all tests.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use serde_json::Value;
use tcpscope::config::{ChecksumPolicy, Config};
use tcpscope::error::Error;
use tcpscope::source::{FileOptions, Files};
use tcpscope::tcp::Endpoint;
use tcpscope::track::{Record, Role};

use super::run::Seen;
use super::shared::shared;

/// One row of the shared list of captures.
pub struct Listed {
    pub file: String,
    pub tcp_packets: u64,
    /// `ok`, or what libpcap said.
    pub libpcap: String,
}

impl Listed {
    /// The entry of `known/tcp_packets.tsv` where tshark counted another number of TCP packets.
    pub fn difference(&self, ours: u64) -> Option<(String, String)> {
        let key = format!("{}\t{ours}\t{}", self.file, self.tcp_packets);
        (ours != self.tcp_packets).then(|| (key, "TCP packets".to_string()))
    }
}

/// One capture, analyzed with checksums ignored.
pub struct Analyzed {
    pub listed: Listed,
    /// The error where the file could not be opened.
    pub seen: Result<Seen, String>,
}

/// Every shared capture, by file name; analyzed once for all tests of the program.
pub fn all(test: &str) -> Option<&'static BTreeMap<String, Analyzed>> {
    static ALL: OnceLock<BTreeMap<String, Analyzed>> = OnceLock::new();
    let folder = shared(test)?.join("captures");
    Some(ALL.get_or_init(|| {
        let listed = list(&folder);
        assert!(listed.len() >= 860, "only {} captures listed", listed.len());
        let analyzed = listed.into_iter().map(|listed| {
            let seen = analyze(&folder.join(&listed.file), &Config::default()).map_err(|e| e.to_string());
            (listed.file.clone(), Analyzed { listed, seen })
        });
        analyzed.collect()
    }))
}

/// One file through the library.
///
/// # Errors
/// Where the file cannot be opened at all.
pub fn analyze(path: &Path, config: &Config) -> Result<Seen, Error> {
    let mut source = Files::open([path], &FileOptions::default())?;
    let mut seen = Seen::of(&mut source, config);
    match seen.failure.take() {
        Some(failure) => Err(failure),
        None => Ok(seen),
    }
}

/// A configuration that does with checksums what was asked.
pub fn with_checksums(policy: ChecksumPolicy) -> Config {
    let mut config = Config::default();
    config.track.checksum = policy;
    config
}

/// The rows of a gzipped file of JSON lines.
pub fn json_lines(path: &Path) -> Vec<Value> {
    let file = std::fs::File::open(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let mut text = String::new();
    flate2::read::MultiGzDecoder::new(file)
        .read_to_string(&mut text)
        .unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    text.lines()
        .map(|l| serde_json::from_str(l).unwrap_or_else(|e| panic!("{}: {e}: {l}", path.display())))
        .collect()
}

/// Both ends in a fixed order: what belongs together whoever is the client.
pub fn pair(x: Endpoint, y: Endpoint) -> (Endpoint, Endpoint) {
    (x.min(y), x.max(y))
}

/// The endpoints of a record in that order.
pub fn pair_of(record: &Record) -> (Endpoint, Endpoint) {
    pair(*record.endpoints.of(Role::Client), *record.endpoints.of(Role::Server))
}

/// The rows of the list of captures in that folder.
pub fn list(folder: &Path) -> Vec<Listed> {
    let path: PathBuf = folder.join("MANIFEST.tsv");
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let mut lines = text.lines();
    let heads: Vec<&str> = lines.next().unwrap_or_default().split('\t').collect();
    let column = |name: &str| heads.iter().position(|h| h.starts_with(name)).expect("a column of the list");
    let (file, packets, libpcap) = (column("file"), column("tcp_packets"), column("libpcap"));
    lines
        .map(|line| {
            let cells: Vec<&str> = line.split('\t').collect();
            Listed {
                file: cells[file].into(),
                tcp_packets: cells[packets].parse().unwrap_or_else(|_| panic!("{line}")),
                libpcap: cells[libpcap].into(),
            }
        })
        .collect()
}
