//! `Signs`: what of a connection looks as if another host had sent it: RSTs, and guesses at its numbers (tcp.md §5.3).
//!
//! Facts only, and only of a connection that shows some; which of them prove what is for rules to tell.

use super::connection::Connection;
use super::packed::{Plain, Small};
use super::peer::Peer;
use super::rings::Kept;
use crate::tcp::{Duration, Endpoint, Segment, SeqNumber, Timestamp};

/// What looks forged in one connection.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Signs {
    /// RSTs that came together: the latest such, or the one whose sender went on.
    pub resets: Option<ResetBurst>,
    /// RSTs that their receiver does not act on.
    pub reset_guesses: Option<Box<Guesses>>,
    /// SYNs with new numbers in the midst of the connection.
    pub syn_guesses: Option<Box<Guesses>>,
    /// Payload inside the window whose acknowledgment its receiver refuses (RFC 5961 §5).
    pub blind_data: Option<Box<Guesses>>,
    /// Payload outside the window.
    pub stray_data: Option<Box<Guesses>>,
    /// Payload sent again with other bytes, by what looks like another host.
    pub replaced: Option<Replaced>,
    /// Payload with another length in the place of other payload, where the two headers differ.
    pub overlaid: Option<Overlaid>,
}

/// RSTs that one end sent within [`ResetBurst::MOMENT`] of each other, beside what it sent otherwise.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ResetBurst {
    /// Who sent them, as their addresses say.
    pub sender: Endpoint,
    /// How many.
    pub count: u32,
    /// The packets, the first four; 0 where there are fewer.
    pub frames: [u64; 4],
    /// When the first came.
    pub at: Timestamp,
    /// When the latest came.
    pub last: Timestamp,
    /// Sequence number of the first.
    pub seq: SeqNumber,
    /// One of them was acceptable to its receiver.
    pub is_exact: bool,
    /// The first carries the ACK flag, as an application's abort does (tcp.md M17).
    pub with_ack: bool,
    /// The first answers a segment of its receiver as a stack without a socket does: no ACK flag, IP id 0 (M3, M17).
    pub is_reply: bool,
    /// TTL of the first.
    pub ttl: u8,
    /// TTL of the first less the one that most segments of its sender have; 0 where its sender's first segment had it.
    pub ttl_step: Option<i16>,
    /// IP id of the first less its sender's last, where its sender counts them up.
    pub id_step: Option<i16>,
    /// Since the SYN+ACK, or since a request of the client, when that was the last that passed.
    pub after_request: Option<Duration>,
    /// It is lower than what its sender had sent before.
    pub is_late: bool,
    /// Its receiver has acknowledged since what the sender had sent beyond it.
    pub is_overtaken: bool,
    /// Each is a multiple of a full segment (1460 bytes) ahead of the first.
    pub steps_ahead: bool,
    /// Each has the numbers of the one before and a window one larger.
    pub counts_windows: bool,
    /// They acknowledge different numbers.
    pub acks_differ: bool,
    /// After this time its sender went on with the connection.
    pub went_on: Option<Duration>,
    latest: (SeqNumber, SeqNumber, u16),
}

/// Segments that try one number after the other.
#[derive(Clone, Debug, PartialEq)]
pub struct Guesses {
    /// Who sent the first, as its addresses say.
    pub sender: Endpoint,
    /// How many.
    pub count: u32,
    /// Of these, ones whose number was not among the last four.
    pub distinct: u32,
    /// Of these, ones as far from the one before as that was from its own.
    pub even_steps: u32,
    /// From the last one to the one before.
    pub step: i32,
    /// When the first came.
    pub at: Timestamp,
    /// When the latest came.
    pub last: Timestamp,
    /// The shortest time in which three different ones came.
    pub three_within: Option<Duration>,
    /// The first ones' packets.
    pub frames: Vec<u64>,
    /// Those that the receiver answered with a challenge ACK (RFC 5961 §3, §4).
    pub challenges: u32,
    /// The last four that differ, the latest first.
    latest: [Option<(SeqNumber, Timestamp)>; 4],
    is_answered: bool,
}

