//! Zeek's `conn_state` and `history`, kept by Zeek's own rules, which are not ours (see its conn/main.zeek).

use super::packed::{Number, Pack, Reader, Row, Writer, choices, fields, written};
use super::peer::Peer;
use crate::tcp::{Flags, Segment, SeqNumber};

/// Zeek's states of an endpoint.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Endpoint {
    #[default]
    Inactive,
    SynSent,
    SynAckSent,
    Partial,
    Established,
    Closed,
    Reset,
}

/// What Zeek would write of one connection.
#[derive(Debug, Default)]
pub(super) struct ZeekTrack {
    originator: usize,
    seen: bool,
    flipped: bool,
    ends: [End; 2],
    history: Vec<u8>,
}

/// One endpoint in Zeek's eyes.
#[derive(Clone, Copy, Debug, Default)]
struct End {
    state: Endpoint,
    once: u8,
    last_of: [Option<SeqNumber>; 4],
    last_seq: Option<SeqNumber>,
    start_seq: SeqNumber,
    repeats: u32,
    zero_windows: u32,
    gaps: u32,
    bad_checksums: u32,
    payload: bool,
    /// Payload sent but cut by the capture, and not yet acknowledged: for Zeek, content that never came.
    cut: Option<(SeqNumber, SeqNumber)>,
}

/// Where the latest number of a FIN is kept, and that of a RST; SYN and SYN+ACK come before them.
const FIN: usize = 2;
const RESET: usize = 3;

impl ZeekTrack {
    /// Nothing seen, in the same room.
    pub fn clear(&mut self) {
        let Self { originator, seen, flipped, ends, history } = self;
        (*originator, *seen, *flipped) = (0, false, false);
        *ends = [End::default(); 2];
        history.clear();
    }

    /// A segment of end `e`; `ends` as they were before it.
    pub fn on_segment(&mut self, s: &Segment, e: usize, _ends: &[Peer; 2]) {
        if !self.seen {
            self.orient(s, e);
        }
        self.window_letter(s, e);
        let moves = s.flags.any(Flags::SYN | Flags::FIN | Flags::RST);
        if moves {
            self.flag_letters(s, e);
        }
        self.track_seq(s, e);
        if moves || self.ends[e].state == Endpoint::Inactive {
            self.move_state(s, e);
        }
        if s.payload_len == 0 {
            if !moves && s.flags.ack() {
                self.once(b'A', 1, e);
            }
        } else if !s.flags.rst() {
            self.ends[e].payload = true;
            self.once(b'D', 2, e);
        }
        self.track_cut(s, e);
    }

    /// A segment dropped for its checksum.
    pub fn on_bad_checksum(&mut self, e: usize) {
        self.seen = true;
        self.ends[e].bad_checksums += 1;
        self.scaled(b'C', self.ends[e].bad_checksums, e);
    }

    /// Data of end `e` was acknowledged but not captured.
    pub fn on_gap(&mut self, e: usize) {
        self.ends[e].gaps += 1;
        self.scaled(b'G', self.ends[e].gaps, e);
    }

    /// The history string.
    pub fn history(&self) -> &str {
        std::str::from_utf8(&self.history).unwrap_or_default()
    }

    /// The first packet's sender is the originator, unless it is no SYN and comes from a port of a known service.
    fn orient(&mut self, s: &Segment, e: usize) {
        self.seen = true;
        self.originator = e;
        let opens = s.flags.syn() && !s.flags.ack();
        let from_service = is_service(s.src.port) && (!is_service(s.dst.port) || s.src.port < s.dst.port);
        if !opens && from_service {
            self.originator = 1 - e;
            self.flipped = true;
            self.history.push(b'^');
        }
    }

    /// What does not fit together, then what opens, then what closes.
    fn flag_letters(&mut self, s: &Segment, e: usize) {
        let f = s.flags;
        if f.syn() && f.any(Flags::FIN | Flags::RST) {
            self.once(b'Q', 8, e);
        } else if f.has(Flags::FIN | Flags::RST) {
            self.once(b'I', 4, e);
        }
        if f.syn() {
            if f.ack() { self.per_seq(b'H', 1, s.seq, e) } else { self.per_seq(b'S', 0, s.seq, e) }
        }
        if f.rst() {
            self.per_seq(b'R', RESET, s.seq, e);
        } else if f.fin() {
            self.per_seq(b'F', FIN, s.end(), e);
        }
    }

