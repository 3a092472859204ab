//! What each end sent, counted: bytes, repetitions, gaps, windows, round trips (tcp.md §1.12).

use super::connection::{Connection, Context};
use super::event::Fact;
use super::packed::written;
use super::peer::Window;
use super::space::Placement;
use crate::tcp::{Certainty, Checksum, Duration, Flags, Segment, SeqNumber, State, Timestamp};

/// Pure ACKs that say nothing new, in a row, counted for each end.
#[derive(Clone, Copy, Debug)]
pub(super) struct AckRun {
    since: Timestamp,
    counts: [u16; 2],
}

impl AckRun {
    /// So many make a loop: ten a second, more than any keep-alive or window update asks for (tcp.md SQ009).
    const LONG: u32 = 100;
    const SPAN: Duration = Duration::from_secs(10);
}

impl Default for AckRun {
    fn default() -> Self {
        Self { since: Timestamp::MIN, counts: [0; 2] }
    }
}

impl Connection {
    /// Counts that need no state.
    pub(super) fn count(&mut self, s: &Segment, e: usize) {
        let flow = &mut self.ends[e].flow;
        flow.segments += 1;
        flow.segments_without_payload += u64::from(s.payload_len == 0);
        flow.payload_bytes += u64::from(s.payload_len);
        flow.syn += u32::from(s.flags.syn());
        flow.fin += u32::from(s.flags.fin());
        let syn_acks = u32::from(s.flags.has(Flags::SYN_ACK));
        flow.rst += u32::from(s.flags.rst());
        flow.zero_windows += u32::from(s.window == 0 && !s.flags.any(Flags::SYN | Flags::RST));
        self.truncated |= s.captured_payload < s.payload_len;
        self.offload |= s.checksum == Checksum::Offloaded;
        self.ends[e].good_checksums += u32::from(s.checksum == Checksum::Good);
        self.ends[e].bad_checksums += u32::from(s.checksum == Checksum::Bad);
        self.ends[e].syn_acks += syn_acks;
        self.ends[e].ttl.get_or_insert(s.ip.ttl);
        if !s.flags.rst() {
            self.ends[e].usual.note(s);
        }
        if s.payload_len > 0 {
            self.note_turn(e);
        }
    }

    /// Requests: times that the client's payload follows the server's, or begins.
    fn note_turn(&mut self, e: usize) {
        if self.last_payload_from != Some(e) && self.role(e) == super::record::Role::Client {
            self.requests = self.requests.saturating_add(1);
        }
        self.last_payload_from = Some(e);
        self.first_payload_from.get_or_insert(e);
    }

    /// Places what the segment carries in its sender's sequence space, and says what it is: new, a repetition, a
    /// late one, a probe.
    pub(super) fn account(&mut self, s: &Segment, e: usize, ctx: &mut Context<'_>) {
        let p = 1 - e;
        // Linux probes a closed window with what is a keep-alive by its numbers.
        let below_next = !s.flags.syn() && self.is_keep_alive(s, p);
        let closed = self.ends[p].window.zero_since.is_some();
        let keep_alive = below_next && !closed;
        let probe = (below_next && closed) || self.is_window_probe(s, p);
        self.ends[e].flow.keep_alives += u32::from(keep_alive);
        self.ends[e].flow.window_probes += u32::from(probe);
        self.ends[p].window.probes += u32::from(probe);
        self.ends[e].last_was_keep_alive = keep_alive;
        self.ends[e].last_was_probe = probe;
        if s.is_pure_ack() && !keep_alive {
            self.count_ack_run(s, e, ctx);
            self.count_duplicate_ack(s, e);
        } else {
            self.ack_loop = AckRun::default();
        }
        if s.is_empty() && !self.ends[e].space.known() {
            self.ends[e].space.start(s.seq);
        }
        let probes_byte = probe && s.payload_len == 1;
        if !s.is_empty() && !keep_alive && !probes_byte {
            self.judge_window(s, e, ctx);
            self.compare_payload(s, e, ctx);
            self.place(s, e);
        }
        self.note_throttled(s, e, probe, ctx);
        self.note_timestamps(s, e, ctx);
        self.note_departure(s, e, ctx);
    }

    /// Something for the peer, whose window has let next to nothing through for a while.
    fn note_throttled(&mut self, s: &Segment, e: usize, probe: bool, ctx: &mut Context<'_>) {
        let window = &self.ends[1 - e].window;
        if let Some(since) = window.small_since.filter(|_| probe || s.payload_len > 0)
            && s.time.since(since) >= Duration::from_secs(1)
        {
            let (lasted, window) = (s.time.since(since), window.last);
            self.tell(ctx, 1 - e, Fact::Throttled { lasted, window });
        }
    }

