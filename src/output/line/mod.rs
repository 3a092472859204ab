//! `Line`: the line of a connection, or of a finding, written at once. What it must be is `document::Connection` and
//! `document::Finding`, to which tests hold it equal byte for byte; this is the same for a sixth of the instructions,
//! because a capture has many of both.

mod finding;
mod flow;
mod pen;
mod steps;

use super::community::community_id;
use super::document::Places;
use super::wireshark::ConnectionFilter;
use crate::report::{overhead_share, setup, without_payload};
use crate::rules::{self, Severity};
use crate::track::{Close, Ends, HalfOpen, Open, OpenShape, Record, Roles, TimeWait, Visibility};
use pen::{OneOf, Pen, Plain, Put, Raw, Share, object};

/// Writes lines of connections, one after the other.
#[derive(Debug, Default)]
pub(super) struct Line {
    pen: Pen,
    /// The latest input's path, and the same as JSON.
    path: (String, Vec<u8>),
}

impl Line {
    /// The line, with its end, of a record and the rules that spoke about it.
    pub fn connection(&mut self, r: &Record, rules: &[(Severity, &'static str)], places: &Places) -> &[u8] {
        let is_known = self.know_path(places.path(r.id));
        let file = is_known.then_some(Raw(&self.path.1));
        self.pen.clear();
        write(&mut self.pen, r, file, rules, places);
        self.pen.text("\n");
        self.pen.bytes()
    }

    /// The line, with its end, of a finding.
    pub fn finding(&mut self, f: &rules::Finding, places: &Places) -> &[u8] {
        let is_known = self.know_path(f.frames.first().and_then(|frame| places.path(*frame)));
        let file = is_known.then_some(Raw(&self.path.1));
        self.pen.clear();
        finding::write(&mut self.pen, f, file, places);
        self.pen.text("\n");
        self.pen.bytes()
    }

    /// Keeps a path as JSON, if there is one.
    fn know_path(&mut self, path: Option<&str>) -> bool {
        if let Some(path) = path
            && *path != self.path.0
        {
            self.path = (path.to_owned(), serde_json::to_vec(path).unwrap_or_default());
        }
        path.is_some()
    }
}

fn write(
    pen: &mut Pen,
    r: &Record,
    file: Option<Raw<'_>>,
    rules: &[(Severity, &'static str)],
    places: &Places,
) {
    object!(pen, {
        "type": Raw(b"\"connection\""),
        "id": r.id,
        "first_frame": r.id,
        "last_frame": r.last_frame,
        "file": file,
        "client": r.endpoints.client,
        "server": r.endpoints.server,
        "roles": r.roles,
        "first": r.first,
        "last": r.last,
        "duration_ns": r.duration(),
        "ended": OneOf(r.ended),
        "state": words(r.state),
        "certainty": words(r.certainty),
        "transitions": r.transitions.as_slice(),
        "transitions_dropped": r.transitions_dropped,
        "open": r.open,
        "close": r.close,
        "time_wait": r.time_wait.as_slice(),
        "half_open": r.half_open,
        "half_closed_ns": r.half_closed,
        "exchanges": r.exchanges,
        "class": r.class.map(OneOf),
        "overhead": Overhead(r),
        "visibility": r.visibility,
        "to_server": r.sent.client,
        "to_client": r.sent.server,
        "zeek": Zeek(r),
        "wireshark": Wireshark(r, places),
        "community_id": Plain(community_id(r.endpoints.client, r.endpoints.server).as_str()),
        "findings": Rules(rules),
    });
}

fn words<T: Copy>(ends: Ends<T>) -> Ends<OneOf<T>> {
    Ends { client: OneOf(ends.client), server: OneOf(ends.server) }
}

impl<T: Put> Put for Ends<T> {
    fn put(&self, pen: &mut Pen) {
        object!(pen, { "client": self.client, "server": self.server });
    }
}

impl Put for Roles {
    fn put(&self, pen: &mut Pen) {
        object!(pen, { "from": OneOf(self.from), "confidence": OneOf(self.confidence) });
    }
}

impl Put for Open {
    fn put(&self, pen: &mut Pen) {
        object!(pen, {
            "shape": OneOf(self.shape),
            "labels": Labels(&self.labels),
            "outcome": OneOf(self.outcome),
            "client_isn": self.client_isn,
            "server_isn": self.server_isn,
            "syn_retransmissions": self.syn_retransmissions,
            "syn_ack_retransmissions": self.syn_ack_retransmissions,
            "rtt_ns": self.rtt,
            "server_rtt_ns": self.server_rtt,
            "client_rtt_ns": self.client_rtt,
        });
    }
}

/// Every shape that applies.
struct Labels<'a>(&'a [OpenShape]);

impl Put for Labels<'_> {
    fn put(&self, pen: &mut Pen) {
        pen.list(self.0.iter().map(|shape| OneOf(*shape)));
    }
}

impl Put for Close {
    fn put(&self, pen: &mut Pen) {
        object!(pen, {
            "shape": OneOf(self.shape),
            "outcome": OneOf(self.outcome),
            "active_closer": self.active_closer.map(OneOf),
            "reset_by": self.reset_by.map(OneOf),
            "duration_ns": self.duration,
        });
    }
}

impl Put for TimeWait {
    fn put(&self, pen: &mut Pen) {
        object!(pen, {
            "endpoint": OneOf(self.endpoint),
            "start_frame": self.start_frame,
            "start": self.start,
            "start_certainty": OneOf(self.start_certainty),
            "restarts": self.restarts.as_slice(),
            "restart_count": self.restart_count,
            "nominal_end": self.nominal_end,
            "end": self.end,
            "end_kind": OneOf(self.end_kind),
            "alive_until": self.alive_until,
            "duration_ns": self.duration(),
        });
    }
}

impl Put for HalfOpen {
    fn put(&self, pen: &mut Pen) {
        object!(pen, {
            "start": self.start,
            "end": self.end,
            "end_kind": OneOf(self.end_kind),
            "syn_ack_retransmissions": self.syn_ack_retransmissions,
            "duration_ns": self.end.map(|end| end.since(self.start)),
        });
    }
}

/// What it cost beside its payload.
struct Overhead<'a>(&'a Record);

impl Put for Overhead<'_> {
    fn put(&self, pen: &mut Pen) {
        object!(pen, {
            "segments_without_payload": without_payload(self.0),
            "share": overhead_share(self.0).map(Share),
            "setup_ns": setup(self.0),
            "teardown_ns": self.0.close.duration,
        });
    }
}

