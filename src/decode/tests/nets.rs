//! IP lengths, extension headers, source routes.

use std::net::IpAddr;

use crate::tcp::Checksum;

use super::*;

#[test]
fn header_fields_are_kept() {
    let mut data = tcp4();
    data[1] = 0xb9;
    data[4..8].copy_from_slice(&[0x12, 0x34, 0x40, 0]);
    let ip = check(101, &data).ip;
    assert_eq!((ip.traffic_class, ip.id, ip.dont_fragment), (0xb9, Some(0x1234), true));
    let ip = check(101, &tcp6()).ip;
    assert_eq!((ip.id, ip.dont_fragment, ip.reassembled), (None, true, false));
}

#[test]
fn a_length_of_zero_is_the_wires() {
    let mut data = tcp4();
    data[2..4].copy_from_slice(&[0, 0]);
    let segment = decode(101, &data).expect("a segment");
    assert_eq!((segment.payload_len, segment.checksum), (5, Checksum::Unverifiable));
    let mut data = tcp6();
    data[4..6].copy_from_slice(&[0, 0]);
    let cut = Packet { wire_len: 100_065, ..packet(101, &data) };
    let segment = Decoder::new(DecodeConfig::default()).decode(&cut).expect("a segment");
    assert_eq!((segment.payload_len, segment.captured_payload), (100_005, 5));
}

#[test]
fn a_jumbogram_states_its_length_in_an_option() {
    let tcp = tcp6().split_off(40);
    let mut data = ip6(0, &join(&[&[6, 0, 0xc2, 4], &(8 + tcp.len() as u32).to_be_bytes(), &tcp, &[0; 9]]));
    data[4..6].copy_from_slice(&[0, 0]);
    assert_eq!(decode(101, &data).expect("a segment").payload_len, 5);
}

#[test]
fn a_length_beyond_the_wire_is_the_wires() {
    let mut data = tcp4();
    data[2..4].copy_from_slice(&[0, 145]);
    let segment = decode(101, &data).expect("a segment");
    assert_eq!((segment.payload_len, segment.captured_payload), (5, 5));
    assert_eq!(segment.checksum, Checksum::Unverifiable);
    let mut data = tcp6();
    data[4..6].copy_from_slice(&[1, 0]);
    let segment = decode(101, &data).expect("a segment");
    assert_eq!((segment.payload_len, segment.checksum), (5, Checksum::Unverifiable));
}

#[test]
fn a_piece_shorter_than_it_says_is_not_put_together() {
    let mut data = tcp4();
    data[2..4].copy_from_slice(&[0, 145]);
    data[6] = 0x20;
    assert_eq!(decode(101, &data).expect("its beginning is read alone").payload_len, 5);
    data[7] = 1;
    assert_eq!(decode(101, &data), Err(Skip::Fragment));
}

#[test]
fn a_length_below_the_header_is_malformed() {
    let mut data = tcp4();
    data[2..4].copy_from_slice(&[0, 19]);
    assert_eq!(decode(101, &data), Err(Skip::Malformed));
    data[0] = 0x44;
    assert_eq!(decode(101, &data), Err(Skip::Malformed));
    data[0] = 0x55;
    assert_eq!(decode(101, &data), Err(Skip::Malformed));
}

#[test]
fn extension_headers_are_passed() {
    let tcp = tcp6().split_off(40);
    let options = |next: u8| [next, 0, 1, 4, 0, 0, 0, 0];
    check(
        101,
        &ip6(0, &join(&[&options(60), &options(135), &options(139), &options(140), &options(6), &tcp])),
    );
    check(101, &ip6(51, &join(&[&[6, 1], &[0; 10], &tcp])));
    check(101, &ip6(44, &join(&[&[6, 0, 0, 0, 0, 0, 0, 1], &tcp])));
    assert_eq!(decode(101, &ip6(50, &tcp)), Err(Skip::NotTcp));
    assert_eq!(decode(101, &ip6(59, &tcp)), Err(Skip::NotTcp));
    let endless: Vec<u8> = options(60).repeat(100);
    assert_eq!(decode(101, &ip6(60, &endless)), Err(Skip::TooDeep));
}

#[test]
fn a_routing_header_tells_the_final_destination() {
    let tcp = tcp6().split_off(40);
    let (on_the_way, last) = ([0xfd; 16], V6[1]);
    for (kind, list) in [(0, [on_the_way, last]), (4, [last, on_the_way])] {
        let mut data = ip6(43, &join(&[&[6, 4, kind, 1, 0, 0, 0, 0], &list.concat(), &tcp]));
        data[24..40].copy_from_slice(&[0xfc; 16]);
        check(101, &data);
    }
    // Nothing left of the route: the destination stands in the header.
    let data = ip6(43, &join(&[&[6, 4, 0, 0, 0, 0, 0, 0], &[0xfd; 32], &tcp]));
    check(101, &data);
}

#[test]
fn a_mobile_node_is_known_by_its_home_address() {
    let tcp = tcp6().split_off(40);
    let mut data = ip6(60, &join(&[&[6, 2, 1, 2, 0, 0, 0xc9, 16], &V6[0], &tcp]));
    data[8..24].copy_from_slice(&[0xfc; 16]);
    check(101, &data);
}

#[test]
fn a_source_route_tells_the_final_destination() {
    let plain = tcp4();
    let mut data = join(&[&plain[..20], &[1, 131, 7, 4], &V4[1], &plain[20..]]);
    data[0] = 0x47;
    data[3] += 8;
    data[16..20].copy_from_slice(&[198, 51, 100, 1]);
    check(101, &data);
    // A pointer past the end: the route was followed to its last address.
    data[23] = 8;
    assert_eq!(decode(101, &data).expect("a segment").dst.addr, IpAddr::from([198, 51, 100, 1]));
}
