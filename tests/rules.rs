//! The registry of rules tests itself, and detectors are held to what generated captures must give.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

use tcpscope::config::Config;
use tcpscope::rules::{Check, FAMILIES, Finding, Rule, Severity, rules};
use tcpscope::tcp::{Endpoint, Flags};

use crate::support::frames::source;
use crate::support::known::no_complaints;
use crate::support::packet::{Shot, clock_tick};
use crate::support::run::Seen;

#[test]
fn ids_are_unique_and_in_their_family() {
    let mut seen = BTreeSet::new();
    let mut wrong = Vec::new();
    for (prefix, family) in FAMILIES {
        for rule in family {
            let number = rule.id.strip_prefix(prefix).unwrap_or_default();
            if number.len() != 3 || !number.chars().all(|c| c.is_ascii_digit()) {
                wrong.push(format!("{}: not {prefix} and three digits", rule.id));
            }
            if !seen.insert(rule.id) || !seen.insert(rule.name) {
                wrong.push(format!("{} {}: there is another one", rule.id, rule.name));
            }
        }
        if !family.is_sorted_by_key(|r| r.id) {
            wrong.push(format!("{prefix}: not in order of ids"));
        }
    }
    no_complaints("ids", &wrong);
}

#[test]
fn names_are_kebab_case() {
    let kebab = |n: &str| {
        n.split('-').all(|part| {
            !part.is_empty() && part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
        })
    };
    let wrong: Vec<String> =
        rules().filter(|r| !kebab(r.name)).map(|r| format!("{}: {}", r.id, r.name)).collect();
    no_complaints("names", &wrong);
}

#[test]
fn every_rule_has_the_five_headings_in_order_and_a_text_under_each() {
    let wrong: Vec<String> = rules().flat_map(headings).collect();
    no_complaints("headings", &wrong);
}

fn headings(rule: &Rule) -> Vec<String> {
    let mut found = Vec::new();
    let mut empty = Vec::new();
    for part in rule.doc.split("## ").skip(1) {
        let (heading, text) = part.split_once('\n').unwrap_or((part, ""));
        found.push(heading.trim());
        if text.trim().is_empty() {
            empty.push(format!("{}: nothing under {heading}", rule.id));
        }
    }
    if found != HEADINGS {
        empty.push(format!("{}: headings {found:?}", rule.id));
    }
    empty
}

#[test]
fn every_rule_about_a_connection_has_a_transcript_that_fires_and_a_near_miss() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts");
    let files: Vec<(String, String)> = std::fs::read_dir(&folder)
        .expect("the folder is part of the project")
        .flatten()
        .map(|f| {
            let text = std::fs::read_to_string(f.path()).unwrap_or_default();
            (f.file_name().to_string_lossy().into_owned(), text)
        })
        .collect();
    let mut wrong = Vec::new();
    for rule in rules().filter(|r| matches!(r.check, Check::Connection(_))) {
        let says = |text: &str| text.lines().any(|l| l.trim().starts_with(&format!("! {}", rule.id)));
        for (kind, fires) in [("fires", true), ("near", false)] {
            let start = format!("{}-{kind}-", rule.id.to_lowercase());
            let named: Vec<_> = files.iter().filter(|(name, _)| name.starts_with(&start)).collect();
            if named.is_empty() {
                wrong.push(format!("{}: no transcript {start}*.txt", rule.id));
            }
            let bad = named.iter().filter(|(_, text)| says(text) != fires);
            wrong.extend(bad.map(|(name, _)| format!("{}: {name} expects the opposite", rule.id)));
        }
    }
    no_complaints("transcripts of rules", &wrong);
}

/// A thousand ports are enough to see how all are counted.
#[test]
fn ports_in_time_wait_at_the_client_run_out() {
    let config = small_range(50);
    let findings = |count: i64, server_closes: bool| {
        let mut shots = Vec::new();
        for i in 0..count {
            shots.extend(short_connection(i, 40_000 + i as u16, server_closes));
        }
        findings_of("TW007", &shots, &config)
    };
    assert_eq!(findings(799, false), []);
    let warned = findings(850, false);
    let [one] = warned.as_slice() else { panic!("{warned:?}") };
    assert_eq!((one.severity, one.count), (Severity::Warning, 850));
    assert_eq!(one.key.as_deref(), Some("10.0.0.1 > 10.0.0.2:80"));
    assert_eq!(one.frames.len(), 2);
    assert_eq!(findings(970, false)[0].severity, Severity::Error);
    // The server closes, so it holds the TIME_WAITs and the client's ports are free.
    assert_eq!(findings(970, true), []);
}

#[test]
fn a_range_that_runs_out_is_told_before_the_input_ends_and_once() {
    let mut shots: Vec<Shot> = (0..820).flat_map(|i| short_connection(i, 40_000 + i as u16, false)).collect();
    // Some more, seconds later: the number had stood still meanwhile.
    shots.extend((0..50).flat_map(|i| short_connection(1200 + i, 40_850 + i as u16, false)));
    let found = findings_of("TW007", &shots, &small_range(50));
    let [one] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!((one.count, one.end), (820, None));
    let seconds = one.evidence.iter().find(|(n, _)| *n == "peak_at_ns").and_then(|(_, v)| v.as_i64());
    assert!(one.start < seconds.map(tcpscope::tcp::Timestamp));
}

