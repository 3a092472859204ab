//! `Peer`: one end of a connection, its state and its send and receive variables as far as an observer can know them.

use std::fmt;

use super::agreed::Offer;
use super::life::Unanswered;
use super::packed::{Fold, Number, Pack, Plain, Reader, Writer, fields, read, written};
use super::record::Flow;
use super::signs::Usual;
use super::space::SendSpace;
use crate::tcp::{Certainty, Endpoint, Flags, Segment, SeqNumber, State, Timestamp};

/// One end of a connection.
#[derive(Debug)]
pub struct Peer {
    /// Its address and port.
    pub endpoint: Endpoint,
    /// Where it stands.
    pub state: State,
    /// How that is known.
    pub certainty: Certainty,
    /// Its initial sequence number.
    pub iss: Option<SeqNumber>,
    /// The sequence numbers it has used.
    pub space: SendSpace,
    /// The sequence number after its FIN, once that was sent.
    pub fin_end: Option<SeqNumber>,
    /// The highest acknowledgment it sent that could be believed.
    pub ack_max: Option<SeqNumber>,
    /// What it sent, counted.
    pub flow: Flow,
    /// When it last sent anything.
    pub last_sent: Option<Timestamp>,
    /// Scaled window it offered last, and how it moved.
    pub window: Window,
    /// Latest timestamp value it sent.
    pub ts_last: Option<u32>,
    /// TTL of its first segment.
    pub ttl: Option<u8>,
    /// What most of its IP headers have.
    pub usual: Usual,
    /// What its SYN offered.
    pub offer: Option<Offer>,
    /// Where the latest urgent pointer it sent points to.
    pub urgent: Option<SeqNumber>,
    /// Segments whose checksum was right.
    pub good_checksums: u32,
    /// Segments whose checksum was wrong, and not merely left to the network card.
    pub bad_checksums: u32,
    pub(super) second_iss: Option<SeqNumber>,
    pub(super) acks: AckRing,
    pub(super) sack_right: Option<SeqNumber>,
    /// When it first sent a FIN.
    pub fin_first: Option<Timestamp>,
    /// How often it acknowledged all that its peer sent but the FIN, though a round trip had passed since that.
    pub fin_left_out: u32,
    pub(super) fin_delivered: bool,
    pub(super) spoke_after_syn: bool,
    /// Its SYN or SYN+ACK was captured.
    pub syn_seen: bool,
    pub(super) syn_acks: u32,
    /// When it last sent payload that was new.
    pub last_payload: Option<Timestamp>,
    pub(super) last_was_keep_alive: bool,
    pub(super) last_was_probe: bool,
    pub(super) dup_ack_base: Option<(SeqNumber, SeqNumber)>,
    pub(super) hole_at: Timestamp,
    pub(super) jump: Option<AckJump>,
    /// Acknowledgments of what was never sent, each beyond the one before: how many, and the latest.
    pub(super) unsent_acks: (u16, SeqNumber),
    pub(super) rtt: RttRing,
    pub(super) recent: RecentRing,
    pub(super) kept: KeptPayload,
    pub(super) unanswered: Unanswered,
}

impl Peer {
    pub(super) fn new(endpoint: Endpoint) -> Self {
        Self {
            endpoint,
            state: State::Unknown,
            certainty: Certainty::Assumed,
            iss: None,
            space: SendSpace::default(),
            fin_end: None,
            ack_max: None,
            flow: Flow::default(),
            last_sent: None,
            window: Window::default(),
            ts_last: None,
            ttl: None,
            usual: Usual::default(),
            offer: None,
            urgent: None,
            good_checksums: 0,
            bad_checksums: 0,
            second_iss: None,
            acks: AckRing::default(),
            sack_right: None,
            fin_first: None,
            fin_left_out: 0,
            fin_delivered: false,
            spoke_after_syn: false,
            syn_seen: false,
            syn_acks: 0,
            last_payload: None,
            last_was_keep_alive: false,
            last_was_probe: false,
            dup_ack_base: None,
            hole_at: Timestamp::MIN,
            jump: None,
            unsent_acks: (0, SeqNumber(0)),
            rtt: RttRing::default(),
            recent: RecentRing::default(),
            kept: KeptPayload::default(),
            unanswered: Unanswered::default(),
        }
    }

