//! Numbers over time and spreads of durations as they stand in the document.

use schemars::JsonSchema;
use serde::Serialize;

use super::scalar::{Ns, Time};
use crate::engine::{self, Gauge};
use crate::output::text::rounded;

/// How many of something there were at once.
#[derive(Debug, Serialize, JsonSchema)]
pub struct AtOnce {
    /// How many ever.
    total: u64,
    /// Most at once.
    peak: u64,
    /// When the peak was first reached.
    peak_at: Option<Time>,
    /// How many at the end.
    at_end: u64,
}

impl From<&Gauge> for AtOnce {
    fn from(g: &Gauge) -> Self {
        Self { total: g.total, peak: g.peak, peak_at: g.peak_at.map(Time), at_end: g.now }
    }
}

/// How many there were over time: one number for each step, from `start` on.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Curve {
    /// When the first step begins: a whole second.
    start: Time,
    /// How long a step is: a second, or a power of two of it where the capture is long.
    step_ns: Ns,
    /// Lowest of each step.
    min: Vec<u64>,
    /// Mean of each step; null for one in which no time passed.
    mean: Vec<Option<f64>>,
    /// Highest of each step.
    max: Vec<u64>,
}

impl Curve {
    /// The curve; `None` where there never were two at once: start and end tell as much then.
    pub fn of(curve: &engine::Curve) -> Option<Self> {
        (curve.highest() > 1).then(|| {
            let points = curve.points();
            Self {
                start: Time(curve.start()),
                step_ns: curve.step().into(),
                min: points.iter().map(|p| p.min).collect(),
                mean: (0..points.len()).map(|i| curve.mean(i).map(rounded)).collect(),
                max: points.iter().map(|p| p.max).collect(),
            }
        })
    }
}

/// How durations are spread. Minimum and maximum are exact, the others within 1/32.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Spread {
    /// How many.
    count: u64,
    /// The shortest.
    min_ns: Option<Ns>,
    /// Half of them are not longer.
    median_ns: Option<Ns>,
    /// 95 % of them are not longer.
    p95_ns: Option<Ns>,
    /// The longest.
    max_ns: Option<Ns>,
}

impl From<&engine::Spread> for Spread {
    fn from(s: &engine::Spread) -> Self {
        Self {
            count: s.count(),
            min_ns: s.min().map(Ns::from),
            median_ns: s.quantile(50).map(Ns::from),
            p95_ns: s.quantile(95).map(Ns::from),
            max_ns: s.max().map(Ns::from),
        }
    }
}

/// Connections by what came of their opening.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Outcomes {
    /// The handshake was completed.
    complete: u64,
    /// SYN+ACK, and no final ACK.
    half_open: u64,
    /// RST for the SYN.
    refused: u64,
    /// No answer.
    unanswered: u64,
    /// The client gave up with a RST.
    cancelled: u64,
    /// The opening was not captured.
    not_captured: u64,
}

impl From<&engine::Outcomes> for Outcomes {
    fn from(o: &engine::Outcomes) -> Self {
        Self {
            complete: o.complete,
            half_open: o.half_open,
            refused: o.refused,
            unanswered: o.unanswered,
            cancelled: o.cancelled,
            not_captured: o.not_captured,
        }
    }
}

/// A part of a whole, between 0 and 1, with at most four decimals; `None` where there is no whole.
pub fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| rounded(part as f64 / whole as f64))
}
