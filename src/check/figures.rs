//! `FIGURES`: every number of a capture that a limit may name, once for policies, differences and their help.

use crate::report::{Connection, Kind, Report, Value, setup};
use crate::tcp::Duration;
use crate::track::{Class, CloseOutcome, Flow, OpenOutcome};

/// One number of a capture.
#[derive(Debug)]
pub struct Figure {
    /// What users type, in snake case.
    pub name: &'static str,
    /// What it is, in one sentence.
    pub doc: &'static str,
    /// In which direction it gets better.
    pub better: Better,
    of: Of,
}

/// In which direction a figure gets better.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Better {
    /// Less is better.
    Less,
    /// More is better.
    More,
    /// Neither: it only describes.
    Neither,
}

/// Where the number comes from.
#[derive(Clone, Copy, Debug)]
enum Of {
    Count(fn(&Report) -> u64),
    Bytes(fn(&Report) -> u64),
    Span(fn(&Report) -> Option<Duration>),
    Share(fn(&Report) -> Option<f64>),
}

impl Figure {
    /// The figure of a name.
    pub fn find(name: &str) -> Option<&'static Self> {
        let wanted = name.trim().to_ascii_lowercase().replace('-', "_");
        FIGURES.iter().find(|figure| figure.name == wanted)
    }

    /// What its values are.
    pub fn kind(&self) -> Kind {
        match self.of {
            Of::Count(_) => Kind::Count,
            Of::Bytes(_) => Kind::Bytes,
            Of::Span(_) => Kind::Span,
            Of::Share(_) => Kind::Share,
        }
    }

    /// Its value; absent where the capture has nothing to tell it from.
    pub fn value(&self, report: &Report) -> Value<'static> {
        match self.of {
            Of::Count(of) | Of::Bytes(of) => Value::Count(of(report)),
            Of::Span(of) => of(report).map_or(Value::Absent, Value::Span),
            Of::Share(of) => of(report).map_or(Value::Absent, Value::Share),
        }
    }
}

use Better::{Less, More, Neither};

/// Every figure, in the order of printing.
pub const FIGURES: &[Figure] = &[
    count("packets", "Packets read.", Neither, |r| r.summary.packets),
    count("segments", "TCP segments among them.", Neither, |r| r.summary.segments),
    count("skipped", "Packets that gave no segment.", Neither, |r| r.summary.skipped.values().sum()),
    count("duplicates", "Copies of packets, dropped.", Neither, |r| r.summary.duplicates),
    count("bad_checksums", "Segments with a wrong checksum.", Less, |r| r.summary.bad_checksums),
    count("connections", "Connections.", Neither, kept),
    count("complete", "Connections with a complete handshake.", Neither, |r| {
        opened(r, OpenOutcome::Complete)
    }),
    count("half_open_left", "Connections whose handshake was never completed.", Less, |r| {
        opened(r, OpenOutcome::HalfOpen)
    }),
    count("refused", "Connections refused.", Less, |r| opened(r, OpenOutcome::Refused)),
    count("unanswered", "Connections nobody answered.", Less, |r| opened(r, OpenOutcome::Unanswered)),
    count("cancelled", "Connections their client gave up while opening.", Less, |r| {
        opened(r, OpenOutcome::Cancelled)
    }),
    share("completion", "Complete handshakes, of all whose beginning was captured.", More, |r| {
        let midstream = opened(r, OpenOutcome::NotCaptured);
        part(opened(r, OpenOutcome::Complete), r.connections.len() as u64 - midstream)
    }),
    span("handshake_p50", "Half of the complete handshakes took at most this.", |r| handshake(r, 50)),
    span("handshake_p95", "95 % of the complete handshakes took at most this.", |r| handshake(r, 95)),
    span("handshake_p99", "99 % of the complete handshakes took at most this.", |r| handshake(r, 99)),
    span("handshake_max", "The longest complete handshake.", |r| handshake(r, 100)),
    count("graceful", "Connections closed by FINs.", Neither, |r| closed(r, CloseOutcome::Graceful)),
    count("aborted", "Connections ended by RST.", Less, |r| closed(r, CloseOutcome::Aborted)),
    count("short", "Short connections: one exchange, then closed.", Neither, |r| classed(r, Class::Short)),
    count("long", "Long connections: used again, kept or idle.", Neither, |r| classed(r, Class::Long)),
    count("half_open_total", "Handshakes that were half-open at any time.", Neither, |r| {
        r.summary.half_open.total
    }),
    count("half_open_peak", "Most half-open at once.", Less, |r| r.summary.half_open.peak),
    count("half_open_at_end", "Half-open when the capture ends.", Less, |r| r.summary.half_open.now),
    count("half_open_expired", "Half-open that their server gave up.", Less, |r| r.summary.half_open_expired),
    count("time_wait_total", "Ends that were in TIME_WAIT at any time.", Neither, |r| {
        r.summary.time_wait.total
    }),
    count("time_wait_peak", "Most in TIME_WAIT at once.", Less, |r| r.summary.time_wait.peak),
    count("time_wait_at_end", "In TIME_WAIT when the capture ends.", Less, |r| r.summary.time_wait.now),
    Figure {
        name: "bytes",
        doc: "Payload, repeats included.",
        better: Neither,
        of: Of::Bytes(|r| sum(r, |flow| flow.payload_bytes)),
    },
    count("retransmissions", "Segments sent again.", Neither, |r| sum(r, |flow| flow.retransmissions.into())),
    share("retransmission_share", "Segments sent again, of all segments.", Less, |r| {
        part(sum(r, |flow| flow.retransmissions.into()), sum(r, |flow| flow.segments))
    }),
    count("zero_windows", "Segments that offer no window.", Less, |r| {
        sum(r, |flow| flow.zero_windows.into())
    }),
    count("rst", "RSTs.", Neither, |r| sum(r, |flow| flow.rst.into())),
    count("capture_loss", "Connections with acknowledged bytes that were never captured.", Neither, |r| {
        connections(r, |c| c.record.visibility.capture_loss)
    }),
    count("errors", "Findings that are errors.", Neither, |r| r.summary.findings.error),
    count("warnings", "Findings that are warnings.", Neither, |r| r.summary.findings.warning),
    count("notes", "Findings that are notes.", Neither, |r| r.summary.findings.note),
    count("evicted", "Connections that ended early because the table was full.", Neither, |r| {
        r.summary.limits.evicted_connections
    }),
];

