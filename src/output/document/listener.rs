//! A listener as it stands in the document.

use schemars::JsonSchema;
use serde::Serialize;

use super::connection::Endpoint;
use super::curve::{AtOnce, Curve, Outcomes, share};
use super::scalar::{Ns, OneOf, Time};
use crate::engine::{self, Answer, Cause, Question, RestartKind, SynQueue};
use crate::output::text::rounded;
use crate::tcp::Duration;

/// One address and port that connections were opened to.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Listener<'a> {
    /// Its address and port.
    endpoint: Endpoint,
    /// Whether it ever answered with a SYN+ACK or had an open connection; else it only refused, or stayed silent.
    answers: bool,
    /// Connections.
    connections: u64,
    /// The same by what came of their opening.
    outcomes: Outcomes,
    /// How its handshakes went.
    rates: Rates,
    /// Its half-open connections (SYN+ACK sent, final ACK not seen); null where there never was one.
    half_open: Option<HalfOpenQueue>,
    /// What half-open counts are judged against: the backlog given, but at most somaxconn; null where none was given.
    effective_backlog: Option<u64>,
    /// Who sent the first FIN; who does, holds TIME_WAIT.
    closes: Closes,
    /// What points at its queues, counted without any rule.
    symptoms: Symptoms,
    /// What stands between it and its clients; null where nothing does.
    verdict: Option<Verdict<'a>>,
    /// The same over each ten seconds that show anything, in order of time; those that follow each other with the same
    /// conclusion are one. In a long capture each stands for more.
    windows: Vec<Window<'a>>,
    /// Times it refused connections for a while and came back, the first eight.
    restarts: Vec<Restart>,
    /// How often it came back.
    restart_count: u64,
}

/// How handshakes went, as shares between 0 and 1; null where there was none.
#[derive(Debug, Serialize, JsonSchema)]
struct Rates {
    /// Answered with SYN+ACK, of all SYNs captured.
    answered: Option<f64>,
    /// Completed, of those answered.
    completed: Option<f64>,
    /// Cancelled by the client, of those answered.
    cancelled: Option<f64>,
    /// Given up by the server, of those answered.
    expired: Option<f64>,
}

/// Half-open connections of one listener, as the wire shows them.
#[derive(Debug, Serialize, JsonSchema)]
struct HalfOpenQueue {
    /// How many at once.
    #[serde(flatten)]
    at_once: AtOnce,
    /// It answers with SYN cookies and keeps no entries: the numbers are those of handshakes, not of a queue.
    #[serde(rename = "virtual")]
    is_virtual: bool,
    /// How many over time.
    curve: Option<Curve>,
    /// How they ended.
    ends: HalfOpenEnds,
    /// How long those lasted that ended: bins that hold any.
    lifetimes: Vec<Bin>,
    /// How many had their SYN+ACK sent again 0, 1, 2, 3, 4, and 5 or more times.
    syn_ack_retransmissions: [u64; 6],
    /// Time at or above shares of the effective backlog; null where no backlog was given.
    above_backlog: Option<AboveBacklog>,
}

/// How half-open connections ended.
#[derive(Debug, Serialize, JsonSchema)]
struct HalfOpenEnds {
    /// The final ACK came.
    completed: u64,
    /// The client sent a RST.
    cancelled: u64,
    /// The server sent a RST.
    aborted: u64,
    /// The server gave up.
    expired: u64,
    /// Another attempt took their place.
    replaced: u64,
    /// They were still half-open when the capture ended.
    censored: u64,
}

/// Durations within two bounds.
#[derive(Debug, Serialize, JsonSchema)]
struct Bin {
    /// At least so long.
    from_ns: Ns,
    /// Shorter than this; null for all longer ones.
    below_ns: Option<Ns>,
    /// How many.
    count: u64,
}

/// Time at or above shares of the effective backlog.
#[derive(Debug, Serialize, JsonSchema)]
struct AboveBacklog {
    /// Half of it.
    half_ns: Ns,
    /// 80 % of it.
    most_ns: Ns,
    /// All of it.
    full_ns: Ns,
}

/// Connections by who sent the first FIN.
#[derive(Debug, Serialize, JsonSchema)]
struct Closes {
    /// The client.
    client: u64,
    /// The server.
    server: u64,
    /// Both at once.
    both: u64,
    /// Share of the server.
    server_closes_first: Option<f64>,
}

/// What points at a listener's queues.
#[derive(Debug, Serialize, JsonSchema)]
struct Symptoms {
    /// Connections whose SYN came at least twice and was never answered.
    ignored: u64,
    /// Connections whose SYN was answered after it had come at least four times.
    late: u64,
    /// SYN+ACKs sent again although the final ACK had passed.
    repeated_after_ack: u64,
    /// Connections with at least two of these.
    held_back: u64,
    /// RSTs right after the final ACK from a server that said nothing else.
    aborted: u64,
    /// Complete for the client, whose data was sent again and again to a silent server.
    unserved: u64,
    /// Complete, with no proof that the server took them.
    unconfirmed: u64,
}

/// What stands between a listener and its clients, and why that is believed.
#[derive(Debug, Serialize, JsonSchema)]
struct Verdict<'a> {
    /// The conclusion.
    cause: OneOf<Cause>,
    /// The questions in their order.
    steps: Vec<Step<'a>>,
    /// Other explanations of the same packets.
    rivals: Vec<Rival>,
}

