//! Generated scans, injections and tools (tcp.md §6.4): each must be named, and what merely looks like one must not.

use tcpscope::config::Config;
use tcpscope::rules::{Finding, Severity};
use tcpscope::tcp::{Endpoint, Flags};
use tcpscope::track::Confidence;

use crate::support::run::Seen;
use crate::support::script::Script;
use crate::support::traffic::{BARE, LINUX, MS, S, Stack, Traffic, addr, host};

/// nmap's SYN scan.
const NMAP: Stack = Stack { window: 1024, mss: Some(1460), scale: None, sack: false, ttl: 44 };
const RST_ACK: Flags = Flags(0x14);
const XMAS: Flags = Flags(0x29);

fn number(finding: &Finding, name: &str) -> i64 {
    let found = finding.evidence.iter().find(|(n, _)| *n == name).and_then(|(_, v)| v.as_i64());
    found.unwrap_or_else(|| panic!("no number {name}: {finding:?}"))
}

fn named(findings: &[Finding]) -> Vec<(&str, Option<&str>)> {
    findings.iter().map(|f| (f.rule, f.variant)).collect()
}

fn only(findings: Vec<Finding>) -> Finding {
    let [one] = <[Finding; 1]>::try_from(findings).unwrap_or_else(|all| panic!("{}: {all:?}", all.len()));
    one
}

/// A SYN and a refusal.
fn refused(t: &mut Traffic, at: i64, (client, server): (Endpoint, Endpoint), stack: &Stack) {
    let isn = t.random() as u32;
    t.syn(at, (client, server), isn, stack);
    t.shot(at + MS, (server, client), RST_ACK, (0, isn.wrapping_add(1)));
}

/// A SYN, a SYN+ACK, and a RST.
fn cancelled(t: &mut Traffic, at: i64, ends: (Endpoint, Endpoint), stack: &Stack) {
    let isn = t.random() as u32;
    t.syn(at, ends, isn, stack);
    t.syn_acks(at + MS, ends, isn, &[]);
    t.shot(at + 2 * MS, ends, Flags::RST, (isn.wrapping_add(1), 0));
}

fn silent(t: &mut Traffic, at: i64, ends: (Endpoint, Endpoint), stack: &Stack) {
    let isn = t.random() as u32;
    t.syn(at, ends, isn, stack);
}

#[test]
fn g12_a_stealth_scan_of_three_kinds() {
    let mut t = Traffic::new(12);
    for (k, flags) in [Flags::FIN, Flags(0), XMAS].into_iter().enumerate() {
        for port in 1..=20 {
            let at = k as i64 * S + i64::from(port) * 20 * MS;
            let ends = (host(9, 50_000 + k as u16), host(2, port));
            t.shot(at, ends, flags, (7, 0));
        }
    }
    let seen = t.seen(10 * S, &Config::default());
    let stealth: Vec<_> = seen.findings.iter().filter(|f| f.rule == "AT007").cloned().collect();
    assert_eq!(
        stealth.iter().filter_map(|f| f.variant).collect::<std::collections::BTreeSet<_>>(),
        ["fin", "null", "xmas"].into()
    );
    assert!(stealth.iter().all(|f| f.severity == Severity::Error && number(f, "targets") == 20));
    assert_eq!(seen.findings.iter().filter(|f| f.rule == "FL001").count(), 20);
    assert_eq!(seen.findings.iter().filter(|f| f.rule == "FL002").count(), 40);
    let vertical: Vec<_> = seen.findings.iter().filter(|f| f.rule == "AT008").collect();
    assert_eq!(vertical.iter().map(|f| (f.variant, f.count)).collect::<Vec<_>>(), [(Some("stealth"), 20)]);
}

#[test]
fn four_odd_segments_are_no_scan() {
    let mut t = Traffic::new(12);
    for port in 1..=4 {
        t.shot(i64::from(port) * 20 * MS, (host(9, 50_000), host(2, port)), Flags(0), (7, 0));
    }
    assert_eq!(t.attacks(10 * S), []);
}

