//! What rules say of one client address and one listener over all their connections (CN001, CN005).
//!
//! The table holds 16,384 such pairs, those least recently heard of go first; one that goes says what it has to say.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::counter::{Frames, Table};
use super::finding::{Finding, Severity};
use super::registry::{Detector, Seen};
use super::signatures::Signatures;
use super::wide::wide;
use crate::config::{RuleConfig, Thresholds};
use crate::tcp::{Duration, Endpoint, Timestamp};
use crate::track::{Confidence, Event, Fact, OpenOutcome, Record};

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
    /// One connection alone, as most have; the next makes a churn of both.
    alone: Option<Life>,
    churn: Option<Box<Churn>>,
    open: Open,
    signatures: Signatures,
}

/// Connections open at once.
#[derive(Debug, Default)]
struct Open {
    now: u64,
    peak: u64,
    peak_at: Timestamp,
    peak_frame: u64,
}

/// All of one address.
#[derive(Debug, Default)]
struct Total {
    open: Open,
    signatures: Signatures,
    destinations: BTreeSet<Endpoint>,
}

impl Open {
    fn begin(&mut self, event: &Event) {
        self.now += 1;
        if self.now > self.peak {
            (self.peak, self.peak_at, self.peak_frame) = (self.now, event.at, event.frame);
        }
    }

    fn end(&mut self) {
        self.now = self.now.saturating_sub(1);
    }
}

/// What counts of one connection.
#[derive(Clone, Copy, Debug)]
struct Life {
    began: Timestamp,
    frame: u64,
    lasted: Duration,
    opening_ns: i64,
    segments: u64,
    without_payload: u64,
    payload: u64,
}

/// Connections that follow each other within the churn's time.
#[derive(Debug)]
struct Churn {
    first: Timestamp,
    last: Timestamp,
    seconds: [Second; SECONDS],
    is_reported: bool,
    busiest: u64,
    sum: Sum,
    frames: Frames,
}

/// Connections begun in one second.
#[derive(Clone, Copy, Debug, Default)]
struct Second {
    number: i64,
    all: u64,
    brief: u64,
    small: u64,
}

/// What all of them cost.
#[derive(Clone, Copy, Debug, Default)]
struct Sum {
    connections: u64,
    segments: u64,
    without_payload: u64,
    payload: u64,
    life_ns: i64,
    opening_ns: i64,
}

/// Seconds kept; more than the churn's time, so that connections may end in another order than they began.
const SECONDS: usize = 16;
/// Segments that opening and closing take.
const SEGMENTS_SAVED: u64 = 7;

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
        if record.open.outcome != OpenOutcome::Complete {
            return;
        }
        let pair = (record.endpoints.client.addr, record.endpoints.server);
        self.client(pair, say);
        let (Some(client), limits) = (self.table.get(&pair), &self.limits) else { return };
        if client.latest().is_some_and(|latest| record.first.since(latest) > limits.churn_span) {
            say.extend(client.end_churn(&pair, limits));
        }
        client.live(Life::of(record), limits);
    }

    fn on_end(&mut self, _now: Timestamp, say: &mut Vec<Finding>) {
        let forgotten = self.table.forgotten();
        let first = say.len();
        for (pair, client) in self.table.drain() {
            client.finish(&pair, &self.limits, say);
        }
        for (addr, total) in self.totals.drain() {
            say.extend(total.ceiling(addr, &self.limits));
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
        for (pair, gone) in self.gone.drain(..) {
            gone.finish(&pair, &self.limits, say);
        }
        client
    }

    fn total(&mut self, addr: IpAddr, say: &mut Vec<Finding>) -> &mut Total {
        let total = self.totals.at(addr, &mut self.gone_totals, Total::default);
        for (addr, gone) in self.gone_totals.drain(..) {
            say.extend(gone.ceiling(addr, &self.limits));
        }
        total
    }
}

impl Total {
    fn on(&mut self, event: &Event, destination: Endpoint) {
        match event.fact {
            Fact::LifeBegan { .. } => {
                self.open.begin(event);
                if self.destinations.len() < MAX_DESTINATIONS {
                    self.destinations.insert(destination);
                }
            }
            Fact::LifeEnded { .. } => self.open.end(),
            Fact::HandshakeDone { syn } => self.signatures.add(syn),
            _ => {}
        }
    }