    fn window_letter(&mut self, s: &Segment, e: usize) {
        let over = self.ends[1 - e].state == Endpoint::Closed || self.ends[e].state == Endpoint::Reset;
        if s.window == 0 && !s.flags.rst() && !over {
            self.ends[e].zero_windows += 1;
            self.scaled(b'W', self.ends[e].zero_windows, e);
        }
    }

    /// A letter that stands once per direction, and its bit.
    fn once(&mut self, letter: u8, bit: u8, e: usize) {
        if self.ends[e].once & bit == 0 {
            self.ends[e].once |= bit;
            self.add(letter, e);
        }
    }

    /// A letter that stands again when the sequence number differs, and where that is kept.
    fn per_seq(&mut self, letter: u8, kind: usize, at: SeqNumber, e: usize) {
        if self.ends[e].last_of[kind] != Some(at) {
            self.ends[e].last_of[kind] = Some(at);
            self.add(letter, e);
        }
    }

    /// First, tenth, hundredth, … time.
    fn scaled(&mut self, letter: u8, count: u32, e: usize) {
        let mut power = 1u32;
        while power < count {
            power = power.saturating_mul(10);
        }
        if power == count {
            self.add(letter, e);
        }
    }

    fn add(&mut self, letter: u8, e: usize) {
        /// Letters kept; a port scanner's oddities could go on for ever.
        const BOUND: usize = 256;
        /// Few connections have more; the least that an allocator gives.
        const ROOM: usize = 24;
        if self.history.capacity() == 0 {
            self.history.reserve_exact(ROOM);
        }
        if self.history.len() < BOUND {
            self.history.push(if e == self.originator { letter } else { letter.to_ascii_lowercase() });
        }
    }

    fn track_seq(&mut self, s: &Segment, e: usize) {
        let end = &mut self.ends[e];
        let last = s.end();
        let Some(before) = end.last_seq else {
            end.start_seq = s.seq;
            end.last_seq = Some(last);
            return;
        };
        let delta = last.distance(before);
        if end.state == Endpoint::Reset || (s.flags.any(Flags::SYN | Flags::RST) && delta.abs() > 1 << 20) {
            return;
        }
        if delta > 0 || (s.flags.fin() && before == end.start_seq + 1) {
            end.last_seq = Some(last);
        } else if s.payload_len > 0 {
            end.repeats += 1;
            let repeats = end.repeats;
            self.scaled(b'T', repeats, e);
        }
    }

    /// Content missing from the capture file is a gap once acknowledged, like content that was never captured.
    fn track_cut(&mut self, s: &Segment, e: usize) {
        if s.captured_payload < s.payload_len && !s.flags.rst() {
            let (from, to) = (s.seq + u32::from(s.flags.syn()) + s.captured_payload, s.seq + s.payload_len);
            let cut = self.ends[e].cut.map_or((from, to), |(a, b)| (a, b.max(to)));
            self.ends[e].cut = Some(cut);
        }
        let peer = 1 - e;
        if let Some((from, to)) = self.ends[peer].cut.filter(|(from, _)| s.flags.ack() && s.ack.after(*from))
        {
            self.ends[peer].cut = to.after(s.ack).then_some((s.ack.max(from), to));
            self.on_gap(peer);
        }
    }

    fn move_state(&mut self, s: &Segment, e: usize) {
        use Endpoint::*;
        let originates = e == self.originator;
        let (state, peer) = (self.ends[e].state, self.ends[1 - e].state);
        let f = s.flags;
        let next = match state {
            Inactive if f.syn() => {
                let answers = !originates && peer != Inactive;
                if answers && matches!(peer, SynSent | SynAckSent) {
                    self.ends[1 - e].state = Established;
                    Established
                } else if answers {
                    Established
                } else if f.ack() {
                    SynAckSent
                } else {
                    SynSent
                }
            }
            Inactive if f.fin() => Closed,
            Inactive if f.rst() => Reset,
            Inactive => Partial,
            SynSent | SynAckSent | Established | Partial if f.fin() => {
                self.close_after_reset(1 - e);
                Closed
            }
            SynSent | SynAckSent | Established | Partial if f.rst() => Reset,
            Closed if f.rst() && peer != Closed => Reset,
            other => other,
        };
        self.ends[e].state = next;
    }

