//! `Offer`: what the SYNs of one end offered; and segments that depart from what both ends agreed on.
//!
//! Read RFC 7323 §2.2 and §3.2, RFC 2018 §2 and §3 before changing it.

use super::connection::{Connection, Context};
use super::event::Fact;
use crate::tcp::{Flags, HeaderFaults, OptionFaults, Options, Segment};

/// What an end's SYN, or SYN+ACK, offered. A SYN that is sent again may offer less: what any of them offered counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Offer {
    /// Packet of the first.
    pub frame: u64,
    /// Flags of the first.
    pub first_flags: Flags,
    /// Flags of the latest; ECN is often left out of a SYN that is sent again (RFC 3168 §6.1.1.1).
    pub flags: Flags,
    /// Digest of the first one's options: kinds in their order, maximum segment size and window scale.
    pub stack: u32,
    /// Maximum segment size of the latest.
    pub mss: Option<u16>,
    /// Window scale was offered.
    pub window_scale: bool,
    /// SACK-permitted was.
    pub sack_permitted: bool,
    /// Timestamps were.
    pub timestamps: bool,
    /// All option bytes of all of them were captured.
    pub is_whole: bool,
}

/// How a segment departs from what the SYNs agreed on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Departure {
    /// It has no timestamp, though both SYNs had one (RFC 7323 §3.2).
    TimestampsMissing,
    /// It has SACK blocks, though the peer's SYN did not permit them (RFC 2018 §2).
    SackNotPermitted,
    /// A SACK block that ends before it begins, or is empty (RFC 2018 §3).
    SackInverted,
    /// A SACK block for what was not sent, by so many bytes.
    SackBeyond(
        /// Bytes past the highest number that was sent.
        u32,
    ),
}

impl Offer {
    fn of(s: &Segment, before: Option<Self>) -> Self {
        let o = &s.options;
        let is_whole = !o.faults.any(OptionFaults::CUT) && !s.faults.any(HeaderFaults::CUT);
        Self {
            frame: before.map_or(s.packet, |b| b.frame),
            first_flags: before.map_or(s.flags, |b| b.first_flags),
            flags: s.flags,
            stack: before.map_or_else(|| stack_of(o), |b| b.stack),
            mss: o.mss,
            window_scale: o.window_scale.is_some() || before.is_some_and(|b| b.window_scale),
            sack_permitted: o.sack_permitted || before.is_some_and(|b| b.sack_permitted),
            timestamps: o.timestamps.is_some() || before.is_some_and(|b| b.timestamps),
            is_whole: is_whole && before.is_none_or(|b| b.is_whole),
        }
    }
}

fn stack_of(o: &Options) -> u32 {
    let scale = o.window_scale.map_or(255, u32::from);
    o.layout ^ u32::from(o.mss.unwrap_or(0)).wrapping_mul(0x9e37_79b1) ^ scale << 24
}

impl Connection {
    /// A SYN or SYN+ACK leaves `e`.
    pub(super) fn note_offer(&mut self, s: &Segment, e: usize) {
        self.ends[e].offer = Some(Offer::of(s, self.ends[e].offer));
    }

    /// Whether a segment without SYN keeps to what both SYNs said.
    pub(super) fn note_departure(&self, s: &Segment, e: usize, ctx: &mut Context<'_>) {
        let has_timestamps = s.options.timestamps.is_some();
        if s.flags.syn() || (has_timestamps && s.options.sack.is_empty()) {
            return;
        }
        let (Some(own), Some(peer)) = (self.ends[e].offer, self.ends[1 - e].offer) else { return };
        let is_whole = !s.options.faults.any(OptionFaults::CUT) && !s.faults.any(HeaderFaults::CUT);
        if !is_whole || !own.is_whole || !peer.is_whole {
            return;
        }
        if !has_timestamps && own.timestamps && peer.timestamps {
            self.tell(ctx, e, Fact::Departed { how: Departure::TimestampsMissing });
        }
        if let Some(how) = self.sack_departure(s, e, peer.sack_permitted) {
            self.tell(ctx, e, Fact::Departed { how });
        }
    }

    fn sack_departure(&self, s: &Segment, e: usize, permitted: bool) -> Option<Departure> {
        let blocks = s.options.sack.as_slice();
        if blocks.is_empty() {
            return None;
        }
        if !permitted {
            return Some(Departure::SackNotPermitted);
        }
        if blocks.iter().any(|(left, right)| !right.after(*left)) {
            return Some(Departure::SackInverted);
        }
        let highest = self.ends[1 - e].space.max();
        let beyond = blocks.iter().map(|(_, right)| right.distance(highest)).max().unwrap_or(0);
        let beyond = u32::try_from(beyond).ok().filter(|b| *b > 0 && !self.capture_loss)?;
        Some(Departure::SackBeyond(beyond))
    }
}
