//! `Overflow`: how many connections of one listener point at a full accept queue at the same time (HO004).
//!
//! A single one may be a lost ACK; several within a minute are the queue. Behind SYN cookies no connection shows it by
//! itself, for the server keeps nothing of it: there only their number tells (tcp.md M26, face 4).

use crate::config::Thresholds;
use crate::rules::finding::Finding;
use crate::rules::wide::wide;
use crate::tcp::{Endpoint, State, Timestamp};
use crate::track::{Confidence, OpenOutcome, Record, Role};

/// What one listener's connections show. Bounded by the constants below; the oldest are forgotten.
#[derive(Debug, Default)]
pub(super) struct Overflow {
    recent: Vec<Held>,
    /// Times with as many at once as make it sure.
    sure: Vec<(Timestamp, Timestamp)>,
    unserved: Vec<(Timestamp, u64)>,
    said: bool,
}

/// A connection that the server did not take.
#[derive(Clone, Copy, Debug)]
struct Held {
    connection: u64,
    at: Timestamp,
    repeats: u32,
}

const MAX_RECENT: usize = 64;
const MAX_SURE: usize = 16;
/// The SYN+ACK twice after the final ACK: once may have crossed it.
const REPEATS: u32 = 2;

impl Overflow {
    /// A SYN+ACK came again after the final ACK.
    pub fn repeated(&mut self, connection: u64, at: Timestamp, limits: &Thresholds) {
        let known = self.recent.iter_mut().find(|h| h.connection == connection);
        match known {
            Some(held) => (held.at, held.repeats) = (at, held.repeats + 1),
            None => self.add(Held { connection, at, repeats: 1 }),
        }
        self.judge(at, limits);
    }

    /// A RST answered the final ACK.
    pub fn aborted(&mut self, connection: u64, at: Timestamp, limits: &Thresholds) {
        self.add(Held { connection, at, repeats: REPEATS });
        self.judge(at, limits);
    }

    /// How many there were at once around this time: 1, some, or as many as make it sure.
    pub fn confidence(&self, at: Timestamp, own: Confidence) -> Confidence {
        let near = |(from, to): &(Timestamp, Timestamp)| (*from..=*to).contains(&at);
        match () {
            () if self.sure.iter().any(near) => Confidence::High,
            () => own.min(Confidence::Medium),
        }
    }

    /// A connection ended that [`is_unserved`]. Gives the finding where it is one too many without any answer.
    pub fn ended(&mut self, key: Endpoint, record: &Record, limits: &Thresholds) -> Option<Finding> {
        if self.said {
            return None;
        }
        let opened = record.path(Role::Server).find(|t| t.to == State::Established)?.at;
        if self.unserved.len() == MAX_RECENT {
            self.unserved.remove(0);
        }
        self.unserved.push((opened, record.id));
        let span = limits.accept_overflow_span;
        let near = |t: Timestamp| self.unserved.iter().filter(move |(u, _)| (t..=t + span).contains(u));
        let enough = |t: &Timestamp| near(*t).count() as u64 >= limits.accept_overflow_connections;
        let first = self.unserved.iter().map(|(t, _)| *t).filter(enough).min()?;
        let mut frames: Vec<u64> = near(first).map(|(_, frame)| *frame).take(FRAMES).collect();
        let last = near(first).map(|(t, _)| *t).max()?;
        let count = near(first).count() as u64;
        frames.sort_unstable();
        self.said = true;
        let message = format!(
            "{key} never answered the data of {count} connections that it had opened, and sent no SYN+ACK again: its accept queue seems full behind SYN cookies"
        );
        let mut finding = wide("HO004", key.to_string(), first, message);
        finding.variant = Some("cookies");
        finding.confidence = Confidence::Medium;
        finding.frames = frames;
        (finding.start, finding.end) = (Some(first), Some(last));
        finding.count = count;
        finding.evidence = vec![("connections", count.into()), ("span_ns", last.since(first).0.into())];
        Some(finding)
    }

    fn add(&mut self, held: Held) {
        if self.recent.len() == MAX_RECENT {
            self.recent.remove(0);
        }
        self.recent.push(held);
    }

    fn judge(&mut self, now: Timestamp, limits: &Thresholds) {
        let from = now - limits.accept_overflow_span;
        self.recent.retain(|h| h.at >= from);
        let held = || self.recent.iter().filter(|h| h.repeats >= REPEATS);
        if (held().count() as u64) < limits.accept_overflow_connections {
            return;
        }
        let full = self.sure.len() == MAX_SURE;
        match self.sure.last_mut() {
            Some((_, to)) if *to >= from || full => *to = now,
            _ => self.sure.push((from, now)),
        }
    }
}

const FRAMES: usize = 10;

/// Open for the client, which sent its data again and again; the server said nothing but one SYN+ACK for each SYN.
pub(super) fn is_unserved(r: &Record) -> bool {
    let (client, server) = (&r.sent.client, &r.sent.server);
    r.open.outcome == OpenOutcome::Complete
        && client.payload_bytes > 0
        && client.retransmissions >= REPEATS
        && r.visibility.handshake_captured
        && r.open.syn_ack_retransmissions <= r.open.syn_retransmissions
        && server.segments <= u64::from(server.syn)
}
