//! What rules say of one client address and one listener over all their connections (CN001, CN005).
//!
//! The table holds 16,384 such pairs, those least recently heard of go first; one that goes says what it has to say.

mod churn;

use std::collections::BTreeSet;
use std::net::IpAddr;

use churn::{Life, Lives};

use super::counter::Table;
use super::finding::{Finding, Severity};
use super::registry::{Detector, Seen};
use super::signatures::Signatures;
use super::wide::wide;
use crate::config::{RuleConfig, Thresholds};
use crate::tcp::{Endpoint, Timestamp};
use crate::track::{CloseOutcome, Confidence, Event, Fact, OpenOutcome, Record};

/// A client address and a listener.
type Pair = (IpAddr, Endpoint);

/// Pairs remembered at once.
const MAX_PAIRS: usize = 1 << 14;
/// Addresses remembered at once.
const MAX_CLIENTS: usize = 1 << 12;
/// Destinations counted of one address.
const MAX_DESTINATIONS: usize = 64;
/// Ports of one address toward one destination, whatever the range it chooses from.
const ALL_PORTS: u64 = 65_535;

/// The detector behind CN001 and CN005.
pub(super) fn clients(config: &RuleConfig) -> Box<dyn Detector> {
    Box::new(Clients {
        limits: config.thresholds.clone(),
        table: Table::new(MAX_PAIRS),
        gone: Vec::new(),
        totals: Table::new(MAX_CLIENTS),
        gone_totals: Vec::new(),
    })
}

/// All pairs.
#[derive(Debug)]
struct Clients {
    limits: Thresholds,
    table: Table<Pair, Client>,
    gone: Vec<(Pair, Client)>,
    totals: Table<IpAddr, Total>,
    gone_totals: Vec<(IpAddr, Total)>,
}

/// One of them.
#[derive(Debug, Default)]
struct Client {
    lives: Lives,
    open: Open,
    signatures: Signatures,
}

/// Connections open at once.
#[derive(Debug, Default)]
struct Open {
    now: u32,
    peak: u32,
    peak_at: Timestamp,
    peak_frame: u64,
}

/// All of one address.
#[derive(Debug, Default)]
struct Total {
    open: Open,
    signatures: Signatures,
    destinations: Destinations,
}

/// Different ones, no more than [`MAX_DESTINATIONS`]. Most addresses have one.
#[derive(Debug, Default)]
struct Destinations {
    first: Option<Endpoint>,
    /// All of them, once there are two.
    all: BTreeSet<Endpoint>,
}

impl Destinations {
    fn add(&mut self, destination: Endpoint) {
        let first = *self.first.get_or_insert(destination);
        if destination != first || !self.all.is_empty() {
            self.all.insert(first);
            if self.all.len() < MAX_DESTINATIONS {
                self.all.insert(destination);
            }
        }
    }

    fn len(&self) -> usize {
        self.all.len().max(usize::from(self.first.is_some()))
    }
}

impl Open {
    fn begin(&mut self, event: &Event) {
        self.now = self.now.saturating_add(1);
        if self.now > self.peak {
            (self.peak, self.peak_at, self.peak_frame) = (self.now, event.at, event.frame);
        }
    }

    fn end(&mut self) {
        self.now = self.now.saturating_sub(1);
    }
}

impl Detector for Clients {
    fn on_seen(&mut self, seen: &Seen, say: &mut Vec<Finding>) {
        let event = &seen.event;
        let client = match event.fact {
            Fact::LifeBegan { .. } | Fact::LifeEnded { .. } => event.end,
            // The end is the one whose SYN was acknowledged: the server.
            Fact::HandshakeDone { .. } => 1 - event.end,
            _ => return,
        };
        let pair = (seen.endpoints[client].addr, seen.endpoints[1 - client]);
        self.client(pair, say).on(event);
        self.total(pair.0, say).on(event, pair.1);
    }

    fn on_record(&mut self, record: &Record, say: &mut Vec<Finding>) {
        // How long one lasts that is open still, nobody knows.
        if record.open.outcome != OpenOutcome::Complete || record.close.outcome == CloseOutcome::Open {
            return;
        }
        let pair = (record.endpoints.client.addr, record.endpoints.server);
        self.client(pair, say);
        let (Some(client), limits) = (self.table.get(&pair), &self.limits) else { return };
        if client.lives.are_over(record.first, limits) {
            say.extend(client.lives.end(&pair, limits));
        }
        client.lives.add(Life::of(record), limits);
    }

