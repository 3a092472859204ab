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
        match event.fact {
            Fact::SynUnanswered => {
                self.listener(other, say);
                self.note(other, |l, limits| {
                    l.drops.dropped(at, (own, frame), l.queue.length(), limits);
                });
                self.close_drops(other, at, say);
            }
            Fact::SynAckSent { client_isn, isn, tsval, layout } => {
                let sent = cookies::SynAck { at, frame, client_isn, isn, tsval, layout };
                let proof = self.tuples.on_syn_ack((other, own), &sent, &self.limits);
                let listener = self.listener(own, say);
                say.extend(listener.cookies.on_proof(own, proof));
                self.note(own, |l, limits| l.drops.answered(at, other, limits));
                self.close_drops(own, at, say);
            }
            Fact::SynAckRepeated { after_ack, after_established, .. } => {
                let listener = self.listener(own, say);
                listener.cookies.retransmitted();
                if after_ack && !after_established {
                    listener.drops.accept_queue_full(at);
                    self.note(own, |l, limits| l.overflow.repeated(seen.connection, at, limits));
                }
            }
            Fact::AcceptAborted => {
                self.listener(own, say).drops.accept_queue_full(at);
                self.note(own, |l, limits| l.overflow.aborted(seen.connection, at, limits));
            }
            Fact::HalfOpenEntered { again } => {
                let (backlog, share) = (self.limits.backlog(&own), self.limits.backlog_share);
                let listener = self.listener(own, say);
                listener.queue.enter(at, frame, backlog, share);
                if again {
                    listener.completion.take_back(at);
                } else {
                    self.note(own, |l, limits| l.drops.entered(at, limits));
                }
            }
            Fact::HalfOpenLeft { kind, retransmissions, age } => {
                let Some(listener) = self.table.get(&own) else { return };
                say.extend(listener.cookies.left(own, at, frame, (retransmissions, age), &self.limits));
                say.extend(listener.queue.leave(own, at, &listener.cookies));
                say.extend(listener.completion.left(own, at, frame, (other, kind), &self.limits));
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
        if let Some(listener) = self.table.get(&record.endpoints.server) {
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
        for (endpoint, listener) in self.table.drain() {
            listener.finish(endpoint, now, (forgotten, &self.limits), say);
        }
    }
}

impl Listeners {
    fn listener(&mut self, endpoint: Endpoint, say: &mut Vec<Finding>) -> &mut Listener {
        let listener = self.table.at(endpoint, &mut self.gone, Box::default);
        for (endpoint, gone) in self.gone.drain(..) {
            let now = gone.queue.latest();
            gone.finish(endpoint, now, (0, &self.limits), say);
        }
        listener
    }

    fn note(&mut self, endpoint: Endpoint, note: impl FnOnce(&mut Listener, &Thresholds)) {
        if let Some(listener) = self.table.get(&endpoint) {
            note(listener, &self.limits);
        }
    }

    fn close_drops(&mut self, endpoint: Endpoint, now: Timestamp, say: &mut Vec<Finding>) {
        if let Some(listener) = self.table.get(&endpoint) {
            say.extend(listener.drops.close_if_over(endpoint, now, &self.limits));
        }
    }
}

impl Listener {
    fn finish(
        mut self,
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
