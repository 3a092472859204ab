//! `Listener`: what happened at one address and port that connections were opened to, and the bounded table of them.

use std::ops::ControlFlow;

use foldhash::HashMap;

use super::chain::{self, Figures, Look, Place, Question, Step, Verdict, Window, Windows};
use super::order::in_order;
use super::queue::SynQueue;
use super::restart::Restarts;
use super::symptoms::Symptoms;
use crate::config::{Config, Thresholds};
use crate::rules::{Finding, Seen};
use crate::tcp::{Duration, Endpoint, Timestamp};
use crate::track::{Closer, Confidence, Ended, Fact, HalfOpenEnd, OpenOutcome, Record};

/// One address and port that connections were opened to.
#[derive(Clone, Debug, PartialEq)]
pub struct Listener {
    /// Its address and port.
    pub endpoint: Endpoint,
    /// Whether it ever answered a SYN with a SYN+ACK, or had an open connection.
    pub answers: bool,
    /// Its connections by what came of their opening.
    pub outcomes: Outcomes,
    /// Connections with a SYN in the capture.
    pub syns: u64,
    /// Of these, ones that got a SYN+ACK.
    pub answered: u64,
    /// Who closed first.
    pub closes: Closes,
    /// Its half-open connections; `None` where it never sent a SYN+ACK.
    pub queue: Option<Box<SynQueue>>,
    /// The backlog it is judged against: what the user gave, but at most somaxconn.
    pub backlog: Option<u64>,
    /// What points at one of its queues.
    pub symptoms: Symptoms,
    /// What rules said of its queues.
    pub heard: Vec<Heard>,
    /// Times it went away and came back.
    pub restarts: Restarts,
    /// What stands between it and its clients; `None` where nothing does.
    pub verdict: Option<Verdict>,
    /// The same for every ten seconds that show anything; those that follow each other with one verdict are one.
    pub windows: Vec<Window>,
    /// What rules said, one entry for what was said within ten seconds.
    pub(super) said: Vec<Heard>,
    slots: Windows,
}

/// Connections by what came of their opening.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcomes {
    /// The handshake was completed.
    pub complete: u64,
    /// SYN+ACK, and no final ACK.
    pub half_open: u64,
    /// RST for the SYN.
    pub refused: u64,
    /// No answer.
    pub unanswered: u64,
    /// The client gave up with a RST.
    pub cancelled: u64,
    /// The opening was not captured.
    pub not_captured: u64,
}

/// Connections by who sent the first FIN.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Closes {
    /// The client.
    pub client: u64,
    /// The server, which then holds TIME_WAIT.
    pub server: u64,
    /// Both: the FINs crossed.
    pub both: u64,
}

/// One rule's findings about a listener.
#[derive(Clone, Debug, PartialEq)]
pub struct Heard {
    /// Rule id.
    pub rule: &'static str,
    /// Which of its variants.
    pub variant: Option<&'static str>,
    /// How many findings.
    pub count: u64,
    /// How sure the surest is.
    pub confidence: Confidence,
    /// Time of the first.
    pub first: Timestamp,
    /// Time of the last, or the end of its episode.
    pub last: Timestamp,
}

impl Outcomes {
    /// One connection more.
    pub fn add(&mut self, outcome: OpenOutcome) {
        match outcome {
            OpenOutcome::Complete => self.complete += 1,
            OpenOutcome::HalfOpen => self.half_open += 1,
            OpenOutcome::Refused => self.refused += 1,
            OpenOutcome::Unanswered => self.unanswered += 1,
            OpenOutcome::Cancelled => self.cancelled += 1,
            OpenOutcome::NotCaptured => self.not_captured += 1,
        }
    }

    /// All connections.
    pub fn total(&self) -> u64 {
        self.complete + self.half_open + self.refused + self.unanswered + self.cancelled + self.not_captured
    }
}

impl Closes {
    /// One close more.
    pub fn add(&mut self, closer: Closer) {
        match closer {
            Closer::Client => self.client += 1,
            Closer::Server => self.server += 1,
            Closer::Both => self.both += 1,
        }
    }

    /// The share that the server closed first; `None` where nobody closed.
    pub fn server_share(&self) -> Option<f64> {
        let all = self.client + self.server + self.both;
        (all > 0).then(|| self.server as f64 / all as f64)
    }
}

impl Listener {
    fn new(endpoint: Endpoint, t: &Thresholds) -> Self {
        Self {
            endpoint,
            answers: false,
            outcomes: Outcomes::default(),
            syns: 0,
            answered: 0,
            closes: Closes::default(),
            queue: None,
            backlog: t.backlog(&endpoint),
            symptoms: Symptoms::default(),
            heard: Vec::new(),
            restarts: Restarts::default(),
            verdict: None,
            windows: Vec::new(),
            said: Vec::new(),
            slots: Windows::default(),
        }
    }

    /// Findings of a rule, of one variant or of all.
    pub fn heard_of(&self, rule: &str, variant: Option<&str>) -> u64 {
        let of = |h: &&Heard| h.rule == rule && (variant.is_none() || h.variant == variant);
        self.heard.iter().filter(of).map(|h| h.count).sum()
    }

