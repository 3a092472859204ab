//! The generators of the specification of attacks (tcp.md §6.4): each must give what is expected, in the time stated,
//! and nothing else.

use serde_json::Value;
use tcpscope::config::{Config, Thresholds};
use tcpscope::rules::{Finding, Severity};
use tcpscope::tcp::{Duration, Flags};
use tcpscope::track::Confidence;

use crate::support::captures;
use crate::support::packet::capture_time;
use crate::support::traffic::{BARE, LINUX, MS, S, Stack, Traffic, addr, host};

fn evidence<'a>(finding: &'a Finding, name: &str) -> &'a Value {
    let found = finding.evidence.iter().find(|(n, _)| *n == name);
    &found.unwrap_or_else(|| panic!("no {name}: {finding:?}")).1
}

fn number(finding: &Finding, name: &str) -> i64 {
    evidence(finding, name).as_i64().unwrap_or_else(|| panic!("{name} is no whole number: {finding:?}"))
}

/// The only finding.
fn only(findings: Vec<Finding>) -> Finding {
    let [one] = <[Finding; 1]>::try_from(findings).unwrap_or_else(|all| panic!("{}: {all:?}", all.len()));
    one
}

fn rules(findings: &[Finding]) -> Vec<&str> {
    findings.iter().map(|f| f.rule).collect()
}

/// How long after `start` the alarm was raised.
fn delay(finding: &Finding, start: i64) -> Duration {
    finding.at.since(capture_time(start))
}

/// SYNs of a tool from forged addresses, `per_second` of them, the low half of each ISN zero.
fn forged(
    t: &mut Traffic,
    from: i64,
    seconds: i64,
    per_second: i64,
) -> Vec<(i64, tcpscope::tcp::Endpoint, u32)> {
    let mut sent = Vec::new();
    for i in 0..seconds * per_second {
        let at = from + i * S / per_second;
        let (source, isn) = (t.stranger(), (t.random() as u32) & 0xffff_0000);
        let stack = Stack { ttl: if i % 2 == 0 { 242 } else { 244 }, ..BARE };
        t.syn(at, (source, host(2, 80)), isn, &stack);
        sent.push((at, source, isn));
    }
    sent
}

#[test]
fn g01_a_spoofed_flood_seen_from_one_side() {
    let mut t = Traffic::new(1);
    forged(&mut t, 0, 10, 3000);
    let flood = only(t.attacks(10 * S));
    assert_eq!((flood.rule, flood.variant), ("AT001", Some("spoofed")));
    assert_eq!(flood.key.as_deref(), Some("10.0.0.2:80"));
    assert!(delay(&flood, 0) <= Duration::from_secs(2), "{}", delay(&flood, 0));
    assert_eq!(flood.confidence, Confidence::Medium);
    assert_eq!(number(&flood, "isn_low16_zero_percent"), 100);
    // The first ones, before a listener is looked at, are not counted.
    assert!((29_980..=30_000).contains(&number(&flood, "unfinished")), "{flood:?}");
    assert_eq!(number(&flood, "peak_per_s"), 3000);
    assert!((29_000..=30_000).contains(&number(&flood, "sources")), "{flood:?}");
    let series = flood.series.expect("a series");
    assert_eq!((series.columns[0].0, &series.columns[0].1[1..]), ("syns", &[3000; 9][..]));
}

#[test]
fn g01_is_uncertain_where_it_is_short() {
    let mut t = Traffic::new(1);
    forged(&mut t, 0, 1, 3000);
    let flood = only(t.attacks(S));
    assert_eq!((flood.confidence, flood.severity), (Confidence::Low, Severity::Warning));
    assert!(flood.message.starts_with("possible SYN flood"), "{}", flood.message);
}

