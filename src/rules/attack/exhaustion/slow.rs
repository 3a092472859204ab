//! `Slow`: connections that are kept alive with next to nothing: requests that trickle in (AT014), answers that are not
//! read (AT015).

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::rules::Seen;
use crate::rules::attack::episode::{Episode, Grounds, confidence_word, possible};
use crate::rules::attack::seconds::second_of;
use crate::rules::finding::Finding;
use crate::rules::words::counted;
use crate::tcp::{Duration, Endpoint, Timestamp};

/// Which way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// A request that never ends.
    Request,
    /// An answer that is not read.
    Read,
}

/// A connection that is counted as slow.
#[derive(Clone, Copy, Debug)]
pub(super) struct Counted {
    pub kind: Kind,
    pub server: Endpoint,
    pub source: IpAddr,
}

/// What one connection does.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Conduct {
    /// Small pieces of the request, each after a pause.
    pieces: u32,
    trickles: bool,
    starves: bool,
    /// As what it is counted.
    pub counted: Option<Counted>,
}

/// A connection this old with nothing but pieces of a request is slow; so is a window that stays shut so long (tcp.md
/// AT014, AT015).
const OLD: Duration = Duration::from_secs(30);
/// Pieces no longer than this, in pauses no longer than that, so many of them, no more in all.
const PIECE: u16 = 64;
const PAUSE: Duration = Duration::from_secs(120);
const PIECES: u32 = 3;
const REQUEST: u32 = 1000;

impl Conduct {
    /// The client speaks after a pause; `sent` by it and by the server so far.
    pub fn request(&mut self, seen: &Seen, pause: Duration, (client, server): (u32, u32)) {
        let is_piece = (1..=PIECE).contains(&seen.header.payload_len) && pause <= PAUSE;
        if server > 0 || client > REQUEST || !is_piece {
            (self.pieces, self.trickles) = (0, false);
            return;
        }
        self.pieces += 1;
        self.trickles = self.pieces >= PIECES && seen.event.at.since(seen.began) >= OLD;
    }

    /// The server speaks.
    pub fn answered(&mut self) {
        (self.pieces, self.trickles) = (0, false);
    }

    /// The server has something for the client, whose window has been shut for so long.
    pub fn throttled(&mut self, lasted: Duration) {
        self.starves = lasted >= OLD;
    }

    /// The window is open again.
    pub fn reopened(&mut self) {
        self.starves = false;
    }

    /// What it is now.
    pub fn kind(&self) -> Option<Kind> {
        match (self.starves, self.trickles) {
            (true, _) => Some(Kind::Read),
            (false, true) => Some(Kind::Request),
            (false, false) => None,
        }
    }
}

/// The slow connections of one server.
#[derive(Debug, Default)]
pub(super) struct Slow {
    now: u64,
    sources: BTreeMap<IpAddr, Held>,
    /// When the earliest of those now there began.
    since: Option<Timestamp>,
    peak_open: u64,
    /// Clients whose window was zero from the handshake on: when the minute began, and how many.
    at_once: BTreeMap<IpAddr, (Timestamp, u64)>,
    is_sockstress: bool,
    episode: Option<Episode<1>>,
    frames: crate::rules::counter::Frames,
}

/// Slow connections of one source.
#[derive(Clone, Copy, Debug, Default)]
struct Held {
    now: u64,
    /// Most at once since the episode began; it tells of those who have left before its end.
    peak: u64,
}

/// Connections of one source in a minute whose window was zero from the handshake on (tcp.md AT015).
const AT_ONCE: u64 = 10;
/// Sources counted one by one; others are counted together.
const SOURCES: usize = 1024;

impl Slow {
    /// One more, of a connection that began at `began`; `open` connections in all.
    pub fn enter(&mut self, counted: &Counted, (began, at, frame): (Timestamp, Timestamp, u64), open: u64) {
        self.now += 1;
        if self.sources.len() < SOURCES || self.sources.contains_key(&counted.source) {
            let held = self.sources.entry(counted.source).or_default();
            held.now += 1;
            held.peak = held.peak.max(held.now);
        }
        self.since = Some(self.since.map_or(began, |s| s.min(began)));
        self.peak_open = self.peak_open.max(open);
        self.frames.add(frame);
        let of_source = self.sources.get(&counted.source).map_or(0, |held| held.now);
        if self.episode.is_none() && is_many(counted.kind, self.now, of_source, open) {
            self.begin(at);
        }
        self.count(at);
    }

    /// The window was zero in the segment that completed the handshake: memory of the server is all this wants.
    pub fn closed_at_once(&mut self, at: Timestamp, source: IpAddr, frame: u64) {
        if self.at_once.len() >= SOURCES && !self.at_once.contains_key(&source) {
            return;
        }
        let (since, count) = self.at_once.entry(source).or_insert((at, 0));
        if at.since(*since) > Duration::from_secs(60) {
            (*since, *count) = (at, 0);
        }
        *count += 1;
        let (since, count) = (*since, *count);
        self.frames.add(frame);
        if count >= AT_ONCE && self.episode.is_none() {
            self.since = Some(self.since.map_or(since, |s| s.min(since)));
            self.is_sockstress = true;
            self.begin(at);
        }
        if self.is_sockstress {
            self.count(at);
        }
    }

