//! `Value` and `Unit`: what a column holds for one connection, before any format prints it.

use std::cmp::Ordering;
use std::net::IpAddr;

use crate::tcp::{Certainty, Duration, Endpoint, State, Timestamp};

/// One cell.
#[derive(Clone, Debug, PartialEq)]
pub enum Value<'a> {
    /// Not known, or it does not apply.
    Absent,
    /// Yes or no.
    Flag(bool),
    /// A count, or a number that is only a name; bytes where the column says so.
    Count(u64),
    /// A span of time.
    Span(Duration),
    /// A point in time.
    Time(Timestamp),
    /// A share between 0 and 1.
    Share(f64),
    /// An address.
    Addr(IpAddr),
    /// An address and port.
    Endpoint(Endpoint),
    /// A state and how it is known.
    State(State, Certainty),
    /// A word or short text.
    Text(&'a str),
    /// Several words.
    List(Vec<&'a str>),
}

impl Value<'_> {
    /// Ascending; absent values last in both directions when the caller keeps them apart with [`Value::is_absent`].
    pub fn compare(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Flag(a), Self::Flag(b)) => a.cmp(b),
            (Self::Count(a), Self::Count(b)) => a.cmp(b),
            (Self::Span(a), Self::Span(b)) => a.cmp(b),
            (Self::Time(a), Self::Time(b)) => a.cmp(b),
            (Self::Share(a), Self::Share(b)) => a.total_cmp(b),
            (Self::Addr(a), Self::Addr(b)) => a.cmp(b),
            (Self::Endpoint(a), Self::Endpoint(b)) => a.cmp(b),
            (Self::State(a, x), Self::State(b, y)) => (a, x).cmp(&(b, y)),
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
            (Self::List(a), Self::List(b)) => a.len().cmp(&b.len()).then_with(|| a.cmp(b)),
            _ => self.is_absent().cmp(&other.is_absent()),
        }
    }

    /// Whether there is no value.
    pub fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }
}

/// What the values of a column or a figure are, absent ones aside.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// Whole numbers: counts, ports, ids.
    Count,
    /// Numbers of bytes.
    Bytes,
    /// Spans of time.
    Span,
    /// Points in time.
    Time,
    /// Shares between 0 and 1.
    Share,
    /// Yes or no.
    Flag,
    /// Addresses.
    Addr,
    /// Addresses with ports.
    Endpoint,
    /// States of an end.
    State,
    /// One word out of a list.
    Word(fn() -> Vec<&'static str>),
    /// One word out of a list that has an order, smallest first.
    Level(fn() -> Vec<&'static str>),
    /// Several words out of a list.
    Words(fn() -> Vec<&'static str>),
    /// Ids of rules.
    Rules,
    /// Any text.
    Text,
}

impl Kind {
    /// The words it may be; empty where it is no word of a list.
    pub fn words(self) -> Vec<&'static str> {
        match self {
            Self::Word(words) | Self::Level(words) | Self::Words(words) => words(),
            _ => Vec::new(),
        }
    }

    /// What its numbers count.
    pub fn unit(self) -> Unit {
        match self {
            Self::Bytes => Unit::Bytes,
            Self::Span => Unit::Nanoseconds,
            _ => Unit::None,
        }
    }
}

/// What a column's numbers count.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unit {
    /// Nothing: a name, a word, a number of things.
    None,
    /// Bytes.
    Bytes,
    /// Nanoseconds; the column's name ends in `_ns` where raw numbers are written.
    Nanoseconds,
}

impl Unit {
    /// The ending of a column's name where raw numbers are written.
    pub fn suffix(self) -> &'static str {
        match self {
            Self::Nanoseconds => "_ns",
            Self::None | Self::Bytes => "",
        }
    }
}
