//! `Shard`: one partition with the rules beside it; and the threads that shards run on, batch by batch.

use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender};
use foldhash::HashSet;

use super::census::Census;
use super::moment::{Ask, Glimpse, Happening, Happenings, States, Wishes};
use super::order::{Order, Phase};
use crate::config::Config;
use crate::rules::{Drafts, Finding, RuleSet, Seen};
use crate::tcp::{Endpoint, Segment, Timestamp};
use crate::track::{Connection, Event, Fact, Flow, Observer, PARTITIONS, Partition, Record, Taken, Tracked};

/// Endpoints that have sent a SYN+ACK.
pub type Listeners = HashSet<Endpoint>;

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
    /// A fact that something beyond its connection wants to know.
    Seen(Seen),
    /// A connection ended, with the findings about it.
    Ended(Box<Record>, Vec<Finding>),
    /// A connection took in a segment.
    Took(Box<TakenSegment>),
    /// Something happened that a sink wants to hear at once.
    Happened(Happening),
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
}

/// Records that are done with: their boxes and lists are used again.
pub type Spare = Vec<Box<Record>>;

/// The segments of one batch for some partitions, each with the clock when it was read.
#[derive(Debug, Default)]
pub struct Batch {
    /// Partition, segment, clock.
    pub segments: Vec<(u8, Segment, Timestamp)>,
    /// The clock at the batch's end: timers up to it are met.
    pub watermark: Timestamp,
    /// The input ended: connections that began before this packet end now.
    pub finish: Option<u64>,
    /// What the sink wants to know at the batch's end.
    pub ask: Ask,
    /// Who sent a SYN+ACK in this batch and not before.
    pub new_listeners: Arc<[Endpoint]>,
    /// What was said of them, in no particular order.
    pub said: Vec<Said>,
    /// What was counted.
    pub counts: Counts,
    /// Room for the records to come.
    pub spare: Spare,
}

impl Batch {
    /// All of what was said is known by now.
    pub fn clear(&mut self) {
        /// As many records as end in an ordinary batch, so that what is kept stays in the processor's caches.
        const SPARE: usize = 512;
        // Most of it is facts, which need not be moved to be dropped.
        for Said { what, .. } in &mut self.said {
            if matches!(what, Saying::Ended(..))
                && self.spare.len() < SPARE
                && let Saying::Ended(record, _) = std::mem::replace(what, Saying::Stood(Vec::new()))
            {
                self.spare.push(record);
            }
        }
        self.said.clear();
    }
}

/// Partitions that one thread runs.
pub struct Shards {
    shards: Vec<Shard>,
    /// Of how many threads this is one: every so many partitions one is here.
    of: usize,
    listeners: Listeners,
}

impl Shards {
    /// Every `of`-th partition from `first` on.
    pub fn new(config: &Config, rules: &Arc<RuleSet>, wishes: Wishes, first: usize, of: usize) -> Self {
        let of = of.max(1);
        let shard = |_| Shard::new(Partition::new(&config.track), rules, wishes);
        let shards = (first..PARTITIONS).step_by(of).map(shard).collect();
        Self { shards, of, listeners: Listeners::default() }
    }

    /// Runs a batch: its segments go, what was said of them comes.
    pub fn run(&mut self, batch: &mut Batch) {
        let mut said = std::mem::take(&mut batch.said);
        let mut spare = std::mem::take(&mut batch.spare);
        let mut counts = Counts::default();
        self.listeners.extend(batch.new_listeners.iter().copied());
        for (partition, segment, clock) in &batch.segments {
            if let Some(shard) = self.shards.get_mut(usize::from(*partition) / self.of) {
                // One list for all, so that it is nearly in order when it is sorted.
                let (partition, mut voice) = shard.speak(&mut said, &mut spare, &self.listeners);
                on_segment(partition, &mut voice, segment, *clock, &mut counts);
            }
        }
        for shard in &mut self.shards {
            let (partition, mut voice) = shard.speak(&mut said, &mut spare, &self.listeners);
            close_batch(partition, &mut voice, batch);
            counts.evicted += partition.take_evicted();
            counts.states.add(&std::mem::take(&mut voice.ear.states));
        }
        batch.segments.clear();
        (batch.said, batch.spare, batch.counts) = (said, spare, counts);
    }

