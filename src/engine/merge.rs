//! `Merge`: what all shards say, put into one order, counted, and passed on to the sink.

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::sync::Arc;

use foldhash::HashMap;

use super::Sink;
use super::census::{Census, Listener};
use super::moment::{Ask, Glimpse, Happening, Moment, States};
use super::order::{Order, Phase};
use super::shard::{Batch, Counts, Said, Saying, TakenSegment};
use super::summary::Summary;
use crate::config::Config;
use crate::rules::{Finding, Hearing, RuleSet, Seen, Severity};
use crate::source::Input;
use crate::tcp::{Endpoint, SeqNumber, Timestamp};
use crate::track::{Class, Fact, HalfOpenEnd, Record};

/// Puts batches in order and keeps the counts that need all connections.
pub(super) struct Merge<'a> {
    pub summary: Summary,
    sink: &'a mut dyn Sink,
    streams: Streams,
    census: Census,
    rules: Arc<RuleSet>,
    detectors: Vec<Hearing>,
    heard: Vec<Finding>,
    states: States,
    glimpses: Vec<Glimpse>,
    stopped: bool,
    /// Room for the places of a round.
    places: Places,
}

/// Where a round's sayings stand. Packets come in order as a rule, and timers between them are few: sorted apart, the
/// ones need no sorting and the others little.
#[derive(Debug, Default)]
struct Places {
    packets: Vec<Place>,
    others: Vec<Place>,
}

/// The place of a saying, and which of which batch it is.
type Place = (Order, u32, u32);

impl Places {
    fn add(&mut self, batch: usize, said: &[Said]) {
        for (i, Said { order, .. }) in said.iter().enumerate() {
            let list = if order.phase == Phase::Packet { &mut self.packets } else { &mut self.others };
            list.push((*order, batch as u32, i as u32));
        }
    }

    /// All of them in order.
    fn sorted(&mut self) -> impl Iterator<Item = Place> {
        // Those of one thread are in order; stable sorting makes use of the order of each of several. It takes memory,
        // large pieces that the allocator has to look for: half of its time. No two places are equal.
        if !self.packets.is_sorted() {
            self.packets.sort();
        }
        self.others.sort_unstable();
        let mut packets = self.packets.iter().copied().peekable();
        let mut others = self.others.iter().copied().peekable();
        std::iter::from_fn(move || match (packets.peek(), others.peek()) {
            (Some(packet), Some(other)) if packet < other => packets.next(),
            (Some(_), None) => packets.next(),
            _ => others.next(),
        })
    }

