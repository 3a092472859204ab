//! Rules that look at more than one connection: each with captures that make it speak, and near misses that do not.

use tcpscope::config::{Config, Thresholds};
use tcpscope::rules::{Check, Finding, Rule, Severity, rules};
use tcpscope::track::Confidence;

use crate::support::frames::source;
use crate::support::known::no_complaints;
use crate::support::run::Seen;
use crate::support::script::Script;

/// What one rule says of a script.
fn said(rule: &str, script: &str) -> Vec<Finding> {
    said_with(rule, script, Thresholds::default())
}

fn said_with(rule: &str, script: &str, thresholds: Thresholds) -> Vec<Finding> {
    let mut config = Config::default();
    config.rules.thresholds = thresholds;
    said_by(rule, script, &config)
}

fn said_by(rule: &str, script: &str, config: &Config) -> Vec<Finding> {
    let seen = Seen::of(&mut source(Script::parse(script).frames()), config);
    let of_rule = |f: &Finding| f.rule == rule;
    seen.findings.into_iter().filter(of_rule).collect()
}

fn value(finding: &Finding, name: &str) -> i64 {
    let found = finding.evidence.iter().find(|(n, _)| *n == name);
    found.and_then(|(_, v)| v.as_i64()).unwrap_or_else(|| panic!("no number {name}: {finding:?}"))
}

/// A handshake that never gets its final ACK: the SYN+ACK again after 1, 3 and 7 s.
fn half_open(at: f64, client: &str) -> String {
    let mut script = format!("{at:.3} {client}>B S 100;");
    for again in [0.01, 1.01, 3.01, 7.01] {
        script += &format!("{:.3} B>{client} SA 300/101;", at + again);
    }
    script
}

/// Opened, a request and an answer, closed: eight segments.
fn exchange(at: f64, client: &str, len: u32) -> String {
    let t = |ms: f64| at + ms / 1000.0;
    let (asked, answered) = (101 + len, 301 + len);
    let open = format!(
        "{:.4} {client}>B S 100; {:.4} B>{client} SA 300/101; {:.4} {client}>B A 101/301;",
        t(0.0),
        t(2.0),
        t(4.0)
    );
    let data = format!(
        "{:.4} {client}>B PA 101/301 +{len}; {:.4} B>{client} PA 301/{asked} +{len};",
        t(5.0),
        t(9.0)
    );
    let close = format!(
        "{:.4} {client}>B FA {asked}/{answered}; {:.4} B>{client} FA {answered}/{}; {:.4} {client}>B A {}/{};",
        t(12.0),
        t(15.0),
        asked + 1,
        t(18.0),
        asked + 1,
        answered + 1
    );
    open + &data + &close
}

#[test]
fn ho002_speaks_at_80_per_cent_of_the_backlog_and_is_an_error_when_it_is_reached() {
    let clients = |n: u32| {
        (0..n).map(|i| half_open(f64::from(i) * 0.01, &format!("10.1.0.{i}:4000"))).collect::<String>()
    };
    let with = |backlog| Thresholds { backlog: Some(backlog), ..Thresholds::default() };
    let found = said_with("HO002", &clients(9), with(10));
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].severity, value(&found[0], "peak")), (Severity::Warning, 9));
    assert_eq!(said_with("HO002", &clients(11), with(10))[0].severity, Severity::Error);
    assert_eq!(said_with("HO002", &clients(7), with(10)), [], "70 per cent");
    assert_eq!(said("HO002", &clients(11)), [], "nobody told the backlog");
    let clamped = Thresholds { somaxconn: 10, ..with(1000) };
    assert_eq!(said_with("HO002", &clients(11), clamped).len(), 1, "the kernel's own bound counts");
}

/// Clients whose SYN is never answered, at 0, 1, 2 and 3 s.
fn unanswered(clients: u32) -> String {
    let one = |i: u32| (0..4).map(move |t| format!("{t}.0{i:02} 10.1.0.{i}:4000>B S 100;"));
    (0..clients).flat_map(one).collect()
}

