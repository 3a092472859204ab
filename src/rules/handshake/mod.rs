//! HS: rules about how a connection opens.

mod answer;
mod attempt;
mod rewritten;
mod schedule;

use super::registry::rules;

rules! {
    /// ## What it reports
    /// A SYN sent again while unanswered (`syn`), a SYN+ACK sent again before the final ACK (`synack`), or a SYN+ACK
    /// from a server that is already in ESTABLISHED (`synack-late`).
    /// ## Why it matters
    /// Each repetition costs the user a whole timeout, one second at least; the connection does not start until it
    /// is answered.
    /// ## When it is normal
    /// A single one after a lost packet. Three or more are a warning: the path loses much, or the server's queues
    /// are full. A SYN+ACK repeated after the final ACK was captured is not reported here but by HO004. The gaps tell
    /// by which timer it was repeated: `doubling` (Linux before 6.5, Windows, and nearly every SYN+ACK),
    /// `linear-then-doubling` (Linux since 6.5, BSD and Apple systems), `constant` as no system does.
    /// ## Example
    /// SYN at 0 s, again at 1 s and at 3 s, SYN+ACK at 3.01 s.
    /// ## Source
    /// RFC 9293 §3.8.1 and §3.8.3 (MUST-20, MUST-22, MUST-23); Linux tcp_syn_retries and tcp_synack_retries.
    "HS001" "handshake-retransmit" {
        severity: Note, source: "RFC 9293 §3.8.1, §3.8.3", since: "0.1",
        wants: [SynRepeated, SynAckRepeated], check: Connection(attempt::repeated),
    }
    /// ## What it reports
    /// A SYN+ACK that acknowledges something other than what the SYN used: ISN + 1, or more where the SYN carried
    /// payload. The SYN must have been captured.
    /// ## Why it matters
    /// A client must refuse it and answer with a RST, so the connection does not open.
    /// ## When it is normal
    /// An old duplicate that shows up again (RFC 9293 figure 8), or a middlebox that rewrites sequence numbers on one
    /// side of the capture point only: where three connections are off by the same, other than by one, it is a note
    /// (`sequence-rewriting`).
    /// ## Example
    /// SYN 100, SYN+ACK 300 acknowledging 91 instead of 101, RST 91.
    /// ## Source
    /// RFC 9293 §3.10.7.3, first check.
    "HS002" "synack-bad-ack" {
        severity: Error, source: "RFC 9293 §3.10.7.3", since: "0.1",
        wants: [SynAckWrongAck], check: Connection(answer::bad_ack), review: rewritten::REVIEW,
    }
    /// ## What it reports
    /// The client's first segment after the SYN+ACK does not fit it: it acknowledges what the server has not sent, or
    /// lies outside what the client may send. Needs both SYNs and both directions, and no loss in the capture.
    /// ## Why it matters
    /// The server answers with a RST and stays in SYN_RECEIVED: the client believes in a connection that is none.
    /// Tools that evade an intrusion detection system do this on purpose.
    /// ## When it is normal
    /// Never, unless a middlebox rewrites sequence numbers on one side of the capture point only.
    /// ## Example
    /// SYN 100, SYN+ACK 300 acknowledging 101, ACK 999 instead of 301, RST 999.
    /// ## Source
    /// RFC 9293 §3.10.7.4, SYN-RECEIVED, fifth check.
    "HS003" "final-ack-mismatch" {
        severity: Error, source: "RFC 9293 §3.10.7.4", since: "0.1",
        wants: [FinalAckWrong], check: Connection(answer::final_ack_mismatch),
    }
    /// ## What it reports
    /// A second SYN+ACK for the same SYN with another sequence number, before the connection is open.
    /// ## Why it matters
    /// Two hosts answered, or one answered and somebody forged the other: the first to arrive wins the connection.
    /// ## When it is normal
    /// More than a minute apart, a server that uses SYN cookies makes a new number (a note); so do load balancers and
    /// anycast routes that change the server between two SYNs. Different TTLs or options speak for two hosts.
    /// ## Example
    /// SYN 100, SYN+ACK 7777 acknowledging 101, 5 ms later SYN+ACK 300 acknowledging 101.
    /// ## Source
    /// RFC 9293 §3.4.1: one ISN for one connection; §3.10.7.3.
    "HS004" "synack-isn-changed" {
        severity: Warning, source: "RFC 9293 §3.4.1, §3.10.7.3", since: "0.1",
        wants: [SynAckIsnChanged], check: Connection(answer::isn_changed),
    }
    /// ## What it reports
    /// A connection attempt that was refused: an acceptable RST answers the SYN.
    /// ## Why it matters
    /// Nobody listens on that port, or something in between says so.
    /// ## When it is normal
    /// Service discovery, a service that is being restarted, a client that tries IPv6 before IPv4. Windows sends a
    /// refused SYN twice more, half a second apart: one attempt, counted three times.
    /// ## Example
    /// SYN 100, RST+ACK 0 acknowledging 101.
    /// ## Source
    /// RFC 9293 §3.10.7.1 (a closed port answers so) and §3.10.7.3, second check.
    "HS005" "connect-refused" {
        severity: Note, source: "RFC 9293 §3.10.7.1", since: "0.1",
        wants: [Refused, ResetNotObeyed], check: Connection(answer::refused),
    }
    /// ## What it reports
    /// An attempt that was never answered: four SYNs or more, or two over at least 21 s, and neither SYN+ACK nor RST.
    /// ## Why it matters
    /// The user waits until the stack gives up: 21 s on Windows, more than two minutes on Linux. A firewall drops the
    /// SYN, the host is gone, or the listener's queue is full.
    /// ## When it is normal
    /// Never for a service that should be there. A single SYN without an answer is no timeout but a probe. An answer
    /// that took another way than through the capture is not mistaken for none: the client would go on.
    /// ## Example
    /// SYN at 0, 1, 3, 7, 15, 31 and 63 s, and nothing else.
    /// ## Source
    /// RFC 9293 §3.8.3 (MUST-23: three minutes at least); Linux tcp_syn_retries.
    "HS006" "connect-timeout" {
        severity: Warning, source: "RFC 9293 §3.8.3 (MUST-23)", since: "0.1",
        wants: [Ended], check: Connection(attempt::timed_out),
    }
    /// ## What it reports
    /// A SYN with a new sequence number from an end that has an open connection on the same two endpoints.
    /// ## Why it matters
    /// A receiver must not take it for a new connection: it answers with a challenge ACK. Either the sender has lost
    /// the connection, or somebody tries to break it from outside.
    /// ## When it is normal
    /// A host that was restarted, a NAT device that gives a port to another host too early. Taken back when the SYN
    /// gets a SYN+ACK, or when its sender shows with a RST that it had lost the connection (HO007).
    /// ## Example
    /// An open connection; SYN 5000 in its midst; the peer repeats its last ACK.
    /// ## Source
    /// RFC 9293 §3.10.7.4, fourth check; RFC 5961 §4.
    "HS007" "syn-in-sync-state" {
        severity: Warning, source: "RFC 9293 §3.10.7.4; RFC 5961 §4", since: "0.1",
        wants: [SynWhileSynchronized, ChallengeAck, Desynchronized, SynTakenUp],
        check: Connection(attempt::while_synchronized),
    }
    /// ## What it reports
    /// Payload that the client sent in a segment of its own before any SYN+ACK, and that the server did not take: its
    /// SYN+ACK acknowledges the SYN alone.
    /// ## Why it matters
    /// Such bytes reach a monitor but not the server's application, or reach it later with other content: a known way
    /// to evade inspection. An honest stack never sends it.
    /// ## When it is normal
    /// Never. Payload on the SYN itself is Fast Open and not meant here.
    /// ## Example
    /// SYN 100, then 5 bytes at 101 with acknowledgment 0, then SYN+ACK acknowledging 101.
    /// ## Source
    /// RFC 9293 §3.5 and §3.10.2: data is queued for sending until the connection is open.
    "HS008" "data-before-established" {
        severity: Warning, source: "RFC 9293 §3.5, §3.10.2", since: "0.1",
        wants: [HalfOpenEntered], check: Connection(attempt::early_data),
    }
    /// ## What it reports
    /// A SYN to an address that stands for many hosts (`destination`: broadcast or multicast), or from an address that
    /// no single host can have on a wire (`source`: these, 0.0.0.0/8, `::`, or a loopback address toward another
    /// network). A SYN that the link layer sends to all hosts (`link`) is a warning.
    /// ## Why it matters
    /// No host may answer it. It comes from a fault in an address table or from somebody who hopes for many answers.
    /// ## When it is normal
    /// Never. A subnet's own broadcast address is recognized where `--local-net` names the subnet, for its mask is not
    /// in the packets; else only the link layer's address gives it away, where it was captured.
    /// ## Example
    /// SYN to 224.0.0.1.
    /// ## Source
    /// RFC 9293 §3.9.2.3 (MUST-57, MUST-63); RFC 1122 §3.2.1.3.
    "HS009" "syn-to-group-address" {
        severity: Error, source: "RFC 9293 §3.9.2.3 (MUST-57, MUST-63)", since: "0.1",
        wants: [NotableHeader], check: Connection(attempt::group_address),
    }
    /// ## What it reports
    /// A server that answers a SYN with a SYN of its own instead of a SYN+ACK, and a client that completes the opening
    /// with a SYN+ACK: the handshake in four or five segments.
    /// ## Why it matters
    /// The roles look swapped to a firewall that only looks at who sends the SYN+ACK; hostile servers use it.
    /// ## When it is normal
    /// In a true simultaneous open both ends send a SYN+ACK; then only the shape `simultaneous-open` is told.
    /// ## Example
    /// SYN 100, SYN 300, the client's SYN+ACK acknowledging 301, ACK 101.
    /// ## Source
    /// RFC 9293 §3.5, figure 7, allows the segments, not for a listener (§3.10.7.2: it answers with SYN+ACK).
    "HS010" "split-handshake" {
        severity: Warning, source: "RFC 9293 §3.5, §3.10.7.2", since: "0.1",
        wants: [SplitHandshake], check: Connection(answer::split),
    }
}