impl Put for Visibility {
    fn put(&self, pen: &mut Pen) {
        object!(pen, {
            "both_directions": self.both_directions,
            "handshake_captured": self.handshake_captured,
            "midstream": self.midstream,
            "capture_loss": self.capture_loss,
            "duplicated": self.duplicated,
            "truncated_payload": self.truncated_payload,
            "offload": self.offload,
        });
    }
}

/// What Zeek would write: words and letters of its own.
struct Zeek<'a>(&'a Record);

impl Put for Zeek<'_> {
    fn put(&self, pen: &mut Pen) {
        object!(pen, {
            "conn_state": Plain(self.0.zeek_state),
            "history": Plain(&self.0.zeek_history),
        });
    }
}

/// Where to find it in Wireshark.
struct Wireshark<'a>(&'a Record, &'a Places);

impl Put for Wireshark<'_> {
    fn put(&self, pen: &mut Pen) {
        let Self(r, places) = self;
        let stream = r.stream.filter(|_| places.single());
        object!(pen, {
            "stream": stream,
            "completeness": r.completeness,
            "filter": Filter { stream, record: r, places },
        });
    }
}

/// The display filter of a connection; most have a stream number.
struct Filter<'a> {
    stream: Option<u32>,
    record: &'a Record,
    places: &'a Places,
}

