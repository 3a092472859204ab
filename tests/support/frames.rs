//! `Frame`: one packet of a test, before it goes into a source.

use tcpscope::source::{LinkType, Memory};
use tcpscope::tcp::Timestamp;

/// One packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    pub time: Timestamp,
    pub link: LinkType,
    pub bytes: Vec<u8>,
}

/// A source that gives the frames in order, numbered from 1.
pub fn source(frames: Vec<Frame>) -> Memory {
    Memory::new(frames.into_iter().map(|f| (f.time, f.link, f.bytes.len() as u32, f.bytes)))
}
