//! `Senders`: who answers what nobody asked, to many addresses: the victim of a flood elsewhere (AT004).
//!
//! After Moore, Voelker, Savage: Inferring Internet Denial-of-Service Activity (USENIX Security 2001).

use std::net::IpAddr;

use crate::rules::Seen;
use crate::rules::attack::seconds::second_of;
use crate::rules::attack::sketch::{Distinct, Top};
use crate::rules::counter::{Frames, Table};
use crate::rules::finding::{Finding, Severity};
use crate::rules::wide::wide;
use crate::tcp::{Duration, Timestamp};
use crate::track::{Confidence, StrayKind};

/// All senders of answers.
#[derive(Debug)]
pub(super) struct Senders {
    table: Table<IpAddr, Box<Sender>>,
    gone: Vec<(IpAddr, Box<Sender>)>,
}

impl Default for Senders {
    fn default() -> Self {
        Self { table: Table::new(MAX_SENDERS), gone: Vec::new() }
    }
}

/// One of them.
#[derive(Debug)]
struct Sender {
    first: Timestamp,
    last: Timestamp,
    syn_acks: u64,
    refusals: u64,
    bare_resets: u64,
    explained: u64,
    targets: Distinct,
    addresses: Distinct,
    ports: Top<u16, 4>,
    minute: (i64, u64),
    busiest_minute: u64,
    frames: Frames,
}

const MAX_SENDERS: usize = 1 << 14;
/// A silence this long ends it (Moore et al. §4.2).
const SILENCE: Duration = Duration::from_secs(300);
/// Fewer packets, a shorter time, fewer targets or a lower rate are no sign of a flood (tcp.md AT004).
const PACKETS: u64 = 25;
const LASTING: Duration = Duration::from_secs(60);
const TARGETS: u64 = 16;
const PER_MINUTE: u64 = 30;

impl Senders {
    /// The first segment of a 4-tuple, which is no SYN.
    pub fn stray(&mut self, kind: StrayKind, seen: &Seen, say: &mut Vec<Finding>) {
        if kind == StrayKind::Segment || seen.header.flags.fin() {
            return;
        }
        let (from, to) = seen.ends();
        let at = seen.event.at;
        let sender = self.table.at(from.addr, &mut self.gone, || Box::new(Sender::new(at)));
        for (addr, gone) in self.gone.drain(..) {
            say.extend(gone.finding(addr));
        }
        if at.since(sender.last) > SILENCE {
            let over = std::mem::replace(&mut **sender, Sender::new(at));
            say.extend(over.finding(from.addr));
        }
        sender.targets.add((to.addr, to.port));
        sender.addresses.add(to.addr);
        sender.ports.add(from.port, 1);
        sender.count(kind, seen);
    }

    /// A further SYN+ACK or RST.
    pub fn again(&mut self, kind: StrayKind, seen: &Seen) {
        let (from, _) = seen.ends();
        if let Some(sender) = self.table.get(&from.addr) {
            sender.count(kind, seen);
        }
    }

    /// It was part of a connection after all.
    pub fn followed(&mut self, sender: IpAddr, kind: StrayKind) {
        if kind != StrayKind::Segment
            && let Some(sender) = self.table.get(&sender)
        {
            sender.explained += 1;
        }
    }

    /// What there is to say of those that were not silent for long.
    pub fn so_far(&self, say: &mut Vec<Finding>) {
        say.extend(self.table.sorted().into_iter().filter_map(|(addr, sender)| sender.finding(*addr)));
    }

    /// Senders let go so far.
    pub fn forgotten(&self) -> u64 {
        self.table.forgotten()
    }
}

impl Sender {
    fn new(at: Timestamp) -> Self {
        Self {
            first: at,
            last: at,
            syn_acks: 0,
            refusals: 0,
            bare_resets: 0,
            explained: 0,
            targets: Distinct::coarse(),
            addresses: Distinct::coarse(),
            ports: Top::default(),
            minute: (i64::MIN, 0),
            busiest_minute: 0,
            frames: Frames::default(),
        }
    }

    fn count(&mut self, kind: StrayKind, seen: &Seen) {
        let (h, at) = (&seen.header, seen.event.at);
        self.last = self.last.max(at);
        match kind {
            StrayKind::SynAck => self.syn_acks += 1,
            _ if h.flags.ack() && h.seq.0 == 0 => self.refusals += 1,
            _ => self.bare_resets += 1,
        }
        let minute = second_of(at).div_euclid(60);
        self.minute = if self.minute.0 == minute { (minute, self.minute.1 + 1) } else { (minute, 1) };
        self.busiest_minute = self.busiest_minute.max(self.minute.1);
        self.frames.add(seen.event.frame);
    }

    fn finding(&self, addr: IpAddr) -> Option<Finding> {
        let packets = (self.syn_acks + self.refusals + self.bare_resets).saturating_sub(self.explained);
        let lasted = self.last.since(self.first);
        // RSTs alone are also how a device ends the connections of many clients that were silent for long.
        let targets =
            if self.bare_resets * 2 > packets { self.addresses.count() } else { self.targets.count() };
        if packets < PACKETS || lasted < LASTING || targets < TARGETS || self.busiest_minute < PER_MINUTE {
            return None;
        }
        let (port, on_port) = self.ports.sorted().first().copied().unwrap_or_default();
        let kind = match () {
            () if self.syn_acks >= self.refusals + self.bare_resets => {
                ("open-port", "a SYN flood on its open port")
            }
            () if self.refusals >= self.bare_resets => ("closed-port", "a SYN flood on its closed port"),
            () => ("resets", "a flood of segments on its port"),
        };
        let message = format!(
            "{addr} sent {packets} answers that nobody had asked for to {targets} endpoints in {lasted}: {} {port}, from forged addresses, of which yours are some; nothing to do here, its operator may want to know",
            kind.1
        );
        let seconds = lasted.as_secs_f64().max(1.0);
        let monitored = self.addresses.count().max(1);
        let estimate = packets as f64 / seconds * f64::from(u32::MAX) / monitored as f64;
        let mut finding = wide("AT004", addr.to_string(), self.first, message);
        finding.severity = Severity::Note;
        finding.confidence = if packets >= 4 * PACKETS { Confidence::High } else { Confidence::Medium };
        finding.variant = Some(kind.0);
        finding.frames = self.frames.sorted();
        (finding.start, finding.end) = (Some(self.first), Some(self.last));
        finding.count = packets;
        finding.evidence = vec![
            ("targets", targets.into()),
            ("addresses", self.addresses.count().into()),
            ("port", port.into()),
            ("on_port", on_port.into()),
            ("syn_acks", self.syn_acks.into()),
            ("refusals", self.refusals.into()),
            ("resets", self.bare_resets.into()),
            // Times 2^32 over the addresses watched: where sources are drawn from all of IPv4.
            ("estimated_per_s", estimate.round().into()),
        ];
        Some(finding)
    }
}
