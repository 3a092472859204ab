//! `Options`: what the option bytes of one TCP header say, without the bytes (RFC 9293 §3.2, RFC 7323, RFC 2018, RFC 7413).

use super::SeqNumber;

/// The options of one segment; a field is `None` or `false` when the option is absent or malformed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Options {
    /// Maximum segment size, bytes (kind 2).
    pub mss: Option<u16>,
    /// Window scale shift count as sent, 0 to 255; more than 14 counts as 14 (kind 3, RFC 7323 §2.3).
    pub window_scale: Option<u8>,
    /// SACK-permitted (kind 4).
    pub sack_permitted: bool,
    /// SACK blocks (kind 5).
    pub sack: SackBlocks,
    /// Timestamps (kind 8).
    pub timestamps: Option<Timestamps>,
    /// Length of a Fast Open cookie, 0 for a request (kind 34, or 254 with magic 0xF989; RFC 7413).
    pub fast_open: Option<u8>,
    /// Multipath TCP is present (kind 30, RFC 8684).
    pub mptcp: bool,
    /// An MD5 signature is present (kind 19, RFC 2385).
    pub md5: bool,
    /// TCP-AO is present (kind 29, RFC 5925).
    pub ao: bool,
    /// A 32-bit digest of the kinds in their order, NOPs included: one stack's layout has one value.
    pub layout: u32,
    /// What is wrong with the option bytes.
    pub faults: OptionFaults,
}

impl Options {
    /// The layout of these option kinds in this order (FNV-1a over kinds); no options at all have layout 0.
    pub const fn layout_of(kinds: &[u8]) -> u32 {
        let mut digest = 0x811c_9dc5;
        let mut i = 0;
        while i < kinds.len() {
            digest = (digest ^ kinds[i] as u32).wrapping_mul(0x0100_0193);
            i += 1;
        }
        if kinds.is_empty() { 0 } else { digest }
    }
}

/// TSval and TSecr (RFC 7323 §3.2).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Timestamps {
    /// The sender's clock.
    pub value: u32,
    /// The peer's clock, echoed.
    pub echo: u32,
}

/// Up to four SACK blocks, each from its left edge up to (not including) its right edge.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SackBlocks {
    blocks: [(SeqNumber, SeqNumber); 4],
    count: u8,
}

impl SackBlocks {
    /// Adds a block; a fifth is not possible in 40 option bytes and is left out.
    pub fn push(&mut self, left: SeqNumber, right: SeqNumber) {
        if let Some(slot) = self.blocks.get_mut(usize::from(self.count)) {
            *slot = (left, right);
            self.count += 1;
        }
    }

    /// The blocks in the order of the header.
    #[inline]
    pub fn as_slice(&self) -> &[(SeqNumber, SeqNumber)] {
        self.blocks.get(..usize::from(self.count)).unwrap_or(&[])
    }

    /// Whether there is none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }
}

/// Faults of the option bytes, one bit each; several may hold at once.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct OptionFaults(
    /// The bits named by the constants of this type.
    pub u8,
);

impl OptionFaults {
    /// An option's length is below 2 or runs past the header (RFC 9293 MUST-7).
    pub const BAD_LENGTH: Self = Self(1);
    /// An option of fixed length has another length.
    pub const WRONG_FIXED_LENGTH: Self = Self(2);
    /// Non-zero bytes after the end-of-options kind (RFC 9293 §3.1, MUST-69).
    pub const NONZERO_AFTER_END: Self = Self(4);
    /// The capture cut the packet inside the options: what follows is unknown, not absent.
    pub const CUT: Self = Self(8);

    /// Whether any bit of `other` is set.
    #[inline]
    pub fn any(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Sets the bits of `other`.
    #[inline]
    pub fn set(&mut self, other: Self) {
        self.0 |= other.0;
    }
}
