//! `Clients`: a client that asks many services and completes nothing: the victim in whose name SYNs are forged (AT003).

use std::collections::VecDeque;
use std::net::IpAddr;

use crate::rules::attack::alarm::{Alarm, Turn};
use crate::rules::attack::episode::{Episode, Grounds, confidence_word, percent, possible};
use crate::rules::attack::seconds::{Seconds, second_of, start_of};
use crate::rules::attack::sketch::{Distinct, Gate, mix};
use crate::rules::counter::{Frames, Table};
use crate::rules::{Finding, Seen};
use crate::tcp::{Endpoint, Timestamp};

use super::target::GRACE;

/// All clients that got 16 SYN+ACKs within ten seconds.
#[derive(Debug)]
pub(super) struct Clients {
    gate: Gate,
    table: Table<IpAddr, Box<Client>>,
    gone: Vec<(IpAddr, Box<Client>)>,
    due: VecDeque<(i64, IpAddr)>,
}

impl Default for Clients {
    fn default() -> Self {
        Self {
            gate: Gate::new(SERVICES as u8),
            table: Table::new(MAX_CLIENTS),
            gone: Vec::new(),
            due: VecDeque::new(),
        }
    }
}

/// What became of the SYN+ACKs of one second.
#[derive(Clone, Copy, Debug, Default)]
struct Second {
    answered: u32,
    completed: u32,
    cancelled: u32,
    repeated: u32,
}

/// One of them.
#[derive(Debug)]
struct Client {
    ring: Seconds<Second, 16>,
    alarm: Alarm,
    services: Distinct,
    asked: u64,
    since: i64,
    judged: Option<i64>,
    due: Option<i64>,
    frames: Frames,
    episode: Option<Episode<3>>,
    sum: Second,
}

const MAX_CLIENTS: usize = 1 << 14;
/// Services asked (tcp.md AT003, reflector).
const SERVICES: u64 = 16;
/// A second.
const FLOOR: u64 = 50;
/// Each asked so often: a scan asks once.
const TIMES: u64 = 3;
const COLUMNS: [&str; 3] = ["answered", "cancelled", "repeated"];

impl Clients {
    /// A service answered its SYN.
    pub fn answered(&mut self, client: Endpoint, service: Endpoint, seen: &Seen, say: &mut Vec<Finding>) {
        let second = second_of(seen.event.at);
        if self.table.get(&client.addr).is_none() {
            let key = match client.addr {
                IpAddr::V4(a) => mix(u64::from(a.to_bits()), 3),
                IpAddr::V6(a) => mix(a.to_bits() as u64, (a.to_bits() >> 64) as u64),
            };
            if !self.gate.passes(key, second) {
                return;
            }
        }
        let c = self.table.at(client.addr, &mut self.gone, || Box::new(Client::new(second)));
        for (addr, gone) in self.gone.drain(..) {
            say.extend(gone.finding(addr, start_of(second)));
        }
        if c.episode.is_none() && second - c.since >= 60 {
            **c = Client { due: c.due, judged: c.judged, ..Client::new(second) };
        }
        if let Some(s) = c.ring.at(second) {
            s.answered += 1;
        }
        c.services.add((service.addr, service.port));
        c.asked += 1;
        c.frames.add(seen.event.frame);
        if c.due.is_none_or(|due| second > due) {
            c.due = Some(second);
            self.due.push_back((second, client.addr));
        }
    }

    /// It completed a handshake that began in this second.
    pub fn completed(&mut self, client: IpAddr, began: i64) {
        self.note(client, began, |s| s.completed += 1);
    }

    /// It answered a SYN+ACK with a RST.
    pub fn cancelled(&mut self, client: IpAddr, began: i64) {
        self.note(client, began, |s| s.cancelled += 1);
    }

    /// A SYN+ACK to it was sent again.
    pub fn repeated(&mut self, client: IpAddr, began: i64) {
        self.note(client, began, |s| s.repeated += 1);
    }

    fn note(&mut self, client: IpAddr, began: i64, what: impl FnOnce(&mut Second)) {
        if !self.table.is_empty()
            && let Some(s) = self.table.get(&client).and_then(|c| c.ring.at(began))
        {
            what(s);
        }
    }

    /// Judges every second up to this one.
    #[inline]
    pub fn judge_up_to(&mut self, last: i64, say: &mut Vec<Finding>) {
        if self.due.front().is_some_and(|(second, _)| *second <= last) {
            self.judge_due(last, say);
        }
    }

