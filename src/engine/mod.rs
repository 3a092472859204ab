//! Runs an analysis: one loop for files and interfaces, one way out.

mod by_id;
mod census;
mod merge;
mod moment;
mod order;
mod places;
mod shard;
mod streams;
mod summary;

use std::ops::ControlFlow;
use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender, bounded};

use merge::Merge;
use shard::{Batch, Listeners, Shards};

pub use census::{
    Answer, Cause, Ceiling, Client, Closes, Cost, Curve, Destination, HalfOpenEnds, Heard, Host,
    IDLE_REASONS, Idle, IdleReason, Listener, Outcomes, Point, PortSet, Question, Restart, RestartKind,
    Restarts, Reuses, Rival, Saving, Spread, Step, Symptoms, SynQueue, TimeWaitEnds, Verdict, Window, setup,
};
pub use moment::{Ask, Glimpse, Happening, Happenings, Moment, States, Wishes};
pub use order::{Order, Phase};
pub use shard::TakenSegment;
pub use summary::{Findings, Gauge, Limits, Summary};

use crate::config::Config;
use crate::decode::{Decoder, Skip};
use crate::error::Error;
use crate::rules::{Finding, RuleSet};
use crate::source::{Next, Packet, Source};
use crate::tcp::{Checksum, Duration, Endpoint, Segment, Timestamp};
use crate::track::{FlowKey, PARTITIONS, Record};

/// The only way out of an analysis. Every method has an empty body, so that one writes only the wanted ones;
/// `Break` stops the analysis as at the end of the input.
pub trait Sink {
    /// A connection ended; `findings` are those about it, by frame then rule.
    fn connection(&mut self, _record: &Record, _findings: &[Finding]) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    /// A finding about more than one connection.
    fn finding(&mut self, _finding: &Finding) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    /// What happened at one address and port that connections were opened to; told at the end, by address and port.
    fn listener(&mut self, _listener: &Listener) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    /// What one address did as a client; told at the end, by address.
    fn client(&mut self, _client: &Client) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    /// The TIME_WAITs that one address held; told at the end, by address.
    fn host(&mut self, _host: &Host) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    /// What else is to be told; asked once, before the first packet.
    fn wishes(&self) -> Wishes {
        Wishes::default()
    }

    /// A connection took in a segment. Comes after the segments before it and before its connection's record.
    fn segment(&mut self, _taken: &TakenSegment) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    /// A connection changed how it stands. Comes when it is read, in order with all else.
    fn happening(&mut self, _happening: &Happening) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    /// A finding about one connection as soon as it is made, and again when it becomes worse. Its words and numbers may
    /// change, and it may be withdrawn, until it comes with its connection.
    fn draft(&mut self, _finding: &Finding) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    /// What the sink wants to know now; asked after every batch of packets with the clock of the capture.
    fn asks(&mut self, _clock: Timestamp) -> Ask {
        Ask::Nothing
    }

