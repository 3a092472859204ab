//! `Workers`: who runs the shards: the thread that reads, or threads of their own.

use crossbeam_channel::{Receiver, Sender};

use super::merge::Merge;
use super::shard::{Batch, Shards};

/// Batches that wait for a worker at most: memory in flight is this many times a batch.
pub(super) const IN_FLIGHT: usize = 8;

/// Who runs the shards. A batch goes out with segments and comes back with what was said of them; its room is used
/// again.
pub(super) enum Workers {
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
pub(super) struct Line {
    pub batches: Sender<Batch>,
    pub answers: Receiver<Batch>,
}

impl Workers {
    pub fn count(&self) -> usize {
        match self {
            Self::Here(..) => 1,
            Self::Threads { lines, .. } => lines.len(),
        }
    }

    /// Batches without anything in them, one for each worker.
    pub fn empty(&mut self) -> Vec<Batch> {
        match self {
            Self::Here(_, batch) => vec![std::mem::take(batch)],
            Self::Threads { lines, spare, .. } => {
                spare.pop().unwrap_or_else(|| lines.iter().map(|_| Batch::default()).collect())
            }
        }
    }

    /// Has them run, one by each worker.
    pub fn work(&mut self, parts: Vec<Batch>) {
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
    pub fn take_back(&mut self, all: bool, merge: &mut Merge<'_>) {
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
