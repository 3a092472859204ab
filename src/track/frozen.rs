//! `Frozen`: what is kept of a connection of which little was seen: its segments, from which the rest comes back.
//!
//! A connection costs two kilobytes, and a flood opens a million that never go on. Replaying a few segments gives the
//! same connection again, so nothing else need be known of them meanwhile: no second tracker, no second truth.

use super::connection::{Connection, Context, Observer};
use super::event::{Event, Fact};
use super::flow::FlowKey;
use super::packed::{Reader, Row, Small, Writer};
use super::record::Record;
use super::rings::fingerprint;
use super::succession::Tracked;
use crate::config::TrackConfig;
use crate::tcp::{
    Checksum, Endpoint, Flags, HeaderFaults, IpFields, OptionFaults, Options, Segment, SeqNumber, Timestamp,
    Timestamps,
};

/// What happened to a connection so far, where that is little enough to be told again.
#[derive(Clone, Debug, Default)]
pub(super) struct History {
    seen: Vec<Brief>,
    /// Timers met at this time, after so many segments.
    timer: Option<(u8, Timestamp)>,
    /// More happened than can be told.
    is_over: bool,
}

impl History {
    /// A SYN, its answer, and the five repetitions of a SYN+ACK that Linux makes (tcp_synack_retries), and one more.
    const SEGMENTS: usize = 8;

    /// Begins anew, with the room it has, or one of these.
    pub fn clear(&mut self, rooms: &mut Rooms) {
        if self.seen.capacity() == 0 {
            self.seen = rooms.0.pop().unwrap_or_else(|| Vec::with_capacity(Self::SEGMENTS));
        }
        self.seen.clear();
        (self.timer, self.is_over) = (None, false);
    }

    /// Lets go of the room, once more happened than can be told: connections that go on are many, young ones few.
    #[inline]
    pub fn give_up(&mut self, rooms: &mut Rooms) {
        if self.is_over && self.seen.capacity() > 0 && rooms.0.len() < Rooms::SPARE {
            rooms.0.push(std::mem::take(&mut self.seen));
        }
    }

    /// One more segment.
    pub fn add(&mut self, s: &Segment, key: &FlowKey) {
        if self.is_over {
            return;
        }
        match Brief::of(s, key) {
            Some(brief) if self.seen.len() < Self::SEGMENTS => self.seen.push(brief),
            _ => self.is_over = true,
        }
    }

    /// Timers were met.
    pub fn add_timer(&mut self, at: Timestamp) {
        self.is_over |= self.timer.is_some();
        self.timer = Some((self.seen.len() as u8, at));
    }

    /// Something happened that is not told.
    pub fn end(&mut self) {
        self.is_over = true;
    }

    /// Whether more happened than is told.
    pub fn is_over(&self) -> bool {
        self.is_over
    }

    /// Writes what is kept instead of the connection; whether that is enough.
    pub fn freeze(&self, key: &FlowKey, w: &mut Writer) -> bool {
        if self.is_over || self.seen.is_empty() {
            return false;
        }
        w.begin();
        key.write((self.seen.len() as u8) << 1 | u8::from(self.timer.is_some()), w);
        if let Some((after, at)) = self.timer {
            w.put(u64::from(after), 1);
            w.put(at.0 as u64, 8);
        }
        let mut before = &Brief::default();
        for brief in &self.seen {
            w.row(brief.beside(before), Brief::ROW);
            before = brief;
        }
        true
    }
}

/// Room of histories that are over.
#[derive(Debug, Default)]
pub(super) struct Rooms(Vec<Vec<Brief>>);

impl Rooms {
    /// More than are young at once in one partition.
    const SPARE: usize = 256;
}

/// A connection as its segments, written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frozen<'a>(pub &'a [u8]);

/// What was written of it.
#[derive(Debug)]
pub(super) struct Told<'a> {
    pub key: FlowKey,
    timer: Option<(u8, Timestamp)>,
    first: Brief,
    others: Others<'a>,
}

/// Its segments but for the first.
#[derive(Debug)]
struct Others<'a> {
    rest: Reader<'a>,
    left: u8,
    before: Brief,
}

