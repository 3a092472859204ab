//! `Peer`: one end of a connection, its state and its send and receive variables as far as an observer can know them.

use super::agreed::Offer;
use super::life::Unanswered;
use super::packed::{fields, written};
use super::record::Flow;
use super::rings::{AckRing, KeptPayload, RecentRing, RttRing};
use super::signs::Usual;
use super::space::SendSpace;
use crate::tcp::{Certainty, Endpoint, SeqNumber, State, Timestamp};

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
