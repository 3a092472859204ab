//! `Merge`: what all shards say, put into one order, counted, and passed on to the sink.

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::sync::Arc;

use foldhash::HashMap;

use super::Sink;
use super::shard::{Said, Saying, TakenSegment};
use super::summary::Summary;
use crate::rules::{Detector, Finding, RuleSet, Seen, Severity};
use crate::tcp::Timestamp;
use crate::track::{Class, Fact, HalfOpenEnd, Record};

/// Puts batches in order and keeps the counts that need all connections.
pub(super) struct Merge<'a> {
    pub summary: Summary,
    sink: &'a mut dyn Sink,
    streams: Streams,
    rules: Arc<RuleSet>,
    detectors: Vec<Box<dyn Detector>>,
    heard: Vec<Finding>,
    stopped: bool,
}

impl<'a> Merge<'a> {
    pub fn new(sink: &'a mut dyn Sink, rules: &Arc<RuleSet>) -> Self {
        Self {
            summary: Summary::default(),
            sink,
            streams: Streams::default(),
            rules: Arc::clone(rules),
            detectors: rules.detectors(),
            heard: Vec::new(),
            stopped: false,
        }
    }

    /// The input ended: detectors say what they still have to say.
    pub fn finish(&mut self, now: Timestamp) {
        for detector in &mut self.detectors {
            detector.on_end(now, &mut self.heard);
        }
        self.pass_on();
    }

    /// What detectors said, as far as the user wants to hear it.
    fn pass_on(&mut self) {
        for finding in std::mem::take(&mut self.heard) {
            if self.rules.config().has(finding.rule) {
                self.count(&finding);
                if !self.stopped {
                    let flow = self.sink.finding(&finding);
                    self.note(flow);
                }
            }
        }
    }

    fn count(&mut self, finding: &Finding) {
        let counts = &mut self.summary.findings;
        match finding.severity {
            Severity::Error => counts.error += 1,
            Severity::Warning => counts.warning += 1,
            Severity::Note => counts.note += 1,
        }
    }

    /// One batch of all shards. Everything before it was in batches before.
    pub fn take(&mut self, mut said: Vec<Said>) {
        said.sort_by_key(|s| s.order);
        for Said { what, .. } in said {
            match what {
                Saying::Seen(seen) => self.seen(&seen),
                Saying::Ended(record, findings) => self.ended(*record, &findings),
                Saying::Took(taken) => self.took(*taken),
            }
        }
    }

    /// The sink wants no more.
    pub fn is_stopped(&self) -> bool {
        self.stopped
    }

    /// From this packet on Wireshark numbers streams that are none of ours.
    pub fn streams_end_at(&mut self, packet: u64) {
        self.streams.known_until = self.streams.known_until.min(packet);
    }

    /// Tells the sink how far reading has come.
    pub fn progress(&mut self, packets: u64) {
        let flow = self.sink.progress(packets);
        self.note(flow);
    }

    fn note(&mut self, flow: ControlFlow<()>) {
        self.stopped |= flow.is_break();
    }

    fn seen(&mut self, seen: &Seen) {
        for detector in &mut self.detectors {
            detector.on_seen(seen, &mut self.heard);
        }
        self.pass_on();
        let (connection, event) = (seen.connection, &seen.event);
        let summary = &mut self.summary;
        match event.fact {
            Fact::Opened => self.streams.open(connection, event.frame),
            Fact::SynWhileSynchronized { .. } => self.streams.hold(event.frame),
            Fact::HalfOpenEntered { again } => {
                summary.half_open.enter(event.at);
                summary.half_open.total -= u64::from(again);
            }
            Fact::HalfOpenLeft { kind, .. } => {
                summary.half_open.leave();
                summary.half_open_expired += u64::from(kind == HalfOpenEnd::Expired);
            }
            Fact::TimeWaitStarted => summary.time_wait.enter(event.at),
            Fact::TimeWaitEnded { .. } => summary.time_wait.leave(),
            _ => {}
        }
    }

    fn took(&mut self, mut taken: TakenSegment) {
        if !self.stopped {
            taken.stream = self.streams.peek(taken.connection);
            let flow = self.sink.segment(&taken);
            self.note(flow);
        }
    }

    fn ended(&mut self, mut record: Record, findings: &[Finding]) {
        record.stream = self.streams.of(record.id);
        self.summary.connections += 1;
        self.summary.short += u64::from(record.class == Some(Class::Short));
        self.summary.long += u64::from(record.class == Some(Class::Long));
        self.summary.limits.dropped_transitions += u64::from(record.transitions_dropped);
        for finding in findings {
            self.count(finding);
        }
        if !self.stopped {
            let flow = self.sink.connection(&record, findings);
            self.note(flow);
        }
        for detector in &mut self.detectors {
            detector.on_record(&record, &mut self.heard);
        }
        self.pass_on();
    }
}

/// Wireshark's stream numbers: one more with each new 4-tuple, and with each SYN of a new ISN on an old one.
#[derive(Debug)]
struct Streams {
    next: u32,
    of: HashMap<u64, u32>,
    held: VecDeque<(u64, u32)>,
    known_until: u64,
}

impl Default for Streams {
    fn default() -> Self {
        Self { next: 0, of: HashMap::default(), held: VecDeque::new(), known_until: u64::MAX }
    }
}

impl Streams {
    /// SYNs remembered that did not fit their connection; each may still turn out to open one.
    const HELD: usize = 1024;

    fn number(&mut self) -> u32 {
        let number = self.next;
        self.next = self.next.saturating_add(1);
        number
    }

    fn open(&mut self, connection: u64, frame: u64) {
        let held = self.held.iter().position(|(at, _)| *at == frame);
        let number = match held.and_then(|at| self.held.remove(at)) {
            Some((_, number)) => number,
            None => self.number(),
        };
        self.of.insert(connection, number);
    }

    fn hold(&mut self, frame: u64) {
        let number = self.number();
        if self.held.len() == Self::HELD {
            self.held.pop_front();
        }
        self.held.push_back((frame, number));
    }

    fn peek(&self, connection: u64) -> Option<u32> {
        self.of.get(&connection).copied().filter(|_| connection < self.known_until)
    }

    fn of(&mut self, connection: u64) -> Option<u32> {
        let number = self.peek(connection);
        self.of.remove(&connection);
        number
    }
}
