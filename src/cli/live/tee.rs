//! `Tee`: several sinks as one; each hears what it asked for.

use std::ops::ControlFlow;

use crate::engine::{Ask, Client, Happening, Happenings, Host, Listener, Moment, Sink, TakenSegment, Wishes};
use crate::rules::Finding;
use crate::tcp::Timestamp;
use crate::track::Record;

/// Passes everything on; the first sink that wants no more ends it for all.
pub struct Tee<'a, 'b> {
    sinks: &'a mut [&'b mut dyn Sink],
    /// Which of them have asked how things stand.
    asked: Vec<bool>,
}

impl<'a, 'b> Tee<'a, 'b> {
    /// One sink out of these.
    pub fn new(sinks: &'a mut [&'b mut dyn Sink]) -> Self {
        Self { asked: vec![false; sinks.len()], sinks }
    }

    fn each(&mut self, mut tell: impl FnMut(&mut dyn Sink) -> ControlFlow<()>) -> ControlFlow<()> {
        self.sinks.iter_mut().try_for_each(|sink| tell(*sink))
    }

    /// Only those that wish for it.
    fn wishing(
        &mut self,
        wish: impl Fn(Wishes) -> bool,
        mut tell: impl FnMut(&mut dyn Sink) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        self.each(|sink| if wish(sink.wishes()) { tell(sink) } else { ControlFlow::Continue(()) })
    }
}

impl Sink for Tee<'_, '_> {
    fn connection(&mut self, record: &Record, findings: &[Finding]) -> ControlFlow<()> {
        self.each(|sink| sink.connection(record, findings))
    }

    fn finding(&mut self, finding: &Finding) -> ControlFlow<()> {
        self.each(|sink| sink.finding(finding))
    }

    fn listener(&mut self, listener: &Listener) -> ControlFlow<()> {
        self.each(|sink| sink.listener(listener))
    }

    fn client(&mut self, client: &Client) -> ControlFlow<()> {
        self.each(|sink| sink.client(client))
    }

    fn host(&mut self, host: &Host) -> ControlFlow<()> {
        self.each(|sink| sink.host(host))
    }

    fn wishes(&self) -> Wishes {
        self.sinks.iter().map(|s| s.wishes()).fold(Wishes::default(), |a, b| Wishes {
            segments: a.segments || b.segments,
            happenings: a.happenings.max(b.happenings),
            drafts: a.drafts || b.drafts,
        })
    }

    fn segment(&mut self, taken: &TakenSegment) -> ControlFlow<()> {
        self.wishing(|w| w.segments, |sink| sink.segment(taken))
    }

    fn happening(&mut self, happening: &Happening) -> ControlFlow<()> {
        self.wishing(|w| w.happenings > Happenings::None, |sink| sink.happening(happening))
    }

    fn draft(&mut self, finding: &Finding) -> ControlFlow<()> {
        self.wishing(|w| w.drafts, |sink| sink.draft(finding))
    }

    fn asks(&mut self, clock: Timestamp) -> Ask {
        let mut most = Ask::Nothing;
        for (sink, asked) in self.sinks.iter_mut().zip(&mut self.asked) {
            let ask = sink.asks(clock);
            *asked |= ask > Ask::Nothing;
            most = most.max(ask);
        }
        most
    }

    fn moment(&mut self, moment: &Moment<'_>) -> ControlFlow<()> {
        self.sinks.iter_mut().zip(&mut self.asked).try_for_each(|(sink, asked)| {
            if std::mem::take(asked) { sink.moment(moment) } else { ControlFlow::Continue(()) }
        })
    }

    fn progress(&mut self, packets: u64) -> ControlFlow<()> {
        self.each(|sink| sink.progress(packets))
    }
}
