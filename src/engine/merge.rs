//! `Merge`: what all shards say, put into one order, counted, and passed on to the sink.
//!
//! A round of batches goes through one stage after the other, not each saying through all of them: a detector, the
//! census or the sink finds its code in the processor's caches still, and the bounds between them are plain to see.

use std::ops::ControlFlow;
use std::sync::Arc;

use super::Sink;
use super::census::{Census, Listener};
use super::moment::{Ask, Glimpse, Moment, States};
use super::places::Places;
use super::shard::{Batch, Counts, Said, Saying};
use super::streams::Streams;
use super::summary::Summary;
use crate::config::Config;
use crate::rules::{Finding, Hearing, RuleSet, Seen, Severity};
use crate::source::Input;
use crate::tcp::Timestamp;
use crate::track::{Class, Fact, HalfOpenEnd, Record};

/// Puts batches in order and keeps the counts that need all connections.
pub(super) struct Merge<'a> {
    pub summary: Summary,
    sink: &'a mut dyn Sink,
    streams: Streams,
    census: Census,
    rules: Arc<RuleSet>,
    detectors: Vec<Hearing>,
    /// What a detector says of one saying.
    heard: Vec<Finding>,
    /// What detectors said in a round, and of which item.
    told: Vec<(usize, Finding)>,
    states: States,
    glimpses: Vec<Glimpse>,
    stopped: bool,
    /// Room for the places of a round, and for what stands there.
    places: Places,
    items: Vec<Item>,
}

/// One saying of a round, where it lies and who hears it.
#[derive(Clone, Copy, Debug)]
struct Item {
    /// The bit that detectors want it by; 0: none does. See [`Hearing::wanted`].
    ear: u64,
    clock: Timestamp,
    batch: u32,
    i: u32,
}

impl Item {
    /// It is a fact, which the sink is not told.
    fn is_fact(&self) -> bool {
        self.ear & !Hearing::OF_RECORD != 0
    }

    fn of<'a>(&self, round: &'a mut [Batch]) -> Option<&'a mut Saying> {
        let said = round.get_mut(self.batch as usize)?.said.get_mut(self.i as usize)?;
        let Said { what, .. } = said;
        Some(what)
    }
}

impl<'a> Merge<'a> {
    pub fn new(sink: &'a mut dyn Sink, config: &Config, rules: &Arc<RuleSet>) -> Self {
        let mut detectors = rules.detectors();
        if sink.wishes().drafts {
            detectors.iter_mut().for_each(|h| h.detector.watch());
        }
        Self {
            summary: Summary::default(),
            sink,
            streams: Streams::default(),
            census: Census::new(config),
            rules: Arc::clone(rules),
            detectors,
            heard: Vec::new(),
            told: Vec::new(),
            states: States::default(),
            glimpses: Vec::new(),
            stopped: false,
            places: Places::default(),
            items: Vec::new(),
        }
    }

    /// The input ended: detectors say what they still have to say, then listeners, clients and hosts are told.
    pub fn finish(mut self, now: Timestamp) -> Summary {
        for hearing in &mut self.detectors {
            hearing.detector.on_end(now, &mut self.heard);
            self.summary.limits.forgotten_keys += hearing.detector.forgotten();
        }
        self.pass_on();
        if !self.stopped {
            self.census.finish(now, &mut self.summary.limits, self.sink);
        }
        self.summary
    }

    /// The source is silent: nothing that came before `now` is still to be told.
    pub fn silence(&mut self, now: Timestamp) {
        for hearing in &mut self.detectors {
            hearing.detector.on_silence(now, &mut self.heard);
        }
        self.pass_on();
    }

