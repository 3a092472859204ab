//! Variants of attacks, and busy traffic beside them, that the generators of the specification leave out: what is told
//! of them must be right in its sources, numbers and severity too.

use serde_json::Value;
use tcpscope::config::Config;
use tcpscope::rules::{Finding, Severity};
use tcpscope::tcp::{Endpoint, Flags};

use crate::support::packet::capture_time;
use crate::support::traffic::{BARE, LINUX, MS, S, Stack, Traffic, addr, good, host, only};

fn evidence<'a>(finding: &'a Finding, name: &str) -> &'a Value {
    let found = finding.evidence.iter().find(|(n, _)| *n == name);
    &found.unwrap_or_else(|| panic!("no {name}: {finding:?}")).1
}

/// Only what one side of the link sees.
fn only_from(mut t: Traffic, sender: Endpoint) -> Traffic {
    t.shots.retain(|shot| shot.src == sender);
    t
}

#[test]
fn a_busy_server_seen_from_its_side_only_has_no_half_open_connections() {
    let mut t = Traffic::new(1);
    good(&mut t, 30, 100);
    let seen = only_from(t, host(2, 80)).seen(40 * S, &Config::default());
    let loud: Vec<&Finding> =
        seen.findings.iter().filter(|f| f.rule.starts_with("AT") || f.rule.starts_with("HO")).collect();
    assert!(loud.is_empty(), "{loud:?}");
    let half_open = seen.records.iter().filter(|r| r.half_open.is_some_and(|h| h.end.is_none()));
    assert_eq!(half_open.count(), 0, "it sends what only an open connection can");
}

#[test]
fn syn_acks_for_syns_of_somebody_elsewhere_are_no_flood_of_their_sender() {
    let mut t = Traffic::new(2);
    for i in 0..300i64 {
        let dark = addr([10, 0, t.below(16) as u8, t.below(250) as u8], 1024 + t.below(60_000) as u16);
        let (seq, ack) = (t.random() as u32, t.random() as u32);
        t.shot(i * 400 * MS, (addr([77, 7, 7, 7], 80), dark), Flags::SYN_ACK, (seq, ack));
    }
    let seen = t.seen(130 * S, &Config::default());
    let rules: Vec<&str> = seen.findings.iter().map(|f| f.rule).collect();
    assert_eq!(rules, ["AT004"], "{:?}", seen.findings);
}

#[test]
fn a_server_that_goes_down_is_no_flood() {
    let mut t = Traffic::new(3);
    good(&mut t, 30, 100);
    for i in 0..100 * 40i64 {
        let (client, isn) = (t.client(), t.random() as u32);
        let stack = Stack { window: 8192 + t.below(6) as u16 * 1000, ..LINUX };
        for again in [0, 1, 3, 7] {
            t.syn(30 * S + i * S / 100 + again * S, (client, host(2, 80)), isn, &stack);
        }
    }
    assert_eq!(t.attacks(90 * S), []);
}

/// Bursts of forged SYNs, a second long and twenty apart.
#[test]
fn a_flood_in_pulses_is_known_by_its_headers_when_it_is_over() {
    let mut t = Traffic::new(4);
    good(&mut t, 100, 5);
    for i in 0..3 * 2000i64 {
        let (source, isn) = (t.stranger(), t.random() as u32);
        let at = (20 + i / 2000 * 20) * S + i % 2000 * S / 2000;
        t.syn(at, (source, host(2, 80)), isn, &BARE);
        t.syn_acks(at + MS, (source, host(2, 80)), isn, &[S, 3 * S]);
    }
    let flood = only(t.attacks(130 * S));
    assert_eq!((flood.rule, flood.variant), ("AT001", Some("spoofed")), "{}", flood.message);
    assert!(evidence(&flood, "sources").as_u64().expect("a number") > 5500, "{flood:?}");
    assert!(!flood.frames.is_empty());
}

#[test]
fn few_sources_are_named_among_many_good_ones() {
    let mut t = Traffic::new(5);
    good(&mut t, 40, 20);
    for i in 0..3000i64 {
        let (source, isn) = (addr([30, 0, 0, (i % 3) as u8], 1024 + i as u16), t.random() as u32);
        t.syn(15 * S + i * S / 300, (source, host(2, 80)), isn, &BARE);
        t.syn_acks(15 * S + i * S / 300 + MS, (source, host(2, 80)), isn, &[S, 3 * S]);
    }
    let flood = only(t.attacks(110 * S));
    assert_eq!((flood.rule, flood.variant), ("AT001", Some("direct")));
    assert!(flood.message.contains("% of them from 3 addresses: 30.0.0."), "{}", flood.message);
}

/// Connections from as many addresses, of which each sends a few bytes every ten seconds.
fn trickles(t: &mut Traffic, count: u8) {
    for i in 0..count {
        let ends = (addr([30, 0, 0, i], 4000), host(2, 80));
        let (c, s) = t.open(i64::from(i) * 50 * MS, ends, &LINUX);
        for n in 0..9u32 {
            let at = i64::from(i) * 50 * MS + 100 * MS + i64::from(n) * 10 * S;
            t.shot(at, ends, Flags::PSH | Flags::ACK, (c + n * 20, s)).len = 20;
            t.shot(at + MS, (ends.1, ends.0), Flags::ACK, (s, c + n * 20 + 20));
        }
    }
}