const fn count(name: &'static str, doc: &'static str, better: Better, of: fn(&Report) -> u64) -> Figure {
    Figure { name, doc, better, of: Of::Count(of) }
}

const fn span(name: &'static str, doc: &'static str, of: fn(&Report) -> Option<Duration>) -> Figure {
    Figure { name, doc, better: Less, of: Of::Span(of) }
}

const fn share(
    name: &'static str,
    doc: &'static str,
    better: Better,
    of: fn(&Report) -> Option<f64>,
) -> Figure {
    Figure { name, doc, better, of: Of::Share(of) }
}

fn connections(report: &Report, which: impl Fn(&Connection) -> bool) -> u64 {
    report.connections.iter().filter(|c| which(c)).count() as u64
}

/// Those of the report, and those that found no room in it.
pub(super) fn kept(report: &Report) -> u64 {
    report.connections.len() as u64 + report.summary.limits.dropped_connections
}

fn classed(report: &Report, class: Class) -> u64 {
    connections(report, |c| c.record.class == Some(class))
}

fn opened(report: &Report, outcome: OpenOutcome) -> u64 {
    connections(report, |c| c.record.open.outcome == outcome)
}

fn closed(report: &Report, outcome: CloseOutcome) -> u64 {
    connections(report, |c| c.record.close.outcome == outcome)
}

/// Over both ends of all connections.
fn sum(report: &Report, of: impl Fn(&Flow) -> u64) -> u64 {
    report
        .connections
        .iter()
        .map(|c| of(&c.record.sent.client).saturating_add(of(&c.record.sent.server)))
        .sum()
}

fn part(some: u64, all: u64) -> Option<f64> {
    (all > 0).then(|| some as f64 / all as f64)
}

/// The span that so many per cent of the handshakes did not exceed: the nearest rank, always one that was measured.
fn handshake(report: &Report, percent: usize) -> Option<Duration> {
    let mut spans: Vec<_> = report.connections.iter().filter_map(|c| setup(&c.record)).collect();
    spans.sort_unstable();
    let rank = (spans.len() * percent).div_ceil(100);
    spans.get(rank.checked_sub(1)?).copied()
}