    /// Becomes another end, in the room of this one.
    pub(super) fn begin_anew(&mut self, at: Endpoint) {
        #[rustfmt::skip]
        let Self {
            endpoint, state, certainty, iss, space, fin_end, ack_max, flow, last_sent, window, ts_last, ttl, usual, offer,
            urgent, good_checksums, bad_checksums, second_iss, acks, sack_right, fin_first, fin_left_out, fin_delivered,
            spoke_after_syn, syn_seen, syn_acks, last_payload, last_was_keep_alive, last_was_probe, dup_ack_base, hole_at,
            jump, unsent_acks, rtt, recent, kept, unanswered,
        } = self;
        (*endpoint, *state, *certainty) = (at, State::Unknown, Certainty::Assumed);
        *space = SendSpace::default();
        (*iss, *second_iss, *fin_end, *ack_max, *sack_right, *urgent) = (None, None, None, None, None, None);
        *flow = Flow::default();
        *window = Window::default();
        (*last_sent, *last_payload, *fin_first, *hole_at) = (None, None, None, Timestamp::MIN);
        (*ts_last, *ttl, *offer, *jump, *dup_ack_base) = (None, None, None, None, None);
        *usual = Usual::default();
        (*good_checksums, *bad_checksums, *syn_acks, *fin_left_out) = (0, 0, 0, 0);
        (*fin_delivered, *spoke_after_syn, *syn_seen) = (false, false, false);
        (*last_was_keep_alive, *last_was_probe) = (false, false);
        *unsent_acks = (0, SeqNumber(0));
        (*acks, *rtt, *recent) = (AckRing::default(), RttRing::default(), RecentRing::default());
        *unanswered = Unanswered::default();
        kept.clear();
    }

    /// Whether its own segments, not only the peer's, tell what is known of it.
    pub fn was_seen(&self) -> bool {
        self.last_sent.is_some()
    }

    /// Bytes that were acknowledged and not captured, while nothing it sent since tells whether it had sent them.
    pub fn acked_unsettled(&self) -> Option<u32> {
        self.jump.map(|j| j.ack.distance(j.old).max(0) as u32)
    }

    /// It acknowledged what was never sent; how often by now, each time more than before.
    pub(super) fn count_unsent(&mut self, ack: SeqNumber) -> u16 {
        let (count, latest) = self.unsent_acks;
        if count == 0 || ack.after(latest) {
            self.unsent_acks = (count.saturating_add(1), ack);
        }
        self.unsent_acks.0
    }

    /// Whether `ack` acknowledges its SYN and nothing it has not sent (RFC 9293 §3.10.7.3).
    pub(super) fn syn_acked_by(&self, ack: SeqNumber) -> bool {
        self.iss.is_some_and(|iss| ack.after(iss) && !ack.after(self.space.max()))
    }

    /// Whether `ack` covers its FIN.
    pub(super) fn fin_acked_by(&self, ack: SeqNumber) -> bool {
        self.fin_end.is_some_and(|end| !ack.before(end))
    }

    /// Whether its peer, who sent `ack_max`, has acknowledged all it sent.
    pub(super) fn all_acked(&self, ack_max: Option<SeqNumber>) -> bool {
        ack_max.is_some_and(|ack| !ack.before(self.space.max()))
    }
}

/// The window one end offers.
#[derive(Clone, Copy, Debug, Default)]
pub struct Window {
    /// Its shift count, where the SYN carried one.
    pub scale: Option<u8>,
    /// Latest window, scaled where scaling was agreed on.
    pub last: u32,
    /// Largest window.
    pub max: u32,
    /// Highest right edge: acknowledgment plus window.
    pub right: Option<SeqNumber>,
    /// The same, segments with SYN left out.
    pub right_after_syn: Option<SeqNumber>,
    /// Since when it is closed.
    pub zero_since: Option<Timestamp>,
    /// Since when it is at most [`Window::SMALL`].
    pub small_since: Option<Timestamp>,
    /// Probes of the peer since then.
    pub probes: u32,
    pub(super) raw: u16,
}

impl Window {
    /// A window that lets nothing of use through: less than half of the smallest MSS every path must carry (RFC 9293
    /// §3.7.1: 536 bytes).
    pub const SMALL: u32 = 256;
}

/// Something acknowledged beyond all that was captured; its sender's next segment decides what it was.
#[derive(Clone, Copy, Debug)]
pub(super) struct AckJump {
    pub old: SeqNumber,
    pub ack: SeqNumber,
    /// The acknowledging end's `ack_max` before, to go back to.
    pub ack_max_before: Option<SeqNumber>,
}

/// The last acknowledgments an end sent: a RST at one of them is a reply (tcp.md §1.8).
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct AckRing {
    ring: [SeqNumber; 8],
    count: u8,
    next: u8,
}

impl AckRing {
    pub fn push(&mut self, ack: SeqNumber) {
        let latest = self.ring[usize::from((self.next + 7) % 8)];
        if self.count > 0 && latest == ack {
            return;
        }
        self.ring[usize::from(self.next)] = ack;
        self.next = (self.next + 1) % 8;
        self.count = (self.count + 1).min(8);
    }

    pub fn contains(&self, seq: SeqNumber) -> bool {
        self.ring.iter().take(usize::from(self.count)).any(|a| *a == seq)
    }

