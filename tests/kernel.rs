//! The kernel's own log: each end's states are those the kernel went through, as far as the wire shows them.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;
use tcpscope::config::Config;
use tcpscope::tcp::{Duration, Endpoint, State, Timestamp};
use tcpscope::track::{Reason, Record, Role};

use crate::support::captures::{analyze, pair, pair_of};
use crate::support::known::{against_known, no_complaints};
use crate::support::run::{Seen, standing_states};
use crate::support::shared::shared;

#[test]
fn paths_are_the_kernels() {
    let Some(scenarios) = scenarios("kernel paths") else { return };
    let (mut found, mut compared, mut equal) = (BTreeMap::new(), 0, 0);
    for capture in scenarios.iter().flat_map(|s| &s.captures) {
        let table = compare(capture);
        compared += table.compared;
        equal += table.compared - table.differences.len();
        eprintln!("{:34} {:4} ends, {:3} differ", capture.file, table.compared, table.differences.len());
        found.extend(table.differences);
    }
    eprintln!("kernel: {equal} of {compared} paths equal");
    assert!(compared >= 1814, "only {compared} ends compared");
    no_complaints("kernel paths (ours | kernel's)", &against_known("kernel", &found));
}

#[test]
fn time_waits_are_held_and_started_as_in_the_kernel() {
    let Some(scenarios) = scenarios("kernel TIME_WAIT") else { return };
    let mut found = BTreeMap::new();
    let mut held = 0;
    for capture in scenarios.iter().flat_map(|s| &s.captures) {
        let (differences, n) = compare_waits(capture);
        found.extend(differences);
        held += n;
    }
    eprintln!("kernel: {} of {held} TIME_WAITs equal", held - found.len());
    assert!(held >= 679, "only {held} TIME_WAITs compared");
    no_complaints("kernel TIME_WAIT", &against_known("time_waits", &found));
}

/// One recorded run of the kernel.
struct Scenario {
    captures: Vec<Capture>,
}

/// One capture of it, with what the kernel did meanwhile and this place could see.
struct Capture {
    file: String,
    /// The namespace it was taken in.
    namespace: String,
    start: i64,
    stop: i64,
    sides: Vec<Side>,
    seen: Seen,
}

/// One end of one connection in the kernel.
struct Side {
    connection: u64,
    local: Endpoint,
    remote: Endpoint,
    namespace: String,
    /// Time in nanoseconds, state.
    states: Vec<(i64, State)>,
    time_wait: Option<Span>,
    /// Which use of the pair of endpoints this is, from 0.
    incarnation: usize,
}

/// The log's earliest and latest time for the same thing.
#[derive(Clone, Copy)]
struct Span {
    from: i64,
    to: i64,
}

#[derive(Default)]
struct Table {
    compared: usize,
    differences: BTreeMap<String, String>,
}

fn compare(capture: &Capture) -> Table {
    let mut table = Table::default();
    let mut matched: Vec<u64> = Vec::new();
    for side in &capture.sides {
        let key = format!("{}\t{} {}", capture.file, side.connection, side.local);
        let Some((record, role)) = record_of(&capture.seen, side) else {
            table.compared += 1;
            table.differences.insert(key, format!("no record | {}", names(&side_states(side))));
            continue;
        };
        matched.push(record.id);
        let (ours, kernels) = paths(record, role, side, capture);
        table.compared += 1;
        if ours != kernels {
            table.differences.insert(key, format!("{} | {}", names(&ours), names(&kernels)));
        }
    }
    for record in capture.seen.records.iter().filter(|r| !matched.contains(&r.id) && !may_lack_a_socket(r)) {
        let ends = format!("{} {}", record.endpoints.client, record.endpoints.server);
        table
            .differences
            .insert(format!("{}\trecord {}", capture.file, record.id), format!("{ends} | no socket"));
    }
    table
}