impl Iterator for Others<'_> {
    type Item = Brief;

    fn next(&mut self) -> Option<Brief> {
        self.left = self.left.checked_sub(1)?;
        self.before = Brief::of_numbers(self.rest.row(Brief::ROW), &self.before);
        Some(self.before)
    }
}

/// Says of everything that it was told before.
struct Again<'a>(&'a mut dyn Tracked);

impl Observer for Again<'_> {
    fn on_event(&mut self, event: &Event, connection: &Connection, segment: Option<&Segment>) {
        self.0.on_event_again(event, connection, segment);
    }
}

/// Hears nothing.
struct Nobody;

impl Observer for Nobody {
    fn on_event(&mut self, _: &Event, _: &Connection, _: Option<&Segment>) {}
}

impl Tracked for Nobody {
    fn on_record(&mut self, _: Box<Record>, _: &Connection, _: Timestamp) {}
    fn on_frozen(&mut self, _: u64) {}
    fn on_event_again(&mut self, _: &Event, _: &Connection, _: Option<&Segment>) {}
    fn is_listener(&self, _: &Endpoint) -> bool {
        false
    }
}

impl<'a> Frozen<'a> {
    /// Whose it is.
    #[inline]
    pub fn key(self) -> FlowKey {
        FlowKey::read(&mut Reader::new(self.0)).0
    }

    /// Number of its first packet: the connection's id.
    pub fn id(self) -> u64 {
        self.head().3.first(Brief::ROW)
    }

    /// Whose it is, how many segments it has, its timer, and the rest.
    fn head(self) -> (FlowKey, u8, Option<(u8, Timestamp)>, Reader<'a>) {
        let mut rest = Reader::new(self.0);
        let (key, head) = FlowKey::read(&mut rest);
        let timer = (head & 1 == 1).then(|| (rest.take(1) as u8, Timestamp(rest.take(8) as i64)));
        (key, head >> 1, timer, rest)
    }

    /// What was written of it.
    pub fn told(self) -> Told<'a> {
        let (key, segments, timer, mut rest) = self.head();
        let first = Brief::of_numbers(rest.row(Brief::ROW), &Brief::default());
        let others = Others { rest, left: segments.saturating_sub(1), before: first };
        Told { key, timer, first, others }
    }

    /// What comes first where only some are shown: half-open ones, then the latest.
    pub fn rank(self) -> (bool, Timestamp, u64) {
        let Told { timer, first, others, .. } = self.told();
        let (mut answered, mut left, mut latest) = (false, timer.is_some(), first.time);
        for brief in others {
            answered |= brief.flags.syn() && brief.flags.ack();
            left |= brief.flags.rst();
            latest = brief.time;
        }
        (answered && !left, latest, first.packet)
    }

    /// The connection as it stands, for one look at it.
    pub fn whole(self, config: &TrackConfig) -> Connection {
        let told = self.told();
        let mut connection = Connection::new(&told.first());
        told.thaw((&mut connection, &mut History::default()), config, &mut Nobody);
        connection
    }
}

impl Told<'_> {
    /// Its first segment.
    pub fn first(&self) -> Segment {
        self.first.segment(&self.key)
    }

    /// Makes a connection that begins with the first segment, and its empty history, what they were.
    pub fn thaw(
        self,
        (connection, history): (&mut Connection, &mut History),
        config: &TrackConfig,
        out: &mut dyn Tracked,
    ) {
        let mut again = Again(out);
        let Self { key, timer, first, others } = self;
        for (i, brief) in std::iter::once(first).chain(others).enumerate() {
            meet(connection, timer.filter(|(after, _)| usize::from(*after) == i), config, &mut again);
            let s = brief.segment(&key);
            let e = connection.end_of(&s.src);
            connection.ends[e].recent.seen(fingerprint(&s), s.time, config.duplicate_window.0);
            let (at, frame) = (s.time, s.packet);
            let mut ctx = Context { config, observer: &mut again, segment: Some(&s), at, frame };
            if i == 0 {
                connection.tell(&mut ctx, 0, Fact::Opened);
            }
            connection.on_segment(&s, &mut ctx);
            history.seen.push(brief);
        }
        let last = timer.filter(|(after, _)| usize::from(*after) == history.seen.len());
        meet(connection, last, config, &mut again);
        history.timer = timer;
    }
}