    fn on_end(&mut self, _now: Timestamp, say: &mut Vec<Finding>) {
        let forgotten = self.table.forgotten();
        let first = say.len();
        let limits = &self.limits;
        for (pair, client) in self.table.drain_if(|_, client| client.may_tell(limits)) {
            client.finish(&pair, limits, say);
        }
        let share = |total: &Total| u64::from(total.open.peak) * 100 / ALL_PORTS;
        for (addr, total) in self.totals.drain_if(|_, total| share(total) >= limits.port_share_note) {
            say.extend(total.ceiling(addr, limits));
        }
        if forgotten > 0 {
            for finding in say.iter_mut().skip(first) {
                finding.evidence.push(("pairs_forgotten", forgotten.into()));
            }
        }
    }
}

impl Clients {
    fn client(&mut self, pair: Pair, say: &mut Vec<Finding>) -> &mut Client {
        let client = self.table.at(pair, &mut self.gone, Client::default);
        if !self.gone.is_empty() {
            self.gone.drain(..).for_each(|(pair, gone)| gone.finish(&pair, &self.limits, say));
        }
        client
    }

    fn total(&mut self, addr: IpAddr, say: &mut Vec<Finding>) -> &mut Total {
        let total = self.totals.at(addr, &mut self.gone_totals, Total::default);
        if !self.gone_totals.is_empty() {
            let limits = &self.limits;
            say.extend(self.gone_totals.drain(..).filter_map(|(addr, gone)| gone.ceiling(addr, limits)));
        }
        total
    }
}

impl Total {
    fn on(&mut self, event: &Event, destination: Endpoint) {
        match event.fact {
            Fact::LifeBegan { .. } => {
                self.open.begin(event);
                self.destinations.add(destination);
            }
            Fact::LifeEnded { .. } => self.open.end(),
            Fact::HandshakeDone { syn } => self.signatures.add(syn),
            _ => {}
        }
    }

    /// Said of several destinations only; with one, the pair tells it already.
    fn ceiling(&self, client: IpAddr, limits: &Thresholds) -> Option<Finding> {
        let (peak, destinations) = (u64::from(self.open.peak), self.destinations.len());
        let share = peak * 100 / ALL_PORTS;
        if share < limits.port_share_note || destinations < 2 {
            return None;
        }
        let most = if destinations == MAX_DESTINATIONS { " or more" } else { "" };
        let message = format!(
            "{client} had {peak} connections open at once to {destinations}{most} destinations, {share} % of the {ALL_PORTS} ports that it has toward each"
        );
        let mut finding = wide("CN005", client.to_string(), self.open.peak_at, message);
        finding.variant = Some("total");
        finding.severity = Severity::Note;
        finding.confidence = Confidence::Medium;
        finding.frames = vec![self.open.peak_frame];
        finding.evidence = vec![
            ("peak", peak.into()),
            ("ports_per_destination", ALL_PORTS.into()),
            ("destinations", destinations.into()),
            ("share_percent", share.into()),
            ("syn_signatures", self.signatures.count().into()),
        ];
        Some(finding)
    }
}

impl Client {
    fn on(&mut self, event: &Event) {
        match event.fact {
            Fact::LifeBegan { .. } => self.open.begin(event),
            Fact::LifeEnded { .. } => self.open.end(),
            Fact::HandshakeDone { syn } => self.signatures.add(syn),
            _ => {}
        }
    }

    /// Whether there may be anything to say of it.
    fn may_tell(&self, limits: &Thresholds) -> bool {
        let share = u64::from(self.open.peak) * 100 / limits.ephemeral_ports();
        self.lives.may_tell(limits) || share >= limits.port_share_note
    }

    fn finish(mut self, pair: &Pair, limits: &Thresholds, say: &mut Vec<Finding>) {
        say.extend(self.lives.end(pair, limits));
        say.extend(self.ceiling(pair, limits));
    }

    fn ceiling(&self, (client, server): &Pair, limits: &Thresholds) -> Option<Finding> {
        let ports = limits.ephemeral_ports();
        let peak = u64::from(self.open.peak);
        let share = peak * 100 / ports;
        let (note, warning) = (limits.port_share_note, limits.port_share_warning);
        if share < note {
            return None;
        }
        let kinds = self.signatures.count();
        let is_shared = kinds >= limits.nat_signatures;
        let message = format!(
            "{client} had {peak} connections to {server} open at once, {share} % of its {ports} client ports{}",
            if is_shared { "; several hosts share the address, each with ports of its own" } else { "" }
        );
        let mut finding = wide("CN005", format!("{client} > {server}"), self.open.peak_at, message);
        finding.severity = if share >= warning && !is_shared { Severity::Warning } else { Severity::Note };
        finding.variant = is_shared.then_some("shared-address");
        finding.confidence = Confidence::Medium;
        finding.frames = vec![self.open.peak_frame];
        finding.evidence = vec![
            ("peak", peak.into()),
            ("ports", ports.into()),
            ("share_percent", share.into()),
            ("syn_signatures", kinds.into()),
        ];
        Some(finding)
    }
}
