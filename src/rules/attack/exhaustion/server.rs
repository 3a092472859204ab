//! `Server`: one listener and the connections that use it up.

use super::empty::Empty;
use super::slow::{Counted, Kind, Slow};
use crate::rules::Finding;
use crate::tcp::{Endpoint, Timestamp};

/// One listener.
#[derive(Debug, Default)]
pub(super) struct Server {
    pub empty: Empty,
    /// Requests that never end (AT014).
    pub requests: Slow,
    /// Answers that are not read (AT015).
    pub reads: Slow,
    /// The latest second that it will be judged for.
    pub due: Option<i64>,
}

impl Server {
    /// One more slow connection.
    pub fn enter(&mut self, counted: &Counted, began: Timestamp, at: Timestamp, frame: u64) {
        let open = self.empty.open();
        self.slow(counted.kind).enter(counted, (began, at, frame), open);
    }

    /// One less.
    pub fn leave(&mut self, counted: &Counted, at: Timestamp) -> Option<Finding> {
        let (kind, server) = (counted.kind, counted.server);
        self.slow(kind).leave(kind, server, counted.source, at)
    }

    fn slow(&mut self, kind: Kind) -> &mut Slow {
        match kind {
            Kind::Request => &mut self.requests,
            Kind::Read => &mut self.reads,
        }
    }

    /// Whether there is anything on.
    pub fn has_episode(&self) -> bool {
        self.requests.has_episode() || self.reads.has_episode() || self.empty.is_watched()
    }

    /// What is on.
    pub fn so_far(&self, endpoint: Endpoint, now: Timestamp, say: &mut Vec<Finding>) {
        say.extend(self.requests.finding(Kind::Request, endpoint, now));
        say.extend(self.reads.finding(Kind::Read, endpoint, now));
        say.extend(self.empty.finding(endpoint, now));
    }
}