/// Timers were met at this time.
fn meet(
    connection: &mut Connection,
    timer: Option<(u8, Timestamp)>,
    config: &TrackConfig,
    again: &mut Again<'_>,
) {
    let Some((_, at)) = timer else { return };
    let frame = connection.last_frame;
    let mut ctx = Context { config, observer: again, segment: None, at, frame };
    connection.expire_time_wait(&mut ctx);
    connection.expire_half_open(&mut ctx);
}

/// A segment without payload and without the rarer options, in a third of the room.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
struct Brief {
    packet: u64,
    time: Timestamp,
    seq: SeqNumber,
    ack: SeqNumber,
    timestamps: Timestamps,
    layout: u32,
    flags: Flags,
    window: u16,
    mss: u16,
    ip_id: u16,
    vlan: u16,
    ttl: u8,
    traffic_class: u8,
    window_scale: u8,
    checksum: Checksum,
    has: Has,
}

/// Which of the optional parts are there, and what else is one bit.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
struct Has(u16);

impl Has {
    const FROM_HIGH: u16 = 1;
    const TIMESTAMPS: u16 = 2;
    const MSS: u16 = 4;
    const WINDOW_SCALE: u16 = 8;
    const SACK_PERMITTED: u16 = 16;
    const IP_ID: u16 = 32;
    const VLAN: u16 = 64;
    const DONT_FRAGMENT: u16 = 128;
    const LINK_BROADCAST: u16 = 256;
    const LINK_LOOPBACK: u16 = 512;
    /// How many there are.
    const BITS: u32 = 10;

    fn bit(self, bit: u16) -> bool {
        self.0 & bit != 0
    }

    /// The value, where its bit is set.
    fn then<T>(self, bit: u16, value: T) -> Option<T> {
        self.bit(bit).then_some(value)
    }
}

impl Brief {
    /// `None` where something would be lost.
    fn of(s: &Segment, key: &FlowKey) -> Option<Self> {
        if !Self::holds(s) {
            return None;
        }
        let o = &s.options;
        let bits = [
            (Has::FROM_HIGH, !key.begins_with(&s.src)),
            (Has::TIMESTAMPS, o.timestamps.is_some()),
            (Has::MSS, o.mss.is_some()),
            (Has::WINDOW_SCALE, o.window_scale.is_some()),
            (Has::SACK_PERMITTED, o.sack_permitted),
            (Has::IP_ID, s.ip.id.is_some()),
            (Has::VLAN, s.ip.vlan.is_some()),
            (Has::DONT_FRAGMENT, s.ip.dont_fragment),
            (Has::LINK_BROADCAST, s.ip.link_broadcast),
            (Has::LINK_LOOPBACK, s.ip.link_loopback),
        ];
        let brief = Self {
            packet: s.packet,
            time: s.time,
            seq: s.seq,
            ack: s.ack,
            timestamps: o.timestamps.unwrap_or_default(),
            layout: o.layout,
            flags: s.flags,
            window: s.window,
            mss: o.mss.unwrap_or_default(),
            ip_id: s.ip.id.unwrap_or_default(),
            vlan: s.ip.vlan.unwrap_or_default(),
            ttl: s.ip.ttl,
            traffic_class: s.ip.traffic_class,
            window_scale: o.window_scale.unwrap_or_default(),
            checksum: s.checksum,
            has: Has(bits.iter().map(|(bit, set)| bit * u16::from(*set)).sum()),
        };
        debug_assert_eq!(brief.segment(key), *s, "whatever it has no place for is asked about before");
        Some(brief)
    }

    /// Whether it has a place for all of the segment. Named here are the parts that it has a place for; each other one
    /// must be nothing.
    #[inline]
    fn holds(s: &Segment) -> bool {
        #[rustfmt::skip]
        let Segment {
            packet: _, time: _, seq: _, ack: _, flags: _, window: _, checksum: _,
            src, dst, urgent, payload_len, captured_payload, payload_digest, faults,
            ip: IpFields {
                ttl: _, traffic_class: _, id: _, dont_fragment: _, vlan: _, link_broadcast: _, link_loopback: _,
                reassembled, tunnel_depth,
            },
            options: Options {
                mss: _, window_scale: _, sack_permitted: _, timestamps: _, layout: _,
                sack, fast_open, mptcp, md5, ao, faults: option_faults,
            },
        } = s;
        payload_len | captured_payload == 0
            && payload_digest.is_none()
            && *urgent == 0
            && faults.0 | option_faults.0 | tunnel_depth == 0
            && !(*reassembled || *mptcp || *md5 || *ao)
            && sack.is_empty()
            && fast_open.is_none()
            && src.addr.is_ipv4() == dst.addr.is_ipv4()
    }