/// Payload that took the place of other payload.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Replaced {
    /// Who sent it, as its addresses say.
    pub sender: Endpoint,
    /// The packet of the first, and of the other one.
    pub frames: [u64; 2],
    /// When the other one came.
    pub at: Timestamp,
    /// Its sequence number.
    pub seq: SeqNumber,
    /// Bytes.
    pub len: u32,
    /// Its TTL less the one that most segments of its sender have.
    pub ttl_step: Option<i16>,
    /// Its IP id less its sender's last, where its sender counts them up.
    pub id_step: Option<i16>,
}

/// Two segments with payload that begin at one number and have other lengths: what else differs?
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Overlaid {
    /// Who sent them, as their addresses say.
    pub sender: Endpoint,
    /// Their packets.
    pub frames: [u64; 2],
    /// When the second came.
    pub at: Timestamp,
    /// Where they begin.
    pub seq: SeqNumber,
    /// Their lengths, bytes.
    pub lens: [u32; 2],
    /// TTL of the second less that of the first.
    pub ttl_step: i16,
    /// IP id of the second less that of the first, where both have one.
    pub id_step: Option<i16>,
    /// One has timestamps, the other has none.
    pub timestamps_differ: bool,
}

/// What most segments of one end have in their IP headers.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usual {
    ttl: u8,
    votes: u8,
    id: u16,
    /// Steps of the IP id in a row that were small and forward.
    regular: u8,
}

impl Usual {
    /// IP ids that are further apart than this are not of one count (tcp.md §5.3, AT012).
    pub const ID_NEAR: i16 = 1000;
    /// Small steps in a row that make a count.
    const ID_REGULAR: u8 = 2;

    /// Takes in a segment without RST. The TTL is the majority's (Boyer and Moore).
    #[inline]
    pub(super) fn note(&mut self, s: &Segment) {
        if self.votes == 0 {
            self.ttl = s.ip.ttl;
        }
        self.votes =
            if self.ttl == s.ip.ttl { self.votes.saturating_add(1) } else { self.votes.saturating_sub(1) };
        if let Some(id) = s.ip.id.filter(|id| *id != 0) {
            let step = id.wrapping_sub(self.id) as i16;
            let near = self.id != 0 && (0..=Self::ID_NEAR).contains(&step);
            self.regular = if near { self.regular.saturating_add(1) } else { 0 };
            self.id = id;
        }
    }

    /// TTL of a segment less the usual one.
    pub fn ttl_step(&self, s: &Segment) -> Option<i16> {
        self.ttl_step_of(s.ip.ttl)
    }

    /// A TTL less the usual one.
    fn ttl_step_of(&self, ttl: u8) -> Option<i16> {
        (self.votes > 0).then(|| i16::from(ttl) - i16::from(self.ttl))
    }

    /// IP id of a segment less the last one, where both mean anything.
    pub fn id_step(&self, s: &Segment) -> Option<i16> {
        let id = s.ip.id.filter(|id| *id != 0)?;
        (self.regular >= Self::ID_REGULAR).then(|| id.wrapping_sub(self.id) as i16)
    }
}

impl ResetBurst {
    /// RSTs this close come from one cause (tcp.md §5.3, AT012).
    pub const MOMENT: Duration = Duration::from_millis(50);
    /// A full segment on Ethernet: the step of injectors that guess ahead (Weaver, Sommer, Paxson: NDSS 2009).
    const FULL: i32 = 1460;

    fn new(s: &Segment, sender: &Peer, receiver: &Peer, is_exact: bool) -> Self {
        let reached = if sender.space.known() { sender.space.max() } else { s.seq };
        let answers = receiver.acks.contains(s.seq);
        Self {
            sender: s.src,
            count: 1,
            frames: [s.packet, 0, 0, 0],
            at: s.time,
            last: s.time,
            seq: s.seq,
            is_exact,
            with_ack: s.flags.ack(),
            is_reply: !s.flags.ack() && answers && s.ip.id.is_none_or(|id| id == 0),
            ttl: s.ip.ttl,
            // A proxy that opens a connection in a host's name may well reset it.
            ttl_step: sender
                .usual
                .ttl_step(s)
                .map(|step| if sender.ttl == Some(s.ip.ttl) { 0 } else { step }),
            id_step: sender.usual.id_step(s),
            after_request: None,
            is_late: is_exact && s.seq.before(reached - 1),
            is_overtaken: false,
            steps_ahead: false,
            counts_windows: false,
            acks_differ: false,
            went_on: None,
            latest: (s.seq, s.ack, s.window),
        }
    }

