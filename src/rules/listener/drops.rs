//! `Drops`: SYNs that a listener leaves unanswered while it answers others (HO003).

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::config::Thresholds;
use crate::rules::counter::Frames;
use crate::rules::finding::{Finding, Severity};
use crate::rules::wide::wide;
use crate::rules::words::counted;
use crate::tcp::{Duration, Endpoint, Timestamp};
use crate::track::Confidence;

/// One listener's unanswered SYNs. Bounded by the constants below; clients beyond them are counted, not named.
#[derive(Debug, Default)]
pub(super) struct Drops {
    /// The latest answers to two different clients.
    answers: [Option<(Timestamp, Endpoint)>; 2],
    served: Served,
    /// Dropped, and no answer to another client seen near it yet.
    waiting: Vec<Dropped>,
    rates: Rates,
    episode: Option<Box<Episode>>,
    accept_queue_full_at: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug)]
struct Dropped {
    at: Timestamp,
    client: Endpoint,
    frame: u64,
    half_open: u64,
}

/// Drops that follow each other.
#[derive(Debug)]
struct Episode {
    first: Timestamp,
    last: Timestamp,
    clients: BTreeSet<Endpoint>,
    /// Clients beyond those kept; one of them may count twice.
    more_clients: u64,
    syns: u64,
    any_served: bool,
    accept_queue: bool,
    half_open: u64,
    frames: Frames,
}

/// Refusing the same clients for so long without exception is what a filter does.
const FILTER: Duration = Duration::from_secs(20);
const MAX_WAITING: usize = 64;
const MAX_CLIENTS: usize = 256;

impl Drops {
    /// An entry came into its SYN queue: a SYN was answered for the first time.
    pub fn entered(&mut self, at: Timestamp, limits: &Thresholds) {
        self.rates.slot(at, limits).answered += 1;
    }

    /// The listener answered a client.
    pub fn answered(&mut self, at: Timestamp, client: Endpoint, limits: &Thresholds) {
        let near = limits.syn_drop_near;
        self.served.add(client.addr);
        if let Some(episode) = &mut self.episode {
            episode.any_served = episode.any_served || episode.has(client.addr);
        }
        if self.answers[0].is_some_and(|(_, c)| c != client) {
            self.answers[1] = self.answers[0];
        }
        self.answers[0] = Some((at, client));
        if self.waiting.is_empty() {
            return;
        }
        let (now, later): (Vec<Dropped>, Vec<Dropped>) =
            self.waiting.drain(..).partition(|d| d.client != client);
        self.waiting = later.into_iter().filter(|d| is_near(d.at, at, near)).collect();
        for dropped in now {
            if is_near(dropped.at, at, near) {
                self.confirm(&dropped, near);
            }
        }
    }

    /// A SYN came again that nothing had answered.
    pub fn dropped(
        &mut self,
        at: Timestamp,
        (client, frame): (Endpoint, u64),
        half_open: u64,
        limits: &Thresholds,
    ) {
        self.rates.slot(at, limits).dropped += 1;
        let span = limits.syn_drop_near;
        let dropped = Dropped { at, client, frame, half_open };
        let near = self.answers.iter().flatten().any(|(t, c)| *c != client && is_near(*t, at, span));
        if near {
            self.confirm(&dropped, span);
        } else {
            if self.waiting.len() == MAX_WAITING {
                self.waiting.remove(0);
            }
            self.waiting.push(dropped);
        }
    }

    /// It showed that its accept queue is full.
    pub fn accept_queue_full(&mut self, at: Timestamp) {
        self.accept_queue_full_at = Some(at);
    }

    fn confirm(&mut self, dropped: &Dropped, near: Duration) {
        let served = self.served.contains(dropped.client.addr);
        let accept_queue = self.accept_queue_full_at.is_some_and(|t| is_near(t, dropped.at, near));
        let episode = self.episode.get_or_insert_with(|| Box::new(Episode::new(dropped.at)));
        episode.first = episode.first.min(dropped.at);
        episode.last = episode.last.max(dropped.at);
        if episode.clients.len() < MAX_CLIENTS {
            episode.clients.insert(dropped.client);
        } else if !episode.clients.contains(&dropped.client) {
            episode.more_clients += 1;
        }
        episode.syns += 1;
        episode.any_served |= served;
        episode.accept_queue |= accept_queue;
        episode.half_open = episode.half_open.max(dropped.half_open);
        episode.frames.add(dropped.frame);
    }

    /// Whether drops follow each other.
    pub fn has_episode(&self) -> bool {
        self.episode.is_some()
    }

    /// The episode, where none of it can follow any more.
    pub fn close_if_over(&mut self, key: Endpoint, now: Timestamp, limits: &Thresholds) -> Option<Finding> {
        let quiet = limits.syn_drop_near.times(2);
        let over = self.episode.as_ref().is_some_and(|e| now.since(e.last) > quiet);
        if over { self.close(key, limits) } else { None }
    }

    /// The episode so far: enough clients, or a large part of all SYNs.
    pub fn close(&mut self, key: Endpoint, limits: &Thresholds) -> Option<Finding> {
        let episode = self.episode.take()?;
        let worst = self.rates.take_worst(limits);
        let many = episode.count() >= limits.syn_drop_clients;
        let share = worst.filter(|w| w.share() >= limits.syn_drop_share);
        (many || share.is_some()).then(|| episode.finding(key, limits.backlog(&key), many, worst))
    }
}

