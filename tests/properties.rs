//! What holds for any segments: no panic, nothing lost from the counts, prefixes agree, threads do not show.

use std::collections::BTreeSet;

use proptest::collection::vec;
use proptest::prelude::*;
use tcpscope::config::{Config, DecodeConfig};
use tcpscope::decode::Decoder;
use tcpscope::source::{Next, Source};
use tcpscope::tcp::{Checksum, Endpoint, Flags};
use tcpscope::track::Reason;

use crate::support::frames::source;
use crate::support::packet::{Shot, capture_time};
use crate::support::run::Seen;
use crate::support::script::{Script, a, b};

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn every_packet_is_counted_once(script in scripts(60, 1)) {
        let packets = script.shots.len() as u64;
        let seen = Seen::of_frames(script.frames());
        prop_assert_eq!(seen.summary.packets, packets);
        prop_assert!(seen.adds_up(), "{:?}", seen.summary);
        let segments: u64 = seen.records.iter().map(|r| r.sent.client.segments + r.sent.server.segments).sum();
        prop_assert_eq!(segments, seen.summary.segments);
        prop_assert_eq!(seen.records.len() as u64, seen.summary.connections);
    }

    #[test]
    fn a_built_segment_decodes_to_itself(script in scripts(20, 3)) {
        let mut source = source(script.frames());
        let mut decoder = Decoder::new(DecodeConfig::default());
        for shot in &script.shots {
            let Ok(Next::Packet(packet)) = source.next() else { panic!("too few packets") };
            let segment = decoder.decode(&packet).expect("a segment");
            prop_assert_eq!((segment.src, segment.dst, segment.time), (shot.src, shot.dst, capture_time(shot.at)));
            prop_assert_eq!((segment.seq.0, segment.ack.0, segment.flags), (shot.seq, shot.ack, shot.flags));
            prop_assert_eq!((segment.payload_len, segment.captured_payload), (shot.len, shot.len));
            prop_assert_eq!((segment.window, segment.ip.id, segment.ip.ttl), (shot.window, Some(shot.ip_id), shot.ttl));
            prop_assert_eq!(segment.checksum, Checksum::Good);
        }
    }

    #[test]
    fn the_path_leads_to_the_state(script in scripts(40, 1)) {
        for record in Seen::of_frames(script.frames()).records {
            for role in [tcpscope::track::Role::Client, tcpscope::track::Role::Server] {
                let path: Vec<_> = record.path(role).collect();
                if let Some(last) = path.last() {
                    prop_assert_eq!(last.to, *record.state.of(role), "{:?}", record);
                }
                for pair in path.windows(2) {
                    prop_assert_eq!(pair[0].to, pair[1].from, "{:?}", record.transitions);
                }
            }
        }
    }

    #[test]
    fn a_prefix_of_a_capture_gives_a_prefix_of_the_steps(script in scripts(40, 1), cut in 0_usize..40) {
        let cut = cut.min(script.shots.len());
        let whole = steps(&Seen::of_frames(script.frames()), cut as u64);
        // A SYN that does not fit its connection waits for its answer: its step may come with a later packet.
        let shots = script.shots.iter().take(cut).cloned().collect();
        let prefix = steps(&Seen::of_frames(Script { shots, end: None }.frames()), cut as u64);
        let opens = |step: &(u64, Endpoint, String)| step.2 == "CLOSED > SYN_SENT";
        let missing: Vec<_> = whole.difference(&prefix).filter(|s| !opens(s)).collect();
        let extra: Vec<_> = prefix.difference(&whole).collect();
        prop_assert!(missing.is_empty() && extra.is_empty(), "missing {:?}, too many {:?}", missing, extra);
    }

    #[test]
    fn the_number_of_threads_does_not_change_the_result(script in scripts(80, 8)) {
        let run = |threads: usize| {
            let config = Config { threads, ..Config::default() };
            let seen = Seen::of(&mut source(script.frames()), &config);
            (seen.records, seen.findings, seen.summary)
        };
        let one = run(1);
        prop_assert_eq!(one.2.packets, script.shots.len() as u64);
        for threads in [2, 3, 8] {
            prop_assert_eq!(&run(threads), &one);
        }
    }

    #[test]
    fn a_connection_that_was_frozen_is_the_same(script in scripts(80, 8)) {
        let whole = Seen::of_frames(script.frames());
        let mut config = Config::default();
        config.track.young = 0;
        let frozen = Seen::of(&mut source(script.frames()), &config);
        prop_assert_eq!(frozen.records, whole.records);
        prop_assert_eq!(frozen.findings, whole.findings);
        prop_assert_eq!(frozen.summary, whole.summary);
    }

    #[test]
    fn a_connection_that_was_packed_is_the_same(script in scripts(80, 8), young in 0usize..3, awake in 0usize..3) {
        let whole = Seen::of_frames(script.frames());
        let mut config = Config::default();
        (config.track.young, config.track.awake) = (young, awake);
        let packed = Seen::of(&mut source(script.frames()), &config);
        prop_assert_eq!(packed.records, whole.records);
        prop_assert_eq!(packed.findings, whole.findings);
        prop_assert_eq!(packed.summary, whole.summary);
    }

    #[test]
    fn a_small_table_forgets_and_says_so(script in scripts(80, 8)) {
        let mut config = Config::default();
        config.track.max_connections = 2;
        config.track.max_attempts = 2;
        config.track.young = 1;
        config.track.max_transitions = 3;
        let seen = Seen::of(&mut source(script.frames()), &config);
        prop_assert!(seen.adds_up(), "{:?}", seen.summary);
        prop_assert_eq!(seen.records.len() as u64, seen.summary.connections);
        for record in &seen.records {
            prop_assert!(record.transitions.len() <= 3);
        }
    }
}

