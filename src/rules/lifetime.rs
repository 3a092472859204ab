//! CN: rules about the life of connections: short, empty, idle, dead, too many.

use super::Severity;
use super::attack::floods;
use super::clients::clients;
use super::idle_many;
use super::registry::{Detail, Judgement, Scene, rules};
use crate::tcp::{Duration, State};
use crate::track::{Confidence, Fact};

rules! {
    /// ## What it reports
    /// A client that opens 20 connections or more to one listener within ten seconds, most of them shorter than a
    /// second and most with less than 10 KiB of payload.
    /// ## Why it matters
    /// Most of the time and most of the segments go into opening and closing. One connection that is kept, or a
    /// pool, saves a round trip and seven segments for each of the others.
    /// ## When it is normal
    /// Load generators, monitoring, programs that cannot keep connections. From 100 in a second on it is a warning:
    /// client ports run out.
    /// ## Example
    /// 25 connections in 5 s, each 8 segments with 300 bytes of payload, each over after 20 ms.
    /// ## Source
    /// RFC 9293 §3.5, §3.6 (three segments to open, four to close).
    "CN001" "short-conn-churn" {
        severity: Note, source: "RFC 9293 §3.5, §3.6", since: "0.1",
        wants: [], check: Capture(clients),
    }
    /// ## What it reports
    /// An open connection on which no payload passed for ten minutes or longer; keep-alives do not count as use.
    /// ## Why it matters
    /// It costs memory at both ends and a table entry in every NAT and firewall between; these may forget it, and
    /// the next data is lost (HO007).
    /// ## When it is normal
    /// Database pools, shells, push channels. From two hours on it is a warning, and where a server has a hundred of
    /// them (`many`, one finding for all); without any segment for two hours
    /// until the end of the capture nothing is said, for it may be gone.
    /// ## Example
    /// Payload, 700 s of keep-alives each 75 s, payload.
    /// ## Source
    /// RFC 9293 §3.8.4 (MUST-28: keep-alive interval of two hours); RFC 5382 REQ-5.
    "CN002" "idle-long" {
        severity: Note, source: "RFC 9293 §3.8.4; RFC 5382 REQ-5", since: "0.1",
        wants: [Idle, Ended], check: Connection(idle), review: idle_many::REVIEW,
    }
    /// ## What it reports
    /// A connection that was opened and carries no payload: none until it is closed (`never`), none so far and open
    /// for ten seconds (`open`), or none for the first ten seconds (`late`).
    /// ## Why it matters
    /// Either side waits for something that does not come, or a scanner only looked whether the port answers.
    /// ## When it is normal
    /// Health checks; browsers that connect before they need it.
    /// ## Example
    /// Handshake, nothing for 12 s, FIN.
    /// ## Source
    /// Nothing forbids it (RFC 9293 §3.5).
    "CN003" "established-no-data" {
        severity: Note, source: "RFC 9293 §3.5", since: "0.1",
        wants: [Idle, Ended], check: Connection(empty),
    }
    /// ## What it reports
    /// An end that gets no answer at all: the same data sent again six times or for 100 s (`data`), or nine keep-alive
    /// probes in a row (`keep-alive`).
    /// ## Why it matters
    /// The peer, or the path to it, is gone; the application notices only when the stack gives up, after 15 minutes
    /// by default on Linux.
    /// ## When it is normal
    /// A path that is broken for a while, a sleeping laptop: the peer may come back.
    /// ## Example
    /// 100 bytes, sent again after 0.2, 0.4, 0.8 s and so on, seven times, never acknowledged.
    /// ## Source
    /// RFC 9293 §3.8.3 (MUST-20, SHLD-10, SHLD-11: R2); Linux tcp_retries2 and tcp_keepalive_probes.
    "CN004" "dead-peer" {
        severity: Warning, source: "RFC 9293 §3.8.3, §3.8.4", since: "0.1",
        wants: [Unanswered], check: Connection(dead),
    }
    /// ## What it reports
    /// A client with so many connections open to one listener that half of its port range is in use (80 per cent: a
    /// warning); or to several (`total`), half of the 65,535 ports that any address has toward each.
    /// ## Why it matters
    /// A client address can have as many connections to one listener as it has ports; the next connect() fails.
    /// ## When it is normal
    /// Proxies and load generators; a NAT with many clients behind it: four kinds of SYN or more from one address tell
    /// that, and it stays a note (`shared-address`). `total` matters only to programs that bind(2) before connect(2).
    /// ## Example
    /// 23,000 connections open at once from one address to 10.0.0.2:443, of 28,232 ports.
    /// ## Source
    /// Linux net.ipv4.ip_local_port_range (32768 to 60999); RFC 6056 §3.2.
    "CN005" "client-conn-ceiling" {
        severity: Note, source: "RFC 6056 §3.2; Linux ip_local_port_range", since: "0.1",
        wants: [LifeBegan, LifeEnded, HandshakeDone], check: Capture(clients),
    }
    /// ## What it reports
    /// A listener, or a host, that gets three times as many connection attempts as usual and at least 200 a second, most of
    /// which it serves, from machines of many kinds.
    /// ## Why it matters
    /// It looks like a SYN flood and is none (AT001): blocking would hit real clients. More capacity is what helps.
    /// ## When it is normal
    /// A popular page, a new release, the hour at which all jobs start.
    /// ## Example
    /// 10 connections a second for a minute, then 2,000 a second with thirty different SYN headers, 90 % of them completed.
    /// ## Source
    /// Jung, Krishnamurthy, Rabinovich: Flash Crowds and Denial of Service Attacks (WWW 2002).
    "CN006" "surge" {
        severity: Note, source: "Jung, Krishnamurthy, Rabinovich (WWW 2002)", since: "0.1",
        wants: [Opened, LifeBegan, Refused, HalfOpenEntered, HalfOpenLeft, SynRepeated], check: Capture(floods),
    }
}

