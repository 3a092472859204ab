//! TIME_WAIT and roles where a script needs more than states: restarts by policy, bounds, refusals (vectors U19 to U24).

use tcpscope::config::Config;
use tcpscope::tcp::{Certainty, Duration, State};
use tcpscope::track::{Record, Role, RoleBasis, TimeWait, TimeWaitEnd};

use crate::support::frames::source;
use crate::support::packet::capture_time;
use crate::support::run::{Seen, role_of};
use crate::support::script::{Script, a, b};
use crate::vectors::implemented;

#[test]
fn an_old_ack_restarts_time_wait_only_where_any_ack_does() {
    let script = format!("{FOUR_SEGMENT_CLOSE}; 30 B>A A 302/102");
    let rfc = only_wait(&seen(&script, &Config::default()));
    assert_eq!(rfc.restart_count, 0);
    let mut linux = Config::default();
    linux.track.any_ack_restarts_time_wait = true;
    let seen = seen(&script, &linux);
    let wait = only_wait(&seen);
    assert_eq!(wait.restart_count, 1, "{wait:?}");
    assert_eq!(wait.nominal_end, capture_time(90_000_000_000));
    assert!(seen.rules().contains("TW004"), "{:?}", seen.rules());
}

#[test]
fn a_capture_that_ends_first_bounds_time_wait_from_below() {
    let seen = seen(&format!("{FOUR_SEGMENT_CLOSE}; 20 END"), &Config::default());
    let wait = only_wait(&seen);
    assert_eq!(wait.start, capture_time(2_010_000_000));
    assert_eq!(wait.start_certainty, Certainty::Observed);
    assert_eq!((wait.end_kind, wait.end), (TimeWaitEnd::Censored, None));
    let last = seen.records.last().expect("a record");
    assert_eq!(end_state(last, a()), State::TimeWait);
}

#[test]
fn a_nominal_end_inside_the_capture_is_assumed() {
    let wait = only_wait(&seen(&format!("{FOUR_SEGMENT_CLOSE}; 100 END"), &Config::default()));
    assert_eq!((wait.end_kind, wait.end), (TimeWaitEnd::Expired, Some(capture_time(62_010_000_000))));
    assert_eq!(wait.duration(), Some(Duration::from_secs(60)));
}

#[test]
fn the_length_of_time_wait_is_the_users_choice() {
    let mut config = Config::default();
    config.track.two_msl = Duration::from_secs(30);
    let wait = only_wait(&seen(&format!("{FOUR_SEGMENT_CLOSE}; 50 END"), &config));
    assert_eq!((wait.end_kind, wait.end), (TimeWaitEnd::Expired, Some(capture_time(32_010_000_000))));
}

#[test]
fn a_reset_without_ack_from_the_holder_says_that_time_wait_is_gone() {
    // The holder's side has no socket any more and answers as M3 has it: RST, no ACK, seq = the segment's ack.
    let script = format!("{FOUR_SEGMENT_CLOSE}; 40 B>A A 302/102; 40.01 A>B R 102");
    let wait = only_wait(&seen(&script, &Config::default()));
    assert_eq!(wait.end_kind, TimeWaitEnd::Gone, "{wait:?}");
    let upper = wait.duration().expect("an upper bound");
    assert!(upper <= Duration::from_secs(38), "{upper}");
}

#[test]
fn who_receives_the_refusal_is_the_client() {
    let seen = seen("0 B>A RA 0/101", &Config::default());
    let last = seen.records.last().expect("a record");
    assert_eq!(last.endpoints.client, a());
    assert_eq!(last.roles.from, RoleBasis::Refusal);
    assert_eq!((last.state.server, last.certainty.server), (State::Closed, Certainty::Observed));
}

#[test]
fn a_land_segment_between_two_ports_of_one_address_is_found_once_the_rule_exists() {
    if !implemented().contains("AT010") {
        return eprintln!("NOT YET: AT010 is not among the rules of this version");
    }
    let mut script = Script::parse("0 A>B S 100");
    let end = script.shots[0].src;
    script.shots[0].dst = tcpscope::tcp::Endpoint::new(end.addr, 81);
    assert!(Seen::of_frames(script.frames()).rules().contains("AT010"));
}

#[test]
fn refusals_and_then_an_answer_while_time_waits_are_young_break_no_rule() {
    let script = "0 A>B S 100; .01 B>A SA 300/101; .02 A>B A 101/301; 1 B>A FA 301/101; 1.01 A>B FA 101/302; \
                  2 B>A A 302/102; 5 A>B S 900100; 5.01 B>A RA 0/900101; 6 A>B S 950100; 6.01 B>A RA 0/950101; \
                  8 A>B S 990100; 8.01 B>A SA 70000/990101; 8.02 A>B A 990101/70001";
    let seen = seen(script, &Config::default());
    let last = seen.records.last().expect("a record");
    assert_eq!((end_state(last, a()), end_state(last, b())), (State::Established, State::Established));
    let other: Vec<String> =
        seen.rules().into_iter().filter(|r| !["HS005", "TW001", "CN003"].contains(&r.as_str())).collect();
    assert!(other.is_empty(), "{other:?}");
}

fn seen(script: &str, config: &Config) -> Seen {
    Seen::of(&mut source(Script::parse(script).frames()), config)
}

fn only_wait(seen: &Seen) -> TimeWait {
    let mut waits: Vec<TimeWait> = seen.records.iter().flat_map(|r| r.time_wait.clone()).collect();
    assert_eq!(waits.len(), 1, "{waits:?}");
    let holder = seen.records.iter().find(|r| !r.time_wait.is_empty()).map(|r| r.endpoints.client);
    assert_eq!(holder, Some(a()));
    assert_eq!(waits[0].endpoint, Role::Client);
    waits.remove(0)
}

fn end_state(record: &Record, end: tcpscope::tcp::Endpoint) -> State {
    let role = role_of(record, end, true).expect("an end of the record");
    *record.state.of(role)
}

/// Vector V17: A closes first; its last ACK is at 2.01 s.
const FOUR_SEGMENT_CLOSE: &str = "0 A>B S 100; .01 B>A SA 300/101; .02 A>B A 101/301; 1 A>B FA 101/301; \
                                  1.01 B>A A 301/102; 2 B>A FA 301/102; 2.01 A>B A 102/302";