#[test]
fn g02_a_spoofed_flood_seen_from_both_sides_among_good_clients() {
    let mut t = Traffic::new(2);
    for i in 0..20 * 40 {
        let client = t.client();
        t.exchange(i * S / 20, (client, host(2, 80)), &LINUX);
    }
    for (at, source, isn) in forged(&mut t, 20 * S, 10, 3000) {
        t.syn_acks(at + MS, (source, host(2, 80)), isn, &[S, 3 * S, 7 * S]);
    }
    let seen = t.seen(110 * S, &Config::default());
    let of =
        |rule: &str| -> Vec<Finding> { seen.findings.iter().filter(|f| f.rule == rule).cloned().collect() };
    let flood = only(of("AT001"));
    assert_eq!(
        (flood.variant, flood.confidence, flood.severity),
        (Some("spoofed"), Confidence::High, Severity::Error)
    );
    assert!(delay(&flood, 20 * S) <= Duration::from_secs(6), "{}", delay(&flood, 20 * S));
    assert_eq!(flood.start, Some(capture_time(20 * S)));
    assert_eq!(flood.end, Some(capture_time(30 * S)));
    assert!(number(&flood, "half_open_peak") >= 28_000, "{flood:?}");
    assert_eq!((number(&flood, "unfinished"), number(&flood, "completed")), (30_000, 200));
    assert!(flood.evidence.iter().all(|(n, _)| *n != "top_sources"), "good clients are not listed");
    assert!(evidence(&flood, "usual_completed_per_s").as_f64().expect("a number") > 15.0);
    assert!(!of("HO001").is_empty() && !of("HO006").is_empty());
    assert!(of("AT002").is_empty() && of("CN006").is_empty());
}

#[test]
fn g03_a_flood_from_four_hosts_of_their_own() {
    let mut t = Traffic::new(3);
    for source in 0..4u8 {
        for i in 0..1000i64 {
            let (at, port) = (i * 10 * MS + i64::from(source) * MS, 20_000 + i as u16);
            let ends = (addr([30, 0, 0, source], port), host(2, 80));
            let isn = t.random() as u32;
            for again in [0, 1, 3] {
                t.syn(at + again * S, ends, isn, &LINUX);
            }
            t.syn_acks(at + MS / 2, ends, isn, &[S, 3 * S]);
        }
    }
    let flood = only(t.attacks(20 * S));
    assert_eq!((flood.rule, flood.variant), ("AT001", Some("direct")), "{flood:?}");
    assert_eq!(evidence(&flood, "top_sources").as_array().map(Vec::len), Some(4));
    assert!(flood.message.contains("30.0.0.0 30.0.0.1 30.0.0.2 30.0.0.3"), "{}", flood.message);
}

#[test]
fn g04_a_slow_flood_is_known_by_the_queue() {
    let mut t = Traffic::new(4);
    for i in 0..3 * 120 {
        let (source, isn) = (t.client(), t.random() as u32);
        t.syn(i * S / 3, (source, host(2, 80)), isn, &LINUX);
        t.syn_acks(i * S / 3 + MS, (source, host(2, 80)), isn, &[S, 3 * S, 7 * S, 15 * S, 31 * S]);
    }
    let mut config = Config::default();
    config.rules.thresholds = Thresholds { backlog: Some(128), ..Thresholds::default() };
    let seen = t.seen(120 * S, &config);
    let flood = only(seen.findings.iter().filter(|f| f.rule.starts_with("AT")).cloned().collect());
    assert_eq!((flood.rule, flood.variant), ("AT001", Some("slow")), "{flood:?}");
    let delay = delay(&flood, 0);
    assert!((53..=60).contains(&(delay.0 / S)), "{delay}");
    assert!(number(&flood, "half_open_peak") >= 128);
    assert!(seen.findings.iter().any(|f| f.rule == "HO002"));
}