    /// Counts and tells what detectors said of no saying.
    fn pass_on(&mut self) {
        for finding in std::mem::take(&mut self.heard) {
            if self.rules.config().has(finding.rule) {
                self.count(&finding);
                self.census.heard(&finding);
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

    /// A round of batches, one of each worker. Everything before it was in rounds before.
    pub fn take(&mut self, round: &mut [Batch]) {
        // Only the places are sorted: what was said is too large to be moved about.
        let mut places = std::mem::take(&mut self.places);
        let mut items = std::mem::take(&mut self.items);
        for (batch, Batch { said, counts, .. }) in round.iter().enumerate() {
            self.count_batch(counts);
            places.add(batch, said);
        }
        for (order, batch, i) in places.sorted() {
            let mut item = Item { ear: 0, clock: order.clock, batch, i };
            if let Some(what) = item.of(round) {
                item.ear = self.number(what);
                items.push(item);
            }
        }
        self.ask_detectors(round, &items);
        self.tally(round, &items);
        self.tell(round, &items);
        round.iter_mut().for_each(Batch::clear);
        places.clear();
        items.clear();
        self.told.clear();
        (self.places, self.items) = (places, items);
    }

    /// Numbers streams, and says who hears it.
    fn number(&mut self, what: &mut Saying) -> u64 {
        match what {
            Saying::Seen(seen) => {
                match seen.event.fact {
                    Fact::Opened => self.streams.open(seen),
                    Fact::SynWhileSynchronized { seq, .. } => {
                        self.streams.hold(seen.event.frame, &seen.endpoints, seq);
                    }
                    _ => {}
                }
                return Hearing::of_fact(seen);
            }
            Saying::Ended(record, _) => {
                record.stream = self.streams.of(record.id);
                return Hearing::OF_RECORD;
            }
            Saying::Took(taken) => taken.stream = self.streams.peek(taken.connection),
            Saying::Happened(_) | Saying::Drafted(_) | Saying::Stood(_) => {}
        }
        0
    }

    /// Detectors, one after the other.
    fn ask_detectors(&mut self, round: &mut [Batch], items: &[Item]) {
        for hearing in &mut self.detectors {
            let wanted = hearing.wanted();
            for (n, item) in items.iter().enumerate().filter(|(_, item)| item.ear & wanted != 0) {
                match item.of(round) {
                    Some(Saying::Seen(seen)) => hearing.detector.on_seen(seen, &mut self.heard),
                    Some(Saying::Ended(record, findings)) => {
                        if !findings.is_empty() {
                            hearing.detector.review(record, findings);
                        }
                        hearing.detector.on_record(record, &mut self.heard);
                    }
                    _ => {}
                }
                if !self.heard.is_empty() {
                    self.told.extend(self.heard.drain(..).map(|finding| (n, finding)));
                }
            }
        }
        let config = self.rules.config();
        self.told.retain(|(_, finding)| config.has(finding.rule));
        // Stable: of one saying, in the order of detectors.
        self.told.sort_by_key(|(n, _)| *n);
    }

    /// Everything that is counted.
    fn tally(&mut self, round: &mut [Batch], items: &[Item]) {
        let told = std::mem::take(&mut self.told);
        let mut told_of = told.chunk_by(|a, b| a.0 == b.0).peekable();
        let counted = Hearing::of_kinds(Census::KINDS) | Hearing::OF_RECORD;
        for (n, item) in items.iter().enumerate() {
            let what = if item.ear & counted == 0 { None } else { item.of(round) };
            match what {
                Some(Saying::Seen(seen)) => self.seen(seen),
                Some(Saying::Ended(record, findings)) => self.ended(record, findings, item.clock),
                _ => {}
            }
            for (_, finding) in told_of.next_if(|told| told[0].0 == n).unwrap_or_default() {
                self.count(finding);
                self.census.heard(finding);
            }
        }
        self.told = told;
    }

    /// Everything that the sink is told.
    fn tell(&mut self, round: &mut [Batch], items: &[Item]) {
        let told = std::mem::take(&mut self.told);
        let mut told_of = told.chunk_by(|a, b| a.0 == b.0).peekable();
        for (n, item) in items.iter().enumerate() {
            if self.stopped {
                break;
            }
            let what = if item.is_fact() { None } else { item.of(round) };
            let flow = match what {
                Some(Saying::Ended(record, findings)) => self.sink.connection(record, findings),
                Some(Saying::Took(taken)) => self.sink.segment(taken),
                Some(Saying::Happened(happening)) => self.sink.happening(happening),
                Some(Saying::Drafted(finding)) => self.sink.draft(finding),
                Some(Saying::Stood(stood)) => {
                    self.glimpses.append(stood);
                    ControlFlow::Continue(())
                }
                Some(Saying::Seen(_)) | None => ControlFlow::Continue(()),
            };
            self.note(flow);
            for (_, finding) in told_of.next_if(|told| told[0].0 == n).unwrap_or_default() {
                if !self.stopped {
                    let flow = self.sink.finding(finding);
                    self.note(flow);
                }
            }
        }
        self.told = told;
    }

    fn count_batch(&mut self, counts: &Counts) {
        self.states.add(&counts.states);
        let summary = &mut self.summary;
        summary.segments += counts.segments;
        summary.duplicates += counts.duplicates;
        summary.limits.evicted_connections += counts.evicted;
        if counts.bad_checksums > 0 {
            *summary.skipped.entry("bad-checksum").or_default() += counts.bad_checksums;
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

    /// What the sink wants to know at the end of a batch.
    pub fn asks(&mut self, clock: Timestamp) -> Ask {
        if self.stopped { Ask::Nothing } else { self.sink.asks(clock) }
    }

    /// Tells the sink how things stand; the summary has what the reader counted.
    pub fn moment(&mut self, clock: Timestamp, summary: &Summary, syns: u64, inputs: &[Input]) {
        let mut connections = std::mem::take(&mut self.glimpses);
        connections.sort_unstable_by_key(|c| c.id);
        let states = self.states.with_time_wait(summary.time_wait.now);
        let listeners: Vec<&Listener> = self.census.listeners().collect();
        let mut going_on: Vec<Finding> = self.detectors.iter().flat_map(|h| h.going_on(clock)).collect();
        going_on.retain(|finding| self.rules.config().has(finding.rule));
        let grave = |f: &Finding| std::cmp::Reverse((f.severity, f.count));
        going_on.sort_by(|a, b| (grave(a), a.rule, &a.key).cmp(&(grave(b), b.rule, &b.key)));
        let moment = Moment {
            clock,
            summary,
            states: &states,
            syns,
            inputs,
            listeners: &listeners,
            going_on: &going_on,
            connections: &connections,
        };
        let flow = self.sink.moment(&moment);
        self.note(flow);
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
        self.census.seen(seen);
        let event = &seen.event;
        let summary = &mut self.summary;
        match event.fact {
            Fact::HalfOpenEntered { again } => {
                summary.half_open.enter(event.at);
                summary.half_open.total -= u64::from(again.is_some());
            }
            Fact::HalfOpenLeft { .. } => summary.half_open.leave(),
            Fact::TimeWaitStarted => summary.time_wait.enter(event.at),
            Fact::TimeWaitEnded { .. } => summary.time_wait.leave(),
            _ => {}
        }
    }

    fn ended(&mut self, record: &Record, findings: &[Finding], now: Timestamp) {
        self.summary.connections += 1;
        self.summary.short += u64::from(record.class == Some(Class::Short));
        self.summary.long += u64::from(record.class == Some(Class::Long));
        let expired = record.half_open.is_some_and(|h| h.end_kind == HalfOpenEnd::Expired);
        self.summary.half_open_expired += u64::from(expired);
        self.summary.limits.dropped_transitions += u64::from(record.transitions_dropped);
        for finding in findings {
            self.count(finding);
        }
        self.census.ended(record, findings, now);
    }
}
