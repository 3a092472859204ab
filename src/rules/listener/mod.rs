//! What rules say of a listener over all its connections: its two queues, seen from outside (tcp.md §4).
//!
//! The table holds 4,096 listeners, those least recently heard of go first; one that goes says what it has to say.

mod cookies;
mod drops;
mod overflow;
mod queue;

use super::counter::Table;
use super::finding::Finding;
use super::registry::{Detector, Review, Seen};
use crate::config::{RuleConfig, Thresholds};
use crate::tcp::{Endpoint, Timestamp};
use crate::track::{Ended, Fact, HalfOpenEnd, Kind, Record};
use cookies::{Cookies, Tuples};
use drops::Drops;
use overflow::Overflow;
use queue::{Completion, Queue};

/// Listeners remembered at once.
const MAX_LISTENERS: usize = 4096;

/// Looks at HO004 again.
pub(super) const REVIEW: Review =
    Review { wants: &[Kind::SynAckRepeated, Kind::AcceptAborted], make: listeners };

/// The detector behind HO002, HO003, HO005 and HO006, and the reviewer of HO004.
pub(super) fn listeners(config: &RuleConfig) -> Box<dyn Detector> {
    Box::new(Listeners {
        limits: config.thresholds.clone(),
        table: Table::new(MAX_LISTENERS),
        tuples: Tuples::default(),
        gone: Vec::new(),
    })
}

/// All listeners.
#[derive(Debug)]
struct Listeners {
    limits: Thresholds,
    table: Table<Endpoint, Box<Listener>>,
    tuples: Tuples,
    gone: Vec<(Endpoint, Box<Listener>)>,
}

/// One of them.
#[derive(Debug, Default)]
struct Listener {
    drops: Drops,
    cookies: Cookies,
    queue: Queue,
    completion: Completion,
    overflow: Overflow,
}

impl Detector for Listeners {
    fn on_seen(&mut self, seen: &Seen, say: &mut Vec<Finding>) {
        let event = &seen.event;
        let (at, frame) = (event.at, event.frame);
        let [own, other] = [seen.endpoints[event.end], seen.endpoints[1 - event.end]];
        let Self { limits, table, tuples, gone } = self;
        match event.fact {
            Fact::SynUnanswered => {
                let l = listener(table, gone, limits, other, say);
                l.drops.dropped(at, (own, frame), l.queue.length(), limits);
                say.extend(l.drops.close_if_over(other, at, limits));
            }
            Fact::SynAckSent { client_isn, isn, tsval, layout } => {
                let sent = cookies::SynAck { at, frame, client_isn, isn, tsval, layout };
                let proof = tuples.on_syn_ack((other, own), &sent, limits);
                let l = listener(table, gone, limits, own, say);
                say.extend(l.cookies.on_proof(own, proof));
                l.drops.answered(at, other, limits);
                say.extend(l.drops.close_if_over(own, at, limits));
            }
            Fact::SynAckRepeated { after_ack, after_established, .. } => {
                let l = listener(table, gone, limits, own, say);
                l.cookies.retransmitted();
                if after_ack && !after_established {
                    l.drops.accept_queue_full(at);
                    l.overflow.repeated(seen.connection, at, limits);
                }
            }
            Fact::AcceptAborted => {
                let l = listener(table, gone, limits, own, say);
                l.drops.accept_queue_full(at);
                l.overflow.aborted(seen.connection, at, limits);
            }
            Fact::HalfOpenEntered { again } => {
                let l = listener(table, gone, limits, own, say);
                l.queue.enter(at, frame, limits.backlog(&own), limits.backlog_share);
                match again {
                    Some(kind) if seen.has_syn => l.completion.take_back(at, kind),
                    Some(_) => {}
                    None => l.drops.entered(at, limits),
                }
            }
            Fact::HalfOpenLeft { kind, retransmissions, age } => {
                let Some(l) = table.get(&own) else { return };
                say.extend(l.cookies.left(own, at, frame, (retransmissions, age), limits));
                say.extend(l.queue.leave(own, at, &l.cookies));
                // Where the client's side is not seen, its final ACK is not either.
                if seen.has_syn {
                    say.extend(l.completion.left(own, at, frame, (other, kind), limits));
                }
            }
            _ => {}
        }
    }

    fn review(&mut self, record: &Record, findings: &mut [Finding]) {
        let Some(listener) = self.table.get(&record.endpoints.server) else { return };
        let overflows = |f: &&mut Finding| f.rule == "HO004" && f.variant != Some("defer-accept");
        for finding in findings.iter_mut().filter(overflows) {
            finding.confidence = listener.overflow.confidence(finding.at, finding.confidence);
        }
    }

    fn on_record(&mut self, record: &Record, say: &mut Vec<Finding>) {
        if overflow::is_unserved(record)
            && let Some(listener) = self.table.get(&record.endpoints.server)
        {
            say.extend(listener.overflow.ended(record.endpoints.server, record, &self.limits));
        }
        // An entry whose connection was let go before it left the queue.
        let is_gone = record.half_open.is_some_and(|h| h.end_kind == HalfOpenEnd::Censored)
            && record.ended != Ended::EndOfCapture;
        if is_gone && let Some(listener) = self.table.get(&record.endpoints.server) {
            say.extend(listener.queue.leave(record.endpoints.server, record.last, &listener.cookies));
        }
    }

    fn on_end(&mut self, now: Timestamp, say: &mut Vec<Finding>) {
        let forgotten = self.table.forgotten();
        for (endpoint, mut listener) in self.table.drain_if(|_, listener| listener.tells()) {
            listener.finish(endpoint, now, (forgotten, &self.limits), say);
        }
    }
}

/// The listener, made where it is not known; those that have to go for it say what they have to say.
fn listener<'a>(
    table: &'a mut Table<Endpoint, Box<Listener>>,
    gone: &mut Vec<(Endpoint, Box<Listener>)>,
    limits: &Thresholds,
    endpoint: Endpoint,
    say: &mut Vec<Finding>,
) -> &'a mut Listener {
    let listener = table.at(endpoint, gone, Box::default);
    if !gone.is_empty() {
        for (endpoint, mut gone) in gone.drain(..).filter(|(_, gone)| gone.tells()) {
            let now = gone.queue.latest();
            gone.finish(endpoint, now, (0, limits), say);
        }
    }
    listener
}

impl Listener {
    /// Whether there is anything to be said of it that was not yet.
    fn tells(&self) -> bool {
        self.drops.has_episode() || self.queue.is_pressed() || self.completion.is_low()
    }

    fn finish(
        &mut self,
        endpoint: Endpoint,
        now: Timestamp,
        (forgotten, limits): (u64, &Thresholds),
        say: &mut Vec<Finding>,
    ) {
        let first = say.len();
        say.extend(self.drops.close(endpoint, limits));
        say.extend(self.queue.close(endpoint, now, &self.cookies));
        say.extend(self.completion.close(endpoint, now));
        if forgotten > 0 {
            for finding in say.iter_mut().skip(first) {
                finding.evidence.push(("listeners_forgotten", forgotten.into()));
            }
        }
    }
}
