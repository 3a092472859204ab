//! `Flood`: one flood from its beginning to its end, its effect on the victim, and its finding.

use serde_json::Value;

use super::second::Second;
use crate::rules::attack::episode::{Episode, Grounds, confidence_word, percent, possible};
use crate::rules::attack::profile::{BY_FEW, Profile, Sources};
use crate::rules::finding::{Finding, Severity};
use crate::rules::words::counted;
use crate::tcp::Timestamp;
use crate::track::{Confidence, HalfOpenEnd};

/// How fast it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Pace {
    /// The rate tells.
    Fast,
    /// Only the queue tells.
    Slow,
    /// It is none: many clients, and most are served.
    Surge,
}

/// One flood.
#[derive(Clone, Debug)]
pub(super) struct Flood {
    pub pace: Pace,
    pub episode: Episode<3>,
    pub effect: Effect,
    sum: Sum,
    /// Of quiet seconds; it counts when the flood goes on after them.
    after: Sum,
}

/// Attempts while it lasts.
#[derive(Clone, Copy, Debug, Default)]
struct Sum {
    syns: u64,
    completed: u64,
    answered: u64,
    unfinished: u64,
}

/// What it does to the victim.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Effect {
    /// Handshakes completed a second before it.
    pub usual_completed: f64,
    /// Something of the victim was captured before it.
    pub answers_before: bool,
    pub peak_queue: u64,
    pub repeated: u64,
    pub expired: u64,
    pub cancelled: u64,
    pub other_ends: u64,
}

impl Effect {
    /// A half-open connection ended.
    pub fn left(&mut self, kind: HalfOpenEnd) {
        match kind {
            HalfOpenEnd::Expired => self.expired += 1,
            HalfOpenEnd::Cancelled => self.cancelled += 1,
            _ => self.other_ends += 1,
        }
    }

    /// At least half of what was answered expired or drew a RST.
    fn is_unanswered(&self) -> bool {
        let lost = self.expired + self.cancelled;
        lost >= 16 && lost >= self.other_ends
    }
}

impl Sum {
    fn add(&mut self, s: &Second) {
        self.syns += u64::from(s.syns);
        self.completed += u64::from(s.completed);
        self.answered += u64::from(s.answered);
        self.unfinished += s.unfinished();
    }

    fn merge(&mut self, other: &Self) {
        self.syns += other.syns;
        self.completed += other.completed;
        self.answered += other.answered;
        self.unfinished += other.unfinished;
    }
}

const COLUMNS: [&str; 3] = ["syns", "unfinished", "completed"];

impl Flood {
    pub fn new(pace: Pace, since: i64, first: Timestamp, raised: Timestamp, effect: Effect) -> Self {
        let episode = Episode::new(since, first, raised);
        Self { pace, episode, effect, sum: Sum::default(), after: Sum::default() }
    }

    /// A surge is none.
    pub fn is_attack(&self) -> bool {
        self.pace != Pace::Surge
    }

    /// Some of its attempts were judged.
    pub fn is_judged(&self) -> bool {
        self.sum.syns + self.after.syns > 0
    }

    /// One more second.
    pub fn second(&mut self, second: i64, s: &Second) {
        let bad = if self.pace == Pace::Surge { u64::from(s.syns) } else { s.unfinished() };
        self.episode.add(second, bad, [u64::from(s.syns), s.unfinished(), u64::from(s.completed)]);
        self.after.add(s);
        if self.episode.last() == second {
            self.sum.merge(&std::mem::take(&mut self.after));
        }
    }

    /// The finding about `key`, as it stands; `truncated` where the capture ended before it did.
    pub fn finding(
        &self,
        key: String,
        profile: Option<&Profile>,
        now: Timestamp,
        truncated: bool,
    ) -> Finding {
        let mut finding = match self.pace {
            Pace::Surge => self.surge(key, now),
            Pace::Fast | Pace::Slow => self.attack(key, profile, now, truncated),
        };
        finding.frames = profile.map(|p| p.frames.sorted()).unwrap_or_default();
        finding
    }

