//! tshark's counts over the shared captures: segments and payload of every pair of endpoints, and their streams.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use tcpscope::config::DecodeConfig;
use tcpscope::decode::Decoder;
use tcpscope::source::{FileOptions, Files, Next, Source};
use tcpscope::tcp::Endpoint;
use tcpscope::track::Role;

use crate::support::captures::{Analyzed, all, json_lines, list, pair, pair_of};
use crate::support::known::{against_known, faults, no_complaints};
use crate::support::run::Seen;
use crate::support::shared::shared;

/// What one endpoint sent to another, by both.
type Traffic = BTreeMap<(Endpoint, Endpoint), Sent>;

#[derive(Clone, Copy, Default)]
struct Sent {
    segments: u64,
    bytes: u64,
    /// Copies of packets, which we drop: they count as segments, but their payload is not in `bytes`.
    copies: u64,
}

/// The decoder alone, which drops no copies, and the records.
#[test]
fn every_pair_of_endpoints_has_tsharks_segments_and_bytes() {
    let Some(truth) = truth("tshark") else { return };
    let folder = shared("tshark").expect("it was there").join("captures");
    let analyzed = all("tshark").expect("it was there");
    let mut found = BTreeMap::new();
    for (capture, streams) in &truth {
        let theirs = expected(streams);
        let by_decoder = difference(&theirs, &decoded(&folder.join(capture)));
        let by_tracker = match analyzed.get(capture).map(|a| a.seen.as_ref()) {
            Some(Ok(seen)) => difference(&theirs, &tracked(seen)),
            Some(Err(error)) => Some(error.clone()).filter(|_| !streams.is_empty()),
            None => Some("not in the list of captures".to_string()).filter(|_| !streams.is_empty()),
        };
        found.extend(by_decoder.or(by_tracker).map(|first| (capture.clone(), first)));
    }
    let equal = truth.len() - faults("tshark", &found);
    let with_streams = truth.values().filter(|s| !s.is_empty()).count();
    eprintln!(
        "tshark: {} of {} captures equal, {equal} with those misread there ({with_streams} have streams)",
        truth.len() - found.len(),
        truth.len()
    );
    no_complaints("tshark", &against_known("tshark", &found));
    assert!(equal * 100 >= truth.len() * 99, "tshark: fewer than 99 % equal");
}

#[test]
fn every_packet_of_every_capture_is_accounted_for() {
    let Some(analyzed) = all("accounting") else { return };
    let mut found = BTreeMap::new();
    let mut wrong = Vec::new();
    for (file, Analyzed { listed, seen }) in analyzed {
        match seen {
            Ok(seen) if !seen.adds_up() => wrong.push(format!("{file}: {:?}", seen.summary)),
            Ok(seen) => found.extend(listed.difference(seen.tcp_packets())),
            Err(error) if listed.libpcap == "ok" => wrong.push(format!("{file}: {error}")),
            Err(error) => eprintln!("{file}: {error} (libpcap: {})", listed.libpcap),
        }
    }
    wrong.extend(against_known("tcp_packets", &found));
    no_complaints("accounting", &wrong);
}

/// Where a record says which stream Wireshark calls it, that stream has the same endpoints and began there.
#[test]
fn streams_have_wiresharks_numbers_and_completeness() {
    let Some(truth) = truth("streams") else { return };
    let analyzed = all("streams").expect("it was there");
    let mut found = BTreeMap::new();
    let (mut numbered, mut records) = (0, 0);
    for (capture, streams) in &truth {
        let Some(Ok(seen)) = analyzed.get(capture).map(|a| a.seen.as_ref()) else { continue };
        let wrong = stream_differences(streams, seen);
        numbered += seen.records.iter().filter(|r| r.stream.is_some()).count();
        records += seen.records.len();
        found.extend(wrong.into_iter().next().map(|first| (capture.clone(), first)));
    }
    eprintln!("streams: {numbered} of {records} records numbered, {} captures differ", found.len());
    assert!(numbered * 2 > records, "fewer than half of the records say their stream");
    no_complaints("streams", &against_known("streams", &found));
}