/// Addresses answered, the latest ones.
#[derive(Debug, Default)]
struct Served {
    addresses: Vec<IpAddr>,
    /// The end of each, so that all can be told apart at once.
    digests: [u32; Self::KEPT],
    /// Which is the oldest, once there is no more room.
    oldest: usize,
}

impl Served {
    const KEPT: usize = 16;

    fn add(&mut self, addr: IpAddr) {
        if self.contains(addr) {
            return;
        }
        let place = self.oldest;
        match self.addresses.get_mut(place) {
            Some(oldest) => *oldest = addr,
            None => self.addresses.push(addr),
        }
        self.digests[place] = digest(addr);
        self.oldest = (place + 1) % Self::KEPT;
    }

    fn contains(&self, addr: IpAddr) -> bool {
        let own = digest(addr);
        let is_near = self.digests.iter().fold(false, |any, digest| any | (*digest == own));
        is_near && self.addresses.contains(&addr)
    }
}

/// The part of an address that differs most.
fn digest(addr: IpAddr) -> u32 {
    match addr {
        IpAddr::V4(a) => a.to_bits(),
        IpAddr::V6(a) => a.to_bits() as u32,
    }
}

/// SYNs of the listener, by spans of [`Thresholds::syn_drop_near`]: the latest ones, and the worst of those before.
#[derive(Debug, Default)]
struct Rates {
    slots: [Slot; Self::SLOTS],
    worst: Option<Slot>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    number: i64,
    answered: u64,
    dropped: u64,
}

impl Slot {
    fn syns(&self) -> u64 {
        self.answered + self.dropped
    }

    /// Dropped ones, in per cent.
    fn share(&self) -> u64 {
        self.dropped * 100 / self.syns().max(1)
    }

    /// One drop alone is a lost packet, and of few SYNs each is a large share.
    fn tells(&self, limits: &Thresholds) -> bool {
        self.dropped >= 2 && self.syns() >= limits.syn_drop_syns
    }
}

impl Rates {
    /// More than an episode waits before it closes.
    const SLOTS: usize = 4;

    fn slot(&mut self, at: Timestamp, limits: &Thresholds) -> &mut Slot {
        let number = at.0.div_euclid(limits.syn_drop_near.0.max(1));
        let place = number.rem_euclid(Self::SLOTS as i64) as usize;
        if self.slots[place].number != number {
            let old = std::mem::replace(&mut self.slots[place], Slot { number, ..Slot::default() });
            self.keep(old, limits);
        }
        &mut self.slots[place]
    }

    fn keep(&mut self, slot: Slot, limits: &Thresholds) {
        if slot.tells(limits) && self.worst.is_none_or(|w| slot.share() > w.share()) {
            self.worst = Some(slot);
        }
    }

    /// The worst span since this was asked last, where one tells anything.
    fn take_worst(&mut self, limits: &Thresholds) -> Option<Slot> {
        for slot in std::mem::take(&mut self.slots) {
            self.keep(slot, limits);
        }
        self.worst.take()
    }
}

impl Episode {
    fn new(at: Timestamp) -> Self {
        Self {
            first: at,
            last: at,
            clients: BTreeSet::new(),
            more_clients: 0,
            syns: 0,
            any_served: false,
            accept_queue: false,
            half_open: 0,
            frames: Frames::default(),
        }
    }

    /// Whether one of the clients kept has this address.
    fn has(&self, addr: IpAddr) -> bool {
        let [first, last] = [0, u16::MAX].map(|port| Endpoint::new(addr, port));
        self.clients.range(first..=last).next().is_some()
    }

    fn count(&self) -> u64 {
        self.clients.len() as u64 + self.more_clients
    }

    fn finding(&self, key: Endpoint, backlog: Option<u64>, many: bool, worst: Option<Slot>) -> Finding {
        let (clients, lasted) = (self.count(), self.last.since(self.first));
        let syn_queue = backlog.is_some_and(|b| self.half_open * 100 >= b * 80);
        let is_filter = !self.any_served && !self.accept_queue && !syn_queue && lasted >= FILTER;
        let (variant, cause) = match () {
            () if self.accept_queue => ("accept-queue", "its accept queue is full"),
            () if syn_queue => ("syn-queue", "its SYN queue is full"),
            () if is_filter => ("filter", "a filter drops these clients, or one of its queues is full"),
            () => ("unknown", "one of its queues is full, or packets are lost"),
        };
        let message = format!(
            "{key} left {} of {} unanswered while it answered others: {cause}",
            counted(self.syns, "repeated SYN", "repeated SYNs"),
            counted(clients, "connection", "connections"),
        );
        let mut finding = wide("HO003", key.to_string(), self.first, message);
        finding.severity = if is_filter { Severity::Note } else { Severity::Warning };
        let unsure = variant == "unknown" || is_filter || !many;
        finding.confidence = if unsure { Confidence::Medium } else { Confidence::High };
        finding.variant = Some(variant);
        finding.frames = self.frames.sorted();
        (finding.start, finding.end) = (Some(self.first), Some(self.last));
        finding.count = self.syns;
        finding.evidence = vec![
            ("clients", clients.into()),
            ("repeated_syns", self.syns.into()),
            ("dropped_percent", worst.map(|w| w.share()).into()),
            ("syns_of_that_time", worst.map(|w| w.syns()).into()),
            ("half_open", self.half_open.into()),
            ("backlog", backlog.into()),
        ];
        finding
    }
}

fn is_near(a: Timestamp, b: Timestamp, span: Duration) -> bool {
    a.since(b).0.abs() <= span.0
}
