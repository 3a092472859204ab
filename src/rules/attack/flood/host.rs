//! `Host`: one address, all of its ports together and the listeners among them.

use std::borrow::Cow;
use std::net::IpAddr;

use super::MAX_LISTENERS;
use super::carpet::Share;
use super::episode::Flood;
use super::victim::{Judge, Victim};
use crate::rules::attack::profile::Profile;
use crate::rules::attack::seconds::second_of;
use crate::tcp::Timestamp;
use crate::track::HalfOpenEnd;

/// One address that attempts are made at.
#[derive(Debug, Default)]
pub(super) struct Host {
    pub all: Victim,
    listeners: Vec<(u16, Box<Victim>)>,
    /// The latest second that was judged.
    pub judged: Option<i64>,
    /// The latest second that it will be judged for.
    pub due: Option<i64>,
    /// Who asked last, for what, and in which packet.
    latest: Option<(IpAddr, u16, u64)>,
}

/// Whom an attempt is held against.
#[derive(Debug)]
pub(super) enum Suspect<'a> {
    /// One listener.
    Listener(&'a mut Victim),
    /// All ports of the host.
    All(&'a mut Victim),
}

impl<'a> Suspect<'a> {
    /// Either.
    pub fn victim(self) -> &'a mut Victim {
        match self {
            Self::Listener(victim) | Self::All(victim) => victim,
        }
    }
}

/// A flood at a port, or at all; and what its attempts look like.
pub(super) type Told<'a> = (Option<u16>, &'a Flood, Option<&'a Profile>);
/// The same of one that ended.
pub(super) type Ending = (Option<u16>, Flood, Option<Box<Profile>>);

/// Quiet seconds beyond these change nothing any more.
const QUIET: i64 = 64;

impl Host {
    /// A new attempt.
    pub fn syn(&mut self, (source, port): (IpAddr, u16), (at, frame): (Timestamp, u64)) {
        let second = second_of(at);
        self.latest = Some((source, port, frame));
        self.all.syn(second, at);
        if let Some(listener) = self.listener(port) {
            listener.syn(second, at);
        }
    }

    /// The listener at a port, where it is looked at by itself.
    pub fn listener(&mut self, port: u16) -> Option<&mut Victim> {
        self.listeners.iter_mut().find(|(p, _)| *p == port).map(|(_, v)| &mut **v)
    }

    /// The same, made where there is room; all ports where there is none.
    pub fn listener_or_new(&mut self, port: u16) -> &mut Victim {
        let at = self.listeners.iter().position(|(p, _)| *p == port);
        let at = match at {
            None if self.listeners.len() < MAX_LISTENERS => {
                self.listeners.push((port, Box::default()));
                Some(self.listeners.len() - 1)
            }
            known => known,
        };
        match at.and_then(|at| self.listeners.get_mut(at)) {
            Some((_, listener)) => listener,
            None => &mut self.all,
        }
    }

    /// Whom an attempt at a port is held against: the listener, unless that sees little and the host as a whole much.
    pub fn suspect(&mut self, port: u16) -> Suspect<'_> {
        let all_warm = self.all.is_warm();
        match self.listeners.iter_mut().find(|(p, v)| *p == port && (v.is_warm() || !all_warm)) {
            Some((_, listener)) => Suspect::Listener(listener),
            None => Suspect::All(&mut self.all),
        }
    }

    /// A SYN+ACK went out of a port.
    pub fn answered(&mut self, port: u16, second: i64, again: Option<HalfOpenEnd>) {
        self.all.heard();
        self.listener_or_new(port).answered(second, again);
    }

    /// Judges the seconds up to this one.
    pub fn judge(&mut self, second: i64, at: Timestamp, queue_limit: impl Fn(u16) -> u64) -> Vec<Ending> {
        let first = self.judged.map_or(second, |j| j + 1).max(second - QUIET);
        let mut ended = Vec::new();
        for second in first..=second {
            let mut explained = 0;
            for (port, listener) in &mut self.listeners {
                let judge =
                    Judge { second, at, queue_limit: queue_limit(*port), all_ports: false, explained: 0 };
                let over = listener.judge(&judge);
                if !over.is_empty() {
                    ended.extend(over.into_iter().map(|(f, p)| (Some(*port), f, p)));
                }
                explained += if listener.is_flooded() { listener.unfinished(second) } else { 0 };
            }
            let judge = Judge { second, at, queue_limit: u64::MAX, all_ports: true, explained };
            ended.extend(self.all.judge(&judge).into_iter().map(|(f, p)| (None, f, p)));
        }
        self.judged = self.judged.max(Some(second));
        ended
    }

    /// What it adds to its network's share of unfinished attempts in a second.
    pub fn share(&self, second: i64) -> Option<Share> {
        let unfinished = self.all.unfinished(second);
        let (source, port, frame) = self.latest?;
        (unfinished > 0).then_some(Share { unfinished, source, port, frame })
    }

    /// Whether it has to be judged in the next second even if nothing comes.
    pub fn is_watched(&self) -> bool {
        self.all.is_watched() || self.listeners.iter().any(|(_, v)| v.is_watched())
    }

    /// Floods that are on, as far as they were judged.
    pub fn so_far(&self) -> impl Iterator<Item = Told<'_>> {
        self.victims().flat_map(|(port, v)| v.floods().map(move |f| (port, f, v.profile.as_deref())))
    }

    /// Floods that are on, as they stand.
    pub fn going_on(&self) -> impl Iterator<Item = (Option<u16>, Cow<'_, Flood>, Option<&Profile>)> {
        self.victims().flat_map(|(port, v)| v.going_on().map(move |f| (port, f, v.profile.as_deref())))
    }

    fn victims(&self) -> impl Iterator<Item = (Option<u16>, &Victim)> {
        let listeners = self.listeners.iter().map(|(port, victim)| (Some(*port), &**victim));
        listeners.chain([(None, &self.all)])
    }
}
