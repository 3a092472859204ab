//! What one end of a connection sent, as it stands in the document.

use schemars::JsonSchema;
use serde::Serialize;

use crate::track;

/// What one end sent.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Flow {
    /// Segments, capture duplicates not counted.
    segments: u64,
    /// Segments without payload.
    segments_without_payload: u64,
    /// Payload bytes, repeated ones included.
    payload_bytes: u64,
    /// Payload bytes, each sequence number once.
    unique_bytes: u64,
    /// SYNs and SYN+ACKs.
    syn: u32,
    /// FINs.
    fin: u32,
    /// RSTs.
    rst: u32,
    /// Segments with payload, SYN or FIN sent again.
    retransmissions: u32,
    /// Of these, ones whose bytes the peer had already acknowledged.
    spurious_retransmissions: u32,
    /// Segments that came late and were not sent again.
    out_of_order: u32,
    /// Pure ACKs that repeat the last one while data is missing or in flight.
    duplicate_acks: u32,
    /// Keep-alive probes.
    keep_alives: u32,
    /// Segments that offer no window.
    zero_windows: u32,
    /// Probes of the peer's closed window.
    window_probes: u32,
    /// Copies of packets, dropped.
    duplicates: u32,
    /// Sequence numbers that were skipped and never captured.
    gaps_bytes: u64,
    /// Round trips from this end's data to the peer's ACK, from the capture point.
    rtt_ns: Rtt,
}

impl From<track::Flow> for Flow {
    fn from(f: track::Flow) -> Self {
        Self {
            segments: f.segments,
            segments_without_payload: f.segments_without_payload,
            payload_bytes: f.payload_bytes,
            unique_bytes: f.unique_bytes,
            syn: f.syn,
            fin: f.fin,
            rst: f.rst,
            retransmissions: f.retransmissions,
            spurious_retransmissions: f.spurious_retransmissions,
            out_of_order: f.out_of_order,
            duplicate_acks: f.duplicate_acks,
            keep_alives: f.keep_alives,
            zero_windows: f.zero_windows,
            window_probes: f.window_probes,
            duplicates: f.duplicates,
            gaps_bytes: f.gaps_bytes,
            rtt_ns: f.rtt.into(),
        }
    }
}

/// Round-trip samples, nanoseconds.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Rtt {
    /// Shortest.
    min: Option<i64>,
    /// Mean.
    mean: Option<i64>,
    /// Longest.
    max: Option<i64>,
    /// How many.
    samples: u32,
}

impl From<track::Rtt> for Rtt {
    fn from(r: track::Rtt) -> Self {
        let any = r.samples > 0;
        Self {
            min: any.then_some(r.min_ns),
            mean: r.mean_ns(),
            max: any.then_some(r.max_ns),
            samples: r.samples,
        }
    }
}
