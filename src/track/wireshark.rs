//! Wireshark's `tcp.completeness`: which kinds of segments of a conversation were captured.

use crate::tcp::{Flags, Segment};

/// The bits: 1 SYN, 2 SYN+ACK, 4 ACK, 8 data, 16 FIN, 32 RST.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Completeness(pub u8);

impl Completeness {
    /// Adds what the segment shows. Any plain ACK sets the ACK bit, whether or not it ends a handshake.
    pub fn on_segment(&mut self, s: &Segment) {
        let opening = match s.flags.0 & Flags::SYN_ACK.0 {
            2 => 1,
            18 => 2,
            16 => 4,
            _ => 0,
        };
        self.0 |= opening;
        self.0 |= u8::from(s.payload_len > 0) << 3;
        self.0 |= u8::from(s.flags.fin()) << 4;
        self.0 |= u8::from(s.flags.rst()) << 5;
    }
}