    pub fn is_latest(&self, seq: SeqNumber) -> bool {
        self.count > 0 && self.ring[usize::from((self.next + 7) % 8)] == seq
    }
}

/// Data segments whose acknowledgment is timed; each is dropped when it is repeated (Karn's rule, RFC 6298 §3).
#[derive(Clone, Copy, Default)]
pub(super) struct RttRing {
    ends: [SeqNumber; 4],
    times: [Timestamp; 4],
    count: u8,
}

/// Those that are timed; what stood beyond them means nothing.
impl fmt::Debug for RttRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.ends.iter().zip(&self.times).take(usize::from(self.count))).finish()
    }
}

impl RttRing {
    /// Starts timing a segment that ends at `end`; while four are timed, more are not.
    pub fn start(&mut self, end: SeqNumber, at: Timestamp) {
        let next = usize::from(self.count);
        if next < self.ends.len() {
            (self.ends[next], self.times[next]) = (end, at);
            self.count += 1;
        }
    }

    /// Something was sent again: no answer tells any more which copy it answers.
    pub fn forget(&mut self) {
        self.count = 0;
    }

    /// The time the newest segment covered by `ack` was sent; all covered ones are done.
    pub fn acked(&mut self, ack: SeqNumber) -> Option<Timestamp> {
        let timed = self.ends.iter().take(usize::from(self.count));
        let covered = timed.take_while(|end| !end.after(ack)).count();
        let newest = self.times.get(covered.checked_sub(1)?).copied();
        self.ends.copy_within(covered.., 0);
        self.times.copy_within(covered.., 0);
        self.count -= covered as u8;
        newest
    }
}

/// Fingerprints of the last segments an end sent, to know a mirror port's second copy.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct RecentRing {
    ring: [(u64, Timestamp); 4],
    next: u8,
}

impl RecentRing {
    /// Whether a segment of this fingerprint was sent within `window` before; remembers it otherwise.
    pub fn seen(&mut self, print: u64, at: Timestamp, window: i64) -> bool {
        if self.ring.iter().any(|(p, t)| *p == print && at.since(*t).0.abs() <= window) {
            return true;
        }
        self.ring[usize::from(self.next)] = (print, at);
        self.next = (self.next + 1) % 4;
        false
    }
}

/// The payload an end sent last, to know another one in its place. Takes memory once there is payload.
#[derive(Clone, Debug, Default)]
pub(super) struct KeptPayload {
    ring: Vec<Kept>,
    next: u8,
}

/// One segment with payload.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kept {
    pub digest: u64,
    pub frame: u64,
    pub seq: SeqNumber,
    pub len: u32,
    pub ip_id: u16,
    pub ttl: u8,
    pub has_timestamps: bool,
}

impl KeptPayload {
    /// Segments kept; a repetition that comes later is not compared.
    const SIZE: usize = 16;

    /// The segment kept that begins where this one does and ends elsewhere.
    pub fn begun_alike(&self, s: &Segment) -> Option<Kept> {
        let seq = s.seq + u32::from(s.flags.syn());
        self.ring.iter().find(|k| k.seq == seq && k.len != s.payload_len).copied()
    }

    /// Nothing kept, in the same room.
    pub fn clear(&mut self) {
        self.ring.clear();
        self.next = 0;
    }

    /// Digest and packet of the first segment with these very numbers, if it is kept; keeps this one otherwise.
    pub fn first(&mut self, s: &Segment, digest: u64) -> Option<(u64, u64)> {
        let seq = s.seq + u32::from(s.flags.syn());
        if let Some(first) = self.ring.iter().find(|k| k.seq == seq && k.len == s.payload_len) {
            return Some((first.digest, first.frame));
        }
        let kept = Kept {
            digest,
            frame: s.packet,
            seq,
            len: s.payload_len,
            ip_id: s.ip.id.unwrap_or(0),
            ttl: s.ip.ttl,
            has_timestamps: s.options.timestamps.is_some(),
        };
        match self.ring.get_mut(usize::from(self.next)) {
            Some(oldest) => *oldest = kept,
            None => {
                if self.ring.len() == self.ring.capacity() {
                    let (len, left) = (self.ring.len(), Self::SIZE - self.ring.len());
                    self.ring.reserve_exact(len.max(3).min(left));
                }
                self.ring.push(kept);
            }
        }
        self.next = (self.next + 1) % Self::SIZE as u8;
        None
    }
}

