//! `IdleReason`: why a connection sat still.

use serde_json::Value;

use crate::config::Thresholds;
use crate::rules::Finding;
use crate::tcp::{Duration, State, Timestamp};
use crate::track::{Ended, Record, Role};

/// Why a connection sat still.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdleReason {
    /// Nobody had anything to say.
    Idle,
    /// One direction was closed, the other in use.
    HalfClosed,
    /// A receiver had closed its window.
    ZeroWindow,
    /// One end closed, and the other end's application never did.
    CloseWait,
}

/// How many reasons there are.
pub const IDLE_REASONS: usize = IdleReason::CloseWait as usize + 1;

/// Connections that sat still for one reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Idle {
    /// How many.
    pub connections: u64,
    /// The longest time, where it is known.
    pub longest: Option<Duration>,
}

impl Idle {
    pub(super) fn add(&mut self, lasted: Option<Duration>) {
        self.connections += 1;
        self.longest = self.longest.max(lasted);
    }
}

/// Why the connection sat still, and how long; findings of TD004, SQ005 and CN002 say so, else its own figures.
pub(super) fn idle(
    r: &Record,
    findings: &[Finding],
    now: Timestamp,
    t: &Thresholds,
) -> Option<(IdleReason, Option<Duration>)> {
    let silent = if r.ended == Ended::EndOfCapture { now.since(r.last) } else { Duration::ZERO };
    // Lost sight of since its last packet: nobody knows what it did.
    let lost = silent > t.lost_sight;
    let half_closed = r.half_closed.map(|half| if lost { Duration(half.0 - silent.0) } else { half });
    if let Some(half) = half_closed.filter(|h| *h >= t.half_close_linger) {
        let reason = if is_stuck(r) { IdleReason::CloseWait } else { IdleReason::HalfClosed };
        return Some((reason, Some(half)));
    }
    if let Some(f) = findings.iter().find(|f| f.rule == "SQ005") {
        return Some((IdleReason::ZeroWindow, span(f, "lasted_ns")));
    }
    if let Some(f) = findings.iter().find(|f| f.rule == "CN002") {
        return Some((IdleReason::Idle, span(f, "idle_ns")));
    }
    let open = r.state.client == State::Established && r.state.server == State::Established;
    (open && !lost && silent >= t.idle).then_some((IdleReason::Idle, Some(silent)))
}

/// After the FIN that one end got, nothing more happened: its application sleeps, or never reads.
fn is_stuck(r: &Record) -> bool {
    let waits = |role: Role| r.path(role).filter(|s| s.to == State::CloseWait).last().map(|s| s.at);
    let since = waits(Role::Client).or(waits(Role::Server));
    since.is_some_and(|at| r.last.since(at) < STILL)
}

fn span(f: &Finding, name: &str) -> Option<Duration> {
    let value = f.evidence.iter().find(|(n, _)| *n == name);
    value.and_then(|(_, v)| Value::as_i64(v)).map(Duration)
}

/// What comes so soon after a FIN belongs to it.
const STILL: Duration = Duration::from_secs(5);