    /// Runs batches until there are no more.
    pub fn serve(mut self, batches: &Receiver<Batch>, answers: &Sender<Batch>) {
        for mut batch in batches {
            self.run(&mut batch);
            if answers.send(batch).is_err() {
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
    wishes: Wishes,
    /// Changes since last asked.
    states: States,
    clock: Timestamp,
    phase: Phase,
    packet: u64,
    n: u32,
}

/// An ear with what all ears of a thread share.
struct Voice<'a> {
    ear: &'a mut Ear,
    said: &'a mut Vec<Said>,
    spare: &'a mut Spare,
    listeners: &'a Listeners,
}

impl Shard {
    fn new(partition: Partition, rules: &Arc<RuleSet>, wishes: Wishes) -> Self {
        let ear = Ear {
            rules: Arc::clone(rules),
            drafts: Drafts::new(wishes.drafts),
            wishes,
            states: States::default(),
            clock: Timestamp::MIN,
            phase: Phase::Timer,
            packet: 0,
            n: 0,
        };
        Self { partition, ear }
    }

    fn speak<'a>(
        &'a mut self,
        said: &'a mut Vec<Said>,
        spare: &'a mut Spare,
        listeners: &'a Listeners,
    ) -> (&'a mut Partition, Voice<'a>) {
        (&mut self.partition, Voice { ear: &mut self.ear, said, spare, listeners })
    }
}

fn on_segment(
    partition: &mut Partition,
    voice: &mut Voice<'_>,
    s: &Segment,
    clock: Timestamp,
    counts: &mut Counts,
) {
    voice.ear.phase = Phase::Timer;
    partition.expire(clock, voice);
    let ear = &mut voice.ear;
    (ear.phase, ear.clock, ear.packet, ear.n) = (Phase::Packet, clock, s.packet, 0);
    match partition.on_segment(s, clock, voice) {
        Taken::Segment => counts.segments += 1,
        Taken::Duplicate => counts.duplicates += 1,
        Taken::BadChecksum => counts.bad_checksums += 1,
    }
}

fn close_batch(partition: &mut Partition, voice: &mut Voice<'_>, batch: &Batch) {
    voice.ear.phase = Phase::Timer;
    partition.expire(batch.watermark, voice);
    if batch.ask == Ask::Connections {
        let order = Order { clock: batch.watermark, phase: Phase::End, packet: 0, n: 0 };
        let mut stood = Glimpse::latest(partition);
        stood.extend(partition.frozen(Glimpse::FROZEN).iter().map(Glimpse::of));
        voice.said.push(Said { order, what: Saying::Stood(stood) });
    }
    if let Some(before) = batch.finish {
        (voice.ear.phase, voice.ear.clock, voice.ear.n) = (Phase::End, batch.watermark, 0);
        partition.finish(before, batch.watermark, voice);
    }
}

impl Ear {
    fn place(&mut self, at: Timestamp, connection: &Connection) -> Order {
        self.n = self.n.wrapping_add(1);
        match self.phase {
            Phase::Packet => Order { clock: self.clock, phase: self.phase, packet: self.packet, n: self.n },
            Phase::Timer => Order { clock: at, phase: self.phase, packet: connection.id, n: self.n },
            Phase::End => Order { clock: self.clock, phase: self.phase, packet: connection.id, n: self.n },
        }
    }
}

impl Voice<'_> {
    /// What only those want to know who watch.
    fn watch(&mut self, event: &Event, connection: &Connection) {
        if let Fact::Stepped { from, to, .. } | Fact::RolledBack { from, to } = event.fact {
            self.ear.states.step(from, to);
        }
        let Wishes { happenings: which, drafts, .. } = self.ear.wishes;
        if which == Happenings::None && !drafts {
            return;
        }
        let happening = (which > Happenings::None).then(|| Happening::of(event, connection, which)).flatten();
        let drafts = self.ear.drafts.take_news().into_iter().map(|f| Saying::Drafted(Box::new(f)));
        for what in happening.map(Saying::Happened).into_iter().chain(drafts) {
            let order = self.ear.place(event.at, connection);
            self.said.push(Said { order, what });
        }
    }
}

impl Observer for Voice<'_> {
    fn on_event(&mut self, event: &Event, connection: &Connection, segment: Option<&Segment>) {
        self.ear.drafts.judge(&self.ear.rules, event, connection, segment);
        self.watch(event, connection);
        if numbers_streams(&event.fact)
            || Census::wants(event, connection.client())
            || self.ear.rules.is_wanted_beyond(event.fact.kind())
        {
            let order = self.ear.place(event.at, connection);
            let seen = Seen::new(event, connection, segment);
            self.said.push(Said { order, what: Saying::Seen(seen) });
        }
    }

    fn on_taken(&mut self, segment: &Segment, connection: &Connection) {
        if !self.ear.wishes.segments {
            return;
        }
        let order = self.ear.place(segment.time, connection);
        let sent = connection.ends[connection.end_of(&segment.src)].flow;
        let taken = TakenSegment { connection: connection.id, stream: None, segment: *segment, sent };
        self.said.push(Said { order, what: Saying::Took(Box::new(taken)) });
    }
}

impl Tracked for Voice<'_> {
    fn on_record(&mut self, record: Box<Record>, connection: &Connection, at: Timestamp) {
        let order = self.ear.place(at, connection);
        for end in &connection.ends {
            self.ear.states.leave(end.state);
        }
        let findings = self.ear.drafts.finish(&record, connection);
        self.said.push(Said { order, what: Saying::Ended(record, findings) });
    }

    fn spare(&mut self) -> Option<Box<Record>> {
        self.spare.pop()
    }

    fn on_frozen(&mut self, connection: u64) {
        self.ear.drafts.forget(connection);
    }

    /// The rules remember what they said; nobody else needs to hear it again.
    fn on_event_again(&mut self, event: &Event, connection: &Connection, segment: Option<&Segment>) {
        self.ear.drafts.judge(&self.ear.rules, event, connection, segment);
        if self.ear.wishes.drafts {
            self.ear.drafts.take_news();
        }
    }

    fn is_listener(&self, endpoint: &Endpoint) -> bool {
        self.listeners.contains(endpoint)
    }
}

/// Facts that number streams; those that are counted are the census's.
fn numbers_streams(fact: &Fact) -> bool {
    matches!(fact, Fact::Opened | Fact::SynWhileSynchronized { .. })
}
