//! tshark's counts over the shared captures: segments and payload of every pair of endpoints, and their streams.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use tcpscope::config::DecodeConfig;
use tcpscope::decode::Decoder;
use tcpscope::source::{FileOptions, Files, Next, Source};
use tcpscope::tcp::Endpoint;
use tcpscope::track::Role;

use crate::support::captures::{Analyzed, all, json_lines, list, pair};
use crate::support::known::{against_known, faults, no_complaints};
use crate::support::run::Seen;
use crate::support::shared::shared;

/// Segments and payload bytes from the first endpoint to the second.
type Traffic = BTreeMap<(Endpoint, Endpoint), (u64, u64)>;

#[test]
fn decoding_finds_the_segments_and_bytes_that_tshark_finds() {
    let Some(truth) = truth("decoding against tshark") else { return };
    let folder = shared("decoding against tshark").expect("it was there").join("captures");
    let mut found = BTreeMap::new();
    for (capture, streams) in &truth {
        let differences = difference(&expected(streams), &decoded(&folder.join(capture)), false);
        found.extend(differences.into_iter().next().map(|first| (capture.clone(), first)));
    }
    report("decoding", &truth, &found);
}

#[test]
fn every_pair_of_endpoints_has_tsharks_segments_and_bytes() {
    let Some(truth) = truth("tshark") else { return };
    let analyzed = all("tshark").expect("it was there");
    let mut found = BTreeMap::new();
    for (capture, streams) in &truth {
        let ours = analyzed.get(capture).map(|a| a.seen.as_ref());
        let first = match ours {
            Some(Ok(seen)) => difference(&expected(streams), &tracked(seen), true).into_iter().next(),
            Some(Err(error)) => Some(error.clone()).filter(|_| !streams.is_empty()),
            None => Some("not in the list of captures".to_string()).filter(|_| !streams.is_empty()),
        };
        found.extend(first.map(|f| (capture.clone(), f)));
    }
    report("tracking", &truth, &found);
}

#[test]
fn every_packet_of_every_capture_is_accounted_for() {
    let Some(analyzed) = all("accounting") else { return };
    let mut found = BTreeMap::new();
    let mut wrong = Vec::new();
    for (file, Analyzed { listed, seen }) in analyzed {
        match seen {
            Ok(seen) if !seen.adds_up() => wrong.push(format!("{file}: {:?}", seen.summary)),
            Ok(seen) if seen.tcp_packets() != listed.tcp_packets => {
                let what = format!("{} TCP packets, not {}", seen.tcp_packets(), listed.tcp_packets);
                found.insert(file.clone(), what);
            }
            Ok(_) => {}
            Err(error) if listed.libpcap == "ok" => wrong.push(format!("{file}: {error}")),
            Err(error) => eprintln!("{file}: {error} (libpcap: {})", listed.libpcap),
        }
    }
    wrong.extend(against_known("packets", &found));
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

fn report(title: &str, truth: &BTreeMap<String, Vec<Value>>, found: &BTreeMap<String, String>) {
    let equal = truth.len() - faults("tshark", found);
    let with_streams = truth.values().filter(|s| !s.is_empty()).count();
    eprintln!(
        "{title}: {equal} of {} captures equal or misread there ({with_streams} have streams)",
        truth.len()
    );
    no_complaints(title, &against_known("tshark", found));
    assert!(equal * 100 >= truth.len() * 99, "{title}: fewer than 99 % equal");
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
            add(&mut traffic, ends, count("pkts"), count("payload"));
        }
    }
    traffic
}

fn tracked(seen: &Seen) -> Traffic {
    let mut traffic = Traffic::new();
    for r in &seen.records {
        let (client, server) = (*r.endpoints.of(Role::Client), *r.endpoints.of(Role::Server));
        for (ends, flow) in [((client, server), &r.sent.client), ((server, client), &r.sent.server)] {
            // tshark counts copies like all others; their payload is not in ours.
            add(&mut traffic, ends, flow.segments + u64::from(flow.duplicates), flow.payload_bytes);
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
            add(&mut traffic, (segment.src, segment.dst), 1, segment.payload_len.into());
        }
    }
    traffic
}

fn add(traffic: &mut Traffic, ends: (Endpoint, Endpoint), packets: u64, bytes: u64) {
    let entry = traffic.entry(ends).or_default();
    entry.0 += packets;
    entry.1 += bytes;
}

/// What differs; with copies dropped, payload may be less, by theirs.
fn difference(theirs: &Traffic, ours: &Traffic, copies_dropped: bool) -> Vec<String> {
    let keys: BTreeSet<_> = theirs.keys().chain(ours.keys()).collect();
    let mut wrong = Vec::new();
    for key @ (src, dst) in keys {
        let of = |t: &Traffic| t.get(key).copied().unwrap_or_default();
        let ((their_packets, their_bytes), (packets, bytes)) = (of(theirs), of(ours));
        let fewer = copies_dropped && bytes < their_bytes && packets == their_packets;
        if packets != their_packets || (bytes != their_bytes && !fewer) {
            wrong.push(format!(
                "{src} > {dst}: {packets} segments and {bytes} bytes, tshark {their_packets} and {their_bytes}"
            ));
        }
    }
    wrong
}

fn stream_differences(streams: &[Value], seen: &Seen) -> Vec<String> {
    let mut wrong = Vec::new();
    for record in &seen.records {
        let Some(number) = record.stream else { continue };
        let ends = pair(record.endpoints.client, record.endpoints.server);
        let Some(stream) = streams.iter().find(|s| s["stream"].as_u64() == Some(number.into())) else {
            wrong.push(format!("record {} says stream {number}, tshark has none", record.id));
            continue;
        };
        if pair(endpoint(&stream["a"]), endpoint(&stream["b"])) != ends {
            wrong.push(format!("record {} says stream {number}, which has other endpoints", record.id));
        } else if stream["first_frame"].as_u64() != Some(record.id) {
            wrong.push(format!(
                "record {} says stream {number}, which began at {}",
                record.id, stream["first_frame"]
            ));
        }
        let records =
            seen.records.iter().filter(|r| pair(r.endpoints.client, r.endpoints.server) == ends).count();
        let theirs = streams.iter().filter(|s| pair(endpoint(&s["a"]), endpoint(&s["b"])) == ends).count();
        let completeness = stream["completeness"].as_u64();
        if (records, theirs) == (1, 1) && completeness != Some(record.completeness.into()) {
            wrong.push(format!(
                "stream {number}: completeness {}, tshark {completeness:?}",
                record.completeness
            ));
        }
    }
    wrong
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
