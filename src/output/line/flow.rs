//! What one end sent, in a connection's line: twice in each, and mostly zeros.

use super::pen::{Pen, Put, begin, block, fields, object};
use crate::track::{Flow, Rtt};

impl Put for Flow {
    fn put(&self, pen: &mut Pen) {
        let flags = self.syn | self.fin | self.rst;
        let is_plain = flags <= BYTE && !self.is_odd();
        let [syn, fin, rst] = [self.syn as u8, self.fin as u8, self.rst as u8];
        let segments = self.segments | self.segments_without_payload;
        if is_plain && segments <= u64::from(BYTE) && self.is_silent() {
            let [all, empty] = [self.segments as u8, self.segments_without_payload as u8];
            return pen.block([block::FLOW, all, empty, syn, fin, rst, 0, 0], |pen| self.put_all(pen));
        }
        self.put_data(pen);
        if is_plain {
            pen.block([block::COUNTS, syn, fin, rst, 0, 0, 0, 0], |pen| self.put_counts(pen));
        } else {
            self.put_counts(pen);
        }
        self.rtt.put(pen);
        pen.text("}");
    }
}

/// The most that fits a byte of a block's key.
const BYTE: u32 = u8::MAX as u32;

/// The round trips of an end that sent no data.
const NO_SAMPLES: &str = "{\"min\":null,\"mean\":null,\"max\":null,\"samples\":0}";

impl Flow {
    /// Whether there is any of what most connections have none of.
    fn is_odd(&self) -> bool {
        let late =
            self.retransmissions | self.spurious_retransmissions | self.out_of_order | self.duplicate_acks;
        let probes = self.keep_alives | self.zero_windows | self.window_probes;
        late | probes | self.duplicates != 0 || self.gaps_bytes != 0
    }

    /// It sent no payload.
    fn is_silent(&self) -> bool {
        self.payload_bytes == 0 && self.unique_bytes == 0 && self.rtt.samples == 0
    }

    fn put_all(&self, pen: &mut Pen) {
        self.put_data(pen);
        self.put_counts(pen);
        self.rtt.put(pen);
        pen.text("}");
    }

    /// Up to the flags.
    fn put_data(&self, pen: &mut Pen) {
        begin!(pen, {
            "segments": self.segments,
            "segments_without_payload": self.segments_without_payload,
            "payload_bytes": self.payload_bytes,
            "unique_bytes": self.unique_bytes,
        });
    }

    /// From the flags to the key of the round trips.
    fn put_counts(&self, pen: &mut Pen) {
        fields!(pen, {
            "syn": self.syn,
            "fin": self.fin,
            "rst": self.rst,
            "retransmissions": self.retransmissions,
            "spurious_retransmissions": self.spurious_retransmissions,
            "out_of_order": self.out_of_order,
            "duplicate_acks": self.duplicate_acks,
            "keep_alives": self.keep_alives,
            "zero_windows": self.zero_windows,
            "window_probes": self.window_probes,
            "duplicates": self.duplicates,
            "gaps_bytes": self.gaps_bytes,
        });
        pen.text(",\"rtt_ns\":");
    }
}

impl Put for Rtt {
    fn put(&self, pen: &mut Pen) {
        if self.samples == 0 {
            return pen.text(NO_SAMPLES);
        }
        object!(pen, {
            "min": self.min_ns,
            "mean": self.mean_ns(),
            "max": self.max_ns,
            "samples": self.samples,
        });
    }
}
