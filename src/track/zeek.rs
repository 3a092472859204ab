//! Zeek's `conn_state` and `history`, kept by Zeek's own rules, which are not ours (see its conn/main.zeek).

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

/// Letters that stand once per direction, as bits of `once`.
const ONCE: [u8; 4] = *b"ADIQ";
/// Letters that stand again when the sequence number differs.
const PER_SEQ: [u8; 4] = *b"SHFR";

impl ZeekTrack {
    /// Nothing seen, in the same room.
    pub fn clear(&mut self) {
        let mut history = std::mem::take(&mut self.history);
        history.clear();
        *self = Self { history, ..Self::default() };
    }

    /// A segment of end `e`; `ends` as they were before it.
    pub fn on_segment(&mut self, s: &Segment, e: usize, _ends: &[Peer; 2]) {
        if !self.seen {
            self.orient(s, e);
        }
        let letters = self.flag_letters(s, e);
        self.window_letter(s, e);
        for letter in letters.into_iter().flatten() {
            self.per_seq_or_once(letter, s, e);
        }
        self.track_seq(s, e);
        self.move_state(s, e);
        if s.is_pure_ack() {
            self.per_seq_or_once(b'A', s, e);
        }
        if s.payload_len > 0 && !s.flags.rst() {
            self.ends[e].payload = true;
            self.per_seq_or_once(b'D', s, e);
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
    pub fn history(&self) -> String {
        String::from_utf8_lossy(&self.history).into_owned()
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

    fn flag_letters(&self, s: &Segment, _e: usize) -> [Option<u8>; 3] {
        let f = s.flags;
        let odd = if f.syn() && f.any(Flags::FIN | Flags::RST) {
            Some(b'Q')
        } else if f.has(Flags::FIN | Flags::RST) {
            Some(b'I')
        } else {
            None
        };
        let opening = f.syn().then_some(if f.ack() { b'H' } else { b'S' });
        let closing = if f.rst() { Some(b'R') } else { f.fin().then_some(b'F') };
        [odd, opening, closing]
    }

    fn window_letter(&mut self, s: &Segment, e: usize) {
        let over = self.ends[1 - e].state == Endpoint::Closed || self.ends[e].state == Endpoint::Reset;
        if s.window == 0 && !s.flags.rst() && !over {
            self.ends[e].zero_windows += 1;
            self.scaled(b'W', self.ends[e].zero_windows, e);
        }
    }

    fn per_seq_or_once(&mut self, letter: u8, s: &Segment, e: usize) {
        if let Some(bit) = ONCE.iter().position(|l| *l == letter) {
            if self.ends[e].once >> bit & 1 == 0 {
                self.ends[e].once |= 1 << bit;
                self.add(letter, e);
            }
        } else if let Some(kind) = PER_SEQ.iter().position(|l| *l == letter) {
            let at = if letter == b'F' { s.end() } else { s.seq };
            if self.ends[e].last_of[kind] != Some(at) {
                self.ends[e].last_of[kind] = Some(at);
                self.add(letter, e);
            }
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
        if self.ends[e].state == Endpoint::Reset && self.ends[e].last_of[2].is_some() {
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