/// How long nothing was sent, with keep-alives meanwhile, when a fact tells it.
fn pause(scene: &Scene<'_>) -> Option<(Duration, u32)> {
    let c = scene.connection;
    match scene.event.fact {
        Fact::Idle { lasted, keep_alives, .. } => Some((lasted, keep_alives)),
        Fact::Ended => {
            let is_open = c.ends.iter().all(|p| p.state == State::Established);
            let since = c.life.quiet_since.filter(|_| is_open && c.close.began.is_none())?;
            // Silent altogether for two hours, it can't be told from one that is gone.
            Some((scene.known_until().since(since), c.life.quiet_probes))
        }
        _ => None,
    }
}

fn idle(scene: &Scene<'_>) -> Option<Judgement> {
    let (lasted, keep_alives) = pause(scene)?;
    let limits = &scene.config.thresholds;
    let both_seen = scene.connection.ends.iter().all(|p| p.was_seen());
    if lasted < limits.idle || !both_seen {
        return None;
    }
    let ended = scene.event.fact == Fact::Ended;
    let message = if ended {
        "open, and no payload for the last {idle} ({keep_alives} keep-alive probes)"
    } else {
        "no payload for {idle} on an open connection ({keep_alives} keep-alive probes)"
    };
    let warns = lasted >= limits.idle_warning;
    Detail::new(message)
        .severity(if warns { Severity::Warning } else { Severity::Note })
        .with("idle", lasted.to_string())
        .with("idle_ns", lasted.0)
        .with("keep_alives", keep_alives)
        .report()
}

fn empty(scene: &Scene<'_>) -> Option<Judgement> {
    let c = scene.connection;
    let opened = c.open.done?;
    let limit = scene.config.thresholds.empty;
    let (variant, lasted, message) = match scene.event.fact {
        Fact::Idle { lasted, is_first: true, .. } if lasted >= limit => {
            ("late", lasted, "opened, and no payload for the first {empty}")
        }
        Fact::Ended => {
            let payload = c.ends.iter().any(|p| p.flow.payload_bytes > 0);
            let was_taken = c.ends.iter().all(|p| p.was_seen()) && !c.capture_loss() && c.was_open();
            if payload || !was_taken {
                return None;
            }
            match c.close.began {
                Some(t) => (
                    "never",
                    t.since(opened).max(Duration::ZERO),
                    "opened and closed after {empty} without any payload",
                ),
                None => ("open", scene.known_until().since(opened), "open for {empty} without any payload"),
            }
        }
        _ => return None,
    };
    if variant == "open" && lasted < limit {
        return None;
    }
    Detail::new(message)
        .variant(variant)
        .with("empty", lasted.to_string())
        .with("empty_ns", lasted.0)
        .with("closed_by", c.close.first_fin.or(c.close.reset_by).map(|end| c.role(end).name()))
        .report()
}

fn dead(scene: &Scene<'_>) -> Option<Judgement> {
    let Fact::Unanswered { repeats, probes, lasted } = scene.event.fact else { return None };
    let limits = &scene.config.thresholds;
    let peer = &scene.connection.ends[1 - scene.event.end];
    let last_sign = scene.event.at.since(peer.last_sent?);
    let (variant, message) = if repeats >= limits.dead_repeats || (repeats >= 2 && lasted >= limits.dead_span)
    {
        (
            "data",
            "the {end} sent the same data again {repeats} times in {lasted}, and the {peer} says nothing",
        )
    } else if probes >= limits.dead_probes {
        (
            "keep-alive",
            "the {end} asked {probes} times in {lasted} with keep-alives, and the {peer} says nothing",
        )
    } else {
        return None;
    };
    Detail::new(message)
        .variant(variant)
        .confidence(if scene.connection.capture_loss() { Confidence::Medium } else { Confidence::High })
        .with("repeats", repeats)
        .with("probes", probes)
        .with("lasted", lasted.to_string())
        .with("lasted_ns", lasted.0)
        .with("last_sign", last_sign.to_string())
        .with("last_sign_ns", last_sign.0)
        .report()
}
