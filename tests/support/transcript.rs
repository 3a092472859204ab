//! Reads `tests/transcripts/*.txt`: connections as tcpdump writes them, with what must be said of them.
//!
//! A line is one of these; `#` begins a comment line, the first of which is the transcript's title.
//!
//! ```text
//! 0.010  < S.  500:500(0) ack 101 win 65535 <mss 1460,wscale 7,sackOK,TS val 5 ecr 1> id 7 ttl 63
//! 0.020  > .   101:101(0) ack 501 win 65535 <raw 0201> urg 5 reserved 1 badsum 1   as no stack has it
//! 9.000  end                                   the capture ends here
//! repeat 60 0.020                              the last two segments, so often, each time so much later
//!        = client SYN_SENT/o, server LISTEN    states now; the letter of the certainty may be left out
//!        ! HS002 any words                     a finding of the whole transcript; any other fails it
//!        path client SYN_SENT ESTABLISHED      the states that stand, in order, of the last connection
//!        wait client 2.010 observed censored   a TIME_WAIT of any connection: start, how known, how it ended
//!        shape three-segment half-open-at-end  exactly these labels, of the last connection
//!        connections 2                         how many
//! hosts 10.0.0.1:80 10.0.0.1:81               other ends than those below: the client, the server
//! ```
//!
//! `>` is sent by 10.0.0.1:40000, called client here, `<` by 10.0.0.2:80. Sequence numbers are absolute; the second
//! one of `first:next(length)` counts payload only, as tcpdump has it. More words: `fill 66` for payload of that byte,
//! `broadcast 1` for the link layer's broadcast address. A transcript in which server says `client`
//! of the library's record does not exist: roles here are addresses.

use std::collections::BTreeSet;
use std::path::PathBuf;

use tcpscope::tcp::{Endpoint, Flags, State};

use super::packet::Shot;
use super::script::{Script, a, b, nanoseconds};

/// One transcript.
pub struct Transcript {
    pub file: String,
    pub script: Script,
    /// Checks of the states, each after so many segments.
    pub states: Vec<StateCheck>,
    pub rules: BTreeSet<String>,
    pub paths: Vec<(Endpoint, Vec<State>)>,
    pub waits: Vec<Wait>,
    pub shape: Option<BTreeSet<String>>,
    pub connections: Option<usize>,
    hosts: Option<[Endpoint; 2]>,
}

/// The states after the first `after` segments.
pub struct StateCheck {
    pub line: usize,
    pub after: usize,
    pub at_end: bool,
    pub ends: Vec<(Endpoint, State, Option<char>)>,
}

/// A TIME_WAIT.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Wait {
    pub holder: Endpoint,
    pub start: i64,
    pub certainty: String,
    pub end_kind: String,
}

/// Every transcript of the folder, by file name.
pub fn all() -> Vec<Transcript> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts");
    let mut files: Vec<PathBuf> = std::fs::read_dir(&folder)
        .expect("the folder is part of the project")
        .flatten()
        .map(|e| e.path())
        .collect();
    files.retain(|f| f.extension().is_some_and(|e| e == "txt"));
    files.sort();
    files.iter().map(read).collect()
}

/// The name a transcript gives an endpoint.
pub fn end_name(end: Endpoint) -> &'static str {
    if end == a() { "client" } else { "server" }
}

fn read(path: &PathBuf) -> Transcript {
    let text = std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    assert!(text.starts_with("# "), "{file}: the first line is `# title`");
    let mut transcript = Transcript {
        file,
        script: Script::default(),
        states: Vec::new(),
        rules: BTreeSet::new(),
        paths: Vec::new(),
        waits: Vec::new(),
        shape: None,
        connections: None,
        hosts: None,
    };
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if !line.is_empty() && !line.starts_with('#') {
            transcript.line(number + 1, line);
        }
    }
    assert!(!transcript.script.shots.is_empty(), "{}: no segments", transcript.file);
    assert!(!transcript.states.is_empty(), "{}: checks no states", transcript.file);
    if let Some(hosts) = transcript.hosts {
        transcript.rename(hosts);
    }
    transcript
}

