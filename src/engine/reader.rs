//! `Reader`: reads and decodes the source, keeps the clock, and fills batches.

use std::sync::Arc;

use super::merge::Merge;
use super::moment::Ask;
use super::shard::Listeners;
use super::summary::Summary;
use super::workers::Workers;
use crate::config::Config;
use crate::decode::{Decoder, Skip};
use crate::error::Error;
use crate::source::{Next, Source};
use crate::tcp::{Checksum, Duration, Endpoint, Segment, Timestamp};
use crate::track::FlowKey;

/// Segments of one batch: 88 KiB of them, so that they, and what is said of them, fit a processor's second-level cache
/// of 1 MiB. Timers are met at batch ends at the latest; the choice changes no result but the roles of connections whose
/// opening was not captured, which look at who is known to listen.
const BATCH: usize = 512;
/// A longer silence is no part of a batch: timers are met a step at a time, because the records of all that it ends would
/// need more room than they did open.
const SILENCE: Duration = Duration::from_secs(1);
/// What ends in as long is as much as a thousand packets open, at 10,000 new connections a second.
const STEP: Duration = Duration::from_millis(200);
/// Steps of one silence: most of what waits does so for [`crate::config::TrackConfig::linger`], 75 s.
const STEPS: u32 = 640;
/// Packets for each step that is made, which costs as much as two of them. By packets, because they are the same for
/// any number of threads.
const FOR_A_STEP: u32 = 32;
/// Endpoints remembered as listening.
const MAX_LISTENERS: usize = 1 << 16;

/// How far a batch was filled.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Filled {
    /// There is more.
    Up,
    /// There is more, a silence later.
    Paused,
    /// There is nothing more now.
    ForNow,
    /// There is nothing more.
    ToTheEnd,
}

/// Reads and decodes, and keeps the clock.
pub(super) struct Reader<'a> {
    pub source: &'a mut dyn Source,
    decoder: Decoder,
    pub summary: Summary,
    pub clock: Timestamp,
    /// The clock of what was handed out.
    pub reached: Timestamp,
    /// The packet that came after a silence.
    held: Option<(u64, Result<Segment, Skip>)>,
    /// Packets that no step was made for; no more are counted than are needed at once.
    unspent: u32,
    /// The highest packet number: a filter leaves gaps.
    pub latest: u64,
    pending: Vec<(u8, Segment, Timestamp)>,
    listeners: Listeners,
    new_listeners: Vec<Endpoint>,
    skips: [u64; Skip::ALL.len()],
    pub syns: u64,
    pub quoted_at: Option<u64>,
    pub failure: Option<Error>,
}

impl<'a> Reader<'a> {
    pub fn new(source: &'a mut dyn Source, config: &Config) -> Self {
        Self {
            source,
            decoder: Decoder::new(config.decode.clone()),
            summary: Summary::default(),
            clock: Timestamp::MIN,
            reached: Timestamp::MIN,
            held: None,
            unspent: 0,
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
    pub fn fill(&mut self) -> Filled {
        let filled = self.read();
        if filled != Filled::Paused {
            self.reached = self.clock;
        }
        filled
    }

    fn read(&mut self) -> Filled {
        if let Some((number, decoded)) = self.held.take() {
            self.take(number, decoded);
        }
        // A source may say that a file can't be read and still have others.
        let mut read = 0;
        while self.pending.len() < BATCH && read < 16 * BATCH {
            match self.source.next() {
                Ok(Next::Packet(packet)) => {
                    let number = packet.number;
                    self.latest = self.latest.max(number);
                    let before = self.clock;
                    note_packet(&mut self.summary, &mut self.clock, packet.time);
                    let decoded = self.decoder.decode(&packet);
                    if self.is_pause(before) {
                        self.held = Some((number, decoded));
                        self.reached = before;
                        return Filled::Paused;
                    }
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

    /// Whether the clock went on so far that timers are met before the packet is seen.
    fn is_pause(&mut self, before: Timestamp) -> bool {
        self.unspent = (self.unspent + 1).min(STEPS * FOR_A_STEP);
        self.unspent >= STEPS * FOR_A_STEP / 8 && before != Timestamp::MIN && self.clock > before + SILENCE
    }

    /// Meets the timers of a silence, but for those at its end.
    pub fn pass_silence(&mut self, workers: &mut Workers, merge: &mut Merge<'_>) {
        while self.reached + STEP < self.clock && self.unspent >= FOR_A_STEP {
            self.unspent -= FOR_A_STEP;
            self.reached = self.reached + STEP;
            self.hand_out(workers, None, Ask::Nothing);
            workers.take_back(false, merge);
        }
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
    pub fn hand_out(&mut self, workers: &mut Workers, finish: Option<u64>, ask: Ask) {
        let count = workers.count();
        let new_listeners: Arc<[Endpoint]> = std::mem::take(&mut self.new_listeners).into();
        let mut parts = workers.empty();
        for part in &mut parts {
            part.watermark = self.reached;
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

    pub fn report(&self, summary: &mut Summary) {
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
