//! `Order`: where something stands among all that happened, the same for any number of threads.

use crate::tcp::Timestamp;

/// A place in the one order of the analysis. Compared field by field: time first, then timers before packets.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Order {
    /// The capture's clock: the highest packet time so far, or the time a timer was due.
    pub clock: Timestamp,
    /// What happened at that time.
    pub phase: Phase,
    /// Number of the packet; for timers and at the end, of the connection's first packet.
    pub packet: u64,
    /// How many things of the same packet came before.
    pub n: u32,
}

/// What happens first at one time.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Phase {
    /// A timer was due.
    Timer,
    /// A packet came.
    Packet,
    /// The input ended.
    End,
}
