//! HO: rules about half-open connections and the two queues of a listener, the SYN queue and the accept queue.
//!
//! Rules about one connection judge here; those about a listener are judged in `listener/`. Read tcp.md's sources
//! first: listen(2), tcp(7), RFC 4987.

use super::Severity;
use super::listener::{self, listeners};
use super::registry::{Detail, Judgement, Scene, rules};
use crate::tcp::Duration;
use crate::track::{Confidence, Fact, HalfOpenEnd};

rules! {
    /// ## What it reports
    /// A half-open connection whose final ACK never came: the server has sent its SYN+ACK again five times, or the
    /// time in which it would do so has passed.
    /// ## Why it matters
    /// Each holds a place in the listener's SYN queue for about a minute. Many at once are a SYN flood, or an answer
    /// path that loses everything.
    /// ## When it is normal
    /// A client that vanished; a scanner without a RST. A SYN+ACK that never comes again is no entry (HO005). Stacks differ: FreeBSD gives up after three repetitions.
    /// ## Example
    /// SYN+ACK at 0.01 s and again at 1, 3, 7, 15 and 31 s, no ACK.
    /// ## Source
    /// Linux tcp_synack_retries (5) and its 63 s; RFC 4987 §2.
    "HO001" "half-open-expired" {
        severity: Warning, source: "RFC 4987 §2; Linux tcp_synack_retries", since: "0.1",
        wants: [HalfOpenEntered, HalfOpenLeft, SynAckRepeated], check: Connection(expired),
    }
    /// ## What it reports
    /// A listener whose half-open connections reach 80 per cent of its backlog, or all of it (an error). Needs the
    /// option `--backlog`, for nothing on the wire tells it.
    /// ## Why it matters
    /// Beyond it SYNs are dropped, or answered with SYN cookies.
    /// ## When it is normal
    /// Never for long. Where SYN cookies are in use (HO005) the server keeps no entries, and nothing is said.
    /// ## Example
    /// Backlog 128; 129 half-open connections at once during a flood.
    /// ## Source
    /// Linux: the effective backlog is min(backlog, net.core.somaxconn); listen(2), RFC 4987 §2.
    "HO002" "backlog-pressure" {
        severity: Warning, source: "listen(2); RFC 4987 §2", since: "0.1",
        wants: [HalfOpenEntered, HalfOpenLeft, SynAckSent], check: Capture(listeners),
    }
    /// ## What it reports
    /// A listener that leaves SYNs of at least three connections unanswered, though they come again, while it answers
    /// others within ten seconds of it; or 5 % and two at least of 20 SYNs or more within ten seconds. With `filter` (a note): none of these clients is ever answered.
    /// ## Why it matters
    /// Its SYN queue or its accept queue is full: clients wait one, three, seven seconds.
    /// ## When it is normal
    /// A firewall that drops some clients' SYNs looks alike; so does a path that loses many packets.
    /// ## Example
    /// Ten clients send their SYN at 0, 1, 2 and 3 s; another one gets its SYN+ACK at 1.5 s.
    /// ## Source
    /// Linux drops SYNs while either queue is full (net/ipv4/tcp_input.c, tcp_conn_request).
    "HO003" "syn-dropped" {
        severity: Warning, source: "listen(2); Linux tcp_conn_request", since: "0.1",
        wants: [SynUnanswered, SynAckSent, SynAckRepeated, AcceptAborted, HalfOpenEntered], check: Capture(listeners),
    }
    /// ## What it reports
    /// A server that does not take a completed handshake: it sends its SYN+ACK again after the final ACK, twice or
    /// although data came (`overflow`), or answers the final ACK with a RST (`abort`). `defer-accept` (a note): the
    /// first repetition comes after three seconds or more, and the client has sent nothing. `cookies`: three
    /// connections of a listener within a minute are open for the client, and nothing at all answers their data: with
    /// SYN cookies the server knows nothing of a connection that found the queue full, and repeats no SYN+ACK.
    /// ## Why it matters
    /// The accept queue is full: the application takes connections more slowly than they come. The client believes
    /// it is connected, and its data is dropped.
    /// ## When it is normal
    /// TCP_DEFER_ACCEPT waits for data by design. A final ACK lost behind the capture point makes one repetition, and
    /// is not reported. A single connection is never sure, three within a minute are. What `cookies` reports looks the
    /// same as a path that loses large packets only (path MTU).
    /// ## Example
    /// SYN, SYN+ACK, ACK, five bytes of data, the same SYN+ACK at 1 s and at 3 s.
    /// ## Source
    /// Linux tcp_abort_on_overflow and TCP_DEFER_ACCEPT (tcp(7)); listen(2).
    "HO004" "accept-overflow" {
        severity: Warning, source: "listen(2); Linux tcp_abort_on_overflow", since: "0.1",
        wants: [SynAckRepeated, AcceptAborted], check: Connection(not_accepted), review: listener::REVIEW,
    }
    /// ## What it reports
    /// A listener that answers SYNs without keeping anything. `same-tuple`: for three ISNs of one client on one
    /// 4-tuple the server's ISN less the client's is the same. `no-retransmission`: 20 half-open connections
    /// that were never sent a second SYN+ACK, at a listener that had done so before. `timestamps`: eight SYN+ACKs of
    /// one 4-tuple with the same options and the same low six bits of the timestamp.
    /// ## Why it matters
    /// SYN cookies are on, so the SYN queue is or was full. Some options of the SYN are lost with them.
    /// ## When it is normal
    /// A server that is set to use cookies always; a scrubbing device before the server. Two ISNs with one difference
    /// may be a port that is used again, so three are asked for (`--threshold cookie-isns=2` for two).
    /// ## Example
    /// SYN 1000 gets SYN+ACK 7001000, SYN 5000 gets 7005000, SYN 42 gets 7000042.
    /// ## Source
    /// Linux net/ipv4/syncookies.c; RFC 4987 §3.6.
    "HO005" "syn-cookies" {
        severity: Note, source: "RFC 4987 §3.6; Linux syncookies.c", since: "0.1",
        wants: [SynAckSent, SynAckRepeated, HalfOpenLeft], check: Capture(listeners),
    }
    /// ## What it reports
    /// A listener at which fewer than half of at least 100 answered connection attempts within a minute are completed.
    /// ## Why it matters
    /// It serves mostly clients that are not there: a flood from forged addresses, or an answer path that is broken.
    /// ## When it is normal
    /// Health checks that hang up after the SYN+ACK; those that come at a steady period are not counted.
    /// ## Example
    /// 400 half-open connections expire in a minute, 20 are completed.
    /// ## Source
    /// RFC 4987 §2.
    "HO006" "low-completion" {
        severity: Warning, source: "RFC 4987 §2", since: "0.1",
        wants: [HalfOpenEntered, HalfOpenLeft], check: Capture(listeners),
    }
    /// ## What it reports
    /// One end has lost the connection and the other does not know (half-open in the sense of RFC 9293, called
    /// desynchronized here): it begins anew, is answered with the old numbers and replies with a RST (`syn`); or it
    /// answers data with a RST as a host without such a connection does (`data`).
    /// ## Why it matters
    /// A reboot, a crash, a moved address or a NAT that forgot: data sent until then is lost.
    /// ## When it is normal
    /// After a long pause (300 s and more) it is most often a NAT or firewall that dropped an idle connection.
    /// ## Example
    /// SYN 400 on an open connection; ACK 300/100; RST 100.
    /// ## Source
    /// RFC 9293 §3.5.1, figures 9 to 11.
    "HO007" "half-open-discovered" {
        severity: Warning, source: "RFC 9293 §3.5.1", since: "0.1",
        wants: [Desynchronized, Reset, ResetNotObeyed], check: Connection(discovered),
    }
}