impl Put for Filter<'_> {
    fn put(&self, pen: &mut Pen) {
        let Self { stream, record: r, places } = *self;
        if let Some(stream) = stream {
            pen.text("\"tcp.stream eq ");
            stream.put(pen);
            pen.text("\"");
            return;
        }
        let frames = places.within_one(&[r.id, r.last_frame]).and_then(|f| Some((*f.first()?, *f.last()?)));
        let ends = [r.endpoints.client, r.endpoints.server];
        Plain(&ConnectionFilter { stream, ends, frames }.to_string()).put(pen);
    }
}

/// The rules that spoke.
struct Rules<'a>(&'a [(Severity, &'static str)]);

impl Put for Rules<'_> {
    fn put(&self, pen: &mut Pen) {
        pen.list(self.0.iter().map(|(_, rule)| Plain(rule)));
    }
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;

    use serde::Serialize;

    use super::*;
    use crate::config::Config;
    use crate::engine::{Sink, analyze};
    use crate::output::document;
    use crate::report::{rules_of, sample};
    use crate::rules::Finding;
    use crate::source::{FileOptions, Files, Input};

    #[derive(Serialize)]
    #[serde(tag = "type", rename_all = "snake_case")]
    enum Plainly<'a> {
        Connection(&'a document::Connection<'a>),
        Finding(&'a document::Finding<'a>),
    }

    /// Writes each connection, and each finding, both ways.
    struct Both {
        line: Line,
        places: Places,
        compared: usize,
    }

    impl Both {
        fn new(path: &str) -> Self {
            let places = Places::new(&[Input { path: path.into(), ..Input::default() }]);
            Self { line: Line::default(), places, compared: 0 }
        }
    }

    impl Sink for Both {
        fn connection(&mut self, record: &Record, findings: &[Finding]) -> ControlFlow<()> {
            let rules = rules_of(findings);
            let plain = Plainly::Connection(&document::Connection::new(record, &rules, &self.places));
            let plain = serde_json::to_string(&plain).expect("a document");
            let line = self.line.connection(record, &rules, &self.places);
            assert_eq!(String::from_utf8_lossy(line), plain + "\n");
            self.compared += 1;
            findings.iter().try_for_each(|finding| self.finding(finding))
        }

        fn finding(&mut self, finding: &Finding) -> ControlFlow<()> {
            let plain = Plainly::Finding(&document::Finding::new(finding, &self.places));
            let plain = serde_json::to_string(&plain).expect("a document");
            let line = self.line.finding(finding, &self.places);
            assert_eq!(String::from_utf8_lossy(line), plain + "\n");
            ControlFlow::Continue(())
        }
    }

    #[test]
    fn a_line_is_what_serde_writes() {
        let mut both = Both::new("a \"file\" with\nall sorts\u{1}.pcap");
        let kinds = [sample::graceful(1), sample::half_open(1)];
        for record in kinds {
            let _ = both.connection(&record, &[sample::finding("HS002", 3)]);
            let _ = both.connection(&Record { stream: None, ..record }, &[]);
        }
        assert_eq!(both.compared, 4);
    }

    #[test]
    fn every_connection_of_every_sample_has_the_line_that_serde_writes() {
        let samples = concat!(env!("CARGO_MANIFEST_DIR"), "/samples");
        let mut compared = 0;
        for entry in std::fs::read_dir(samples).expect("samples") {
            let path = entry.expect("an entry").path();
            if path.extension().is_some_and(|e| e == "pcap" || e == "pcapng") {
                let mut both = Both::new(&path.to_string_lossy());
                let mut source = Files::open(vec![path], &FileOptions::default()).expect("a capture");
                analyze(&mut source, &Config::default(), &mut both);
                compared += both.compared;
            }
        }
        assert!(compared > 200, "only {compared} connections in samples");
    }
}