    /// Pure ACKs in a row whose sender repeats its last one. Anything else, or ten seconds, ends the row.
    fn count_ack_run(&mut self, s: &Segment, e: usize, ctx: &mut Context<'_>) {
        let again = self.ends[e].dup_ack_base == Some((s.seq, s.ack));
        let run = &mut self.ack_loop;
        if !again || run.counts == [0; 2] || s.time.since(run.since) > AckRun::SPAN {
            *run = AckRun { since: s.time, counts: [0; 2] };
        }
        run.counts[e] = run.counts[e].saturating_add(1);
        let count = u32::from(run.counts[0]) + u32::from(run.counts[1]);
        let span = s.time.since(run.since);
        let mutual = run.counts.iter().all(|n| u32::from(*n) * 4 >= count);
        if count >= AckRun::LONG && mutual {
            *run = AckRun::default();
            self.tell(ctx, e, Fact::AckLoop { count, span });
        }
    }

    /// The same numbers with other bytes. Segments of other lengths are not compared.
    fn compare_payload(&mut self, s: &Segment, e: usize, ctx: &mut Context<'_>) {
        let Some(second) = s.payload_digest.filter(|_| s.checksum != Checksum::Bad) else { return };
        let second = second.get();
        if let Some(first) = self.ends[e].kept.begun_alike(s) {
            self.note_overlaid(s, &first);
        }
        if let Some(kept) = self.ends[e].kept.first(s, second)
            && kept.digest != second
        {
            let seq = s.seq + u32::from(s.flags.syn());
            self.note_replaced(s, e, &kept);
            let (first, first_frame) = (kept.digest, kept.frame);
            self.tell(ctx, e, Fact::PayloadChanged { seq, len: s.payload_len, first, second, first_frame });
        }
    }

    fn is_window_probe(&self, s: &Segment, p: usize) -> bool {
        let end = &self.ends[1 - p];
        let closed = self.ends[p].window.zero_since.is_some() && end.space.known();
        let one_byte = s.payload_len == 1 && s.seq == end.space.max();
        let none = s.payload_len == 0 && self.ends[p].ack_max.is_some_and(|ack| s.seq == ack - 1);
        closed && (one_byte || none) && !s.flags.any(Flags::SYN | Flags::FIN | Flags::RST)
    }

    fn count_duplicate_ack(&mut self, s: &Segment, e: usize) {
        let outstanding = self.ends[1 - e].space.known() && self.ends[1 - e].space.max().after(s.ack);
        let end = &mut self.ends[e];
        let same = end.acks.is_latest(s.ack) && end.last_sent.is_some() && end.ack_max == Some(s.ack);
        let repeats = s.window == end.window.raw || !s.options.sack.is_empty();
        if same && outstanding && repeats && end.dup_ack_base == Some((s.seq, s.ack)) {
            end.flow.duplicate_acks += 1;
        }
        end.dup_ack_base = Some((s.seq, s.ack));
    }

    fn place(&mut self, s: &Segment, e: usize) {
        let syn = u32::from(s.flags.syn());
        // Where SYNs cross, each end sends a SYN and then a SYN+ACK: the second is no repetition of the first.
        let alike =
            if s.flags.ack() { self.ends[e].syn_acks } else { self.ends[e].flow.syn - self.ends[e].syn_acks };
        let repeated_syn = s.flags.syn() && alike > 1;
        if s.flags.syn() && self.ends[e].iss.is_some_and(|iss| iss != s.seq) {
            // With another number than the first: which of them counts is for the peer to say.
            self.ends[e].flow.retransmissions += u32::from(repeated_syn);
            return;
        }
        let data_at = s.seq + syn;
        let Some(mut data) = self.ends[e].space.place(data_at, s.payload_len) else { return };
        let fin_again = s.flags.fin() && self.place_fin(s, e, &mut data);
        let repeated = data.repeated > 0 || repeated_syn || fin_again;
        let late = data.filled > 0 && self.is_late(s, e);
        let end = &mut self.ends[e];
        end.flow.unique_bytes += u64::from(data.new + data.filled);
        if repeated || (data.filled > 0 && !late) {
            end.flow.retransmissions += 1;
            end.rtt.forget();
            self.count_spurious(s, e);
        } else if late {
            end.flow.out_of_order += 1;
        } else if s.payload_len > 0 {
            end.rtt.start(s.end(), s.time);
        }
        if data.skipped > 0 {
            self.ends[e].hole_at = s.time;
        }
        if data.new + data.filled > 0 {
            self.ends[e].last_payload = Some(s.time);
        }
    }

    /// Whether the FIN had been there before.
    fn place_fin(&mut self, s: &Segment, e: usize, data: &mut Placement) -> bool {
        let at = self.ends[e].space.place(s.end() - 1, 1).unwrap_or_default();
        data.skipped += at.skipped;
        at.repeated > 0
    }

    fn count_spurious(&mut self, s: &Segment, e: usize) {
        let covered = self.ends[1 - e].ack_max.is_some_and(|ack| !s.end().after(ack));
        self.ends[e].flow.spurious_retransmissions += u32::from(covered && !s.flags.syn());
    }

    /// A segment that fills a hole: sent late, or sent again after a loss before the capture point? Told by the
    /// sender's own clock or packet counter where there is one, else by time (3 ms or a round trip, as Wireshark).
    fn is_late(&self, s: &Segment, e: usize) -> bool {
        let end = &self.ends[e];
        if let (Some(t), Some(last)) = (s.options.timestamps, end.ts_last)
            && t.value != last
        {
            return (t.value.wrapping_sub(last) as i32) < 0;
        }
        let rtt =
            self.open.server_rtt.unwrap_or(Duration::ZERO) + self.open.client_rtt.unwrap_or(Duration::ZERO);
        s.time.since(end.hole_at) < rtt.max(Duration::from_millis(3))
    }

