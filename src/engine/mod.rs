//! Runs an analysis: one loop for files and interfaces, one way out.

mod by_id;
mod census;
mod merge;
mod moment;
mod order;
mod places;
mod reader;
mod shard;
mod streams;
mod summary;
mod workers;

use std::ops::ControlFlow;
use std::sync::Arc;

use crossbeam_channel::bounded;

use merge::Merge;
use reader::{Filled, Reader};
use shard::{Batch, Shards};
use workers::{IN_FLIGHT, Line, Workers};

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
use crate::error::Error;
use crate::rules::{Finding, RuleSet};
use crate::source::Source;
use crate::tcp::Timestamp;
use crate::track::{PARTITIONS, Record};

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

/// At the end of the input, the connections that began within so many packets end together, with those before them on
/// the same 4-tuples. For the caches too: with 8192, a flood of two million SYNs took a third more CPU, and more memory.
const ENDED_TOGETHER: u64 = 1 << 10;

fn run(mut reader: Reader<'_>, mut workers: Workers, mut merge: Merge<'_>) -> Outcome {
    loop {
        let filled = reader.fill();
        if let Some(packet) = reader.quoted_at {
            merge.streams_end_at(packet);
        }
        let last = filled == Filled::ToTheEnd || merge.is_stopped();
        let ask = merge.asks(reader.reached);
        reader.hand_out(&mut workers, None, ask);
        // While the wire is quiet, nothing is gained by letting an answer wait; and who asks is answered at once.
        workers.take_back(last || filled == Filled::ForNow || ask > Ask::Nothing, &mut merge);
        if filled == Filled::ForNow {
            merge.silence(reader.clock);
        }
        if ask > Ask::Nothing {
            let mut summary = merge.summary.clone();
            reader.report(&mut summary);
            merge.moment(reader.reached, &summary, reader.syns, reader.source.inputs());
        }
        if filled == Filled::Paused {
            reader.pass_silence(&mut workers, &mut merge);
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