#[test]
fn ho003_needs_three_clients_left_alone_while_another_is_answered() {
    let answered =
        "1.5 10.2.0.1:4000>B S 900; 1.51 B>10.2.0.1:4000 SA 300/901; 1.52 10.2.0.1:4000>B A 901/301;";
    let found = said("HO003", &(unanswered(10) + answered));
    assert_eq!(found.len(), 1);
    assert_eq!((value(&found[0], "clients"), found[0].severity), (10, Severity::Warning));
    assert_eq!(found[0].key.as_deref(), Some("10.0.0.2:80"));
    assert_eq!(said("HO003", &unanswered(10)), [], "nobody is answered: a dead server, not a full queue");
    assert_eq!(said("HO003", &(unanswered(2) + answered)), [], "two clients");
    let late = answered.replace("1.5", "21.5");
    assert_eq!(said("HO003", &(unanswered(10) + &late)), [], "answered long after");
}

#[test]
fn ho003_is_a_note_where_a_filter_explains_it() {
    let syns = |at: u32| (1..=3).map(move |i| format!("{at}.{i} 10.1.0.{i}:4000>B S 100;"));
    let dropped: String = [0, 1, 3, 7, 15, 31].into_iter().flat_map(syns).collect();
    let served: String =
        (0..8).map(|i| exchange(f64::from(i) * 4.0 + 0.5, &format!("10.2.0.1:{}", 4000 + i), 10)).collect();
    let found = said("HO003", &(dropped + &served));
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].severity, found[0].variant), (Severity::Note, Some("filter")));
}

#[test]
fn ho004_is_silent_where_the_ack_was_lost_or_on_its_way() {
    let lost =
        "0 A>B S 1000; .01 B>A SA 300/1001; .02 A>B A 1001/301; 1.03 B>A SA 300/1001; 1.04 A>B A 1001/301";
    assert_eq!(said("HO004", lost), []);
    let far = "0 A>B S 1000; 1.2 B>A SA 300/1001; 1.201 A>B A 1001/301; 1.202 A>B PA 1001/301 +5; \
               2.2 B>A SA 300/1001; 2.401 B>A A 301/1006";
    assert_eq!(said("HO004", far), []);
    let near = far.replace("1.2 B", ".1 B").replace("1.201", ".101").replace("1.202", ".102");
    assert_eq!(said("HO004", &near).len(), 1);
}

#[test]
fn ho005_knows_cookies_by_one_difference_on_one_4_tuple() {
    let cookies = "0 A>B S 1000; .01 B>A SA 7001000/1001; .3 A>B S 5000; .31 B>A SA 7005000/5001; \
                   .6 A>B S 42; .61 B>A SA 7000042/43";
    let found = said("HO005", cookies);
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].variant, value(&found[0], "isn_difference")), (Some("same-tuple"), 7_000_000));
    assert_eq!(said("HO005", &cookies.replace("7000042", "7000043")), [], "another difference");
    assert_eq!(
        said("HO005", &cookies.replace(".6 A", "70.6 A").replace(".61", "70.61")),
        [],
        "a minute later"
    );
    // 300 ms are 4,687,500 ticks of 64 ns: both ends count one clock.
    let clock = "0 A>B S 1000; .01 B>A SA 7001000/1001; .3 A>B S 4688500; .31 B>A SA 11688500/4688501; \
                 .6 A>B S 9376000; .61 B>A SA 16376000/9376001";
    assert_eq!(said("HO005", clock), []);
}

#[test]
fn ho005_takes_two_isns_where_it_is_told_to() {
    let vector_v81 = "0 A>B S 1000; .01 B>A SA 7001000/1001; .3 A>B S 5000; .31 B>A SA 7005000/5001";
    assert_eq!(said("HO005", vector_v81), []);
    let two = Thresholds { cookie_isns: 2, ..Thresholds::default() };
    assert_eq!(said_with("HO005", vector_v81, two).len(), 1);
}

