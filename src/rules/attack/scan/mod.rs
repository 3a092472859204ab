//! AT rules about scans: many ports of one host, one port of many hosts, and segments that no stack sends.

mod contact;
mod first;
mod sources;
mod spread;
mod stealth;
mod targets;
mod timeline;
mod walk;
mod watch;

use crate::rules::registry::rules;
use crate::tcp::Duration;

/// What came of a connection that does not go on is told when it is let go: [`TrackConfig::linger`] after its end, and
/// a little later by a clock that stands between packets.
///
/// [`TrackConfig::linger`]: crate::config::TrackConfig::linger
const LATE: Duration = Duration::from_secs(75);
/// A source that has not tried anything for so long does not go on, as with floods (tcp.md §5.0).
const QUIET: Duration = Duration::from_secs(30);

rules! {
    /// ## What it reports
    /// A source that sends segments no open connection explains, to learn from the answer or the silence whether a port
    /// is open: without flags (`null`), FIN alone (`fin`), FIN, PSH and URG (`xmas`), SYN and FIN (`syn-fin`), to five different targets or
    /// more within 60 s; `FIN+ACK` (`maimon`) or a bare `ACK` (`ack`, of which nmap's window scan is a kind) to ten.
    /// One finding for each kind; three targets do where the segments are of two of the first four kinds or more
    /// (`mixed`).
    /// ## Why it matters
    /// Filters that watch SYNs only do not see it, and applications log nothing. What follows is usually an attack on
    /// what was found.
    /// ## When it is normal
    /// A single one may be a fault: FL001 and FL002 tell it. At the beginning of a capture the ends of connections that
    /// were open before look like `maimon` and `ack`: for 30 s these count only where a RST answers. Scans by hosts
    /// named with --trusted are left out.
    /// ## Example
    /// 20 segments without flags from one host to 20 ports of another one.
    /// ## Source
    /// RFC 9293 §3.10.7.1 and §3.10.7.2 (a closed port answers, an open one does not); nmap.org, scan techniques.
    "AT007" "stealth-scan" {
        severity: Warning, source: "RFC 9293 §3.10.7.1, §3.10.7.2", since: "0.1",
        wants: [Opened, FlagsRefused, StrayFollowed], check: Capture(stealth::stealth_scans),
    }
    /// ## What it reports
    /// A source that tries many ports of one host: 15 different ones within 300 s, or 30 within an hour (slow), that
    /// refused, did not answer, or were open and not used. Its first contacts in general must fail more often than
    /// those of honest hosts do. Five ports within 300 s are a note. `syn`: it cancels what is answered; `connect`: it
    /// completes and closes at once; `stealth`: most are segments with flags that no stack sends, which AT007 tells too.
    /// Open ports that it found are listed.
    /// ## Why it matters
    /// Somebody makes a list of what runs on the host. The open ports are what is tried next.
    /// ## When it is normal
    /// Inventory and monitoring of your own: name these hosts with --trusted. File sharing and crawlers fail often too,
    /// but succeed in 30 % of their first contacts or more, and are left out. A service that is down, and many clients
    /// that try it, is one target each.
    /// ## Example
    /// SYNs to 100 ports of one host within 2 s; 97 answer with RST, three with SYN+ACK, which gets a RST.
    /// ## Source
    /// Jung, Paxson, Berger, Balakrishnan: Fast Portscan Detection (IEEE S&P 2004); 15 in five minutes is Zeek's default.
    "AT008" "vertical-scan" {
        severity: Warning, source: "Jung et al., IEEE S&P 2004", since: "0.1",
        wants: [Opened, FlagsRefused, Refused, HalfOpenLeft, LifeBegan, LifeEnded], check: Capture(sources::sources),
    }
    /// ## What it reports
    /// A source that tries one port of many hosts: 25 different ones within 300 s that refused, did not answer, or were
    /// open and not used, while its first contacts fail more often than those of honest hosts. Five to 24 are a note.
    /// `distributed`: 25 sources or more that try one port of one network (a /24 or /48), three times each at most and
    /// with one header in 90 % of their SYNs, and are not answered.
    /// ## Why it matters
    /// Worms and botnets look for one weakness everywhere; a host of yours that does it is infected.
    /// ## When it is normal
    /// Monitoring and inventory (name these hosts with --trusted), file sharing and crawlers (which succeed in 30 % of
    /// their first contacts or more and are left out), a program whose servers are all gone.
    /// ## Example
    /// SYNs from one host to port 22 of 60 hosts; 55 do not answer.
    /// ## Source
    /// Jung, Paxson, Berger, Balakrishnan: Fast Portscan Detection (IEEE S&P 2004); 25 in five minutes is Zeek's default.
    "AT009" "horizontal-scan" {
        severity: Warning, source: "Jung et al., IEEE S&P 2004", since: "0.1",
        wants: [Opened, FlagsRefused, Refused, HalfOpenLeft, LifeBegan, LifeEnded], check: Capture(sources::sources),
    }
}
