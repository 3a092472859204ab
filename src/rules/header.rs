//! FL: rules about flags.

use super::Severity;
use super::registry::{Detail, Judgement, Scene, rules};
use crate::tcp::{Checksum, Flags, HeaderFaults, Segment};
use crate::track::{Fact, Offer};

rules! {
    /// ## What it reports
    /// Flags that contradict each other: none of the six at all (`null`), SYN with FIN (`syn-fin`), SYN with RST
    /// (`syn-rst`), FIN with RST (`fin-rst`).
    /// ## Why it matters
    /// No TCP sends them; they come from scanners that guess the operating system by its answer, from tools that try
    /// to slip past a filter, or from broken hardware. Such a segment moves no state here.
    /// ## When it is normal
    /// Never; a few old stacks close with FIN and RST in one segment.
    /// ## Example
    /// A segment with SYN and FIN, sequence number 4000, from a port scanner.
    /// ## Source
    /// RFC 9293 §3.10.7 (what each flag asks for); the flags cannot be asked for together.
    "FL001" "illegal-flag-combination" {
        severity: Error, source: "RFC 9293 §3.10.7", since: "0.1",
        wants: [FlagsRefused], check: Connection(contradiction),
    }
    /// ## What it reports
    /// A segment without ACK that is neither SYN nor RST (`fin-only`, `xmas` for FIN with PSH and URG, `no-ack` for
    /// the others); or a SYN whose acknowledgment field holds a number though ACK is off (`ack-field`, a note).
    /// ## Why it matters
    /// Once a connection is open every segment acknowledges. The first kind is a stealth scan; the second tells
    /// something of the program that made the SYN.
    /// ## When it is normal
    /// Never for the first kind. Hand-made SYNs of scanners and load generators leave old bytes in the field.
    /// ## Example
    /// FIN, PSH and URG without ACK, sequence number 4000.
    /// ## Source
    /// RFC 9293 §3.1 (ACK: always sent once the connection is established) and §3.10.7.4, fifth check.
    "FL002" "ack-flag-inconsistent" {
        severity: Error, source: "RFC 9293 §3.1, §3.10.7.4", since: "0.1",
        wants: [FlagsRefused, NotableHeader], check: Connection(without_ack),
    }
    /// ## What it reports
    /// An urgent pointer that points nowhere useful: URG with pointer 0 (`no-pointer`), URG without payload
    /// (`no-payload`), a pointer more than 64 segments ahead (`far-pointer`), a pointer behind an earlier one
    /// (`receding`), a pointer without URG (`no-flag`), URG on a SYN (`on-syn`).
    /// ## Why it matters
    /// Urgent data is read in more than one way by stacks and by inspection devices, which attackers use: several
    /// holes of embedded stacks were in just this code.
    /// ## When it is normal
    /// Telnet and rlogin send urgent data correctly, and nothing is said of it. Whether the pointer is one too high
    /// is not judged: both ways of counting are in use.
    /// ## Example
    /// URG with urgent pointer 0 and no payload.
    /// ## Source
    /// RFC 9293 §3.8.5 (MUST-62); RFC 6093 on how it is counted.
    "FL003" "urgent-inconsistent" {
        severity: Note, source: "RFC 9293 §3.8.5; RFC 6093", since: "0.1",
        wants: [NotableHeader], check: Connection(urgent),
    }
    /// ## What it reports
    /// ECN bits that mean nothing: a SYN with an offer that no RFC has (`syn`), a SYN+ACK that answers another offer
    /// than the SYN made (`synack`), or reserved bits that are set (`reserved`).
    /// ## Why it matters
    /// ECN will not be used, or one end believes it is and the other does not; a device on the path may have changed
    /// the bits.
    /// ## When it is normal
    /// The bits may be anything once accurate ECN was agreed on: then they are a counter, and nothing is said.
    /// ## Example
    /// A SYN without ECE and CWR, answered by a SYN+ACK with ECE.
    /// ## Source
    /// RFC 3168 §6.1.1; RFC 9768 §3.1.1 and table 2; RFC 9293 §3.1 (reserved bits).
    "FL004" "ecn-or-reserved-invalid" {
        severity: Note, source: "RFC 3168 §6.1.1; RFC 9768 §3.1.1", since: "0.1",
        wants: [NotableHeader], check: Connection(ecn),
    }
}

/// The segment, unless its checksum says that it is not what was sent.
pub(super) fn trusted<'a>(scene: &Scene<'a>) -> Option<&'a Segment> {
    scene.segment.filter(|s| s.checksum != Checksum::Bad)
}

fn contradiction(scene: &Scene<'_>) -> Option<Judgement> {
    let s = trusted(scene)?;
    let (variant, message) = match s.flags {
        f if f.six() == 0 => ("null", "the {end} sent a segment without any flag"),
        f if f.has(Flags::SYN | Flags::FIN) => {
            ("syn-fin", "the {end} sent SYN and FIN in one segment ({flags})")
        }
        f if f.has(Flags::SYN | Flags::RST) => {
            ("syn-rst", "the {end} sent SYN and RST in one segment ({flags})")
        }
        f if f.has(Flags::FIN | Flags::RST) => {
            ("fin-rst", "the {end} sent FIN and RST in one segment ({flags})")
        }
        _ => return None,
    };
    flags_of(Detail::new(message).variant(variant), s).report()
}

fn flags_of(detail: Detail, s: &Segment) -> Detail {
    detail.with("flags", s.flags.to_string()).with("flag_bits", s.flags.bits()).with("seq", s.seq.0)
}

