//! Attacks that keep below what is usual, hide among good clients or are refused, and busy traffic that looks like them.

use serde_json::Value;
use tcpscope::config::Config;
use tcpscope::rules::{Finding, Severity};
use tcpscope::tcp::{Duration, Endpoint, Flags};
use tcpscope::track::Confidence;

use crate::support::packet::capture_time;
use crate::support::traffic::{BARE, LINUX, MS, S, Stack, Traffic, addr, good, host, only};

const RST_ACK: Flags = Flags(0x14);

fn number(finding: &Finding, name: &str) -> i64 {
    let found = finding.evidence.iter().find(|(n, _)| *n == name).and_then(|(_, v)| v.as_i64());
    found.unwrap_or_else(|| panic!("no number {name}: {finding:?}"))
}

/// SYNs from forged addresses, so many a second from 30 s on for a minute; SYN+ACKs, if any, are sent again as Linux does.
fn forged(t: &mut Traffic, per_second: i64, is_answered: bool) {
    for i in 0..60 * per_second {
        let (source, isn, at) = (t.stranger(), t.random() as u32, 30 * S + i * S / per_second);
        t.syn(at, (source, host(2, 80)), isn, &BARE);
        if is_answered {
            let again = [1008, 3024, 7120, 15_312, 31_440].map(|ms| ms * MS);
            t.syn_acks(at + MS, (source, host(2, 80)), isn, &again);
        }
    }
}

#[test]
fn a_slow_flood_beside_as_many_good_clients_fills_the_queue() {
    let mut t = Traffic::new(1);
    good(&mut t, 120, 20);
    forged(&mut t, 20, true);
    let seen = t.seen(240 * S, &Config::default());
    let of = |rule: &str| seen.findings.iter().filter(|f| f.rule == rule).cloned().collect::<Vec<_>>();
    let flood = only(of("AT001"));
    assert_eq!((flood.variant, flood.confidence), (Some("slow"), Confidence::High), "{flood:?}");
    assert!((1150..=1250).contains(&number(&flood, "unfinished")), "{flood:?}");
    // An entry that was only thought to be given up is counted once.
    let low = only(of("HO006"));
    assert!(number(&low, "expired") <= 1200 && number(&low, "completed") > 0, "{low:?}");
}

#[test]
fn a_slow_flood_without_any_answer_is_known_by_its_headers() {
    let mut t = Traffic::new(2);
    forged(&mut t, 30, false);
    let flood = only(t.attacks(120 * S));
    assert_eq!((flood.rule, flood.variant), ("AT001", Some("spoofed")), "{flood:?}");
    assert_eq!((flood.severity, flood.confidence), (Severity::Warning, Confidence::Medium));
    let mut few = Traffic::new(2);
    forged(&mut few, 5, false);
    assert_eq!(few.attacks(120 * S), [], "below ten a second nothing tells it from other noise");
}

#[test]
fn a_flood_whose_own_kernel_resets_what_is_answered() {
    let cancelled = |per_second: i64, sources: u8| {
        let mut t = Traffic::new(3);
        good(&mut t, 30, 10);
        for i in 0..30 * per_second {
            let source = addr([30, 0, 0, (i % i64::from(sources)) as u8], 2000 + i as u16);
            let (at, ends, isn) = (10 * S + i * S / per_second, (source, host(2, 80)), t.random() as u32);
            t.syn(at, ends, isn, &LINUX);
            t.syn_acks(at + MS, ends, isn, &[]);
            t.shot(at + 11 * MS, ends, Flags::RST, (isn.wrapping_add(1), 0));
        }
        t.attacks(80 * S)
    };
    let flood = only(cancelled(100, 1));
    assert_eq!((flood.rule, flood.variant, flood.severity), ("AT001", Some("direct"), Severity::Error));
    assert_eq!(flood.key.as_deref(), Some("10.0.0.2:80"));
    assert!(flood.message.contains("from 1 address: 30.0.0.0;"), "{}", flood.message);
    assert_eq!(cancelled(20, 12), [], "health checks of twelve load balancers");
}

