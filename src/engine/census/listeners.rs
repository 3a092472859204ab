//! `Listener`: what happened at one address and port that connections were opened to, and the bounded table of them.

use foldhash::HashMap;

use super::chain::{self, Question, Step, Verdict};
use super::queue::SynQueue;
use super::restart::Restarts;
use crate::config::{Config, Thresholds};
use crate::rules::{Finding, Seen};
use crate::tcp::{Certainty, Duration, Endpoint, State, Timestamp};
use crate::track::{Closer, Confidence, Ended, Fact, HalfOpenEnd, OpenOutcome, Record, Role};

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

/// What points at a listener's queues, counted without any rule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Symptoms {
    /// Connections whose SYN came at least twice and was never answered.
    pub ignored: u64,
    /// Connections whose SYN was answered after it had come at least four times: no accident, and no filter either.
    pub late: u64,
    /// SYN+ACKs sent again although the final ACK had passed.
    pub repeated_after_ack: u64,
    /// Connections with at least two of these: a single one may have crossed the ACK on its way.
    pub held_back: u64,
    /// RSTs right after the final ACK from a server that said nothing else.
    pub aborted: u64,
    /// Connections with a complete handshake whose client sent data, again and again, to a server that stayed silent.
    pub unserved: u64,
    /// Connections whose handshake is complete, with no proof that the server took them.
    pub unconfirmed: u64,
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
        let given = t.backlog_of.iter().find(|(e, _)| *e == endpoint).map(|(_, n)| *n).or(t.backlog);
        Self {
            endpoint,
            answers: false,
            outcomes: Outcomes::default(),
            syns: 0,
            answered: 0,
            closes: Closes::default(),
            queue: None,
            backlog: given.map(|n| n.min(t.somaxconn)),
            symptoms: Symptoms::default(),
            heard: Vec::new(),
            restarts: Restarts::default(),
            verdict: None,
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
        let s = &mut self.symptoms;
        s.ignored += u64::from(r.open.outcome == OpenOutcome::Unanswered && r.open.syn_retransmissions > 0);
        s.late += u64::from(r.half_open.is_some() && was_kept_waiting(r));
        s.unserved += u64::from(is_unserved(r));
        s.unconfirmed += u64::from(is_unconfirmed(r));
    }

    fn hear(&mut self, f: &Finding) {
        let last = f.end.unwrap_or(f.at).max(f.at);
        let first = f.start.unwrap_or(f.at).min(f.at);
        let same = self.heard.iter_mut().find(|h| h.rule == f.rule && h.variant == f.variant);
        match same {
            Some(heard) => {
                heard.count += 1;
                heard.confidence = heard.confidence.max(f.confidence);
                heard.first = heard.first.min(first);
                heard.last = heard.last.max(last);
            }
            None => self.heard.push(Heard {
                rule: f.rule,
                variant: f.variant,
                count: 1,
                confidence: f.confidence,
                first,
                last,
            }),
        }
    }
}

/// The first SYN+ACK came only after the client had repeated its SYN three times, over 3 s at least (tcp.md M1).
fn was_kept_waiting(r: &Record) -> bool {
    let waited = r.half_open.map(|h| h.start.since(r.first));
    r.open.syn_retransmissions >= 3 && waited.is_some_and(|w| w >= Duration::from_millis(2500))
}

/// Complete for the client, which sent data again and again, and nothing but SYN+ACKs came back (tcp.md M26, face 4).
fn is_unserved(r: &Record) -> bool {
    let (client, server) = (&r.sent.client, &r.sent.server);
    r.open.outcome == OpenOutcome::Complete
        && client.payload_bytes > 0
        && client.retransmissions >= 2
        && server.segments <= u64::from(server.syn)
}

/// The final ACK passed; nothing the server sent shows that it came.
fn is_unconfirmed(r: &Record) -> bool {
    let opened = r.path(Role::Server).find(|t| t.to == State::Established);
    opened.is_some_and(|t| t.certainty != Certainty::Observed && t.confirmed.is_none())
        && r.sent.server.segments <= u64::from(r.sent.server.syn)
}

/// Every listener, up to a bound. Ones that never answered get a quarter of the room, so that a port scan does not
/// crowd out those that do.
#[derive(Debug)]
pub(super) struct Listeners {
    table: HashMap<Endpoint, Listener>,
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
            table: HashMap::default(),
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
                queue.enter(at, again);
                listener.restarts.answered(at, two_msl);
            }
            Fact::HalfOpenLeft { kind, .. } => {
                if let Some(queue) = self.table.get_mut(&endpoint).and_then(|l| l.queue.as_mut()) {
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
                let second = *repeats == 2;
                self.known(endpoint, |l| {
                    l.symptoms.repeated_after_ack += 1;
                    l.symptoms.held_back += u64::from(second);
                });
            }
            Fact::AcceptAborted => self.known(endpoint, |l| l.symptoms.aborted += 1),
            _ => {}
        }
    }

    pub fn ended(&mut self, record: &Record, findings: &[Finding], now: Timestamp) {
        self.repeats.remove(&record.id);
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
        self.table.values()
    }

    /// All of them, by address and port, with their verdicts.
    pub fn finish(self, now: Timestamp) -> Vec<Listener> {
        let mut all: Vec<Listener> = self.table.into_values().filter(|l| l.outcomes.total() > 0).collect();
        all.sort_by_key(|l| l.endpoint);
        for listener in &mut all {
            if let Some(queue) = &mut listener.queue {
                queue.close(now);
            }
            listener.heard.sort_by_key(|h| (h.rule, h.variant));
            listener.verdict = chain::judge(listener);
        }
        all
    }

    fn known(&mut self, endpoint: Endpoint, note: impl FnOnce(&mut Listener)) {
        if let Some(listener) = self.table.get_mut(&endpoint) {
            note(listener);
        }
    }

    fn entry(&mut self, endpoint: Endpoint, answer: Answer) -> Option<&mut Listener> {
        let (silent, answering) = (self.silent, self.table.len() - self.silent);
        let quarter = self.bound / 4;
        if !self.table.contains_key(&endpoint) {
            let room = match answer {
                Answer::Given => answering < self.bound - quarter,
                Answer::Missing => silent < quarter,
            };
            if !room {
                return None;
            }
            self.silent += 1;
            self.table.insert(endpoint, Listener::new(endpoint, &self.thresholds));
        }
        let listener = self.table.get_mut(&endpoint)?;
        if answer == Answer::Given && !listener.answers {
            listener.answers = true;
            self.silent -= 1;
        }
        Some(listener)
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
