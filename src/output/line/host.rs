//! The line of a holder of TIME_WAIT.

use super::pen::{Pen, Put, Raw, object};
use crate::engine::{Host, Reuses};

/// All but the line's end.
pub(super) fn write(pen: &mut Pen, h: &Host) {
    object!(pen, {
        "type": Raw(b"\"host\""),
        "addr": h.addr,
        "total": h.gauge.total,
        "peak": h.gauge.peak,
        "peak_at": h.gauge.peak_at,
        "at_end": h.gauge.now,
        "curve": h.curve,
        "as_client": h.as_client,
        "as_server": h.as_server,
        "ends": h.ends,
        "exact": h.exact,
        "nominal_ns": h.nominal,
        "gone_within_ns": h.gone_within,
        "alive_for_ns": h.alive_for,
        "observed_min_2msl_ns": h.observed_min_2msl,
        "restarts": h.restarts,
        "reuses": h.reuses,
    });
}

impl Put for Reuses {
    fn put(&self, pen: &mut Pen) {
        object!(pen, {
            "total": self.total,
            "safe": self.safe,
            "unsafe": self.not_safe,
            "linux_isn": self.linux_isn,
            "refused_syns": self.refused_syns,
        });
    }
}