/// Both paths without what this capture could not show; each allowance has its reason.
fn paths(record: &Record, role: Role, side: &Side, capture: &Capture) -> (Vec<State>, Vec<State>) {
    let mut ours = standing_states(record, role);
    let mut states = side.states.clone();
    // "After the capture": the log runs on when packets are no longer captured.
    states.retain(|(at, _)| *at <= capture.stop);
    // "CLOSED by a timer": no packet shows when, so it counts on neither side.
    let last = record.path(role).last();
    let closed_at = last.filter(|t| t.to == State::Closed && t.reason != Reason::Timeout).map(|t| t.at);
    if last.is_some_and(|t| t.to == State::Closed && t.reason == Reason::Timeout) {
        ours.pop();
        pop_closed(&mut states, |_| true);
    }
    let near = |at: i64| closed_at.is_some_and(|c| c.since(Timestamp(at)).0.abs() < SECOND);
    if states.last().is_some_and(|(at, _)| !near(*at)) {
        let timed = [State::TimeWait, State::FinWait2, State::SynReceived, State::SynSent];
        pop_closed(&mut states, |before| timed.contains(&before));
    }
    // "FIN_WAIT_2 of no duration": a segment with FIN and ACK passes through it within microseconds.
    let brief = states.windows(2).any(|w| w[0].1 == State::FinWait2 && w[1].0 - w[0].0 < MILLISECOND);
    if brief && !ours.contains(&State::FinWait2) {
        states.retain(|(_, s)| *s != State::FinWait2);
    }
    // "FIN queued, never sent": close() moves the kernel at once, while a closed window keeps the FIN back.
    if record.sent.of(role).fin == 0 && states.last().is_some_and(|(_, s)| *s == State::FinWait1) {
        states.pop();
    }
    let mut kernels: Vec<State> = states.iter().map(|(_, s)| *s).filter(|s| *s != State::Listen).collect();
    // "Midstream": what was before the capture began is the kernel's alone.
    if starts_midstream(record, side, capture) {
        ours.retain(|s| !OPENING.contains(s));
        kernels.retain(|s| !OPENING.contains(s));
    }
    (ours, kernels)
}

/// Takes away a final CLOSED that followed on a state that `of` accepts.
fn pop_closed(states: &mut Vec<(i64, State)>, of: impl Fn(State) -> bool) {
    if let [.., (_, before), (_, State::Closed)] = states[..]
        && of(before)
    {
        states.pop();
    }
}

fn compare_waits(capture: &Capture) -> (BTreeMap<String, String>, usize) {
    let mut differences = BTreeMap::new();
    let mut held = 0;
    for side in &capture.sides {
        let Some((record, role)) = record_of(&capture.seen, side) else { continue };
        let ours = record.time_wait.iter().find(|w| w.endpoint == role);
        let kernels = side.time_wait.filter(|span| span.to <= capture.stop);
        held += usize::from(ours.is_some() && kernels.is_some());
        let wrong = match (ours, kernels) {
            (Some(ours), Some(kernels)) => off(ours.start, kernels, slack(record, side, capture)),
            (None, None) => None,
            (Some(_), None) => Some("TIME_WAIT that the kernel never had".to_string()),
            (None, Some(_)) => Some("TIME_WAIT of the kernel is missing".to_string()),
        };
        let key = format!("{}\t{} {}", capture.file, side.connection, side.local);
        differences.extend(wrong.map(|wrong| (key, wrong)));
    }
    (differences, held)
}

/// How far a start lies outside what the log allows.
fn off(ours: Timestamp, kernels: Span, slack: Duration) -> Option<String> {
    let (early, late) = (Timestamp(kernels.from).since(ours), ours.since(Timestamp(kernels.to)));
    if early > slack {
        Some(format!("TIME_WAIT begins {early} early, {slack} allowed"))
    } else if late > slack {
        Some(format!("TIME_WAIT begins {late} late, {slack} allowed"))
    } else {
        None
    }
}

/// "One-way delay": what the far end sends was sent before it is captured, and what is captured reaches it later, by no
/// more than the round trip that this capture's own handshake shows, or else the longest of the emulated links.
fn slack(record: &Record, side: &Side, capture: &Capture) -> Duration {
    if side.namespace == capture.namespace {
        return NEAR;
    }
    NEAR + record.open.rtt.unwrap_or(LONGEST_DELAY).min(LONGEST_DELAY)
}

/// Sockets have no kernel log where SYN cookies, a drop or a refusal left none: such a server never got further.
fn may_lack_a_socket(record: &Record) -> bool {
    standing_states(record, Role::Server).iter().all(|s| matches!(s, State::SynReceived | State::Closed))
}

fn starts_midstream(record: &Record, side: &Side, capture: &Capture) -> bool {
    record.visibility.midstream && side.states.first().is_some_and(|(at, _)| *at < capture.start)
}

/// The record of a socket: the same endpoints, the same place in their order of use.
fn record_of<'a>(seen: &'a Seen, side: &Side) -> Option<(&'a Record, Role)> {
    let mut records = seen.records.iter().filter(|r| pair_of(r) == pair(side.local, side.remote));
    let record = records.nth(side.incarnation)?;
    let role = if record.endpoints.client == side.local { Role::Client } else { Role::Server };
    Some((record, role))
}

fn side_states(side: &Side) -> Vec<State> {
    side.states.iter().map(|(_, s)| *s).collect()
}

fn names(path: &[State]) -> String {
    path.iter().map(|s| s.name()).collect::<Vec<_>>().join(">")
}

fn scenarios(test: &str) -> Option<Vec<Scenario>> {
    let folder = shared(test)?.join("kernel");
    let mut files: Vec<_> =
        std::fs::read_dir(&folder).expect("a folder").flatten().map(|e| e.path()).collect();
    files.retain(|f| f.to_string_lossy().ends_with(".truth.json"));
    files.sort();
    assert!(files.len() >= 28, "only {} scenarios", files.len());
    Some(files.iter().map(|f| scenario(&folder, f)).collect())
}

