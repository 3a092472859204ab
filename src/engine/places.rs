//! `Places`: what several shards said, in one order.

use super::order::{Order, Phase};
use super::shard::Said;

/// Where a round's sayings stand. Packets come in order as a rule, and timers between them are few: sorted apart, the
/// ones need no sorting and the others little.
#[derive(Debug, Default)]
pub(super) struct Places {
    packets: Vec<Place>,
    others: Vec<Place>,
}

/// The place of a saying, and which of which batch it is.
pub(super) type Place = (Order, u32, u32);

impl Places {
    /// The places of what was said of a batch.
    pub fn add(&mut self, batch: usize, said: &[Said]) {
        for (i, Said { order, .. }) in said.iter().enumerate() {
            let list = if order.phase == Phase::Packet { &mut self.packets } else { &mut self.others };
            list.push((*order, batch as u32, i as u32));
        }
    }

    /// All of them in order.
    pub fn sorted(&mut self) -> impl Iterator<Item = Place> {
        // Those of one thread are in order; stable sorting makes use of the order of each of several. It takes memory,
        // large pieces that the allocator has to look for: half of its time. No two places are equal.
        if !self.packets.is_sorted() {
            self.packets.sort();
        }
        self.others.sort_unstable();
        let mut packets = self.packets.iter().copied().peekable();
        let mut others = self.others.iter().copied().peekable();
        std::iter::from_fn(move || match (packets.peek(), others.peek()) {
            (Some(packet), Some(other)) if packet < other => packets.next(),
            (Some(_), None) => packets.next(),
            _ => others.next(),
        })
    }

    /// None, in the same room.
    pub fn clear(&mut self) {
        self.packets.clear();
        self.others.clear();
    }
}
