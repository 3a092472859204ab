//! `Wire`: the rest of a packet, as captured, with the length it had on the wire.

/// The bytes from one layer's header to the end of that layer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wire<'a> {
    /// What the capture kept; never more than `len`.
    pub data: &'a [u8],
    /// How long it was on the wire, as far as the layers outside say.
    pub len: usize,
}

impl<'a> Wire<'a> {
    /// A packet of `len` bytes of which `data` was kept; a length below what was kept is not believed.
    #[inline]
    pub fn new(data: &'a [u8], len: usize) -> Self {
        Self { data, len: len.max(data.len()) }
    }

    /// The rest after `n` bytes; empty when they reach beyond its end.
    #[inline]
    pub fn after(self, n: usize) -> Self {
        Self { data: self.data.get(n..).unwrap_or(&[]), len: self.len.saturating_sub(n) }
    }

    /// The first `n` bytes, or all where the wire had fewer: what lies behind is padding.
    #[inline]
    pub fn at_most(self, n: usize) -> Self {
        Self { data: self.data.get(..n).unwrap_or(self.data), len: n.min(self.len) }
    }

    /// Whether the capture kept less than the wire had.
    #[inline]
    pub fn is_cut(self) -> bool {
        self.data.len() < self.len
    }

    /// The `N` bytes at `offset`, if the capture has them.
    #[inline]
    pub fn array<const N: usize>(self, offset: usize) -> Option<[u8; N]> {
        self.data.get(offset..)?.first_chunk().copied()
    }

    /// The byte at `offset`.
    #[inline]
    pub fn u8(self, offset: usize) -> Option<u8> {
        self.data.get(offset).copied()
    }

    /// The 16 bits in network order at `offset`.
    #[inline]
    pub fn u16(self, offset: usize) -> Option<u16> {
        self.array(offset).map(u16::from_be_bytes)
    }

    /// The 32 bits in network order at `offset`.
    #[inline]
    pub fn u32(self, offset: usize) -> Option<u32> {
        self.array(offset).map(u32::from_be_bytes)
    }

    /// The 16 bits in little-endian order at `offset`.
    #[inline]
    pub fn u16_le(self, offset: usize) -> Option<u16> {
        self.array(offset).map(u16::from_le_bytes)
    }
}
