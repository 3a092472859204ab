//! `Server`: one listener and the connections that use it up.

use std::net::IpAddr;

use super::empty::Empty;
use super::slow::{Counted, Kind, Slow};
use crate::rules::Finding;
use crate::tcp::{Endpoint, Timestamp};

/// One listener.
#[derive(Debug, Default)]
pub(super) struct Server {
    pub empty: Empty,
    /// Requests that never end (AT014), and answers that are not read (AT015): most servers have neither.
    requests: Option<Box<Slow>>,
    reads: Option<Box<Slow>>,
    /// It was seen to say something in a connection: its clients are to send requests, and wait for answers.
    speaks: bool,
    /// The latest second that it will be judged for.
    pub due: Option<i64>,
}

impl Server {
    /// One more slow connection.
    pub fn enter(&mut self, counted: &Counted, began: Timestamp, at: Timestamp, frame: u64) {
        let open = self.empty.open();
        self.slow(counted.kind).get_or_insert_default().enter(counted, (began, at, frame), open);
    }

    /// One less.
    pub fn leave(&mut self, counted: &Counted, at: Timestamp) -> Option<Finding> {
        let (kind, server) = (counted.kind, counted.server);
        let speaks = self.speaks;
        self.slow(kind).as_mut()?.leave(kind, (server, speaks), counted.source, at)
    }

    /// A client's window was zero in the segment that completed the handshake.
    pub fn closed_at_once(&mut self, at: Timestamp, source: IpAddr, frame: u64) {
        self.reads.get_or_insert_default().closed_at_once(at, source, frame);
    }

    /// It sent payload.
    pub fn speaks(&mut self) {
        self.speaks = true;
    }

    fn slow(&mut self, kind: Kind) -> &mut Option<Box<Slow>> {
        match kind {
            Kind::Request => &mut self.requests,
            Kind::Read => &mut self.reads,
        }
    }

    /// Whether there is anything on.
    pub fn has_episode(&self) -> bool {
        let mut slow = self.requests.iter().chain(&self.reads);
        slow.any(|s| s.has_episode()) || self.empty.is_watched()
    }

    /// What is on.
    pub fn so_far(&self, endpoint: Endpoint, now: Timestamp, say: &mut Vec<Finding>) {
        let finding =
            |slow: &Option<Box<Slow>>, kind| slow.as_ref()?.finding(kind, (endpoint, self.speaks), now);
        say.extend(finding(&self.requests, Kind::Request));
        say.extend(finding(&self.reads, Kind::Read));
        say.extend(self.empty.finding(endpoint, now));
    }
}
