//! Attacks are told while they go on, soon after they began and not long after they ended; and whether anybody watches
//! changes nothing of what is said at the end.

use tcpscope::rules::Finding;
use tcpscope::tcp::{Duration, Endpoint, Flags, State, Timestamp};

use crate::support::packet::capture_time;
use crate::support::traffic::{BARE, LINUX, MS, S, Stack, Traffic, addr, host};
use crate::support::watched::Watched;

/// nmap's SYN scan.
const NMAP: Stack = Stack { window: 1024, mss: Some(1460), scale: None, sack: false, ttl: 44 };
const RST_ACK: Flags = Flags(0x14);

/// What went on, with the seconds of the script in which that was first and last said.
fn spans(watched: &Watched) -> Vec<(&'static str, String, i64, i64)> {
    let second = |at: Timestamp| at.since(capture_time(0)).0 / S;
    watched.spans().into_iter().map(|(rule, key, a, b)| (rule, key, second(a), second(b))).collect()
}

/// The only thing that went on: told within `soon` seconds, until it ended at `end` and not for longer than a flood takes
/// to be over. Then nothing of it is left, and all that is said for good is what is said without anybody watching.
#[track_caller]
fn told(traffic: Traffic, rule: &str, key: &str, soon: i64, end: i64) {
    let watched = traffic.watched(end + 120 * S);
    let spans = spans(&watched);
    let [(told, about, first, last)] = spans.as_slice() else { panic!("{spans:?}") };
    assert_eq!((*told, about.as_str()), (rule, key));
    assert!(*first <= soon, "told after {first} s");
    assert!(
        (end / S - 1..=end / S + 50).contains(last),
        "it ended at {} s and went on until {last} s",
        end / S
    );
    for finding in watched.going_on.iter().flat_map(|(_, all)| all) {
        assert_eq!((finding.end, &finding.series), (None, &None), "it has not ended");
        assert!(finding.start.is_some() && finding.count > 0 && !finding.message.is_empty());
    }
    let said = watched.findings.iter().find(|f| f.rule == rule && f.key.as_deref() == Some(key));
    assert!(said.is_some_and(|f| !f.frames.is_empty()), "no packets prove it: {said:?}");
    same_as_unwatched(traffic, &watched, end + 120 * S);
}

#[track_caller]
fn same_as_unwatched(traffic: Traffic, watched: &Watched, end: i64) {
    let alone = traffic.seen(end, &tcpscope::config::Config::default());
    // Silence lets some be said sooner: their place among the others is all that may differ.
    let sorted = |findings: &[Finding]| {
        let mut all = findings.to_vec();
        all.sort_by_key(|f| (f.at, f.rule, f.connection, f.key.clone(), f.frames.clone(), f.variant));
        all
    };
    assert_eq!(sorted(&watched.findings), sorted(&alone.findings));
}

fn refused(t: &mut Traffic, at: i64, (client, server): (Endpoint, Endpoint)) {
    let isn = t.random() as u32;
    t.syn(at, (client, server), isn, &NMAP);
    t.shot(at + MS, (server, client), RST_ACK, (0, isn.wrapping_add(1)));
}

#[test]
fn a_syn_flood() {
    let mut t = Traffic::new(1);
    for i in 0..10 * 1000 {
        let (source, isn) = (t.stranger(), t.random() as u32);
        t.syn(i * MS, (source, host(2, 80)), isn, &BARE);
        t.syn_acks(i * MS + MS / 2, (source, host(2, 80)), isn, &[]);
    }
    told(t, "AT001", "10.0.0.2:80", 8, 10 * S);
}

/// After it no packet comes that would make anybody look at the clock.
#[test]
fn a_short_syn_flood_and_then_silence() {
    let mut t = Traffic::new(2);
    for i in 0..2 * 1000 {
        let (source, isn) = (t.stranger(), t.random() as u32);
        t.syn(i * MS, (source, host(2, 80)), isn, &BARE);
        t.syn_acks(i * MS + MS / 2, (source, host(2, 80)), isn, &[]);
    }
    told(t, "AT001", "10.0.0.2:80", 6, 2 * S);
}