#[test]
fn ports_of_a_shared_address_are_a_note() {
    let shots = |kinds: i64| -> Vec<Shot> {
        let one = |i: i64| {
            let mut shots = short_connection(i, 40_000 + i as u16, false);
            shots[0].window = 1000 + (i % kinds) as u16;
            shots
        };
        (0..850).flat_map(one).collect()
    };
    let of = |kinds: i64| findings_of("TW007", &shots(kinds), &small_range(50));
    assert_eq!((of(4)[0].severity, of(4)[0].variant), (Severity::Note, Some("shared-address")));
    assert_eq!((of(3)[0].severity, of(3)[0].variant), (Severity::Warning, None));
}

#[test]
fn ports_of_time_waits_that_ended_are_free_again() {
    let mut shots = Vec::new();
    for i in 0..1200 {
        shots.extend(short_connection(i * 10, 40_000 + (i % 1000) as u16, false));
    }
    assert_eq!(findings_of("TW007", &shots, &small_range(1_000_000)), []);
}

#[test]
fn time_waits_of_one_host_pile_up() {
    let config = small_range(100);
    let findings = |count: i64, gap: i64| {
        let one = |i: i64| short_connection(i * gap, 40_000 + i as u16, true);
        findings_of("TW006", &(0..count).flat_map(one).collect::<Vec<_>>(), &config)
    };
    assert_eq!(findings(99, 1), []);
    let found = findings(130, 1);
    let [one] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!((one.key.as_deref(), one.count), (Some("10.0.0.2"), 130));
    assert!(one.message.contains("100 % as the server"), "{}", one.message);
    let peers = one.evidence.iter().find(|(n, _)| *n == "top_peers").map(|(_, v)| v.to_string());
    assert_eq!(peers.as_deref(), Some(r#"[{"addr":"10.0.0.1","at_most":130}]"#));
    // It goes on growing: said ten seconds after the threshold, with what it was then.
    let slowly: Vec<Shot> = (0..1400).flat_map(|i| short_connection(i, 40_000 + i as u16, true)).collect();
    let found = findings_of("TW006", &slowly, &config);
    let [one] = found.as_slice() else { panic!("{found:?}") };
    assert!(one.end.is_none() && (1050..1150).contains(&one.count), "{one:?}");
    // One each second: 60 at once.
    assert_eq!(findings(130, 100), []);
}

/// Rules with these ports and this bound of TIME_WAITs.
fn small_range(pile_up: u64) -> Config {
    let mut config = Config::default();
    config.rules.thresholds.ephemeral_low = 40_000;
    config.rules.thresholds.ephemeral_high = 40_999;
    config.rules.thresholds.time_wait_pileup = pile_up;
    config
}

fn findings_of(rule: &str, shots: &[Shot], config: &Config) -> Vec<Finding> {
    let mut frames: Vec<_> = shots.iter().map(Shot::frame).collect();
    frames.sort_by_key(|f| f.time);
    let end = shots.last().map_or(0, |s| s.at) + 1_000_000_000;
    frames.push(clock_tick(end));
    let seen = Seen::of(&mut source(frames), config);
    seen.findings.into_iter().filter(|f| f.rule == rule).collect()
}

/// Handshake and close within 6 ms, `slot` × 10 ms after the start.
fn short_connection(slot: i64, port: u16, server_closes: bool) -> Vec<Shot> {
    let client = Endpoint::new(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)), port);
    let server = Endpoint::new(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2)), 80);
    let isn = 1000 + slot as u32 * 100_000;
    let (first, second) = if server_closes { (server, client) } else { (client, server) };
    let (own, other) = if server_closes { (9001, isn + 1) } else { (isn + 1, 9001) };
    let fin = Flags::FIN | Flags::ACK;
    let steps = [
        (client, Flags::SYN, isn, 0),
        (server, Flags::SYN_ACK, 9000, isn + 1),
        (client, Flags::ACK, isn + 1, 9001),
        (first, fin, own, other),
        (second, fin, other, own + 1),
        (first, Flags::ACK, own + 1, other + 1),
    ];
    let shot = |(i, (src, flags, seq, ack)): (usize, (Endpoint, Flags, u32, u32))| {
        let dst = if src == client { server } else { client };
        let at = slot * 10_000_000 + i as i64 * 1_000_000;
        Shot { seq, ack, ..Shot::new(at, src, dst, flags, (slot * 6 + i as i64) as u16 | 1) }
    };
    steps.into_iter().enumerate().map(shot).collect()
}

/// House style, section 3.
const HEADINGS: [&str; 5] = ["What it reports", "Why it matters", "When it is normal", "Example", "Source"];