    /// A side that sent a FIN and then a RST counts as closed once the other's FIN arrives.
    fn close_after_reset(&mut self, e: usize) {
        if self.ends[e].state == Endpoint::Reset && self.ends[e].last_of[FIN].is_some() {
            self.ends[e].state = Endpoint::Closed;
        }
    }

    /// `conn_state`; the order of the tests is Zeek's.
    pub fn conn_state(&self) -> &'static str {
        use Endpoint::*;
        let (orig, resp) = (&self.ends[self.originator], &self.ends[1 - self.originator]);
        let quiet = |s| matches!(s, Inactive | Partial);
        match (orig.state, resp.state) {
            (SynSent | SynAckSent, Reset) => "REJ",
            (Reset, Reset) if !orig.payload && !resp.payload => "REJ",
            (o, Reset) if quiet(o) => "RSTRH",
            (_, Reset) => "RSTR",
            (Reset, r) if quiet(r) => self.reset_of_originator(),
            (Reset, _) => "RSTO",
            (Closed, Closed) => "SF",
            (Closed, r) if quiet(r) => "SH",
            (Closed, _) => "S2",
            (o, Closed) if quiet(o) => "SHR",
            (_, Closed) => "S3",
            (SynSent, Inactive) => "S0",
            (Established, Established) => "S1",
            _ => "OTH",
        }
    }

    fn reset_of_originator(&self) -> &'static str {
        let letters = self.history.strip_prefix(b"^").unwrap_or(&self.history);
        let Some(after_syn) = letters.strip_prefix(b"S") else { return "OTH" };
        match after_syn.iter().find(|l| b"HAFGIQR".contains(l)) {
            Some(b'R') => "RSTOS0",
            _ => "OTH",
        }
    }
}

/// Ports of services that Zeek registers for its analyzers.
fn is_service(port: u16) -> bool {
    const PORTS: [u16; 48] = [
        21, 22, 25, 53, 80, 81, 88, 110, 135, 139, 143, 389, 443, 445, 502, 563, 585, 587, 614, 631, 636,
        989, 990, 992, 993, 995, 1080, 1883, 2811, 3128, 3268, 3306, 3389, 5222, 5223, 5269, 5432, 5900,
        6379, 6666, 6667, 6668, 6669, 8000, 8080, 8443, 8888, 20000,
    ];
    PORTS.binary_search(&port).is_ok()
}

choices!(Endpoint in 3: Inactive SynSent SynAckSent Partial Established Closed Reset);
written!(ZeekTrack { small [originator seen flipped] part [ends history] beside [] });
fields!(End {
    small [state once payload]
    row [last_seq: 3 start_seq: 4]
    row [repeats: 0 zero_windows: 0 gaps: 0 bad_checksums: 0]
    part [last_of cut]
});

/// Most have one SYN, or one SYN+ACK, and one FIN.
impl Pack for [Option<SeqNumber>; 4] {
    fn pack(&self, w: &mut Writer) {
        let [syn, syn_ack, fin, reset] = self;
        let row = [syn.number(&mut w.near), syn_ack.number(&mut w.near)];
        w.row(row, const { &Row::of([3, 3]) });
        let row = [fin.number(&mut w.near), reset.number(&mut w.near)];
        w.row(row, const { &Row::of([3, 0]) });
    }

    fn unpack(&mut self, r: &mut Reader<'_>) {
        let [syn, syn_ack] = r.row(const { &Row::of([3, 3]) });
        let [fin, reset] = r.row(const { &Row::of([3, 0]) });
        *self = [syn, syn_ack, fin, reset].map(|n| Number::of(n, &mut r.near));
    }
}

/// The letters as they are.
impl Pack for Vec<u8> {
    fn pack(&self, w: &mut Writer) {
        w.text(self);
    }

    fn unpack(&mut self, r: &mut Reader<'_>) {
        self.clear();
        self.extend_from_slice(r.text());
    }
}
