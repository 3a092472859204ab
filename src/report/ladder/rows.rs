//! `Rows`: the segments of one connection in their order, folded together where there are too many to keep.

use crate::engine::TakenSegment;
use crate::tcp::{Endpoint, Flags, Segment, SeqNumber, Timestamp};
use crate::track::Flow;

/// One segment, or many in one.
#[derive(Clone, Debug)]
pub enum Row {
    /// A segment.
    One(Sent),
    /// Segments that follow each other.
    Many(Fold),
}

/// A segment as its connection saw it.
#[derive(Clone, Copy, Debug)]
pub struct Sent {
    /// The segment.
    pub segment: Segment,
    /// Index of its sender in [`Rows::ends`].
    pub end: usize,
    /// Its sequence number less its sender's ISN; it does not wrap. As in the header where no ISN is known.
    pub seq: i64,
    /// Its acknowledgment number less the receiver's ISN; it does not wrap.
    pub ack: i64,
    /// What it is beside what its header says.
    pub mark: Option<Mark>,
}

/// What a segment is, as the tracker counts it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mark {
    /// It was there before.
    Again,
    /// It comes late, but for the first time.
    Late,
    /// It repeats the last acknowledgment while data is missing.
    DuplicateAck,
    /// It asks whether the peer is there.
    KeepAlive,
    /// It asks whether the peer's window is open.
    Probe,
}

impl Mark {
    /// The printed words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Again => "again",
            Self::Late => "late",
            Self::DuplicateAck => "dup ack",
            Self::KeepAlive => "keep-alive",
            Self::Probe => "probe",
        }
    }
}

/// Segments that follow each other, counted by sender.
#[derive(Clone, Copy, Debug)]
pub struct Fold {
    /// Packet number and time of the first.
    pub first: (u64, Timestamp),
    /// Packet number and time of the last.
    pub last: (u64, Timestamp),
    /// What each end sent.
    pub of: [Count; 2],
}

/// Segments of one end.
#[derive(Clone, Copy, Debug, Default)]
pub struct Count {
    /// All of them.
    pub segments: u64,
    /// Those with payload.
    pub with_payload: u64,
    /// Payload bytes.
    pub bytes: u64,
    /// Those sent again.
    pub again: u64,
}

impl Sent {
    /// Data or an acknowledgment and nothing else: what may be folded.
    pub fn is_plain(&self) -> bool {
        let flags = Flags::SYN | Flags::FIN | Flags::RST | Flags::URG;
        let probe = matches!(self.mark, Some(Mark::KeepAlive | Mark::Probe));
        !self.segment.flags.any(flags) && self.segment.window != 0 && !probe
    }
}

impl Fold {
    /// One segment.
    pub fn of(sent: &Sent) -> Self {
        let place = (sent.segment.packet, sent.segment.time);
        let mut of = [Count::default(); 2];
        if let Some(count) = of.get_mut(sent.end) {
            *count = Count {
                segments: 1,
                with_payload: u64::from(sent.segment.payload_len > 0),
                bytes: sent.segment.payload_len.into(),
                again: u64::from(sent.mark == Some(Mark::Again)),
            };
        }
        Self { first: place, last: place, of }
    }

    /// Adds what follows.
    pub fn join(&mut self, next: &Self) {
        self.last = next.last;
        for (count, more) in self.of.iter_mut().zip(&next.of) {
            count.segments += more.segments;
            count.with_payload += more.with_payload;
            count.bytes += more.bytes;
            count.again += more.again;
        }
    }
}

impl Row {
    /// As a fold, of one segment if need be.
    pub fn folded(&self) -> Fold {
        match self {
            Self::One(sent) => Fold::of(sent),
            Self::Many(fold) => *fold,
        }
    }

    /// Number of its first packet.
    pub fn frame(&self) -> u64 {
        match self {
            Self::One(sent) => sent.segment.packet,
            Self::Many(fold) => fold.first.0,
        }
    }

    fn may_fold(&self) -> bool {
        match self {
            Self::One(sent) => sent.is_plain(),
            Self::Many(_) => true,
        }
    }
}

