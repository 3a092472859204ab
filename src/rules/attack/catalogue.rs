//! What the rules about attacks say of themselves.

use super::exhaustion::{servers, time_waits};
use super::flood::floods;
use super::stray::strays;
use crate::rules::registry::rules;

rules! {
    /// ## What it reports
    /// Connection attempts that nobody means to finish: SYNs to one listener, or to all ports of one host, that are
    /// neither completed, refused nor cancelled within three seconds; at least 150 of them in three seconds, or 100 in ten
    /// whose headers tell of forged sources; and 70 % of what the listener's usual traffic leaves. Cancelled ones count
    /// where there are 150 in three seconds (the kernel of a tool that floods from its own address cancels them), and
    /// refused ones where besides their sources are forged or no stack made them. `spoofed`, `direct` and `mixed` say whether the
    /// source addresses are forged, by a score that is part of the evidence. `slow`: a few SYNs a second that keep
    /// the SYN queue full, at 128 half-open connections or 80 % of the backlog, for ten seconds.
    /// ## Why it matters
    /// A server remembers each SYN that it has answered until the final ACK comes: on Linux for about a minute, with
    /// up to five repetitions of the SYN+ACK. These half-open connections have a queue of their own, of a few hundred
    /// to a few thousand places. An attacker who sends SYNs from addresses that will never answer fills it; then the
    /// SYNs of honest clients are dropped, and they wait one, three, seven seconds or give up. It needs little: two
    /// SYNs a second keep a queue of 128 full, 65 a second one of 4,096.
    ///
    /// It shows as many first SYNs and few final ACKs; SYN+ACKs sent again and again (HO001), a low share of completed
    /// handshakes (HO006), dropped SYNs (HO003). Forged sources are nearly all different, their headers all alike,
    /// and none of them sends its SYN again, as a real client without an answer does after a second.
    ///
    /// What helps: SYN cookies (net.ipv4.tcp_syncookies; the server keeps nothing until the ACK comes), a larger
    /// backlog (listen(2) and net.core.somaxconn), fewer repetitions (tcp_synack_retries), a SYN proxy in front.
    /// Blocking the sources helps only against `direct` ones.
    /// ## When it is normal
    /// Many clients at once whose handshakes are completed are a surge (CN006); a server that answers nobody is down
    /// (HS006); a port scan asks each port once (AT008); a health check ends its attempt with a RST, but not fifty times
    /// a second. A capture that shows one
    /// direction only can't tell what comes of a SYN: then only headers and rate speak, and the confidence is low.
    /// ## Example
    /// 3,000 SYNs a second to 10.0.0.2:80 from 3,000 addresses, all with window 0, no options, TTL 242 or 244.
    /// ## Source
    /// RFC 4987; Wang, Zhang, Shin: Detecting SYN Flooding Attacks (INFOCOM 2002) for the sum that raises the alarm.
    "AT001" "syn-flood" {
        severity: Warning, source: "RFC 4987", since: "0.1",
        wants: [Opened, LifeBegan, Refused, HalfOpenEntered, HalfOpenLeft, SynRepeated], check: Capture(floods),
    }
    /// ## What it reports
    /// A SYN flood that is spread over a network, a /24 or a /48: 200 unfinished attempts a second or more at 32 of its
    /// addresses or more, none of which gets half of them, so that none of them alone is flooded (AT001).
    /// ## Why it matters
    /// Each host sees a few SYNs a second; the firewall or load balancer in front of them has to keep state for all, and
    /// thresholds for single hosts stay silent.
    /// ## When it is normal
    /// Eight sources or fewer are a scan for open ports, not a flood (AT009).
    /// ## Example
    /// Four SYNs a second to each of 256 addresses, from a thousand sources.
    /// ## Source
    /// RFC 4987 §3.
    "AT002" "syn-carpet" {
        severity: Warning, source: "RFC 4987 §3", since: "0.1",
        wants: [Opened, LifeBegan, Refused, HalfOpenEntered, HalfOpenLeft], check: Capture(floods),
    }
    /// ## What it reports
    /// SYN+ACKs that answer forged SYNs. `victim`: 200 a second or more reach an address that sent no SYN, from 64
    /// hosts or more and from a few service ports. `reflector`: hosts here answer SYNs in the name of one address, 50 a second
    /// or more to 16 services or more, each of them again and again, and none is completed. `middlebox`: pages that a
    /// filter sends without any handshake, 100 a second or more.
    /// ## Why it matters
    /// The attacker forges the victim's address; servers everywhere answer to it, and repeat their SYN+ACK five times.
    /// So the flood comes from honest hosts and is larger than what the attacker sends. Some middleboxes answer one
    /// forged request with a page many times its size.
    /// ## When it is normal
    /// Where only one direction is captured, the SYNs of a busy client are missing; but then its connections go on. A
    /// scan asks each service once or twice.
    /// ## Example
    /// 5,000 SYN+ACKs a second from 3,000 hosts, ports 80 and 443; the victim answers with RSTs.
    /// ## Source
    /// RFC 4987 §2; BCP 38 (RFC 2827); Bock et al.: Weaponizing Middleboxes for TCP Reflected Amplification (2021).
    "AT003" "tcp-reflection" {
        severity: Warning, source: "BCP 38; Bock et al. (USENIX Security 2021)", since: "0.1",
        wants: [Opened, StrayAgain, StrayFollowed, LifeBegan, HalfOpenEntered, HalfOpenLeft, SynAckRepeated],
        check: Capture(strays),
    }
    /// ## What it reports
    /// A host that answers what nobody here asked: 25 SYN+ACKs or RSTs or more, over a minute or more, to 16 endpoints or
    /// more. Somebody floods it with forged addresses, and some of them are addresses here.
    /// ## Why it matters
    /// It is no attack on this network, but shows one elsewhere, and which of its ports is hit: a SYN+ACK comes from an
    /// open port, a RST+ACK with sequence number 0 from a closed one.
    /// ## When it is normal
    /// Where the outgoing SYNs are not captured.
    /// ## Example
    /// 100 SYN+ACKs from port 443 of one host to 60 addresses in which nobody lives, within 90 s.
    /// ## Source
    /// Moore, Voelker, Savage: Inferring Internet Denial-of-Service Activity (USENIX Security 2001).
    "AT004" "backscatter" {
        severity: Note, source: "Moore, Voelker, Savage (USENIX Security 2001)", since: "0.1",
        wants: [Opened, StrayAgain, StrayFollowed], check: Capture(strays),
    }
    /// ## What it reports
    /// 500 ACKs a second or more, with or without payload, for three seconds, that belong to no connection: each on a 4-tuple of
    /// its own, and nothing follows that explains it. `syn-ack`: as many SYN+ACKs, from ports of any number, which are
    /// no services' answers (AT003).
    /// ## Why it matters
    /// The host looks each of them up and answers with a RST; firewalls in between lose their tables.
    /// ## When it is normal
    /// At the begin of a capture, and when a load balancer hands over its connections: these go on, and both ends
    /// speak.
    /// ## Example
    /// 2,000 ACKs a second from random addresses; the host answers each with a RST.
    /// ## Source
    /// RFC 9293 §3.10.7.1 (what a closed port answers).
    "AT005" "ack-flood" {
        severity: Warning, source: "RFC 9293 §3.10.7.1", since: "0.1",
        wants: [Opened, StrayAgain, StrayFollowed, LifeBegan], check: Capture(strays),
    }
    /// ## What it reports
    /// `out-of-state`: 200 RSTs or FINs a second or more that belong to no connection, or to none that would obey them.
    /// `in-state`: 50 open connections of a server or more, of eight clients or more, reset within a second by RSTs with
    /// one TTL, which is not that of their senders' other segments.
    /// ## Why it matters
    /// The first costs look-ups; the second cuts clients off.
    /// ## When it is normal
    /// A server that is stopped resets its connections itself, with ACK set; one that was restarted answers old
    /// segments with RSTs. Neither is reported here (TD005).
    /// ## Example
    /// 60 connections of 60 clients end within 200 ms, each with a RST of TTL 47.
    /// ## Source
    /// RFC 5961 §3; RFC 4953.
    "AT006" "rst-flood" {
        severity: Warning, source: "RFC 5961 §3; RFC 4953", since: "0.1",
        wants: [Opened, StrayAgain, StrayFollowed, ResetRefused, Reset], check: Capture(strays),
    }
    /// ## What it reports
    /// A server with many connections whose request comes in small pieces and never ends: open for 30 s and longer, at
    /// most 1,000 bytes from the client in pieces of 64 and less with pauses between them, nothing from the server. 50 at once, or 20 of
    /// one source, or 20 that are 30 % of all.
    /// ## Why it matters
    /// Each holds a worker or a descriptor of the server at the price of a few bytes a minute (Slowloris).
    /// ## When it is normal
    /// Protocols in which the server speaks first, and connections that wait for news, are not meant: the server has sent
    /// payload there. Where it says nothing in any connection (syslog, metrics), the confidence is no more than medium.
    /// ## Example
    /// 80 connections, each with another header line of 20 bytes every 10 s.
    /// ## Source
    /// CWE-400; R. Hansen: Slowloris HTTP DoS (2009).
    "AT014" "slow-request" {
        severity: Warning, source: "CWE-400", since: "0.1",
        wants: [LifeBegan, LifeEnded, Idle], check: Capture(servers),
    }
    /// ## What it reports
    /// A server that has data for many clients which keep their window at 256 bytes or less for 30 s and longer: 20 at
    /// once, or 10 of one source. `sockstress`: 10 connections of one source within a minute whose window is zero from the
    /// handshake on.
    /// ## Why it matters
    /// The server has to keep the data and to probe, for as long as the client acknowledges the probes.
    /// ## When it is normal
    /// A single printer or paused player is SQ005.
    /// ## Example
    /// 30 connections, each with a request of 200 bytes and then a closed window for a minute.
    /// ## Source
    /// RFC 6429; RFC 9293 §3.8.6.1.
    "AT015" "slow-read" {
        severity: Warning, source: "RFC 6429; RFC 9293 §3.8.6.1", since: "0.1",
        wants: [LifeBegan, LifeEnded, Throttled, ZeroWindowEnded, HandshakeDone], check: Capture(servers),
    }
    /// ## What it reports
    /// Connections that are opened and carry nothing for ten seconds: 100 a second for three seconds; or 1,000 open at once
    /// and five times the usual, 80 % of them empty; or 500 of one source.
    /// ## Why it matters
    /// The three-way handshake is complete, so SYN cookies do not help: the accept queue fills (HO004), then descriptors
    /// and memory.
    /// ## When it is normal
    /// A pool that opens its connections beforehand; a load test.
    /// ## Example
    /// 1,500 handshakes in 5 s and no payload; from the 512th on the SYN+ACK is sent again after the ACK.
    /// ## Source
    /// listen(2); CWE-770.
    "AT016" "connection-exhaustion" {
        severity: Warning, source: "listen(2); CWE-770", since: "0.1",
        wants: [LifeBegan, LifeEnded, FirstPayload, SynAckRepeated, AcceptAborted], check: Capture(servers),
    }
    /// ## What it reports
    /// A server with 10,000 ends in TIME_WAIT, or 80 % of its bound (TW006), most of which 16 sources or fewer have caused
    /// with connections of less than a second.
    /// ## Why it matters
    /// Few clients can fill the table, and then old segments are no longer kept away from new connections.
    /// ## When it is normal
    /// A proxy or a load balancer without keep-alive looks alike; from them the number is no attack, but a setting.
    /// ## Example
    /// 12,000 connections of 5 ms each in 40 s from three addresses, each closed by the server.
    /// ## Source
    /// RFC 9293 §3.6.1; Linux net.ipv4.tcp_max_tw_buckets.
    "AT017" "tw-exhaustion" {
        severity: Warning, source: "RFC 9293 §3.6.1; Linux tcp_max_tw_buckets", since: "0.1",
        wants: [TimeWaitStarted, TimeWaitEnded], check: Capture(time_waits),
    }
}