    /// How things stand at the end of a batch, where [`Sink::asks`] asked for it.
    fn moment(&mut self, _moment: &Moment<'_>) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    /// So many packets were read; called now and then, for a progress bar.
    fn progress(&mut self, _packets: u64) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

/// What came of an analysis.
#[derive(Debug)]
pub struct Outcome {
    /// Counts over all that was read.
    pub summary: Summary,
    /// Why it could not go on; what was read before it is analyzed and in the sink all the same.
    pub failure: Option<Error>,
}

/// Reads the source to its end and tells the sink what its connections did.
pub fn analyze(source: &mut dyn Source, config: &Config, sink: &mut dyn Sink) -> Outcome {
    let rules = Arc::new(RuleSet::new(&config.rules));
    let threads = match config.threads {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        n => n.min(PARTITIONS + 1),
    };
    let reader = Reader::new(source, config);
    let wishes = sink.wishes();
    if threads < 2 {
        let workers = Workers::Here(Box::new(Shards::new(config, &rules, wishes, 0, 1)), Batch::default());
        return run(reader, workers, Merge::new(sink, config, &rules));
    }
    std::thread::scope(|scope| {
        let lines = (0..threads - 1).map(|i| {
            let (batches, inbox) = bounded(IN_FLIGHT);
            let (outbox, answers) = bounded(IN_FLIGHT);
            let shards = Shards::new(config, &rules, wishes, i, threads - 1);
            scope.spawn(move || shards.serve(&inbox, &outbox));
            Line { batches, answers }
        });
        let workers = Workers::Threads { lines: lines.collect(), waiting: 0, spare: Vec::new() };
        run(reader, workers, Merge::new(sink, config, &rules))
    })
}

/// Segments of one batch: 88 KiB of them, so that they, and what is said of them, fit a processor's second-level cache
/// of 1 MiB. Timers are met at batch ends at the latest; the choice changes no result but the roles of connections whose
/// opening was not captured, which look at who is known to listen.
const BATCH: usize = 512;
/// Batches that wait for a worker at most: memory in flight is this many times [`BATCH`].
const IN_FLIGHT: usize = 8;
/// At the end of the input, the connections that began within so many packets end together, with those before them on
/// the same 4-tuples. For the caches too: with 8192, a flood of two million SYNs took a third more CPU, and more memory.
const ENDED_TOGETHER: u64 = 1 << 10;
/// Endpoints remembered as listening.
const MAX_LISTENERS: usize = 1 << 16;

fn run(mut reader: Reader<'_>, mut workers: Workers, mut merge: Merge<'_>) -> Outcome {
    loop {
        let filled = reader.fill();
        if let Some(packet) = reader.quoted_at {
            merge.streams_end_at(packet);
        }
        let last = filled == Filled::ToTheEnd || merge.is_stopped();
        let ask = merge.asks(reader.clock);
        reader.hand_out(&mut workers, None, ask);
        // While the wire is quiet, nothing is gained by letting an answer wait; and who asks is answered at once.
        workers.take_back(last || filled == Filled::ForNow || ask > Ask::Nothing, &mut merge);
        if filled == Filled::ForNow {
            merge.silence(reader.clock);
        }
        if ask > Ask::Nothing {
            let mut summary = merge.summary.clone();
            reader.report(&mut summary);
            merge.moment(reader.clock, &summary, reader.syns, reader.source.inputs());
        }
        merge.progress(reader.summary.packets);
        if last {
            break;
        }
    }
    end_connections(&mut reader, &mut workers, &mut merge);
    let mut summary = merge.finish(reader.clock);
    reader.report(&mut summary);
    Outcome { summary, failure: reader.failure }
}

/// Ends what is still open, a part at a time: the records of all at once would need more room than they did open.
fn end_connections(reader: &mut Reader<'_>, workers: &mut Workers, merge: &mut Merge<'_>) {
    let latest = reader.latest;
    let mut before = 0;
    while before <= latest {
        before += ENDED_TOGETHER;
        let last = before > latest;
        reader.hand_out(workers, Some(before), Ask::Nothing);
        workers.take_back(last, merge);
    }
}

/// How far a batch was filled.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Filled {
    /// There is more.
    Up,
    /// There is nothing more now.
    ForNow,
    /// There is nothing more.
    ToTheEnd,
}

/// Reads and decodes, and keeps the clock.
struct Reader<'a> {
    source: &'a mut dyn Source,
    decoder: Decoder,
    summary: Summary,
    clock: Timestamp,
    /// The highest packet number: a filter leaves gaps.
    latest: u64,
    pending: Vec<(u8, Segment, Timestamp)>,
    listeners: Listeners,
    new_listeners: Vec<Endpoint>,
    skips: [u64; Skip::ALL.len()],
    syns: u64,
    quoted_at: Option<u64>,
    failure: Option<Error>,
}

impl<'a> Reader<'a> {
    fn new(source: &'a mut dyn Source, config: &Config) -> Self {
        Self {
            source,
            decoder: Decoder::new(config.decode.clone()),
            summary: Summary::default(),
            clock: Timestamp::MIN,
            latest: 0,
            pending: Vec::with_capacity(BATCH),
            listeners: Listeners::default(),
            new_listeners: Vec::new(),
            skips: [0; Skip::ALL.len()],
            syns: 0,
            quoted_at: None,
            failure: None,
        }
    }

    /// Reads until the batch is full, or the source has nothing.
    fn fill(&mut self) -> Filled {
        // A source may say that a file can't be read and still have others.
        let mut read = 0;
        while self.pending.len() < BATCH && read < 16 * BATCH {
            match self.source.next() {
                Ok(Next::Packet(packet)) => {
                    let packet = Packet { time: packet.time.of_packet(), ..packet };
                    let number = packet.number;
                    self.latest = self.latest.max(number);
                    note_packet(&mut self.summary, &mut self.clock, packet.time);
                    let decoded = self.decoder.decode(&packet);
                    self.take(number, decoded);
                    read += 1;
                }
                Ok(Next::Idle(now)) => {
                    self.clock = self.clock.max(now);
                    return Filled::ForNow;
                }
                Ok(Next::End) => return Filled::ToTheEnd,
                Err(error) => {
                    self.failure.get_or_insert(error);
                }
            }
        }
        Filled::Up
    }

