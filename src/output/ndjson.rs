//! `--format ndjson`: a sink that writes one object a line as things end; memory does not grow with the capture.

use std::io::{self, Write};
use std::ops::ControlFlow;

use schemars::JsonSchema;
use serde::Serialize;

use super::document::{self, Places, Summary};
use super::line;
use super::live::{EventLine, MomentLine, Pace};
use crate::engine::{self, Ask, Happening, Happenings, Moment, Sink, Wishes};
use crate::report::rules_of;
use crate::rules::Finding;
use crate::source::Input;
use crate::tcp::Timestamp;
use crate::track::Record;

/// Writes lines. Connections and findings come in the order in which they end and are found; listeners, clients,
/// holders of TIME_WAIT, inputs and the summary come last, because only then their counts are known.
pub struct Lines<W: Write> {
    out: W,
    /// The line in the making: serialized in memory and written at once, which takes half the time.
    line: Vec<u8>,
    /// Writes those of connections, findings, clients and hosts.
    lines: line::Line,
    places: Places,
    /// Set for a live capture: happenings and drafts are written too, and how things stand at this pace.
    pace: Option<Pace>,
    failure: Option<io::Error>,
}

/// One line.
#[derive(Serialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Line<'a> {
    /// A connection that has ended, or was open at the end.
    #[allow(dead_code, reason = "`line::Line` writes these, faster; here they are described")]
    Connection(&'a document::Connection<'a>),
    /// A finding, for good.
    #[allow(dead_code, reason = "`line::Line` writes these, faster; here they are described")]
    Finding(&'a document::Finding<'a>),
    /// Live: something happened to a connection.
    Event(&'a EventLine),
    /// Live: a finding about a connection that has not ended. Its words and numbers may change, and it may be withdrawn,
    /// until it comes as `finding` with its connection.
    Draft(&'a document::Finding<'a>),
    /// Live: how things stand, in intervals and when SIGUSR1 asks.
    Moment(&'a MomentLine<'a>),
    /// What happened at one address and port that connections were opened to; at the end.
    Listener(&'a document::Listener<'a>),
    /// What one address did as a client; at the end.
    #[allow(dead_code, reason = "`line::Line` writes these, faster; here they are described")]
    Client(&'a document::Client),
    /// The TIME_WAITs that one address held; at the end.
    #[allow(dead_code, reason = "`line::Line` writes these, faster; here they are described")]
    Host(&'a document::Host),
    /// What was read; at the end.
    Input(&'a document::Input<'a>),
    /// Counts over all that was read; the last line.
    Summary(&'a Summary),
}

impl<W: Write> Lines<W> {
    /// Lines about inputs of these names; with several, nobody knows while reading which frame is in which.
    pub fn new(out: W, names: &[std::path::PathBuf]) -> Self {
        let places = match names {
            [name] => Places::new(&[Input { path: name.clone(), ..Input::default() }]),
            _ => Places::default(),
        };
        Self { out, line: Vec::new(), lines: line::Line::default(), places, pace: None, failure: None }
    }

    /// Also writes what happens when it happens, and how things stand at this pace; holds no line back.
    #[must_use]
    pub fn live(mut self, pace: Pace) -> Self {
        self.pace = Some(pace);
        self
    }

    /// Writes what is known at the end.
    ///
    /// # Errors
    /// The writer's: now, or earlier, when it made the analysis stop.
    pub fn finish(mut self, inputs: &[Input], summary: &engine::Summary) -> io::Result<()> {
        if let Some(failure) = self.failure {
            return Err(failure);
        }
        for input in inputs {
            write(&mut self.out, &mut self.line, &Line::Input(&input.into()))?;
        }
        write(&mut self.out, &mut self.line, &Line::Summary(&Summary::new(summary)))?;
        self.out.flush()
    }

    fn keep(&mut self, written: io::Result<()>) -> ControlFlow<()> {
        match written {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                self.failure.get_or_insert(error);
                ControlFlow::Break(())
            }
        }
    }
}

impl<W: Write> Sink for Lines<W> {
    fn wishes(&self) -> Wishes {
        match self.pace {
            Some(_) => Wishes { happenings: Happenings::All, drafts: true, segments: false },
            None => Wishes::default(),
        }
    }

    fn happening(&mut self, happening: &Happening) -> ControlFlow<()> {
        let written = write(&mut self.out, &mut self.line, &Line::Event(&EventLine::new(happening)));
        self.keep(written)
    }

    fn draft(&mut self, finding: &Finding) -> ControlFlow<()> {
        let document = document::Finding::new(finding, &self.places);
        let written = write(&mut self.out, &mut self.line, &Line::Draft(&document));
        self.keep(written)
    }

    fn asks(&mut self, clock: Timestamp) -> Ask {
        self.pace.as_mut().map_or(Ask::Nothing, |pace| pace.asks(clock, Ask::Figures))
    }

    fn moment(&mut self, moment: &Moment<'_>) -> ControlFlow<()> {
        let line = MomentLine::new(moment, &self.places);
        let written = write(&mut self.out, &mut self.line, &Line::Moment(&line));
        self.keep(written)
    }

    fn progress(&mut self, _packets: u64) -> ControlFlow<()> {
        match self.pace {
            Some(_) => {
                let flushed = self.out.flush();
                self.keep(flushed)
            }
            None => ControlFlow::Continue(()),
        }
    }

    fn connection(&mut self, record: &Record, findings: &[Finding]) -> ControlFlow<()> {
        let rules = rules_of(findings);
        let written = self.out.write_all(self.lines.connection(record, &rules, &self.places));
        self.keep(written)?;
        findings.iter().try_for_each(|finding| self.finding(finding))
    }

    fn finding(&mut self, finding: &Finding) -> ControlFlow<()> {
        let written = self.out.write_all(self.lines.finding(finding, &self.places));
        self.keep(written)
    }

    fn listener(&mut self, listener: &engine::Listener) -> ControlFlow<()> {
        let written = write(&mut self.out, &mut self.line, &Line::Listener(&listener.into()));
        self.keep(written)
    }

    fn client(&mut self, client: &engine::Client) -> ControlFlow<()> {
        let written = self.out.write_all(self.lines.client(client));
        self.keep(written)
    }

    fn host(&mut self, host: &engine::Host) -> ControlFlow<()> {
        let written = self.out.write_all(self.lines.host(host));
        self.keep(written)
    }
}

fn write(out: &mut impl Write, text: &mut Vec<u8>, line: &Line<'_>) -> io::Result<()> {
    text.clear();
    super::compact::append(text, line)?;
    text.push(b'\n');
    out.write_all(text)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::report::sample;

    #[test]
    fn every_line_says_what_it_is() {
        let mut bytes = Vec::new();
        let mut lines = Lines::new(&mut bytes, &["a.pcap".into()]);
        let _ = lines.connection(&sample::graceful(1), &[sample::finding("HS002", 3)]);
        lines.finish(&sample::inputs(), &sample::summary()).expect("memory takes all");
        let text = String::from_utf8(bytes).expect("UTF-8");
        let lines: Vec<Value> = text.lines().map(|l| serde_json::from_str(l).expect("JSON")).collect();
        let types: Vec<_> = lines.iter().filter_map(|l| l["type"].as_str()).collect();
        assert_eq!(types, ["connection", "finding", "input", "summary"]);
        assert_eq!(lines[0]["id"], 1);
        assert_eq!(lines[0]["wireshark"]["filter"], "tcp.stream eq 0");
        assert_eq!(lines[1]["file"], "a.pcap");
    }

    #[test]
    fn a_writer_that_fails_stops_the_analysis() {
        struct Closed;
        impl Write for Closed {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let mut lines = Lines::new(Closed, &[]);
        assert!(lines.connection(&sample::graceful(1), &[]).is_break());
        let error = lines.finish(&[], &sample::summary()).expect_err("it failed");
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
    }
}
