//! AT rules about segments that come from somebody else than they say: forged, guessed, or sent to confuse.

pub(super) mod blind_data;
mod blind_reset;
mod hijack;
mod land;
mod on_path;

use crate::rules::registry::rules;

rules! {
    /// ## What it reports
    /// A SYN whose source and destination are one address. With equal ports it is a `land` packet; with others the
    /// variant is `same-address`. Loopback addresses and loopback links are left out: there a host may well talk to
    /// itself.
    /// ## Why it matters
    /// A host that answers it answers itself, on and on; old stacks froze. No host sends such a packet onto a wire, so
    /// its source is forged, and no filter at the border stopped it.
    /// ## When it is normal
    /// Never on a wire. A capture of a tunnel or of a bridge inside one host may show a host's own traffic.
    /// ## Example
    /// SYN from 10.0.0.1:80 to 10.0.0.1:80 on an Ethernet.
    /// ## Source
    /// CERT CA-1997-28 (Land); RFC 2827 and BCP 38 say how to filter it; RFC 9293 §3.10.7.2.
    "AT010" "land" {
        severity: Error, source: "CERT CA-1997-28; RFC 2827", since: "0.1",
        wants: [NotableHeader], check: Connection(land::land),
    }
    /// ## What it reports
    /// Somebody who does not see the connection tries to end it, by trying sequence numbers. `numbers`: three or more
    /// RSTs that the receiver does not act on, each with another number, on one connection within 10 s. `ports`: RSTs
    /// to 16 or more ports between two hosts where no connection was, while there is one with the same service. SYNs
    /// with changing numbers count with the RSTs; SYNs alone are reported by AT018.
    /// ## Why it matters
    /// One exact guess ends the connection. Long-lived ones with known ports, as those of BGP, are the usual aim. A
    /// stack that keeps to RFC 5961 answers near misses with a challenge ACK, and only the very next number counts.
    /// ## When it is normal
    /// An honest host that has lost a connection sends one RST again and again with one number, or with numbers that
    /// were acknowledged to it: those are not counted. Where data was not captured the number of an honest RST cannot
    /// be known, so such connections are left out.
    /// ## Example
    /// 200 RSTs to one connection within a second, each 65,535 after the one before.
    /// ## Source
    /// RFC 5961 §1.2 and §3; P. Watson, Slipping in the Window (2004).
    "AT011" "blind-reset" {
        severity: Warning, source: "RFC 5961 §1.2, §3", since: "0.1",
        wants: [LifeBegan], check: Capture(blind_reset::blind_resets),
    }
    /// ## What it reports
    /// A RST that ended a connection, or was to, and was sent by somebody on the way who sees it. Points are added: 3
    /// if the supposed sender goes on within 2 s; 2 if the RST's number is lower than what its sender had sent, and
    /// that is acknowledged; 2 if several RSTs come within 50 ms whose numbers rise by full segments, whose windows
    /// count up, or which acknowledge different numbers; 2 if the TTL is 3 or more from the sender's usual one; 1 if
    /// the IP id leaves the sender's count by more than 1000; 1 if it comes within 20 ms of a request or a SYN+ACK. 2
    /// are taken away for an application's abort with the usual TTL, and 2 for the reply of a stack without a socket.
    /// Three points are enough. Where the sender went on, states are rolled back and TD005 is taken back.
    /// ## Why it matters
    /// The connection was cut by neither end: by a censor, an intrusion prevention system, a firewall, or an attacker
    /// on the same network. Restarting the server won't help.
    /// ## When it is normal
    /// Load balancers, NAT devices and firewalls send RSTs on behalf of hosts, with a TTL of their own. Where five or
    /// more connections of one host show the same difference, they are one finding, `middlebox`. A capture that puts
    /// packets in a wrong order may show data behind an honest RST; only new data proves that a sender went on.
    /// ## Example
    /// SYN, SYN+ACK, and 1 ms later three RSTs with windows 3293, 3294 and 3295; then the server answers the request.
    /// ## Source
    /// N. Weaver, R. Sommer, V. Paxson, Detecting Forged TCP Reset Packets (NDSS 2009); RFC 9293 §3.10.7.4.
    "AT012" "onpath-reset" {
        severity: Warning, source: "Weaver, Sommer, Paxson: NDSS 2009", since: "0.1",
        wants: [], check: Capture(on_path::on_path_resets),
    }
    /// ## What it reports
    /// Two SYN+ACKs with different numbers answer one SYN within 3 s, and they come from two hosts: their TTLs are 3
    /// or more apart, or they offer other options or another window. It is told which one the client accepted. Five
    /// changes or more are a flood of SYN+ACKs, and an error.
    /// ## Why it matters
    /// The first answer wins. Somebody who sees the SYN can answer before the server and take its place.
    /// ## When it is normal
    /// A member of a cluster, or another site of an anycast address, may answer the SYN a second time: with the same
    /// options and nearly the same TTL, which is not reported here (HS004 reports it). A server with SYN cookies
    /// changes its number once a minute.
    /// ## Example
    /// SYN 100, SYN+ACK 7777 with TTL 44, 5 ms later SYN+ACK 300 with TTL 57.
    /// ## Source
    /// RFC 9293 §3.4.1: one ISN for one connection; L. Joncheray, A Simple Active Attack Against TCP (1995).
    "AT013" "handshake-hijack" {
        severity: Warning, source: "RFC 9293 §3.4.1", since: "0.1",
        wants: [SynAckIsnChanged, HandshakeDone], check: Connection(hijack::hijack),
    }
}