fn without_ack(scene: &Scene<'_>) -> Option<Judgement> {
    let s = trusted(scene)?;
    if scene.event.fact == Fact::NotableHeader {
        let plain_syn = s.flags.syn() && !s.flags.any(Flags::ACK | Flags::RST | Flags::FIN);
        return if plain_syn && s.ack.0 != 0 { ack_field(s) } else { None };
    }
    if s.flags.any(Flags::ACK | Flags::SYN | Flags::RST) || s.flags.six() == 0 {
        return None;
    }
    let xmas = Flags::FIN | Flags::PSH | Flags::URG;
    let variant = match s.flags {
        f if f.has(xmas) => "xmas",
        f if f.six() == Flags::FIN.six() => "fin-only",
        _ => "no-ack",
    };
    let message =
        "the {end} sent a segment that acknowledges nothing, though it opens and resets nothing ({flags})";
    flags_of(Detail::new(message).variant(variant), s).with("payload_bytes", s.payload_len).report()
}

fn ack_field(s: &Segment) -> Option<Judgement> {
    Detail::new("the {end}'s SYN carries the acknowledgment number {ack} without the ACK flag")
        .variant("ack-field")
        .severity(Severity::Note)
        .with("ack", s.ack.0)
        .report()
}

fn urgent(scene: &Scene<'_>) -> Option<Judgement> {
    // What FL001 and FL002 refuse has no urgent data for anybody.
    let can_act = |s: &&Segment| s.flags.any(Flags::ACK | Flags::SYN) && !s.faults.any(HeaderFaults::CUT);
    let s = trusted(scene).filter(can_act)?;
    let (variant, message) = if s.flags.has(Flags::URG) {
        urgent_flag(scene, s)?
    } else if s.urgent != 0 {
        ("no-flag", "the {end} sent the urgent pointer {urgent} without the URG flag")
    } else {
        return None;
    };
    Detail::new(message)
        .variant(variant)
        .with("urgent", s.urgent)
        .with("payload_bytes", s.payload_len)
        .with("flags", s.flags.to_string())
        .report()
}

fn urgent_flag(scene: &Scene<'_>, s: &Segment) -> Option<(&'static str, &'static str)> {
    let (end, peer) = (&scene.connection.ends[scene.event.end], &scene.connection.ends[1 - scene.event.end]);
    // RFC 9293 §3.7.1: 536 bytes where the peer's SYN did not say more.
    let mss = u32::from(peer.offer.and_then(|o| o.mss).unwrap_or(536)).max(1);
    let is_new = end.space.known() && !s.seq.before(end.space.max());
    let points_to = s.seq + u32::from(s.urgent);
    if s.flags.syn() {
        Some(("on-syn", "the {end} marked its SYN urgent"))
    } else if s.urgent == 0 {
        Some(("no-pointer", "the {end} sent URG with an urgent pointer of 0"))
    } else if s.payload_len == 0 {
        Some(("no-payload", "the {end} sent URG without any payload, urgent pointer {urgent}"))
    } else if u32::from(s.urgent) > s.payload_len + 64 * mss {
        Some(("far-pointer", "the {end}'s urgent pointer {urgent} is farther ahead than 64 segments"))
    } else if is_new && end.urgent.is_some_and(|before| points_to.before(before)) {
        Some(("receding", "the {end}'s urgent pointer went back"))
    } else {
        None
    }
}

fn ecn(scene: &Scene<'_>) -> Option<Judgement> {
    let s = trusted(scene)?;
    let offer = scene.connection.ends[1 - scene.event.end].offer;
    let (variant, message) = if s.faults.any(HeaderFaults::RESERVED_BITS) {
        ("reserved", "the {end} set reserved bits of the header")
    } else if !s.flags.syn() || s.flags.any(Flags::RST | Flags::FIN) {
        return None;
    } else if !s.flags.ack() {
        if is_ecn_offer(s.flags) {
            return None;
        }
        ("syn", "the {end}'s SYN has ECN bits that offer nothing: AE, CWR and ECE are {ecn}")
    } else if answers_offer(s.flags, &offer.filter(|o| !o.first_flags.ack())?) {
        return None;
    } else {
        (
            "synack",
            "the {end}'s SYN+ACK has the ECN bits {ecn} (AE, CWR, ECE), which answer no SYN with {offered}",
        )
    };
    Detail::new(message)
        .variant(variant)
        .cause(offer.filter(|_| variant == "synack").map(|o| o.frame))
        .with("ecn", ecn_bits(s.flags))
        .with("offered", offer.map(|o| ecn_bits(o.flags)))
        .report()
}

/// AE, CWR, ECE as three digits.
fn ecn_bits(f: Flags) -> String {
    format!("{:03b}", ecn_number(f))
}

/// AE, CWR, ECE as three bits of a number.
fn ecn_number(f: Flags) -> u8 {
    let bits = [Flags::AE, Flags::CWR, Flags::ECE];
    bits.iter().fold(0, |number, bit| number << 1 | u8::from(f.has(*bit)))
}

/// Nothing, classic ECN, or accurate ECN (RFC 3168 §6.1.1, RFC 9768 §3.1.1).
fn is_ecn_offer(f: Flags) -> bool {
    matches!(ecn_number(f), 0b000 | 0b011 | 0b111)
}

/// Whether a SYN+ACK may have these bits after one of the SYNs: none to no offer; to classic ECN none, ECE, or AE
/// with ECE, which is reserved; anything to accurate ECN, even a faulty echo of the SYN (RFC 9768 table 2).
fn answers_offer(f: Flags, offer: &Offer) -> bool {
    let fits = |syn: Flags| match ecn_number(syn) {
        0b000 => ecn_number(f) == 0b000,
        0b011 => matches!(ecn_number(f), 0b000 | 0b001 | 0b101),
        _ => true,
    };
    fits(offer.first_flags) || fits(offer.flags)
}