    /// Said of several destinations only; with one, the pair tells it already.
    fn ceiling(&self, client: IpAddr, limits: &Thresholds) -> Option<Finding> {
        let (peak, destinations) = (self.open.peak, self.destinations.len());
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

    /// When the latest connection of the churn began.
    fn latest(&self) -> Option<Timestamp> {
        self.churn.as_ref().map(|c| c.last).or(self.alone.map(|a| a.began))
    }

    /// One more connection that was used.
    fn live(&mut self, life: Life, limits: &Thresholds) {
        match (&mut self.churn, self.alone.take()) {
            (Some(churn), _) => churn.add(&life, limits),
            (None, None) => self.alone = Some(life),
            (None, Some(first)) => {
                let churn = self.churn.insert(Box::new(Churn::new(&first, limits)));
                churn.add(&life, limits);
            }
        }
    }

    fn finish(mut self, pair: &Pair, limits: &Thresholds, say: &mut Vec<Finding>) {
        say.extend(self.end_churn(pair, limits));
        say.extend(self.ceiling(pair, limits));
    }

    fn end_churn(&mut self, pair: &Pair, limits: &Thresholds) -> Option<Finding> {
        let alone = self.alone.take().filter(|_| limits.churn <= 1);
        let alone = alone.map(|life| Box::new(Churn::new(&life, limits)));
        let churn = self.churn.take().or(alone)?;
        churn.is_reported.then(|| churn.finding(pair, limits))
    }

    fn ceiling(&self, (client, server): &Pair, limits: &Thresholds) -> Option<Finding> {
        let ports = limits.ephemeral_ports();
        let (peak, kinds) = (self.open.peak, self.signatures.count());
        let share = peak * 100 / ports;
        let (note, warning) = (limits.port_share_note, limits.port_share_warning);
        if share < note {
            return None;
        }
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

impl Life {
    fn of(record: &Record) -> Self {
        let sent = [&record.sent.client, &record.sent.server];
        Self {
            began: record.first,
            frame: record.id,
            lasted: record.duration(),
            opening_ns: record.open.rtt.map_or(0, |d| d.0.max(0)),
            segments: sent.iter().map(|f| f.segments).sum(),
            without_payload: sent.iter().map(|f| f.segments_without_payload).sum(),
            payload: sent.iter().map(|f| f.payload_bytes).sum(),
        }
    }
}

impl Churn {
    fn new(life: &Life, limits: &Thresholds) -> Self {
        let mut churn = Self {
            first: life.began,
            last: life.began,
            seconds: [Second::default(); SECONDS],
            is_reported: false,
            busiest: 0,
            sum: Sum::default(),
            frames: Frames::default(),
        };
        churn.add(life, limits);
        churn
    }

    fn add(&mut self, life: &Life, limits: &Thresholds) {
        self.first = self.first.min(life.began);
        self.last = self.last.max(life.began);
        self.sum.connections += 1;
        self.sum.segments += life.segments;
        self.sum.without_payload += life.without_payload;
        self.sum.payload += life.payload;
        self.sum.life_ns = self.sum.life_ns.saturating_add(life.lasted.0);
        self.sum.opening_ns = self.sum.opening_ns.saturating_add(life.opening_ns);
        self.frames.add(life.frame);
        let (is_brief, is_small) = (life.lasted < limits.churn_life, life.payload < limits.churn_payload);
        self.count(life.began, is_brief, is_small, limits);
    }

    fn count(&mut self, begun: Timestamp, is_brief: bool, is_small: bool, limits: &Thresholds) {
        let number = begun.0.div_euclid(Duration::from_secs(1).0);
        let second = &mut self.seconds[number.rem_euclid(SECONDS as i64) as usize];
        if second.number > number {
            return;
        }
        if second.number < number {
            *second = Second { number, ..Second::default() };
        }
        second.all += 1;
        second.brief += u64::from(is_brief);
        second.small += u64::from(is_small);
        self.busiest = self.busiest.max(second.all);
        // A whole number of seconds, at most those kept.
        let span = (limits.churn_span.0 / Duration::from_secs(1).0).clamp(1, SECONDS as i64);
        let near = |s: &&Second| s.number <= number && number - s.number < span;
        let (all, brief, small) = self
            .seconds
            .iter()
            .filter(near)
            .fold((0, 0, 0), |(a, b, c), s| (a + s.all, b + s.brief, c + s.small));
        // More than half below a limit: the median is below it.
        self.is_reported |= all >= limits.churn && brief * 2 > all && small * 2 > all;
    }

    fn finding(&self, (client, server): &Pair, limits: &Thresholds) -> Finding {
        let s = &self.sum;
        let lasted = self.last.since(self.first);
        let per = |n: i64| n / s.connections.max(1) as i64;
        let overhead = s.without_payload * 100 / s.segments.max(1);
        let opening = s.opening_ns.saturating_mul(100) / s.life_ns.max(1);
        let mean_life = Duration(per(s.life_ns));
        let message = format!(
            "{client} opened {} short connections to {server} in {lasted} ({mean_life} each on average): {overhead} % of the segments carry no payload",
            s.connections
        );
        let mut finding = wide("CN001", format!("{client} > {server}"), self.first, message);
        let warns = self.busiest >= limits.churn_warning;
        finding.severity = if warns { Severity::Warning } else { Severity::Note };
        finding.frames = self.frames.sorted();
        (finding.start, finding.end) = (Some(self.first), Some(self.last));
        finding.count = s.connections;
        finding.evidence = vec![
            ("connections", s.connections.into()),
            ("busiest_second", self.busiest.into()),
            ("mean_life_ns", mean_life.0.into()),
            ("mean_payload_bytes", (s.payload / s.connections.max(1)).into()),
            ("overhead_percent", overhead.into()),
            ("opening_percent", opening.into()),
            ("pooled_saves_segments", (SEGMENTS_SAVED * s.connections.saturating_sub(1)).into()),
            ("pooled_saves_ns", per(s.opening_ns).saturating_mul(s.connections as i64 - 1).into()),
        ];
        finding
    }
}
