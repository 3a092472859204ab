//! The screen in a terminal of its own, at the sizes that must work.

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::KeyCode;

use super::*;
use crate::engine::Glimpse;
use crate::report::sample;
use crate::rules::Finding;
use crate::tcp::{Duration, Endpoint, State, Timestamp};
use crate::tui::view::Row;

fn screen(width: u16, height: u16, view: &View, choice: &mut Choice) -> Vec<String> {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("a buffer");
    terminal.draw(|frame| draw(frame, view, choice, Theme::Plain)).expect("it is drawn");
    let buffer = terminal.backend().buffer();
    let line =
        |y: u16| (0..width).map(|x| buffer[(x, y)].symbol()).collect::<String>().trim_end().to_string();
    (0..height).map(line).collect()
}

fn endpoint(n: u8, port: u16) -> Endpoint {
    Endpoint::new(std::net::IpAddr::from([10, 0, 0, n]), port)
}

fn view() -> View {
    let begun = Timestamp(1_795_341_600_000_000_000);
    let clock = begun + Duration::from_secs(90);
    let mut view = View { interfaces: "eth0".into(), begun, clock, ..View::default() };
    view.loss = crate::output::Loss {
        packets: 30_592_640,
        received: 43_912_602,
        dropped: 13_319_962,
        dropped_by_interface: 0,
    };
    view.states = vec![(State::SynReceived, 900), (State::Established, 12), (State::TimeWait, 77)];
    view.half_open.points = (0..90).collect();
    view.half_open.peak = 900;
    view.listeners = vec![Row {
        endpoint: endpoint(2, 80),
        half_open: 900,
        peak: 950,
        backlog: Some(1024),
        answered: 2000,
        completed: 40,
    }];
    view.connections = (0..40u8)
        .map(|n| Glimpse {
            id: u64::from(n) + 1,
            endpoints: [endpoint(1, 40_000 + u16::from(n)), endpoint(2, if n % 2 == 0 { 80 } else { 443 })],
            states: [State::Established; 2],
            bytes: [u64::from(n) * 1000, 5],
            segments: [3, 2],
            retransmissions: u64::from(n == 7),
            first: begun + Duration::from_secs(n.into()),
            last: clock,
        })
        .collect();
    view.hear(&sample::finding("HS002", 7));
    view
}

fn attack() -> Finding {
    let at = Timestamp(1_795_341_600_000_000_000) + Duration::from_secs(80);
    let mut finding = Finding { key: Some("10.0.0.2:80".into()), at, ..sample::finding("AT001", 9) };
    finding.name = "syn-flood";
    finding.severity = Severity::Warning;
    finding.message =
        "900 half-open connections from 800 addresses\x1b[2J; next to nobody gets through any more".into();
    finding
}

#[test]
fn everything_is_there_at_every_size() {
    for (width, height) in [(80, 24), (200, 60), (120, 40)] {
        let mut choice = Choice::default();
        let lines = screen(width, height, &view(), &mut choice);
        let text = lines.join("\n");
        for wanted in [
            "eth0",
            "30,592,640 packets",
            "43,912,602 received",
            "13,319,962 dropped by kernel",
            "0 by interface",
            "SYN_RECEIVED 900",
            "TIME_WAIT 77",
            "SYN/s",
            "Half-open",
            "10.0.0.2:80",
            "900/1,024",
            "Connections 40 by latest packet",
            "HS002",
            "? help",
        ] {
            assert!(text.contains(wanted), "{width}x{height} lacks {wanted:?}:\n{text}");
        }
        if width >= 80 {
            assert!(text.contains("q quit"), "{text}");
        }
    }
}

#[test]
fn a_small_terminal_is_told_so() {
    let text = screen(40, 10, &view(), &mut Choice::default()).join("\n");
    assert!(text.contains("60x20 at least"), "{text}");
}