fn expired(scene: &Scene<'_>) -> Option<Judgement> {
    if let Fact::HalfOpenEntered { again: Some(_) } = scene.event.fact {
        // Its next SYN+ACK was only late.
        return Some(Judgement::Retract);
    }
    let open = &scene.connection.open;
    let server = scene.event.end;
    // The client's side must be visible, or its ACK may just not have been captured.
    if open.done.is_some() || !scene.connection.ends[1 - server].was_seen() {
        return None;
    }
    let (retransmissions, age, message) = match scene.event.fact {
        Fact::HalfOpenLeft { kind: HalfOpenEnd::Expired, retransmissions, age } if retransmissions > 0 => (
            retransmissions,
            age,
            "half-open until the {end} gave up after {age}: {retransmissions} SYN+ACKs sent again, no ACK",
        ),
        Fact::SynAckRepeated { count, .. } if count >= scene.config.thresholds.synack_retries => (
            count,
            open.first_syn_ack_at.map_or(Duration::ZERO, |t| scene.event.at.since(t)),
            "the {end} has sent its SYN+ACK again {retransmissions} times in {age} and got no ACK",
        ),
        _ => return None,
    };
    Detail::new(message)
        .cause(open.syn_frame)
        .with("retransmissions", retransmissions)
        .with("age", age.to_string())
        .with("age_ns", age.0)
        .report()
}

