//! What must not change a result: copies of packets, other sequence numbers, other names, strangers' connections.

use std::cell::Cell;
use std::collections::BTreeSet;

use tcpscope::config::Config;
use tcpscope::tcp::{Certainty, Endpoint, Flags, State};
use tcpscope::track::Reason;

use crate::support::captures;
use crate::support::frames::source;
use crate::support::known::no_complaints;
use crate::support::packet::{Shot, capture_time};
use crate::support::run::{Seen, role_of};
use crate::support::script::{Script, a, b};
use crate::support::shared::shared;
use crate::support::transcript;
use crate::vectors;

#[test]
fn a_copy_of_every_packet_changes_nothing() {
    hold("copies", |name, script| {
        if script.shots.iter().all(|s| s.ip_id == 0) {
            // Without IP-IDs copies are not known as such at once.
            return Vec::new();
        }
        let mut doubled = script.clone();
        for shot in &script.shots {
            doubled.shots.push(Shot { at: shot.at + 100_000, ttl: shot.ttl - 1, ..shot.clone() });
        }
        doubled.shots.sort_by_key(|s| s.at);
        let (one, two) = (Seen::of_frames(script.frames()), Seen::of_frames(doubled.frames()));
        let mut wrong = same(name, &one, &two, &letter);
        let copies = one.summary.duplicates + script.shots.len() as u64;
        if two.summary.duplicates != copies {
            wrong.push(format!("{name}: {} duplicates, not {copies}", two.summary.duplicates));
        }
        wrong
    });
}

/// Connections of which little was seen are kept as their segments; here each is, from its first segment on.
#[test]
fn freezing_changes_nothing() {
    let mut frozen = Config::default();
    frozen.track.young = 0;
    changes_nothing("frozen", &frozen);
}

/// Connections that rest are kept as bytes; here each is, after every segment, but those that are frozen.
#[test]
fn packing_changes_nothing() {
    let mut packed = Config::default();
    (packed.track.young, packed.track.awake) = (0, 0);
    changes_nothing("packed", &packed);
}

fn changes_nothing(what: &str, other: &Config) {
    hold(what, |name, script| {
        let (one, two) = (Seen::of_frames(script.frames()), Seen::of(&mut source(script.frames()), other));
        unlike(name, &one, &two).into_iter().collect()
    });
    let Some(all) = captures::all(what) else { return };
    let folder = shared(what).expect("it was there").join("captures");
    let compare = |(name, whole): (&String, &captures::Analyzed)| {
        let whole = whole.seen.as_ref().ok()?;
        let again = captures::analyze(&folder.join(name), other).expect("it was read before");
        unlike(name, whole, &again)
    };
    no_complaints(&format!("{what} captures"), &all.iter().filter_map(compare).collect::<Vec<_>>());
}

/// The first record or finding that differs.
fn unlike(name: &str, one: &Seen, two: &Seen) -> Option<String> {
    if one.summary != two.summary {
        return Some(format!("{name}: {:?}\n{:?}", one.summary, two.summary));
    }
    let record = one.records.iter().zip(&two.records).find(|(a, b)| a != b);
    let finding = one.findings.iter().zip(&two.findings).find(|(a, b)| a != b);
    record
        .map(|(a, b)| format!("{name}: {a:?}\n{b:?}"))
        .or(finding.map(|(a, b)| format!("{name}: {a:?}\n{b:?}")))
}

#[test]
fn other_sequence_numbers_change_nothing() {
    hold("sequence numbers", |name, script| {
        let plain = Seen::of_frames(script.frames());
        let moved = |by: u32| {
            let plain_script = script;
            let mut script = plain_script.clone();
            for (i, shot) in script.shots.iter_mut().enumerate() {
                // 0 from an end that was sent nothing is no number.
                let knows = plain_script.shots[..i].iter().any(|s| s.dst == shot.src);
                let (ack, knew_none) = (shot.ack, shot.ack == 0 && !knows);
                shift(shot, by);
                shot.ack = if knew_none { ack } else { shot.ack };
            }
            same(&format!("{name} +{by}"), &plain, &Seen::of_frames(script.frames()), &letter)
        };
        [moved(1 << 31), moved(u32::MAX - 4)].concat()
    });
}

#[test]
fn other_names_mirror_the_result() {
    hold("names", |name, script| {
        let mut mirrored = script.clone();
        for shot in &mut mirrored.shots {
            (shot.src, shot.dst) = (mirror(shot.src), mirror(shot.dst));
        }
        let (one, two) = (Seen::of_frames(script.frames()), Seen::of_frames(mirrored.frames()));
        same(name, &one, &two, &|e| letter(mirror(e)))
    });
}

#[test]
fn strangers_before_change_nothing() {
    hold("strangers", |name, script| {
        let alone = Seen::of_frames(script.frames());
        let mut crowd = script.clone();
        for (i, stranger) in strangers().into_iter().enumerate() {
            crowd.shots.insert(i, stranger);
        }
        let mut seen = Seen::of_frames(crowd.frames());
        let theirs: BTreeSet<u64> =
            seen.records.iter().filter(|r| r.endpoints.server.port == STRANGE_PORT).map(|r| r.id).collect();
        assert_eq!(theirs.len(), 1, "{name}: the strangers' connection is missing");
        seen.records.retain(|r| !theirs.contains(&r.id));
        seen.findings.retain(|f| !f.connection.is_some_and(|c| theirs.contains(&c)));
        same(name, &alone, &seen, &letter)
    });
}

