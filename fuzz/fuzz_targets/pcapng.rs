//! Any bytes behind a pcapng section header are read to an end, and no packet is longer than the file.

#![no_main]

#[path = "file.rs"]
mod file;

use libfuzzer_sys::fuzz_target;
use tcpscope::source::{FileOptions, Files, Next, Source};

/// A section header block, little-endian, of unknown length, and an Ethernet interface.
const HEAD: [u8; 48] = [
    0x0a, 0x0d, 0x0d, 0x0a, 28, 0, 0, 0, 0x4d, 0x3c, 0x2b, 0x1a, 1, 0, 0, 0, //
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 28, 0, 0, 0, //
    1, 0, 0, 0, 20, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 20, 0, 0, 0,
];

fuzz_target!(|rest: &[u8]| {
    let bytes = [&HEAD, rest].concat();
    let capture = file::holding(&bytes);
    let mut files = Files::open([capture.path()], &FileOptions::default()).expect("no filter to be wrong");
    let mut packets = 0;
    while let Ok(Next::Packet(packet)) = files.next() {
        packets += 1;
        assert_eq!(packet.number, packets);
        assert!(packet.data.len() <= bytes.len());
    }
    assert!(packets as usize <= bytes.len());
});
