//! Reads the one-line scripts of the shared vectors: `0 A>B S 100; .01 B>A SA 300/101 w=1000; 5 END`.

use std::net::{IpAddr, Ipv4Addr};

use tcpscope::tcp::{Endpoint, Flags};

use super::frames::Frame;
use super::packet::{Shot, clock_tick};

/// A script: segments, and perhaps when the capture ends.
#[derive(Clone, Debug, Default)]
pub struct Script {
    pub shots: Vec<Shot>,
    pub end: Option<i64>,
}

impl Script {
    /// Reads one script.
    ///
    /// # Panics
    /// Where the text is none: scripts are written by us.
    pub fn parse(text: &str) -> Self {
        let mut script = Self::default();
        for step in text.split(';').map(str::trim).filter(|s| !s.is_empty()) {
            script.step(step);
        }
        script.fill_echoes();
        script
    }

    /// Its packets in order of time.
    pub fn frames(&self) -> Vec<Frame> {
        let mut frames: Vec<Frame> = self.shots.iter().map(Shot::frame).collect();
        frames.sort_by_key(|f| f.time);
        frames.extend(self.end.map(clock_tick));
        frames
    }

    fn step(&mut self, step: &str) {
        let mut words = step.split_whitespace();
        let at = nanoseconds(words.next().unwrap_or_default());
        let ends = words.next().unwrap_or_default();
        if ends == "END" {
            self.end = Some(at);
            return;
        }
        let (src, dst) = ends.split_once('>').unwrap_or_else(|| panic!("no endpoints: {step}"));
        let flags = flags(words.next().unwrap_or_default());
        let id = FIRST_IP_ID + self.shots.len() as u16;
        let mut shot = Shot::new(at, endpoint(src), endpoint(dst), flags, id);
        let numbers = words.next().unwrap_or_default();
        let (seq, ack) = numbers.split_once('/').unwrap_or((numbers, "0"));
        shot.seq = number(seq);
        shot.ack = number(ack);
        for word in words {
            set(&mut shot, word);
        }
        self.shots.push(shot);
    }

    /// Each timestamp echoes the latest value of the other end (RFC 7323 §3.2).
    fn fill_echoes(&mut self) {
        let mut last: Vec<(Endpoint, u32)> = Vec::new();
        for shot in &mut self.shots {
            let Some((value, echo)) = shot.timestamps.as_mut() else { continue };
            *echo = last.iter().rev().find(|(e, _)| *e == shot.dst).map_or(0, |(_, v)| *v);
            last.push((shot.src, *value));
        }
    }
}

/// The end that scripts call A, the client where there is one.
pub fn a() -> Endpoint {
    Endpoint::new(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)), 40000)
}

/// The end that scripts call B, the server where there is one.
pub fn b() -> Endpoint {
    Endpoint::new(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2)), 80)
}

/// `A`, `B`, an address with port 80, or an IPv4 address with its port.
pub fn endpoint(text: &str) -> Endpoint {
    match text {
        "A" => a(),
        "B" => b(),
        literal if literal.contains(':') => {
            let (addr, port) = literal.split_once(':').expect("just seen");
            let addr = addr.parse().unwrap_or_else(|_| panic!("no endpoint: {literal}"));
            Endpoint::new(addr, number(port) as u16)
        }
        literal => Endpoint::new(literal.parse().unwrap_or_else(|_| panic!("no endpoint: {literal}")), 80),
    }
}

/// Seconds as decimal text to nanoseconds, exactly.
pub fn nanoseconds(text: &str) -> i64 {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let whole: i64 =
        if whole.is_empty() { 0 } else { whole.parse().unwrap_or_else(|_| panic!("no time: {text}")) };
    let part: i64 = format!("{part:0<9}").parse().unwrap_or_else(|_| panic!("no time: {text}"));
    whole * 1_000_000_000 + part
}

fn set(shot: &mut Shot, word: &str) {
    if let Some(len) = word.strip_prefix('+') {
        shot.len = number(len);
        return;
    }
    let (key, value) = word.split_once('=').unwrap_or_else(|| panic!("no key: {word}"));
    match key {
        "w" => shot.window = number(value) as u16,
        "ws" => shot.window_scale = Some(number(value) as u8),
        "tsv" => shot.timestamps = Some((number(value), 0)),
        "ipid" => shot.ip_id = number(value) as u16,
        "mss" => shot.mss = Some(number(value) as u16),
        "bc" => shot.broadcast = value == "1",
        _ => panic!("unknown key: {word}"),
    }
}

fn flags(text: &str) -> Flags {
    text.chars().filter(|c| *c != '0').fold(Flags::default(), |all, letter| {
        all | match letter {
            'S' => Flags::SYN,
            'F' => Flags::FIN,
            'R' => Flags::RST,
            'A' => Flags::ACK,
            'P' => Flags::PSH,
            'U' => Flags::URG,
            'E' => Flags::ECE,
            'C' => Flags::CWR,
            'N' => Flags::AE,
            _ => panic!("no flag: {letter}"),
        }
    })
}

fn number(text: &str) -> u32 {
    text.parse().unwrap_or_else(|_| panic!("no number: {text}"))
}

/// IP-IDs that scripts do not give count up from here.
const FIRST_IP_ID: u16 = 1000;
