//! AT014 to AT017: what uses up a server's connections, memory or ports with little effort.
//!
//! Servers: 16,384, those least recently heard of go first.

mod empty;
mod server;
mod slow;
mod time_wait;

use std::collections::VecDeque;

use super::seconds::{second_of, start_of};
use crate::config::RuleConfig;
use crate::rules::counter::Table;
use crate::rules::{Detector, Finding, Seen};
use crate::tcp::{Duration, Endpoint, Timestamp};
use crate::track::{Fact, Record};
use empty::GRACE;
use server::Server;
use slow::Conduct;

pub(super) use time_wait::time_waits;

/// The detector behind AT014, AT015 and AT016.
pub(super) fn servers(_config: &RuleConfig) -> Box<dyn Detector> {
    Box::new(Servers {
        table: Table::new(MAX_SERVERS),
        gone: Vec::new(),
        due: VecDeque::new(),
        slow: Table::new(MAX_SLOW),
        let_go: Vec::new(),
    })
}

/// Servers remembered at once.
const MAX_SERVERS: usize = 1 << 14;
/// Connections remembered at once that may be slow ones.
const MAX_SLOW: usize = 1 << 16;
/// When the clock jumps further ahead than this, not every second of it is judged.
const JUMP: i64 = 600;

#[derive(Debug)]
struct Servers {
    table: Table<Endpoint, Box<Server>>,
    gone: Vec<(Endpoint, Box<Server>)>,
    due: VecDeque<(i64, Endpoint)>,
    slow: Table<u64, Conduct>,
    let_go: Vec<(u64, Conduct)>,
}

impl Detector for Servers {
    fn on_seen(&mut self, seen: &Seen, say: &mut Vec<Finding>) {
        let at = seen.event.at;
        self.judge_up_to(second_of(at) - GRACE - 1, say);
        let client = seen.client.unwrap_or(0) & 1;
        let (source, server) = (seen.endpoints[client].addr, seen.endpoints[1 - client]);
        match seen.event.fact {
            Fact::LifeBegan { spoke, again } => {
                let second = second_of(seen.began);
                self.server(server, at, say).empty.opened(seen, spoke, again);
                self.call(server, second);
            }
            Fact::FirstPayload => {
                if let Some(s) = self.table.get(&server) {
                    s.empty.spoke(second_of(seen.began));
                }
            }
            Fact::LifeEnded { spoke } => {
                if let Some(s) = self.table.get(&server) {
                    s.empty.ended(spoke);
                }
                self.ended(seen.connection, at, say);
            }
            Fact::HandshakeDone { .. } if seen.header.window == 0 && seen.header.flags.ack() => {
                self.server(server, at, say).closed_at_once(at, source, seen.event.frame);
            }
            Fact::AcceptAborted | Fact::SynAckRepeated { after_ack: true, .. } => {
                if let Some(s) = self.table.get(&server) {
                    s.empty.not_accepted();
                }
            }
            Fact::Idle { by, payload, lasted, .. } => {
                if usize::from(by) == client {
                    let to_server = (payload[client], payload[1 - client]);
                    self.conduct(seen).request(seen, lasted, to_server);
                } else if let Some(conduct) = self.slow.get(&seen.connection) {
                    conduct.answered();
                }
                self.note_slow(seen, server, source, say);
            }
            Fact::Throttled { lasted, .. } if seen.event.end == client => {
                self.conduct(seen).throttled(lasted);
                self.note_slow(seen, server, source, say);
            }
            Fact::ZeroWindowEnded { .. } if seen.event.end == client => {
                if let Some(conduct) = self.slow.get(&seen.connection) {
                    conduct.reopened();
                }
                self.note_slow(seen, server, source, say);
            }
            _ => {}
        }
    }

    fn on_silence(&mut self, now: Timestamp, say: &mut Vec<Finding>) {
        self.judge_up_to(second_of(now) - GRACE - 1, say);
    }

    fn on_record(&mut self, record: &Record, _say: &mut Vec<Finding>) {
        if record.sent.server.payload_bytes > 0
            && let Some(server) = self.table.get(&record.endpoints.server)
        {
            server.speaks();
        }
    }

