//! `Rule`: its id, text and check as one entry; `RuleSet`: the rules a user chose, by the kind of fact they want.

use serde_json::Value;

use super::finding::{Finding, Severity};
use crate::config::RuleConfig;
use crate::tcp::{Duration, Endpoint, Segment, Timestamp};
use crate::track::{Confidence, Connection, Event, Header, Kind, Record};

/// One rule: what it is called, what it says of itself, and how it judges.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// Such as `HS002`; never reused.
    pub id: &'static str,
    /// Such as `synack-bad-ack`: the thing found.
    pub name: &'static str,
    /// How bad, unless a judgement says otherwise.
    pub severity: Severity,
    /// RFC section, kernel file or measurement that it rests on.
    pub source: &'static str,
    /// Version that brought it.
    pub since: &'static str,
    /// Its documentation in Markdown, under the five headings.
    pub doc: &'static str,
    /// Kinds of facts it wants to see.
    pub wants: &'static [Kind],
    /// How it judges.
    pub check: Check,
    /// Who looks at its findings again, knowing other connections.
    pub review: Option<Review>,
}

/// The whole theory of scope: a rule looks at one connection, or at the whole capture.
#[derive(Clone, Copy, Debug)]
pub enum Check {
    /// Runs beside the connection, on any thread. Pure: the same scene gives the same answer.
    Connection(fn(&Scene<'_>) -> Option<Judgement>),
    /// Makes a detector, which sees every wanted fact of the capture in order. Rules that name the same function
    /// share one detector.
    Capture(fn(&RuleConfig) -> Box<dyn Detector>),
}

/// A second look at what a rule said of single connections: a detector that knows others by then. A rule of the scope
/// [`Check::Capture`] needs none.
#[derive(Clone, Copy, Debug)]
pub struct Review {
    /// Kinds of facts it wants to see beside the records.
    pub wants: &'static [Kind],
    /// Makes the detector; its [`Detector::review`] is asked before anybody hears of a finding.
    pub make: fn(&RuleConfig) -> Box<dyn Detector>,
}

/// A rule with memory across connections. Its tables are bounded, and what happens at the bound is counted.
pub trait Detector: std::fmt::Debug + Send {
    /// A fact of a wanted kind. Findings go to `say`; those of rules that were not selected are dropped.
    fn on_seen(&mut self, _seen: &Seen, _say: &mut Vec<Finding>) {}

    /// A connection ended with these findings, which nobody has heard yet. Called before `on_record`.
    fn review(&mut self, _record: &Record, _findings: &mut [Finding]) {}

    /// A connection ended.
    fn on_record(&mut self, _record: &Record, _say: &mut Vec<Finding>) {}

    /// The source is silent: all that came before `now` was told. What is due by then is judged as if a fact came now,
    /// for none may come for long; what is said in the end does not depend on it.
    fn on_silence(&mut self, _now: Timestamp, _say: &mut Vec<Finding>) {}

    /// What there is to say at `now` of episodes that have not ended. It changes nothing.
    fn so_far(&self, _now: Timestamp, _say: &mut Vec<Finding>) {}

    /// The input ended at `now`.
    fn on_end(&mut self, now: Timestamp, say: &mut Vec<Finding>) {
        self.so_far(now, say);
    }

    /// Somebody watches, and will ask what goes on. Nothing else that is said may depend on it.
    fn watch(&mut self) {}

    /// Episodes that may go on at `now`, the keys in no order that means anything. Asked once a second at most, by who
    /// watches; it changes nothing.
    fn going_on(&self, now: Timestamp, say: &mut Vec<Finding>) {
        self.so_far(now, say);
    }

    /// How long after its latest sign such an episode is taken to go on: as long as quiet lasts before a flood is over,
    /// 30 s (tcp.md §5.0), unless its signs come late or it lasts by itself.
    fn silence(&self, _finding: &Finding) -> Duration {
        Duration::from_secs(30)
    }

    /// Keys let go so far because a table was full; what was counted of them is missing.
    fn forgotten(&self) -> u64 {
        0
    }
}

/// A fact with what a detector needs to know of its connection.
#[derive(Clone, Copy, Debug)]
pub struct Seen {
    /// The connection's id.
    pub connection: u64,
    /// Its two ends; [`Event::end`] is an index into them.
    pub endpoints: [Endpoint; 2],
    /// Which of them is the client, if anything told by then.
    pub client: Option<usize>,
    /// When the connection began: the time of its first packet.
    pub began: Timestamp,
    /// A SYN was captured of it.
    pub has_syn: bool,
    /// The header of the segment that shows the fact; all zero for timers and at the end.
    pub header: Header,
    /// The fact.
    pub event: Event,
}

impl Seen {
    /// A fact about a connection as it stands.
    pub fn new(event: &Event, connection: &Connection, segment: Option<&Segment>) -> Self {
        Self {
            connection: connection.id,
            endpoints: [connection.ends[0].endpoint, connection.ends[1].endpoint],
            client: connection.client(),
            began: connection.first,
            has_syn: connection.open.syn_at.is_some(),
            header: segment.map_or_else(Header::default, Header::of),
            event: *event,
        }
    }

    /// The end that the fact is about, and the other one.
    pub fn ends(&self) -> (Endpoint, Endpoint) {
        let end = self.event.end & 1;
        (self.endpoints[end], self.endpoints[1 - end])
    }
}

/// What a rule sees: one fact, and the connection as it stands at that point.
#[derive(Clone, Copy)]
pub struct Scene<'a> {
    /// The fact.
    pub event: &'a Event,
    /// The connection.
    pub connection: &'a Connection,
    /// The segment that shows the fact; `None` for timers and at the end.
    pub segment: Option<&'a Segment>,
    /// Thresholds.
    pub config: &'a RuleConfig,
}

impl Scene<'_> {
    /// When the connection is known to have been as it is: now, or at its last packet where it was lost sight of since.
    pub fn known_until(&self) -> Timestamp {
        let (now, last) = (self.event.at, self.connection.last);
        if now.since(last) > self.config.thresholds.lost_sight { last } else { now }
    }
}