    /// It answers with SYN cookies: what seems its SYN queue is virtual.
    pub fn has_cookies(&self) -> bool {
        let asked = |s: &&Step| s.question == Question::Cookies;
        let step = self.verdict.as_ref().and_then(|v| v.steps.iter().find(asked));
        step.is_some_and(|s| s.answer > chain::Answer::No) || self.heard_of("HO005", None) > 0
    }

    fn settle(&mut self, r: &Record, now: Timestamp) {
        self.outcomes.add(r.open.outcome);
        self.syns += u64::from(r.open.client_isn.is_some());
        self.answered += u64::from(r.open.client_isn.is_some() && r.half_open.is_some());
        if let Some(closer) = r.close.active_closer {
            self.closes.add(closer);
        }
        if let (Some(queue), Some(entry)) = (self.queue.as_deref_mut(), &r.half_open) {
            queue.settle(entry, now);
            if entry.end.is_none() && r.ended != Ended::EndOfCapture {
                queue.leave(now);
            }
        }
        let mut figures = Figures { symptoms: Symptoms::of(r), ..Figures::default() };
        self.symptoms.add(&figures.symptoms);
        figures.settle(r, now);
        let place = if figures.is_trouble() { Place::Made } else { Place::Found };
        self.count(r.first, place, &figures);
    }

    /// A symptom that is a fact of its own.
    fn show(&mut self, at: Timestamp, symptoms: Symptoms) {
        self.symptoms.add(&symptoms);
        self.count(at, Place::Made, &Figures { symptoms, ..Figures::default() });
    }

    fn count(&mut self, at: Timestamp, place: Place, figures: &Figures) {
        let mut slots = std::mem::take(&mut self.slots);
        slots.add(at, place, figures, self);
        self.slots = slots;
    }

    /// The same as `hear`, with the time it is about.
    fn remember(&mut self, heard: Heard) {
        let near = |h: &&mut Heard| {
            let apart = heard.first.since(h.last).max(h.first.since(heard.last));
            h.rule == heard.rule && h.variant == heard.variant && apart <= AT_ONCE
        };
        let full = self.said.len() == MAX_SAID;
        if let Some(same) = self.said.iter_mut().rev().find(near) {
            same.count += heard.count;
            same.first = same.first.min(heard.first);
            same.last = same.last.max(heard.last);
        } else if !full {
            // HO006 looks back over a minute, in which there may have been nothing.
            if chain::asks(&heard) && heard.rule != "HO006" {
                self.count(heard.first, Place::Made, &Figures::default());
            }
            self.said.push(heard);
        }
    }

    fn hear(&mut self, f: &Finding) {
        let last = f.end.unwrap_or(f.at).max(f.at);
        let first = f.start.unwrap_or(f.at).min(f.at);
        let heard =
            Heard { rule: f.rule, variant: f.variant, count: 1, confidence: f.confidence, first, last };
        let same = self.heard.iter_mut().find(|h| h.rule == f.rule && h.variant == f.variant);
        match same {
            Some(heard) => {
                heard.count += 1;
                heard.confidence = heard.confidence.max(f.confidence);
                heard.first = heard.first.min(first);
                heard.last = heard.last.max(last);
            }
            None => self.heard.push(heard.clone()),
        }
        self.remember(heard);
    }
}

/// Findings so near in time are one entry.
const AT_ONCE: Duration = Duration::from_secs(10);
/// Entries kept of one listener.
const MAX_SAID: usize = 32;

/// Every listener, up to a bound. Ones that never answered get a quarter of the room, so that a port scan does not
/// crowd out those that do.
#[derive(Debug)]
pub(super) struct Listeners {
    all: Vec<Listener>,
    of_endpoint: HashMap<Endpoint, u32>,
    silent: usize,
    bound: usize,
    points: usize,
    /// SYN+ACKs after the final ACK, of connections that had any and have not ended.
    repeats: HashMap<u64, u32>,
    thresholds: Thresholds,
    two_msl: Duration,
    /// Connections that are in no listener's figures.
    pub unlisted: u64,
}

impl Listeners {
    pub fn new(config: &Config) -> Self {
        Self {
            all: Vec::new(),
            of_endpoint: HashMap::default(),
            silent: 0,
            bound: config.tables.listeners.max(4),
            points: config.tables.points,
            repeats: HashMap::default(),
            thresholds: config.rules.thresholds.clone(),
            two_msl: config.track.two_msl,
            unlisted: 0,
        }
    }

