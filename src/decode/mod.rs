//! `Decoder`: a packet's bytes to a segment, or the reason why not. Pure but for the fragments it waits for; never panics.

mod skip;

pub use skip::Skip;

use crate::config::DecodeConfig;
use crate::source::Packet;
use crate::tcp::Segment;

/// Turns packets into segments, and keeps IP fragments until their datagram is whole.
#[derive(Debug)]
pub struct Decoder {
    config: DecodeConfig,
}

impl Decoder {
    /// A decoder with nothing pending.
    pub fn new(config: DecodeConfig) -> Self {
        Self { config }
    }

    /// What the packet says about a TCP connection.
    ///
    /// # Errors
    /// The reason why it gives no segment; the caller counts it.
    pub fn decode(&mut self, packet: &Packet<'_>) -> Result<Segment, Skip> {
        let _ = (packet, &self.config);
        Err(Skip::UnknownLinkType)
    }
}