    fn add(&mut self, s: &Segment, is_exact: bool) {
        let (seq, ack, window) = self.latest;
        let ahead = s.seq.distance(self.seq);
        let is_step = ahead > 0 && ahead % Self::FULL == 0;
        let counts = s.seq == seq && s.ack == ack && s.window == window.wrapping_add(1);
        self.steps_ahead = is_step && (self.count == 1 || self.steps_ahead);
        self.counts_windows = counts && (self.count == 1 || self.counts_windows);
        self.acks_differ |= s.flags.ack() && self.with_ack && s.ack != ack;
        if let Some(frame) = self.frames.get_mut(self.count as usize) {
            *frame = s.packet;
        }
        self.count = self.count.saturating_add(1);
        self.last = s.time;
        self.is_exact |= is_exact;
        self.latest = (s.seq, s.ack, s.window);
    }
}

impl Guesses {
    const FRAMES_KEPT: usize = 8;

    fn new(s: &Segment) -> Self {
        Self {
            sender: s.src,
            count: 0,
            distinct: 0,
            even_steps: 0,
            step: 0,
            at: s.time,
            last: s.time,
            three_within: None,
            frames: Vec::new(),
            challenges: 0,
            latest: [None; 4],
            is_answered: false,
        }
    }

    fn add(&mut self, s: &Segment) {
        self.count = self.count.saturating_add(1);
        self.last = s.time;
        self.is_answered = false;
        if self.frames.len() < Self::FRAMES_KEPT {
            self.frames.push(s.packet);
        }
        if self.latest.iter().flatten().any(|(seq, _)| *seq == s.seq) {
            return;
        }
        self.distinct = self.distinct.saturating_add(1);
        if let [Some((seq, _)), ..] = self.latest {
            let step = s.seq.distance(seq);
            self.even_steps = self.even_steps.saturating_add(u32::from(step == self.step));
            self.step = step;
        }
        if let [_, Some((_, first)), ..] = self.latest {
            let span = s.time.since(first);
            self.three_within = Some(self.three_within.map_or(span, |t| t.min(span)));
        }
        self.latest.rotate_right(1);
        self.latest[0] = Some((s.seq, s.time));
    }
}

impl Connection {
    /// How soon a challenge ACK answers, at most (tcp.md §1.8).
    const CHALLENGE: Duration = Duration::from_secs(1);

    fn signs(&mut self) -> &mut Signs {
        self.signs.get_or_insert_default()
    }

    /// A RST of `e` toward an open end, acted on or not.
    pub(super) fn note_reset(&mut self, s: &Segment, e: usize, is_exact: bool) {
        if self.note_reset_again(s, is_exact) {
            return;
        }
        let went_on = |b: &ResetBurst| b.went_on.is_some();
        if self.signs.as_ref().is_some_and(|signs| signs.resets.as_ref().is_some_and(went_on)) {
            return;
        }
        let mut burst = ResetBurst::new(s, &self.ends[e], &self.ends[1 - e], is_exact);
        let asked = match self.last_payload_from {
            Some(end) if self.client() == Some(end) => self.ends[end].last_payload,
            Some(_) => None,
            None => self.open.syn_ack_at,
        };
        burst.after_request = asked.map(|t| s.time.since(t));
        self.signs().resets = Some(burst);
    }

    /// One more RST of a burst. False if it is none of it.
    pub(super) fn note_reset_again(&mut self, s: &Segment, is_exact: bool) -> bool {
        let Some(burst) = self.signs.as_mut().and_then(|signs| signs.resets.as_mut()) else { return false };
        let again = burst.sender == s.src && s.time.since(burst.last) <= ResetBurst::MOMENT;
        if again {
            burst.add(s, is_exact);
        }
        again
    }

    /// The sender of the RST that ended the connection goes on.
    pub(super) fn note_went_on(&mut self, s: &Segment, since: Duration) {
        let Some(burst) = self.signs.as_mut().and_then(|signs| signs.resets.as_mut()) else { return };
        if burst.sender == s.src && burst.went_on.is_none() {
            burst.went_on = Some(since);
        }
    }

    /// A RST that its receiver refuses.
    pub(super) fn note_reset_guess(&mut self, s: &Segment) {
        self.signs().reset_guesses.get_or_insert_with(|| Box::new(Guesses::new(s))).add(s);
    }

    /// A SYN with a new number, while both ends are open.
    pub(super) fn note_syn_guess(&mut self, s: &Segment) {
        self.signs().syn_guesses.get_or_insert_with(|| Box::new(Guesses::new(s))).add(s);
    }