/// What two copies of one packet have in common; TTL and VLAN may differ (tcp.md §1.2). Never 0.
pub(super) fn fingerprint(s: &Segment) -> u64 {
    let flags = u64::from(s.flags.0 & (Flags::AE.0 * 2 - 1));
    let words = [
        u64::from(s.seq.0) << 32 | u64::from(s.ack.0),
        u64::from(s.payload_len) << 32 | u64::from(s.window) << 16 | u64::from(s.ip.id.unwrap_or(0)),
        s.options.timestamps.map_or(0, |t| u64::from(t.value) << 32 | u64::from(t.echo)) ^ flags << 20,
    ];
    // FNV-1a over words (Fowler, Noll, Vo), multiplied once more so that the high bits depend on all.
    words.iter().fold(0xcbf2_9ce4_8422_2325u64, |h, w| {
        let h = (h ^ w).wrapping_mul(0x0000_0100_0000_01b3);
        h ^ h >> 29
    }) | 1
}

written!(Peer {
    small [
        state certainty usual syn_seen fin_delivered spoke_after_syn last_was_keep_alive last_was_probe ttl
    ]
    row [iss: 3 ack_max: 3 last_sent: 5 ts_last: 4 good_checksums: 1 syn_acks: 1]
    row [last_payload: 5 fin_end: 2 fin_first: 5]
    row [urgent: 0 bad_checksums: 0 second_iss: 0 sack_right: 0 fin_left_out: 0 hole_at: 0]
    part [space flow window offer acks dup_ack_base jump unsent_acks rtt recent kept unanswered]
    beside [endpoint]
});

fields!(Window {
    small [scale]
    row [raw: 2 last: 3 max: 3 right: 4 right_after_syn: 4]
    row [zero_since: 0 small_since: 0 probes: 0]
    part []
});
fields!(AckJump { small [] row [old: 3 ack: 3 ack_max_before: 3] part [] });

/// Only those that are there.
impl Pack for AckRing {
    fn pack(&self, w: &mut Writer) {
        let Self { ring, count, next } = self;
        Fold::default().with(count).with(next).write(w);
        let numbers = ring.map(|ack| ack.number(&mut w.near));
        numbers.iter().take(usize::from(*count)).for_each(|n| w.row([*n], [2]));
    }

    fn unpack(&mut self, r: &mut Reader<'_>) {
        let (count, fold): (u8, _) = Fold::read(r).take();
        let (next, fold) = fold.take();
        fold.end(r);
        *self = Self { count, next, ..Self::default() };
        for ack in self.ring.iter_mut().take(usize::from(count)) {
            let [n] = r.row([2]);
            *ack = SeqNumber::of(n, &mut r.near);
        }
    }
}

impl Pack for RttRing {
    fn pack(&self, w: &mut Writer) {
        let Self { ends, times, count } = self;
        w.put(u64::from(*count), 1);
        ends.iter().zip(times).take(usize::from(*count)).for_each(|(end, at)| (*end, *at).pack(w));
    }

    fn unpack(&mut self, r: &mut Reader<'_>) {
        *self = Self::default();
        for _ in 0..r.take(1) {
            let (end, at) = read(r);
            self.start(end, at);
        }
    }
}

impl Pack for RecentRing {
    fn pack(&self, w: &mut Writer) {
        let Self { ring, next } = self;
        w.put(u64::from(*next), 1);
        let times = ring.map(|(print, at)| Some(at).filter(|_| print != 0).number(&mut w.near));
        w.row(times, [5, 5, 5, 5]);
        ring.iter().filter(|(print, _)| *print != 0).for_each(|(print, _)| w.put(*print, 8));
    }

    fn unpack(&mut self, r: &mut Reader<'_>) {
        *self = Self { next: r.take(1) as u8, ..Self::default() };
        let times = r.row([5, 5, 5, 5]);
        for (each, at) in self.ring.iter_mut().zip(times) {
            if let Some(at) = Number::of(at, &mut r.near) {
                *each = (r.take(8), at);
            }
        }
    }
}

impl Pack for Kept {
    fn pack(&self, w: &mut Writer) {
        let Self { digest, frame, seq, len, ip_id, ttl, has_timestamps } = self;
        w.put(*digest, 8);
        Fold::default().with(ttl).with(has_timestamps).with(ip_id).write(w);
        let row = [w.near.number_of_frame(*frame), seq.number(&mut w.near), u64::from(*len)];
        w.row(row, [2, 3, 2]);
    }

    fn unpack(&mut self, r: &mut Reader<'_>) {
        let digest = r.take(8);
        let (ttl, fold) = Fold::read(r).take();
        let (has_timestamps, fold) = fold.take();
        let (ip_id, fold) = fold.take();
        fold.end(r);
        let [frame, seq, len] = r.row([2, 3, 2]);
        let (frame, seq, len) = (r.near.frame_of(frame), SeqNumber::of(seq, &mut r.near), len as u32);
        *self = Self { digest, frame, seq, len, ip_id, ttl, has_timestamps };
    }
}

impl Plain for Kept {
    fn plain() -> Self {
        Self { digest: 0, frame: 0, seq: SeqNumber(0), len: 0, ip_id: 0, ttl: 0, has_timestamps: false }
    }
}

written!(KeptPayload { small [next] part [ring] beside [] });