#[test]
fn the_sources_of_a_slow_attack_are_all_of_them_though_some_have_left() {
    let mut t = Traffic::new(6);
    good(&mut t, 20, 5);
    trickles(&mut t, 100);
    let found = only(t.attacks(100 * S));
    assert_eq!((found.rule, found.severity), ("AT014", Severity::Error));
    assert_eq!(evidence(&found, "sources").as_u64(), Some(100), "{}", found.message);
}

#[test]
fn reports_to_a_server_that_never_answers_anybody_are_less_sure() {
    let mut t = Traffic::new(7);
    trickles(&mut t, 100);
    let found = only(t.attacks(100 * S));
    assert_eq!((found.rule, found.severity), ("AT014", Severity::Warning));
    assert!(found.message.contains("or reports that want no answer"), "{}", found.message);
}

#[test]
fn empty_connections_that_heap_up_slowly_are_never_the_usual() {
    let mut t = Traffic::new(8);
    good(&mut t, 80, 5);
    for i in 0..1500i64 {
        let ends = (addr([30, 0, (i / 250) as u8, (i % 250) as u8], 4000), host(2, 80));
        t.open(10 * S + i * S / 25, ends, &LINUX);
    }
    let found = only(t.attacks(90 * S));
    assert_eq!((found.rule, found.severity), ("AT016", Severity::Error), "{}", found.message);
    assert!(found.message.contains("from sources of few connections each"), "{}", found.message);
    assert!(found.start >= Some(capture_time(10 * S)), "not before the first of them: {found:?}");
}

#[test]
fn those_who_open_and_reset_are_named_and_good_clients_are_not() {
    let mut t = Traffic::new(9);
    good(&mut t, 60, 20);
    for i in 0..4000i64 {
        let ends = (addr([30, 0, 0, (i % 20) as u8], 10_000 + i as u16), host(2, 80));
        let at = 10 * S + i * S / 400;
        let (c, s) = t.open(at, ends, &LINUX);
        t.shot(at + 21 * MS, ends, Flags::RST | Flags::ACK, (c, s));
    }
    let found = only(t.attacks(70 * S));
    assert_eq!(found.rule, "AT016");
    let top = evidence(&found, "top_sources").as_array().expect("a list");
    assert!(top.iter().all(|s| s.as_str().is_some_and(|s| s.starts_with("30.0.0."))), "{top:?}");
    assert!(found.message.contains("among others from 30.0.0."), "{}", found.message);
}

#[test]
fn connections_that_stay_open_are_not_short() {
    let churn = |closes: bool| {
        let mut t = Traffic::new(10);
        for i in 0..200i64 {
            let (at, ends) = (i * S / 40, (host(9, 10_000 + i as u16), host(2, 80)));
            if closes {
                t.exchange(at, ends, &LINUX);
            } else {
                let (c, s) = t.open(at, ends, &LINUX);
                t.shot(at + 21 * MS, ends, Flags::PSH | Flags::ACK, (c, s)).len = 100;
                t.shot(at + 22 * MS, (ends.1, ends.0), Flags::PSH | Flags::ACK, (s, c + 100)).len = 100;
            }
        }
        let found = t.seen(30 * S, &Config::default()).findings;
        found.into_iter().filter(|f| f.rule == "CN001").collect::<Vec<_>>()
    };
    assert_eq!(churn(false), []);
    let found = only(churn(true));
    assert!(found.message.contains("up to 40 a second"), "{}", found.message);
}

#[test]
fn a_flood_over_a_network_tells_how_much_of_it_each_address_gets() {
    let mut t = Traffic::new(11);
    for i in 0..1024 * 20 {
        let (source, isn) = (t.stranger(), t.random() as u32);
        let target = addr([10, 0, 7, (i % 256) as u8], 443);
        t.syn(i * S / 1024, (source, target), isn, &BARE);
    }
    let carpet = only(t.attacks(20 * S));
    let unfinished = evidence(&carpet, "unfinished").as_u64().expect("a number");
    let hosts = evidence(&carpet, "hosts").as_u64().expect("a number");
    let each = format!("about {} to each address", unfinished / hosts);
    assert!(unfinished / hosts > 60 && carpet.message.contains(&each), "{}", carpet.message);
}

#[test]
fn floods_of_syn_acks_and_of_segments_without_flags_are_named_as_what_they_are() {
    let flood = |flags: Flags| {
        let mut t = Traffic::new(12);
        good(&mut t, 60, 10);
        for i in 0..10_000i64 {
            let (from, seq, ack) = (t.stranger(), t.random() as u32, t.random() as u32);
            t.shot(40 * S + i * MS, (from, host(2, 80)), flags, (seq, ack));
        }
        only(t.attacks(65 * S))
    };
    let syn_acks = flood(Flags::SYN_ACK);
    assert_eq!((syn_acks.rule, syn_acks.variant), ("AT005", Some("syn-ack")), "{}", syn_acks.message);
    let bare = flood(Flags(0));
    assert_eq!(bare.rule, "AT005");
    assert!(bare.message.contains("flood of segments without ACK"), "{}", bare.message);
    assert!(flood(Flags::ACK).message.contains("ACK flood"));
}
