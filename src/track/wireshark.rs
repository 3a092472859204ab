//! Wireshark's `tcp.completeness`: which kinds of segments of a conversation were captured.
//!
//! Its rule is not "was there such a segment" (all of this was checked against the two passes of tshark 4.0): an ACK with
//! payload counts as payload only, a SYN counts only as the first segment, a FIN only with ACK; and of a segment that
//! stays alone, nothing but a SYN counts.

use super::packed::{Plain, Small};
use crate::tcp::{Flags, Segment};

/// The bits: 1 SYN, 2 SYN+ACK, 4 ACK, 8 data, 16 FIN, 32 RST.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Completeness {
    bits: u8,
    /// What the first segment shows once there is another one.
    first: Option<u8>,
}

impl Completeness {
    /// The bits so far.
    pub fn bits(self) -> u8 {
        self.bits
    }

    /// Adds what the segment shows.
    pub fn on_segment(&mut self, s: &Segment) {
        let shown = shown(s);
        if let Some(first) = self.first {
            self.bits |= first | shown;
            return;
        }
        self.first = Some(shown);
        if s.flags.syn() && !s.flags.ack() {
            self.bits = 1 | data(s);
        }
    }
}

/// The bits of a segment that is not the first.
fn shown(s: &Segment) -> u8 {
    let kind = match (s.flags.syn(), s.flags.ack()) {
        (true, true) => 2,
        (false, true) if s.payload_len > 0 => data(s),
        (false, true) => 4,
        _ => 0,
    };
    let fin = u8::from(s.flags.has(Flags::FIN | Flags::ACK));
    kind | fin << 4 | u8::from(s.flags.rst()) << 5
}

fn data(s: &Segment) -> u8 {
    u8::from(s.payload_len > 0) << 3
}

impl Plain for Completeness {
    fn plain() -> Self {
        Self::default()
    }
}

impl Small for Completeness {
    const BITS: u32 = 17;

    fn small(&self) -> u64 {
        let Self { bits, first } = self;
        (*bits, *first).small()
    }

    fn of_small(bits: u64) -> Self {
        let (bits, first) = Small::of_small(bits);
        Self { bits, first }
    }
}