    fn clear(&mut self) {
        self.packets.clear();
        self.others.clear();
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
            states: States::default(),
            glimpses: Vec::new(),
            stopped: false,
            places: Places::default(),
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

    /// What detectors said, as far as the user wants to hear it.
    fn pass_on(&mut self) {
        if self.heard.is_empty() {
            return;
        }
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
        for (batch, Batch { said, counts, .. }) in round.iter().enumerate() {
            self.count_batch(counts);
            places.add(batch, said);
        }
        for (order, batch, i) in places.sorted() {
            let said = round.get_mut(batch as usize).and_then(|batch| batch.said.get_mut(i as usize));
            let Some(Said { what, .. }) = said else { continue };
            match what {
                Saying::Seen(seen) => self.seen(seen),
                Saying::Ended(record, findings) => self.ended(record, findings, order.clock),
                Saying::Took(taken) => self.took(taken),
                Saying::Happened(happening) => self.happened(happening),
                Saying::Drafted(finding) => self.drafted(finding),
                Saying::Stood(stood) => self.glimpses.append(stood),
            }
        }
        round.iter_mut().for_each(Batch::clear);
        places.clear();
        self.places = places;
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
        for hearing in &mut self.detectors {
            hearing.tell(seen, &mut self.heard);
        }
        self.pass_on();
        self.census.seen(seen);
        let event = &seen.event;
        let summary = &mut self.summary;
        match event.fact {
            Fact::Opened => self.streams.open(seen),
            Fact::SynWhileSynchronized { seq, .. } => self.streams.hold(event.frame, &seen.endpoints, seq),
            Fact::HalfOpenEntered { again } => {
                summary.half_open.enter(event.at);
                summary.half_open.total -= u64::from(again);
            }
            Fact::HalfOpenLeft { .. } => summary.half_open.leave(),
            Fact::TimeWaitStarted => summary.time_wait.enter(event.at),
            Fact::TimeWaitEnded { .. } => summary.time_wait.leave(),
            _ => {}
        }
    }

    fn took(&mut self, taken: &mut TakenSegment) {
        if !self.stopped {
            taken.stream = self.streams.peek(taken.connection);
            let flow = self.sink.segment(taken);
            self.note(flow);
        }
    }

    fn happened(&mut self, happening: &Happening) {
        if !self.stopped {
            let flow = self.sink.happening(happening);
            self.note(flow);
        }
    }

    fn drafted(&mut self, finding: &Finding) {
        if !self.stopped {
            let flow = self.sink.draft(finding);
            self.note(flow);
        }
    }

    fn ended(&mut self, record: &mut Record, findings: &mut [Finding], now: Timestamp) {
        record.stream = self.streams.of(record.id);
        if !findings.is_empty() {
            self.detectors.iter_mut().for_each(|h| h.detector.review(record, findings));
        }
        self.summary.connections += 1;
        self.summary.short += u64::from(record.class == Some(Class::Short));
        self.summary.long += u64::from(record.class == Some(Class::Long));
        let expired = record.half_open.is_some_and(|h| h.end_kind == HalfOpenEnd::Expired);
        self.summary.half_open_expired += u64::from(expired);
        self.summary.limits.dropped_transitions += u64::from(record.transitions_dropped);
        for finding in findings.iter() {
            self.count(finding);
        }
        self.census.ended(record, findings, now);
        if !self.stopped {
            let flow = self.sink.connection(record, findings);
            self.note(flow);
        }
        for hearing in &mut self.detectors {
            hearing.detector.on_record(record, &mut self.heard);
        }
        self.pass_on();
    }
}

/// Wireshark's stream numbers: one more with each new 4-tuple, and with each SYN of a new ISN on an old one. What comes
/// on a 4-tuple without such a SYN belongs to its latest stream, however long ago that was.
#[derive(Debug)]
struct Streams {
    next: u32,
    /// By connection.
    of: HashMap<u64, u32>,
    /// The latest stream of each 4-tuple, and the ISN of the SYN that opened it.
    latest: HashMap<(Endpoint, Endpoint), (u32, Option<SeqNumber>)>,
    held: VecDeque<(u64, u32)>,
    /// The packet from which on numbers can't be known.
    known_until: u64,
}

impl Default for Streams {
    fn default() -> Self {
        Self {
            next: 0,
            of: HashMap::default(),
            latest: HashMap::default(),
            held: VecDeque::new(),
            known_until: u64::MAX,
        }
    }
}

impl Streams {
    /// SYNs remembered that did not fit their connection; each may still turn out to open one.
    const HELD: usize = 1024;
    /// 4-tuples remembered. Beyond it, what does not begin with a SYN may belong to an earlier stream or not.
    const LATEST: usize = 1 << 16;

    fn number(&mut self) -> u32 {
        let number = self.next;
        self.next = self.next.saturating_add(1);
        number
    }

    fn open(&mut self, seen: &Seen) {
        let (connection, [a, b], header) = (seen.connection, seen.endpoints, &seen.header);
        let ends = (a.min(b), a.max(b));
        let syn = Some(header.seq).filter(|_| header.flags.syn() && !header.flags.ack());
        let held = self.held.iter().position(|(at, _)| *at == connection);
        let number = match (held.and_then(|at| self.held.remove(at)), self.latest.get(&ends)) {
            (Some((_, number)), _) => number,
            (None, Some((number, isn))) if syn.is_none() || syn == *isn => *number,
            (None, before) => {
                if before.is_none() && syn.is_none() && self.latest.len() >= Self::LATEST {
                    self.known_until = self.known_until.min(connection);
                }
                let is_known = before.is_some();
                self.begin(ends, syn, is_known)
            }
        };
        self.of.insert(connection, number);
    }

    fn hold(&mut self, frame: u64, [a, b]: &[Endpoint; 2], isn: SeqNumber) {
        let ends = (*a.min(b), *a.max(b));
        let is_known = self.latest.contains_key(&ends);
        let number = self.begin(ends, Some(isn), is_known);
        if self.held.len() == Self::HELD {
            self.held.pop_front();
        }
        self.held.push_back((frame, number));
    }

    /// A stream begins, on a 4-tuple that is remembered or not.
    fn begin(&mut self, ends: (Endpoint, Endpoint), isn: Option<SeqNumber>, is_known: bool) -> u32 {
        let number = self.number();
        if is_known || self.latest.len() < Self::LATEST {
            self.latest.insert(ends, (number, isn));
        }
        number
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