impl Transcript {
    /// Puts other ends in the place of the usual ones.
    fn rename(&mut self, [client, server]: [Endpoint; 2]) {
        let name = |end: &mut Endpoint| *end = if *end == a() { client } else { server };
        for shot in &mut self.script.shots {
            name(&mut shot.src);
            name(&mut shot.dst);
        }
        self.states.iter_mut().flat_map(|s| &mut s.ends).for_each(|(end, ..)| name(end));
        self.paths.iter_mut().for_each(|(end, _)| name(end));
        self.waits.iter_mut().for_each(|wait| name(&mut wait.holder));
    }

    fn line(&mut self, number: usize, line: &str) {
        let place = format!("{}:{number}", self.file);
        let (head, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let rest = rest.trim();
        match head {
            "=" => self.states.push(StateCheck {
                line: number,
                after: self.script.shots.len(),
                at_end: self.script.end.is_some(),
                ends: rest.split(',').map(|e| state(e.trim(), &place)).collect(),
            }),
            "!" => drop(self.rules.insert(rest.split(' ').next().unwrap_or_default().into())),
            "path" => self.paths.push(path(rest, &place)),
            "wait" => self.waits.push(wait(rest, &place)),
            "shape" => {
                self.shape = Some(rest.split_whitespace().filter(|w| *w != "-").map(String::from).collect())
            }
            "hosts" => {
                let mut ends = rest.split_whitespace().map(super::script::endpoint);
                self.hosts = ends.next().zip(ends.next()).map(<[Endpoint; 2]>::from);
                assert!(self.hosts.is_some(), "{place}: hosts {rest}");
            }
            "repeat" => self.repeat(rest, &place),
            "connections" => {
                self.connections = Some(rest.parse().unwrap_or_else(|_| panic!("{place}: {rest}")))
            }
            _ if rest == "end" => self.script.end = Some(nanoseconds(head)),
            _ => {
                assert!(self.script.end.is_none(), "{place}: a segment after the end");
                let id = FIRST_IP_ID + self.script.shots.len() as u16;
                self.script.shots.push(shot(nanoseconds(head), rest, id, &place));
            }
        }
    }
}

impl Transcript {
    fn repeat(&mut self, text: &str, place: &str) {
        let (count, step) = text.split_once(' ').unwrap_or_else(|| panic!("{place}: repeat {text}"));
        let count: i64 = count.parse().unwrap_or_else(|_| panic!("{place}: repeat {text}"));
        let from = self.script.shots.len().checked_sub(2).unwrap_or_else(|| panic!("{place}: repeats what?"));
        let pair = self.script.shots[from..].to_vec();
        for round in 1..=count {
            for shot in &pair {
                let ip_id = FIRST_IP_ID + self.script.shots.len() as u16;
                let at = shot.at + round * nanoseconds(step);
                self.script.shots.push(Shot { at, ip_id, ..shot.clone() });
            }
        }
    }
}

fn shot(at: i64, text: &str, id: u16, place: &str) -> Shot {
    let (text, options) = match text.split_once('<').filter(|(before, _)| !before.trim().is_empty()) {
        Some((before, after)) => {
            let (options, after) =
                after.split_once('>').unwrap_or_else(|| panic!("{place}: options never end"));
            (format!("{before} {after}"), options)
        }
        None if text.starts_with('<') => match text[1..].split_once('<') {
            Some((before, after)) => {
                let (options, after) =
                    after.split_once('>').unwrap_or_else(|| panic!("{place}: options never end"));
                (format!("< {before} {after}"), options)
            }
            None => (text.to_string(), ""),
        },
        None => (text.to_string(), ""),
    };
    let mut words = text.split_whitespace();
    let (src, dst) = match words.next() {
        Some(">") => (a(), b()),
        Some("<") => (b(), a()),
        other => panic!("{place}: neither > nor <: {other:?}"),
    };
    let flags = flags(words.next().unwrap_or_default(), place);
    let mut shot = Shot::new(at, src, dst, flags, id);
    let numbers = words.next().unwrap_or_default();
    (shot.seq, shot.len) = span(numbers, place);
    while let Some(key) = words.next() {
        let value =
            words.next().and_then(|v| v.parse().ok()).unwrap_or_else(|| panic!("{place}: {key} what?"));
        match key {
            "ack" => shot.ack = value,
            "win" => shot.window = value as u16,
            "id" => shot.ip_id = value as u16,
            "ttl" => shot.ttl = value as u8,
            "fill" => shot.fill = Some(value as u8),
            "broadcast" => shot.broadcast = value == 1,
            "urg" => shot.urgent = value as u16,
            "reserved" => shot.reserved = value as u8,
            "badsum" => shot.bad_checksum = value != 0,
            _ => panic!("{place}: unknown word {key}"),
        }
    }
    set_options(&mut shot, options, place);
    shot
}

/// `100:110(10)` to first number and length; the three must agree.
fn span(text: &str, place: &str) -> (u32, u32) {
    let read = || {
        let (first, rest) = text.split_once(':')?;
        let (next, len) = rest.strip_suffix(')')?.split_once('(')?;
        Some((first.parse::<u32>().ok()?, next.parse::<u32>().ok()?, len.parse::<u32>().ok()?))
    };
    let (first, next, len) = read().unwrap_or_else(|| panic!("{place}: not first:next(length): {text}"));
    assert_eq!(first.wrapping_add(len), next, "{place}: {text} does not add up");
    (first, len)
}

fn set_options(shot: &mut Shot, options: &str, place: &str) {
    for option in options.split(',').map(str::trim).filter(|o| !o.is_empty()) {
        let words: Vec<&str> = option.split_whitespace().collect();
        let value = |i: usize| -> u32 {
            words.get(i).and_then(|v| v.parse().ok()).unwrap_or_else(|| panic!("{place}: option {option}"))
        };
        match words[0] {
            "mss" => shot.mss = Some(value(1) as u16),
            "wscale" => shot.window_scale = Some(value(1) as u8),
            "TS" => shot.timestamps = Some((value(2), value(4))),
            "sackOK" => shot.sack_permitted = true,
            "raw" => shot.raw_options = hex(words.get(1).unwrap_or(&""), place),
            "nop" => {}
            _ => panic!("{place}: unknown option {option}"),
        }
    }
}

/// `0201` to two bytes.
fn hex(text: &str, place: &str) -> Vec<u8> {
    let byte = |at: usize| text.get(at..at + 2).and_then(|two| u8::from_str_radix(two, 16).ok());
    (0..text.len())
        .step_by(2)
        .map(|at| byte(at).unwrap_or_else(|| panic!("{place}: not hex: {text}")))
        .collect()
}

fn flags(text: &str, place: &str) -> Flags {
    let letters = text.strip_prefix("none").unwrap_or(text);
    letters.chars().fold(Flags::default(), |all, letter| {
        all | match letter {
            'F' => Flags::FIN,
            'S' => Flags::SYN,
            'R' => Flags::RST,
            'P' => Flags::PSH,
            '.' => Flags::ACK,
            'U' => Flags::URG,
            'E' => Flags::ECE,
            'W' => Flags::CWR,
            'e' => Flags::AE,
            _ => panic!("{place}: no flag {letter}"),
        }
    })
}

fn end(text: &str, place: &str) -> Endpoint {
    match text {
        "client" => a(),
        "server" => b(),
        _ => panic!("{place}: neither client nor server: {text}"),
    }
}

fn state(text: &str, place: &str) -> (Endpoint, State, Option<char>) {
    let (who, what) = text.split_once(' ').unwrap_or_else(|| panic!("{place}: {text}"));
    let (name, certainty) = what.split_once('/').map_or((what, None), |(n, c)| (n, c.chars().next()));
    (end(who, place), named_state(name, place), certainty)
}

fn named_state(name: &str, place: &str) -> State {
    let found = State::ALL.into_iter().find(|s| s.name() == name);
    found.unwrap_or_else(|| panic!("{place}: no state is printed as {name}"))
}

fn path(text: &str, place: &str) -> (Endpoint, Vec<State>) {
    let mut words = text.split_whitespace();
    let who = end(words.next().unwrap_or_default(), place);
    (who, words.map(|w| named_state(w, place)).collect())
}

fn wait(text: &str, place: &str) -> Wait {
    let words: Vec<&str> = text.split_whitespace().collect();
    let [who, start, certainty, end_kind] = words[..] else { panic!("{place}: {text}") };
    Wait {
        holder: end(who, place),
        start: nanoseconds(start),
        certainty: certainty.into(),
        end_kind: end_kind.into(),
    }
}

/// IP-IDs that transcripts do not give count up from here.
const FIRST_IP_ID: u16 = 1000;