    /// Bytes that its numbers mostly need: of the first segment all, of an answer what it does not have in common with what
    /// it answers.
    const ROW: &Row<8> = &Row::of([3, 5, 4, 2, 4, 4, 6, 6]);

    /// All of it as numbers, small where it is like the one before.
    fn beside(&self, b: &Self) -> [u64; 8] {
        let (value, echo) =
            (self.timestamps.value ^ b.timestamps.value, self.timestamps.echo ^ b.timestamps.value);
        [
            self.packet.wrapping_sub(b.packet),
            self.time.0.wrapping_sub(b.time.0) as u64,
            u64::from(self.seq.0 ^ b.seq.0),
            u64::from(self.ack.0.wrapping_sub(b.seq.0)),
            u64::from(echo) << 32 | u64::from(value),
            u64::from(self.layout ^ b.layout),
            (self.words() ^ b.words()) << 16 | u64::from(self.ip_id),
            self.bytes() ^ b.bytes(),
        ]
    }

    fn words(&self) -> u64 {
        u64::from(self.window) | u64::from(self.mss) << 16 | u64::from(self.vlan) << 32
    }

    fn bytes(&self) -> u64 {
        let has = self.has.0 | (Small::small(&self.checksum) as u16) << Has::BITS;
        let [flags, has] = [self.flags.0, has].map(u16::to_le_bytes);
        u64::from_le_bytes([
            self.ttl,
            flags[0],
            has[0],
            has[1],
            self.window_scale,
            flags[1],
            self.traffic_class,
            0,
        ])
    }

    /// What has these numbers beside that one.
    fn of_numbers(numbers: [u64; 8], b: &Self) -> Self {
        let [packet, time, seq, ack, timestamps, layout, words, bytes] = numbers;
        let ip_id = words as u16;
        let [window, mss, vlan] = [0, 16, 32].map(|place| ((words >> 16 ^ b.words()) >> place) as u16);
        let [ttl, low_flags, low_has, high_has, window_scale, high_flags, traffic_class, _] =
            (bytes ^ b.bytes()).to_le_bytes();
        let has = u16::from_le_bytes([low_has, high_has]);
        Self {
            packet: b.packet.wrapping_add(packet),
            time: Timestamp(b.time.0.wrapping_add(time as i64)),
            seq: SeqNumber(b.seq.0 ^ seq as u32),
            ack: b.seq + ack as u32,
            timestamps: Timestamps {
                value: b.timestamps.value ^ timestamps as u32,
                echo: b.timestamps.value ^ (timestamps >> 32) as u32,
            },
            layout: b.layout ^ layout as u32,
            flags: Flags(u16::from_le_bytes([low_flags, high_flags])),
            window,
            mss,
            ip_id,
            vlan,
            ttl,
            traffic_class,
            window_scale,
            checksum: Small::of_small(u64::from(has >> Has::BITS)),
            has: Has(has & ((1 << Has::BITS) - 1)),
        }
    }

