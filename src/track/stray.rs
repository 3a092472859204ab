//! A connection that begins with something else than a SYN: a pick-up in the middle, or a segment of nothing at all.

use super::connection::{Connection, Context};
use super::event::Fact;
use crate::tcp::{Flags, Segment};

/// Whether anything followed that explains the first segment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Stray {
    /// It began with a SYN, or something followed.
    Explained,
    /// Only its first end spoke so far, and said nothing that an open connection would say.
    Alone {
        /// The first segment was a SYN+ACK.
        answers: bool,
    },
}

impl Stray {
    /// Of a connection's first segment.
    pub fn of(s: &Segment) -> Self {
        if s.flags.syn() && !s.flags.ack() { Self::Explained } else { Self::Alone { answers: s.flags.syn() } }
    }
}

impl Connection {
    /// A further segment tells what the first one was.
    pub(super) fn note_stray(&mut self, s: &Segment, e: usize, ctx: &mut Context<'_>) {
        let Stray::Alone { answers } = self.stray else { return };
        if self.id == s.packet {
            return;
        }
        let again = e == 0 && (s.flags.rst() || (answers && s.flags.has(Flags::SYN | Flags::ACK)));
        if again {
            self.tell(ctx, e, Fact::StrayAgain);
        } else {
            self.stray = Stray::Explained;
            self.tell(ctx, e, Fact::StrayFollowed { by_receiver: e != 0, reset: s.flags.rst() });
        }
    }
}