    fn on_end(&mut self, now: Timestamp, say: &mut Vec<Finding>) {
        // What is younger than three seconds may yet be used.
        self.judge_up_to(second_of(now) - 3, say);
        self.so_far(now, say);
    }

    fn so_far(&self, now: Timestamp, say: &mut Vec<Finding>) {
        for (endpoint, server) in self.table.sorted_if(|_, server| server.has_episode()) {
            server.so_far(*endpoint, now, say);
        }
    }

    /// What is held open is used up until it is given back, however quiet it is.
    fn silence(&self, _finding: &Finding) -> Duration {
        Duration::MAX
    }

    fn forgotten(&self) -> u64 {
        self.table.forgotten() + self.slow.forgotten()
    }
}

impl Servers {
    fn server(&mut self, server: Endpoint, now: Timestamp, say: &mut Vec<Finding>) -> &mut Server {
        let found = self.table.at(server, &mut self.gone, Box::default);
        if !self.gone.is_empty() {
            self.gone.drain(..).for_each(|(endpoint, gone)| gone.so_far(endpoint, now, say));
        }
        found
    }

    fn call(&mut self, server: Endpoint, second: i64) {
        if let Some(s) = self.table.get(&server)
            && s.due.is_none_or(|due| second > due)
        {
            s.due = Some(second);
            if self.due.back().is_none_or(|(latest, _)| *latest <= second) {
                return self.due.push_back((second, server));
            }
            let place = self.due.partition_point(|(s, _)| *s <= second);
            self.due.insert(place, (second, server));
        }
    }

    fn conduct(&mut self, seen: &Seen) -> &mut Conduct {
        self.slow.at(seen.connection, &mut self.let_go, Conduct::default)
    }

    /// A connection may have become slow, or ceased to be.
    fn note_slow(&mut self, seen: &Seen, server: Endpoint, source: std::net::IpAddr, say: &mut Vec<Finding>) {
        let at = seen.event.at;
        if !self.let_go.is_empty() {
            for (_, conduct) in std::mem::take(&mut self.let_go) {
                self.leave(&conduct, at, say);
            }
        }
        let Some(conduct) = self.slow.get(&seen.connection) else { return };
        let (before, now) = (conduct.counted, conduct.kind());
        if before.map(|c| c.kind) == now {
            return;
        }
        let gone = *conduct;
        let counted = now.map(|kind| slow::Counted { kind, server, source });
        conduct.counted = counted;
        self.leave(&gone, at, say);
        if let Some(counted) = counted {
            let frame = seen.event.frame;
            self.server(server, at, say).enter(&counted, seen.began, at, frame);
        }
    }

    /// A connection ended.
    fn ended(&mut self, connection: u64, at: Timestamp, say: &mut Vec<Finding>) {
        if self.slow.is_empty() {
            return;
        }
        if let Some(conduct) = self.slow.get(&connection) {
            let gone = *conduct;
            *conduct = Conduct::default();
            self.leave(&gone, at, say);
        }
    }

    fn leave(&mut self, conduct: &Conduct, at: Timestamp, say: &mut Vec<Finding>) {
        if let Some(counted) = conduct.counted
            && let Some(server) = self.table.get(&counted.server)
        {
            say.extend(server.leave(&counted, at));
        }
    }

    #[inline]
    fn judge_up_to(&mut self, last: i64, say: &mut Vec<Finding>) {
        if self.due.front().is_some_and(|(second, _)| *second <= last) {
            self.judge_due(last, say);
        }
    }

    fn judge_due(&mut self, last: i64, say: &mut Vec<Finding>) {
        while let Some((second, endpoint)) = self.due.front().copied().filter(|(second, _)| *second <= last) {
            self.due.pop_front();
            let Some(server) = self.table.get(&endpoint) else { continue };
            let at = start_of(second + GRACE + 1);
            if let Some(finding) = server.empty.judge(endpoint, second, at) {
                say.push(finding);
            }
            if server.empty.is_watched() && server.due.is_none_or(|due| due <= second) {
                let next = (second + 1).max(last - JUMP);
                server.due = Some(next);
                let place = self.due.partition_point(|(s, _)| *s <= next);
                self.due.insert(place, (next, endpoint));
            }
        }
    }
}