#[test]
fn g05_a_flash_crowd_is_a_surge_and_no_flood() {
    let mut t = Traffic::new(5);
    for i in 0..30 * 10 {
        let client = t.client();
        t.exchange(i * S / 10, (client, host(2, 80)), &LINUX);
    }
    for i in 0..2000 * 8 {
        let client = t.client();
        let kind = t.below(30) as u16;
        let stack = Stack { window: 8192 + kind * 1000, ttl: 40 + (kind % 25) as u8, ..LINUX };
        let at = 30 * S + i * S / 2000;
        if t.below(10) > 0 {
            t.exchange(at, (client, host(2, 80)), &stack);
        } else {
            let isn = t.random() as u32;
            t.syn(at, (client, host(2, 80)), isn, &stack);
        }
    }
    let found = t.attacks(45 * S);
    assert_eq!(rules(&found), ["CN006"], "{found:?}");
    assert_eq!(found[0].severity, Severity::Note);
}

#[test]
fn g06_a_flood_spread_over_a_network() {
    let mut t = Traffic::new(6);
    for i in 0..1024 * 20 {
        let (source, isn) = (t.stranger(), t.random() as u32);
        let target = addr([10, 0, 7, (i % 256) as u8], 443);
        t.syn(i * S / 1024, (source, target), isn, &BARE);
    }
    let carpet = only(t.attacks(20 * S));
    assert_eq!((carpet.rule, carpet.key.as_deref()), ("AT002", Some("10.0.7.0/24")));
    assert!((240..=270).contains(&number(&carpet, "hosts")), "{carpet:?}");
    assert!(delay(&carpet, 0) <= Duration::from_secs(10), "{}", delay(&carpet, 0));
}

#[test]
fn a_scan_of_many_ports_or_hosts_is_no_flood() {
    let mut t = Traffic::new(7);
    for i in 0..6000i64 {
        let scanner = addr([30, 0, 0, 1], 50_000);
        t.syn(i * MS, (scanner, host(2, 1 + i as u16)), 77, &LINUX);
        t.syn(i * MS, (scanner, addr([10, 0, (i / 250) as u8, (i % 250) as u8], 22)), 77, &LINUX);
    }
    let found = t.attacks(20 * S);
    assert!(!rules(&found).iter().any(|r| ["AT001", "AT002"].contains(r)), "{found:?}");
}

#[test]
fn a_server_that_is_down_is_no_flood() {
    let mut t = Traffic::new(8);
    for i in 0..3000i64 {
        let (client, isn) = (t.client(), t.random() as u32);
        for again in [0, 1, 3, 7] {
            t.syn(i * 5 * MS + again * S, (client, host(2, 80)), isn, &LINUX);
        }
    }
    let found = t.attacks(30 * S);
    assert!(!rules(&found).contains(&"AT001"), "{found:?}");
}

#[test]
fn g16_a_health_check_is_nothing() {
    let mut t = Traffic::new(16);
    for i in 0..1800i64 {
        let ends = (addr([10, 0, 0, 9], 20_000 + i as u16), host(2, 80));
        let isn = t.random() as u32;
        t.syn(i * 2 * S, ends, isn, &LINUX);
        t.syn_acks(i * 2 * S + MS, ends, isn, &[]);
        t.shot(i * 2 * S + 2 * MS, ends, Flags::RST, (isn.wrapping_add(1), 0));
    }
    let seen = t.seen(3601 * S, &Config::default());
    let wrong: Vec<_> =
        seen.findings.iter().filter(|f| f.rule.starts_with("AT") || f.rule == "HO006").collect();
    assert!(wrong.is_empty(), "{wrong:?}");
}

/// A server of the world, at a service port.
fn server(t: &mut Traffic, number: u64, port: u16) -> tcpscope::tcp::Endpoint {
    let mixed = number.wrapping_mul(0x9e37_79b9) as u32;
    let [a, b, c, _] = mixed.to_be_bytes();
    let _ = t.random();
    addr([20 + a % 80, b, c, (number % 250) as u8 + 1], port)
}