#[test]
fn three_odd_segments_of_several_kinds_are_a_scan() {
    let scan = |kinds: [Flags; 3]| {
        let mut t = Traffic::new(12);
        for (k, flags) in kinds.into_iter().enumerate() {
            t.shot(k as i64 * 20 * S, (host(9, 50_000), host(2, 3390 + k as u16)), flags, (7, 0));
        }
        t.attacks(60 * S)
    };
    assert_eq!(named(&scan([Flags::FIN, Flags(0), XMAS])), [("AT007", Some("mixed"))]);
    assert_eq!(scan([Flags::FIN, Flags::FIN, Flags::FIN]), [], "a stack that is broken in one way");
}

#[test]
fn acks_that_no_connection_explains_are_a_scan_where_they_are_refused() {
    let acks = |answered: bool, flags: Flags| {
        let mut t = Traffic::new(7);
        for port in 1..=12 {
            let (at, ends) = (i64::from(port) * 20 * MS, (host(9, 50_000), host(2, port)));
            t.shot(at, ends, flags, (7, 900));
            if answered {
                t.shot(at + MS, (ends.1, ends.0), Flags::RST, (900, 0));
            }
        }
        t.attacks(10 * S)
    };
    assert_eq!(named(&acks(true, Flags::ACK)), [("AT007", Some("ack"))]);
    assert_eq!(named(&acks(true, Flags::FIN | Flags::ACK)), [("AT007", Some("maimon"))]);
    assert_eq!(acks(false, Flags::FIN | Flags::ACK), [], "the ends of connections from before the capture");
}

/// 100 ports, of which three are open.
fn vertical(seed: u64, gap: i64, ports: u16) -> Traffic {
    let mut t = Traffic::new(seed);
    for port in 1..=ports {
        let (at, ends) = (i64::from(port) * gap, (host(9, 50_000), host(2, port)));
        if [22, 25, 80].contains(&port) {
            cancelled(&mut t, at, ends, &NMAP)
        } else {
            refused(&mut t, at, ends, &NMAP)
        }
    }
    t
}

#[test]
fn g13_a_syn_scan_of_one_host() {
    let found = only(vertical(13, 20 * MS, 100).attacks(10 * S));
    assert_eq!((found.rule, found.variant), ("AT008", Some("syn")));
    assert_eq!((found.severity, found.confidence), (Severity::Error, Confidence::High));
    assert_eq!((number(&found, "refused"), number(&found, "open"), found.count), (97, 3, 100));
    assert_eq!(found.key.as_deref(), Some("10.0.0.9 > 10.0.0.2"));
    assert!(found.message.contains("(22, 25, 80)"), "{}", found.message);
    let series = found.series.expect("a series");
    assert_eq!(series.columns.iter().map(|(_, c)| c.iter().sum::<u64>()).collect::<Vec<_>>(), [97, 3]);
}

#[test]
fn a_few_ports_are_a_note_and_four_are_nothing() {
    let few = only(vertical(13, 20 * MS, 14).attacks(10 * S));
    assert_eq!((few.rule, few.severity), ("AT008", Severity::Note));
    assert_eq!(vertical(13, 20 * MS, 4).attacks(10 * S), []);
}

#[test]
fn a_slow_scan_is_seen_within_the_hour() {
    // A port every 100 s: 4 in five minutes, 36 in an hour.
    let slow = only(vertical(8, 100 * S, 40).attacks(4200 * S));
    assert_eq!((slow.rule, number(&slow, "open")), ("AT008", 2));
    assert!(slow.evidence.iter().any(|(n, v)| *n == "slow" && v == true), "{slow:?}");
    assert!(slow.severity >= Severity::Warning);
    // Every 300 s: 12 in an hour.
    assert_eq!(vertical(8, 300 * S, 40).attacks(12_100 * S), []);
}

#[test]
fn a_connect_scan_opens_and_closes_at_once() {
    let mut t = Traffic::new(4);
    for port in 1..=30 {
        let (at, ends) = (i64::from(port) * 50 * MS, (host(9, 40_000 + port), host(2, port)));
        if port % 3 > 0 {
            refused(&mut t, at, ends, &LINUX);
        } else {
            let (c, s) = t.open(at, ends, &LINUX);
            t.shot(at + 25 * MS, ends, RST_ACK, (c, s));
        }
    }
    let found = only(t.attacks(10 * S));
    assert_eq!((found.rule, found.variant, number(&found, "open")), ("AT008", Some("connect"), 10));
}