#[test]
fn ho005_knows_cookies_by_timestamps_that_end_alike() {
    let syn_acks = |n: u32, step: u32| -> String {
        let isn = |i: u32| 1000 + 7919 * i * i;
        let one = |i: u32| {
            let (at, server) = (f64::from(i) * 0.3, 77_777 * (i + 1) * (i + 3));
            let tsval = 5 + 64 * i + step * i;
            format!(
                "{at:.2} A>B S {} tsv=9; {:.2} B>A SA {server}/{} tsv={tsval};",
                isn(i),
                at + 0.01,
                isn(i) + 1
            )
        };
        (0..n).map(one).collect()
    };
    let found = said("HO005", &syn_acks(8, 0));
    assert_eq!((found.len(), found[0].variant), (1, Some("timestamps")));
    assert_eq!(said("HO005", &syn_acks(7, 0)), [], "seven");
    assert_eq!(said("HO005", &syn_acks(8, 1)), [], "other bits");
}

#[test]
fn ho005_knows_cookies_by_syn_acks_that_never_come_again() {
    let silent = |n: u32, from: f64| -> String {
        let one = |i: u32| {
            let (at, c) = (from + f64::from(i) * 0.1, format!("10.1.0.{i}:4000"));
            format!("{at:.2} {c}>B S 100; {:.2} B>{c} SA 300/101; {:.2} {c}>B R 101;", at + 0.01, at + 5.0)
        };
        (0..n).map(one).collect()
    };
    let before = half_open(0.0, "10.2.0.1:4000");
    let found = said("HO005", &(before.clone() + &silent(20, 20.0)));
    assert_eq!((found.len(), found[0].variant), (1, Some("no-retransmission")));
    assert_eq!(said("HO005", &(before + &silent(19, 20.0))), [], "nineteen");
    assert_eq!(said("HO005", &silent(30, 20.0)), [], "it never did otherwise");
}

#[test]
fn ho006_counts_answers_that_lead_to_nothing() {
    let completed = |n: u32, from: f64| {
        (0..n)
            .map(|i| exchange(from + f64::from(i) * 0.1, &format!("10.3.0.1:{}", 4000 + i), 10))
            .collect::<String>()
    };
    let cancelled = |n: u32| -> String {
        let one = |i: u32| {
            let (at, c) = (20.0 + f64::from(i) * 0.1, format!("10.1.{}.{}:4000", i / 250, i % 250));
            format!("{at:.2} {c}>B S 100; {:.2} B>{c} SA 300/101; {:.2} {c}>B R 101;", at + 0.01, at + 0.02)
        };
        (0..n).map(one).collect()
    };
    let found = said("HO006", &(cancelled(90) + &completed(30, 30.0)));
    assert_eq!(found.len(), 1);
    assert_eq!(
        (value(&found[0], "completed"), value(&found[0], "cancelled")),
        (11, 90),
        "ten per cent of most"
    );
    assert_eq!(said("HO006", &cancelled(99)), [], "fewer than a hundred");
    assert_eq!(said("HO006", &(cancelled(60) + &completed(60, 10.0))), [], "half of them");
}

#[test]
fn ho006_leaves_steady_health_checks_out() {
    let check = |i: u32, period: f64| {
        let (at, c) = (f64::from(i) * period, format!("10.1.0.1:{}", 4000 + i));
        format!("{at:.3} {c}>B S 100; {:.3} B>{c} SA 300/101; {:.3} {c}>B R 101;", at + 0.001, at + 0.002)
    };
    let checks = |period: f64| (0..300).map(|i| check(i, period)).collect::<String>();
    assert_eq!(said("HO006", &checks(0.4)), []);
    assert_eq!(said("HO006", &checks(0.1)).len(), 1, "ten in a second are no health check");
}