#[test]
fn g07_reflected_syn_acks_reach_their_victim() {
    let mut t = Traffic::new(70);
    for i in 0..5000 * 8i64 {
        let pick = t.below(3000);
        let from = server(&mut t, pick, if pick.is_multiple_of(2) { 80 } else { 443 });
        let victim = host(9, 1024 + t.below(60_000) as u16);
        let at = i * S / 5000;
        let (seq, ack) = (t.random() as u32, t.random() as u32);
        t.shot(at, (from, victim), Flags::SYN_ACK, (seq, ack));
        if i % 2 == 0 {
            t.shot(at + MS, (victim, from), Flags::RST, (ack, 0));
        }
    }
    let found = only(t.attacks(9 * S));
    assert_eq!((found.rule, found.variant, found.confidence), ("AT003", Some("victim"), Confidence::High));
    assert_eq!(found.key.as_deref(), Some("10.0.0.9"));
    assert!((2800..=3100).contains(&number(&found, "sources")), "{found:?}");
}

#[test]
fn a_busy_client_seen_from_one_side_is_no_victim() {
    let mut t = Traffic::new(71);
    for i in 0..3000i64 {
        let from = server(&mut t, i as u64, 443);
        let client = host(9, 10_000 + i as u16);
        let at = i * 2 * MS;
        let (seq, ack) = (t.random() as u32, t.random() as u32);
        t.shot(at, (from, client), Flags::SYN_ACK, (seq, ack));
        t.shot(at + 20 * MS, (from, client), Flags::PSH | Flags::ACK, (seq.wrapping_add(1), ack + 100)).len =
            700;
    }
    assert_eq!(rules(&t.attacks(9 * S)), <[&str; 0]>::default());
}

#[test]
fn g08_servers_that_answer_in_a_victims_name() {
    let mut t = Traffic::new(8);
    for i in 0..100 * 10i64 {
        let victim = addr([30, 0, 0, 7], 20_000 + i as u16);
        let service = host(100 + (i % 40) as u8, 80);
        let (at, isn) = (i * 10 * MS, t.random() as u32);
        t.syn(at, (victim, service), isn, &LINUX);
        if i % 2 == 0 {
            t.syn_acks(at + MS, (victim, service), isn, &[S, 3 * S]);
        } else {
            t.syn_acks(at + MS, (victim, service), isn, &[]);
            t.shot(at + 2 * MS, (victim, service), Flags::RST, (isn.wrapping_add(1), 0));
        }
    }
    let found = only(t.attacks(15 * S));
    assert_eq!((found.rule, found.variant), ("AT003", Some("reflector")), "{found:?}");
    assert_eq!(found.key.as_deref(), Some("30.0.0.7"));
    assert!((36..=44).contains(&number(&found, "services")), "{found:?}");
}

#[test]
fn g09_backscatter_of_a_flood_elsewhere() {
    let mut t = Traffic::new(9);
    for i in 0..100i64 {
        let (seq, ack) = (t.random() as u32, t.random() as u32);
        let dark = addr([10, 9, 0, (i % 60) as u8], 1024 + (i % 60) as u16);
        t.shot(i * 900 * MS, (addr([30, 0, 0, 1], 443), dark), Flags::SYN_ACK, (seq, ack));
    }
    let found = only(t.attacks(95 * S));
    assert_eq!((found.rule, found.severity, found.variant), ("AT004", Severity::Note, Some("open-port")));
    assert_eq!(found.key.as_deref(), Some("30.0.0.1"));
    assert!((54..=66).contains(&number(&found, "addresses")), "{found:?}");
}

#[test]
fn g10_a_flood_of_acks_that_the_victim_answers_with_resets() {
    let mut t = Traffic::new(10);
    for i in 0..2000 * 10i64 {
        let (from, victim) = (t.client(), host(2, 80));
        let (seq, ack) = (t.random() as u32, t.random() as u32);
        t.shot(i * S / 2000, (from, victim), Flags::ACK, (seq, ack));
        t.shot(i * S / 2000 + MS, (victim, from), Flags::RST, (ack, 0));
    }
    let found = only(t.attacks(12 * S));
    assert_eq!(
        (found.rule, found.confidence, found.key.as_deref()),
        ("AT005", Confidence::High, Some("10.0.0.2"))
    );
    assert_eq!(number(&found, "refused_percent"), 100);
}

