//! `Victim`: the connection attempts at one listener, or at all ports of one host, second by second; and whether they are
//! a flood (tcp.md AT001).

use std::borrow::Cow;

use super::episode::{Effect, Flood, Pace};
use super::second::{Outcome, Second, Wasted};
use crate::rules::attack::alarm::{Alarm, Baseline, Turn};
use crate::rules::attack::profile::Profile;
use crate::rules::attack::seconds::{Seconds, second_of};
use crate::tcp::{Duration, Timestamp};
use crate::track::HalfOpenEnd;

/// One victim, while it is looked at.
#[derive(Debug, Default)]
pub(super) struct Victim {
    ring: Seconds<Second, 16>,
    usual: Baseline,
    usual_syns: Baseline,
    watched: u32,
    alarm: Alarm,
    /// Attempts too young to be judged, that were not completed.
    pending: u64,
    wasted: Wasted,
    /// Half-open connections.
    queue: u64,
    full_since: Option<i64>,
    first: Option<Timestamp>,
    has_answered: bool,
    pub profile: Option<Box<Profile>>,
    flood: Option<Box<Flood>>,
    surge: Option<Box<Flood>>,
}

/// What a victim's judge needs to know beside it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Judge {
    /// The second that is judged: all of its attempts had [`GRACE`] to be completed.
    pub second: i64,
    /// The time at which it is: the alarm's time.
    pub at: Timestamp,
    /// Half-open connections from which on a slow flood is suspected.
    pub queue_limit: u64,
    /// All ports of the host are looked at, not one.
    pub all_ports: bool,
    /// Unfinished attempts of this second that another victim's flood explains.
    pub explained: u64,
}

/// So many seconds an attempt has to be completed (tcp.md AT001).
pub(super) const GRACE: i64 = 3;
/// Fewer unfinished attempts than this in three seconds are no flood.
const FLOOR: u64 = 150;
/// Unfinished attempts in per cent of all in ten seconds, but for those that are usually completed.
const SHARE: u64 = 70;
/// Where the headers tell of forged sources, with this score (tcp.md AT001), so many in ten seconds are enough: the alarm
/// would take fewer for quiet.
const SLOW_FLOOR: u64 = 100;
const FORGED_SCORE: i32 = 3;
/// The usual is taken to be at least so much, a second.
const LEAST_USUAL: f64 = 10.0;
/// Attempts without an answer so far, or half-open connections, that make a victim worth a profile.
const WARM: u64 = 64;
/// Without any answer in the capture: so many SYNs in each of two seconds, or in one, make a flood.
const UNHEARD: [u64; 2] = [200, 2000];
/// ... where the headers tell of forged sources or a tool, with this score.
const UNHEARD_SCORE: i32 = 2;
/// A slow flood keeps the queue full for so long.
const SLOW_SECONDS: i64 = 10;
/// So many attempts a second, and this many times the usual, are a surge.
const SURGE: (u64, f64) = (200, 3.0);
/// A surge is only known where so many seconds were watched before it.
const SURGE_WATCHED: u32 = 10;

impl Victim {
    /// What is on.
    pub fn floods(&self) -> impl Iterator<Item = &Flood> {
        self.flood.iter().chain(&self.surge).map(|flood| &**flood)
    }

