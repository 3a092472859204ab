//! Counts, gauges and spreads in the lines of clients and hosts.

use super::pen::{Pen, Put, object};
use crate::engine::{Cost, Curve, Gauge, Outcomes, Spread, TimeWaitEnds};
use crate::output::{compact, document};

impl Put for Gauge {
    fn put(&self, pen: &mut Pen) {
        if *self == Self::default() {
            return pen.text("{\"total\":0,\"peak\":0,\"peak_at\":null,\"at_end\":0}");
        }
        object!(pen, {
            "total": self.total,
            "peak": self.peak,
            "peak_at": self.peak_at,
            "at_end": self.now,
        });
    }
}

impl Put for Spread {
    fn put(&self, pen: &mut Pen) {
        if self.count() == 0 {
            return pen
                .text("{\"count\":0,\"min_ns\":null,\"median_ns\":null,\"p95_ns\":null,\"max_ns\":null}");
        }
        object!(pen, {
            "count": self.count(),
            "min_ns": self.min(),
            "median_ns": self.quantile(50),
            "p95_ns": self.quantile(95),
            "max_ns": self.max(),
        });
    }
}

/// In so few lines that serde may write it.
impl Put for Curve {
    fn put(&self, pen: &mut Pen) {
        match document::Curve::of(self) {
            // Writing numbers into memory can't fail.
            Some(curve) => drop(compact::append(&mut pen.out, &curve)),
            None => pen.text("null"),
        }
    }
}

impl Put for Outcomes {
    fn put(&self, pen: &mut Pen) {
        object!(pen, {
            "complete": self.complete,
            "half_open": self.half_open,
            "refused": self.refused,
            "unanswered": self.unanswered,
            "cancelled": self.cancelled,
            "not_captured": self.not_captured,
        });
    }
}

impl Put for TimeWaitEnds {
    fn put(&self, pen: &mut Pen) {
        object!(pen, {
            "reopened": self.reopened,
            "assassinated": self.assassinated,
            "gone": self.gone,
            "refused": self.refused,
            "expired": self.expired,
            "censored": self.censored,
        });
    }
}

impl Put for Cost {
    fn put(&self, pen: &mut Pen) {
        object!(pen, {
            "connections": self.connections,
            "segments": self.segments,
            "header_bytes": self.header_bytes,
            "time_ns": self.time,
        });
    }
}

/// First and last.
impl Put for (u16, u16) {
    fn put(&self, pen: &mut Pen) {
        pen.text("[");
        self.0.put(pen);
        pen.text(",");
        self.1.put(pen);
        pen.text("]");
    }
}