#[test]
fn cn001_speaks_of_twenty_short_connections_in_ten_seconds() {
    let many = |n: u32, gap: f64, len: u32| {
        (0..n)
            .map(|i| exchange(f64::from(i) * gap, &format!("10.1.0.1:{}", 4000 + i), len))
            .collect::<String>()
    };
    let found = said("CN001", &many(25, 0.2, 150));
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].severity, value(&found[0], "connections")), (Severity::Note, 25));
    assert_eq!((value(&found[0], "overhead_percent"), value(&found[0], "mean_payload_bytes")), (75, 300));
    assert_eq!(
        said("CN001", &many(120, 0.005, 150))[0].severity,
        Severity::Warning,
        "more than 100 a second"
    );
    assert_eq!(said("CN001", &many(19, 0.2, 150)), [], "nineteen");
    assert_eq!(said("CN001", &many(25, 0.6, 150)), [], "too slowly");
    assert_eq!(said("CN001", &many(25, 0.2, 30_000)), [], "much payload each");
}

#[test]
fn cn005_compares_open_connections_with_the_clients_ports() {
    let ports = Thresholds { ephemeral_low: 4000, ephemeral_high: 4009, ..Thresholds::default() };
    let open = |n: u32| -> String {
        let one = |i: u32| {
            let (at, c) = (f64::from(i) * 0.1, format!("10.1.0.1:{}", 4000 + i));
            format!(
                "{at:.2} {c}>B S 100; {:.2} B>{c} SA 300/101; {:.2} {c}>B A 101/301;",
                at + 0.01,
                at + 0.02
            )
        };
        (0..n).map(one).collect()
    };
    let found = said_with("CN005", &open(5), ports.clone());
    assert_eq!((found.len(), found[0].severity), (1, Severity::Note));
    assert_eq!(said_with("CN005", &open(8), ports.clone())[0].severity, Severity::Warning);
    assert_eq!(said_with("CN005", &open(4), ports.clone()), [], "40 per cent");
    let one_after_the_other: String =
        (0..10).map(|i| exchange(f64::from(i), &format!("10.1.0.1:{}", 4000 + i), 10)).collect();
    assert_eq!(said_with("CN005", &one_after_the_other, ports), [], "never two at once");
}

/// SYN+ACKs that are off by the same, or not, one a second.
fn off_by(differences: &[u32]) -> String {
    let one = |(i, d): (usize, &u32)| {
        let (isn, c) = (1000 * (i as u32 + 1), format!("10.1.0.{i}:4000"));
        let ack = isn.wrapping_add(1).wrapping_add(*d);
        format!("{i}.0 {c}>B S {isn}; {i}.01 B>{c} SA 300/{ack}; {i}.02 {c}>B R {ack};")
    };
    differences.iter().enumerate().map(one).collect()
}

#[test]
fn hs002_is_a_note_where_three_connections_are_off_by_the_same() {
    let found = said("HS002", &off_by(&[70_000, 70_000, 70_000]));
    let all: Vec<_> = found.iter().map(|f| (f.severity, f.variant)).collect();
    assert_eq!(all, [(Severity::Note, Some("sequence-rewriting")); 3]);
    for (near, why) in [
        ([70_000, 70_000, 70_001], "two alike"),
        ([u32::MAX, u32::MAX, u32::MAX], "a server that does not count the SYN"),
    ] {
        let found = said("HS002", &off_by(&near));
        assert_eq!(found.len(), 3);
        assert!(
            found.iter().all(|f| f.severity == Severity::Error && f.variant.is_none()),
            "{why}: {found:?}"
        );
    }
}

#[test]
fn hs009_knows_the_broadcast_address_of_a_network_it_is_told() {
    let syn = |to: &str| format!("0 A>{to}:80 S 100");
    let with = |net: &str, to: &str| {
        let mut config = Config::default();
        config.rules.local_nets = vec![net.parse().expect("a network")];
        said_by("HS009", &syn(to), &config)
    };
    let found = with("192.0.2.0/24", "192.0.2.255");
    assert_eq!((found.len(), found[0].variant, found[0].severity), (1, Some("destination"), Severity::Error));
    assert!(found[0].message.contains("192.0.2.0/24"), "{}", found[0].message);
    assert_eq!(said("HS009", &syn("192.0.2.255")), [], "nobody told the network");
    assert_eq!(with("192.0.2.0/23", "192.0.2.255"), [], "a host of a larger network");
    assert_eq!(with("192.0.2.254/31", "192.0.2.255"), [], "one of two hosts (RFC 3021)");
}

