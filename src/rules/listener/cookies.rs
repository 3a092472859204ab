//! `Cookies`: whether a listener answers SYNs without keeping anything (HO005).
//!
//! Two findings hold a single client against itself, so they need the 4-tuple: `Tuples` keeps 16,384 of them, those
//! least recently used go first and are forgotten.

use crate::config::Thresholds;
use crate::rules::counter::{Frames, Table};
use crate::rules::finding::Finding;
use crate::rules::wide::wide;
use crate::tcp::{Duration, Endpoint, SeqNumber, Timestamp};
use crate::track::Confidence;

/// What a SYN+ACK shows.
#[derive(Clone, Copy, Debug)]
pub(super) struct SynAck {
    pub at: Timestamp,
    pub frame: u64,
    pub client_isn: SeqNumber,
    pub isn: SeqNumber,
    pub tsval: Option<u32>,
    pub layout: u32,
}

/// 4-tuples that asked more than once.
#[derive(Debug)]
pub(super) struct Tuples {
    table: Table<(Endpoint, Endpoint), Tuple>,
}

impl Default for Tuples {
    fn default() -> Self {
        Self { table: Table::new(MAX_TUPLES) }
    }
}

#[derive(Debug)]
struct Tuple {
    last: SynAck,
    same_difference: u32,
    same_low_bits: u32,
    frames: Frames,
}

/// How it is known.
#[derive(Debug)]
pub(super) enum Proof {
    SameDifference { difference: u32, isns: u32, frames: Frames, at: Timestamp },
    SameLowBits { low_bits: u32, syn_acks: u32, frames: Frames, at: Timestamp },
}

const MAX_TUPLES: usize = 1 << 14;
/// The server's secret part of a cookie changes each minute (Linux syncookies.c, tcp_cookie_time).
const SPAN: Duration = Duration::from_secs(60);

impl Tuples {
    /// A SYN+ACK on a 4-tuple; gives a proof when it completes one.
    pub fn on_syn_ack(
        &mut self,
        tuple: (Endpoint, Endpoint),
        s: &SynAck,
        limits: &Thresholds,
    ) -> Option<Proof> {
        let make = || Tuple { last: *s, same_difference: 1, same_low_bits: 1, frames: Frames::default() };
        let mut is_new = false;
        let t = self.table.at_quietly(tuple, || {
            is_new = true;
            make()
        });
        if is_new {
            t.frames.add(s.frame);
            return None;
        }
        if s.at.since(t.last.at) > SPAN {
            *t = make();
            t.frames.add(s.frame);
            return None;
        }
        t.frames.add(s.frame);
        t.follow(s, limits)
    }
}

impl Tuple {
    fn follow(&mut self, s: &SynAck, limits: &Thresholds) -> Option<Proof> {
        let (isns, syn_acks) = (limits.cookie_isns.max(2), limits.cookie_synacks.max(2));
        let before = std::mem::replace(&mut self.last, *s);
        let difference = |x: &SynAck| x.isn.0.wrapping_sub(x.client_isn.0);
        if before.client_isn != s.client_isn {
            let same = difference(&before) == difference(s) && !is_clock(&before, s);
            self.same_difference = if same { self.same_difference + 1 } else { 1 };
        }
        let low = |x: &SynAck| x.tsval.map(|t| (t % 64, x.layout));
        let same = low(s).is_some() && low(&before) == low(s) && before.tsval != s.tsval;
        self.same_low_bits = if same { self.same_low_bits + 1 } else { 1 };
        let frames = self.frames.clone();
        if self.same_difference == isns && before.client_isn != s.client_isn {
            return Some(Proof::SameDifference { difference: difference(s), isns, frames, at: s.at });
        }
        let low_bits = s.tsval.unwrap_or(0) % 64;
        (self.same_low_bits == syn_acks).then_some(Proof::SameLowBits {
            low_bits,
            syn_acks,
            frames,
            at: s.at,
        })
    }
}

/// Whether the client's ISN moved as a clock of 64 ns does between the two (Linux secure_seq.c): then the server's
/// may have moved so too, and their difference stays without any cookie.
fn is_clock(before: &SynAck, s: &SynAck) -> bool {
    let ticks = s.at.since(before.at).0 / 64;
    let moved = i64::from(s.client_isn.0.wrapping_sub(before.client_isn.0));
    let off = (moved - (ticks & 0xffff_ffff)).abs();
    off.min((1 << 32) - off) <= ticks / 100 + 100_000
}

/// What is known of one listener.
#[derive(Debug, Default)]
pub(super) struct Cookies {
    has_retransmitted: bool,
    silent: u32,
    frames: Frames,
    said: [bool; 3],
}

impl Cookies {
    /// Whether anything tells that no entries are kept.
    pub fn are_in_use(&self) -> bool {
        self.said.iter().any(|s| *s)
    }

    /// A SYN+ACK came again.
    pub fn retransmitted(&mut self) {
        self.has_retransmitted = true;
        self.silent = 0;
        self.frames = Frames::default();
    }

    /// An entry left the queue.
    pub fn left(
        &mut self,
        key: Endpoint,
        at: Timestamp,
        frame: u64,
        (retransmissions, age): (u32, Duration),
        limits: &Thresholds,
    ) -> Option<Finding> {
        if retransmissions > 0 || age < limits.cookie_age {
            return None;
        }
        self.silent += 1;
        self.frames.add(frame);
        if !self.has_retransmitted
            || self.silent < limits.cookie_silent
            || std::mem::replace(&mut self.said[1], true)
        {
            return None;
        }
        let message = format!(
            "{key} sent no SYN+ACK again for {} half-open connections in a row, though it did before: SYN cookies, or a device that answers for it",
            self.silent
        );
        let mut finding = wide("HO005", key.to_string(), at, message);
        finding.variant = Some("no-retransmission");
        finding.confidence = Confidence::Medium;
        finding.frames = self.frames.sorted();
        finding.evidence = vec![("half_open_without_retransmission", self.silent.into())];
        Some(finding)
    }

    /// One of its 4-tuples gave proof; the first of a kind is reported.
    pub fn on_proof(&mut self, key: Endpoint, proof: Option<Proof>) -> Option<Finding> {
        match proof? {
            Proof::SameDifference { difference, isns, frames, at } => {
                if std::mem::replace(&mut self.said[0], true) {
                    return None;
                }
                let message = format!(
                    "{key} uses SYN cookies: for {isns} ISNs of one client its own ISN was higher by the same {difference}"
                );
                let mut finding = wide("HO005", key.to_string(), at, message);
                finding.variant = Some("same-tuple");
                finding.confidence = Confidence::Certain;
                finding.frames = frames.sorted();
                finding.evidence = vec![("isn_difference", difference.into()), ("client_isns", isns.into())];
                Some(finding)
            }
            Proof::SameLowBits { low_bits, syn_acks, frames, at } => {
                if std::mem::replace(&mut self.said[2], true) {
                    return None;
                }
                let message = format!(
                    "{key} uses SYN cookies: the timestamps of {syn_acks} SYN+ACKs to one client end in the same six bits"
                );
                let mut finding = wide("HO005", key.to_string(), at, message);
                finding.variant = Some("timestamps");
                finding.frames = frames.sorted();
                finding.evidence = vec![("tsval_mod_64", low_bits.into()), ("syn_acks", syn_acks.into())];
                Some(finding)
            }
        }
    }
}
