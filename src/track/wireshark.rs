//! Wireshark's `tcp.completeness`: which kinds of segments of a conversation were captured.
//!
//! Its rule is not "was there such a segment": the first segment of a conversation counts only as a SYN, an ACK with
//! payload counts as payload only, and a FIN without ACK does not count (checked against tshark 4.0).

use crate::tcp::{Flags, Segment};

/// The bits: 1 SYN, 2 SYN+ACK, 4 ACK, 8 data, 16 FIN, 32 RST.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Completeness {
    bits: u8,
    began: bool,
}

impl Completeness {
    /// The bits so far.
    pub fn bits(self) -> u8 {
        self.bits
    }

    /// Adds what the segment shows.
    pub fn on_segment(&mut self, s: &Segment) {
        let data = u8::from(s.payload_len > 0) << 3;
        let opening = s.flags.0 & Flags::SYN_ACK.0;
        let shown = if !std::mem::replace(&mut self.began, true) {
            if opening == Flags::SYN.0 { 1 | data } else { 0 }
        } else {
            let fin = s.flags.has(Flags::FIN | Flags::ACK);
            let kind = match (opening == Flags::SYN_ACK.0, opening == Flags::ACK.0) {
                (true, _) => 2,
                (_, true) if data > 0 => data,
                (_, true) => 4,
                _ => 0,
            };
            kind | u8::from(fin) << 4 | u8::from(s.flags.rst()) << 5
        };
        self.bits |= shown;
    }
}
