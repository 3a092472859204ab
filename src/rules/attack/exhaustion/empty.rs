//! `Empty`: connections that are opened and never used, until the server has no room for others (AT016).

use std::net::IpAddr;

use crate::rules::Seen;
use crate::rules::attack::alarm::Baseline;
use crate::rules::attack::episode::{Episode, Grounds, confidence_word, percent, possible};
use crate::rules::attack::seconds::{Seconds, second_of, start_of};
use crate::rules::attack::sketch::Top;
use crate::rules::counter::Frames;
use crate::rules::finding::Finding;
use crate::rules::words::counted;
use crate::tcp::{Endpoint, Timestamp};

/// Connections opened in one second.
#[derive(Clone, Copy, Debug, Default)]
struct Second {
    opened: u32,
    spoke: u32,
}

impl Second {
    fn empty(&self) -> u64 {
        u64::from(self.opened.saturating_sub(self.spoke))
    }
}

/// The connections of one listener.
#[derive(Debug, Default)]
pub(super) struct Empty {
    ring: Seconds<Second, 16>,
    open: u64,
    silent: u64,
    /// Open connections that are used. Empty ones are never the usual: an attack that grows slowly would be.
    usual_open: Baseline,
    judged: Option<i64>,
    /// The latest second in which many carried nothing.
    busy: i64,
    /// Most of the open ones that carried nothing since the alarm, in per cent.
    empty_percent: u64,
    frames: Frames,
    sources: Top<IpAddr, SOURCES>,
    not_accepted: u64,
    quiet: u32,
    episode: Option<Box<Episode<3>>>,
    opened: u64,
    peak_open: u64,
}

/// So many seconds a connection has to carry something (CN003).
pub(super) const GRACE: i64 = 10;
/// Empty connections opened a second, and for so many seconds.
const RATE: u64 = 100;
const SECONDS: i64 = 3;
/// Open connections, and how many times the usual, and empty ones among them in per cent.
const OPEN: u64 = 1000;
const TIMES: f64 = 5.0;
const SHARE: u64 = 80;
/// Open and empty connections of one source.
const OF_SOURCE: u64 = 500;
/// Open and empty connections from which on their sources are counted.
const WARM: u64 = 64;
/// Seconds for which sources are kept: the alarm comes later than they.
const KEPT: i64 = GRACE + SECONDS + 2;
/// Sources counted.
const SOURCES: usize = 64;
/// Quiet seconds that end it.
const QUIET: u32 = 30;

impl Empty {
    /// A connection is open; `again` where it had seemed to be before.
    pub fn opened(&mut self, seen: &Seen, spoke: bool, again: bool) {
        self.open += 1;
        self.silent += u64::from(!spoke);
        self.peak_open = self.peak_open.max(self.open);
        if seen.has_syn
            && !again
            && let Some(s) = self.ring.at(second_of(seen.began))
        {
            s.opened += 1;
            s.spoke += u32::from(spoke);
        }
        let second = second_of(seen.event.at);
        if self.silent >= WARM || self.is_busy(second) {
            self.busy = second;
            self.sources.add(seen.endpoints[seen.event.end & 1].addr, 1);
            self.frames.add(seen.event.frame);
        } else if self.sources.total() > 0 && self.episode.is_none() && second > self.busy + KEPT {
            (self.sources, self.frames) = (Top::default(), Frames::default());
        }
    }

    /// Whether many that were opened within two seconds carried nothing so far: some end at once.
    fn is_busy(&self, second: i64) -> bool {
        self.ring.get(second).empty() + self.ring.get(second - 1).empty() >= WARM
    }

    /// The first payload of a connection that began in this second.
    pub fn spoke(&mut self, began: i64) {
        self.silent = self.silent.saturating_sub(1);
        if let Some(s) = self.ring.at(began) {
            s.spoke += 1;
        }
    }

    /// A connection is no longer open.
    pub fn ended(&mut self, spoke: bool) {
        self.open = self.open.saturating_sub(1);
        self.silent = self.silent.saturating_sub(u64::from(!spoke));
    }

    /// It shows that it does not take a completed handshake.
    pub fn not_accepted(&mut self) {
        self.not_accepted += 1;
    }