    fn judge_due(&mut self, last: i64, say: &mut Vec<Finding>) {
        while let Some((second, addr)) = self.due.front().copied().filter(|(s, _)| *s <= last) {
            self.due.pop_front();
            let Some(client) = self.table.get(&addr) else { continue };
            say.extend(client.judge(addr, second));
            if client.episode.is_some() && client.due.is_none_or(|due| due <= second) {
                let next = (second + 1).max(last.saturating_sub(super::JUMP));
                client.due = Some(next);
                let place = self.due.partition_point(|(s, _)| *s <= next);
                self.due.insert(place, (next, addr));
            }
        }
    }

    /// What is on.
    pub fn so_far(&self, now: Timestamp, say: &mut Vec<Finding>) {
        say.extend(self.table.sorted().into_iter().filter_map(|(addr, client)| client.finding(*addr, now)));
    }

    /// Clients let go so far.
    pub fn forgotten(&self) -> u64 {
        self.table.forgotten()
    }
}

impl Client {
    fn new(second: i64) -> Self {
        Self {
            ring: Seconds::default(),
            alarm: Alarm::default(),
            services: Distinct::coarse(),
            asked: 0,
            since: second,
            judged: None,
            due: None,
            frames: Frames::default(),
            episode: None,
            sum: Second::default(),
        }
    }

    fn judge(&mut self, addr: IpAddr, second: i64) -> Option<Finding> {
        let first = self.judged.map_or(second, |j| j + 1).max(second - 64);
        let mut said = None;
        for second in first..=second {
            let s = self.ring.get(second);
            let bad = u64::from(s.answered.saturating_sub(s.completed));
            match self.alarm.step(second, bad, 10.0, self.is_reflected(second)) {
                Turn::Raised => {
                    let since = self.alarm.since();
                    let mut episode = Episode::new(since, start_of(since), start_of(second + GRACE + 1));
                    for before in since.max(second - 16)..second {
                        let s = self.ring.get(before);
                        self.sum.add(&s);
                        episode.add(before, u64::from(s.answered), s.row());
                    }
                    self.episode = Some(episode);
                }
                Turn::Cleared => {
                    said = self.finding(addr, start_of(second));
                    (self.episode, self.sum) = (None, Second::default());
                }
                Turn::Same => {}
            }
            if let Some(episode) = &mut self.episode {
                self.sum.add(&s);
                episode.add(second, u64::from(s.answered), s.row());
            }
        }
        self.judged = self.judged.max(Some(second));
        said
    }

    /// Many services, each again and again, no handshake completed, and the client wants none of it or says nothing.
    fn is_reflected(&self, t: i64) -> bool {
        let sum = |of: fn(&Second) -> u32| self.ring.sum(t, 10, |s| u64::from(of(s)));
        let (answered, unwanted) = (sum(|s| s.answered), sum(|s| s.cancelled) + sum(|s| s.repeated));
        let services = self.services.count();
        let lasting = (0..2).all(|back| u64::from(self.ring.get(t - back).answered) >= FLOOR);
        lasting
            && services >= SERVICES
            && self.asked >= TIMES * services
            && sum(|s| s.completed) * 100 <= answered
            && unwanted * 2 >= answered
    }

    fn finding(&self, addr: IpAddr, now: Timestamp) -> Option<Finding> {
        let episode = self.episode.as_ref()?;
        let lasted = episode.lasted(now);
        let refused = percent(self.sum.cancelled.into(), self.sum.answered.into());
        let confidence = Grounds { both_directions: true, proof: refused >= 20, lasted }.confidence();
        let services = self.services.count();
        let message = format!(
            "{}reflection of SYN+ACKs at {addr}: {} SYNs in its name to {services} services in {lasted}, up to {} a second, none completed and {refused} % of the SYN+ACKs refused with a RST; confidence {}: filter SYNs with forged sources at the edge (BCP 38), or limit SYN+ACKs to this address",
            possible(confidence),
            episode.count,
            episode.peak,
            confidence_word(confidence),
        );
        let evidence = vec![
            ("services", services.into()),
            ("answered", self.sum.answered.into()),
            ("completed", self.sum.completed.into()),
            ("cancelled", self.sum.cancelled.into()),
            ("syn_acks_repeated", self.sum.repeated.into()),
        ];
        let key = ("AT003", addr.to_string());
        let mut finding = episode.finding(key, now, (confidence, message), COLUMNS, evidence);
        finding.frames = self.frames.sorted();
        finding.variant = Some("reflector");
        Some(finding)
    }
}

impl Second {
    fn add(&mut self, other: &Self) {
        self.answered += other.answered;
        self.completed += other.completed;
        self.cancelled += other.cancelled;
        self.repeated += other.repeated;
    }

    fn row(&self) -> [u64; 3] {
        [self.answered, self.cancelled, self.repeated].map(u64::from)
    }
}
