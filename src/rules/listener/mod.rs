//! What rules say of a listener over all its connections: its two queues, seen from outside (tcp.md §4).
//!
//! The table holds 4,096 listeners, those least recently heard of go first; one that goes says what it has to say.

mod cookies;
mod drops;
mod queue;

use super::counter::Table;
use super::finding::Finding;
use super::registry::{Detector, Seen};
use crate::config::{RuleConfig, Thresholds};
use crate::tcp::{Endpoint, Timestamp};
use crate::track::{Ended, Fact, HalfOpenEnd, Record};
use cookies::{Cookies, Tuples};
use drops::Drops;
use queue::{Completion, Queue};

/// Listeners remembered at once.
const MAX_LISTENERS: usize = 4096;

/// The detector behind HO002, HO003, HO005 and HO006.
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
    table: Table<Endpoint, Listener>,
    tuples: Tuples,
    gone: Vec<(Endpoint, Listener)>,
}

/// One of them.
#[derive(Debug, Default)]
struct Listener {
    drops: Drops,
    cookies: Cookies,
    queue: Queue,
    completion: Completion,
}

impl Detector for Listeners {
    fn on_seen(&mut self, seen: &Seen, say: &mut Vec<Finding>) {
        let event = &seen.event;
        let (at, frame) = (event.at, event.frame);
        let [own, other] = [seen.endpoints[event.end], seen.endpoints[1 - event.end]];
        match event.fact {
            Fact::SynUnanswered => {
                let listener = self.listener(other, say);
                listener.drops.dropped(at, own, frame, listener.queue.length());
                self.close_drops(other, at, say);
            }
            Fact::SynAckSent { client_isn, isn, tsval, layout } => {
                let sent = cookies::SynAck { at, frame, client_isn, isn, tsval, layout };
                let proof = self.tuples.on_syn_ack((other, own), &sent);
                let listener = self.listener(own, say);
                listener.drops.answered(at, other);
                say.extend(listener.cookies.on_proof(own, proof));
                self.close_drops(own, at, say);
            }
            Fact::SynAckRepeated { after_ack, after_established, .. } => {
                let listener = self.listener(own, say);
                listener.cookies.retransmitted();
                if after_ack && !after_established {
                    listener.drops.accept_queue_full(at);
                }
            }
            Fact::AcceptAborted => self.listener(own, say).drops.accept_queue_full(at),
            Fact::HalfOpenEntered { again } => {
                let backlog = self.limits.effective_backlog(&own);
                let listener = self.listener(own, say);
                listener.queue.enter(at, frame, backlog);
                if again {
                    listener.completion.take_back(at);
                }
            }
            Fact::HalfOpenLeft { kind, retransmissions, age } => {
                let Some(listener) = self.table.get(&own) else { return };
                say.extend(listener.cookies.left(own, at, frame, retransmissions, age));
                say.extend(listener.queue.leave(own, at, &listener.cookies));
                say.extend(listener.completion.left(own, at, frame, (other, kind), &self.limits));
            }
            _ => {}
        }
    }

    fn on_record(&mut self, record: &Record, say: &mut Vec<Finding>) {
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
            listener.finish(endpoint, now, forgotten, say);
        }
    }
}

impl Listeners {
    fn listener(&mut self, endpoint: Endpoint, say: &mut Vec<Finding>) -> &mut Listener {
        let listener = self.table.at(endpoint, &mut self.gone, Listener::default);
        for (endpoint, gone) in self.gone.drain(..) {
            let now = gone.queue.latest();
            gone.finish(endpoint, now, 0, say);
        }
        listener
    }

    fn close_drops(&mut self, endpoint: Endpoint, now: Timestamp, say: &mut Vec<Finding>) {
        if let Some(listener) = self.table.get(&endpoint) {
            let backlog = self.limits.effective_backlog(&endpoint);
            say.extend(listener.drops.close_if_over(endpoint, now, backlog));
        }
    }
}

impl Listener {
    fn finish(mut self, endpoint: Endpoint, now: Timestamp, forgotten: u64, say: &mut Vec<Finding>) {
        let first = say.len();
        let backlog = self.queue.backlog();
        say.extend(self.drops.close(endpoint, backlog));
        say.extend(self.queue.close(endpoint, now, &self.cookies));
        say.extend(self.completion.close(endpoint, now));
        if forgotten > 0 {
            for finding in say.iter_mut().skip(first) {
                finding.evidence.push(("listeners_forgotten", forgotten.into()));
            }
        }
    }
}

impl Thresholds {
    /// The effective backlog of a listener, where the user told one: the kernel clamps it to somaxconn.
    pub(in crate::rules) fn effective_backlog(&self, endpoint: &Endpoint) -> Option<u64> {
        let own = self.backlog_of.iter().find(|(e, _)| e == endpoint).map(|(_, n)| *n);
        own.or(self.backlog).map(|n| n.min(self.somaxconn))
    }
}