/// The alarm comes before a single attempt was judged; it counts what came all the same.
#[test]
fn a_syn_flood_that_nobody_answers() {
    let mut t = Traffic::new(3);
    for i in 0..10 * 3000 {
        let (source, isn) = (t.stranger(), t.random() as u32);
        t.syn(i * MS / 3, (source, host(2, 80)), isn, &BARE);
    }
    told(t, "AT001", "10.0.0.2:80", 2, 10 * S);
}

#[test]
fn a_syn_flood_over_a_network() {
    let mut t = Traffic::new(6);
    for i in 0..10 * 1000 {
        let (source, isn) = (t.stranger(), t.random() as u32);
        t.syn(i * MS, (source, host((i % 100) as u8 + 1, 80)), isn, &BARE);
    }
    told(t, "AT002", "10.0.0.0/24", 8, 10 * S);
}

#[test]
fn reflected_syn_acks() {
    let mut t = Traffic::new(70);
    for i in 0..10 * 500 {
        let from = addr([30, 0, t.below(8) as u8, t.below(250) as u8], 443);
        let victim = host(9, 1024 + t.below(60_000) as u16);
        let (seq, ack) = (t.random() as u32, t.random() as u32);
        t.shot(i * 2 * MS, (from, victim), Flags::SYN_ACK, (seq, ack));
        t.shot(i * 2 * MS + MS, (victim, from), Flags::RST, (ack, 0));
    }
    told(t, "AT003", "10.0.0.9", 8, 10 * S);
}

#[test]
fn backscatter() {
    let mut t = Traffic::new(9);
    for i in 0..200i64 {
        let (seq, ack) = (t.random() as u32, t.random() as u32);
        let dark = addr([10, 9, 0, (i % 60) as u8], 1024 + (i % 60) as u16);
        t.shot(i * 600 * MS, (addr([30, 0, 0, 1], 443), dark), Flags::SYN_ACK, (seq, ack));
    }
    told(t, "AT004", "30.0.0.1", 62, 120 * S);
}

#[test]
fn a_flood_of_acks() {
    let mut t = Traffic::new(10);
    for i in 0..10 * 1000 {
        let (from, victim) = (t.client(), host(2, 80));
        let (seq, ack) = (t.random() as u32, t.random() as u32);
        t.shot(i * MS, (from, victim), Flags::ACK, (seq, ack));
        t.shot(i * MS + MS / 2, (victim, from), Flags::RST, (ack, 0));
    }
    told(t, "AT005", "10.0.0.2", 8, 10 * S);
}

#[test]
fn a_flood_of_resets() {
    let mut t = Traffic::new(60);
    for i in 0..400 * 10 {
        let (from, seq) = (t.client(), t.random() as u32);
        t.shot(i * S / 400, (from, host(2, 80)), Flags::RST, (seq, 0));
    }
    told(t, "AT006", "10.0.0.2", 8, 10 * S);
}

/// All of them come within a second, after which no other does.
#[test]
fn open_connections_that_are_reset() {
    let mut t = Traffic::new(61);
    for i in 0..60i64 {
        let ends = (t.client(), host(2, 80));
        let (c, _) = t.open(i * 10 * MS, ends, &LINUX);
        t.shot(30 * S + i * 3 * MS, ends, Flags::RST, (c, 0)).ttl = 47;
    }
    told(t, "AT006", "10.0.0.2:80", 31, 30 * S);
}

#[test]
fn segments_without_flags() {
    let mut t = Traffic::new(12);
    for port in 1..=14 {
        let target = host(port as u8 + 10, port);
        t.shot(i64::from(port) * S, (host(9, 50_000), target), Flags(0), (7, 0));
    }
    told(t, "AT007", "10.0.0.9", 7, 14 * S);
}

