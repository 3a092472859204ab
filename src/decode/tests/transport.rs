//! The TCP header, its options, its checksum, and what is left of it when the capture cut it.

use crate::tcp::{Checksum, Flags, HeaderFaults, OptionFaults, Options, SeqNumber, Timestamps};

use super::super::options;
use super::*;

/// Decodes the packet as if a snaplen had cut it.
fn cut(data: &[u8], kept: usize) -> Result<Segment, Skip> {
    let packet = Packet { data: &data[..kept], ..packet(101, data) };
    Decoder::new(DecodeConfig::default()).decode(&packet)
}

fn read(bytes: &[u8], cut: bool) -> Options {
    let mut options = Options::default();
    options::read(bytes, cut, &mut options);
    options
}

/// An IPv4 packet with a TCP header of these options; the checksum is not right.
fn with_options(options: &[u8]) -> Vec<u8> {
    let mut tcp = tcp4().split_off(20);
    tcp.truncate(20);
    tcp[12] = ((20 + options.len()) / 4 * 16) as u8;
    ip4(6, &join(&[&tcp, options]))
}

#[test]
fn fourteen_bytes_of_the_header_make_a_segment() {
    let data = tcp4();
    assert_eq!(cut(&data, 19), Err(Skip::Cut));
    assert_eq!(cut(&data, 33), Err(Skip::Cut));
    for kept in 34..40 {
        let segment = cut(&data, kept).expect("a segment");
        assert_eq!(segment.faults, HeaderFaults::CUT);
        assert_eq!((segment.seq.0, segment.flags, segment.payload_len), (1000, Flags::SYN, 5));
        assert_eq!(segment.captured_payload, 0);
    }
    let segment = cut(&data, 42).expect("a segment");
    assert_eq!((segment.faults, segment.payload_len, segment.captured_payload), (HeaderFaults(0), 5, 2));
    assert_eq!(segment.checksum, Checksum::Unverifiable);
}

#[test]
fn a_header_shorter_than_fourteen_bytes_is_malformed() {
    let tcp = tcp4().split_off(20);
    assert_eq!(decode(101, &ip4(6, &tcp[..13])), Err(Skip::Malformed));
    assert_eq!(decode(101, &ip4(6, &[])), Err(Skip::Malformed));
    let short = decode(101, &ip4(6, &tcp[..16])).expect("a segment");
    assert_eq!(short.faults, HeaderFaults::OFFSET_BEYOND_SEGMENT);
}

#[test]
fn an_impossible_offset_leaves_no_payload() {
    for (offset, fault) in
        [(0x40, HeaderFaults::OFFSET_TOO_SMALL), (0xf0, HeaderFaults::OFFSET_BEYOND_SEGMENT)]
    {
        let mut data = tcp4();
        data[32] = offset;
        let segment = decode(101, &data).expect("a segment");
        assert_eq!((segment.faults, segment.payload_len, segment.captured_payload), (fault, 0, 0));
    }
}

#[test]
fn all_control_bits_are_read() {
    let mut data = tcp4();
    data[32] = 0x51;
    data[33] = 0xff;
    let segment = decode(101, &data).expect("a segment");
    assert_eq!((segment.flags.0, segment.faults), (0x1ff, HeaderFaults(0)));
    data[32] = 0x58;
    assert_eq!(decode(101, &data).expect("a segment").faults, HeaderFaults::RESERVED_BITS);
}

#[test]
fn the_checksum_is_judged() {
    for (mut data, at) in [(tcp4(), 36), (tcp6(), 56)] {
        let good = check(101, &data);
        let last = data.len() - 1;
        data[last] ^= 1;
        assert_eq!(decode(101, &data).expect("a segment").checksum, Checksum::Bad);
        // What Linux leaves for the network card: the pseudo-header's sum, folded.
        let bytes: &[u8] = if good.ip.id.is_some() { &data[12..20] } else { &data[8..40] };
        let mut sum: u32 =
            6 + 25 + bytes.chunks(2).map(|c| u32::from(u16::from_be_bytes([c[0], c[1]]))).sum::<u32>();
        sum = (sum & 0xffff) + (sum >> 16);
        data[at..at + 2].copy_from_slice(&(((sum & 0xffff) + (sum >> 16)) as u16).to_be_bytes());
        assert_eq!(decode(101, &data).expect("a segment").checksum, Checksum::Offloaded);
    }
}

#[test]
fn the_checksum_covers_payloads_of_any_length() {
    for len in 0..70 {
        let mut data = Vec::new();
        let builder = etherparse::PacketBuilder::ipv4(V4[0], V4[1], 64).tcp(1, 2, 3, 4);
        builder.write(&mut data, &vec![0xa7; len]).expect("a vector takes all");
        assert_eq!(decode(101, &data).expect("a segment").checksum, Checksum::Good, "{len}");
    }
}

