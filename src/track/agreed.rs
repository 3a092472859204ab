//! `Offer`: what the SYNs of one end offered; and segments that depart from what both ends agreed on.
//!
//! Read RFC 7323 §2.2 and §3.2, RFC 2018 §2 and §3 before changing it.

use super::connection::{Connection, Context};
use super::event::Fact;
use super::packed::fields;
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
    /// Digest of what the first one looked like: window, options and their order, MSS, scale, ECN bits. Hosts of one
    /// kind share it; several of them from one address are several hosts, or several kinds of programs.
    pub signature: u32,
    /// All option bytes of all of them were captured.
    pub is_whole: bool,
}

/// How a segment departs from what the SYNs agreed on.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Departure {
    /// A SYN+ACK has an option that no SYN offered (RFC 7323 §2.2, §3.2; RFC 2018 §2).
    NotOffered,
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
            signature: before.map_or_else(|| signature(s), |b| b.signature),
            is_whole: is_whole && before.is_none_or(|b| b.is_whole),
        }
    }
}

fn stack_of(o: &Options) -> u32 {
    let scale = o.window_scale.map_or(255, u32::from);
    o.layout ^ u32::from(o.mss.unwrap_or(0)).wrapping_mul(0x9e37_79b1) ^ scale << 24
}

fn signature(s: &Segment) -> u32 {
    let o = &s.options;
    let parts = [
        o.layout,
        u32::from(s.window),
        o.mss.map_or(0, |mss| 1 << 16 | u32::from(mss)),
        o.window_scale.map_or(0, |scale| 1 << 8 | u32::from(scale)),
        u32::from(s.flags.0),
    ];
    // FNV-1a, by words: few values, and the same on every machine.
    parts.iter().fold(0x811c_9dc5, |digest: u32, part| (digest ^ part).wrapping_mul(0x0100_0193))
}

impl Connection {
    /// A SYN or SYN+ACK leaves `e`.
    pub(super) fn note_offer(&mut self, s: &Segment, e: usize, ctx: &mut Context<'_>) {
        if s.flags.has(Flags::SYN_ACK) && self.is_not_offered(s, e) {
            self.tell(ctx, e, Fact::Departed { how: Departure::NotOffered });
        }
        self.ends[e].offer = Some(Offer::of(s, self.ends[e].offer));
    }

    fn is_not_offered(&self, s: &Segment, e: usize) -> bool {
        let Some(offer) = self.ends[1 - e].offer.filter(|o| o.is_whole && !o.first_flags.ack()) else {
            return false;
        };
        // An end that had sent a SYN itself repeats what that offered (simultaneous open).
        let own_syn = self.ends[e].offer.is_some_and(|o| !o.first_flags.ack());
        let o = &s.options;
        !own_syn
            && !o.faults.any(OptionFaults::CUT)
            && ((o.window_scale.is_some() && !offer.window_scale)
                || (o.sack_permitted && !offer.sack_permitted)
                || (o.timestamps.is_some() && !offer.timestamps))
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

fields!(Offer {
    small [window_scale sack_permitted timestamps is_whole]
    row [frame: 4 stack: 4 signature: 4 first_flags: 1 flags: 1 mss: 2]
    part []
});
