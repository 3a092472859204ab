//! What one end sent, in a connection's line: twice in each, and mostly zeros.

use super::pen::{Pen, Put, object};
use crate::track::{Flow, Rtt};

impl Put for Flow {
    fn put(&self, pen: &mut Pen) {
        object!(pen, {
            "segments": self.segments,
            "segments_without_payload": self.segments_without_payload,
            "payload_bytes": self.payload_bytes,
            "unique_bytes": self.unique_bytes,
            "syn": self.syn,
            "fin": self.fin,
            "rst": self.rst,
        });
        // The object goes on.
        pen.out.pop();
        self.put_oddities(pen);
        pen.text(",\"rtt_ns\":");
        self.rtt.put(pen);
        pen.text("}");
    }
}

/// The part of a [`Flow`] that is the same in most lines, written at once.
const NO_ODDITIES: &str = concat!(
    ",\"retransmissions\":0,\"spurious_retransmissions\":0,\"out_of_order\":0,\"duplicate_acks\":0",
    ",\"keep_alives\":0,\"zero_windows\":0,\"window_probes\":0,\"duplicates\":0,\"gaps_bytes\":0",
);

impl Flow {
    fn put_oddities(&self, pen: &mut Pen) {
        let [repeated, spurious] = [self.retransmissions, self.spurious_retransmissions];
        let late = repeated | spurious | self.out_of_order | self.duplicate_acks;
        let probes = self.keep_alives | self.zero_windows | self.window_probes;
        if late | probes | self.duplicates == 0 && self.gaps_bytes == 0 {
            return pen.text(NO_ODDITIES);
        }
        let counts = [
            (",\"retransmissions\":", self.retransmissions),
            (",\"spurious_retransmissions\":", self.spurious_retransmissions),
            (",\"out_of_order\":", self.out_of_order),
            (",\"duplicate_acks\":", self.duplicate_acks),
            (",\"keep_alives\":", self.keep_alives),
            (",\"zero_windows\":", self.zero_windows),
            (",\"window_probes\":", self.window_probes),
            (",\"duplicates\":", self.duplicates),
        ];
        for (key, count) in counts {
            pen.text(key);
            count.put(pen);
        }
        pen.text(",\"gaps_bytes\":");
        self.gaps_bytes.put(pen);
    }
}

impl Put for Rtt {
    fn put(&self, pen: &mut Pen) {
        let any = self.samples > 0;
        object!(pen, {
            "min": any.then_some(self.min_ns),
            "mean": self.mean_ns(),
            "max": any.then_some(self.max_ns),
            "samples": self.samples,
        });
    }
}
