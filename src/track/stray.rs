//! A connection that begins with something else than a SYN: a pick-up in the middle, or a segment of nothing at all.

use super::connection::{Connection, Context};
use super::event::Fact;
use super::header::Header;
use super::packed::{Plain, Small, choices};
use crate::tcp::{Flags, Segment};

/// What a connection began with, other than a SYN.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StrayKind {
    /// A SYN+ACK.
    SynAck,
    /// A RST, or a FIN.
    Close,
    /// Anything else: an ACK, payload, no flags at all.
    Segment,
}

impl StrayKind {
    /// Of a first segment; `None` for a SYN.
    pub fn of(header: &Header) -> Option<Self> {
        let f = header.flags;
        match () {
            () if f.has(Flags::SYN | Flags::ACK) => Some(Self::SynAck),
            () if f.syn() => None,
            () if f.any(Flags::RST | Flags::FIN) => Some(Self::Close),
            () => Some(Self::Segment),
        }
    }
}

/// Whether anything followed that explains the first segment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Stray {
    /// It began with a SYN, or the other end has spoken.
    Explained,
    /// Only its first end spoke so far.
    Alone {
        kind: StrayKind,
        /// It said more than its SYN+ACK or RST again.
        goes_on: bool,
    },
    /// The other end has refused it with a RST.
    Refused { kind: StrayKind },
}

impl Stray {
    /// Of a connection's first segment.
    pub fn of(s: &Segment) -> Self {
        match StrayKind::of(&Header::of(s)) {
            Some(kind) => Self::Alone { kind, goes_on: false },
            None => Self::Explained,
        }
    }
}

impl Connection {
    /// Segments of the first end, where none of them carried payload, SYN or RST.
    fn bare_tries(&self) -> u32 {
        let flow = &self.ends[0].flow;
        let is_bare = flow.payload_bytes == 0 && flow.syn == 0 && flow.rst == 0;
        if is_bare { u32::try_from(flow.segments).unwrap_or(u32::MAX) } else { 0 }
    }

    /// A further segment tells what the first one was.
    pub(super) fn note_stray(&mut self, s: &Segment, e: usize, ctx: &mut Context<'_>) {
        let (kind, told) = match self.stray {
            Stray::Explained => return,
            Stray::Alone { kind, goes_on } => (kind, goes_on),
            Stray::Refused { kind } => (kind, true),
        };
        if self.id == s.packet {
            return;
        }
        let (by_receiver, reset) = (e != 0, s.flags.rst());
        if !by_receiver && (reset || s.flags.syn()) {
            return self.tell(ctx, e, Fact::StrayAgain { kind });
        }
        let is_refused = matches!(self.stray, Stray::Refused { .. });
        self.stray = match (by_receiver, reset) {
            (true, true) => Stray::Refused { kind },
            (true, false) => Stray::Explained,
            (false, _) if is_refused => return,
            (false, _) => Stray::Alone { kind, goes_on: true },
        };
        if !told || (by_receiver && !is_refused) {
            self.tell(ctx, e, Fact::StrayFollowed { kind, by_receiver, reset, tries: self.bare_tries() });
        }
    }
}

choices!(StrayKind in 2: SynAck Close Segment);

impl Plain for Stray {
    fn plain() -> Self {
        Self::Explained
    }
}

impl Small for Stray {
    const BITS: u32 = <Option<(StrayKind, Option<bool>)>>::BITS;

    fn small(&self) -> u64 {
        match *self {
            Self::Explained => None,
            Self::Alone { kind, goes_on } => Some((kind, Some(goes_on))),
            Self::Refused { kind } => Some((kind, None)),
        }
        .small()
    }

    fn of_small(bits: u64) -> Self {
        match <Option<(StrayKind, Option<bool>)>>::of_small(bits) {
            None => Self::Explained,
            Some((kind, Some(goes_on))) => Self::Alone { kind, goes_on },
            Some((kind, None)) => Self::Refused { kind },
        }
    }
}