fn not_accepted(scene: &Scene<'_>) -> Option<Judgement> {
    let open = &scene.connection.open;
    let gap = match scene.event.fact {
        Fact::AcceptAborted => return aborted(scene),
        Fact::SynAckRepeated { gap, after_ack: true, after_established: false, .. } => gap,
        _ => return None,
    };
    let (repeats, client) = (open.syn_acks_after_ack, &scene.connection.ends[1 - scene.event.end]);
    let payload = client.flow.payload_bytes.saturating_sub(u64::from(open.syn_payload));
    let handshake_seen = client.offer.is_some();
    if repeats == 0 || !handshake_seen {
        return None;
    }
    let first = open.syn_ack_retransmissions == repeats && repeats == 1;
    if first && gap >= scene.config.thresholds.defer_accept && payload == 0 {
        return Detail::new(
            "the {end} sent its SYN+ACK again only after {gap}: it seems to wait for data (TCP_DEFER_ACCEPT)",
        )
        .variant("defer-accept")
        .severity(Severity::Note)
        .confidence(Confidence::Medium)
        .with("gap", gap.to_string())
        .with("gap_ns", gap.0)
        .report();
    }
    if repeats < 2 && (payload == 0 || open.syn_acks_after_data == 0) {
        return None;
    }
    let confidence = match repeats {
        0 | 1 => Confidence::Low,
        2 => Confidence::Medium,
        _ => Confidence::High,
    };
    Detail::new(
        "the {end} sent its SYN+ACK again {repeats:time:times} after the final ACK: its accept queue seems full ({client_bytes} bytes of the {peer} waiting)",
    )
    .variant("overflow")
    .confidence(confidence)
    .with("repeats", repeats)
    .with("client_bytes", payload)
    .report()
}

fn aborted(scene: &Scene<'_>) -> Option<Judgement> {
    let open = &scene.connection.open;
    let after = open.done.map_or(Duration::ZERO, |t| scene.event.at.since(t));
    Detail::new("the {end} answered the final ACK with a RST after {after}: its accept queue seems full")
        .variant("abort")
        .confidence(Confidence::Medium)
        .cause(open.syn_frame)
        .with("after", after.to_string())
        .with("after_ns", after.0)
        .report()
}

fn discovered(scene: &Scene<'_>) -> Option<Judgement> {
    match scene.event.fact {
        Fact::Desynchronized { idle } => found(
            scene,
            "syn",
            idle,
            "the {end} had lost the connection: its SYN got the {peer}'s old numbers, and it answered with a RST{hint}",
        ),
        Fact::Reset {
            is_reply: true, after_own_fin: false, after_peer_fin: false, unacknowledged, ..
        } if unacknowledged > 0 => {
            let sender = &scene.connection.ends[scene.event.end];
            let idle = scene.event.at.since(sender.last_sent?);
            if idle < scene.config.thresholds.lost_after {
                return None;
            }
            found(
                scene,
                "data",
                idle,
                "the {end}, silent for {idle}, answered data with a RST: it has no such connection any more{hint}",
            )
        }
        Fact::ResetNotObeyed { by_sender: true, .. } => Some(Judgement::Retract),
        _ => None,
    }
}

fn found(
    scene: &Scene<'_>,
    variant: &'static str,
    idle: Duration,
    message: &'static str,
) -> Option<Judgement> {
    let hint = if idle >= scene.config.thresholds.middlebox_idle {
        "; a NAT or firewall that forgot it is likely"
    } else {
        ""
    };
    Detail::new(message)
        .variant(variant)
        .confidence(if variant == "syn" { Confidence::High } else { Confidence::Medium })
        .with("idle", idle.to_string())
        .with("idle_ns", idle.0)
        .with("hint", hint)
        .report()
}