/// Steps that packets up to `last` caused, by endpoint; a timer's step waits for the next packet.
/// A handshake whose packets have the last or the first times there are: no timer is due for ever.
#[test]
fn an_analysis_ends_at_the_ends_of_time() {
    for (before, then) in [(i64::MAX, i64::MAX), (i64::MIN, i64::MAX), (i64::MAX, i64::MIN), (0, i64::MAX)] {
        let shot = |from, to, flags, seq, ack, id| Shot { seq, ack, ..Shot::new(0, from, to, flags, id) };
        let mut frames: Vec<_> = [
            shot(a(), b(), Flags::SYN, 100, 0, 1),
            shot(b(), a(), Flags::SYN_ACK, 500, 101, 2),
            shot(a(), b(), Flags::ACK, 101, 501, 3),
            shot(a(), b(), Flags::ACK, 101, 501, 4),
        ]
        .iter()
        .map(Shot::frame)
        .collect();
        frames.iter_mut().take(3).for_each(|f| f.time.0 = before);
        frames.iter_mut().skip(3).for_each(|f| f.time.0 = then);
        let seen = Seen::of_frames(frames);
        assert!(seen.adds_up() && seen.summary.packets == 4, "{before} and {then}");
        assert!(!seen.records.is_empty(), "{before} and {then}");
    }
}

fn steps(seen: &Seen, last: u64) -> BTreeSet<(u64, Endpoint, String)> {
    let mut steps = BTreeSet::new();
    for record in &seen.records {
        for t in record.transitions.iter().filter(|t| t.frame <= last && t.reason != Reason::Timeout) {
            let end = *record.endpoints.of(t.endpoint);
            steps.insert((t.frame, end, format!("{} > {}", t.from, t.to)));
        }
    }
    steps
}

/// Segments between A and B (and, with more than one pair, neighbours of A), likely to be about one connection.
fn scripts(most: usize, pairs: u16) -> impl Strategy<Value = Script> {
    vec(shots(pairs), 1..most).prop_map(|mut shots| {
        let mut at = 0;
        for (i, (gap, shot)) in shots.iter_mut().enumerate() {
            at += *gap;
            shot.at = at;
            shot.ip_id = 1 + i as u16;
        }
        Script { shots: shots.into_iter().map(|(_, shot)| shot).collect(), end: None }
    })
}

/// A time to wait, and a segment.
fn shots(pairs: u16) -> impl Strategy<Value = (i64, Shot)> {
    let gap = prop_oneof![8 => 0_i64..50_000_000, 2 => 0_i64..2_000_000_000, 1 => 0_i64..150_000_000_000];
    let flags = prop_oneof![
        6 => proptest::sample::select(USUAL_FLAGS.to_vec()),
        1 => (0_u16..512).prop_map(Flags),
    ];
    (gap, any::<bool>(), 0..pairs, flags, numbers(), numbers(), lengths(), any::<u16>()).prop_map(
        |(gap, from_a, neighbour, flags, seq, ack, len, window)| {
            let client = Endpoint::new(a().addr, a().port + neighbour);
            let (src, dst) = if from_a { (client, b()) } else { (b(), client) };
            let (own, peer) = if from_a { (100_u32, 300_u32) } else { (300, 100) };
            let mut shot = Shot::new(0, src, dst, flags, 0);
            shot.seq = own.wrapping_add(seq);
            shot.ack = if flags.ack() { peer.wrapping_add(ack) } else { 0 };
            (shot.len, shot.window) = (len, window);
            (gap, shot)
        },
    )
}

/// Offsets from an ISN: mostly the next few numbers, sometimes anywhere.
fn numbers() -> impl Strategy<Value = u32> {
    prop_oneof![10 => 0_u32..4, 3 => 0_u32..300, 1 => any::<u32>()]
}

fn lengths() -> impl Strategy<Value = u32> {
    prop_oneof![4 => Just(0_u32), 3 => 1_u32..3, 1 => 1_u32..1460]
}

/// The flags of ordinary connections.
const USUAL_FLAGS: [Flags; 8] = [
    Flags::SYN,
    Flags::SYN_ACK,
    Flags::ACK,
    Flags(0b01_1000),
    Flags(0b01_0001),
    Flags::RST,
    Flags(0b01_0100),
    Flags(0b01_1001),
];

/// The strategies must not be idle: what they make is accepted as packets at all.
#[test]
fn generated_segments_reach_the_tracker() {
    let shot = Shot { seq: 100, ..Shot::new(0, a(), b(), Flags::SYN, 1) };
    let seen = Seen::of_frames(Script { shots: vec![shot], end: None }.frames());
    assert_eq!(seen.summary.segments, 1);
    assert_eq!(seen.records.first().map(|r| r.first), Some(capture_time(0)));
}