/// One port of many hosts, of which some answer and are used.
fn horizontal(seed: u64, hosts: u8, used: u8) -> Traffic {
    let mut t = Traffic::new(seed);
    for i in 0..hosts {
        let (at, ends) = (i64::from(i) * 100 * MS, (host(9, 40_000 + u16::from(i)), addr([10, 0, 1, i], 22)));
        if i % 12 < used { t.exchange(at, ends, &LINUX) } else { silent(&mut t, at, ends, &LINUX) }
    }
    t
}

#[test]
fn g14_one_port_of_many_hosts() {
    let found = only(horizontal(14, 60, 1).attacks(20 * S));
    assert_eq!((found.rule, found.variant), ("AT009", Some("syn")));
    assert_eq!((found.severity, number(&found, "unanswered")), (Severity::Warning, 55));
    assert_eq!(found.key.as_deref(), Some("10.0.0.9 > port 22"));
    let few = only(horizontal(14, 12, 1).attacks(20 * S));
    assert_eq!((few.rule, few.severity, few.count), ("AT009", Severity::Note, 11));
    assert_eq!(horizontal(14, 5, 1).attacks(20 * S), []);
    assert_eq!(
        named(&horizontal(14, 60, 1).attacks(6 * S)),
        [("AT009", Some("syn"))],
        "the capture ends with it"
    );
    assert_eq!(horizontal(14, 12, 1).attacks(S), [], "a few that might still be answered");
}

#[test]
fn g15_a_crawler_succeeds_mostly() {
    let mut t = Traffic::new(15);
    for i in 0..200u8 {
        let (at, ends) =
            (i64::from(i) * 100 * MS, (host(9, 40_000 + u16::from(i)), addr([10, 0, 1, i], 443)));
        if i % 10 == 9 { silent(&mut t, at, ends, &LINUX) } else { t.exchange(at, ends, &LINUX) }
    }
    assert_eq!(t.attacks(60 * S), []);
}

#[test]
fn file_sharing_fails_often_and_is_no_scan() {
    assert_eq!(horizontal(3, 120, 4).attacks(60 * S), [], "a third succeeds");
    assert_eq!(horizontal(3, 120, 3).attacks(60 * S).len(), 1, "a quarter does");
}

#[test]
fn hosts_that_the_user_trusts_may_scan() {
    let mut config = Config::default();
    config.rules.thresholds.scans.trusted = vec!["10.0.0.8/30".parse().expect("a network")];
    for traffic in [vertical(13, 20 * MS, 100), horizontal(14, 60, 1)] {
        let found = traffic.seen(20 * S, &config).findings;
        assert!(found.iter().all(|f| !["AT007", "AT008", "AT009"].contains(&f.rule)), "{found:?}");
    }
}

#[test]
fn a_dead_service_is_no_scan_of_its_clients() {
    let mut t = Traffic::new(5);
    for i in 0..60 {
        let client = t.client();
        refused(&mut t, i * 100 * MS, (client, host(2, 80)), &LINUX);
        refused(&mut t, i * 100 * MS, (host(9, 30_000 + i as u16), host(2, 80)), &LINUX);
    }
    assert_eq!(t.attacks(20 * S), []);
}

#[test]
fn a_scanner_behind_nat_is_told_from_the_others() {
    let mut t = horizontal(6, 60, 0);
    let phone = Stack { window: 65_535, mss: Some(1400), scale: Some(6), sack: true, ttl: 63 };
    for i in 0..200u8 {
        let ends = (host(9, 20_000 + u16::from(i)), addr([10, 0, 2, i], 443));
        t.exchange(i64::from(i) * 50 * MS, ends, &phone);
    }
    let found = only(t.attacks(20 * S));
    assert_eq!((found.rule, found.count), ("AT009", 60));
}

#[test]
fn a_scan_from_many_places_is_one_tool() {
    let many = |sources: u8, stacks: u64, hosts: u8| {
        let mut t = Traffic::new(9);
        for i in 0..sources {
            let source = addr([50, i, 1, 1], 40_000);
            let window = if t.below(stacks) == 0 { 1024 } else { 2048 + u16::from(i) };
            let stack = Stack { window, ..NMAP };
            silent(&mut t, i64::from(i) * S, (source, addr([10, 0, 1, i % hosts], 23)), &stack);
        }
        t.attacks(300 * S)
    };
    let found = only(many(40, 1, 40));
    assert_eq!((found.rule, found.variant), ("AT009", Some("distributed")));
    assert_eq!(found.key.as_deref(), Some("10.0.1.0/24 port 23"));
    assert_eq!(many(20, 1, 20), [], "few sources");
    assert_eq!(many(40, 2, 40), [], "many stacks");
    assert_eq!(many(40, 1, 4), [], "few hosts");
}

