//! OP: rules about the header's length, its checksum, and its options.

use super::Severity;
use super::header::trusted;
use super::middlebox;
use super::registry::{Detail, Judgement, Scene, rules};
use crate::tcp::{HeaderFaults, OptionFaults, Segment};
use crate::track::{Confidence, Departure, Fact};

rules! {
    /// ## What it reports
    /// A header that cannot be right: a data offset below five words or beyond the segment (`offset`), an option
    /// whose length is below two or past the header (`option-length`), one of fixed length with another
    /// (`fixed-length`), bytes other than zero after the end of the options (`after-end`); and single segments with a
    /// wrong checksum (`checksum`, a warning).
    /// ## Why it matters
    /// A receiver drops it, or must cope; malformed options have crashed stacks. Single wrong checksums mean that
    /// something on the path changes or breaks packets.
    /// ## When it is normal
    /// Checksums are wrong by design where the network card of the capturing host is to fill them in: an end with
    /// as many wrong ones as right ones is not reported. A header that the capture cut is not judged.
    /// ## Example
    /// A SYN whose options are the bytes 02 01: kind MSS, length 1.
    /// ## Source
    /// RFC 9293 §3.1 (MUST-2, MUST-3, MUST-69), §3.2 (MUST-7, MUST-68).
    "OP001" "header-or-option-malformed" {
        severity: Error, source: "RFC 9293 §3.1, §3.2", since: "0.1",
        wants: [NotableHeader, Ended], check: Connection(malformed),
    }
    /// ## What it reports
    /// An option where it means nothing or with a value that means nothing: MSS, window scale, SACK-permitted or Fast
    /// Open on a segment without SYN (`outside-syn`), a window scale above 14 (`window-scale`), an MSS of 0 or below
    /// 88 bytes (`mss`; below 536 over IPv4 it is a note, `mss-small`), an echoed timestamp on a SYN that echoes
    /// nothing (`echo`, a note).
    /// ## Why it matters
    /// The peer must ignore it; a tiny MSS makes a sender cut its data into very many segments, which was used
    /// against Linux in 2019.
    /// ## When it is normal
    /// A Linux client that takes over the 4-tuple of its own TIME_WAIT echoes the old connection's timestamp on the
    /// SYN, and nothing is said. Small devices with little memory offer a small MSS.
    /// ## Example
    /// A data segment with the option MSS 1460.
    /// ## Source
    /// RFC 9293 §3.7.1 (MUST-65); RFC 7323 §2.3, §3.2; RFC 7413 §4.1.1; CVE-2019-11477 on an MSS of 48.
    "OP002" "option-misplaced-or-invalid" {
        severity: Warning, source: "RFC 9293 §3.7.1; RFC 7323 §2.3, §3.2", since: "0.1",
        wants: [NotableHeader], check: Connection(misplaced),
    }
    /// ## What it reports
    /// Options that were not agreed on: window scale, SACK-permitted or timestamps in a SYN+ACK though no SYN offered
    /// them (`not-offered`), SACK blocks that the peer did not permit (`sack-not-permitted`), a segment without
    /// timestamp though both SYNs had one (`timestamp-missing`), a SACK block that is empty or inverted
    /// (`sack-inverted`) or beyond all that was sent (`sack-beyond`).
    /// ## Why it matters
    /// One end now scales windows or drops segments as the other does not expect; data can stall. Middleboxes that
    /// remove options from one direction cause it.
    /// ## When it is normal
    /// A capture between a client and a proxy that rewrites the SYN. Where one server departs in the same way toward
    /// three clients, a device that changes options is likely, and it is a note. RSTs need no timestamp and are not
    /// judged.
    /// ## Example
    /// A SYN without window scale, answered by a SYN+ACK with window scale 7.
    /// ## Source
    /// RFC 7323 §2.2, §3.2; RFC 2018 §2, §3.
    "OP003" "option-negotiation-violated" {
        severity: Warning, source: "RFC 7323 §2.2, §3.2; RFC 2018 §2, §3", since: "0.1",
        wants: [Departed], check: Connection(not_agreed), review: middlebox::REVIEW,
    }
}

fn malformed(scene: &Scene<'_>) -> Option<Judgement> {
    if scene.event.fact == Fact::Ended {
        return wrong_checksums(scene);
    }
    let s = trusted(scene)?;
    let offset = HeaderFaults(HeaderFaults::OFFSET_TOO_SMALL.0 | HeaderFaults::OFFSET_BEYOND_SEGMENT.0);
    let faults = s.options.faults;
    let (variant, message) = if s.faults.any(offset) {
        ("offset", "the {end}'s header gives a length that no header can have")
    } else if faults.any(OptionFaults::BAD_LENGTH) {
        ("option-length", "the {end} sent an option that is shorter than two bytes or runs past the header")
    } else if faults.any(OptionFaults::WRONG_FIXED_LENGTH) {
        ("fixed-length", "the {end} sent an option with another length than its kind has")
    } else if faults.any(OptionFaults::NONZERO_AFTER_END) {
        ("after-end", "the {end} sent bytes other than zero after the end of the options")
    } else {
        return None;
    };
    Detail::new(message).variant(variant).with("flags", s.flags.to_string()).report()
}

