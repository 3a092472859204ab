//! `Target`: the strays toward one address, second by second, and what kind of attack they are.

use std::net::IpAddr;

use super::episode::{Attack, Flood, Heard};
use super::picture::Picture;
use crate::rules::attack::alarm::{Alarm, Turn};
use crate::rules::attack::episode::percent;
use crate::rules::attack::seconds::{Seconds, start_of};
use crate::rules::{Finding, Seen};
use crate::tcp::Timestamp;
use crate::track::StrayKind;

/// Strays of one kind that came in one second.
#[derive(Clone, Copy, Debug, Default)]
struct Count {
    /// 4-tuples.
    tuples: u32,
    /// Further segments on them, and RSTs that no connection would obey.
    again: u32,
    /// 4-tuples on which the receiver went on.
    answered: u32,
    /// On which the sender went on as in an open connection.
    continued: u32,
    /// That the receiver refused with a RST.
    refused: u32,
}

/// All kinds, and the connections that were opened in the same second.
#[derive(Clone, Copy, Debug, Default)]
struct Second {
    counts: [Count; KINDS],
    opened: u32,
}

/// One receiver.
#[derive(Debug, Default)]
pub(super) struct Target {
    ring: Seconds<Second, 16>,
    kinds: [Kind; KINDS],
    /// It began a connection of its own that was captured.
    speaks: bool,
    judged: Option<i64>,
    pub due: Option<i64>,
}

#[derive(Debug, Default)]
struct Kind {
    alarm: Alarm,
    pending: u64,
    picture: Option<Box<Picture>>,
    flood: Option<Box<Flood>>,
}

const KINDS: usize = 3;
/// So many seconds a stray has to be explained.
pub(super) const GRACE: i64 = 3;
/// So many strays without an explanation are worth a closer look.
const WARM: u64 = 32;
/// Usual strays, a second.
const USUAL: f64 = 10.0;
/// At the begin of a capture every open connection begins with a stray (tcp.md §7: warmup).
const WARMUP: i64 = 30;
/// Those of connections in use are explained or have come by then.
const SETTLED: i64 = 5;

impl Target {
    /// The first segment of a 4-tuple, which is no SYN.
    pub fn stray(&mut self, kind: StrayKind, second: i64, seen: &Seen) {
        let Some(s) = self.ring.at(second) else { return };
        s.counts[kind as usize].tuples += 1;
        let kind = &mut self.kinds[kind as usize];
        kind.pending += 1;
        if kind.pending >= WARM || kind.picture.is_some() {
            kind.picture.get_or_insert_default().stray(seen);
        }
    }

    /// A further SYN+ACK or RST on such a 4-tuple.
    pub fn again(&mut self, kind: StrayKind, second: i64, frame: u64) {
        if let Some(s) = self.ring.at(second) {
            s.counts[kind as usize].again += 1;
        }
        if let Some(picture) = &mut self.kinds[kind as usize].picture {
            picture.again(frame);
        }
    }

    /// A RST that no receiver would act on, in a connection that is there.
    pub fn reset_refused(&mut self, second: i64, seen: &Seen) {
        self.stray(StrayKind::Close, second, seen);
    }

    /// A 4-tuple that began with a stray in the second `began` has more to it.
    pub fn followed(&mut self, kind: StrayKind, began: i64, by_receiver: bool, reset: bool) {
        let Some(s) = self.ring.at(began) else { return };
        let count = &mut s.counts[kind as usize];
        match (by_receiver, reset) {
            (true, true) => count.refused += 1,
            (true, false) => count.answered += 1,
            (false, _) => count.continued += 1,
        }
        if by_receiver {
            self.speaks = true;
        }
    }

    /// A connection to it was opened.
    pub fn opened(&mut self, second: i64) {
        self.speaks = true;
        if let Some(s) = self.ring.at(second) {
            s.opened += 1;
        }
    }

    /// It sent a SYN.
    pub fn speaks(&mut self) {
        self.speaks = true;
    }

    /// Whether it has to be judged in the next second even if nothing comes.
    pub fn is_watched(&self) -> bool {
        self.kinds.iter().any(|k| k.flood.is_some())
    }

    /// Judges the seconds up to this one.
    pub fn judge(
        &mut self,
        addr: IpAddr,
        second: i64,
        at: Timestamp,
        capture_began: i64,
        say: &mut Vec<Finding>,
    ) {
        let first = self.judged.map_or(second, |j| j + 1).max(second - 64);
        for second in first..=second {
            for kind in [StrayKind::SynAck, StrayKind::Close, StrayKind::Segment] {
                self.judge_kind(kind, addr, second, at, capture_began, say);
            }
        }
        self.judged = self.judged.max(Some(second));
    }