    /// What is on, as it stands. Where the alarm was raised before anything was judged, what came so far stands for it.
    pub fn going_on(&self) -> impl Iterator<Item = Cow<'_, Flood>> {
        self.floods().map(|flood| match flood.is_judged() {
            true => Cow::Borrowed(flood),
            false => Cow::Owned(self.unjudged(flood)),
        })
    }

    fn unjudged(&self, flood: &Flood) -> Flood {
        let mut flood = flood.clone();
        let newest = self.ring.newest().unwrap_or(flood.episode.last());
        for second in flood.episode.last()..=newest {
            flood.second(second, &self.second(second));
        }
        flood
    }

    /// A new attempt.
    #[inline]
    pub fn syn(&mut self, second: i64, at: Timestamp) {
        self.first.get_or_insert(at);
        if let Some(s) = self.ring.at(second) {
            s.syns = s.syns.saturating_add(1);
            self.pending += 1;
        }
    }

    /// Whether its SYNs are worth a closer look.
    #[inline]
    pub fn is_warm(&self) -> bool {
        self.pending >= WARM || self.queue >= WARM
    }

    /// Something came of an attempt that began in this second.
    pub fn settled(&mut self, second: i64, outcome: Outcome) {
        self.has_answered = true;
        let Some(s) = self.ring.at(second).filter(|s| s.unfinished() > 0) else { return };
        match outcome {
            Outcome::Completed => {
                s.completed += 1;
                self.pending = self.pending.saturating_sub(1);
            }
            Outcome::Refused => s.refused += 1,
            Outcome::Cancelled => s.cancelled += 1,
        }
    }

    /// Something of it was captured.
    pub fn heard(&mut self) {
        self.has_answered = true;
    }

    /// It sent a first SYN+ACK.
    pub fn answered(&mut self, second: i64, again: Option<HalfOpenEnd>) {
        self.has_answered = true;
        self.queue += 1;
        if let Some(s) = self.ring.at(second).filter(|_| again.is_none()) {
            s.answered = s.answered.saturating_add(1);
        }
        if let Some(flood) = &mut self.flood {
            // One that had seemed given up was only late.
            flood.effect.expired =
                flood.effect.expired.saturating_sub(u64::from(again == Some(HalfOpenEnd::Expired)));
            flood.effect.peak_queue = flood.effect.peak_queue.max(self.queue);
        }
    }

    /// A half-open connection is no longer there.
    pub fn left(&mut self, kind: HalfOpenEnd) {
        self.queue = self.queue.saturating_sub(1);
        if let Some(flood) = &mut self.flood {
            flood.effect.left(kind);
        }
    }

    /// A SYN came again.
    pub fn repeated(&mut self, gap: Duration) {
        if let Some(profile) = &mut self.profile {
            profile.repeated(gap);
        }
        if let Some(flood) = &mut self.flood {
            flood.effect.repeated += 1;
        }
    }

    /// Attempts of a second that nothing came of.
    pub fn unfinished(&self, second: i64) -> u64 {
        self.second(second).unfinished()
    }

    fn second(&self, second: i64) -> Second {
        self.wasted.of(self.ring.get(second))
    }

    /// Whether a flood is on.
    pub fn is_flooded(&self) -> bool {
        self.flood.is_some()
    }

    /// Whether it has to be judged in the next second even if nothing comes.
    pub fn is_watched(&self) -> bool {
        self.flood.is_some() || self.surge.is_some() || self.queue >= WARM
    }

    /// Nothing was seen of the victim: neither an answer now nor one before.
    fn is_mute(&self) -> bool {
        !self.has_answered
    }

    /// Whether so many SYNs came in so short a time that none needs to be waited for. Only where nothing of the victim
    /// is seen: one that answers will show what comes of them.
    pub fn is_overrun(&self, second: i64) -> bool {
        let syns = |s| u64::from(self.ring.get(s).syns);
        let [two, one] = UNHEARD;
        let many = syns(second) >= one || (syns(second) >= two && syns(second - 1) >= two);
        many && self.is_mute()
            && self.profile.as_ref().is_some_and(|p| p.score(false) >= UNHEARD_SCORE && !p.is_repeated())
    }

    /// Raises the alarm at once.
    pub fn overrun(&mut self, second: i64, at: Timestamp) {
        let since =
            (1..GRACE + 1).map(|back| second - back).take_while(|s| self.ring.get(*s).syns > 0).last();
        let since = since.unwrap_or(second);
        self.alarm.force(since);
        self.begin((since, since), Pace::Fast, at);
    }

    /// Judges one second. What ended with it is given back, with what its attempts look like.
    pub fn judge(&mut self, judge: &Judge) -> Vec<(Flood, Option<Box<Profile>>)> {
        let raw = self.ring.get(judge.second);
        self.pending = self.pending.saturating_sub(u64::from(raw.syns.saturating_sub(raw.completed)));
        if self.flood.is_none() {
            self.wasted = self.wasted_by(judge.second);
        }
        let s = self.wasted.of(raw);
        let bad = s.unfinished();
        let charged = bad.saturating_sub(judge.explained);
        let holds = charged > 0 && self.is_flood_like(judge);
        let turn = self.alarm.step(judge.second, charged, self.usual.level().max(LEAST_USUAL), holds);
        let mut ended = Vec::new();
        match turn {
            Turn::Raised => self.begin((self.alarm.since(), judge.second), Pace::Fast, judge.at),
            Turn::Cleared => ended.extend(self.flood.take_if(|f| f.pace == Pace::Fast).map(|f| *f)),
            Turn::Same => {}
        }
        self.judge_slow(judge, &mut ended);
        self.judge_surge(judge, &s, &mut ended);
        if let Some(flood) = &mut self.flood {
            flood.second(judge.second, &s);
        } else {
            self.usual.add(u64::from(s.completed));
            self.usual_syns.add(u64::from(s.syns));
            self.watched = self.watched.saturating_add(1);
        }
        // What ends takes along what its attempts looked like.
        let ended = ended.into_iter().map(|flood| (flood, self.profile.take())).collect();
        if self.flood.is_none() && self.surge.is_none() && self.pending < WARM / 8 && self.queue < WARM / 2 {
            self.profile = None;
        }
        ended
    }

    /// A tool that floods from its own address has a kernel that answers each SYN+ACK with a RST; and a tool
    /// may ask for a port that is closed. The clients of a dead service show that they are stacks, and different ones.
    fn wasted_by(&self, t: i64) -> Wasted {
        let many = |of: fn(&Second) -> u32| self.ring.sum(t, 3, |s| u64::from(of(s))) >= FLOOR;
        Wasted {
            cancelled: many(|s| s.cancelled),
            refused: many(|s| s.refused) && (self.is_forged() || self.is_of_a_tool()),
        }
    }

    fn is_of_a_tool(&self) -> bool {
        self.profile.as_ref().is_some_and(|p| p.is_of_a_tool())
    }

    fn is_forged(&self) -> bool {
        self.profile.as_ref().is_some_and(|p| p.score(false) >= FORGED_SCORE && !p.is_repeated())
    }

    /// The conditions beside the sum: enough, most of all attempts, and no better explanation.
    fn is_flood_like(&self, judge: &Judge) -> bool {
        let t = judge.second;
        let unfinished = |count| self.ring.sum(t, count, |s| self.wasted.of(*s).unfinished());
        let is_slow = unfinished(3) < FLOOR;
        if is_slow && (unfinished(10) < SLOW_FLOOR || !self.is_forged()) {
            return false;
        }
        let syns = self.ring.sum(t, 10, |s| u64::from(s.syns));
        let is_most_of = |all: u64| unfinished(10) * 100 >= all * SHARE;
        let is_beside_usual = || is_most_of(syns - self.usually_completed(t)) && !self.is_retried();
        if !is_most_of(syns) && !is_beside_usual() {
            return false;
        }
        if self.is_mute() && !is_slow {
            let heard = |s: i64| u64::from(self.ring.get(s).syns);
            let many = heard(t) >= UNHEARD[1] || (heard(t) >= UNHEARD[0] && heard(t - 1) >= UNHEARD[0]);
            if !many || self.profile.as_ref().is_none_or(|p| p.score(false) < UNHEARD_SCORE) {
                return false;
            }
        }
        !self.is_dead_server(t) && (!judge.all_ports || !self.is_scan())
    }

    /// Handshakes completed in ten seconds, but no more than usual: they hide nothing.
    fn usually_completed(&self, t: i64) -> u64 {
        let completed = self.ring.sum(t, 10, |s| u64::from(s.completed));
        completed.min((self.usual.level() * 10.0) as u64)
    }

    /// Those that are not served send their SYN again, as clients do.
    fn is_retried(&self) -> bool {
        self.profile.as_ref().is_some_and(|p| p.is_retried())
    }

    /// Nobody is answered, and clients repeat their SYN as stacks do: the server, or the path to it, is down.
    fn is_dead_server(&self, second: i64) -> bool {
        let answers = || self.ring.sum(second, 3, |s| u64::from(s.answered) + u64::from(s.refused));
        (self.is_mute() || answers() == 0) && self.profile.as_ref().is_some_and(|p| p.is_repeated())
    }

    /// Few sources that ask each port once or twice look for open ports.
    fn is_scan(&self) -> bool {
        self.profile.as_ref().is_none_or(|p| p.sources() <= 64 && p.syns() < 16 * p.ports())
    }

    /// A flood so slow that its rate says nothing: it keeps the queue full, and next to nobody gets through.
    fn judge_slow(&mut self, judge: &Judge, ended: &mut Vec<Flood>) {
        if judge.all_ports {
            return;
        }
        if self.flood.is_some() && self.queue < judge.queue_limit / 2 {
            ended.extend(self.flood.take_if(|f| f.pace == Pace::Slow).map(|f| *f));
        }
        if self.queue < judge.queue_limit {
            self.full_since = None;
            return;
        }
        let since = *self.full_since.get_or_insert(judge.second);
        let answered = self.ring.sum(judge.second, 10, |s| u64::from(s.answered));
        let completed = self.ring.sum(judge.second, 10, |s| u64::from(s.completed));
        let usual = self.usually_completed(judge.second);
        // Fewer than this fill no queue, whose entries live for a minute.
        let many = judge.queue_limit * SLOW_SECONDS as u64 / 64;
        let unserved = answered.saturating_sub(usual);
        let beside_usual = unserved >= many && (completed - usual) * 5 < unserved && !self.is_retried();
        let next_to_nobody = completed * 5 < answered.max(1);
        let is_full = judge.second - since >= SLOW_SECONDS && (next_to_nobody || beside_usual);
        if is_full && self.flood.is_none() {
            let first = self.first.map_or(since, second_of);
            // The entries that fill the queue came within the minute that they live.
            self.begin((first.max(judge.second - 64), judge.second), Pace::Slow, judge.at);
        }
    }

    /// Many more attempts than usual, most of them served, from machines of many kinds.
    fn judge_surge(&mut self, judge: &Judge, s: &Second, ended: &mut Vec<Flood>) {
        let (least, times) = SURGE;
        let syns = self.ring.sum(judge.second, 3, |s| u64::from(s.syns));
        if self.surge.is_none() && syns < 3 * least {
            return;
        }
        let completed = self.ring.sum(judge.second, 3, |s| u64::from(s.completed));
        let usual = self.usual_syns.level() * times;
        let many = syns >= 3 * least && syns as f64 >= 3.0 * usual;
        if let Some(surge) = &mut self.surge {
            surge.second(judge.second, s);
            if syns as f64 <= 3.0 * usual.max(least as f64) / times {
                ended.extend(self.surge.take().map(|f| *f));
            }
        } else if many
            && self.flood.is_none()
            && self.watched >= SURGE_WATCHED
            && completed * 100 >= syns * 60
        {
            let diverse = self.profile.as_ref().is_some_and(|p| p.is_diverse());
            if diverse {
                self.surge = Some(self.episode((judge.second - 2, judge.second + 1), Pace::Surge, judge.at));
            }
        }
    }

    fn begin(&mut self, seconds: (i64, i64), pace: Pace, raised: Timestamp) {
        if let Some(flood) = &mut self.flood {
            flood.pace = pace;
            return;
        }
        self.surge = None;
        self.flood = Some(self.episode(seconds, pace, raised));
    }

    /// An episode with what the seconds `from` up to, not with, `to` held; the judge adds those from there on.
    fn episode(&self, (from, to): (i64, i64), pace: Pace, raised: Timestamp) -> Box<Flood> {
        let effect = Effect {
            usual_completed: self.usual.level(),
            answers_before: self.has_answered,
            peak_queue: self.queue,
            ..Effect::default()
        };
        let mut flood = Flood::new(pace, from, self.first.unwrap_or(raised), raised, effect);
        for second in from.max(to - 16)..to {
            flood.second(second, &self.second(second));
        }
        Box::new(flood)
    }
}
