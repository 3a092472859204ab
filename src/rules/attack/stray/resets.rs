//! `Servers`: many open connections of one server reset at once by segments that are all alike (AT006, in-state).

use crate::rules::attack::episode::{Episode, Grounds, confidence_word, percent, possible};
use crate::rules::attack::seconds::second_of;
use crate::rules::attack::sketch::{Distinct, Top};
use crate::rules::counter::{Frames, Table};
use crate::rules::{Finding, Seen};
use crate::tcp::{Endpoint, Timestamp};

/// All servers of which a connection was reset.
#[derive(Debug)]
pub(super) struct Servers {
    table: Table<Endpoint, Box<Server>>,
    gone: Vec<(Endpoint, Box<Server>)>,
}

impl Default for Servers {
    fn default() -> Self {
        Self { table: Table::new(MAX_SERVERS), gone: Vec::new() }
    }
}

/// The resets of one second; and the episode they are part of.
#[derive(Clone, Debug)]
struct Server {
    second: i64,
    count: u64,
    clients: Distinct,
    alike: Top<(u8, bool), 4>,
    frames: Frames,
    first: Timestamp,
    episode: Option<Episode<1>>,
}

const MAX_SERVERS: usize = 4096;
/// Connections reset in one second (tcp.md AT006).
const FLOOR: u64 = 50;
/// Of so many clients: one alone may just stop.
const CLIENTS: u64 = 8;
/// Quiet seconds that end it.
const QUIET: i64 = 30;

impl Servers {
    /// An open connection was reset, by a segment that hardly came from its sender.
    pub fn reset(&mut self, seen: &Seen, say: &mut Vec<Finding>) {
        let Some(client) = seen.client else { return };
        let (from, server) = (seen.endpoints[client & 1], seen.endpoints[1 - (client & 1)]);
        let (second, at) = (second_of(seen.event.at), seen.event.at);
        let s = self.table.at(server, &mut self.gone, || Box::new(Server::new(second, at)));
        for (endpoint, gone) in self.gone.drain(..) {
            say.extend(gone.finding(endpoint, at));
        }
        if second > s.second {
            s.close_second();
            if second - s.second > QUIET {
                say.extend(s.finding(server, at));
                (s.episode, s.frames) = (None, Frames::default());
            }
            s.begin_second(second, at);
        }
        s.count += 1;
        s.clients.add(from.addr);
        s.alike.add((seen.header.ttl, seen.header.ip_id == 0), 1);
        s.frames.add(seen.event.frame);
    }

    /// What is on, the second that has only begun included.
    pub fn so_far(&self, now: Timestamp, say: &mut Vec<Finding>) {
        for (endpoint, server) in self.table.sorted() {
            if server.episode.is_some() || server.count >= FLOOR {
                let mut closed = server.clone();
                closed.close_second();
                say.extend(closed.finding(*endpoint, now));
            }
        }
    }

    /// Servers let go so far.
    pub fn forgotten(&self) -> u64 {
        self.table.forgotten()
    }
}

impl Server {
    fn new(second: i64, at: Timestamp) -> Self {
        Self {
            second,
            count: 0,
            clients: Distinct::coarse(),
            alike: Top::default(),
            frames: Frames::default(),
            first: at,
            episode: None,
        }
    }

    fn begin_second(&mut self, second: i64, at: Timestamp) {
        (self.second, self.count) = (second, 0);
        if self.episode.is_none() {
            (self.first, self.frames, self.clients) = (at, Frames::default(), Distinct::coarse());
            self.alike = Top::default();
        }
    }

    fn close_second(&mut self) {
        let alike = percent(self.alike.most(), self.alike.total()) >= 90;
        if self.episode.is_none() && self.count >= FLOOR && self.clients.count() >= CLIENTS && alike {
            self.episode = Some(Episode::new(self.second, self.first, self.first));
        }
        if let Some(episode) = &mut self.episode {
            episode.add(self.second, self.count, [self.count]);
        }
    }

    fn finding(&self, server: Endpoint, now: Timestamp) -> Option<Finding> {
        let episode = self.episode.as_ref()?;
        let lasted = episode.lasted(now);
        // All with one TTL, and not that of their senders: that is the proof.
        let confidence = Grounds { both_directions: true, proof: true, lasted }.confidence();
        let clients = self.clients.count();
        let message = format!(
            "{}flood of forged RSTs on {server}: {} open connections of {clients} clients reset in {lasted}, up to {} a second, by segments with one TTL that is not their senders'; confidence {}: only protection of the connections themselves helps (RFC 5961, TCP-AO, IPsec)",
            possible(confidence),
            episode.count,
            episode.peak,
            confidence_word(confidence),
        );
        let (ttl, _) = self.alike.sorted().first().map_or((0, false), |(k, _)| *k);
        let evidence = vec![
            ("clients", clients.into()),
            ("ttl", ttl.into()),
            ("alike_percent", percent(self.alike.most(), self.alike.total()).into()),
        ];
        let key = ("AT006", server.to_string());
        let mut finding = episode.finding(key, now, (confidence, message), ["reset"], evidence);
        finding.frames = self.frames.sorted();
        finding.variant = Some("in-state");
        Some(finding)
    }
}