/// Some time with one conclusion.
#[derive(Debug, Serialize, JsonSchema)]
struct Window<'a> {
    /// When it begins.
    start: Time,
    /// When it ends.
    end: Time,
    /// What stood between the listener and its clients then.
    verdict: Verdict<'a>,
}

/// One question with its answer.
#[derive(Debug, Serialize, JsonSchema)]
struct Step<'a> {
    /// What is asked.
    question: OneOf<Question>,
    /// The answer.
    answer: OneOf<Answer>,
    /// What it rests on.
    because: &'a str,
}

/// Another explanation.
#[derive(Debug, Serialize, JsonSchema)]
struct Rival {
    /// Its name.
    name: &'static str,
    /// How it would look the same, and what tells it apart.
    text: &'static str,
}

/// A service that refused connections for a while and came back.
#[derive(Debug, Serialize, JsonSchema)]
struct Restart {
    /// First refusal.
    down: Time,
    /// Last refusal.
    last_refusal: Time,
    /// First SYN+ACK after that.
    up: Time,
    /// Refusals.
    refusals: u64,
    /// What its TIME_WAITs did to it: `so-reuseaddr` where it listened again while they were young,
    /// `bind-blocked-suspected` where refusals stopped when the youngest of them ended.
    kind: OneOf<RestartKind>,
}

impl<'a> From<&'a engine::Listener> for Listener<'a> {
    fn from(l: &'a engine::Listener) -> Self {
        let s = &l.symptoms;
        Self {
            endpoint: l.endpoint.into(),
            answers: l.answers,
            connections: l.outcomes.total(),
            outcomes: (&l.outcomes).into(),
            rates: Rates::new(l),
            half_open: l.queue.as_deref().map(|q| HalfOpenQueue::new(q, l.has_cookies())),
            effective_backlog: l.backlog,
            closes: Closes {
                client: l.closes.client,
                server: l.closes.server,
                both: l.closes.both,
                server_closes_first: l.closes.server_share().map(rounded),
            },
            symptoms: Symptoms {
                ignored: s.ignored,
                late: s.late,
                repeated_after_ack: s.repeated_after_ack,
                held_back: s.held_back,
                aborted: s.aborted,
                unserved: s.unserved,
                unconfirmed: s.unconfirmed,
            },
            verdict: l.verdict.as_ref().map(Verdict::from),
            windows: l.windows.iter().map(Window::from).collect(),
            restarts: l.restarts.kept.iter().map(Restart::from).collect(),
            restart_count: l.restarts.count,
        }
    }
}

impl Rates {
    fn new(l: &engine::Listener) -> Self {
        let ends = l.queue.as_deref().map(|q| q.ends).unwrap_or_default();
        let all = l.queue.as_deref().map_or(0, |q| q.ends.total());
        Self {
            answered: share(l.answered, l.syns),
            completed: share(ends.completed, all),
            cancelled: share(ends.cancelled, all),
            expired: share(ends.expired, all),
        }
    }
}

impl HalfOpenQueue {
    fn new(q: &SynQueue, is_virtual: bool) -> Self {
        let [half, most, full] = q.above;
        let e = &q.ends;
        Self {
            at_once: (&q.gauge).into(),
            is_virtual,
            curve: Curve::of(&q.curve),
            ends: HalfOpenEnds {
                completed: e.completed,
                cancelled: e.cancelled,
                aborted: e.aborted,
                expired: e.expired,
                replaced: e.replaced,
                censored: e.censored,
            },
            lifetimes: q.lives.iter().enumerate().filter(|(_, n)| **n > 0).map(Bin::of_life).collect(),
            syn_ack_retransmissions: q.retransmissions,
            above_backlog: q.backlog.map(|_| AboveBacklog {
                half_ns: half.into(),
                most_ns: most.into(),
                full_ns: full.into(),
            }),
        }
    }
}

impl Bin {
    fn of_life((bin, count): (usize, &u64)) -> Self {
        let bound = |exponent: usize| Duration::from_millis(1 << exponent);
        Self {
            from_ns: bin.checked_sub(1).map_or(Duration::ZERO, bound).into(),
            below_ns: (bin + 1 < SynQueue::LIVES).then(|| bound(bin).into()),
            count: *count,
        }
    }
}

impl<'a> From<&'a engine::Window> for Window<'a> {
    fn from(w: &'a engine::Window) -> Self {
        Self { start: Time(w.start), end: Time(w.end), verdict: (&w.verdict).into() }
    }
}

impl<'a> From<&'a engine::Verdict> for Verdict<'a> {
    fn from(v: &'a engine::Verdict) -> Self {
        let step = |s: &'a engine::Step| Step {
            question: OneOf(s.question),
            answer: OneOf(s.answer),
            because: &s.because,
        };
        Self {
            cause: OneOf(v.cause),
            steps: v.steps.iter().map(step).collect(),
            rivals: v.rivals.iter().map(|r| Rival { name: r.name, text: r.text }).collect(),
        }
    }
}

impl From<&engine::Restart> for Restart {
    fn from(r: &engine::Restart) -> Self {
        Self {
            down: Time(r.down),
            last_refusal: Time(r.last_refusal),
            up: Time(r.up),
            refusals: r.refusals,
            kind: OneOf(r.kind),
        }
    }
}