    /// Open connections.
    pub fn open(&self) -> u64 {
        self.open
    }

    /// Whether it has to be judged in the next second even if nothing comes.
    pub fn is_watched(&self) -> bool {
        self.episode.is_some()
    }

    /// Judges the seconds up to this one.
    pub fn judge(&mut self, server: Endpoint, second: i64, at: Timestamp) -> Option<Finding> {
        let first = self.judged.map_or(second, |j| j + 1).max(second - 64);
        let mut said = None;
        for second in first..=second {
            let s = self.ring.get(second);
            let fast = (0..SECONDS).all(|back| self.ring.get(second - back).empty() >= RATE);
            let usual = self.usual_open.level() * TIMES;
            let empty = percent(self.silent, self.open) >= SHARE;
            let many = empty && self.open >= OPEN && self.open as f64 >= usual;
            let of_one = empty && self.silent >= OF_SOURCE && self.sources.most() >= OF_SOURCE;
            // What is open is known now, what was opened ten seconds ago: it begins with the first empty ones.
            if self.episode.is_none() && (fast || ((many || of_one) && s.empty() > 0)) {
                let since = if fast { second - SECONDS + 1 } else { second };
                let mut episode = Episode::new(since, start_of(since), at);
                for before in since..second {
                    episode.add(before, self.ring.get(before).empty(), self.row(before));
                }
                self.episode = Some(Box::new(episode));
            }
            if self.episode.is_none() {
                self.usual_open.add(self.open.saturating_sub(self.silent));
                continue;
            }
            let row = self.row(second);
            if let Some(episode) = &mut self.episode {
                episode.add(second, s.empty(), row);
                self.opened += u64::from(s.opened);
            }
            self.empty_percent = self.empty_percent.max(percent(self.silent, self.open));
            let quiet = !fast && !many && s.empty() < RATE / 10;
            self.quiet = if quiet { self.quiet + 1 } else { 0 };
            if self.quiet >= QUIET {
                said = self.finding(server, start_of(second));
                (self.episode, self.quiet, self.empty_percent) = (None, 0, 0);
            }
        }
        self.judged = self.judged.max(Some(second));
        said
    }

    fn row(&self, second: i64) -> [u64; 3] {
        let s = self.ring.get(second);
        [s.opened.into(), s.empty(), self.open]
    }

    /// The episode so far.
    pub fn finding(&self, server: Endpoint, now: Timestamp) -> Option<Finding> {
        let episode = self.episode.as_ref()?;
        let lasted = episode.lasted(now);
        let heavy = self.peak_open >= OPEN || self.sources.most() >= OF_SOURCE;
        let proof = self.not_accepted > 0 || (heavy && self.empty_percent >= SHARE);
        let confidence = Grounds { both_directions: true, proof, lasted }.confidence();
        let top = self.sources.sorted();
        // One connection is what an ordinary client has too.
        let several = top.iter().filter(|(_, n)| *n > 1);
        let named: Vec<String> = several.take(3).map(|(a, _)| a.to_string()).collect();
        let whence = if named.is_empty() {
            "from sources of few connections each".to_string()
        } else {
            format!("among others from {}", named.join(" "))
        };
        let effect = match self.not_accepted {
            0 => String::new(),
            n => format!(", its accept queue overflowed {}", counted(n, "time", "times")),
        };
        let message = format!(
            "{}exhaustion of connections at {server}: {} opened and never used in {lasted}, up to {} a second and {} open at once{effect}, {whence}; confidence {}: limit connections for each client, and close those that say nothing",
            possible(confidence),
            episode.count,
            episode.peak,
            self.peak_open,
            confidence_word(confidence),
        );
        let list: Vec<String> = top.iter().take(10).map(|(a, n)| format!("{a}: {n}")).collect();
        let evidence = vec![
            ("empty", episode.count.into()),
            ("open_peak", self.peak_open.into()),
            ("empty_percent", self.empty_percent.into()),
            ("not_accepted", self.not_accepted.into()),
            ("top_sources", list.into()),
        ];
        let columns = ["opened", "empty", "open"];
        let key = ("AT016", server.to_string());
        let mut finding = episode.finding(key, now, (confidence, message), columns, evidence);
        finding.frames = self.frames.sorted();
        Some(finding)
    }
}