/// Printed, not judged: Wireshark's heuristics are not ours.
#[test]
fn analysis_counts_are_of_wiresharks_size() {
    let Some(truth) = truth("analysis counts") else { return };
    let analyzed = all("analysis counts").expect("it was there");
    let mut theirs: BTreeMap<&str, u64> = BTreeMap::new();
    let mut ours: BTreeMap<&str, u64> = BTreeMap::new();
    for (capture, streams) in &truth {
        for (word, kinds) in WORDS {
            let sum = streams
                .iter()
                .map(|s| {
                    ["a2b", "b2a"]
                        .map(|d| kinds.iter().map(|k| s[d]["analysis"][k].as_u64().unwrap_or(0)).sum::<u64>())
                        .iter()
                        .sum::<u64>()
                })
                .sum::<u64>();
            *theirs.entry(word).or_default() += sum;
        }
        let Some(Ok(seen)) = analyzed.get(capture).map(|a| a.seen.as_ref()) else { continue };
        for flow in seen.records.iter().flat_map(|r| [r.sent.client, r.sent.server]) {
            *ours.entry("retransmissions").or_default() += u64::from(flow.retransmissions);
            *ours.entry("out of order").or_default() += u64::from(flow.out_of_order);
            *ours.entry("keep-alives").or_default() += u64::from(flow.keep_alives);
            *ours.entry("zero windows").or_default() += u64::from(flow.zero_windows);
            *ours.entry("duplicate acks").or_default() += u64::from(flow.duplicate_acks);
        }
    }
    for (word, _) in WORDS {
        eprintln!("{word}: {} here, {} in tshark", ours.get(word).unwrap_or(&0), theirs[word]);
    }
    assert!(ours.get("retransmissions").is_some_and(|n| *n > 0), "no retransmission in all captures");
}

/// tshark's streams by capture; captures in which it found none are there too, and must have none for us.
fn truth(test: &str) -> Option<BTreeMap<String, Vec<Value>>> {
    let folder = shared(test)?.join("captures");
    let mut truth: BTreeMap<String, Vec<Value>> =
        list(&folder).into_iter().map(|listed| (listed.file, Vec::new())).collect();
    for row in json_lines(&folder.join("truth/truth_tshark.jsonl.gz")) {
        let capture = row["capture"].as_str().expect("a capture").to_string();
        truth.entry(capture).or_default().push(row);
    }
    let with_streams = truth.values().filter(|s| !s.is_empty()).count();
    assert!(with_streams >= 440, "only {with_streams} captures with streams in tshark's truth");
    Some(truth)
}

fn expected(streams: &[Value]) -> Traffic {
    let mut traffic = Traffic::new();
    for stream in streams {
        let (a, b) = (endpoint(&stream["a"]), endpoint(&stream["b"]));
        for (direction, ends) in [("a2b", (a, b)), ("b2a", (b, a))] {
            let count = |key: &str| stream[direction][key].as_u64().unwrap_or_else(|| panic!("{stream}"));
            add(&mut traffic, ends, (count("pkts"), count("payload"), 0));
        }
    }
    traffic
}

fn tracked(seen: &Seen) -> Traffic {
    let mut traffic = Traffic::new();
    for r in &seen.records {
        let (client, server) = (*r.endpoints.of(Role::Client), *r.endpoints.of(Role::Server));
        for (ends, flow) in [((client, server), &r.sent.client), ((server, client), &r.sent.server)] {
            let copies = u64::from(flow.duplicates);
            add(&mut traffic, ends, (flow.segments + copies, flow.payload_bytes, copies));
        }
    }
    traffic
}

fn decoded(path: &std::path::Path) -> Traffic {
    let mut traffic = Traffic::new();
    let mut decoder = Decoder::new(DecodeConfig::default());
    let mut source = Files::open([path], &FileOptions::default()).expect("no filter to be wrong");
    while let Ok(Next::Packet(packet)) = source.next() {
        if let Ok(segment) = decoder.decode(&packet) {
            add(&mut traffic, (segment.src, segment.dst), (1, segment.payload_len.into(), 0));
        }
    }
    traffic
}

fn add(traffic: &mut Traffic, ends: (Endpoint, Endpoint), (segments, bytes, copies): (u64, u64, u64)) {
    let entry = traffic.entry(ends).or_default();
    entry.segments += segments;
    entry.bytes += bytes;
    entry.copies += copies;
}

