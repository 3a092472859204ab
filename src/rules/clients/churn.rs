//! `Churn`: short connections of one client to one server that follow each other (tcp.md CN001).

use super::Pair;
use crate::config::Thresholds;
use crate::rules::counter::Frames;
use crate::rules::finding::{Finding, Severity};
use crate::rules::wide::wide;
use crate::tcp::{Duration, Timestamp};
use crate::track::Record;

/// The connections of one client to one server that were used lately.
#[derive(Debug, Default)]
pub(super) struct Lives {
    /// One alone, as most have; the next makes a churn of both.
    alone: Option<Life>,
    churn: Option<Box<Churn>>,
}

/// What counts of one connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Life {
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

impl Lives {
    /// Whether nothing was begun for so long that a connection begun now belongs to another churn.
    pub fn are_over(&self, now: Timestamp, limits: &Thresholds) -> bool {
        let latest = self.churn.as_ref().map(|c| c.last).or(self.alone.map(|a| a.began));
        latest.is_some_and(|latest| now.since(latest) > limits.churn_span)
    }

    /// One more.
    pub fn add(&mut self, life: Life, limits: &Thresholds) {
        match (&mut self.churn, self.alone.take()) {
            (Some(churn), _) => churn.add(&life, limits),
            (None, None) => self.alone = Some(life),
            (None, Some(first)) => {
                let churn = self.churn.insert(Box::new(Churn::new(&first, limits)));
                churn.add(&life, limits);
            }
        }
    }

    /// Whether there may be anything to say of them: one alone is a churn only where one is enough.
    pub fn may_tell(&self, limits: &Thresholds) -> bool {
        self.churn.is_some() || limits.churn <= 1
    }

    /// They are over: what is to be said of them.
    pub fn end(&mut self, pair: &Pair, limits: &Thresholds) -> Option<Finding> {
        let alone = self.alone.take().filter(|_| limits.churn <= 1);
        let alone = alone.map(|life| Box::new(Churn::new(&life, limits)));
        let churn = self.churn.take().or(alone)?;
        churn.is_reported.then(|| churn.finding(pair, limits))
    }
}

impl Life {
    /// What counts of this one.
    pub fn of(record: &Record) -> Self {
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
            "{client} opened {} short connections to {server} in {lasted}, up to {} a second ({mean_life} each on average): {overhead} % of the segments carry no payload",
            s.connections, self.busiest
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
