//! `Header`: what one segment's header showed, small enough to go with every fact.

use crate::tcp::{Flags, HeaderFaults, OptionFaults, Segment, SeqNumber};

/// The parts of a header that tell one sender's stack or tool from another's.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Header {
    /// Sequence number.
    pub seq: SeqNumber,
    /// Acknowledgment number.
    pub ack: SeqNumber,
    /// Digest of the option kinds; that of none where there are none.
    pub layout: u32,
    /// Timestamp; 0 without one.
    pub tsval: u32,
    /// Control bits.
    pub flags: Flags,
    /// Window as in the header.
    pub window: u16,
    /// Urgent pointer.
    pub urgent: u16,
    /// Payload bytes; 65,535 stands for more too.
    pub payload_len: u16,
    /// Maximum segment size; 0 without the option.
    pub mss: u16,
    /// IPv4 identification; 0 where there is none.
    pub ip_id: u16,
    /// Time to live, or hop limit.
    pub ttl: u8,
    /// Window scale; 255 without the option.
    pub scale: u8,
    /// The capture cut it: an option that is not here may have been there.
    pub is_cut: bool,
}

impl Header {
    /// The header of a segment.
    #[inline]
    pub fn of(s: &Segment) -> Self {
        Self {
            seq: s.seq,
            ack: s.ack,
            layout: s.options.layout,
            tsval: s.options.timestamps.map_or(0, |t| t.value),
            flags: s.flags,
            window: s.window,
            urgent: s.urgent,
            payload_len: u16::try_from(s.payload_len).unwrap_or(u16::MAX),
            mss: s.options.mss.unwrap_or(0),
            ip_id: s.ip.id.unwrap_or(0),
            ttl: s.ip.ttl,
            scale: s.options.window_scale.unwrap_or(255),
            is_cut: s.options.faults.any(OptionFaults::CUT) || s.faults.any(HeaderFaults::CUT),
        }
    }

    /// SYN without ACK, and nothing that forbids it to open a connection.
    #[inline]
    pub fn is_syn(&self) -> bool {
        self.flags.syn() && !self.flags.any(Flags::ACK | Flags::RST | Flags::FIN)
    }
}
