//! `Shard`: one partition with the rules beside it; and the threads that shards run on, batch by batch.

use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender};
use foldhash::HashSet;

use super::census::Census;
use super::moment::{Ask, Glimpse, Happening, States, Wishes};
use super::order::{Order, Phase};
use crate::config::Config;
use crate::rules::{Drafts, Finding, RuleSet, Seen};
use crate::tcp::{Endpoint, Segment, SeqNumber, Timestamp};
use crate::track::{Connection, Event, Fact, Flow, Observer, PARTITIONS, Partition, Record, Taken, Tracked};

/// Endpoints that have sent a SYN+ACK, as known when the batch began.
pub type Listeners = Arc<HashSet<Endpoint>>;

/// One thing that a shard has to say, in its place.
#[derive(Debug)]
pub struct Said {
    /// Its place.
    pub order: Order,
    /// What it is.
    pub what: Saying,
}

/// What a shard can say.
#[derive(Debug)]
pub enum Saying {
    /// A connection began.
    Opened(Opening),
    /// A fact that something beyond its connection wants to know.
    Seen(Seen),
    /// A connection ended, with the findings about it.
    Ended(Box<Record>, Vec<Finding>),
    /// A connection took in a segment.
    Took(Box<TakenSegment>),
    /// Something happened that a sink wants to hear at once.
    Happened(Box<Happening>),
    /// A rule says something new about a connection that has not ended.
    Drafted(Box<Finding>),
    /// Connections as they stand.
    Stood(Vec<Glimpse>),
}

/// A segment in its connection.
#[derive(Clone, Debug)]
pub struct TakenSegment {
    /// The connection's id.
    pub connection: u64,
    /// The number Wireshark gives the stream, where that can be known.
    pub stream: Option<u32>,
    /// The segment.
    pub segment: Segment,
    /// What its sender had sent by then, this segment included.
    pub sent: Flow,
}

/// How a connection began, as far as Wireshark's numbering of streams looks at it.
#[derive(Clone, Copy, Debug)]
pub struct Opening {
    /// The connection's id.
    pub connection: u64,
    /// Its two ends, in a fixed order.
    pub ends: (Endpoint, Endpoint),
    /// The number of its first segment, where that is a SYN without ACK.
    pub syn: Option<SeqNumber>,
}

/// Counts of one batch.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    /// Segments tracked.
    pub segments: u64,
    /// Second copies of packets.
    pub duplicates: u64,
    /// Segments dropped for their checksum.
    pub bad_checksums: u64,
    /// Connections ended because a table was full.
    pub evicted: u64,
    /// How the number of ends in each state changed.
    pub states: States,
    /// The batch asked how things stand at its end.
    pub ask: Ask,
}

impl Counts {
    /// Adds another worker's.
    pub fn add(&mut self, other: &Self) {
        self.segments += other.segments;
        self.duplicates += other.duplicates;
        self.bad_checksums += other.bad_checksums;
        self.evicted += other.evicted;
        self.states.add(&other.states);
        self.ask = self.ask.max(other.ask);
    }
}

/// The segments of one batch for some partitions, each with the clock when it was read.
#[derive(Debug, Default)]
pub struct Batch {
    /// Partition, segment, clock.
    pub segments: Vec<(u8, Segment, Timestamp)>,
    /// The clock at the batch's end: timers up to it are met.
    pub watermark: Timestamp,
    /// Nothing comes after it.
    pub last: bool,
    /// Who listens, as far as was known when the batch began.
    pub listeners: Listeners,
    /// What the sink wants to know at the batch's end.
    pub ask: Ask,
}

/// Partitions that one thread runs.
pub struct Shards {
    shards: Vec<(u8, Shard)>,
}

impl Shards {
    /// Every `of`-th partition from `first` on.
    pub fn new(config: &Config, rules: &Arc<RuleSet>, wishes: Wishes, first: usize, of: usize) -> Self {
        let bound = config.track.max_connections / PARTITIONS;
        let shard = |p: usize| (p as u8, Shard::new(Partition::new(&config.track, bound), rules, wishes));
        Self { shards: (first..PARTITIONS).step_by(of.max(1)).map(shard).collect() }
    }

    /// Runs a batch; what was said comes in no particular order.
    pub fn run(&mut self, batch: &Batch) -> (Vec<Said>, Counts) {
        let mut counts = Counts { ask: batch.ask, ..Counts::default() };
        let mut said = Vec::new();
        for (partition, segment, clock) in &batch.segments {
            if let Ok(at) = self.shards.binary_search_by_key(partition, |(p, _)| *p)
                && let Some((_, shard)) = self.shards.get_mut(at)
            {
                // One list for all, so that it is nearly in order when it is sorted.
                std::mem::swap(&mut said, &mut shard.ear.said);
                shard.on_segment(segment, *clock, &batch.listeners, &mut counts);
                std::mem::swap(&mut said, &mut shard.ear.said);
            }
        }
        for (_, shard) in &mut self.shards {
            std::mem::swap(&mut said, &mut shard.ear.said);
            shard.close_batch(batch);
            std::mem::swap(&mut said, &mut shard.ear.said);
            counts.evicted += shard.partition.take_evicted();
            counts.states.add(&std::mem::take(&mut shard.ear.states));
        }
        (said, counts)
    }

    /// Runs batches until there are no more.
    pub fn serve(mut self, batches: &Receiver<Batch>, answers: &Sender<(Vec<Said>, Counts)>) {
        for batch in batches {
            if answers.send(self.run(&batch)).is_err() {
                return;
            }
        }
    }
}

/// One partition and the rules' memory of its connections.
struct Shard {
    partition: Partition,
    ear: Ear,
}

