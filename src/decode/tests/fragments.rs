//! Datagrams in pieces.

use crate::tcp::Duration;

use super::*;

/// A piece of an IPv4 packet: which bytes of the payload, in which datagram.
fn piece4(id: u8, whole: &[u8], from: usize, to: usize) -> Vec<u8> {
    let payload = &whole[20..];
    let mut out = ip4(whole[9], &payload[from..to]);
    let more = if to < payload.len() { 0x20 } else { 0 };
    out[4..8].copy_from_slice(&[0, id, more, (from / 8) as u8]);
    out
}

/// The same in IPv6.
fn piece6(id: u8, whole: &[u8], from: usize, to: usize) -> Vec<u8> {
    let payload = &whole[40..];
    let more = u8::from(to < payload.len());
    ip6(44, &join(&[&[whole[6], 0, 0, from as u8 | more, 0, 0, 0, id], &payload[from..to]]))
}

/// Decodes raw IP packets one after the other.
fn run<const N: usize>(packets: [&[u8]; N]) -> [Result<Segment, Skip>; N] {
    let mut decoder = Decoder::new(DecodeConfig::default());
    packets.map(|data| decoder.decode(&packet(101, data)))
}

#[test]
fn the_last_piece_gives_the_segment() {
    for (a, b, c) in [
        (piece4(1, &tcp4(), 0, 8), piece4(1, &tcp4(), 8, 16), piece4(1, &tcp4(), 16, 25)),
        (piece6(1, &tcp6(), 0, 8), piece6(1, &tcp6(), 8, 16), piece6(1, &tcp6(), 16, 25)),
    ] {
        for order in [[&a, &b, &c], [&c, &b, &a], [&b, &c, &a]] {
            let [first, second, third] = run(order.map(Vec::as_slice));
            assert_eq!((first, second), (Err(Skip::Fragment), Err(Skip::Fragment)));
            let segment = third.expect("a segment");
            assert!(segment.ip.reassembled);
            assert_eq!((segment.payload_len, segment.captured_payload, segment.seq.0), (5, 5, 1000));
            assert_eq!(segment.checksum, crate::tcp::Checksum::Good);
        }
    }
}

#[test]
fn a_repeated_piece_is_passed_over() {
    let (a, b) = (piece4(1, &tcp4(), 0, 16), piece4(1, &tcp4(), 16, 25));
    let [_, again, whole] = run([&a, &a, &b]);
    assert_eq!(again, Err(Skip::Fragment));
    assert!(whole.is_ok());
}

#[test]
fn an_overlap_spoils_the_datagram() {
    let mut other = tcp4();
    other[40] ^= 1;
    let (a, b, c) = (piece4(1, &tcp4(), 0, 24), piece4(1, &other, 8, 24), piece4(1, &tcp4(), 24, 25));
    let [first, second, third] = run([&a, &b, &c]);
    assert_eq!(first, Err(Skip::Fragment));
    assert_eq!((second, third), (Err(Skip::FragmentRefused), Err(Skip::FragmentRefused)));
}

#[test]
fn datagrams_are_told_apart() {
    let [_, other_id, other_version] =
        run([&piece4(1, &tcp4(), 0, 16), &piece4(2, &tcp4(), 16, 25), &piece6(1, &tcp6(), 16, 25)]);
    assert_eq!((other_id, other_version), (Err(Skip::Fragment), Err(Skip::Fragment)));
}

#[test]
fn pieces_wait_no_longer_than_the_timeout() {
    let config = DecodeConfig { fragment_timeout: Duration::from_secs(30), ..DecodeConfig::default() };
    let (a, b) = (piece4(1, &tcp4(), 0, 16), piece4(1, &tcp4(), 16, 25));
    for (seconds, in_time) in [(30, true), (31, false)] {
        let mut decoder = Decoder::new(config.clone());
        let first = packet(101, &a);
        assert_eq!(decoder.decode(&first), Err(Skip::Fragment));
        let last = Packet { time: first.time + Duration::from_secs(seconds), ..packet(101, &b) };
        assert_eq!(decoder.decode(&last).is_ok(), in_time);
    }
}

#[test]
fn memory_is_bounded() {
    let config = DecodeConfig { max_fragment_bytes: 100_000, ..DecodeConfig::default() };
    let mut decoder = Decoder::new(config);
    let mut data = piece4(1, &tcp4(), 0, 16);
    for id in 0..20_000_u16 {
        data[4..6].copy_from_slice(&id.to_be_bytes());
        // The offset of every other one reserves nearly all of 64 KiB.
        data[7] = if id % 2 == 0 { 0 } else { 0xff };
        data[6] = if id % 2 == 0 { 0x20 } else { 0x3e };
        assert!(decoder.decode(&packet(101, &data)).is_err());
        assert!(decoder.fragments.bytes() <= 100_000);
    }
}

#[test]
fn a_cut_first_piece_is_read_as_far_as_it_goes() {
    let whole = ip4(6, &join(&[&tcp4()[20..], &[0; 95]]));
    let piece = piece4(1, &whole, 0, 80);
    let cut = Packet { data: &piece[..60], ..packet(101, &piece) };
    let segment = Decoder::new(DecodeConfig::default()).decode(&cut).expect("a segment");
    assert_eq!((segment.seq.0, segment.payload_len, segment.ip.reassembled), (1000, 60, false));
    let piece = piece4(1, &whole, 80, 120);
    let cut = Packet { data: &piece[..40], ..packet(101, &piece) };
    assert_eq!(Decoder::new(DecodeConfig::default()).decode(&cut), Err(Skip::Fragment));
}

/// A segment in pieces within pieces, to this depth.
fn nested(depth: u8) -> Result<Segment, Skip> {
    let mut decoder = Decoder::new(DecodeConfig::default());
    // Each level is the second piece of a datagram whose first piece, an empty options header that leads to the next
    // fragment header, came before.
    let mut inner = tcp6()[40..].to_vec();
    for id in 0..depth {
        let first = [60, 0, 0, 1, 0, 0, 0, id, if id == 0 { 6 } else { 44 }, 0, 1, 4, 0, 0, 0, 0];
        assert_eq!(decoder.decode(&packet(101, &ip6(44, &first))), Err(Skip::Fragment));
        inner = join(&[&[60, 0, 0, 8, 0, 0, 0, id], &inner]);
    }
    decoder.decode(&packet(101, &ip6(44, &inner)))
}

#[test]
fn pieces_of_pieces_do_not_nest_without_end() {
    assert!(nested(4).is_ok());
    assert_eq!(nested(5), Err(Skip::TooDeep));
    assert_eq!(nested(40), Err(Skip::TooDeep));
}

#[test]
fn a_tunnel_in_pieces_is_opened() {
    let outer = ip4(4, &tcp4());
    let [_, whole] = run([&piece4(3, &outer, 0, 24), &piece4(3, &outer, 24, outer.len() - 20)]);
    let segment = whole.expect("a segment");
    assert_eq!((segment.ip.tunnel_depth, segment.ip.reassembled, segment.payload_len), (1, true, 5));
}