    fn judge_kind(
        &mut self,
        kind: StrayKind,
        addr: IpAddr,
        second: i64,
        at: Timestamp,
        capture_began: i64,
        say: &mut Vec<Finding>,
    ) {
        let attack = self.attack(kind, second, capture_began);
        let bad = self.unexplained(kind, attack, second);
        let count = self.ring.get(second).counts[kind as usize];
        let k = &mut self.kinds[kind as usize];
        k.pending = k.pending.saturating_sub(u64::from(count.tuples));
        match k.alarm.step(second, bad, USUAL, attack.is_some()) {
            Turn::Raised => {
                let since = k.alarm.since();
                let mut flood = Flood::new(attack.unwrap_or(Attack::AckFlood), since, at);
                for before in since.max(second - 16)..second {
                    let bad = self.unexplained(kind, attack, before);
                    flood.second(before, bad, &heard(&self.ring.get(before).counts[kind as usize]));
                }
                self.kinds[kind as usize].flood = Some(Box::new(flood));
            }
            Turn::Cleared => {
                if let Some(flood) = k.flood.take() {
                    say.push(flood.finding(addr, k.picture.take().as_deref(), self.speaks, start_of(second)));
                }
            }
            Turn::Same => {}
        }
        let k = &mut self.kinds[kind as usize];
        if let Some(flood) = &mut k.flood {
            flood.second(second, bad, &heard(&count));
        } else if k.picture.is_some() {
            let of_kind =
                |s: &Second| u64::from(s.counts[kind as usize].tuples + s.counts[kind as usize].again);
            if self.ring.sum(second + GRACE + 1, 14, of_kind) < WARM {
                k.picture = None;
            }
        }
    }

    /// Segments of a second that nothing explains. A middlebox sends more than one to each 4-tuple.
    fn unexplained(&self, kind: StrayKind, attack: Option<Attack>, second: i64) -> u64 {
        let c = self.ring.get(second).counts[kind as usize];
        let continued = if attack == Some(Attack::Middlebox) { 0 } else { c.continued };
        u64::from(c.tuples.saturating_sub(c.answered.saturating_add(continued)).saturating_add(c.again))
    }

    /// Which attack the strays of this kind are, if any.
    fn attack(&self, kind: StrayKind, t: i64, capture_began: i64) -> Option<Attack> {
        let picture = self.kinds[kind as usize].picture.as_deref()?;
        let sum = |of: fn(&Count) -> u32| self.ring.sum(t, 10, |s| u64::from(of(&s.counts[kind as usize])));
        let (tuples, again, refused) = (sum(|c| c.tuples), sum(|c| c.again), sum(|c| c.refused));
        let continued = sum(|c| c.continued);
        let refuses = |share| refused * 100 >= tuples * share;
        let is_young = t < capture_began + WARMUP;
        let lasting = |floor: u64, seconds: i64, attack| {
            (0..seconds).all(|back| self.unexplained(kind, attack, t - back) >= floor)
        };
        // Two seconds seldom begin with one of the clock's: they lie in three of those.
        let two_seconds = |floor: u64| {
            let three: u64 = (0..3).map(|back| self.unexplained(kind, None, t - back)).sum();
            three >= 2 * floor
        };
        match kind {
            StrayKind::SynAck => {
                let many = two_seconds(200) || lasting(2000, 1, None);
                let sources = picture.sources() >= 64 || again >= 100;
                // Seen from one side only, the connections of a busy client go on.
                let explained = !refuses(20) && !self.speaks && continued * 10 > tuples;
                if many && sources && picture.is_from_services() && !explained {
                    return Some(Attack::Reflection);
                }
                let forged = !picture.is_from_services() && !explained;
                (forged && lasting(500, 3, None)).then_some(Attack::SynAckFlood)
            }
            StrayKind::Segment => {
                let middlebox = picture.is_from_services() && picture.mean_payload() >= 100;
                if middlebox && (refuses(20) || !is_young) && lasting(100, 2, Some(Attack::Middlebox)) {
                    return Some(Attack::Middlebox);
                }
                let opened = self.ring.sum(t, 10, |s| u64::from(s.opened)) + sum(|c| c.answered);
                let share = percent(tuples, tuples + opened) >= 80;
                let too_soon = is_young && !refuses(50) && t < capture_began + SETTLED;
                (share && !too_soon && lasting(500, 3, None)).then_some(Attack::AckFlood)
            }
            StrayKind::Close => {
                let too_soon = is_young && t < capture_began + SETTLED && !lasting(200, 3, None);
                (!too_soon && two_seconds(200)).then_some(Attack::ResetFlood)
            }
        }
    }

    /// What is on.
    pub fn so_far(&self, addr: IpAddr, now: Timestamp, say: &mut Vec<Finding>) {
        for k in &self.kinds {
            if let Some(flood) = &k.flood {
                say.push(flood.finding(addr, k.picture.as_deref(), self.speaks, now));
            }
        }
    }
}

fn heard(c: &Count) -> Heard {
    Heard { tuples: u64::from(c.tuples), refused: u64::from(c.refused), again: u64::from(c.again) }
}
