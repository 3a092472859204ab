//! What conditions mean, on records made by hand, and what is said of wrong ones.

use super::*;
use crate::report::sample;

fn graceful() -> Connection {
    Connection::new(sample::graceful(1), &[sample::finding("HS002", 3)])
}

fn half_open() -> Connection {
    Connection::new(sample::half_open(12), &[])
}

fn holds(text: &str, connection: &Connection) -> bool {
    Condition::parse(text).unwrap_or_else(|e| panic!("{e}\n{}", e.underlined(text))).holds(connection)
}

fn fault(text: &str) -> (String, Fault) {
    let fault = Condition::parse(text).expect_err(text);
    (text.get(fault.at.clone()).unwrap_or("?").to_string(), fault)
}

#[test]
fn the_condition_of_the_interface_holds() {
    let text = "state == TIME_WAIT && port == 80 && ip in 10.0.0.0/8 && rule == HS002";
    assert!(holds(text, &graceful()));
    assert!(!holds(text, &half_open()));
}

#[test]
fn every_kind_of_value_is_compared() {
    let yes = [
        "duration > 1s && duration <= 1.03s",
        "duration == 1030ms",
        "bytes >= 2KiB && bytes < 3kb",
        "overhead > 80% and overhead < 0.9",
        "client == 10.0.0.1:40000",
        "client_addr in {192.0.2.0/24, 10.0.0.0/31}",
        "port in {443 80}",
        "close == graceful && open in {complete half-open}",
        "first >= 2026-11-22T10:00:00Z && first < 2026-11-22T10:00:01Z",
        "client_state == time-wait",
        "severity >= warning",
        "rule == HS && rule == synack-bad-ack && rule != TW",
        "both_directions && !capture_loss",
        "zeek_history == 'ShADadFf'",
        "true && not false",
    ];
    for text in yes {
        assert!(holds(text, &graceful()), "{text}");
    }
}

#[test]
fn an_absent_value_passes_nothing_but_none() {
    for text in [
        "setup == none",
        "stream == none",
        "setup != 5ms",
        "!(setup > 0)",
        "severity == none",
        "close_shape == none",
    ] {
        assert!(holds(text, &half_open()), "{text}");
    }
    for text in
        ["setup > 0", "setup <= 1h", "setup != none", "active_closer == client", "close_shape != none"]
    {
        assert!(!holds(text, &half_open()), "{text}");
    }
}

#[test]
fn unequal_of_both_ends_means_neither() {
    assert!(!holds("state != TIME_WAIT", &graceful()));
    assert!(holds("state != LISTEN", &graceful()));
    assert!(holds("ip in 2001:db8::/32", &half_open()));
    assert!(!holds("ip in 0.0.0.0/0", &half_open()));
    assert!(holds("ip in ::/0", &half_open()));
}

#[test]
fn and_binds_closer_than_or() {
    assert!(holds("true || true && false", &graceful()));
    assert!(!holds("(true || true) && false", &graceful()));
    assert!(holds("!false && !(false || false)", &graceful()));
}

#[test]
fn faults_point_at_the_place_and_name_the_nearest_right_word() {
    let cases = [
        ("stat == TIME_WAIT", "stat", "state"),
        ("port == 80 && duratoin > 3s", "duratoin", "duration"),
        ("state == TIME_WAITT", "TIME_WAITT", "TIME_WAIT"),
        ("open == half_open", "half_open", "half-open"),
        ("severity >= warn", "warn", "warning"),
        ("rule == HS0002", "HS0002", "HS002"),
        ("time_wait > soon", "soon", "30s"),
        ("ip in 10.0.0.0/33", "10.0.0.0/33", "10.0.0.0/8"),
        ("port = 80", "=", "=="),
        ("port == 80 & true", "&", "&&"),
        ("open < complete", "<", "=="),
        ("duration", "duration", "duration =="),
        ("port == ", "", "a value"),
        ("(port == 80", "", ")"),
        ("port == 80 state == LISTEN", "state", "&&"),
        ("", "", "a column"),
        ("&& true", "&&", "&&"),
        ("port in {80", "", "closing }"),
        ("port in {}", "}", "{a b c}"),
        ("true)", ")", ""),
    ];
    for (text, place, hint) in cases {
        let (at, fault) = fault(text);
        assert_eq!(at, place, "{text}: {fault:?}");
        assert!(fault.hint.contains(hint), "{text}: {fault:?}");
    }
}

#[test]
fn what_could_exhaust_the_stack_is_refused() {
    assert!(Condition::parse(&"(".repeat(100_000)).is_err());
    assert!(Condition::parse(&"!".repeat(5_000)).is_err());
    assert!(Condition::parse(&"not ".repeat(3_000)).is_err());
    assert!(Condition::parse(&format!("{}true{}", "(".repeat(90), ")".repeat(90))).is_ok());
}

#[test]
fn bounds_are_read_with_and_without_operator() {
    let allows = |text: &str, kind, value: Value<'_>| Bound::parse(text, kind).expect(text).allows(&value);
    assert!(allows("3", Kind::Count, Value::Count(3)));
    assert!(!allows("== 3", Kind::Count, Value::Count(4)));
    assert!(allows(">= 99%", Kind::Share, Value::Share(0.995)));
    assert!(allows("> 1ms && <= 50ms", Kind::Span, Value::Span(crate::tcp::Duration::from_millis(50))));
    assert!(!allows("> 1ms && <= 50ms", Kind::Span, Value::Span(crate::tcp::Duration::from_millis(1))));
    assert!(allows("!= 0", Kind::Count, Value::Count(1)));
    for wrong in ["", "<=", "<= many", "=< 5", "<= 5 6", "about 5"] {
        assert!(Bound::parse(wrong, Kind::Count).is_err(), "{wrong}");
    }
}

#[test]
fn the_mark_stands_under_the_place() {
    let text = "é == 1 && stat == 2";
    let fault = Fault::new(11..15, String::new(), String::new());
    assert_eq!(fault.underlined(text), "  é == 1 && stat == 2\n            ^^^^");
}