    fn segment(&self, key: &FlowKey) -> Segment {
        let [low, high] = key.ends();
        let (src, dst) = if self.has.bit(Has::FROM_HIGH) { (high, low) } else { (low, high) };
        Segment {
            packet: self.packet,
            time: self.time,
            src,
            dst,
            seq: self.seq,
            ack: self.ack,
            flags: self.flags,
            window: self.window,
            urgent: 0,
            payload_len: 0,
            captured_payload: 0,
            payload_digest: None,
            ip: IpFields {
                ttl: self.ttl,
                traffic_class: self.traffic_class,
                id: self.has.then(Has::IP_ID, self.ip_id),
                dont_fragment: self.has.bit(Has::DONT_FRAGMENT),
                reassembled: false,
                tunnel_depth: 0,
                vlan: self.has.then(Has::VLAN, self.vlan),
                link_broadcast: self.has.bit(Has::LINK_BROADCAST),
                link_loopback: self.has.bit(Has::LINK_LOOPBACK),
            },
            options: Options {
                mss: self.has.then(Has::MSS, self.mss),
                window_scale: self.has.then(Has::WINDOW_SCALE, self.window_scale),
                sack_permitted: self.has.bit(Has::SACK_PERMITTED),
                timestamps: self.has.then(Has::TIMESTAMPS, self.timestamps),
                layout: self.layout,
                faults: OptionFaults::default(),
                ..Options::default()
            },
            checksum: self.checksum,
            faults: HeaderFaults::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::track::flow::tests::between;

    #[test]
    fn a_segment_comes_back_whole_or_is_not_taken() {
        let plain = between("10.0.0.9:80", "10.0.0.2:40000");
        let options = Options {
            mss: Some(1460),
            window_scale: Some(0),
            sack_permitted: true,
            timestamps: Some(Timestamps { value: 7, echo: 0 }),
            layout: 99,
            ..Options::default()
        };
        let ip =
            IpFields { ttl: 64, id: Some(0), vlan: Some(12), dont_fragment: true, ..IpFields::default() };
        for s in [plain, Segment { options, ip, packet: 1 << 40, flags: Flags(0x1ff), ..plain }] {
            let key = FlowKey::of(&s);
            let brief = Brief::of(&s, &key).expect("it is taken");
            assert_eq!(brief.segment(&key), s);
            for beside in [Brief::default(), Brief { seq: SeqNumber(u32::MAX), ..brief }] {
                assert_eq!(Brief::of_numbers(brief.beside(&beside), &beside), brief);
            }
        }
        let key = FlowKey::of(&plain);
        for odd in [
            Segment { payload_len: 1, ..plain },
            Segment { urgent: 1, ..plain },
            Segment { options: Options { mptcp: true, ..Options::default() }, ..plain },
            Segment { faults: HeaderFaults::CUT, ..plain },
        ] {
            assert!(Brief::of(&odd, &key).is_none());
        }
    }

    /// performance.md: at most 128 bytes for a half-open connection, 80 of them what is written.
    #[test]
    fn a_half_open_connection_is_small() {
        let at = |ns: i64| Timestamp(1_700_000_000_000_000_000 + ns);
        let options = Options {
            mss: Some(1460),
            window_scale: Some(7),
            sack_permitted: true,
            timestamps: Some(Timestamps { value: 0x1234_5678, echo: 0 }),
            layout: 0x8765_4321,
            ..Options::default()
        };
        let ip = IpFields { ttl: 64, id: Some(0x1234), dont_fragment: true, ..IpFields::default() };
        let plain = between("192.0.2.1:40000", "198.51.100.2:443");
        let syn = Segment {
            packet: 1 << 23,
            time: at(0),
            seq: SeqNumber(0xfedc_ba98),
            window: 64240,
            ip,
            options,
            ..plain
        };
        let timestamps = Some(Timestamps { value: 0x8765_4321, echo: 0x1234_5678 });
        let answer = Segment {
            packet: syn.packet + 9,
            time: at(9_000_000),
            src: syn.dst,
            dst: syn.src,
            seq: SeqNumber(0x0123_4567),
            ack: syn.seq + 1,
            flags: Flags(Flags::SYN.0 | Flags::ACK.0),
            window: 65160,
            ip: IpFields { ttl: 57, id: Some(0), ..ip },
            options: Options { timestamps, ..options },
            ..plain
        };
        let (key, mut w) = (FlowKey::of(&syn), Writer::default());
        let mut history = History::default();
        for (s, most) in [(syn, 56), (answer, 80)] {
            history.add(&s, &key);
            assert!(history.freeze(&key, &mut w));
            assert!(w.written().len() <= most, "{} bytes", w.written().len());
            let frozen = Frozen(w.written());
            let told = frozen.told();
            assert_eq!((told.key, told.first(), frozen.id()), (key, syn, syn.packet));
            assert!(told.others.eq(history.seen.iter().skip(1).copied()));
        }
    }
}