    /// Payload against the window its receiver offers; silent where the scale is not known for sure.
    fn judge_window(&mut self, s: &Segment, e: usize, ctx: &mut Context<'_>) {
        let p = 1 - e;
        let trusted = self.ends[0].syn_seen && self.ends[1].syn_seen && !self.capture_loss;
        let Some(right) =
            self.ends[p].window.right.filter(|_| trusted && s.payload_len > 0 && !s.flags.syn())
        else {
            return;
        };
        // ACKs may be captured late: two segments, or an eighth of the largest window (tcp.md SQ003).
        let tolerance = (self.ends[p].window.max / 8).max(2 * 1460);
        let (start, end) = (s.seq.distance(right), s.end().distance(right));
        if end > tolerance as i32 {
            if start > tolerance as i32 {
                self.note_stray_data(s);
            }
            self.tell(ctx, e, Fact::BeyondWindow { start, end, tolerance });
        }
        let reach = self.ends[p].window.max.max(65_535) as i32;
        let before = self.ends[p].ack_max.map_or(0, |ack| ack.distance(s.end()));
        if before > reach {
            self.note_stray_data(s);
            self.tell(ctx, e, Fact::BeforeWindow { distance: before as u32 });
        }
    }

    fn note_timestamps(&mut self, s: &Segment, e: usize, ctx: &mut Context<'_>) {
        let Some(t) = s.options.timestamps else { return };
        let end = &mut self.ends[e];
        match end.ts_last {
            Some(last) if (t.value.wrapping_sub(last) as i32) < 0 => {
                let new = s.payload_len > 0 && s.end() == end.space.max() && s.seq.after(self.last_start(e));
                if new {
                    self.tell(ctx, e, Fact::OldTimestamp { value: t.value, last });
                }
            }
            _ => end.ts_last = Some(t.value),
        }
    }

    /// The lowest number that an end's next new segment can start after.
    fn last_start(&self, e: usize) -> SeqNumber {
        self.ends[1 - e].ack_max.unwrap_or(self.ends[e].iss.unwrap_or(self.ends[e].space.nxt() - 1)) - 1
    }

    /// The window an end offers.
    pub(super) fn note_window(&mut self, s: &Segment, e: usize, ctx: &mut Context<'_>) {
        let scaled = self.scale_window(s, e);
        if s.flags.ack() && !s.flags.rst() {
            self.note_right_edge(s, e, scaled, ctx);
        }
        let window = &mut self.ends[e].window;
        window.raw = s.window;
        window.last = scaled;
        window.max = window.max.max(scaled);
        if s.flags.syn() {
            return;
        }
        if scaled > Window::SMALL {
            window.small_since = None;
        } else {
            window.small_since.get_or_insert(s.time);
        }
        if s.window == 0 {
            window.zero_since.get_or_insert(s.time);
        } else if let Some(since) = window.zero_since.take() {
            let probes = std::mem::take(&mut window.probes);
            self.tell(ctx, e, Fact::ZeroWindowEnded { lasted: s.time.since(since), probes });
        }
    }

    /// Scaling holds only where both SYNs asked for it, and never on a SYN (RFC 7323 §2.2).
    fn scale_window(&self, s: &Segment, e: usize) -> u32 {
        let raw = u32::from(s.window);
        match (self.ends[0].window.scale, self.ends[1].window.scale) {
            (Some(_), Some(_)) if !s.flags.syn() => raw << self.ends[e].window.scale.unwrap_or(0).min(14),
            _ => raw,
        }
    }

    fn note_right_edge(&mut self, s: &Segment, e: usize, scaled: u32, ctx: &mut Context<'_>) {
        let edge = s.ack + scaled;
        let window = &mut self.ends[e].window;
        window.right = Some(window.right.map_or(edge, |r| r.max(edge)));
        if s.flags.syn() {
            return;
        }
        let newest = self.ends[e].ack_max == Some(s.ack);
        let before = self.ends[e].window.right_after_syn;
        self.ends[e].window.right_after_syn = Some(before.map_or(edge, |r| r.max(edge)));
        let both_syns = self.ends[0].syn_seen && self.ends[1].syn_seen;
        if let Some(right) =
            before.filter(|_| newest && both_syns && self.ends[e].certainty == Certainty::Observed)
        {
            let unit = 1u32 << self.ends[e].window.scale.unwrap_or(0).min(14);
            let tolerance = (self.ends[e].window.max / 8).max(2 * 1460).max(unit);
            let by = right.distance(edge);
            if by > tolerance as i32 && self.ends[e].state != State::Closed {
                self.tell(ctx, e, Fact::WindowShrunk { by: by as u32, tolerance });
            }
        }
    }
}

written!(AckRun { small [] row [since: 5] part [counts] beside [] });
