//! What holds for all bytes.

use etherparse::{IpNumber, Ipv4Header, TcpHeader, TcpOptions};
use proptest::prelude::*;

use crate::tcp::Checksum;

use super::super::{LINK_TYPES, fast};
use super::*;

/// Packets that reach deep into the decoder, with their link types.
fn seeds() -> Vec<(u16, Vec<u8>)> {
    let frame = ether(0x8100, &join(&[&[0, 5, 8, 0], &tcp4()]));
    let snap =
        join(&[&[0x88, 2], &[0; 22], &[0x80, 0], &[0; 13], &[60, 0xaa, 0xaa, 3, 0, 0, 0, 8, 0], &tcp4()]);
    vec![
        (1, frame.clone()),
        (
            1,
            ether(
                0x86dd,
                &ip6(0, &join(&[&[43, 0, 0xc2, 4, 0, 1, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0], &tcp6()[40..]])),
            ),
        ),
        (1, ether(0x8847, &join(&[&[0, 2, 1, 64, 0, 0, 0, 0], &frame]))),
        (101, udp4(2152, &join(&[&[0x34, 255, 0, 60, 0, 0, 0, 0, 0, 0, 0, 0x85, 1, 0, 0, 0], &tcp4()]))),
        (101, udp4(6081, &join(&[&[1, 0, 0x65, 0x58, 0, 0, 1, 0, 0, 0, 0, 0], &frame]))),
        (101, udp4(5072, &join(&[&[0x44, 0x52, 0x11, 41], &[0; 40], &tcp6()]))),
        (101, ip4(47, &join(&[&[0x50, 0, 0x22, 0xeb], &[0; 12], &[0x20], &[0; 11], &frame]))),
        (101, ip4(41, &ip6(51, &join(&[&[6, 1], &[0; 10], &tcp6()[40..]])))),
        (105, snap.clone()),
        (127, join(&[&[0, 0, 8, 0, 0, 0, 0, 0], &snap])),
        (113, join(&[&[0, 0, 0, 1, 0, 6], &[0; 8], &[8, 0], &tcp4()])),
    ]
}

/// Packets that the short way takes.
fn common() -> Vec<(u16, Vec<u8>)> {
    let tags = |types: [u16; 2], rest: &[u8]| {
        let [inner0, inner1] = types[1].to_be_bytes();
        ether(types[0], &join(&[&[0xe0, 5, inner0, inner1], rest]))
    };
    let cooked = join(&[&[0, 0, 3, 4, 0, 6], &[0; 8], &[0x86, 0xdd], &tcp6()]);
    let stamps = join(&[&[1, 1, 8, 10], &[7; 8]]);
    let mut long = Vec::new();
    let options = PacketBuilder::ipv4(V4[0], V4[1], 64).tcp(40000, 80, 1000, 8192).options_raw(&stamps);
    options.expect("12 bytes").write(&mut long, &[0x5a; 333]).expect("a vector takes all");
    vec![
        (1, ether(0x0800, &tcp4())),
        (1, ether(0x86dd, &tcp6())),
        (1, tags([0x8100, 0x0800], &long)),
        (1, tags([0x88a8, 0x8100], &join(&[&[0, 9, 0x86, 0xdd], &tcp6()]))),
        (113, cooked),
        (101, long.clone()),
        (12, tcp6()),
        (1, ether(0x0800, &join(&[&long, &[0; 6]]))),
    ]
}

#[test]
fn the_short_way_is_taken_by_common_packets() {
    for (link, data) in common() {
        assert!(fast::segment(&packet(link, &data)).is_some(), "{link} {data:x?}");
    }
}

