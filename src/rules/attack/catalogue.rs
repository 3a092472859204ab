//! What the rules about attacks say of themselves.

use super::flood::floods;
use crate::rules::registry::rules;

rules! {
    /// ## What it reports
    /// Connection attempts that nobody means to finish: SYNs to one listener, or to all ports of one host, that are
    /// neither completed, refused nor cancelled within three seconds; at least 150 of them in three seconds and 70 % of
    /// all, and more than the listener's usual traffic explains. `spoofed`, `direct` and `mixed` say whether the
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
    /// (HS006); a port scan asks each port once (AT008); a health check ends its attempt with a RST. A capture that shows one
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
}
