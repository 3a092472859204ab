//! `Ladder`: one connection with its segments, and `Picker`, the sink that finds it while an analysis runs.

mod rows;

use std::ops::ControlFlow;

pub use rows::{Count, Fold, Mark, Row, Rows, Sent};

use crate::engine::{Sink, TakenSegment, Wishes};
use crate::rules::Finding;
use crate::tcp::Endpoint;
use crate::track::{Record, Role};

/// Which connection is wanted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Pick {
    /// The one with this id.
    Id(u64),
    /// The one with this stream number of Wireshark's.
    Stream(u32),
    /// The first one between these endpoints, in whichever direction.
    Ends(Endpoint, Endpoint),
}

impl Pick {
    /// Reads an id, or `ADDR:PORT-ADDR:PORT`.
    pub fn parse(text: &str) -> Option<Self> {
        let endpoint = |text: &str| {
            let socket: std::net::SocketAddr = text.trim().parse().ok()?;
            Some(Endpoint::new(socket.ip(), socket.port()))
        };
        match text.split_once('-') {
            Some((a, b)) => Some(Self::Ends(endpoint(a)?, endpoint(b)?)),
            None => text.trim().parse().ok().map(Self::Id),
        }
    }

    fn is(&self, taken: &TakenSegment) -> bool {
        let (src, dst) = (taken.segment.src, taken.segment.dst);
        match *self {
            Self::Id(id) => taken.connection == id,
            Self::Stream(stream) => taken.stream == Some(stream),
            Self::Ends(a, b) => (src, dst) == (a, b) || (src, dst) == (b, a),
        }
    }
}

/// One connection, what was found about it, and its segments.
#[derive(Clone, Debug)]
pub struct Ladder {
    /// What was seen of it.
    pub record: Record,
    /// Findings about it, and findings about more that name its packets.
    pub findings: Vec<Finding>,
    /// Its segments.
    pub rows: Vec<Row>,
    /// Index of the client in the rows' ends.
    pub client: usize,
    /// Ids of other connections that were asked for as well: the same endpoints again; at most [`Picker::OTHERS`].
    pub others: Vec<u64>,
}

impl Ladder {
    /// Which end an index of the rows means.
    pub fn role(&self, end: usize) -> Role {
        if end == self.client { Role::Client } else { Role::Server }
    }
}

/// No connection is as wanted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NotThere {
    /// The connection that has the packet whose number was taken for an id.
    pub packet_of: Option<u64>,
}

/// Keeps one connection of an analysis, in one pass and bounded memory.
#[derive(Debug)]
pub struct Picker {
    pick: Pick,
    bound: usize,
    id: Option<u64>,
    rows: Option<Rows>,
    record: Option<Record>,
    findings: Vec<Finding>,
    others: Vec<u64>,
    packet_of: Option<u64>,
}

impl Picker {
    /// Rows kept before they are folded: some 2 MB, and more than anybody reads.
    pub const ROWS: usize = 10_000;
    /// Other connections remembered.
    pub const OTHERS: usize = 8;
    const FINDINGS: usize = 1000;

    /// Looks for a connection, of which it keeps `bound` rows.
    pub fn new(pick: Pick, bound: usize) -> Self {
        Self {
            pick,
            bound,
            id: None,
            rows: None,
            record: None,
            findings: Vec::new(),
            others: Vec::new(),
            packet_of: None,
        }
    }

    /// The connection, if it was there.
    ///
    /// # Errors
    /// It was not.
    pub fn finish(self) -> Result<Ladder, NotThere> {
        let (Some(record), Some(rows)) = (self.record, self.rows) else {
            return Err(NotThere { packet_of: self.packet_of });
        };
        let (ends, rows) = rows.finish();
        let client = usize::from(ends[0] != record.endpoints.client);
        Ok(Ladder { record, findings: self.findings, rows, client, others: self.others })
    }

    fn note_other(&mut self, taken: &TakenSegment) {
        match self.pick {
            Pick::Id(id) if taken.segment.packet == id => self.packet_of = Some(taken.connection),
            Pick::Ends(..) if self.pick.is(taken) => {
                let fresh = !self.others.contains(&taken.connection) && self.others.len() < Self::OTHERS;
                self.others.extend(fresh.then_some(taken.connection));
            }
            _ => {}
        }
    }
}

impl Sink for Picker {
    fn wishes(&self) -> Wishes {
        Wishes { segments: true, ..Wishes::default() }
    }

    fn segment(&mut self, taken: &TakenSegment) -> ControlFlow<()> {
        if self.id.is_none() && self.pick.is(taken) {
            self.id = Some(taken.connection);
        }
        if self.id == Some(taken.connection) {
            let bound = self.bound;
            self.rows.get_or_insert_with(|| Rows::new(&taken.segment, bound)).push(taken);
        } else {
            self.note_other(taken);
        }
        ControlFlow::Continue(())
    }

    fn connection(&mut self, record: &Record, findings: &[Finding]) -> ControlFlow<()> {
        if self.id == Some(record.id) {
            self.record = Some(record.clone());
            self.findings.extend_from_slice(findings);
        }
        ControlFlow::Continue(())
    }

    fn finding(&mut self, finding: &Finding) -> ControlFlow<()> {
        let ours = |frame: &u64| self.rows.as_ref().is_some_and(|rows| rows.has(*frame));
        let about = match finding.connection {
            Some(id) => self.id == Some(id),
            None => finding.frames.iter().any(ours),
        };
        if about && self.findings.len() < Self::FINDINGS {
            self.findings.push(finding.clone());
        }
        ControlFlow::Continue(())
    }
}