/// Every prefix is decided, and tells the same connection as the whole.
#[test]
fn every_prefix_gives_a_segment_or_a_reason() {
    for (link, data) in seeds() {
        let whole = decode(link, &data);
        for kept in 0..=data.len() {
            let cut = Packet { data: &data[..kept], ..packet(link, &data) };
            if let (Ok(part), Ok(whole)) = (Decoder::new(DecodeConfig::default()).decode(&cut), whole) {
                assert_eq!((part.src, part.dst, part.seq), (whole.src, whole.dst, whole.seq));
                assert_eq!(part.payload_len, whole.payload_len);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn no_bytes_make_it_panic(
        row in 0..LINK_TYPES.len(),
        data in proptest::collection::vec(any::<u8>(), 0..200),
        extra in 0_u32..2000,
    ) {
        let link = LINK_TYPES[row].number;
        let packet = Packet { wire_len: data.len() as u32 + extra, ..packet(link, &data) };
        let _ = Decoder::new(DecodeConfig::default()).decode(&packet);
    }

    #[test]
    fn no_damage_makes_it_panic(
        seed in 0_usize..11,
        damage in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..6),
        link in prop::option::of(any::<u16>()),
    ) {
        let mut decoder = Decoder::new(DecodeConfig { max_fragment_bytes: 20_000, ..DecodeConfig::default() });
        let (known, mut data) = seeds().swap_remove(seed);
        for (at, value) in damage {
            let at = at.index(data.len());
            data[at] = value;
            let _ = decoder.decode(&packet(link.unwrap_or(known), &data));
        }
        prop_assert!(decoder.fragments.bytes() <= 20_000);
    }

    #[test]
    fn the_short_way_says_what_the_long_one_does(
        seed in 0_usize..8,
        damage in proptest::collection::vec((0_usize..80, any::<u8>()), 0..3),
        kept in prop::option::of(0_usize..120),
        extra in prop_oneof![Just(0_u32), 0_u32..400],
        link in prop::option::weighted(0.1, any::<u16>()),
    ) {
        let (known, mut data) = common().swap_remove(seed);
        for (at, value) in damage {
            if let Some(byte) = data.get_mut(at) {
                *byte = value;
            }
        }
        data.truncate(kept.unwrap_or(usize::MAX));
        let packet = Packet { wire_len: data.len() as u32 + extra, ..packet(link.unwrap_or(known), &data) };
        let mut plain = Decoder::new(DecodeConfig::default());
        prop_assert_eq!(Decoder::new(DecodeConfig::default()).decode(&packet), plain.decode_by_layers(&packet));
    }

    #[test]
    fn a_built_segment_decodes_to_itself(
        numbers in any::<(u32, u32, u16, u16, u16, u16)>(),
        bits in 0_u16..512,
        options in proptest::collection::vec(1_u8..2, 0..40),
        payload in proptest::collection::vec(any::<u8>(), 0..1400),
    ) {
        let (seq, ack, window, urgent, src, dst) = numbers;
        let tcp = header(numbers, bits, &options);
        let mut ip = Ipv4Header::new((tcp.header_len() + payload.len()) as u16, 9, IpNumber::TCP, V4[0], V4[1])
            .expect("it fits");
        ip.header_checksum = ip.calc_header_checksum();
        let mut tcp = tcp;
        tcp.checksum = tcp.calc_checksum_ipv4(&ip, &payload).expect("it fits");
        let data = join(&[&ip.to_bytes(), &tcp.to_bytes(), &payload]);
        let segment = decode(101, &data).expect("a segment");
        prop_assert_eq!((segment.seq.0, segment.ack.0, segment.window, segment.urgent), (seq, ack, window, urgent));
        prop_assert_eq!((segment.src.port, segment.dst.port, segment.flags.0), (src, dst, bits));
        prop_assert_eq!(segment.payload_len as usize, payload.len());
        prop_assert_eq!(segment.checksum, Checksum::Good);
    }
}

/// A TCP header with all fields given.
fn header(
    (seq, ack, window, urgent, src, dst): (u32, u32, u16, u16, u16, u16),
    bits: u16,
    options: &[u8],
) -> TcpHeader {
    let bit = |n: u16| bits >> n & 1 == 1;
    let mut tcp = TcpHeader::new(src, dst, seq, window);
    tcp.acknowledgment_number = ack;
    tcp.urgent_pointer = urgent;
    (tcp.fin, tcp.syn, tcp.rst, tcp.psh, tcp.ack) = (bit(0), bit(1), bit(2), bit(3), bit(4));
    (tcp.urg, tcp.ece, tcp.cwr, tcp.ns) = (bit(5), bit(6), bit(7), bit(8));
    tcp.options = TcpOptions::try_from_slice(options).expect("at most 40 bytes");
    tcp
}