#[test]
fn a_scan_of_ports() {
    let mut t = Traffic::new(13);
    for port in 1..=400 {
        refused(&mut t, i64::from(port) * 50 * MS, (host(9, 50_000), host(2, port)));
    }
    told(t, "AT008", "10.0.0.9 > 10.0.0.2", 2, 20 * S);
}

#[test]
fn a_scan_of_hosts_that_do_not_answer() {
    let mut t = Traffic::new(14);
    for n in 0..200 {
        let isn = t.random() as u32;
        t.syn(i64::from(n) * 100 * MS, (host(9, 50_000), addr([10, 1, 0, n as u8], 22)), isn, &NMAP);
    }
    told(t, "AT009", "10.0.0.9 > port 22", 7, 20 * S);
}

/// Too slow to be watched attempt by attempt; it is known by what was let go, a minute later.
#[test]
fn a_patient_scan() {
    let mut t = Traffic::new(15);
    for port in 1..=60 {
        refused(&mut t, i64::from(port) * 5 * S, (host(9, 50_000), host(2, port)));
    }
    let watched = t.watched(300 * S);
    let (rule, key, first, last) = spans(&watched).remove(0);
    assert_eq!((rule, key.as_str(), last), ("AT008", "10.0.0.9 > 10.0.0.2", 300));
    assert!(first < 180, "{first}");
}

#[test]
fn connections_that_nobody_uses() {
    let mut t = Traffic::new(16);
    for _ in 0..8 * 150i64 {
        let (n, ends) = (t.shots.len() as i64 / 3, (t.client(), host(2, 80)));
        t.open(n * S / 150, ends, &LINUX);
    }
    for i in 0..500 {
        let ends = (t.client(), host(3, 80));
        t.exchange(i * 100 * MS, ends, &LINUX);
    }
    let watched = t.watched(60 * S);
    let spans = spans(&watched);
    assert!(
        spans.iter().any(|(rule, key, first, last)| {
            (*rule, key.as_str(), *last) == ("AT016", "10.0.0.2:80", 60) && *first < 30
        }),
        "they stay open: {spans:?}"
    );
    same_as_unwatched(t, &watched, 60 * S);
}

#[test]
fn good_clients_are_no_news() {
    let mut t = Traffic::new(5);
    for i in 0..2000i64 {
        let ends = (t.client(), host(2, 80));
        t.exchange(i * 10 * MS, ends, &LINUX);
    }
    let watched = t.watched(100 * S);
    assert_eq!(spans(&watched), []);
    same_as_unwatched(t, &watched, 100 * S);
}

/// Of most of these no more than a SYN and its answer is kept; they are shown all the same, before those never answered.
#[test]
fn half_open_connections_are_shown_however_little_is_kept_of_them() {
    let mut t = Traffic::new(17);
    for i in 0..20_000i64 {
        let (source, isn) = (t.stranger(), t.random() as u32);
        t.syn(i * MS / 10, (source, host(2, 80)), isn, &LINUX);
        if i % 10 == 0 {
            t.syn_acks(i * MS / 10 + MS / 100, (source, host(2, 80)), isn, &[]);
        }
    }
    let watched = t.watched(4 * S);
    let of = |state| watched.stood.iter().filter(|c| c.states[1] == state).count();
    // Of 64 partitions each shows 32 of those kept in part, and more of the latest.
    assert!(of(State::SynReceived) >= 1800, "{} of {}", of(State::SynReceived), watched.stood.len());
    assert!(watched.stood.len() <= 6144);
    let first = watched.stood.first().expect("some");
    assert_eq!((first.segments, first.states[0]), ([1, 1], State::Established), "{first:?}");
    assert!(watched.stood.iter().all(|c| c.last.since(c.first) < Duration::from_secs(1)));
}
