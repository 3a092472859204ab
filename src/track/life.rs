//! `LifeTrack`: whether a connection is in use: pauses without payload, and what a silent peer leaves unanswered.

use super::connection::{Connection, Context};
use super::event::Fact;
use super::packed::fields;
use super::peer::Peer;
use crate::tcp::{Duration, Segment, SeqNumber, State, Timestamp};

/// The use that is made of a connection, so far.
#[derive(Clone, Copy, Debug, Default)]
pub struct LifeTrack {
    /// Since when no new payload passed: the latest, or the opening. `None` before both ends were open.
    pub quiet_since: Option<Timestamp>,
    /// Keep-alive probes of both ends since then.
    pub quiet_probes: u32,
    is_live: bool,
    was_live: bool,
    spoke: bool,
}

/// What one end sent again, or asked, since its peer last said anything.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unanswered {
    seq: SeqNumber,
    since: Timestamp,
    repeats: u32,
    probes: u32,
}

impl Default for Unanswered {
    fn default() -> Self {
        Self { seq: SeqNumber(0), since: Timestamp::MIN, repeats: 0, probes: 0 }
    }
}

impl Connection {
    /// A shorter pause is no fact: people and programs think for a second.
    const PAUSE: Duration = Duration::from_secs(1);

    /// A state changed: both ends are open now, or no longer.
    pub(super) fn note_live(&mut self, ctx: &mut Context<'_>) {
        let is_open = |p: &Peer| p.state.is_synchronized() && p.state != State::TimeWait;
        let is_live = self.ends.iter().all(is_open);
        if is_live == self.life.is_live {
            return;
        }
        self.life.is_live = is_live;
        if is_live {
            self.life.quiet_since.get_or_insert(ctx.at);
        }
        let client = self.client().unwrap_or(0);
        let spoke = self.life.spoke;
        let again = std::mem::replace(&mut self.life.was_live, true);
        let fact = if is_live { Fact::LifeBegan { spoke, again } } else { Fact::LifeEnded { spoke } };
        self.tell(ctx, client, fact);
    }

    /// The record is being made: nothing of the connection is in use after it.
    pub(super) fn end_life(&mut self, ctx: &mut Context<'_>) {
        if std::mem::take(&mut self.life.is_live) {
            let spoke = self.life.spoke;
            self.tell(ctx, self.client().unwrap_or(0), Fact::LifeEnded { spoke });
        }
    }

    /// A segment of `e` was taken in; `repeated` if it carried what had been there before.
    pub(super) fn note_life(&mut self, s: &Segment, e: usize, repeated: bool, ctx: &mut Context<'_>) {
        if self.ends[1 - e].unanswered.repeats + self.ends[1 - e].unanswered.probes > 0 {
            self.ends[1 - e].unanswered = Unanswered::default();
        }
        if s.payload_len > 0 && !self.life.spoke && !self.ends[e].last_was_keep_alive {
            self.life.spoke = true;
            if self.life.is_live {
                self.tell(ctx, e, Fact::FirstPayload);
            }
        }
        let closes = self.close.began == Some(s.time);
        if s.flags.rst() {
            if closes {
                self.note_pause(s, e, closes, ctx);
            }
        } else if self.ends[e].last_was_keep_alive {
            self.life.quiet_probes = self.life.quiet_probes.saturating_add(1);
            self.note_unanswered(s, e, false, ctx);
        } else if s.payload_len > 0 && repeated {
            self.note_unanswered(s, e, true, ctx);
        } else if closes || (s.payload_len > 0 && !self.ends[e].last_was_probe && !s.flags.syn()) {
            self.note_pause(s, e, closes, ctx);
        }
    }

    /// Payload again, or the begin of the close, which ends the last pause.
    fn note_pause(&mut self, s: &Segment, e: usize, closes: bool, ctx: &mut Context<'_>) {
        let Some(since) = self.life.quiet_since else { return };
        let (lasted, keep_alives) = (s.time.since(since), self.life.quiet_probes);
        self.life.quiet_since = Some(since.max(s.time));
        self.life.quiet_probes = 0;
        if lasted >= Self::PAUSE && (closes || self.close.began.is_none()) {
            let all = self.ends[0].flow.payload_bytes + self.ends[1].flow.payload_bytes;
            let is_first = all > 0 && all == u64::from(s.payload_len);
            let payload = [0, 1].map(|end: usize| clamped(self.ends[end].flow.payload_bytes));
            self.tell(ctx, 0, Fact::Idle { lasted, keep_alives, is_first, by: e as u8, payload });
        }
    }

    /// `e` sends payload again, or a keep-alive probe, and its peer said nothing since the last.
    fn note_unanswered(&mut self, s: &Segment, e: usize, payload: bool, ctx: &mut Context<'_>) {
        let began = self.ends[e].last_sent.unwrap_or(s.time);
        let u = &mut self.ends[e].unanswered;
        let goes_on = u.seq == s.seq && u.repeats + u.probes > 0;
        if !goes_on {
            // A probe asks for an answer itself; a repetition began with what it repeats.
            *u =
                Unanswered { seq: s.seq, since: if payload { began } else { s.time }, repeats: 0, probes: 0 };
        }
        u.repeats += u32::from(payload);
        u.probes += u32::from(!payload);
        let (repeats, probes, lasted) = (u.repeats, u.probes, s.time.since(u.since));
        if goes_on {
            self.tell(ctx, e, Fact::Unanswered { repeats, probes, lasted });
        }
    }
}

fn clamped(bytes: u64) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

fields!(LifeTrack { small [is_live was_live spoke] row [quiet_since: 5] row [quiet_probes: 0] part [] });
fields!(Unanswered { small [] row [seq: 3 since: 5 repeats: 1 probes: 1] part [] });