fn scenario(folder: &Path, file: &Path) -> Scenario {
    let text = std::fs::read_to_string(file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    let truth: Value = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    let captures = array(&truth["captures"]).iter().map(|c| capture(folder, &truth, c)).collect();
    Scenario { captures }
}

fn capture(folder: &Path, truth: &Value, capture: &Value) -> Capture {
    let file = text(&capture["file"]);
    let seen = analyze(&folder.join(&file), &Config::default()).unwrap_or_else(|e| panic!("{file}: {e}"));
    assert!(seen.adds_up(), "{file}: {:?}", seen.summary);
    let mut all = Capture {
        namespace: text(&capture["ns"]),
        start: nanoseconds(&capture["start"]),
        stop: nanoseconds(&capture["stop"]),
        sides: Vec::new(),
        seen,
        file,
    };
    let interface = text(&capture["iface"]);
    let mut uses: BTreeMap<(Endpoint, Endpoint), (usize, u64)> = BTreeMap::new();
    for (id, connection) in array(&truth["connections"]).iter().enumerate() {
        for end in ["a", "b"] {
            let Some(mut side) = side(&connection[end], id as u64) else { continue };
            if !visible(&side, &interface, &all) {
                continue;
            }
            let used = uses.entry(pair(side.local, side.remote)).or_insert((0, id as u64));
            if used.1 != id as u64 {
                *used = (used.0 + 1, id as u64);
            }
            side.incarnation = used.0;
            all.sides.push(side);
        }
    }
    all
}

/// Whether packets of a socket pass the interface while it is captured.
fn visible(side: &Side, interface: &str, capture: &Capture) -> bool {
    let loopback = side.local.addr.is_loopback() || side.local.addr == side.remote.addr;
    let here = match interface {
        "lo" => loopback && side.namespace == capture.namespace,
        "any" => !loopback || side.namespace == capture.namespace,
        _ => !loopback,
    };
    let began = side.states.first().is_some_and(|(at, _)| *at <= capture.stop);
    // The last state that a packet could show; the end of TIME_WAIT is not one.
    let shown = side.states.iter().rev().find(|(_, s)| *s != State::Closed);
    here && began && shown.is_some_and(|(at, s)| *at >= capture.start || *s == State::Established)
}

fn side(end: &Value, connection: u64) -> Option<Side> {
    if end.is_null() {
        return None;
    }
    let states = array(&end["states"])
        .iter()
        .map(|s| {
            let name = text(&s["state"]);
            (nanoseconds(&s["t"]), State::parse(&name).unwrap_or_else(|| panic!("kernel state {name}")))
        })
        .collect();
    Some(Side {
        connection,
        local: endpoint(&end["local"]),
        remote: endpoint(&end["remote"]),
        namespace: text(&end["ns"]),
        states,
        time_wait: time_wait(&end["time_wait"]),
        incarnation: 0,
    })
}

/// When TIME_WAIT began. The kernel reports no step from FIN_WAIT_2 to TIME_WAIT where FIN_WAIT_2 has already become a
/// small socket: the log has it from the next look at the socket, 10 ms later at most, or from its timer being armed again,
/// for which there is no such bound.
fn time_wait(wait: &Value) -> Option<Span> {
    let to = (!wait["tw_start"].is_null()).then(|| nanoseconds(&wait["tw_start"]))?;
    let small_before = wait["armed"][0][3] == "FIN_WAIT2";
    let began = nanoseconds(&wait["start"]);
    let from = match (small_before, wait["tw_start_src"] == "diag") {
        (true, true) => began.max(to - BETWEEN_LOOKS),
        (true, false) => began,
        _ => to,
    };
    Some(Span { from, to })
}

fn endpoint(value: &Value) -> Endpoint {
    let addr = text(&value[0]).parse().unwrap_or_else(|e| panic!("{value}: {e}"));
    Endpoint::new(
        addr,
        value[1].as_u64().and_then(|p| u16::try_from(p).ok()).unwrap_or_else(|| panic!("{value}")),
    )
}

fn nanoseconds(value: &Value) -> i64 {
    (value.as_f64().unwrap_or_else(|| panic!("no time: {value}")) * 1e6).round() as i64 * 1000
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).into()
}

fn array(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or(&[])
}

const MILLISECOND: i64 = 1_000_000;
const SECOND: i64 = 1_000 * MILLISECOND;
/// States that only the opening shows.
const OPENING: [State; 3] = [State::Unknown, State::SynSent, State::SynReceived];
/// Scheduling between the state's log and the packet's stamp on one machine.
const NEAR: Duration = Duration::from_millis(1);
/// Of the emulated links.
const LONGEST_DELAY: Duration = Duration::from_millis(50);
/// Between two looks at all sockets, nanoseconds.
const BETWEEN_LOOKS: i64 = 10 * MILLISECOND;