#[test]
fn g11_connections_handed_over_by_a_load_balancer_are_no_flood() {
    let mut t = Traffic::new(11);
    let client = t.client();
    t.exchange(0, (client, host(2, 80)), &LINUX);
    for i in 0..300u32 {
        let (client, at) = (t.client(), 5 * S + i64::from(i) * MS);
        let pa = Flags::PSH | Flags::ACK;
        for turn in 0..5u32 {
            let (c, s) = (1000 + turn * 100, 5000 + turn * 500);
            let at = at + i64::from(turn) * 200 * MS;
            t.shot(at, (client, host(2, 80)), pa, (c, s)).len = 100;
            t.shot(at + 10 * MS, (host(2, 80), client), pa, (s, c + 100)).len = 500;
        }
    }
    assert_eq!(rules(&t.attacks(12 * S)), <[&str; 0]>::default());
}

#[test]
fn at006_tells_floods_of_resets_from_a_server_that_stops() {
    let mut t = Traffic::new(60);
    for i in 0..400 * 6i64 {
        let (from, seq) = (t.client(), t.random() as u32);
        t.shot(i * S / 400, (from, host(2, 80)), Flags::RST, (seq, 0));
    }
    let found = only(t.attacks(10 * S));
    assert_eq!((found.rule, found.variant), ("AT006", Some("out-of-state")));

    // Open connections, each reset within 200 ms by a bare RST, or by the server's own RST+ACK.
    let reset = |flags: Flags, by_server: bool| {
        let mut t = Traffic::new(61);
        for i in 0..60i64 {
            let ends = (t.client(), host(2, 80));
            let (c, s) = t.open(i * 10 * MS, ends, &LINUX);
            let (from, numbers) = if by_server { ((ends.1, ends.0), (s, c)) } else { (ends, (c, s)) };
            let ack = if flags.ack() { numbers.1 } else { 0 };
            t.shot(30 * S + i * 3 * MS, from, flags, (numbers.0, ack)).ttl = if by_server { 64 } else { 47 };
        }
        t.attacks(40 * S)
    };
    let found = reset(Flags::RST, false);
    assert_eq!((rules(&found), found[0].variant), (vec!["AT006"], Some("in-state")), "{found:?}");
    assert!((54..=66).contains(&number(&found[0], "clients")), "{found:?}");
    assert_eq!(rules(&reset(Flags::RST | Flags::ACK, true)), <[&str; 0]>::default(), "the server stops");
}

#[test]
fn g20_requests_that_never_end() {
    let pieces = |gap: i64, len: u32, answered: bool| {
        let mut t = Traffic::new(20);
        for i in 0..80i64 {
            let ends = (addr([30, 0, (i / 10) as u8, (i % 10) as u8], 4000 + i as u16), host(2, 80));
            let at = i * 50 * MS;
            let (c, s) = t.open(at, ends, &LINUX);
            for n in 0..8u32 {
                let at = at + 100 * MS + i64::from(n) * gap;
                t.shot(at, ends, Flags::PSH | Flags::ACK, (c + n * len, s)).len = len;
                t.shot(at + 10 * MS, (ends.1, ends.0), Flags::ACK, (s, c + (n + 1) * len));
            }
            if answered {
                t.shot(at + 50 * MS, (ends.1, ends.0), Flags::PSH | Flags::ACK, (s, c)).len = 200;
            }
        }
        t.attacks(90 * S)
    };
    let found = only(pieces(10 * S, 20, false));
    assert_eq!((found.rule, found.key.as_deref()), ("AT014", Some("10.0.0.2:80")));
    assert_eq!(number(&found, "peak"), 80);
    assert!(delay(&found, 0) <= Duration::from_secs(35), "{}", delay(&found, 0));
    assert_eq!(rules(&pieces(10 * S, 20, true)), <[&str; 0]>::default(), "the server spoke first");
    assert_eq!(rules(&pieces(10 * S, 200, false)), <[&str; 0]>::default(), "a slow upload");
    assert_eq!(rules(&pieces(S, 20, false)), <[&str; 0]>::default(), "over in ten seconds");
}