    fn attack(&self, key: String, profile: Option<&Profile>, now: Timestamp, truncated: bool) -> Finding {
        let score = profile.map_or(0, |p| p.score(self.effect.is_unanswered()));
        let kind = match score {
            3.. => Sources::Spoofed,
            1..=2 => Sources::Mixed,
            _ => Sources::Direct,
        };
        let answers = self.effect.answers_before || self.sum.answered > 0 || self.sum.completed > 0;
        let lasted = self.episode.lasted(now);
        // Clients that are served as ever hide nothing.
        let usual = (self.effect.usual_completed * lasted.as_secs_f64()) as u64;
        let beyond_usual = self.sum.syns.saturating_sub(self.sum.completed.min(usual));
        let agree = self.sum.answered > 0 && self.sum.unfinished * 10 >= beyond_usual * 7;
        let grounds = Grounds { both_directions: answers, proof: agree || score >= 3, lasted };
        let confidence = grounds.confidence();
        let message = format!(
            "{}SYN flood{} on {key}: {} handshakes begun and never finished in {lasted}, up to {} a second, {}; {}; confidence {}: {}",
            possible(confidence),
            if self.pace == Pace::Slow { ", a slow one that keeps the SYN queue full," } else { "" },
            self.sum.unfinished,
            self.episode.peak,
            whence(profile, self.sum.syns, kind),
            self.effect(),
            confidence_word(confidence),
            defence(kind),
        );
        let mut evidence: Vec<(&'static str, Value)> = vec![
            ("syns", self.sum.syns.into()),
            ("unfinished", self.sum.unfinished.into()),
            ("unfinished_percent", percent(self.sum.unfinished, self.sum.syns).into()),
            ("completed", self.sum.completed.into()),
            ("usual_completed_per_s", tenth(self.effect.usual_completed).into()),
            ("answered", self.sum.answered.into()),
            ("half_open_peak", self.effect.peak_queue.into()),
            ("half_open_expired", self.effect.expired.into()),
            ("half_open_cancelled", self.effect.cancelled.into()),
            ("source_kind", kind.name().into()),
            ("both_directions", answers.into()),
            ("truncated", truncated.into()),
        ];
        evidence.extend(profile.iter().flat_map(|p| p.evidence(self.sum.syns, score, kind)));
        let mut finding = self.episode.finding(("AT001", key), now, (confidence, message), COLUMNS, evidence);
        finding.variant = Some(if self.pace == Pace::Slow { "slow" } else { kind.name() });
        finding
    }

    /// Not a flood: a note that says why there are so many.
    fn surge(&self, key: String, now: Timestamp) -> Finding {
        let lasted = self.episode.lasted(now);
        let message = format!(
            "surge at {key}: {} connection attempts in {lasted}, up to {} a second, and {} % of them completed: many clients, not a flood",
            self.sum.syns,
            self.episode.peak,
            percent(self.sum.completed, self.sum.syns)
        );
        let evidence = vec![("syns", self.sum.syns.into()), ("completed", self.sum.completed.into())];
        let grounds = (Confidence::Medium, message);
        let mut finding = self.episode.finding(("CN006", key), now, grounds, COLUMNS, evidence);
        finding.severity = Severity::Note;
        finding
    }

    fn effect(&self) -> String {
        let before = tenth(self.effect.usual_completed);
        let queue = match self.effect.peak_queue {
            0 => "no half-open connection was seen".to_string(),
            n => format!("up to {n} half-open connections at once"),
        };
        format!("{queue}, {} handshakes completed meanwhile ({before} a second before)", self.sum.completed)
    }
}

/// Where so many SYNs come from, in words.
fn whence(profile: Option<&Profile>, syns: u64, kind: Sources) -> String {
    let Some(profile) = profile else { return "from addresses too few to judge".into() };
    let n = profile.sources_of(syns);
    match kind {
        Sources::Spoofed => format!("from about {}", counted(n, "forged address", "forged addresses")),
        Sources::Mixed => format!("from about {n} addresses, some of them perhaps forged"),
        Sources::Direct => {
            let (heaviest, share) = (profile.heaviest(), profile.share_of_heaviest());
            let named: Vec<String> = heaviest.iter().take(4).map(|(a, _)| a.to_string()).collect();
            let by_few = share >= BY_FEW && heaviest.len() < n as usize;
            let n = if by_few { heaviest.len() as u64 } else { n };
            let more = if n as usize > named.len() { " …" } else { "" };
            let most = if by_few { format!("{share} % of them ") } else { String::new() };
            format!("{most}from {}: {}{more}", counted(n, "address", "addresses"), named.join(" "))
        }
    }
}

/// What to do (RFC 4987; RFC 2827).
fn defence(kind: Sources) -> &'static str {
    match kind {
        Sources::Direct => "block these addresses; SYN cookies and a larger backlog keep others served",
        _ => {
            "turn on SYN cookies, enlarge the backlog, retry SYN+ACKs less often, or put a SYN proxy in front; blocking addresses is in vain"
        }
    }
}

fn tenth(x: f64) -> f64 {
    (x * 10.0).round() / 10.0
}