#[test]
fn g16_a_health_check_is_no_scan() {
    let mut t = Traffic::new(16);
    for i in 0..1800u16 {
        cancelled(&mut t, i64::from(i) * 2 * S, (host(9, 20_000 + i), host(2, 80)), &LINUX);
    }
    assert_eq!(t.attacks(3600 * S), []);
}

#[test]
fn g17_two_hundred_resets_step_through_the_numbers() {
    let mut t = Traffic::new(17);
    let ends = (host(1, 40_000), host(2, 179));
    let (c, s) = t.open(0, ends, &LINUX);
    let first = t.random() as u32;
    for i in 0..200u32 {
        t.shot(S + i64::from(i) * 5 * MS, ends, Flags::RST, (first.wrapping_add(i * 65_535), 0));
    }
    t.shot(3 * S, ends, Flags::PSH | Flags::ACK, (c, s)).len = 10;
    let seen = t.seen(4 * S, &Config::default());
    let of = |rule: &str| seen.findings.iter().filter(|f| f.rule == rule).cloned().collect::<Vec<_>>();
    let found = only(of("AT011"));
    assert_eq!((found.severity, found.confidence), (Severity::Error, Confidence::High));
    assert_eq!((found.variant, found.count), (Some("numbers"), 200));
    assert_eq!(only(of("SQ008")).count, 200);
}

#[test]
fn resets_to_ports_without_connections_are_guesses_at_the_port() {
    let resets = |ports: u16, has_connection: bool| {
        let mut t = Traffic::new(11);
        let server = host(2, 179);
        if has_connection {
            t.open(0, (host(1, 40_000), server), &LINUX);
        }
        for i in 0..ports {
            let seq = t.random() as u32;
            t.shot(S + i64::from(i) * MS, (host(1, 41_000 + i), server), Flags::RST, (seq, 0));
        }
        t.attacks(4 * S)
    };
    let found = resets(20, true);
    assert!(found.iter().any(|f| f.rule == "AT011" && f.variant == Some("ports")), "{found:?}");
    assert!(resets(15, true).iter().all(|f| f.rule != "AT011"));
    assert!(resets(20, false).iter().all(|f| f.rule != "AT011"), "no connection to guess at");
}

fn script(text: &str) -> Vec<Finding> {
    Seen::of_frames(Script::parse(text).frames()).findings
}

/// A client whose connections are all reset with the TTL of something on the way.
fn middlebox(connections: u16) -> Vec<Finding> {
    let mut t = Traffic::new(18);
    for i in 0..connections {
        let (client, server) = (host(1, 40_000 + i), host(2, 443));
        let at = i64::from(i) * S;
        let (c, s) = t.open(at, (client, server), &LINUX);
        t.shot(at + 30 * MS, (client, server), Flags::PSH | Flags::ACK, (c, s)).len = 100;
        t.shot(at + 35 * MS, (server, client), RST_ACK, (s, c.wrapping_add(100))).ttl = 120;
    }
    t.attacks(i64::from(connections) * S + S)
}

#[test]
fn resets_of_one_middlebox_are_one_finding() {
    assert_eq!(named(&middlebox(4)), [("AT012", None); 4]);
    let found = only(middlebox(9));
    assert_eq!((found.rule, found.variant, found.count), ("AT012", Some("middlebox"), 9));
}

#[test]
fn g18_is_a_label_too() {
    let triplet = "0 A>B S 100; .04 B>A SA 300/101; .041 B>A RA 301/101 w=3293; .0411 B>A RA 301/101 w=3294; \
                   .0412 B>A RA 301/101 w=3295; .05 B>A A 301/101";
    let found = script(triplet);
    assert!(found.iter().any(|f| f.rule == "AT012"), "{found:?}");
    assert!(found.iter().any(|f| (f.rule, f.variant) == ("AT020", Some("rst-triplet"))), "{found:?}");
}