#[test]
fn hs001_tells_the_schedule_of_the_repetitions() {
    let schedule = |times: &[f64]| {
        let script: String = times.iter().map(|t| format!("{t} A>B S 100;")).collect();
        let found = said("HS001", &script);
        let word = |name: &str| {
            let of = found[0].evidence.iter().find(|(n, _)| *n == name);
            of.map(|(_, v)| v.to_string()).unwrap_or_default()
        };
        (word("schedule"), word("gaps_ms"), word("schedule_of"))
    };
    let (name, gaps, of) = schedule(&[0.0, 1.0, 3.0, 7.0]);
    assert_eq!((name.as_str(), gaps.as_str()), ("\"doubling\"", "[1000,2000,4000]"));
    assert!(of.contains("Windows"), "{of}");
    assert!(schedule(&[0.0, 1.0, 2.0, 3.0, 4.0, 6.0, 10.0]).2.contains("Linux since 6.5"));
    assert_eq!(schedule(&[0.0, 1.0]).0, "\"unclear\"", "one gap");
}

#[test]
fn ho003_speaks_of_a_large_share_too() {
    let served: String =
        (0..30).map(|i| exchange(f64::from(i) * 0.3, &format!("10.2.0.1:{}", 4000 + i), 10)).collect();
    let found = said("HO003", &(unanswered(1) + &served));
    assert_eq!((found.len(), value(&found[0], "clients")), (1, 1));
    assert!(value(&found[0], "dropped_percent") >= 5, "{found:?}");
    let more: String = (30..100)
        .map(|i| exchange(0.01 + f64::from(i) * 0.09, &format!("10.2.0.1:{}", 4000 + i), 10))
        .collect();
    assert_eq!(said("HO003", &(unanswered(1) + &served + &more)), [], "three of a hundred");
    let few: String =
        (0..10).map(|i| exchange(f64::from(i) * 0.5, &format!("10.2.0.1:{}", 4000 + i), 10)).collect();
    assert_eq!(said("HO003", &(unanswered(1) + &few)), [], "too few SYNs to speak of a share");
}

/// The SYN+ACK twice after the final ACK and the data.
fn held_back(at: f64, client: &str) -> String {
    format!(
        "{at:.3} {client}>B S 100; {:.3} B>{client} SA 300/101; {:.3} {client}>B A 101/301; \
         {:.3} {client}>B PA 101/301 +5; {:.3} B>{client} SA 300/101; {:.3} B>{client} SA 300/101;",
        at + 0.01,
        at + 0.02,
        at + 0.03,
        at + 1.01,
        at + 3.01
    )
}

#[test]
fn ho004_is_sure_where_three_connections_say_so_within_a_minute() {
    let of = |times: &[f64]| -> Vec<Confidence> {
        let one = |(i, at): (usize, &f64)| held_back(*at, &format!("10.1.0.{i}:4000"));
        let found = said("HO004", &times.iter().enumerate().map(one).collect::<String>());
        found.iter().map(|f| f.confidence).collect()
    };
    assert_eq!(of(&[0.0, 1.0, 2.0]), [Confidence::High; 3]);
    assert!(of(&[0.0, 1.0]).iter().all(|c| *c <= Confidence::Medium), "two connections");
    assert!(of(&[0.0, 40.0, 90.0]).iter().all(|c| *c <= Confidence::Medium), "three in 90 s");
}

/// Open for the client, whose data is sent four times to a server that says nothing any more.
fn unserved(at: f64, client: &str) -> String {
    let data = |t: f64| format!("{:.3} {client}>B PA 101/301 +50;", at + t);
    format!(
        "{at:.3} {client}>B S 100; {:.3} B>{client} SA 300/101; {:.3} {client}>B A 101/301;",
        at + 0.01,
        at + 0.02
    ) + &[0.03, 0.3, 0.8, 1.8].map(data).concat()
}