#[test]
fn a_flood_that_a_closed_port_refuses() {
    let mut t = Traffic::new(4);
    for i in 0..15 * 300i64 {
        let (ends, isn) = ((t.stranger(), host(2, 1 + (i % 2) as u16)), t.random() as u32);
        t.syn(i * S / 300, ends, isn, &BARE);
        t.shot(i * S / 300 + MS, (ends.1, ends.0), RST_ACK, (0, isn.wrapping_add(1)));
    }
    let floods = t.attacks(60 * S);
    assert!(!floods.is_empty(), "no flood");
    assert!(floods.iter().all(|f| (f.rule, f.variant) == ("AT001", Some("spoofed"))), "{floods:?}");
}

#[test]
fn a_tool_that_floods_a_closed_port_from_its_own_address() {
    let flood = |stack: &Stack| {
        let mut t = Traffic::new(4);
        for i in 0..15 * 300i64 {
            let (ends, isn) = ((addr([30, 0, 0, 9], 2000 + i as u16), host(2, 81)), t.random() as u32);
            t.syn(i * S / 300, ends, isn, stack);
            t.shot(i * S / 300 + MS, (ends.1, ends.0), RST_ACK, (0, isn.wrapping_add(1)));
        }
        t.attacks(60 * S)
    };
    let found = only(flood(&Stack { window: 512, ..BARE }));
    assert_eq!((found.rule, found.variant), ("AT001", Some("direct")), "{found:?}");
    assert_eq!(flood(&LINUX), [], "a program that does not wait before it tries again");
}

#[test]
fn clients_that_a_dead_service_refuses_again_and_again_are_no_flood() {
    let mut t = Traffic::new(5);
    let clients: Vec<Endpoint> = (0..200).map(|_| t.client()).collect();
    for i in 0..200 * 30i64 {
        let client = Endpoint { port: 20_000 + i as u16, ..clients[(i % 200) as usize] };
        let (ends, isn) = ((client, host(2, 80)), t.random() as u32);
        let stack = Stack { window: 8192 + (i % 7) as u16 * 1000, ttl: 50 + (i % 12) as u8, ..LINUX };
        t.syn(i * S / 200, ends, isn, &stack);
        t.shot(i * S / 200 + MS, (ends.1, ends.0), RST_ACK, (0, isn.wrapping_add(1)));
    }
    assert_eq!(t.attacks(60 * S), []);
}

#[test]
fn the_one_source_of_a_flood_is_named_among_many_good_clients() {
    let mut t = Traffic::new(6);
    good(&mut t, 60, 20);
    for i in 0..20 * 100i64 {
        let source = addr([30, 0, 0, 9], 2000 + i as u16);
        let (at, isn) = (10 * S + i * S / 100, t.random() as u32);
        t.syn(at, (source, host(2, 80)), isn, &LINUX);
        t.syn_acks(at + MS, (source, host(2, 80)), isn, &[]);
    }
    let flood = only(t.attacks(120 * S));
    assert_eq!((flood.rule, flood.variant), ("AT001", Some("direct")), "{flood:?}");
    assert!(flood.message.contains("100 % of them from 1 address: 30.0.0.9;"), "{}", flood.message);
    let listed = flood.evidence.iter().find(|(n, _)| *n == "top_sources").map(|(_, v)| v);
    assert_eq!(listed.and_then(Value::as_array).map(Vec::len), Some(1), "{flood:?}");
}

#[test]
fn a_flood_of_a_network_shows_packets() {
    let mut t = Traffic::new(7);
    for i in 0..1024 * 10i64 {
        let (source, isn) = (t.stranger(), t.random() as u32);
        t.syn(i * S / 1024, (source, addr([10, 0, 7, (i % 256) as u8], 443)), isn, &BARE);
    }
    let carpet = only(t.attacks(20 * S));
    assert_eq!((carpet.rule, carpet.frames.is_empty()), ("AT002", false), "{carpet:?}");
}

