//! `STAGES`: from reading alone to the whole way to JSON.

use std::io;
use std::path::Path;

use tcpscope::config::{Config, TrackConfig};
use tcpscope::decode::{Decoder, Skip};
use tcpscope::engine::{self, Sink};
use tcpscope::output::{Format, Layout, Lines, Way};
use tcpscope::report::{Bounds, Collector};
use tcpscope::source::{FileOptions, Files, Next, Packet, Source};
use tcpscope::tcp::{Endpoint, Segment, Timestamp};
use tcpscope::track::{Connection, Event, FlowKey, Observer, PARTITIONS, Partition, Record, Tracked};

/// How far an analysis goes.
pub struct Stage {
    pub name: &'static str,
    /// Does it to a capture; the number is there to be used.
    pub run: fn(&Path) -> u64,
}

/// Each does what those before it do, and one thing more; but that `layers` does what `decode` does, without its short
/// way for common packets, so that one sees what that is worth.
pub const STAGES: [Stage; 7] = [
    Stage { name: "source", run: source },
    Stage { name: "layers", run: |path| decode(path, Decoder::decode_by_layers) },
    Stage { name: "decode", run: |path| decode(path, Decoder::decode) },
    Stage { name: "track", run: track },
    Stage { name: "engine", run: |path| analyze(path, &mut Nothing) },
    Stage { name: "ndjson", run: ndjson },
    Stage { name: "json", run: json },
];

fn open(path: &Path) -> Files {
    Files::open([path], &FileOptions::default()).expect("no filter to be wrong")
}

fn each_packet(path: &Path, mut take: impl FnMut(&Packet<'_>)) {
    let mut files = open(path);
    while let Next::Packet(packet) = files.next().expect("a capture just made") {
        take(&packet);
    }
}

fn source(path: &Path) -> u64 {
    let mut bytes = 0;
    each_packet(path, |packet| bytes += packet.data.len() as u64);
    bytes
}

fn decode(path: &Path, way: impl Fn(&mut Decoder, &Packet<'_>) -> Result<Segment, Skip>) -> u64 {
    let mut decoder = Decoder::new(Config::default().decode);
    let mut payload = 0;
    each_packet(path, |packet| {
        payload += way(&mut decoder, packet).map_or(0, |segment| u64::from(segment.payload_len));
    });
    payload
}

/// The table of connections alone, with nobody to judge.
fn track(path: &Path) -> u64 {
    let mut decoder = Decoder::new(Config::default().decode);
    let mut partitions: Vec<_> = (0..PARTITIONS).map(|_| Partition::new(&TrackConfig::default())).collect();
    let (mut clock, mut last, mut seen) = (Timestamp::MIN, 0, Counted::default());
    each_packet(path, |packet| {
        clock = clock.max(packet.time);
        last = packet.number;
        if let Ok(segment) = decoder.decode(packet) {
            let partition = &mut partitions[FlowKey::of(&segment).partition()];
            partition.expire(clock, &mut seen);
            partition.on_segment(&segment, clock, &mut seen);
        }
    });
    for partition in &mut partitions {
        partition.expire(clock, &mut seen);
        partition.finish(last + 1, clock, &mut seen);
    }
    seen.events + seen.records
}

/// Counts what it is told.
#[derive(Default)]
struct Counted {
    events: u64,
    records: u64,
    spare: Option<Box<Record>>,
}

impl Observer for Counted {
    fn on_event(&mut self, _: &Event, _: &Connection, _: Option<&Segment>) {
        self.events += 1;
    }
}

impl Tracked for Counted {
    fn on_record(&mut self, record: Box<Record>, _: &Connection, _: Timestamp) {
        self.records += 1;
        self.spare = Some(record);
    }

    fn spare(&mut self) -> Option<Box<Record>> {
        self.spare.take()
    }

    fn on_frozen(&mut self, _: u64) {}

    fn on_event_again(&mut self, _: &Event, _: &Connection, _: Option<&Segment>) {}

    fn is_listener(&self, _: &Endpoint) -> bool {
        false
    }
}

/// On one thread: with more, how much is done at once decides on the instructions of waiting.
fn analyze(path: &Path, sink: &mut dyn Sink) -> u64 {
    let config = Config { threads: 1, ..Config::default() };
    engine::analyze(&mut open(path), &config, sink).summary.connections
}

/// Wants to know nothing.
struct Nothing;

impl Sink for Nothing {}

fn ndjson(path: &Path) -> u64 {
    let mut files = open(path);
    let mut lines = Lines::new(io::sink(), &[path.to_owned()]);
    let config = Config { threads: 1, ..Config::default() };
    let outcome = engine::analyze(&mut files, &config, &mut lines);
    lines.finish(files.inputs(), &outcome.summary).expect("nobody refuses to take it");
    outcome.summary.connections
}

fn json(path: &Path) -> u64 {
    let mut files = open(path);
    let mut collector = Collector::new(Bounds::default());
    let config = Config { threads: 1, ..Config::default() };
    let outcome = engine::analyze(&mut files, &config, &mut collector);
    let report = collector.finish(files.inputs(), outcome.summary);
    let Way::Report(write) = Format::of("json").expect("a format").way else { unreachable!("one document") };
    write(&report, &Layout::default(), &mut io::sink()).expect("nobody refuses to take it");
    report.summary.connections
}