#[test]
fn ho004_names_an_accept_queue_that_is_full_behind_cookies() {
    let of = |n: u32, gap: f64| -> Vec<Finding> {
        let one = |i: u32| unserved(f64::from(i) * gap, &format!("10.1.0.{i}:4000"));
        said("HO004", &(0..n).map(one).collect::<String>())
    };
    let found = of(4, 0.1);
    assert_eq!((found.len(), found[0].variant), (1, Some("cookies")));
    assert_eq!(
        (found[0].key.as_deref(), found[0].frames.len()),
        (Some("10.0.0.2:80"), 3),
        "as soon as three ended"
    );
    assert_eq!(of(2, 0.1), [], "two");
    assert_eq!(of(3, 40.0), [], "three in 80 s");
}

#[test]
fn op003_is_a_note_where_a_server_departs_alike_toward_three_clients() {
    let one = |i: u32| {
        let c = format!("10.1.0.{i}:4000");
        format!("{i}.0 {c}>B S 100 mss=1460; {i}.01 B>{c} SA 300/101 mss=1460 ws=7; {i}.02 {c}>B A 101/301;")
    };
    let of = |n: u32| said("OP003", &(0..n).map(one).collect::<String>());
    let found = of(3);
    assert_eq!(found.len(), 3);
    assert!(
        found.iter().all(|f| f.severity == Severity::Note && f.message.contains("middlebox")),
        "{found:?}"
    );
    assert!(of(2).iter().all(|f| f.severity == Severity::Warning), "two clients");
}

#[test]
fn cn002_counts_the_idle_connections_of_a_server() {
    let limits = Thresholds { idle_connections: 4, ..Thresholds::default() };
    let idle = |i: u32| {
        let (at, c) = (f64::from(i), format!("10.1.0.{i}:4000"));
        format!(
            "{at} {c}>B S 100; {:.2} B>{c} SA 300/101; {:.2} {c}>B A 101/301; {:.2} {c}>B PA 101/301 +5; \
             {:.2} B>{c} A 301/106; {:.2} {c}>B PA 106/301 +5;",
            at + 0.01,
            at + 0.02,
            at + 0.03,
            at + 0.04,
            at + 700.0
        )
    };
    let of = |n: u32| said_with("CN002", &(0..n).map(idle).collect::<String>(), limits.clone());
    let wide: Vec<_> = of(4).into_iter().filter(|f| f.variant == Some("many")).collect();
    assert_eq!(
        (wide.len(), wide[0].severity, value(&wide[0], "idle_connections")),
        (1, Severity::Warning, 4)
    );
    assert!(of(3).iter().all(|f| f.variant.is_none()), "three");
}

/// Open connections from ports of one address, with so many kinds of SYN.
fn open_from(ports: u32, kinds: u32, destinations: u32) -> String {
    let one = |i: u32| {
        let (at, c, b) = (f64::from(i) * 0.1, format!("10.1.0.1:{}", 4000 + i), i % destinations);
        format!(
            "{at:.2} {c}>10.9.0.{b}:80 S 100 w={}; {:.2} 10.9.0.{b}:80>{c} SA 300/101; {:.2} {c}>10.9.0.{b}:80 A 101/301;",
            1000 + i % kinds,
            at + 0.01,
            at + 0.02
        )
    };
    (0..ports).map(one).collect()
}

#[test]
fn cn005_stays_a_note_where_several_hosts_share_the_address() {
    let ports = Thresholds { ephemeral_low: 4000, ephemeral_high: 4009, ..Thresholds::default() };
    let of = |kinds: u32| said_with("CN005", &open_from(9, kinds, 1), ports.clone());
    assert_eq!((of(4)[0].severity, of(4)[0].variant), (Severity::Note, Some("shared-address")));
    assert_eq!((of(3)[0].severity, of(3)[0].variant), (Severity::Warning, None), "three kinds of SYN");
}

