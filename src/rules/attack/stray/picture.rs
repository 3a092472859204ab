//! `Picture`: what the strays toward one receiver have in common.

use std::net::IpAddr;

use serde_json::Value;

use crate::rules::Seen;
use crate::rules::attack::episode::percent;
use crate::rules::attack::sketch::{Distinct, Top, hash_of};
use crate::rules::counter::Frames;

/// Strays of one kind since they became many.
#[derive(Debug)]
pub(super) struct Picture {
    count: u64,
    again: u64,
    bytes: u64,
    /// Those with the ACK flag.
    acks: u64,
    sources: Distinct,
    ports: Top<u16, 16>,
    from: Top<IpAddr, 16>,
    pub frames: Frames,
}

impl Default for Picture {
    fn default() -> Self {
        Self {
            count: 0,
            again: 0,
            bytes: 0,
            acks: 0,
            sources: Distinct::fine(),
            ports: Top::default(),
            from: Top::default(),
            frames: Frames::default(),
        }
    }
}

impl Picture {
    /// A stray on a 4-tuple of its own.
    pub fn stray(&mut self, seen: &Seen) {
        let (from, _) = seen.ends();
        self.count += 1;
        self.bytes += u64::from(seen.header.payload_len);
        self.acks += u64::from(seen.header.flags.ack());
        self.sources.add_hashed(hash_of(from.addr));
        self.ports.add(from.port, 1);
        self.from.add(from.addr, 1);
        self.frames.add(seen.event.frame);
    }

    /// One more on a 4-tuple that had one.
    pub fn again(&mut self, frame: u64) {
        self.again += 1;
        self.frames.add(frame);
    }

    /// Different senders.
    pub fn sources(&self) -> u64 {
        self.sources.count().min(self.count)
    }

    /// Segments for each 4-tuple, times a hundred.
    pub fn amplification_percent(&self) -> u64 {
        percent(self.count + self.again, self.count)
    }

    /// Most come from a few ports: from services.
    pub fn is_from_services(&self) -> bool {
        percent(self.ports.covered(), self.ports.total()) >= 80
    }

    /// Most have the ACK flag.
    pub fn is_of_acks(&self) -> bool {
        percent(self.acks, self.count) >= 50
    }

    /// Payload bytes of a stray, on average.
    pub fn mean_payload(&self) -> u64 {
        self.bytes / self.count.max(1)
    }

    /// What stands in the evidence.
    pub fn evidence(&self) -> Vec<(&'static str, Value)> {
        let ports: Vec<u64> = self.ports.sorted().iter().take(8).map(|(p, _)| u64::from(*p)).collect();
        let mut evidence = vec![
            ("sources", self.sources().into()),
            ("tuples", self.count.into()),
            ("segments_per_100_tuples", self.amplification_percent().into()),
            ("mean_payload_bytes", self.mean_payload().into()),
            ("source_ports", ports.into()),
        ];
        if self.sources() <= 16 {
            let list: Vec<String> = self.from.sorted().iter().map(|(a, _)| a.to_string()).collect();
            evidence.push(("top_sources", list.into()));
        }
        evidence
    }
}
