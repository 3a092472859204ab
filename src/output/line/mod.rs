//! `Line`: the line of a connection, a finding, a client or a host, written at once. What it must be is
//! `document::Connection` and so on, to which tests hold it equal byte for byte; this is the same for a sixth of the
//! instructions, because a capture has many of them.

mod client;
mod course;
mod figures;
mod finding;
mod flow;
mod host;
mod known;
mod pen;
mod steps;

use super::community::{CommunityId, community_id};
use super::document::Places;
use super::wireshark::{ConnectionFilter, Piece};
use crate::engine::{Client, Host};
use crate::report::{overhead_share, setup, without_payload};
use crate::rules::{self, Severity};
use crate::track::{Ends, Record, Roles, Visibility};
use pen::{OneOf, Pen, Plain, Put, Raw, Share, begin, block, fields, object};

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

    /// The line, with its end, of a client.
    pub fn client(&mut self, client: &Client) -> &[u8] {
        self.pen.clear();
        client::write(&mut self.pen, client);
        self.pen.text("\n");
        self.pen.bytes()
    }

    /// The line, with its end, of a host.
    pub fn host(&mut self, host: &Host) -> &[u8] {
        self.pen.clear();
        host::write(&mut self.pen, host);
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
    begin!(pen, {
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
    });
    put_end(pen, r);
    fields!(pen, {
        "transitions": r.transitions.as_slice(),
        "transitions_dropped": r.transitions_dropped,
        "open": r.open,
        "close": r.close,
    });
    put_course(pen, r);
    fields!(pen, {
        "overhead": Overhead(r),
        "visibility": r.visibility,
        "to_server": r.sent.client,
        "to_client": r.sent.server,
        "zeek": Zeek(r),
        "wireshark": Wireshark(r, places),
        "community_id": community_id(r.endpoints.client, r.endpoints.server),
        "findings": Rules(rules),
    });
    pen.text("}");
}

/// Why it ended, and where its ends stood then.
fn put_end(pen: &mut Pen, r: &Record) {
    let (state, certainty) = (r.state, r.certainty);
    let states = [state.client as u8, state.server as u8];
    let certainties = [certainty.client as u8, certainty.server as u8];
    let key = [block::END, r.ended as u8, states[0], states[1], certainties[0], certainties[1], 0, 0];
    pen.block(key, |pen| {
        fields!(pen, {
            "ended": OneOf(r.ended),
            "state": words(state),
            "certainty": words(certainty),
        });
    });
}

/// What came between opening and close: nothing, of an attempt that failed.
fn put_course(pen: &mut Pen, r: &Record) {
    if r.time_wait.is_empty() && r.half_open.is_none() && r.half_closed.is_none() && r.exchanges == 0 {
        pen.text(",\"time_wait\":[],\"half_open\":null,\"half_closed_ns\":null,\"exchanges\":0");
    } else {
        fields!(pen, {
            "time_wait": r.time_wait.as_slice(),
            "half_open": r.half_open,
            "half_closed_ns": r.half_closed,
            "exchanges": r.exchanges,
        });
    }
    fields!(pen, { "class": r.class.map(OneOf) });
}

fn words<T: Copy>(ends: Ends<T>) -> Ends<OneOf<T>> {
    Ends { client: OneOf(ends.client), server: OneOf(ends.server) }
}

impl Put for CommunityId {
    fn put(&self, pen: &mut Pen) {
        pen.text("\"");
        pen.raw(self.as_bytes());
        pen.text("\"");
    }
}

impl<T: Put> Put for Ends<T> {
    fn put(&self, pen: &mut Pen) {
        object!(pen, { "client": self.client, "server": self.server });
    }
}

impl Put for Roles {
    fn put(&self, pen: &mut Pen) {
        pen.block([block::ROLES, self.from as u8, self.confidence as u8, 0, 0, 0, 0, 0], |pen| {
            object!(pen, { "from": OneOf(self.from), "confidence": OneOf(self.confidence) });
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
        let Self { both_directions, handshake_captured, midstream, .. } = *self;
        let signs = [both_directions, handshake_captured, midstream, self.capture_loss];
        let [a, b, c, d] = signs.map(u8::from);
        let [e, f, g] = [self.duplicated, self.truncated_payload, self.offload].map(u8::from);
        pen.block([block::VISIBILITY, a, b, c, d, e, f, g], |pen| {
            object!(pen, {
                "both_directions": both_directions,
                "handshake_captured": handshake_captured,
                "midstream": midstream,
                "capture_loss": self.capture_loss,
                "duplicated": self.duplicated,
                "truncated_payload": self.truncated_payload,
                "offload": self.offload,
            });
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

/// The display filter of a connection.
struct Filter<'a> {
    stream: Option<u32>,
    record: &'a Record,
    places: &'a Places,
}

impl Put for Filter<'_> {
    fn put(&self, pen: &mut Pen) {
        let Self { stream, record: r, places } = *self;
        let within =
            || places.within_one(&[r.id, r.last_frame]).and_then(|f| Some((*f.first()?, *f.last()?)));
        let frames = if stream.is_none() { within() } else { None };
        let ends = [r.endpoints.client, r.endpoints.server];
        pen.text("\"");
        ConnectionFilter { stream, ends, frames }.pieces(&mut |piece| match piece {
            Piece::Text(text) => pen.text(text),
            Piece::Addr(addr) => pen.addr(addr),
            Piece::Number(number) => number.put(pen),
        });
        pen.text("\"");
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
        Client(&'a document::Client),
        Host(&'a document::Host),
    }

    fn plain(document: &Plainly<'_>) -> String {
        serde_json::to_string(document).expect("a document") + "\n"
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
            let document = document::Connection::new(record, &rules, &self.places);
            let line = self.line.connection(record, &rules, &self.places);
            assert_eq!(String::from_utf8_lossy(line), plain(&Plainly::Connection(&document)));
            self.compared += 1;
            findings.iter().try_for_each(|finding| self.finding(finding))
        }

        fn finding(&mut self, finding: &Finding) -> ControlFlow<()> {
            let document = document::Finding::new(finding, &self.places);
            let line = self.line.finding(finding, &self.places);
            assert_eq!(String::from_utf8_lossy(line), plain(&Plainly::Finding(&document)));
            ControlFlow::Continue(())
        }

        fn client(&mut self, client: &Client) -> ControlFlow<()> {
            let line = self.line.client(client);
            assert_eq!(String::from_utf8_lossy(line), plain(&Plainly::Client(&client.into())));
            ControlFlow::Continue(())
        }

        fn host(&mut self, host: &Host) -> ControlFlow<()> {
            let line = self.line.host(host);
            assert_eq!(String::from_utf8_lossy(line), plain(&Plainly::Host(&host.into())));
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