#[test]
fn a_server_that_cannot_serve_all_of_its_clients_is_not_flooded() {
    let mut t = Traffic::new(9);
    good(&mut t, 120, 100);
    for i in 0..60 * 80i64 {
        let (ends, isn) = ((t.client(), host(2, 80)), t.random() as u32);
        for again in [0, 1, 3] {
            t.syn(30 * S + i * S / 80 + again * S, ends, isn, &LINUX);
        }
    }
    assert_eq!(t.attacks(130 * S), []);
}

#[test]
fn a_full_accept_queue_keeps_entries_but_is_no_flood() {
    let mut t = Traffic::new(10);
    good(&mut t, 30, 40);
    for i in 0..60 * 40i64 {
        let (at, ends) = (30 * S + i * S / 40, (t.client(), host(2, 80)));
        let (c, s) = t.open(at, ends, &LINUX);
        t.shot(at + 21 * MS, ends, Flags::PSH | Flags::ACK, (c, s)).len = 100;
        for again in [1, 3, 7] {
            let shot = t.shot(at + again * S, (ends.1, ends.0), Flags::SYN_ACK, (s - 1, c));
            (shot.mss, shot.window_scale, shot.sack_permitted) = (Some(1460), Some(7), true);
            t.shot(at + again * S + MS, ends, Flags::ACK, (c + 100, s));
        }
        t.shot(at + 8 * S, (ends.1, ends.0), Flags::ACK, (s, c + 100));
    }
    let seen = t.seen(110 * S, &Config::default());
    assert!(seen.findings.iter().any(|f| f.rule == "HO004"), "it is full");
    let floods: Vec<_> = seen.findings.iter().filter(|f| f.rule == "AT001").collect();
    assert!(floods.is_empty(), "{floods:?}");
}

/// 20 ports, probed with these flags and refused as Linux does (RFC 9293 §3.10.7.1).
fn probes(flags: Flags) -> Traffic {
    let mut t = Traffic::new(8);
    for port in 1..=20u16 {
        let (at, ends) = (i64::from(port) * 20 * MS, (host(9, 50_000), host(2, port)));
        let ack = if flags.ack() { 900 } else { 0 };
        t.shot(at, ends, flags, (7, ack));
        let (refusal, numbers) = if flags.ack() { (Flags::RST, (900, 0)) } else { (RST_ACK, (0, 8)) };
        t.shot(at + MS, (ends.1, ends.0), refusal, numbers);
    }
    t
}

#[test]
fn a_scan_is_of_the_kind_that_its_probes_are_and_of_no_other() {
    let xmas = Flags::FIN | Flags::PSH | Flags::URG;
    let kinds = [
        (Flags(0), "null"),
        (Flags::FIN, "fin"),
        (xmas, "xmas"),
        (Flags::SYN | Flags::FIN, "syn-fin"),
        (Flags::ACK, "ack"),
        (Flags::FIN | Flags::ACK, "maimon"),
    ];
    for (flags, kind) in kinds {
        let found = probes(flags).attacks(10 * S);
        let stealth: Vec<_> = found.iter().filter(|f| f.rule == "AT007").collect();
        let variants: Vec<_> = stealth.iter().filter_map(|f| f.variant).collect();
        assert_eq!(variants, [kind], "{found:?}");
        assert!(stealth.iter().all(|f| f.count == 20 && f.message.contains("to 20 ports of 1 host in ")));
    }
}

#[test]
fn a_scan_with_acks_is_told_as_soon_as_enough_are_refused() {
    let found = probes(Flags::ACK).attacks(10 * S);
    assert_eq!(only(found).at.since(capture_time(0)), Duration::from_millis(200), "the tenth");
    let watched = probes(Flags::ACK).watched(10 * S);
    let first = watched.going_on.iter().find(|(_, all)| all.iter().any(|f| f.rule == "AT007"));
    let (at, _) = first.expect("it is told while it goes on");
    assert!(at.since(capture_time(0)) <= Duration::from_secs(2), "{at:?}");
}