/// The rows of one connection within a bound.
#[derive(Clone, Debug)]
pub struct Rows {
    /// The two ends; 0 sent the first segment.
    pub ends: [Endpoint; 2],
    list: Vec<Row>,
    bound: usize,
    /// The latest number of each end, in the header and counted on.
    numbers: [Option<(SeqNumber, i64)>; 2],
    sent: [Flow; 2],
}

impl Rows {
    /// No rows yet of the connection that this segment begins; `bound` of them at most.
    pub fn new(first: &Segment, bound: usize) -> Self {
        Self {
            ends: [first.src, first.dst],
            list: Vec::new(),
            bound: bound.max(8),
            numbers: [None; 2],
            sent: [Flow::default(); 2],
        }
    }

    /// Adds a segment.
    pub fn push(&mut self, taken: &TakenSegment) {
        let s = taken.segment;
        let end = usize::from(self.ends[0] != s.src);
        let before = std::mem::replace(&mut self.sent[end], taken.sent);
        let mark = mark(&before, &taken.sent);
        let (learn, shift) = (!s.flags.rst(), u32::from(!s.flags.syn()));
        let seq = self.count_on(end, s.seq, shift, learn);
        let ack = if s.flags.ack() { self.count_on(1 - end, s.ack, 1, learn) } else { 0 };
        if self.list.len() >= self.bound {
            self.fold();
        }
        self.list.push(Row::One(Sent { segment: s, end, seq, ack, mark }));
    }

    /// Whether the packet has a row of its own.
    pub fn has(&self, frame: u64) -> bool {
        let at = self.list.partition_point(|row| row.frame() < frame);
        matches!(self.list.get(at), Some(Row::One(sent)) if sent.segment.packet == frame)
    }

    /// The rows.
    pub fn finish(self) -> ([Endpoint; 2], Vec<Row>) {
        (self.ends, self.list)
    }

    /// The number less the ISN of that end; `shift` is how far after the ISN the first number seen stands.
    fn count_on(&mut self, end: usize, number: SeqNumber, shift: u32, learn: bool) -> i64 {
        match &mut self.numbers[end] {
            Some((latest, counted)) => {
                let here = *counted + i64::from(number.distance(*latest));
                if learn && here > *counted {
                    (*latest, *counted) = (number, here);
                }
                here
            }
            none if learn => {
                *none = Some((number, shift.into()));
                shift.into()
            }
            _ => number.0.into(),
        }
    }

    /// Makes room: folds what is plain, and where that is not enough, whatever stands in the middle.
    fn fold(&mut self) {
        let list = std::mem::take(&mut self.list);
        self.list = joined(list, |_, row| row.may_fold());
        if self.list.len() > self.bound / 2 {
            let (low, high) = (self.list.len() / 4, self.list.len() * 3 / 4);
            let list = std::mem::take(&mut self.list);
            self.list = joined(list, |i, _| (low..high).contains(&i));
        }
    }
}

/// The rows, those that follow each other and may be joined as one.
fn joined(list: Vec<Row>, may: impl Fn(usize, &Row) -> bool) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    let mut open = false;
    for (i, row) in list.into_iter().enumerate() {
        let joins = may(i, &row);
        match rows.last_mut() {
            Some(last) if open && joins => {
                let mut fold = last.folded();
                fold.join(&row.folded());
                *last = Row::Many(fold);
            }
            _ => rows.push(row),
        }
        open = joins;
    }
    rows
}

fn mark(before: &Flow, now: &Flow) -> Option<Mark> {
    let grew = |of: fn(&Flow) -> u32| of(now) > of(before);
    [
        (grew(|f| f.retransmissions), Mark::Again),
        (grew(|f| f.out_of_order), Mark::Late),
        (grew(|f| f.keep_alives), Mark::KeepAlive),
        (grew(|f| f.window_probes), Mark::Probe),
        (grew(|f| f.duplicate_acks), Mark::DuplicateAck),
    ]
    .into_iter()
    .find_map(|(yes, mark)| yes.then_some(mark))
}
