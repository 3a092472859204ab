//! AT003 to AT006: segments that belong to no connection: answers to SYNs that somebody else forged, floods of ACKs,
//! RSTs and FINs, and what the victim of a flood elsewhere sends out.
//!
//! Receivers, senders and clients that open nothing: 16,384 of each, those least recently heard of go first.

mod backscatter;
mod clients;
mod episode;
mod picture;
mod resets;
mod target;

use std::collections::VecDeque;
use std::net::IpAddr;

use super::seconds::{second_of, start_of};
use crate::config::RuleConfig;
use crate::rules::counter::Table;
use crate::rules::{Detector, Finding, Seen};
use crate::tcp::{State, Timestamp};
use crate::track::{Fact, HalfOpenEnd, StrayKind};
use backscatter::Senders;
use clients::Clients;
use resets::Servers;
use target::{GRACE, Target};

/// The detector behind AT003, AT004, AT005 and AT006.
pub(in crate::rules) fn strays(_config: &RuleConfig) -> Box<dyn Detector> {
    Box::new(Strays {
        targets: Table::new(MAX_TARGETS),
        gone: Vec::new(),
        due: VecDeque::new(),
        began: None,
        senders: Senders::default(),
        clients: Clients::default(),
        servers: Servers::default(),
    })
}

/// Receivers remembered at once.
const MAX_TARGETS: usize = 1 << 14;
/// A RST whose TTL is so far from that of its sender's other segments came another way (tcp.md AT012).
const FORGED: i16 = 3;
/// When the clock jumps further ahead than this, not every second of it is judged.
const JUMP: i64 = 600;

#[derive(Debug)]
struct Strays {
    targets: Table<IpAddr, Box<Target>>,
    gone: Vec<(IpAddr, Box<Target>)>,
    due: VecDeque<(i64, IpAddr)>,
    /// The capture's first second.
    began: Option<i64>,
    senders: Senders,
    clients: Clients,
    servers: Servers,
}

impl Detector for Strays {
    fn on_seen(&mut self, seen: &Seen, say: &mut Vec<Finding>) {
        let second = second_of(seen.event.at);
        self.began.get_or_insert(second);
        self.judge_up_to(second - GRACE - 1, None, say);
        let (own, other) = seen.ends();
        let began = || second_of(seen.began);
        match seen.event.fact {
            Fact::Opened => {
                if let Some(kind) = StrayKind::of(&seen.header) {
                    self.target(other.addr, second, say).stray(kind, second, seen);
                    self.senders.stray(kind, seen, say);
                } else if !self.targets.is_empty()
                    && let Some(target) = self.targets.get(&own.addr)
                {
                    target.speaks();
                }
            }
            Fact::StrayAgain { kind } => {
                self.target(other.addr, second, say).again(kind, second, seen.event.frame);
                self.senders.again(kind, seen);
            }
            Fact::StrayFollowed { kind, by_receiver, reset, .. } => {
                let (sender, receiver) = if by_receiver { (other, own) } else { (own, other) };
                if let Some(target) = self.targets.get(&receiver.addr) {
                    target.followed(kind, began(), by_receiver, reset);
                }
                if !reset {
                    self.senders.followed(sender.addr, kind);
                }
            }
            Fact::LifeBegan { .. } if seen.has_syn => {
                if !self.targets.is_empty()
                    && let Some(target) = self.targets.get(&other.addr)
                {
                    target.opened(second);
                }
                self.clients.completed(own.addr, began());
            }
            Fact::HalfOpenEntered { again: None } if seen.has_syn => {
                self.clients.answered(other, own, seen, say)
            }
            Fact::HalfOpenLeft { kind: HalfOpenEnd::Cancelled, .. } => {
                self.clients.cancelled(other.addr, began())
            }
            Fact::SynAckRepeated { after_ack: false, .. } => self.clients.repeated(other.addr, began()),
            Fact::ResetRefused { .. } => self.target(other.addr, second, say).reset_refused(second, seen),
            Fact::Reset { receiver: State::Established, ttl_step, .. } if ttl_step.abs() >= FORGED => {
                self.servers.reset(seen, say);
            }
            _ => {}
        }
    }

    fn on_silence(&mut self, now: Timestamp, say: &mut Vec<Finding>) {
        self.judge_up_to(second_of(now) - GRACE - 1, None, say);
    }

    fn on_end(&mut self, now: Timestamp, say: &mut Vec<Finding>) {
        self.judge_up_to(second_of(now), Some(now), say);
        self.so_far(now, say);
    }

    fn so_far(&self, now: Timestamp, say: &mut Vec<Finding>) {
        for (addr, target) in self.targets.sorted() {
            target.so_far(*addr, now, say);
        }
        self.clients.so_far(now, say);
        self.senders.so_far(say);
        self.servers.so_far(now, say);
    }

    fn forgotten(&self) -> u64 {
        self.targets.forgotten()
            + self.senders.forgotten()
            + self.clients.forgotten()
            + self.servers.forgotten()
    }
}

impl Strays {
    /// A receiver, made where it is not known, and called for judgement.
    fn target(&mut self, addr: IpAddr, second: i64, say: &mut Vec<Finding>) -> &mut Target {
        let target = self.targets.at(addr, &mut self.gone, Box::default);
        if !self.gone.is_empty() {
            self.gone.drain(..).for_each(|(addr, gone)| gone.so_far(addr, start_of(second), say));
        }
        if target.due.is_none_or(|due| second > due) {
            target.due = Some(second);
            self.due.push_back((second, addr));
        }
        target
    }

    /// Judges every second up to this one; `end` where the input ended.
    #[inline]
    fn judge_up_to(&mut self, last: i64, end: Option<Timestamp>, say: &mut Vec<Finding>) {
        if self.due.front().is_some_and(|(second, _)| *second <= last) {
            self.judge_due(last, end, say);
        }
        self.clients.judge_up_to(last, say);
    }

    fn judge_due(&mut self, last: i64, end: Option<Timestamp>, say: &mut Vec<Finding>) {
        while let Some((second, addr)) = self.due.front().copied().filter(|(second, _)| *second <= last) {
            self.due.pop_front();
            let Some(target) = self.targets.get(&addr) else { continue };
            let at = start_of(second + GRACE + 1).min(end.unwrap_or(Timestamp::MAX));
            target.judge(addr, second, at, self.began.unwrap_or(second), say);
            if target.is_watched() && target.due.is_none_or(|due| due <= second) {
                let next = (second + 1).max(last - JUMP);
                target.due = Some(next);
                let place = self.due.partition_point(|(s, _)| *s <= next);
                self.due.insert(place, (next, addr));
            }
        }
    }
}