/// An end whose checksums are wrong as often as right leaves them to its network card.
fn wrong_checksums(scene: &Scene<'_>) -> Option<Judgement> {
    let few = |end: &usize| {
        let p = &scene.connection.ends[*end];
        p.bad_checksums > 0 && p.bad_checksums < p.good_checksums
    };
    let end = [0, 1].into_iter().find(few)?;
    Detail::new("{bad_checksums} segments of the {end} have a wrong checksum, {good_checksums} a right one")
        .variant("checksum")
        .severity(Severity::Warning)
        .about(end)
        .with("bad_checksums", scene.connection.ends[end].bad_checksums)
        .with("good_checksums", scene.connection.ends[end].good_checksums)
        .report()
}

fn misplaced(scene: &Scene<'_>) -> Option<Judgement> {
    let s = trusted(scene)?;
    let (variant, severity, message) =
        if s.flags.syn() { misplaced_on_syn(scene, s)? } else { outside_syn(s)? };
    Detail::new(message)
        .variant(variant)
        .severity(severity)
        .with("mss", s.options.mss)
        .with("window_scale", s.options.window_scale)
        .with("echo", s.options.timestamps.map(|t| t.echo))
        .report()
}

type Verdict = (&'static str, Severity, &'static str);

fn outside_syn(s: &Segment) -> Option<Verdict> {
    let o = &s.options;
    let message = match () {
        () if o.mss.is_some() => "the {end} sent the MSS option outside a SYN",
        () if o.window_scale.is_some() => "the {end} sent the window scale option outside a SYN",
        () if o.sack_permitted => "the {end} sent SACK-permitted outside a SYN",
        () if o.fast_open.is_some() => "the {end} sent a Fast Open cookie outside a SYN",
        () => return None,
    };
    Some(("outside-syn", Severity::Warning, message))
}

/// 8 bytes of payload beside 40 + 40 bytes of headers and options: net.ipv4.tcp_min_snd_mss of Linux is 48 + 40.
const SMALLEST_MSS: u16 = 88;
/// What every host must take (RFC 9293 §3.7.1, RFC 1122 §3.3.2).
const DEFAULT_MSS: u16 = 536;

fn misplaced_on_syn(scene: &Scene<'_>, s: &Segment) -> Option<Verdict> {
    let small = |limit: u16| s.options.mss.is_some_and(|mss| mss < limit);
    if s.options.window_scale.is_some_and(|shift| shift > 14) {
        Some((
            "window-scale",
            Severity::Warning,
            "the {end} offers the window scale {window_scale}, above 14",
        ))
    } else if small(SMALLEST_MSS) {
        Some(("mss", Severity::Warning, "the {end} offers an MSS of {mss} bytes, less than any use needs"))
    } else if small(DEFAULT_MSS) && s.src.addr.is_ipv4() {
        Some((
            "mss-small",
            Severity::Note,
            "the {end} offers an MSS of {mss} bytes, below the default of 536",
        ))
    } else if !s.flags.ack() && !scene.connection.open.after_time_wait && echoes(s) {
        Some((
            "echo",
            Severity::Note,
            "the {end}'s SYN echoes the timestamp {echo}, though it answers nothing",
        ))
    } else {
        None
    }
}

fn echoes(s: &Segment) -> bool {
    s.options.timestamps.is_some_and(|t| t.echo != 0)
}

fn not_agreed(scene: &Scene<'_>) -> Option<Judgement> {
    let Fact::Departed { how } = scene.event.fact else { return None };
    trusted(scene)?;
    let (message, bytes) = match how {
        Departure::NotOffered => return not_offered(scene),
        Departure::TimestampsMissing => {
            ("the {end} sent a segment without timestamp, though both SYNs had one", 0)
        }
        Departure::SackNotPermitted => ("the {end} sent SACK blocks that the {peer}'s SYN did not permit", 0),
        Departure::SackInverted => ("the {end} sent a SACK block that ends where it begins or before", 0),
        Departure::SackBeyond(by) if by > SACK_TOLERANCE => {
            ("the {end} sent a SACK block for {bytes_beyond} bytes that were never sent", by)
        }
        Departure::SackBeyond(_) => return None,
    };
    let syn = scene.connection.ends[1 - scene.event.end].offer.map(|o| o.frame);
    Detail::new(message)
        .variant(middlebox::variant(how))
        .confidence(Confidence::Medium)
        .cause(syn)
        .with("bytes_beyond", bytes)
        .report()
}

/// The block may have been captured before what it speaks of: one 64 KiB packet of a card that cuts it later.
const SACK_TOLERANCE: u32 = 65_535;

fn not_offered(scene: &Scene<'_>) -> Option<Judgement> {
    let offer = scene.connection.ends[1 - scene.event.end].offer?;
    let o = &scene.segment?.options;
    let message = match () {
        () if o.window_scale.is_some() && !offer.window_scale => {
            "the {end}'s SYN+ACK has a window scale, the SYN had none"
        }
        () if o.sack_permitted && !offer.sack_permitted => {
            "the {end}'s SYN+ACK permits SACK, the SYN did not"
        }
        () => "the {end}'s SYN+ACK has a timestamp, the SYN had none",
    };
    Detail::new(message)
        .variant(middlebox::variant(Departure::NotOffered))
        .confidence(Confidence::Medium)
        .cause(Some(offer.frame))
        .with("window_scale", o.window_scale)
        .with("sack_permitted", o.sack_permitted)
        .with("timestamps", o.timestamps.is_some())
        .report()
}