    pub fn seen(&mut self, seen: &Seen) {
        let Some(endpoint) = seen.endpoints.get(seen.event.end).copied() else { return };
        let (at, two_msl) = (seen.event.at, self.two_msl);
        match seen.event.fact {
            Fact::HalfOpenEntered { again } => {
                let points = self.points;
                let Some(listener) = self.entry(endpoint, Answer::Given) else { return };
                let backlog = listener.backlog;
                let queue = listener.queue.get_or_insert_with(|| Box::new(SynQueue::new(backlog, points)));
                queue.enter(at, again.is_some());
                listener.restarts.answered(at, two_msl);
            }
            Fact::HalfOpenLeft { kind, .. } => {
                if let Some(queue) = self.listener(endpoint).and_then(|l| l.queue.as_mut()) {
                    queue.leave(at);
                    queue.completed += u64::from(kind == HalfOpenEnd::Completed);
                }
            }
            Fact::Refused { .. } => self.known(endpoint, |l| l.restarts.refused(at)),
            Fact::TimeWaitStarted | Fact::TimeWaitRestarted { .. } => {
                self.known(endpoint, |l| l.restarts.time_wait(at));
            }
            Fact::SynAckRepeated { after_ack: true, .. } => {
                let repeats = self.repeats.entry(seen.connection).or_default();
                *repeats += 1;
                let held_back = u64::from(*repeats == 2);
                let symptoms = Symptoms { repeated_after_ack: 1, held_back, ..Symptoms::default() };
                self.known(endpoint, |l| l.show(at, symptoms));
            }
            Fact::AcceptAborted => {
                self.known(endpoint, |l| l.show(at, Symptoms { aborted: 1, ..Symptoms::default() }));
            }
            _ => {}
        }
    }

    pub fn ended(&mut self, record: &Record, findings: &[Finding], now: Timestamp) {
        if !self.repeats.is_empty() {
            self.repeats.remove(&record.id);
        }
        let answer = match record.open.outcome {
            OpenOutcome::Refused | OpenOutcome::Unanswered => Answer::Missing,
            _ => Answer::Given,
        };
        let Some(listener) = self.entry(record.endpoints.server, answer) else {
            self.unlisted += 1;
            return;
        };
        listener.settle(record, now);
        for finding in findings.iter().filter(|f| chain::RULES.contains(&f.rule)) {
            listener.hear(finding);
        }
    }

    /// A finding about more than one connection: its key names the listener.
    pub fn heard(&mut self, finding: &Finding) {
        if !chain::RULES.contains(&finding.rule) {
            return;
        }
        let words = finding.key.iter().flat_map(|key| key.split([' ', '>', '=', ',', '→']));
        let Some(endpoint) = words.filter_map(endpoint).next_back() else { return };
        self.known(endpoint, |l| l.hear(finding));
    }

    /// All of them, as they stand.
    pub fn all(&self) -> impl Iterator<Item = &Listener> {
        self.all.iter()
    }

    /// Tells all of them, by address and port, with their verdicts.
    pub fn finish(
        mut self,
        now: Timestamp,
        mut tell: impl FnMut(&Listener) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        for place in in_order(self.all.iter().map(|l| l.endpoint)) {
            let Some(listener) = self.all.get_mut(place).filter(|l| l.outcomes.total() > 0) else { continue };
            if let Some(queue) = &mut listener.queue {
                queue.close(now);
            }
            listener.heard.sort_by_key(|h| (h.rule, h.variant));
            if listener.answers {
                listener.verdict = chain::judge(&Look::whole(listener));
                listener.windows = listener.slots.judge(listener, now);
            }
            tell(listener)?;
        }
        ControlFlow::Continue(())
    }

    fn listener(&mut self, endpoint: Endpoint) -> Option<&mut Listener> {
        let index = *self.of_endpoint.get(&endpoint)?;
        self.all.get_mut(index as usize)
    }

    fn known(&mut self, endpoint: Endpoint, note: impl FnOnce(&mut Listener)) {
        if let Some(listener) = self.listener(endpoint) {
            note(listener);
        }
    }

    fn entry(&mut self, endpoint: Endpoint, answer: Answer) -> Option<&mut Listener> {
        let index = match self.of_endpoint.get(&endpoint) {
            Some(index) => *index,
            None => self.add(endpoint, answer)?,
        };
        let listener = self.all.get_mut(index as usize)?;
        if answer == Answer::Given && !listener.answers {
            listener.answers = true;
            self.silent -= 1;
        }
        Some(listener)
    }

    /// One more, silent so far, if there is room for one of its kind.
    fn add(&mut self, endpoint: Endpoint, answer: Answer) -> Option<u32> {
        let (silent, answering) = (self.silent, self.all.len() - self.silent);
        let quarter = self.bound / 4;
        let room = match answer {
            Answer::Given => answering < self.bound - quarter,
            Answer::Missing => silent < quarter,
        };
        if !room {
            return None;
        }
        self.silent += 1;
        let index = self.all.len() as u32;
        self.all.push(Listener::new(endpoint, &self.thresholds));
        self.of_endpoint.insert(endpoint, index);
        Some(index)
    }
}

/// Whether there was any answer but a refusal.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Answer {
    Given,
    Missing,
}

fn endpoint(word: &str) -> Option<Endpoint> {
    let socket: std::net::SocketAddr = word.parse().ok()?;
    Some(Endpoint::new(socket.ip(), socket.port()))
}