#[test]
fn cn005_speaks_of_all_connections_of_a_client_where_they_go_to_several_servers() {
    // One per cent is 656 connections.
    let one_percent =
        Thresholds { port_share_note: 1, ephemeral_low: 1, ephemeral_high: 65_535, ..Thresholds::default() };
    let of = |n: u32, to: u32| -> Vec<Finding> {
        let found = said_with("CN005", &open_from(n, 1, to), one_percent.clone());
        found.into_iter().filter(|f| f.variant == Some("total")).collect()
    };
    let found = of(660, 3);
    assert_eq!((found.len(), value(&found[0], "destinations")), (1, 3));
    assert_eq!(of(650, 3), [], "fewer");
    assert_eq!(of(660, 1), [], "to one server: the pair tells it");
}

/// A rule over several connections: thresholds, a script that makes it speak, one that just does not.
struct Case {
    rule: &'static str,
    thresholds: Thresholds,
    fires: String,
    near: String,
}

fn cases() -> Vec<Case> {
    let plain = Thresholds::default;
    let exchanges = |n: u32, gap: f64| -> String {
        (0..n).map(|i| exchange(f64::from(i) * gap, &format!("10.1.0.1:{}", 4000 + i), 150)).collect()
    };
    let half_opens = |n: u32| -> String {
        (0..n).map(|i| half_open(f64::from(i) * 0.01, &format!("10.1.0.{i}:4000"))).collect()
    };
    let answered =
        "1.5 10.2.0.1:4000>B S 900; 1.51 B>10.2.0.1:4000 SA 300/901; 1.52 10.2.0.1:4000>B A 901/301;";
    let cancelled = |n: u32| -> String {
        let one = |i: u32| {
            let (at, c) = (f64::from(i) * 0.07, format!("10.1.{}.{}:4000", i / 250, i % 250));
            format!("{at:.2} {c}>B S 100; {:.2} B>{c} SA 300/101; {:.2} {c}>B R 101;", at + 0.01, at + 0.02)
        };
        (0..n).map(one).collect()
    };
    let cookies = "0 A>B S 1000; .01 B>A SA 7001000/1001; .3 A>B S 5000; .31 B>A SA 7005000/5001;";
    let ten_ports = || Thresholds { ephemeral_low: 4000, ephemeral_high: 4009, ..Thresholds::default() };
    let case = |rule, thresholds, fires, near| Case { rule, thresholds, fires, near };
    vec![
        case("TW006", Thresholds { time_wait_pileup: 10, ..plain() }, exchanges(10, 0.1), exchanges(9, 0.1)),
        case("TW007", ten_ports(), exchanges(8, 0.1), exchanges(7, 0.1)),
        case("HO002", Thresholds { backlog: Some(10), ..plain() }, half_opens(8), half_opens(7)),
        case("HO003", plain(), unanswered(3) + answered, unanswered(2) + answered),
        case("HO005", plain(), format!("{cookies} .6 A>B S 42; .61 B>A SA 7000042/43"), cookies.into()),
        case("HO006", plain(), cancelled(100), cancelled(99)),
        case("CN001", plain(), exchanges(20, 0.2), exchanges(19, 0.2)),
        case("CN005", ten_ports(), open_from(5, 1, 1), open_from(4, 1, 1)),
    ]
}

#[test]
fn every_rule_over_connections_fires_and_has_a_near_miss() {
    let mut wrong = Vec::new();
    // Attacks and surges take more packets than a script has: tests/attacks.rs makes them.
    let by_generator = |r: &&Rule| r.id.starts_with("AT") || r.id == "CN006";
    let of_capture = |r: &&Rule| matches!(r.check, Check::Capture(_)) && !by_generator(r);
    for rule in rules().filter(of_capture) {
        let Some(case) = cases().into_iter().find(|c| c.rule == rule.id) else {
            wrong.push(format!("{}: no case", rule.id));
            continue;
        };
        if said_with(rule.id, &case.fires, case.thresholds.clone()).is_empty() {
            wrong.push(format!("{}: is silent where it should speak", rule.id));
        }
        if !said_with(rule.id, &case.near, case.thresholds).is_empty() {
            wrong.push(format!("{}: speaks of its near miss", rule.id));
        }
    }
    no_complaints("rules over connections", &wrong);
}