#[test]
fn g21_answers_that_are_not_read() {
    let closed = |connections: i64, seconds: i64| {
        let mut t = Traffic::new(21);
        for i in 0..connections {
            let ends = (addr([30, 0, 0, i as u8], 4000 + i as u16), host(2, 80));
            let at = i * 50 * MS;
            let (c, s) = t.open(at, ends, &LINUX);
            t.shot(at + 100 * MS, ends, Flags::PSH | Flags::ACK, (c, s)).len = 200;
            t.shot(at + 110 * MS, (ends.1, ends.0), Flags::PSH | Flags::ACK, (s, c + 200)).len = 1000;
            t.shot(at + 120 * MS, ends, Flags::ACK, (c + 200, s + 1000)).window = 0;
            for probe in (1..seconds).step_by(5) {
                let at = at + 120 * MS + probe * S;
                t.shot(at, (ends.1, ends.0), Flags::ACK, (s + 999, c + 200));
                t.shot(at + 10 * MS, ends, Flags::ACK, (c + 200, s + 1000)).window = 0;
            }
        }
        t.seen(75 * S, &Config::default())
    };
    let of = |seen: crate::support::run::Seen, rule: &str| -> Vec<Finding> {
        seen.findings.into_iter().filter(|f| f.rule.starts_with(rule)).collect()
    };
    let found = only(of(closed(30, 60), "AT"));
    assert_eq!((found.rule, found.variant, number(&found, "peak")), ("AT015", Some("window"), 30));
    assert_eq!(of(closed(30, 60), "SQ005").len(), 30);
    assert_eq!(of(closed(9, 60), "AT"), [], "nine");
    assert_eq!(of(closed(30, 20), "AT"), [], "for twenty seconds");
}

#[test]
fn a_window_that_is_zero_from_the_handshake_on_is_sockstress() {
    let open = |window: u16, count: i64| {
        let mut t = Traffic::new(22);
        for i in 0..count {
            t.open(i * S, (addr([30, 0, 0, 1], 4000 + i as u16), host(2, 80)), &LINUX);
            t.shots.last_mut().expect("the final ACK").window = window;
        }
        t.attacks(60 * S)
    };
    let found = only(open(0, 12));
    assert_eq!((found.rule, found.variant, number(&found, "peak")), ("AT015", Some("sockstress"), 12));
    assert_eq!(rules(&open(0, 9)), <[&str; 0]>::default());
    assert_eq!(rules(&open(512, 12)), <[&str; 0]>::default());
}

#[test]
fn g22_connections_that_carry_nothing() {
    let opened = |used: bool| {
        let mut t = Traffic::new(23);
        for i in 0..1500i64 {
            let ends = (t.client(), host(2, 80));
            let at = i * 5 * S / 1500;
            if used {
                t.exchange(at, ends, &LINUX);
                continue;
            }
            let (c, _) = t.open(at, ends, &LINUX);
            if i > 511 {
                t.syn_acks(at + S, ends, c.wrapping_sub(1), &[2 * S]);
            }
        }
        // The SYN of a client that finds the accept queue full.
        for again in [0, 1, 3, 7, 15] {
            for n in 0..5u8 {
                t.syn((3 + again) * S, (addr([40, 0, 0, n], 999), host(2, 80)), 5, &LINUX);
            }
        }
        t.seen(20 * S, &Config::default()).findings
    };
    let found = opened(false);
    let of = |rule: &str| -> Vec<&Finding> { found.iter().filter(|f| f.rule == rule).collect() };
    assert_eq!(of("AT016").len(), 1, "{:?}", of("AT"));
    assert!(of("AT001").is_empty());
    let overflow = of("HO004");
    assert!(overflow.iter().any(|f| f.variant == Some("overflow")));
    assert_eq!(of("HO003").len(), 1);
    assert!(number(of("AT016")[0], "open_peak") > 500);
    assert_eq!(of("AT016")[0].severity, Severity::Error);
    assert!(opened(true).iter().all(|f| !f.rule.starts_with("AT")));
}

