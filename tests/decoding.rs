//! Our segments against tshark's TCP packets, on every shared capture, by the decoder alone.

use std::collections::BTreeMap;
use std::path::Path;

use tcpscope::config::DecodeConfig;
use tcpscope::decode::Decoder;
use tcpscope::source::{FileOptions, Files, Next, Source};

use crate::support::captures::list;
use crate::support::known::{against_known, no_complaints};
use crate::support::shared::shared;

#[test]
fn segments_are_tsharks_tcp_packets_or_the_reason_is_known() {
    let Some(folder) = shared("decoding").map(|s| s.join("captures")) else { return };
    let mut found = BTreeMap::new();
    for listed in list(&folder) {
        let ours = segments(&folder.join(&listed.file));
        found.extend(listed.difference(ours));
    }
    no_complaints("decoding (ours, tshark's)", &against_known("tcp_packets", &found));
}

/// Segments in a file; the short way for common packets must not show.
fn segments(path: &Path) -> u64 {
    let mut files = Files::open([path], &FileOptions::default()).expect("no filter to be wrong");
    let mut decoder = Decoder::new(DecodeConfig::default());
    let mut plain = Decoder::new(DecodeConfig::default());
    let mut segments = 0;
    while let Ok(Next::Packet(packet)) = files.next() {
        let decoded = decoder.decode(&packet);
        assert_eq!(decoded, plain.decode_by_layers(&packet), "{} of {}", packet.number, path.display());
        segments += u64::from(decoded.is_ok());
    }
    segments
}