    fn begin(&mut self, at: Timestamp) {
        let since = self.since.unwrap_or(at);
        let mut episode = Episode::new(second_of(since), since, at);
        episode.frames = self.frames.clone();
        self.episode = Some(episode);
    }

    fn count(&mut self, at: Timestamp) {
        let at_once = if self.is_sockstress { self.at_once.values().map(|(_, n)| *n).sum() } else { 0 };
        let now = self.now.max(at_once);
        if let Some(episode) = &mut self.episode {
            episode.level(second_of(at), now);
        }
    }

    /// One less.
    pub fn leave(
        &mut self,
        kind: Kind,
        server: (Endpoint, bool),
        source: IpAddr,
        at: Timestamp,
    ) -> Option<Finding> {
        self.now = self.now.saturating_sub(1);
        self.count(at);
        if self.now == 0 {
            self.since = None;
        }
        let over = self.episode.as_ref().is_some_and(|e| self.now * 2 < e.peak);
        let said = if over { self.finding(kind, server, at) } else { None };
        if let Some(held) = self.sources.get_mut(&source) {
            held.now = held.now.saturating_sub(1);
        }
        if over {
            (self.episode, self.is_sockstress) = (None, false);
        }
        if self.episode.is_none() {
            self.forget_those_who_left(source, over);
        }
        said
    }

    /// No episode needs them any more: the source that left, or all that did.
    fn forget_those_who_left(&mut self, source: IpAddr, all: bool) {
        if all {
            self.sources.retain(|_, held| held.now > 0);
            self.sources.values_mut().for_each(|held| held.peak = held.now);
        } else if let Some(held) = self.sources.get_mut(&source) {
            held.peak = held.now;
            if held.now == 0 {
                self.sources.remove(&source);
            }
        }
    }

    /// Whether there is an episode.
    pub fn has_episode(&self) -> bool {
        self.episode.is_some()
    }

    /// The episode so far, at a server that says something in its other connections, or in none.
    pub fn finding(&self, kind: Kind, (server, speaks): (Endpoint, bool), now: Timestamp) -> Option<Finding> {
        let episode = self.episode.as_ref()?;
        let at_once = self.at_once.iter().filter(|_| self.is_sockstress).map(|(a, (_, n))| (*a, *n));
        let mut heaviest: Vec<(IpAddr, u64)> = self.sources.iter().map(|(a, held)| (*a, held.peak)).collect();
        heaviest.extend(at_once.filter(|(a, _)| !self.sources.contains_key(a)));
        let sources = heaviest.len();
        heaviest.sort_by(|a, b| (b.1, a.0).cmp(&(a.1, b.0)));
        heaviest.truncate(10);
        let lasted = episode.lasted(now);
        let confidence =
            Grounds { both_directions: true, proof: kind == Kind::Read || speaks, lasted }.confidence();
        let peak = episode.peak;
        let named: Vec<String> = heaviest.iter().take(3).map(|(a, _)| a.to_string()).collect();
        let (id, what, advice) = match kind {
            Kind::Request => (
                "AT014",
                if speaks {
                    "requests that never end"
                } else {
                    "requests that never end, or reports that want no answer"
                },
                "limit how long a request may take, and connections for each client",
            ),
            Kind::Read if self.is_sockstress => {
                ("AT015", "connections opened with a closed window", "limit connections for each client")
            }
            Kind::Read => (
                "AT015",
                "answers that are not read",
                "limit how long an answer may take, and connections for each client",
            ),
        };
        let message = format!(
            "{}slow attack on {server}: up to {peak} connections at once with {what}, for {lasted}, from {} ({}); confidence {}: {advice}",
            possible(confidence),
            counted(sources as u64, "address", "addresses"),
            named.join(" "),
            confidence_word(confidence),
        );
        let list: Vec<String> = heaviest.iter().map(|(a, n)| format!("{a}: {n}")).collect();
        let evidence = vec![
            ("peak", peak.into()),
            ("sources", sources.into()),
            ("top_sources", list.into()),
            ("server_speaks_elsewhere", speaks.into()),
            ("open", self.peak_open.into()),
        ];
        let mut finding =
            episode.finding((id, server.to_string()), now, (confidence, message), ["slow"], evidence);
        finding.count = peak;
        finding.variant = match (kind, self.is_sockstress) {
            (Kind::Read, true) => Some("sockstress"),
            (Kind::Read, false) => Some("window"),
            (Kind::Request, _) => None,
        };
        Some(finding)
    }
}

/// Enough to be an attack (tcp.md §7).
fn is_many(kind: Kind, now: u64, of_source: u64, open: u64) -> bool {
    match kind {
        Kind::Request => now >= 50 || of_source >= 20 || (now >= 20 && now * 100 >= open * 30),
        Kind::Read => now >= 20 || of_source >= 10,
    }
}