/// Hears what a partition sees: asks the rules, and keeps what others want to know.
struct Ear {
    rules: Arc<RuleSet>,
    drafts: Drafts,
    said: Vec<Said>,
    wishes: Wishes,
    /// Changes since last asked.
    states: States,
    listeners: Listeners,
    clock: Timestamp,
    phase: Phase,
    packet: u64,
    n: u32,
}

impl Shard {
    fn new(partition: Partition, rules: &Arc<RuleSet>, wishes: Wishes) -> Self {
        let ear = Ear {
            rules: Arc::clone(rules),
            drafts: Drafts::new(Arc::clone(rules)).telling(wishes.drafts),
            said: Vec::new(),
            wishes,
            states: States::default(),
            listeners: Listeners::default(),
            clock: Timestamp::MIN,
            phase: Phase::Timer,
            packet: 0,
            n: 0,
        };
        Self { partition, ear }
    }

    fn on_segment(&mut self, s: &Segment, clock: Timestamp, listeners: &Listeners, counts: &mut Counts) {
        if !Arc::ptr_eq(&self.ear.listeners, listeners) {
            self.ear.listeners = Arc::clone(listeners);
        }
        self.ear.phase = Phase::Timer;
        self.partition.expire(clock, &mut self.ear);
        (self.ear.phase, self.ear.clock, self.ear.packet, self.ear.n) = (Phase::Packet, clock, s.packet, 0);
        match self.partition.on_segment(s, clock, &mut self.ear) {
            Taken::Segment => counts.segments += 1,
            Taken::Duplicate => counts.duplicates += 1,
            Taken::BadChecksum => counts.bad_checksums += 1,
        }
    }

    fn close_batch(&mut self, batch: &Batch) {
        if !Arc::ptr_eq(&self.ear.listeners, &batch.listeners) {
            self.ear.listeners = Arc::clone(&batch.listeners);
        }
        self.ear.phase = Phase::Timer;
        self.partition.expire(batch.watermark, &mut self.ear);
        if batch.ask == Ask::Connections && !batch.last {
            let order = Order { clock: batch.watermark, phase: Phase::End, packet: 0, n: 0 };
            let stood = Glimpse::latest(self.partition.connections());
            self.ear.said.push(Said { order, what: Saying::Stood(stood) });
        }
        if batch.last {
            (self.ear.phase, self.ear.clock, self.ear.n) = (Phase::End, batch.watermark, 0);
            self.partition.finish(batch.watermark, &mut self.ear);
        }
    }
}

impl Ear {
    /// What only those want to know who watch.
    fn watch(&mut self, event: &Event, connection: &Connection) {
        if let Fact::Stepped { from, to, .. } | Fact::RolledBack { from, to } = event.fact {
            self.states.step(from, to);
        }
        let happening =
            self.wishes.happenings.then(|| Happening::of(event, connection)).flatten().map(Box::new);
        let drafts = self.drafts.take_news();
        let what = happening.map(Saying::Happened).into_iter();
        for what in what.chain(drafts.into_iter().map(|f| Saying::Drafted(Box::new(f)))) {
            let order = self.place(event.at, connection);
            self.said.push(Said { order, what });
        }
    }

    fn place(&mut self, at: Timestamp, connection: &Connection) -> Order {
        self.n = self.n.wrapping_add(1);
        match self.phase {
            Phase::Packet => Order { clock: self.clock, phase: self.phase, packet: self.packet, n: self.n },
            Phase::Timer => Order { clock: at, phase: self.phase, packet: connection.id, n: self.n },
            Phase::End => Order { clock: self.clock, phase: self.phase, packet: connection.id, n: self.n },
        }
    }
}

impl Observer for Ear {
    fn on_event(&mut self, event: &Event, connection: &Connection, segment: Option<&Segment>) {
        self.drafts.judge(event, connection, segment);
        self.watch(event, connection);
        if let (Fact::Opened, Some(s)) = (event.fact, segment) {
            let order = self.place(event.at, connection);
            let syn = Some(s.seq).filter(|_| s.flags.syn() && !s.flags.ack());
            let ends = (s.src.min(s.dst), s.src.max(s.dst));
            let opening = Opening { connection: connection.id, ends, syn };
            self.said.push(Said { order, what: Saying::Opened(opening) });
        }
        if numbers_streams(&event.fact)
            || Census::wants(event, connection.client())
            || self.rules.is_wanted_beyond(event.fact.kind())
        {
            let order = self.place(event.at, connection);
            let endpoints = [connection.ends[0].endpoint, connection.ends[1].endpoint];
            let seen =
                Seen { connection: connection.id, endpoints, client: connection.client(), event: *event };
            self.said.push(Said { order, what: Saying::Seen(seen) });
        }
    }

    fn on_taken(&mut self, segment: &Segment, connection: &Connection) {
        if !self.wishes.segments {
            return;
        }
        let order = self.place(segment.time, connection);
        let sent = connection.ends[connection.end_of(&segment.src)].flow;
        let taken = TakenSegment { connection: connection.id, stream: None, segment: *segment, sent };
        self.said.push(Said { order, what: Saying::Took(Box::new(taken)) });
    }
}

impl Tracked for Ear {
    fn on_record(&mut self, record: Record, connection: &Connection, at: Timestamp) {
        let order = self.place(at, connection);
        for end in &connection.ends {
            self.states.leave(end.state);
        }
        let findings = self.drafts.finish(&record, connection);
        self.said.push(Said { order, what: Saying::Ended(Box::new(record), findings) });
    }

    fn is_listener(&self, endpoint: &Endpoint) -> bool {
        self.listeners.contains(endpoint)
    }
}

/// Facts that number streams; those that are counted are the census's.
fn numbers_streams(fact: &Fact) -> bool {
    matches!(fact, Fact::SynWhileSynchronized { .. })
}