#[test]
fn an_attack_fills_lines_from_edge_to_edge() {
    let mut view = view();
    view.hear(&attack());
    for (width, height) in [(80, 24), (200, 60)] {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("a buffer");
        let mut choice = Choice::default();
        terminal.draw(|frame| draw(frame, &view, &mut choice, Theme::Plain)).expect("it is drawn");
        let buffer = terminal.backend().buffer();
        // The sentence takes two lines where one is too short.
        for y in 3..if width < 100 { 6 } else { 5 } {
            for x in 0..width {
                assert!(buffer[(x, y)].modifier.contains(Modifier::REVERSED | Modifier::BOLD), "{x},{y}");
            }
        }
        let text = screen(width, height, &view, &mut choice).join("\n");
        assert!(text.contains("!!! ATTACK GOING ON: AT001 syn-flood 10.0.0.2:80  since 10:01:20Z"), "{text}");
        assert!(!text.contains('\x1b'), "{text}");
        let sentence = text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(sentence.contains("next to nobody gets through any more"), "{text}");
    }
}

#[test]
fn a_past_attack_stays_until_it_was_seen() {
    let mut view = view();
    view.hear(&Finding { end: Some(view.clock), ..attack() });
    let mut choice = Choice::default();
    assert!(screen(80, 24, &view, &mut choice).join("\n").contains("!!! ATTACK"));
    choice.key(KeyCode::Char('x'), &view);
    assert!(!screen(80, 24, &view, &mut choice).join("\n").contains("!!! ATTACK"));
}

#[test]
fn a_letter_with_control_is_not_typed() {
    let (view, mut choice) = (view(), Choice::default());
    for c in "/abc".chars() {
        choice.key(KeyCode::Char(c), &view);
    }
    choice.control('a');
    assert_eq!((choice.filter.as_str(), choice.typing), ("abc", true));
    choice.control('u');
    assert_eq!((choice.filter.as_str(), choice.typing), ("", true));
}

#[test]
fn connections_are_sorted_and_filtered() {
    let (view, mut choice) = (view(), Choice::default());
    choice.key(KeyCode::Char('s'), &view);
    let first = |choice: &Choice| choice.connections(&view).first().map(|c| c.id);
    assert_eq!(first(&choice), Some(40));
    choice.key(KeyCode::Char('r'), &view);
    assert_eq!(first(&choice), Some(1));
    for key in "/:443 estab".chars() {
        choice.key(KeyCode::Char(key), &view);
    }
    choice.key(KeyCode::Enter, &view);
    assert_eq!(choice.connections(&view).len(), 20);
    let text = screen(80, 24, &view, &mut choice).join("\n");
    assert!(text.contains("Connections 20 by bytes, of 40"), "{text}");
}

#[test]
fn keys_lead_everywhere_and_back() {
    let (view, mut choice) = (view(), Choice::default());
    screen(80, 24, &view, &mut choice);
    choice.key(KeyCode::Down, &view);
    choice.key(KeyCode::Enter, &view);
    let asked = choice.asked.take().map(|c| c.id);
    assert_eq!(asked, choice.connections(&view).get(1).map(|c| c.id));
    choice.ladder((0..100).map(|n| format!("segment {n}")).collect());
    choice.key(KeyCode::PageDown, &view);
    let text = screen(80, 24, &view, &mut choice).join("\n");
    assert!(!text.contains("segment 0") && text.contains("segment 12"), "{text}");
    choice.key(KeyCode::Esc, &view);
    for (key, wanted) in [('?', "choose a connection"), ('f', "Findings, the newest first")] {
        choice.key(KeyCode::Char(key), &view);
        let text = screen(80, 24, &view, &mut choice).join("\n");
        assert!(text.contains(wanted), "{text}");
        choice.key(KeyCode::Char('q'), &view);
    }
    assert_eq!(choice.page, Page::Overview);
    choice.key(KeyCode::Char('p'), &view);
    assert!(screen(80, 24, &view, &mut choice).join("\n").contains("PAUSED"));
    assert_eq!(choice.key(KeyCode::Char('q'), &view), super::super::choice::Done::Yes);
}