#[test]
fn a_syn_tells_its_options() {
    let bytes = [2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 9, 0, 0, 0, 0, 1, 3, 3, 7];
    let options = decode(101, &with_options(&bytes)).expect("a segment").options;
    assert_eq!((options.mss, options.window_scale, options.sack_permitted), (Some(1460), Some(7), true));
    assert_eq!(options.timestamps, Some(Timestamps { value: 9, echo: 0 }));
    assert_eq!(options.faults, OptionFaults(0));
    assert_ne!(options.layout, 0);
}

#[test]
fn the_common_timestamp_is_read_as_the_others() {
    let bytes = [1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8];
    let longer = read(&join(&[&bytes, &[0]]), false);
    let common = read(&bytes, false);
    assert_eq!(common.timestamps, Some(Timestamps { value: 0x0102_0304, echo: 0x0506_0708 }));
    assert_eq!(longer.timestamps, common.timestamps);
    let apart = join(&[&bytes, &[1]]);
    assert_ne!(read(&apart, false).layout, common.layout);
    let other_order = [8, 10, 1, 2, 3, 4, 5, 6, 7, 8, 1, 1];
    assert_ne!(read(&other_order, false).layout, common.layout);
}

#[test]
fn the_layout_is_a_digest_of_the_kinds() {
    let fnv = |kinds: &[u8]| {
        kinds.iter().fold(0x811c_9dc5_u32, |h, k| (h ^ u32::from(*k)).wrapping_mul(16_777_619))
    };
    assert_eq!(read(&[], false).layout, 0);
    assert_eq!(read(&[1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8], false).layout, fnv(&[1, 1, 8]));
    assert_eq!(read(&[2, 4, 1, 2, 1, 0, 0, 0], false).layout, fnv(&[2, 1, 0]));
    // Values take no part.
    assert_eq!(read(&[2, 4, 1, 2], false).layout, read(&[2, 4, 9, 9], false).layout);
}

#[test]
fn rarer_options_are_read() {
    let block = [0, 0, 0, 1, 0, 0, 0, 2];
    let options = read(&join(&[&[5, 18], &block, &block]), false);
    assert_eq!(options.sack.as_slice(), [(SeqNumber(1), SeqNumber(2)); 2]);
    assert_eq!(read(&[34, 2], false).fast_open, Some(0));
    assert_eq!(read(&join(&[&[34, 10], &block]), false).fast_open, Some(8));
    assert_eq!(read(&[254, 4, 0xf9, 0x89], false).fast_open, Some(0));
    assert_eq!(read(&[254, 4, 1, 2], false).fast_open, None);
    assert!(read(&[30, 4, 0, 0], false).mptcp);
    assert!(read(&join(&[&[19, 18], &[0; 16]]), false).md5);
    assert!(read(&join(&[&[29, 16], &[0; 14]]), false).ao);
    assert_eq!(
        read(&[77, 4, 0, 0], false),
        Options { layout: read(&[77, 2], false).layout, ..Options::default() }
    );
}

#[test]
fn faults_of_options_are_told() {
    let fault = |bytes: &[u8]| read(bytes, false).faults;
    for bytes in [&[2, 1, 1, 1][..], &[2, 0, 1, 1], &[2], &[8, 10, 1, 2], &[1, 77, 90, 1]] {
        assert_eq!(fault(bytes), OptionFaults::BAD_LENGTH, "{bytes:?}");
    }
    for bytes in [&[2, 3, 1][..], &[3, 4, 1, 1], &[4, 3, 0], &[5, 2], &[5, 6, 0, 0, 0, 0], &[34, 5, 1, 2, 3]]
    {
        assert_eq!(fault(bytes), OptionFaults::WRONG_FIXED_LENGTH, "{bytes:?}");
    }
    assert_eq!(fault(&[0, 0, 0, 1]), OptionFaults::NONZERO_AFTER_END);
    assert_eq!(fault(&[0, 0, 0, 0]), OptionFaults(0));
    // What stands before the fault is read.
    assert_eq!(read(&[3, 3, 7, 2, 1], false).window_scale, Some(7));
}

#[test]
fn options_cut_by_the_capture_are_unknown_not_wrong() {
    let data = with_options(&[2, 4, 5, 0xb4, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8, 1, 1]);
    for kept in 40..data.len() {
        let options = cut(&data, kept).expect("a segment").options;
        assert_eq!(options.faults, OptionFaults::CUT, "{kept}");
        assert_eq!(options.mss, (kept >= 44).then_some(1460));
    }
}
