//! What is remembered of the last segments an end sent: acknowledgments, times, fingerprints, payload.

use std::fmt;

use super::packed::{Fold, Number, Pack, Plain, Reader, Row, Writer, read, written};
use crate::tcp::{Flags, Segment, SeqNumber, Timestamp};

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
    pub fn first(&mut self, s: &Segment, digest: u64) -> Option<Kept> {
        let seq = s.seq + u32::from(s.flags.syn());
        if let Some(first) = self.ring.iter().find(|k| k.seq == seq && k.len == s.payload_len) {
            return Some(*first);
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

/// What two copies of one packet have in common; TTL and VLAN may differ (tcp.md §1.2). Never 0, and of
/// [`FINGERPRINT`] bytes.
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
    }) >> (64 - 8 * FINGERPRINT)
        | 1
}

/// Each connection keeps up to eight. Two packets of one connection in 2^47 are taken for copies that are none.
const FINGERPRINT: u32 = 6;

/// Only those that are there.
impl Pack for AckRing {
    fn pack(&self, w: &mut Writer) {
        let Self { ring, count, next } = self;
        Fold::default().with(count).with(next).write(w);
        let numbers = ring.map(|ack| ack.number(&mut w.near));
        numbers.iter().take(usize::from(*count)).for_each(|n| w.row([*n], const { &Row::of([2]) }));
    }

    fn unpack(&mut self, r: &mut Reader<'_>) {
        let (count, fold): (u8, _) = Fold::read(r).take();
        let (next, fold) = fold.take();
        fold.end(r);
        *self = Self { count, next, ..Self::default() };
        for ack in self.ring.iter_mut().take(usize::from(count)) {
            let [n] = r.row(const { &Row::of([2]) });
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
        w.row(times, const { &Row::of([5, 5, 5, 5]) });
        ring.iter().filter(|(print, _)| *print != 0).for_each(|(print, _)| w.put(*print, FINGERPRINT));
    }

    fn unpack(&mut self, r: &mut Reader<'_>) {
        *self = Self { next: r.take(1) as u8, ..Self::default() };
        let times = r.row(const { &Row::of([5, 5, 5, 5]) });
        for (each, at) in self.ring.iter_mut().zip(times) {
            if let Some(at) = Number::of(at, &mut r.near) {
                *each = (r.take(FINGERPRINT), at);
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
        w.row(row, const { &Row::of([2, 3, 2]) });
    }

    fn unpack(&mut self, r: &mut Reader<'_>) {
        let digest = r.take(8);
        let (ttl, fold) = Fold::read(r).take();
        let (has_timestamps, fold) = fold.take();
        let (ip_id, fold) = fold.take();
        fold.end(r);
        let [frame, seq, len] = r.row(const { &Row::of([2, 3, 2]) });
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