    fn take(&mut self, number: u64, decoded: Result<Segment, Skip>) {
        match decoded {
            Ok(segment) => {
                self.summary.bad_checksums += u64::from(segment.checksum == Checksum::Bad);
                self.syns += u64::from(segment.flags.syn() && !segment.flags.ack());
                if segment.flags.syn()
                    && segment.flags.ack()
                    && self.listeners.len() < MAX_LISTENERS
                    && self.listeners.insert(segment.src)
                {
                    self.new_listeners.push(segment.src);
                }
                let partition = FlowKey::of(&segment).partition() as u8;
                self.pending.push((partition, segment, self.clock));
            }
            Err(skip) => {
                if skip == Skip::IcmpQuote {
                    self.quoted_at.get_or_insert(number);
                }
                if let Some(count) = self.skips.get_mut(skip as usize) {
                    *count += 1;
                }
            }
        }
    }

    /// Gives what was read to the workers, each its part.
    fn hand_out(&mut self, workers: &mut Workers, finish: Option<u64>, ask: Ask) {
        let count = workers.count();
        let new_listeners: Arc<[Endpoint]> = std::mem::take(&mut self.new_listeners).into();
        let mut parts = workers.empty();
        for part in &mut parts {
            part.watermark = self.clock;
            part.finish = finish;
            part.ask = ask;
            part.new_listeners = Arc::clone(&new_listeners);
        }
        if let [only] = parts.as_mut_slice() {
            std::mem::swap(&mut only.segments, &mut self.pending);
        } else {
            for item in self.pending.drain(..) {
                if let Some(part) = parts.get_mut(usize::from(item.0) % count) {
                    part.segments.push(item);
                }
            }
        }
        workers.work(parts);
    }

    fn report(&self, summary: &mut Summary) {
        summary.packets = self.summary.packets;
        summary.bad_checksums = self.summary.bad_checksums;
        summary.time_backsteps = self.summary.time_backsteps;
        for (skip, count) in Skip::ALL.iter().zip(self.skips) {
            if count > 0 {
                summary.skipped.insert(skip.name(), count);
            }
        }
    }
}

fn note_packet(summary: &mut Summary, clock: &mut Timestamp, time: Timestamp) {
    /// Less is jitter between queues of one network card; more is a clock set back, or files out of order.
    const BACKSTEP: Duration = Duration::from_secs(1);
    summary.packets += 1;
    if time + BACKSTEP < *clock {
        summary.time_backsteps += 1;
    }
    *clock = (*clock).max(time);
}

/// Who runs the shards. A batch goes out with segments and comes back with what was said of them; its room is used
/// again.
enum Workers {
    /// This thread, and the batch it has run.
    Here(Box<Shards>, Batch),
    /// Threads of their own.
    Threads {
        lines: Vec<Line>,
        /// Batches out, and not taken back yet.
        waiting: usize,
        /// Rooms of batches that came back, one list a round.
        spare: Vec<Vec<Batch>>,
    },
}

/// The way to one worker and back.
struct Line {
    batches: Sender<Batch>,
    answers: Receiver<Batch>,
}

impl Workers {
    fn count(&self) -> usize {
        match self {
            Self::Here(..) => 1,
            Self::Threads { lines, .. } => lines.len(),
        }
    }

    /// Batches without anything in them, one for each worker.
    fn empty(&mut self) -> Vec<Batch> {
        match self {
            Self::Here(_, batch) => vec![std::mem::take(batch)],
            Self::Threads { lines, spare, .. } => {
                spare.pop().unwrap_or_else(|| lines.iter().map(|_| Batch::default()).collect())
            }
        }
    }

    /// Has them run, one by each worker.
    fn work(&mut self, parts: Vec<Batch>) {
        match self {
            Self::Here(shards, batch) => {
                for mut part in parts {
                    shards.run(&mut part);
                    *batch = part;
                }
            }
            Self::Threads { lines, waiting, .. } => {
                for (line, part) in lines.iter().zip(parts) {
                    line.batches.send(part).expect("a worker lives until its line is dropped");
                }
                *waiting += 1;
            }
        }
    }

    /// Merges what came back, a round at a time in order: all of it, or as much as makes room for more.
    fn take_back(&mut self, all: bool, merge: &mut Merge<'_>) {
        match self {
            Self::Here(_, batch) => merge.take(std::slice::from_mut(batch)),
            Self::Threads { lines, waiting, spare } => {
                while *waiting > if all { 0 } else { IN_FLIGHT - 1 } {
                    let answer = |line: &Line| line.answers.recv().expect("a worker answers every batch");
                    let mut round: Vec<Batch> = lines.iter().map(answer).collect();
                    merge.take(&mut round);
                    spare.push(round);
                    *waiting -= 1;
                }
            }
        }
    }
}
