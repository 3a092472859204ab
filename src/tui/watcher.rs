//! `Watcher`: the sink that leaves a view for the screen at each moment.

use std::ops::ControlFlow;
use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};

use super::view::View;
use crate::engine::{Ask, Moment, Sink, Wishes};
use crate::output::Pace;
use crate::rules::Finding;
use crate::source::Written;
use crate::tcp::Timestamp;

/// Keeps a view up to date and hands over copies. A screen that is slow gets fewer.
pub struct Watcher {
    view: View,
    syns: u64,
    pace: Pace,
    views: Sender<Box<View>>,
}

impl Watcher {
    /// A watcher and where its views come out.
    pub fn new(interfaces: String, written: Option<Arc<Written>>, pace: Pace) -> (Self, Receiver<Box<View>>) {
        let (sender, receiver) = bounded(1);
        let view = View { interfaces, written, ..View::default() };
        (Self { view, syns: 0, pace, views: sender }, receiver)
    }
}

impl Sink for Watcher {
    fn wishes(&self) -> Wishes {
        Wishes { drafts: true, ..Wishes::default() }
    }

    fn draft(&mut self, finding: &Finding) -> ControlFlow<()> {
        self.view.hear(finding);
        ControlFlow::Continue(())
    }

    fn finding(&mut self, finding: &Finding) -> ControlFlow<()> {
        self.view.hear(finding);
        ControlFlow::Continue(())
    }

    fn asks(&mut self, clock: Timestamp) -> Ask {
        self.pace.asks(clock, Ask::Connections)
    }

    fn moment(&mut self, moment: &Moment<'_>) -> ControlFlow<()> {
        self.view.update(moment, self.syns);
        self.syns = moment.syns;
        match self.views.try_send(Box::new(self.view.clone())) {
            Ok(()) | Err(TrySendError::Full(_)) => ControlFlow::Continue(()),
            Err(TrySendError::Disconnected(_)) => ControlFlow::Break(()),
        }
    }
}
