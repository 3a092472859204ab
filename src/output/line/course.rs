//! How a connection was opened and closed, and where it waited in between.

use super::pen::{OneOf, Pen, Put, begin, block, fields, object};
use crate::track::{Close, HalfOpen, Open, OpenShape, TimeWait};

impl Put for Open {
    fn put(&self, pen: &mut Pen) {
        let words = |pen: &mut Pen| {
            begin!(pen, {
                "shape": OneOf(self.shape),
                "labels": Labels(&self.labels),
                "outcome": OneOf(self.outcome),
            });
        };
        let mut key = [block::OPEN, self.shape as u8, self.outcome as u8, NONE, NONE, NONE, NONE, NONE];
        match key[3..].get_mut(..self.labels.len()) {
            Some(places) => {
                places.iter_mut().zip(&self.labels).for_each(|(place, label)| *place = *label as u8);
                pen.block(key, words);
            }
            None => words(pen),
        }
        fields!(pen, { "client_isn": self.client_isn });
        let answers = [self.rtt, self.server_rtt, self.client_rtt];
        let repeated = self.syn_retransmissions | self.syn_ack_retransmissions;
        if self.server_isn.is_none() && repeated == 0 && answers == [None; 3] {
            return pen.text(NO_ANSWER);
        }
        fields!(pen, {
            "server_isn": self.server_isn,
            "syn_retransmissions": self.syn_retransmissions,
            "syn_ack_retransmissions": self.syn_ack_retransmissions,
            "rtt_ns": self.rtt,
            "server_rtt_ns": self.server_rtt,
            "client_rtt_ns": self.client_rtt,
        });
        pen.text("}");
    }
}

/// The rest of an opening of which no more than one SYN is known.
const NO_ANSWER: &str = concat!(
    ",\"server_isn\":null,\"syn_retransmissions\":0,\"syn_ack_retransmissions\":0",
    ",\"rtt_ns\":null,\"server_rtt_ns\":null,\"client_rtt_ns\":null}",
);

/// In a block's key: there is none. No word has so high a number.
const NONE: u8 = u8::MAX;

/// Every shape that applies.
struct Labels<'a>(&'a [OpenShape]);

impl Put for Labels<'_> {
    fn put(&self, pen: &mut Pen) {
        pen.list(self.0.iter().map(|shape| OneOf(*shape)));
    }
}

impl Put for Close {
    fn put(&self, pen: &mut Pen) {
        let closer = self.active_closer.map_or(NONE, |closer| closer as u8);
        let reset_by = self.reset_by.map_or(NONE, |role| role as u8);
        let key = [block::CLOSE, self.shape as u8, self.outcome as u8, closer, reset_by, 0, 0, 0];
        pen.block(key, |pen| {
            begin!(pen, {
                "shape": OneOf(self.shape),
                "outcome": OneOf(self.outcome),
                "active_closer": self.active_closer.map(OneOf),
                "reset_by": self.reset_by.map(OneOf),
            });
        });
        fields!(pen, { "duration_ns": self.duration });
        pen.text("}");
    }
}

impl Put for TimeWait {
    fn put(&self, pen: &mut Pen) {
        object!(pen, {
            "endpoint": OneOf(self.endpoint),
            "start_frame": self.start_frame,
            "start": self.start,
            "start_certainty": OneOf(self.start_certainty),
            "restarts": self.restarts.as_slice(),
            "restart_count": self.restart_count,
            "nominal_end": self.nominal_end,
            "end": self.end,
            "end_kind": OneOf(self.end_kind),
            "alive_until": self.alive_until,
            "duration_ns": self.duration(),
        });
    }
}

impl Put for HalfOpen {
    fn put(&self, pen: &mut Pen) {
        object!(pen, {
            "start": self.start,
            "end": self.end,
            "end_kind": OneOf(self.end_kind),
            "syn_ack_retransmissions": self.syn_ack_retransmissions,
            "duration_ns": self.end.map(|end| end.since(self.start)),
        });
    }
}