    /// Payload that lies outside its receiver's window.
    pub(super) fn note_stray_data(&mut self, s: &Segment) {
        self.signs().stray_data.get_or_insert_with(|| Box::new(Guesses::new(s))).add(s);
    }

    /// Payload in the window whose acknowledgment lies outside [SND.UNA − MAX.SND.WND, SND.NXT] of its receiver.
    pub(super) fn note_blind_data(&mut self, s: &Segment, e: usize) {
        let (end, peer) = (&self.ends[e], &self.ends[1 - e]);
        let both = end.syn_seen && peer.syn_seen && peer.space.known() && end.space.known();
        let (Some(una), Some(right)) = (end.ack_max, peer.window.right) else { return };
        let reach = peer.window.max.max(65_535) as i32;
        let inside = s.seq.before(right) && end.space.max().distance(s.end()) < reach;
        let too_old = una.distance(s.ack) > end.window.max.max(65_535) as i32;
        let too_new = s.ack.after(peer.space.max());
        if both && inside && (too_old || too_new) {
            self.signs().blind_data.get_or_insert_with(|| Box::new(Guesses::new(s))).add(s);
        }
    }

    /// Payload came again with other bytes: by whom, as far as the IP header tells?
    pub(super) fn note_replaced(&mut self, s: &Segment, e: usize, first: &Kept) {
        let usual = self.ends[e].usual;
        // Either may be the forged one: whoever wants to be believed comes first.
        let second_step = usual.ttl_step(s).filter(|step| *step != 0);
        let found = Replaced {
            sender: s.src,
            frames: [first.frame, s.packet],
            at: s.time,
            seq: first.seq,
            len: s.payload_len,
            ttl_step: second_step.or(usual.ttl_step_of(first.ttl)),
            id_step: usual.id_step(s),
        };
        self.signs().replaced.get_or_insert(found);
    }

    /// Payload begins where other payload did, and ends elsewhere. Kept where the headers differ.
    pub(super) fn note_overlaid(&mut self, s: &Segment, first: &Kept) {
        let found = Overlaid {
            sender: s.src,
            frames: [first.frame, s.packet],
            at: s.time,
            seq: first.seq,
            lens: [first.len, s.payload_len],
            ttl_step: i16::from(s.ip.ttl) - i16::from(first.ttl),
            id_step: s
                .ip
                .id
                .filter(|id| *id != 0 && first.ip_id != 0)
                .map(|id| id.wrapping_sub(first.ip_id) as i16),
            timestamps_differ: first.has_timestamps != s.options.timestamps.is_some(),
        };
        if found.ttl_step != 0 || found.timestamps_differ {
            self.signs().overlaid.get_or_insert(found);
        }
    }

    /// An end without a RST to send speaks, while there are signs: does it answer them?
    pub(super) fn note_answer_to_signs(&mut self, s: &Segment, e: usize) {
        let end = &self.ends[e];
        let repeats = s.is_pure_ack() && end.ack_max == Some(s.ack) && s.seq == end.space.max();
        let Some(signs) = &mut self.signs else { return };
        if let Some(burst) = signs.resets.as_mut().filter(|b| b.sender != s.src && b.is_late) {
            burst.is_overtaken |= s.flags.ack() && s.ack.after(burst.seq);
        }
        let guesses = [&mut signs.reset_guesses, &mut signs.syn_guesses];
        for guess in guesses.into_iter().flatten().filter(|g| g.sender != s.src && !g.is_answered) {
            if repeats && s.time.since(guess.last) <= Self::CHALLENGE {
                guess.challenges += 1;
                guess.is_answered = true;
            }
        }
    }
}

impl Plain for Usual {
    fn plain() -> Self {
        Self::default()
    }
}

impl Small for Usual {
    const BITS: u32 = 40;

    #[inline]
    fn small(&self) -> u64 {
        let Self { ttl, votes, id, regular } = *self;
        let [low, high] = id.to_le_bytes();
        u64::from_le_bytes([ttl, votes, regular, low, high, 0, 0, 0])
    }

    #[inline]
    fn of_small(bits: u64) -> Self {
        let [ttl, votes, regular, low, high, ..] = bits.to_le_bytes();
        Self { ttl, votes, id: u16::from_le_bytes([low, high]), regular }
    }
}
