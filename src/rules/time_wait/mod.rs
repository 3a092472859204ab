//! TW: rules about TIME_WAIT.

mod episode;
mod holder;
mod pile_up;
mod ports;
mod reuse;

use super::registry::rules;

rules! {
    /// ## What it reports
    /// A new connection takes the 4-tuple of one that is in TIME_WAIT, and its numbers are such that no old segment
    /// can be taken for a new one: a higher ISN, or newer timestamps.
    /// ## Why it matters
    /// It shows that ports are reused quickly, and that it is done right.
    /// ## When it is normal
    /// Always: RFC 9293 allows it (MAY-2), Linux does it with tcp_tw_reuse, with SO_REUSEADDR, and for a peer's SYN.
    /// ## Example
    /// TIME_WAIT since 0.3 s; SYN with ISN old SND.NXT + 65537, which is what Linux chooses here.
    /// ## Source
    /// RFC 9293 §3.6.1 (MAY-2), RFC 6191 §2; Linux net/ipv4/tcp_minisocks.c.
    "TW001" "tw-reuse-safe" {
        severity: Note, source: "RFC 9293 §3.6.1 (MAY-2); RFC 6191 §2", since: "0.1",
        wants: [TimeWaitReused], check: Connection(reuse::safe),
    }
    /// ## What it reports
    /// A new connection takes the 4-tuple of one that is in TIME_WAIT, and nothing tells its segments from old ones:
    /// the ISN is not higher, and there is no newer timestamp.
    /// ## Why it matters
    /// An old segment that is still on its way can be taken for data of the new connection.
    /// ## When it is normal
    /// Where the holder's TIME_WAIT is shorter than the one assumed (30 s on macOS): set the length of 2 MSL to that
    /// of the holder's system.
    /// ## Example
    /// TIME_WAIT since 1 s with the last number at 500002; SYN 100, answered with SYN+ACK 999.
    /// ## Source
    /// RFC 9293 §3.4.2 (MUST-13: linger 2 MSL); RFC 1337; RFC 6191 §2.
    "TW002" "tw-reuse-unsafe" {
        severity: Warning, source: "RFC 9293 §3.6.1 (MUST-13); RFC 1337; RFC 6191 §2", since: "0.1",
        wants: [TimeWaitReused], check: Connection(reuse::unsafe_numbers),
    }
    /// ## What it reports
    /// A SYN that finds its 4-tuple in TIME_WAIT and is not accepted: it is answered with the old connection's ACK
    /// (`old-ack`), or sent three times without an answer (`silent`).
    /// ## Why it matters
    /// The client waits: at least until its RST has ended the TIME_WAIT, at worst until that is over. It proves that
    /// the TIME_WAIT was still alive.
    /// ## When it is normal
    /// A NAT device that gives a port to another client too early, or a client that binds its port.
    /// ## Example
    /// TIME_WAIT for 1 s; SYN 100, answered with ACK 500002 of the old connection.
    /// ## Source
    /// RFC 9293 §3.10.7.4, TIME-WAIT; Linux net/ipv4/tcp_minisocks.c.
    "TW003" "tw-syn-refused" {
        severity: Note, source: "RFC 9293 §3.10.7.4", since: "0.1",
        wants: [TimeWaitRefusedSyn, SynRepeated], check: Connection(holder::refused_syn),
    }
    /// ## What it reports
    /// TIME_WAIT that starts again, because the peer's FIN came again and was acknowledged again.
    /// ## Why it matters
    /// The last ACK was lost, or the peer did not take it; the 4-tuple stays blocked for another 2 MSL.
    /// ## When it is normal
    /// After a lost packet: it is what TIME_WAIT is for.
    /// ## Example
    /// FIN, ACK, half a second later the same FIN and the same ACK.
    /// ## Source
    /// RFC 9293 §3.10.7.4, TIME-WAIT, eighth check.
    "TW004" "tw-restarted" {
        severity: Note, source: "RFC 9293 §3.10.7.4", since: "0.1",
        wants: [TimeWaitRestarted], check: Connection(holder::restarted),
    }
    /// ## What it reports
    /// A RST that ends TIME_WAIT early; `peer-reaction` where the peer answers the old connection's ACK that its new
    /// SYN had got, `reset` otherwise.
    /// ## Why it matters
    /// TIME_WAIT keeps old segments away from the next connection; ended early, it does not.
    /// ## When it is normal
    /// `peer-reaction` is what every stack does, and lets its next SYN through. Linux ignores such RSTs with
    /// tcp_rfc1337 = 1.
    /// ## Example
    /// TIME_WAIT since 1.02 s; at 5 s RST 302, exactly where the holder expects the next segment.
    /// ## Source
    /// RFC 1337; RFC 9293 §3.10.7.4, second check.
    "TW005" "tw-assassinated" {
        severity: Warning, source: "RFC 1337; RFC 9293 §3.10.7.4", since: "0.1",
        wants: [TimeWaitEnded], check: Connection(holder::assassinated),
    }
    /// ## What it reports
    /// A host with 10,000 connections in TIME_WAIT at once, or 80 % of its bound where that is known; with whom most of
    /// them were. Said when the number no longer grows, ten seconds later at the latest, and again only when it has
    /// fallen to half of that in between.
    /// ## Why it matters
    /// Each costs memory and blocks a 4-tuple. At the bound (Linux tcp_max_tw_buckets) new ones are skipped, and old
    /// segments are no longer kept away.
    /// ## When it is normal
    /// A busy server that closes first. Ends of TIME_WAIT are not on the wire: the number is an upper bound.
    /// ## Example
    /// 12,000 short connections a minute to one server that closes each.
    /// ## Source
    /// RFC 9293 §3.6.1; Faber, Touch, Yue: The TIME-WAIT State in TCP and Its Effect on Busy Servers (1999).
    "TW006" "tw-pileup" {
        severity: Warning, source: "RFC 9293 §3.6.1", since: "0.1",
        wants: [TimeWaitStarted, TimeWaitEnded], check: Capture(pile_up::detector),
    }
    /// ## What it reports
    /// A client that has 80 % of its ports in use toward one server and port: open connections, and those the client
    /// itself holds in TIME_WAIT. An error from 95 % on. Said when the share no longer grows, ten seconds later at the
    /// latest, and again only when it has fallen below 50 % in between.
    /// ## Why it matters
    /// Without a free port no connection can be opened (EADDRNOTAVAIL, and no packet shows it). With a TIME_WAIT of
    /// 60 s the ports of Linux last for 470 connections a second.
    /// ## When it is normal
    /// Never for one client; behind a NAT device many clients share an address: four kinds of SYN or more from it tell
    /// that, and it is a note (`shared-address`).
    /// ## Example
    /// 26,000 short connections in 58 s to one server, closed by the client.
    /// ## Source
    /// RFC 9293 §3.6.1; Linux net.ipv4.ip_local_port_range (32768 to 60999) and TCP_TIMEWAIT_LEN.
    "TW007" "tw-port-exhaustion" {
        severity: Warning, source: "RFC 9293 §3.6.1", since: "0.1",
        wants: [HandshakeDone, Reset, TimeWaitStarted, TimeWaitEnded, TimeWaitRefusedSyn],
        check: Capture(ports::detector),
    }
}