#[test]
fn g24_mirai_is_known_by_one_syn_and_its_scan_by_25_hosts() {
    let scan = |hosts: u8| {
        let mut t = Traffic::new(24);
        for i in 0..hosts {
            let port = if i % 11 == 10 { 2323 } else { 23 };
            let to = addr([10, 3, 0, i], port);
            let window = t.random() as u16;
            let stack = Stack { window, mss: None, scale: None, sack: false, ttl: 50 };
            let isn = u32::from_be_bytes([10, 3, 0, i]);
            t.syn(i64::from(i) * 10 * MS, (host(9, 30_000 + u16::from(i)), to), isn, &stack);
        }
        t
    };
    assert_eq!(scan(20).labels(10 * S), ["mirai-scan"]);
    assert!(scan(20).attacks(10 * S).iter().all(|f| f.severity == Severity::Note));
    let found = only(scan(30).attacks(10 * S));
    assert_eq!((found.rule, found.severity), ("AT009", Severity::Error));
    assert!(found.message.contains("mirai-scan"), "{}", found.message);
}

#[test]
fn floods_of_tools_are_labelled_by_what_all_their_syns_have() {
    let flood = |n: u32, low: u32, mss: Option<u16>| {
        let mut t = Traffic::new(1);
        for i in 0..n {
            let (source, isn) = (t.stranger(), (t.random() as u32) & 0xffff_0000 | low);
            t.syn(i64::from(i) * 10 * MS, (source, host(2, 80)), isn, &Stack { mss, ..BARE });
        }
        t.labels(10 * S)
    };
    assert_eq!(flood(100, 0, None), ["zero16-flood"]);
    assert_eq!(flood(100, 5, None), ["unoptioned-flood"]);
    assert_eq!(flood(100, 0, Some(1460)), Vec::<&str>::new());
    assert_eq!(flood(60, 0, None), Vec::<&str>::new(), "too few to tell");
    let mut t = Traffic::new(1);
    for i in 0..100 {
        let (source, isn) = (t.stranger(), (t.random() as u32) & 0xffff_0000);
        t.syn(i64::from(i) * 10 * MS, (source, host(2, 1000 + i as u16)), isn, &BARE);
    }
    assert_eq!(t.labels(10 * S), ["zero16-flood"], "another port each time");
}

#[test]
fn nmap_is_known_by_its_syns_and_linux_is_not() {
    let mut t = Traffic::new(2);
    for port in 1..=30 {
        t.syn(i64::from(port) * MS, (host(9, 50_000), host(2, port)), 77, &NMAP);
    }
    assert_eq!(t.labels(10 * S), ["nmap-syn"]);
    let mut t = Traffic::new(2);
    (0..30).for_each(|i| t.exchange(i * 100 * MS, (host(9, 50_000 + i as u16), host(2, 80)), &LINUX));
    assert_eq!(t.labels(10 * S), Vec::<&str>::new());
}

#[test]
fn numbers_that_can_be_told_in_advance_are_named() {
    let connections = |isn: fn(u32) -> u32| {
        let text: String = (0..16u32)
            .map(|i| {
                let (at, c) = (f64::from(i) * 0.7, format!("10.1.0.{i}:4000"));
                let (own, s) = (1000 + 7919 * i * i, isn(i));
                format!(
                    "{at:.2} {c}>B S {own}; {:.2} B>{c} SA {s}/{}; {:.2} {c}>B A {}/{};",
                    at + 0.01,
                    own + 1,
                    at + 0.02,
                    own + 1,
                    s.wrapping_add(1)
                )
            })
            .collect();
        let found: Vec<_> = script(&text).into_iter().filter(|f| f.rule == "AT019").collect();
        found.iter().map(|f| (f.key.clone().unwrap_or_default(), f.variant)).collect::<Vec<_>>()
    };
    let server = |variant| vec![("10.0.0.2".to_string(), Some(variant))];
    assert_eq!(connections(|_| 300), server("constant"));
    assert_eq!(connections(|i| 64_000 * i + 5), server("constant-step"));
    assert_eq!(connections(|i| (i * i * i * 31 + 7).wrapping_mul(4096)), server("common-factor"));
    assert_eq!(
        connections(|i| (i + 1).wrapping_mul(2_654_435_761) ^ (i * i).wrapping_mul(77_777_777) >> 3),
        vec![]
    );
}