/// The first difference; where copies were dropped, payload may be less, by theirs.
fn difference(theirs: &Traffic, ours: &Traffic) -> Option<String> {
    let keys: BTreeSet<_> = theirs.keys().chain(ours.keys()).collect();
    keys.into_iter().find_map(|key @ (src, dst)| {
        let of = |t: &Traffic| t.get(key).copied().unwrap_or_default();
        let (theirs, ours) = (of(theirs), of(ours));
        let same_bytes = ours.bytes == theirs.bytes || (ours.copies > 0 && ours.bytes < theirs.bytes);
        (ours.segments != theirs.segments || !same_bytes).then(|| {
            format!(
                "{src} > {dst}: {} segments and {} bytes, tshark {} and {}",
                ours.segments, ours.bytes, theirs.segments, theirs.bytes
            )
        })
    })
}

fn stream_differences(streams: &[Value], seen: &Seen) -> Vec<String> {
    let mut wrong = Vec::new();
    let numbered: BTreeMap<u64, Stream> = streams.iter().filter_map(Stream::of).collect();
    let mut theirs: BTreeMap<(Endpoint, Endpoint), usize> = BTreeMap::new();
    numbered.values().for_each(|s| *theirs.entry(s.ends).or_default() += 1);
    let mut ours: BTreeMap<(Endpoint, Endpoint), usize> = BTreeMap::new();
    seen.records.iter().for_each(|r| *ours.entry(pair_of(r)).or_default() += 1);
    // Records are sorted by id: the first one of a stream began it, later ones are what we call connections of their own.
    let mut began = BTreeSet::new();
    for record in &seen.records {
        let Some(number) = record.stream else { continue };
        let ends = pair_of(record);
        let Some(stream) = numbered.get(&number.into()) else {
            wrong.push(format!("record {} says stream {number}, tshark has none", record.id));
            continue;
        };
        if stream.ends != ends {
            wrong.push(format!("record {} says stream {number}, which has other endpoints", record.id));
        } else if stream.first_frame > record.id || (began.insert(number) && stream.first_frame != record.id)
        {
            let began = stream.first_frame;
            wrong.push(format!("record {} says stream {number}, which began at {began}", record.id));
        }
        let only = ours.get(&ends) == Some(&1) && theirs.get(&ends) == Some(&1);
        let (ours, theirs) = (u64::from(record.completeness), stream.completeness);
        if only && theirs.is_some_and(|theirs| theirs != ours) {
            wrong.push(format!("stream {number}: completeness {ours}, tshark {theirs:?}"));
        }
    }
    wrong
}

/// What is compared of one of tshark's streams.
struct Stream {
    ends: (Endpoint, Endpoint),
    first_frame: u64,
    /// `None` where it could not read the header whole.
    completeness: Option<u64>,
}

impl Stream {
    /// Its number, and the rest; `None` where a header was cut before tshark could number its stream.
    fn of(row: &Value) -> Option<(u64, Self)> {
        let ends = pair(endpoint(&row["a"]), endpoint(&row["b"]));
        let first_frame = row["first_frame"].as_u64().unwrap_or_else(|| panic!("first_frame of {row}"));
        let completeness = row["completeness"].as_u64();
        Some((row["stream"].as_u64()?, Self { ends, first_frame, completeness }))
    }
}

fn endpoint(value: &Value) -> Endpoint {
    let text = value.as_str().unwrap_or_else(|| panic!("no endpoint: {value}"));
    let (addr, port) = text.split_once('|').unwrap_or_else(|| panic!("no port: {text}"));
    let addr = addr.parse().unwrap_or_else(|e| panic!("{text}: {e}"));
    Endpoint::new(addr, port.parse().unwrap_or_else(|e| panic!("{text}: {e}")))
}

/// Our word, and the names under `tcp.analysis` that it covers.
const WORDS: [(&str, &[&str]); 5] = [
    ("retransmissions", &["retransmission", "fast_retransmission", "spurious_retransmission"]),
    ("out of order", &["out_of_order"]),
    ("keep-alives", &["keep_alive"]),
    ("zero windows", &["zero_window"]),
    ("duplicate acks", &["duplicate_ack"]),
];
