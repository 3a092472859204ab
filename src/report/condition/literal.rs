//! The values that a condition may compare with, each kind as people write it, and how they compare.

use std::cmp::Ordering;
use std::net::IpAddr;

use ipnet::IpNet;
use jiff::SignedDuration;

use super::grammar::Op;
use crate::report::near::{did_you_mean, rule_meant};
use crate::report::value::{Kind, Value};
use crate::rules;
use crate::tcp::{Duration, Endpoint, State, Timestamp};

/// A value in a condition.
#[derive(Clone, Debug)]
pub enum Literal {
    /// `none`: no value.
    None,
    /// `true`, `yes`, `false`, `no`.
    Flag(bool),
    /// `443`; of bytes also `10KiB`, `1MB`.
    Count(u64),
    /// `30s`, `50ms`, `1m30s`; a number alone is seconds.
    Span(Duration),
    /// `2026-11-22T10:00:00Z`.
    Time(Timestamp),
    /// `0.99`, `99%`.
    Share(f64),
    /// `10.0.0.1`, `10.0.0.0/8`.
    Net(IpNet),
    /// `10.0.0.1:80`.
    Endpoint(Endpoint),
    /// `TIME_WAIT`, in any usual spelling.
    State(State),
    /// A word of a list that has an order, and its place in it; and the list.
    Level(usize, fn() -> Vec<&'static str>),
    /// A word.
    Word(String),
    /// The ids that a rule, a family or a name means.
    Rules(Vec<&'static str>),
}

/// Why a word is no value of its kind.
#[derive(Debug)]
pub struct NoValue {
    pub message: String,
    pub hint: String,
}

impl Literal {
    /// Reads a value of a kind.
    pub fn parse(text: &str, kind: Kind) -> Result<Self, NoValue> {
        if text == "none" && !kind.words().contains(&"none") {
            return Ok(Self::None);
        }
        let no = |what: &str| {
            let hint = format!("write it as {}", example(kind));
            NoValue { message: format!("{text:?} is not {what}"), hint }
        };
        match kind {
            Kind::Flag => match text {
                "true" | "yes" => Ok(Self::Flag(true)),
                "false" | "no" => Ok(Self::Flag(false)),
                _ => Err(no("yes or no")),
            },
            Kind::Count => text.parse().map(Self::Count).map_err(|_| no("a whole number")),
            Kind::Bytes => bytes(text).map(Self::Count).ok_or_else(|| no("a number of bytes")),
            Kind::Span => span(text).map(Self::Span).ok_or_else(|| no("a span of time")),
            Kind::Time => time(text).map(Self::Time).ok_or_else(|| no("a time")),
            Kind::Share => share(text).map(Self::Share).ok_or_else(|| no("a share between 0 and 1")),
            Kind::Addr => net(text).map(Self::Net).ok_or_else(|| no("an address or a network")),
            Kind::Endpoint => endpoint(text).map(Self::Endpoint).ok_or_else(|| no("an address and port")),
            Kind::State => State::parse(text).map(Self::State).ok_or_else(|| {
                let names: Vec<_> = State::ALL.iter().map(|s| s.name()).collect();
                NoValue { message: format!("there is no state {text:?}"), hint: choose(text, &names) }
            }),
            Kind::Level(words) => {
                let place = words().iter().position(|w| *w == text);
                place.map(|place| Self::Level(place, words)).ok_or_else(|| unlisted(text, &words()))
            }
            Kind::Word(words) | Kind::Words(words) => match words().contains(&text) {
                true => Ok(Self::Word(text.into())),
                false => Err(unlisted(text, &words())),
            },
            Kind::Rules => match rules::find(text) {
                Ok(found) => Ok(Self::Rules(found.iter().map(|r| r.id).collect())),
                Err(e) => Err(NoValue { message: e.to_string(), hint: rule_meant(text) }),
            },
            Kind::Text => Ok(Self::Word(text.into())),
        }
    }

    /// Whether `value op self` holds; an absent value is equal to `none` and to nothing else.
    pub fn compare(&self, value: &Value<'_>, op: Op) -> bool {
        match op {
            Op::Unequal => !self.compare(value, Op::Equal),
            Op::Equal | Op::In => self.matches(value),
            Op::Less => self.order(value) == Some(Ordering::Less),
            Op::More => self.order(value) == Some(Ordering::Greater),
            Op::AtMost => matches!(self.order(value), Some(Ordering::Less | Ordering::Equal)),
            Op::AtLeast => matches!(self.order(value), Some(Ordering::Greater | Ordering::Equal)),
        }
    }

    fn matches(&self, value: &Value<'_>) -> bool {
        match (self, value) {
            (Self::None, value) => value.is_absent(),
            (Self::Flag(a), Value::Flag(b)) => a == b,
            (Self::Net(net), Value::Addr(addr)) => net.contains(addr),
            (Self::Endpoint(a), Value::Endpoint(b)) => a == b,
            (Self::State(a), Value::State(b, _)) => a == b,
            (Self::Word(a), Value::Text(b)) => a == b,
            (Self::Word(a), Value::List(list)) => list.contains(&a.as_str()),
            (Self::Rules(ids), Value::List(list)) => ids.iter().any(|id| list.contains(id)),
            _ => self.order(value) == Some(Ordering::Equal),
        }
    }

    /// How the value stands to this one, where both have an order.
    fn order(&self, value: &Value<'_>) -> Option<Ordering> {
        match (self, value) {
            (Self::Count(a), Value::Count(b)) => Some(b.cmp(a)),
            (Self::Span(a), Value::Span(b)) => Some(b.cmp(a)),
            (Self::Time(a), Value::Time(b)) => Some(b.cmp(a)),
            (Self::Share(a), Value::Share(b)) => Some(b.total_cmp(a)),
            (Self::Level(a, words), Value::Text(b)) => Some(words().iter().position(|w| w == b)?.cmp(a)),
            _ => None,
        }
    }
}

/// Whether values of the kind have the order that the operator asks for.
pub fn is_comparable(kind: Kind, op: Op) -> bool {
    let ordered =
        matches!(kind, Kind::Count | Kind::Bytes | Kind::Span | Kind::Time | Kind::Share | Kind::Level(_));
    ordered || matches!(op, Op::Equal | Op::Unequal | Op::In)
}

/// A value of the kind, for hints.
pub fn example(kind: Kind) -> &'static str {
    match kind {
        Kind::Count => "443",
        Kind::Bytes => "1000 or 10KiB",
        Kind::Span => "50ms or 30s",
        Kind::Time => "2026-11-22T10:00:00Z",
        Kind::Share => "0.99 or 99%",
        Kind::Flag => "true",
        Kind::Addr => "10.0.0.0/8",
        Kind::Endpoint => "10.0.0.1:80 or [2001:db8::1]:80",
        Kind::State => "TIME_WAIT",
        Kind::Word(words) | Kind::Level(words) | Kind::Words(words) => {
            words().first().copied().unwrap_or("word")
        }
        Kind::Rules => "HS002",
        Kind::Text => "'text'",
    }
}

/// A span such as `30s`, `2m`, `500ms`, `1m 30s`, or a number of seconds; not negative, below 292 years.
pub fn span(text: &str) -> Option<Duration> {
    let seconds = text.parse::<u32>().ok().map(|s| SignedDuration::from_secs(s.into()));
    seconds
        .or_else(|| text.parse().ok())
        .and_then(|span: SignedDuration| i64::try_from(span.as_nanos()).ok())
        .filter(|ns| *ns >= 0)
        .map(Duration)
}

fn time(text: &str) -> Option<Timestamp> {
    let at: jiff::Timestamp = text.parse().ok()?;
    i64::try_from(at.as_nanosecond()).ok().map(Timestamp)
}

fn share(text: &str) -> Option<f64> {
    let share = match text.strip_suffix('%') {
        Some(percent) => percent.trim().parse::<f64>().ok()? / 100.0,
        None => text.parse().ok()?,
    };
    (0.0..=1.0).contains(&share).then_some(share)
}

fn bytes(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let factor = match text[digits.len()..].to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "kb" => 1000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        "kib" | "k" => 1 << 10,
        "mib" | "m" => 1 << 20,
        "gib" | "g" => 1 << 30,
        _ => return None,
    };
    digits.trim().parse::<u64>().ok()?.checked_mul(factor)
}

fn endpoint(text: &str) -> Option<Endpoint> {
    text.parse().ok().map(|socket: std::net::SocketAddr| Endpoint::new(socket.ip(), socket.port()))
}

/// A network, or an address alone.
fn net(text: &str) -> Option<IpNet> {
    text.parse().ok().or_else(|| text.parse().ok().map(|addr: IpAddr| IpNet::from(addr)))
}

fn unlisted(text: &str, words: &[&str]) -> NoValue {
    NoValue { message: format!("{text:?} is no word of this column"), hint: choose(text, words) }
}

fn choose(text: &str, words: &[&str]) -> String {
    did_you_mean(text, words, &format!("there are: {}", words.join(", ")))
}
