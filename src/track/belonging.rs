//! Whether a segment belongs to the connection that has its 4-tuple, judged by its numbers (tcp.md §1.9).

use super::connection::Connection;
use super::peer::Peer;
use super::space::SendSpace;
use super::succession::Previous;
use crate::tcp::{Flags, Segment, SeqNumber};

/// Whether a segment continues the connection before: its numbers fit that one better.
pub(super) fn belongs_to_previous(new: &Connection, previous: &Previous, s: &Segment) -> bool {
    let old = &previous.connection;
    let from_new_client = new.end_of(&s.src) == 0;
    if s.flags.syn() {
        let answers = |c: &Connection| s.flags.ack() && c.ends[1 - c.end_of(&s.src)].syn_acked_by(s.ack);
        return !answers(new) && answers(old);
    }
    if s.flags.rst() && s.flags.ack() && !from_new_client && new.ends[0].syn_acked_by(s.ack) {
        return false;
    }
    // By what is known of both, where that is something.
    let by_seq = misfit_of_seq(old, s).zip(misfit_of_seq(new, s));
    let by_ack = misfit_of_ack(old, s).zip(misfit_of_ack(new, s));
    match (by_seq, by_ack) {
        (None, None) => misfit_of_seq(old, s).or(misfit_of_ack(old, s)).is_some(),
        _ => {
            let sum = |one: fn((u64, u64)) -> u64| by_seq.map_or(0, one) + by_ack.map_or(0, one);
            sum(|(old, _)| old) < sum(|(_, new)| new)
        }
    }
}

/// How far a segment's number is from what its sender would send next, where that is known.
fn misfit_of_seq(c: &Connection, s: &Segment) -> Option<u64> {
    misfit(&c.ends[c.end_of(&s.src)].space, s.seq)
}

/// The same of what it acknowledges.
fn misfit_of_ack(c: &Connection, s: &Segment) -> Option<u64> {
    misfit(&c.ends[1 - c.end_of(&s.src)].space, s.ack).filter(|_| s.flags.ack())
}

fn misfit(space: &SendSpace, number: SeqNumber) -> Option<u64> {
    space.known().then(|| u64::from(number.distance(space.max()).unsigned_abs()))
}

/// A RST+ACK answers the SYN that waits: neither end knows of the connection that it did not fit.
pub(super) fn refuses_held(c: &Connection, s: &Segment) -> bool {
    let answers = |h: &Segment| s.ack == h.seq + 1 && s.seq == SeqNumber(0) && h.src == s.dst;
    s.flags.has(Flags::RST | Flags::ACK) && c.held_syn.as_ref().is_some_and(|h| answers(h))
}

/// The connection was reset, or both ends have closed and acknowledged it, and neither number of the segment is near
/// theirs: the opening of the connection it belongs to was not captured.
pub(super) fn is_of_another(c: &Connection, s: &Segment) -> bool {
    if (c.close.second_fin_at.is_none() && c.close.reset_at.is_none()) || !s.flags.ack() || s.flags.rst() {
        return false;
    }
    let e = c.end_of(&s.src);
    let (end, peer) = (&c.ends[e], &c.ends[1 - e]);
    let far = |number: SeqNumber, from: &Peer, window: u32| {
        let used = from.iss.is_some_and(|iss| !number.before(iss) && !number.after(from.space.max()));
        let away = number.distance(from.space.max()).unsigned_abs();
        from.space.known() && !used && away > window.max(65_535)
    };
    let acked = |one: &Peer, other: &Peer| one.ack_max.is_some_and(|ack| other.fin_acked_by(ack));
    let closed = acked(end, peer) && acked(peer, end);
    let reset = c.close.reset_at.is_some() && c.is_closed();
    (closed || reset) && far(s.seq, end, peer.window.max) && far(s.ack, peer, end.window.max)
}