/// One direction is missing: what an end's own SYN, FIN and RST say of it is still seen, and still observed.
#[test]
fn own_segments_tell_the_same_without_the_other_direction() {
    let compared = Cell::new(0);
    hold("one direction", |name, script| {
        let both = Seen::of_frames(script.frames());
        let mut wrong = Vec::new();
        for end in [a(), b()] {
            let mut half = script.clone();
            half.shots.retain(|s| s.src == end);
            if half.shots.is_empty() || script.shots.iter().any(|s| s.src == s.dst) {
                continue;
            }
            let half = Seen::of_frames(half.frames());
            let (mut wanted, got) = (own_steps(&both, end), own_steps(&half, end));
            let refuses = |s: &Shot| s.seq == 0 && s.flags.has(Flags::RST | Flags::ACK);
            if script.shots.iter().filter(|s| s.src == end).skip(1).any(refuses) {
                // In the midst of a connection only the SYN that it refuses tells what the RST is for.
                wanted.retain(|step| *step != "RST");
            }
            compared.set(compared.get() + wanted.len());
            if !got.is_superset(&wanted) {
                wrong.push(format!("{name}: {} alone did {got:?}, with the other {wanted:?}", letter(end)));
            }
        }
        wrong
    });
    assert!(compared.get() > 50, "only {} steps of own segments", compared.get());
}

/// Runs one check over every script: the shared vectors where they are, and the project's transcripts.
fn hold(title: &str, check: impl Fn(&str, &Script) -> Vec<String>) {
    let mut complaints = Vec::new();
    for vector in vectors::all(title).unwrap_or_default() {
        complaints.extend(check(&vector.id, &vector.script));
    }
    for transcript in transcript::all() {
        complaints.extend(check(&transcript.file, &transcript.script));
    }
    no_complaints(title, &complaints);
}

fn same(name: &str, one: &Seen, two: &Seen, two_name: &dyn Fn(Endpoint) -> String) -> Vec<String> {
    let zero = capture_time(0);
    let (one, two) = (one.story(zero, &letter), two.story(zero, two_name));
    if one.is_empty() || !one[0].starts_with("record") {
        return vec![format!("{name}: no connection")];
    }
    let first = (0..one.len().max(two.len())).find(|&i| one.get(i) != two.get(i));
    first.map(|i| format!("{name}: {:?} became {:?}", one.get(i), two.get(i))).into_iter().collect()
}

fn letter(end: Endpoint) -> String {
    match end {
        e if e == a() => "A".into(),
        e if e == b() => "B".into(),
        other => other.to_string(),
    }
}

fn mirror(end: Endpoint) -> Endpoint {
    match end {
        e if e == a() => b(),
        e if e == b() => a(),
        other => other,
    }
}

/// Moves a segment in sequence space; 0 in a RST means "no number", and without ACK there is none.
fn shift(shot: &mut Shot, by: u32) {
    if !(shot.flags.rst() && shot.seq == 0) {
        shot.seq = shot.seq.wrapping_add(by);
    }
    if shot.flags.ack() {
        shot.ack = shot.ack.wrapping_add(by);
    }
}

/// What one end did by its own segments, over all records.
fn own_steps(seen: &Seen, end: Endpoint) -> BTreeSet<&'static str> {
    let mut steps = BTreeSet::new();
    for record in &seen.records {
        let Some(role) = role_of(record, end, true) else { continue };
        for step in record.path(role).filter(|t| t.certainty == Certainty::Observed) {
            steps.extend(match (step.reason, step.to) {
                (Reason::SynSent, _) => Some("SYN"),
                (Reason::SynAckSent, _) => Some("SYN+ACK"),
                (Reason::FinSent, State::FinWait1 | State::LastAck | State::Closing) => Some("FIN"),
                (Reason::ResetSent, _) => Some("RST"),
                _ => None,
            });
        }
    }
    steps
}

/// A short connection of two others, one second before all scripts begin.
fn strangers() -> Vec<Shot> {
    let end = |addr: &str, port| Endpoint::new(addr.parse().expect("an address"), port);
    let (client, server) = (end("192.0.2.7", 51000), end("198.51.100.9", STRANGE_PORT));
    let shot = |at: i64, src, dst, flags, seq, ack, id| Shot {
        seq,
        ack,
        ..Shot::new(at - 1_000_000_000, src, dst, flags, id)
    };
    vec![
        shot(0, client, server, Flags::SYN, 7, 0, 60000),
        shot(10_000_000, server, client, Flags::SYN_ACK, 900, 8, 60001),
        shot(20_000_000, client, server, Flags::ACK, 8, 901, 60002),
        shot(30_000_000, client, server, Flags::ACK | Flags::RST, 8, 901, 60003),
    ]
}

/// No script uses this port.
const STRANGE_PORT: u16 = 7777;
