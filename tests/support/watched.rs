//! `Watched`: what goes on while packets come, as a live capture is asked for it: once a second.

use std::ops::ControlFlow;

use tcpscope::config::Config;
use tcpscope::engine::{self, Ask, Glimpse, Moment, Sink, Wishes};
use tcpscope::error::Error;
use tcpscope::rules::Finding;
use tcpscope::source::{Input, Next, Packet, Source};
use tcpscope::tcp::{Duration, Timestamp};
use tcpscope::track::Record;

use super::frames::Frame;

/// Frames that come as from an interface: between those of one second and of the next there is a pause.
struct Paced {
    frames: std::vec::IntoIter<Frame>,
    next: Option<Frame>,
    current: Vec<u8>,
    clock: Option<Timestamp>,
    number: u64,
    input: Input,
}

const SECOND: Duration = Duration::from_secs(1);

impl Source for Paced {
    fn next(&mut self) -> Result<Next<'_>, Error> {
        let Some(frame) = self.next.take().or_else(|| self.frames.next()) else { return Ok(Next::End) };
        let clock = *self.clock.get_or_insert(frame.time);
        if frame.time >= clock + SECOND {
            self.clock = Some(clock + SECOND);
            self.next = Some(frame);
            return Ok(Next::Idle(clock + SECOND));
        }
        self.number += 1;
        self.current = frame.bytes;
        let (number, wire_len) = (self.number, self.current.len() as u32);
        Ok(Next::Packet(Packet { number, time: frame.time, link: frame.link, wire_len, data: &self.current }))
    }

    fn inputs(&self) -> &[Input] {
        std::slice::from_ref(&self.input)
    }
}

/// All that was said.
#[derive(Debug, Default)]
pub struct Watched {
    /// What went on at each moment.
    pub going_on: Vec<(Timestamp, Vec<Finding>)>,
    /// Connections as they stood at the latest moment.
    pub stood: Vec<Glimpse>,
    /// What was said for good.
    pub findings: Vec<Finding>,
    latest: Option<Timestamp>,
}

impl Watched {
    /// Of frames in the order of time.
    pub fn of(frames: Vec<Frame>, config: &Config) -> Self {
        let mut source = Paced {
            frames: frames.into_iter(),
            next: None,
            current: Vec::new(),
            clock: None,
            number: 0,
            input: Input::default(),
        };
        let mut watched = Self::default();
        engine::analyze(&mut source, config, &mut watched);
        watched
    }

    /// The rules that named something going on at a moment, with its key, and when they first and last did.
    pub fn spans(&self) -> Vec<(&'static str, String, Timestamp, Timestamp)> {
        let mut spans: Vec<(&'static str, String, Timestamp, Timestamp)> = Vec::new();
        for (at, all) in &self.going_on {
            for finding in all {
                let key = finding.key.clone().unwrap_or_default();
                match spans.iter_mut().find(|s| s.0 == finding.rule && s.1 == key) {
                    Some(span) => span.3 = *at,
                    None => spans.push((finding.rule, key, *at, *at)),
                }
            }
        }
        spans
    }
}

impl Sink for Watched {
    fn wishes(&self) -> Wishes {
        Wishes { drafts: true, ..Wishes::default() }
    }

    fn connection(&mut self, _: &Record, findings: &[Finding]) -> ControlFlow<()> {
        self.findings.extend_from_slice(findings);
        ControlFlow::Continue(())
    }

    fn finding(&mut self, finding: &Finding) -> ControlFlow<()> {
        self.findings.push(finding.clone());
        ControlFlow::Continue(())
    }

    fn asks(&mut self, clock: Timestamp) -> Ask {
        if self.latest.is_some_and(|latest| clock < latest + SECOND) {
            return Ask::Nothing;
        }
        self.latest = Some(clock);
        Ask::Connections
    }

    fn moment(&mut self, moment: &Moment<'_>) -> ControlFlow<()> {
        self.going_on.push((moment.clock, moment.going_on.to_vec()));
        self.stood = moment.connections.to_vec();
        ControlFlow::Continue(())
    }
}