/// What a rule says of a fact.
#[derive(Debug)]
pub enum Judgement {
    /// It is so.
    Report(Detail),
    /// More is known of what the rule said of this connection before, in the same variant. Asked for only if it did.
    Amend(fn(&Scene<'_>) -> Detail),
    /// What the rule said of this connection before was wrong.
    Retract,
}

/// What stands in a finding beside the rule's own words.
#[derive(Clone, Debug)]
pub struct Detail {
    /// Which of the rule's variants.
    pub variant: Option<&'static str>,
    /// Another severity than the rule's.
    pub severity: Option<Severity>,
    /// From so many times on, this severity.
    pub grows: Option<(u64, Severity)>,
    /// The end at fault, where it is not the event's.
    pub end: Option<usize>,
    /// How sure.
    pub confidence: Confidence,
    /// Packets that caused it, beside the one that shows it.
    pub causes: Vec<u64>,
    /// One sentence with `{name}` for values of the evidence, `{end}` and `{peer}` for the roles.
    pub message: &'static str,
    /// The numbers put into the judgement.
    pub evidence: Vec<(&'static str, Value)>,
}

impl Detail {
    /// A detail with high confidence and nothing special.
    pub fn new(message: &'static str) -> Self {
        Self {
            variant: None,
            severity: None,
            grows: None,
            end: None,
            confidence: Confidence::High,
            causes: Vec::new(),
            message,
            evidence: Vec::new(),
        }
    }

    /// With a variant.
    #[must_use]
    pub fn variant(mut self, variant: &'static str) -> Self {
        self.variant = Some(variant);
        self
    }

    /// With another severity than the rule's.
    #[must_use]
    pub fn severity(mut self, severity: Severity) -> Self {
        self.severity = Some(severity);
        self
    }

    /// With another severity from so many times on.
    #[must_use]
    pub fn grows(mut self, from: u64, severity: Severity) -> Self {
        self.grows = Some((from, severity));
        self
    }

    /// With less than high confidence.
    #[must_use]
    pub fn confidence(mut self, confidence: Confidence) -> Self {
        self.confidence = confidence;
        self
    }

    /// About this end, whichever the event is about.
    #[must_use]
    pub fn about(mut self, end: usize) -> Self {
        self.end = Some(end);
        self
    }

    /// With a packet that caused it.
    #[must_use]
    pub fn cause(mut self, frame: Option<u64>) -> Self {
        self.causes.extend(frame);
        self
    }

    /// With a value of the evidence.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.evidence.push((name, value.into()));
        self
    }

    /// As a judgement.
    pub fn report(self) -> Option<Judgement> {
        Some(Judgement::Report(self))
    }
}

/// Makes the `RULES` of a family from one block each; the block's doc comment is its documentation everywhere.
macro_rules! rules {
    ($($(#[doc = $doc:literal])+ $id:literal $name:literal {
        severity: $severity:ident, source: $source:literal, since: $since:literal,
        wants: [$($kind:ident),*], check: $scope:ident($check:path) $(, review: $review:path)? $(,)?
    })+) => {
        /// The rules of this family.
        pub const RULES: &[crate::rules::Rule] = &[$(crate::rules::Rule {
            id: $id,
            name: $name,
            severity: crate::rules::Severity::$severity,
            source: $source,
            since: $since,
            doc: concat!($($doc, "\n"),+),
            wants: &[$(crate::track::Kind::$kind),*],
            check: crate::rules::Check::$scope($check),
            review: [$(Some($review),)? None][0],
        }),+];
    };
}
pub(super) use rules;

impl Rule {
    /// What makes the detectors that it needs, each with the facts it asks for.
    fn makers(&self) -> impl Iterator<Item = (Maker, &'static [Kind])> {
        let check = if let Check::Capture(make) = self.check { Some((make, self.wants)) } else { None };
        check.into_iter().chain(self.review.map(|r| (r.make, r.wants)))
    }
}

/// The rules that a user chose.
#[derive(Debug)]
pub struct RuleSet {
    by_kind: Vec<Vec<&'static Rule>>,
    beyond: Kinds,
    makers: Vec<(Maker, Kinds)>,
    config: RuleConfig,
}

/// Makes a detector.
type Maker = fn(&RuleConfig) -> Box<dyn Detector>;

/// Kinds of facts, a bit each.
#[derive(Clone, Copy, Debug)]
struct Kinds(u64);

const _: () = assert!(Kind::COUNT < 64, "the last bit is that of records");

impl Kinds {
    const NONE: Self = Self(0);

    const fn of(kind: Kind) -> u64 {
        1 << kind as u32
    }

    fn add(&mut self, kinds: &[Kind]) {
        self.0 |= kinds.iter().fold(0, |bits, kind| bits | Self::of(*kind));
    }

    #[inline]
    fn has(self, kind: Kind) -> bool {
        self.0 & Self::of(kind) != 0
    }
}

/// A detector and the facts it is told of.
#[derive(Debug)]
pub struct Hearing {
    /// The detector.
    pub detector: Box<dyn Detector>,
    kinds: Kinds,
}

impl Hearing {
    /// The bit of a connection's end.
    pub const OF_RECORD: u64 = 1 << 63;

    /// The bit of a fact.
    pub fn of_fact(seen: &Seen) -> u64 {
        Kinds::of(seen.event.fact.kind())
    }

    /// The bits of facts of these kinds.
    pub fn of_kinds(kinds: &[Kind]) -> u64 {
        kinds.iter().fold(0, |bits, kind| bits | Kinds::of(*kind))
    }

    /// The bits of what it is told of: facts of the kinds that it wants, and all records.
    pub fn wanted(&self) -> u64 {
        self.kinds.0 | Self::OF_RECORD
    }

    /// What goes on at `now` and becomes a finding only when it has ended, as it stands: without an end, and without what
    /// it was over time.
    pub fn going_on(&self, now: Timestamp) -> Vec<Finding> {
        let mut all = Vec::new();
        self.detector.going_on(now, &mut all);
        all.retain(|f| f.end.is_none_or(|end| now.since(end) <= self.detector.silence(f)));
        for finding in &mut all {
            (finding.end, finding.series) = (None, None);
        }
        all
    }
}

impl RuleSet {
    /// The rules that `config` selects and does not ignore.
    pub fn new(config: &RuleConfig) -> Self {
        let mut by_kind = vec![Vec::new(); Kind::COUNT];
        let mut makers: Vec<(Maker, Kinds)> = Vec::new();
        for rule in super::rules().filter(|r| config.has(r.id)) {
            if let Check::Connection(_) = rule.check {
                rule.wants.iter().for_each(|kind| by_kind[*kind as usize].push(rule));
            }
            for (make, _) in rule.makers() {
                if makers.iter().all(|(m, _)| *m as usize != make as usize) {
                    makers.push((make, Kinds::NONE));
                }
            }
        }
        let mut beyond = Kinds::NONE;
        for (maker, kinds) in &mut makers {
            // What its other rules want it needs as well, selected or not: they share what it remembers.
            let own = |(make, _): &(Maker, _)| *make as usize == *maker as usize;
            for (_, wants) in super::rules().flat_map(Rule::makers).filter(own) {
                kinds.add(wants);
                beyond.add(wants);
            }
        }
        Self { by_kind, beyond, makers, config: config.clone() }
    }

    /// Whether a detector wants to see this kind of fact.
    #[inline]
    pub fn is_wanted_beyond(&self, kind: Kind) -> bool {
        self.beyond.has(kind)
    }

    /// One detector for each function that a selected rule or its review names.
    pub fn detectors(&self) -> Vec<Hearing> {
        self.makers
            .iter()
            .map(|(make, kinds)| Hearing { detector: make(&self.config), kinds: *kinds })
            .collect()
    }

    /// The rules that want a kind of fact.
    #[inline]
    pub fn wanting(&self, kind: Kind) -> &[&'static Rule] {
        self.by_kind.get(kind as usize).map_or(&[], Vec::as_slice)
    }

    /// The thresholds.
    pub fn config(&self) -> &RuleConfig {
        &self.config
    }
}