/// A hundredth of the connections and of the ports is enough to see the same.
#[test]
fn g23_a_client_that_uses_up_its_ports_is_no_attack() {
    let mut t = Traffic::new(24);
    for i in 0..2600i64 {
        let ends = (addr([10, 0, 0, 3], 32_768 + i as u16), host(2, 80));
        t.exchange(i * 58 * S / 2600, ends, &LINUX);
    }
    let mut config = Config::default();
    config.rules.thresholds.ephemeral_high = 32_768 + 2823;
    let found = t.seen(58 * S, &config).findings;
    let exhausted = only(found.iter().filter(|f| f.rule == "TW007").cloned().collect());
    assert!(number(&exhausted, "percent") >= 90, "{exhausted:?}");
    assert!(
        evidence(&exhausted, "opens_per_s").as_f64().is_some_and(|n| (44.0..46.0).contains(&n)),
        "{exhausted:?}"
    );
    assert!(found.iter().any(|f| f.rule == "CN001"));
    assert!(found.iter().all(|f| !f.rule.starts_with("AT")), "{:?}", rules(&found));
}

#[test]
fn at017_names_the_few_who_heap_up_time_waits() {
    let closed_by_server = |sources: u64| {
        let mut t = Traffic::new(25);
        for i in 0..300i64 {
            let pick = t.below(sources);
            let ends =
                (addr([30, 0, (pick / 250) as u8, (pick % 250) as u8], 10_000 + i as u16), host(2, 80));
            let at = i * 20 * MS;
            let (c, s) = t.open(at, ends, &LINUX);
            let fa = Flags::FIN | Flags::ACK;
            t.shot(at + 30 * MS, (ends.1, ends.0), fa, (s, c));
            t.shot(at + 40 * MS, ends, fa, (c, s.wrapping_add(1)));
            t.shot(at + 50 * MS, (ends.1, ends.0), Flags::ACK, (s.wrapping_add(1), c.wrapping_add(1)));
        }
        let mut config = Config::default();
        config.rules.thresholds.time_wait_pileup = 200;
        t.seen(20 * S, &config).findings.into_iter().filter(|f| f.rule == "AT017").collect::<Vec<_>>()
    };
    let found = only(closed_by_server(3));
    assert_eq!((found.key.as_deref(), number(&found, "sources")), (Some("10.0.0.2"), 3));
    assert_eq!(closed_by_server(300), []);
}

/// Floods in real captures are named, and nothing else is called one.
#[test]
fn captures_of_floods_are_named_and_no_others_are() {
    let Some(captures) = captures::all("captures_of_floods_are_named_and_no_others_are") else { return };
    let floods = ["AT001", "AT002", "AT003", "AT005", "AT006", "AT016"];
    let mut found = Vec::new();
    for (file, analyzed) in captures {
        let said = analyzed.seen.iter().flat_map(|seen| &seen.findings);
        let named = said.filter(|f| floods.contains(&f.rule));
        found.extend(named.map(|f| (file.as_str(), f.rule, f.variant.unwrap_or_default())));
    }
    let expected = [
        ("syn-flood/stopddos__pkt.TCP.DOMINATE.syn.ecn.cwr.pcapng", "AT001", "spoofed"),
        ("synack-reflection/stopddos__amp.TCP.reflection.SYNACK.pcap", "AT003", "victim"),
    ];
    assert_eq!(found, expected);
}
