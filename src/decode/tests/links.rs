//! One packet per link type, and the tags and headers between Ethernet and IP.

use super::super::{LINK_TYPES, LinkRow};
use super::*;

const SNAP: [u8; 6] = [0xaa, 0xaa, 3, 0, 0, 0];

#[test]
fn each_link_type_has_one_row() {
    for (i, row) in LINK_TYPES.iter().enumerate() {
        assert!(LINK_TYPES.iter().skip(i + 1).all(|other| other.number != row.number), "{}", row.number);
    }
    assert_eq!(LinkRow::of(LinkType(1)).map(|row| row.name), Some("EN10MB"));
    assert_eq!(decode(9999, &tcp4()), Err(Skip::UnknownLinkType));
}

#[test]
fn ethernet_carries_both_versions() {
    assert_eq!(check(1, &ether(0x0800, &tcp4())).ip.vlan, None);
    check(1, &ether(0x86dd, &tcp6()));
    assert_eq!(decode(1, &ether(0x0806, &[0; 28])), Err(Skip::NotIp));
}

#[test]
fn the_outermost_vlan_tag_is_kept() {
    let tagged = ether(0x8100, &join(&[&[0x20, 5, 8, 0], &tcp4()]));
    assert_eq!(check(1, &tagged).ip.vlan, Some(5));
    let tags: &[u8] = &[0, 7, 0x81, 0, 0, 8, 0x91, 0, 0, 9, 0x81, 0, 0, 10, 0x86, 0xdd];
    assert_eq!(check(1, &ether(0x88a8, &join(&[tags, &tcp6()]))).ip.vlan, Some(7));
}

#[test]
fn tags_without_end_are_given_up() {
    let tags = [0, 1, 0x81, 0].repeat(300);
    assert_eq!(decode(1, &ether(0x8100, &tags)), Err(Skip::TooDeep));
}

#[test]
fn a_group_destination_is_seen() {
    let mut frame = ether(0x0800, &tcp4());
    assert!(!check(1, &frame).ip.link_broadcast);
    frame[0] = 0xff;
    assert!(check(1, &frame).ip.link_broadcast);
}

#[test]
fn padding_is_no_payload() {
    let frame = join(&[&ether(0x0800, &tcp4()), &[0xee; 40]]);
    check(1, &frame);
}

#[test]
fn llc_and_snap_lead_to_ip() {
    let body = join(&[&SNAP, &[8, 0], &tcp4()]);
    check(1, &ether(body.len() as u16, &body));
    let plain = join(&[&[6, 6, 3], &tcp4()]);
    check(1, &ether(plain.len() as u16, &plain));
    assert_eq!(decode(1, &ether(38, &[0x42; 46])), Err(Skip::NotIp));
    check(10, &join(&[&[0x57], &[0; 12], &body]));
    check(6, &join(&[&[0x10, 0x40], &[0; 12], &body]));
    check(6, &join(&[&[0x10, 0x40], &[0; 6], &[0x80], &[0; 5], &[0x04, 0, 1, 2], &body]));
    check(100, &body);
    check(100, &tcp6());
}

#[test]
fn rarer_ether_types_lead_to_ip() {
    let inner = ether(0x0800, &tcp4());
    // MPLS: IP at the bottom, Ethernet behind a control word, Ethernet without one.
    check(1, &ether(0x8847, &join(&[&[0, 1, 0, 64, 0, 2, 1, 64], &tcp4()])));
    check(1, &ether(0x8847, &join(&[&[0, 2, 1, 64, 0, 0, 0, 0], &inner])));
    let mut odd = inner.clone();
    odd[0] = 0xa2;
    check(1, &ether(0x8848, &join(&[&[0, 2, 1, 64], &odd])));
    assert_eq!(decode(1, &ether(0x8847, &[0; 100])), Err(Skip::TooDeep));
    check(219, &join(&[&[0, 2, 1, 64], &tcp6()]));
    // PPPoE, discovery and session.
    let length = (tcp4().len() + 2) as u8;
    let session = join(&[&[0x11, 0, 0, 1, 0, length, 0, 0x21], &tcp4()]);
    check(1, &ether(0x8864, &session));
    check(51, &session);
    assert_eq!(decode(1, &ether(0x8863, &[0x11, 9, 0, 0, 0, 0])), Err(Skip::NotIp));
    // Provider backbone, FabricPath, VN-Tag, E-Tag, R-Tag.
    check(1, &ether(0x88e7, &join(&[&[0; 4], &inner])));
    check(1, &ether(0x8903, &join(&[&[0; 2], &inner])));
    check(1, &ether(0x8926, &join(&[&[0; 4], &[8, 0], &tcp4()])));
    check(1, &ether(0x893f, &join(&[&[0; 6], &[8, 0], &tcp4()])));
    check(1, &ether(0xf1c1, &join(&[&[0; 4], &[8, 0], &tcp4()])));
}

#[test]
fn cooked_captures_lead_to_ip() {
    let sll = |kind: u8, protocol: [u8; 2]| join(&[&[0, kind, 0, 1, 0, 6], &[0; 8], &protocol]);
    assert!(!check(113, &join(&[&sll(4, [8, 0]), &tcp4()])).ip.link_broadcast);
    assert!(check(113, &join(&[&sll(1, [0x86, 0xdd]), &tcp6()])).ip.link_broadcast);
    check(113, &join(&[&sll(0, [0, 4]), &SNAP, &[8, 0], &tcp4()]));
    // The hardware of the loopback interface is 772 (ARPHRD_LOOPBACK).
    check(113, &join(&[&[0, 0, 3, 4, 0, 6], &[0; 8], &[8, 0], &tcp4()]));
    let sll2 = |kind: u8| join(&[&[8, 0, 0, 0, 0, 0, 0, 2, 0, 1, kind, 6], &[0; 8]]);
    assert!(!check(276, &join(&[&sll2(0), &tcp4()])).ip.link_broadcast);
    assert!(check(276, &join(&[&sll2(2), &tcp4()])).ip.link_broadcast);
    let tagged = join(&[&[0x81, 0, 0, 0, 0, 0, 0, 2, 0, 1, 0, 6], &[0; 8], &[0, 3, 8, 0], &tcp4()]);
    assert_eq!(check(276, &tagged).ip.vlan, Some(3));
}

#[test]
fn raw_and_loopback_lead_to_ip() {
    for link in [12, 14, 101, 228, 229] {
        check(link, &tcp4());
        check(link, &tcp6());
    }
    for family in [2_u32, 10, 24, 28, 30] {
        check(0, &join(&[&family.to_le_bytes(), &tcp6()]));
        check(0, &join(&[&family.to_be_bytes(), &tcp6()]));
        check(108, &join(&[&family.to_be_bytes(), &tcp4()]));
    }
    assert_eq!(decode(0, &join(&[&[7, 0, 0, 0], &tcp4()])), Err(Skip::NotIp));
}

#[test]
fn serial_lines_lead_to_ip() {
    check(9, &join(&[&[0xff, 3, 0, 0x21], &tcp4()]));
    check(9, &join(&[&[0, 0x57], &tcp6()]));
    check(9, &join(&[&[0x21], &tcp4()]));
    check(9, &join(&[&[2, 0x81, 0, 2, 1, 64], &tcp4()]));
    assert_eq!(decode(9, &[0xff, 3, 0xc0, 0x21, 1, 1, 0, 4]), Err(Skip::NotIp));
    check(50, &join(&[&[0xff, 3, 0, 0x21], &tcp4()]));
    check(50, &join(&[&[0x0f, 0, 8, 0], &tcp4()]));
    check(104, &join(&[&[0x8f, 0, 0x86, 0xdd], &tcp6()]));
    // Frame relay: IP by its identifier, through SNAP, and Cisco's EtherType.
    check(107, &join(&[&[0x18, 0x41, 3, 0xcc], &tcp4()]));
    check(107, &join(&[&[0x18, 0x41, 3, 0, 0x80, 0, 0, 0, 8, 0], &tcp4()]));
    check(107, &join(&[&[0x18, 0x41, 8, 0], &tcp4()]));
}

#[test]
fn other_link_types_lead_to_ip() {
    check(7, &join(&[&[1, 2, 240], &tcp4()]));
    check(129, &join(&[&[1, 2, 0, 0, 212, 0, 0, 9], &tcp4()]));
    assert_eq!(decode(129, &join(&[&[1, 2, 0, 0, 212, 1, 0, 9], &tcp4()])), Err(Skip::Fragment));
    check(242, &join(&[&[0; 40], &[8, 0, 0, 0], &tcp4()]));
    check(274, &join(&[&[0x55; 7], &[0xd5], &ether(0x0800, &tcp4())]));
    let length = (tcp4().len() + 4) as u8;
    check(
        239,
        &join(&[&[2, 0, 0, 1, 8, 0, 1, 0, 0, 0, 0, 0, 5, 0, 10, 0, 0, 0, 0, 0, length, 0, 9, 0], &tcp4()]),
    );
    let pktap = |link: u8| join(&[&[108, 0, 0, 0, 1, 0, 0, 0, link, 0, 0, 0], &[0; 96]]);
    check(258, &join(&[&pktap(1), &ether(0x0800, &tcp4())]));
    check(258, &join(&[&pktap(0), &[2, 0, 0, 0], &tcp4()]));
    assert_eq!(decode(258, &pktap(2)), Err(Skip::UnknownLinkType));
}

#[test]
fn what_systems_make_up_leads_to_ip() {
    // The packet filter's log, of FreeBSD, an older and a newer OpenBSD: 61, 45 and 100 bytes, in words.
    for (length, header) in [(61, 64), (45, 48), (100, 100)] {
        check(117, &join(&[&[length, 2], &vec![0; header - 2], &tcp4()]));
        check(117, &join(&[&[length, 24], &vec![0; header - 2], &tcp6()]));
    }
    assert_eq!(decode(117, &join(&[&[61, 7], &[0; 62], &tcp4()])), Err(Skip::NotIp));
    assert_eq!(decode(117, &[0, 2, 0, 0]), Err(Skip::Malformed));
    for family in [2_u32, 24, 28] {
        check(109, &join(&[&family.to_le_bytes(), &[0; 8], &tcp6()]));
        check(109, &join(&[&family.to_be_bytes(), &[0; 8], &tcp4()]));
    }
    assert_eq!(decode(109, &[9; 40]), Err(Skip::NotIp));
    assert!(!check(226, &join(&[&[2, 2, 0, 0], &[0; 20], &tcp4()])).ip.link_loopback);
    assert!(check(226, &join(&[&[2, 26, 0, 2], &[0; 20], &tcp6()])).ip.link_loopback);
    // What Wireshark exports: a field of another kind, the protocol's name, the end.
    check(252, &join(&[&[0, 31, 0, 4, 0, 0, 0, 0, 0, 12, 0, 4], b"ip\0\0", &[0; 4], &tcp4()]));
    check(252, &join(&[&[0, 12, 0, 16], b"eth_withoutfcs\0\0", &[0; 4], &ether(0x0800, &tcp4())]));
    assert_eq!(decode(252, &join(&[&[0, 12, 0, 4], b"http", &[0; 4], &tcp4()])), Err(Skip::NotIp));
    assert_eq!(decode(252, &[0, 1, 0, 0].repeat(99)), Err(Skip::TooDeep));
}

#[test]
fn cooked_captures_of_odd_hardware_lead_to_ip() {
    let sll = |hardware: u16, protocol: u16| {
        join(&[&[0, 0], &hardware.to_be_bytes(), &[0, 0], &[0; 8], &protocol.to_be_bytes()])
    };
    check(113, &join(&[&sll(512, 7), &[0, 0x21], &tcp4()]));
    check(113, &join(&[&sll(770, 0), &[0x18, 0x41, 3, 0xcc], &tcp4()]));
    let frame = join(&[&[0x08, 1], &[0; 22], &SNAP, &[8, 0], &tcp4()]);
    check(113, &join(&[&sll(803, 0x19), &[0, 0, 8, 0, 0, 0, 0, 0], &frame]));
    check(113, &join(&[&sll(778, 0x6558), &ether(0x0800, &tcp4())]));
    assert_eq!(decode(113, &join(&[&sll(824, 0x0600), &tcp4()])), Err(Skip::NotIp));
    assert_eq!(decode(113, &join(&[&sll(280, 12), &tcp4()])), Err(Skip::NotIp));
}

#[test]
fn what_probes_and_switches_add_is_passed() {
    let frame = ether(0x0800, &tcp4());
    check(192, &join(&[&[0, 0, 8, 0, 1, 0, 0, 0], &frame]));
    check(192, &join(&[&[0, 0, 16, 0, 101, 0, 0, 0, 2, 0, 4, 0, 1, 2, 3, 4], &tcp6()]));
    assert_eq!(decode(192, &[0, 0, 8, 0, 192, 0, 0, 0].repeat(9)), Err(Skip::Malformed));
    assert_eq!(decode(192, &[0, 0, 8, 0, 1, 0, 1, 0]), Err(Skip::UnknownLinkType));
    let erf = |kind: u8| join(&[&[0; 8], &[kind], &[0; 7]]);
    check(197, &join(&[&erf(2), &[0; 2], &frame]));
    check(197, &join(&[&erf(0x82), &[0x83], &[0; 7], &[3], &[0; 7], &[0; 2], &frame]));
    check(197, &join(&[&erf(22), &tcp4()]));
    check(197, &join(&[&erf(1), &[0x0f, 0, 8, 0], &tcp4()]));
    assert_eq!(decode(197, &join(&[&erf(27), &[0; 40]])), Err(Skip::NotIp));
    assert_eq!(decode(197, &join(&[&erf(0x82), &[0x83; 400]])), Err(Skip::TooDeep));
    check(240, &join(&[&[0, 4, 60, 0], &frame, &[0; 4]]));
    check(241, &join(&[&[0, 6, 60, 0], &[0x55; 7], &[0xd5], &frame]));
    assert_eq!(decode(240, &[0, 5, 8, 0, 0, 0, 0, 0]), Err(Skip::NotIp));
    let (addresses, rest) = frame.split_at(12);
    check(281, &join(&[addresses, &[0, 0, 0, 3], rest]));
    check(282, &join(&[&[0, 0, 0, 3], &frame]));
    assert_eq!(check(284, &join(&[addresses, &[0xc0, 0, 0xe0, 5], rest])).ip.vlan, None);
    assert_eq!(check(284, &join(&[addresses, &[0xe0, 0, 0xe1, 5], rest])).ip.vlan, Some(0x105));
    let tag = [0xda, 0xda, 0, 0, 0x20, 0, 0, 7];
    assert_eq!(check(285, &join(&[addresses, &tag, rest])).ip.vlan, Some(7));
    check(178, &join(&[b"MGC\x01", &frame]));
    check(178, &join(&[b"MGC\x81", &[0, 6, 1, 1, 2, 3, 4, 5], &frame]));
    check(178, &join(&[b"MGC\x03", &[2, 0, 0, 0], &tcp4()]));
    check(179, &join(&[b"MGC\x01", &[0, 0x57], &tcp6()]));
    check(180, &join(&[b"MGC\x01", &[0x18, 0x41, 3, 0xcc], &tcp4()]));
    check(181, &join(&[b"MGC\x01", &[0x0f, 0, 8, 0], &tcp4()]));
    assert_eq!(decode(178, &frame), Err(Skip::Malformed));
}

#[test]
fn rarer_lines_and_networks_lead_to_ip() {
    for direction in [0, 1] {
        check(166, &join(&[&[direction, 3, 0, 0x21], &tcp4()]));
        check(166, &join(&[&[direction, 0, 0x57], &tcp6()]));
        check(204, &join(&[&[direction, 0xff, 3, 0, 0x21], &tcp4()]));
        check(204, &join(&[&[direction, 0, 0x21], &tcp4()]));
        check(205, &join(&[&[direction, 0x0f, 0, 8, 0], &tcp4()]));
        check(206, &join(&[&[direction, 0x18, 0x41, 3, 0xcc], &tcp4()]));
        check(8, &join(&[&[direction, 0x45], &[0; 14], &tcp4()]));
    }
    let snap = join(&[&SNAP, &[8, 0], &tcp4()]);
    check(106, &tcp4());
    check(106, &snap);
    check(123, &join(&[&[0x82, 0, 0, 5], &snap]));
    check(123, &join(&[&[1, 0, 0, 5, 0, 1], &ether(0x0800, &tcp4())]));
    assert_eq!(decode(123, &[5, 0, 0, 5, 0, 1]), Err(Skip::NotIp));
    check(122, &join(&[&[0; 16], &snap]));
    check(138, &join(&[&[0; 16], &[8, 0], &tcp4()]));
    check(259, &join(&[&[0xd5, 0x55, 0x55, 0, 1, 0xaa], &ether(0x0800, &tcp4())]));
    check(259, &join(&[&[0x55, 0x55, 0xd5, 0x55, 0x55, 0, 1, 0xaa], &ether(0x0800, &tcp4())]));
}

#[test]
fn overlays_and_security_tags_are_passed() {
    let inner = ether(0x0800, &tcp4());
    // MACsec that only signs, without and with its channel; encrypted it is counted as that.
    check(1, &ether(0x88e5, &join(&[&[0, 0, 0, 0, 0, 1], &[8, 0], &tcp4(), &[0; 16]])));
    check(1, &ether(0x88e5, &join(&[&[0x20, 0, 0, 0, 0, 1], &[0; 8], &[8, 0], &tcp4(), &[0; 16]])));
    assert_eq!(decode(1, &ether(0x88e5, &[0x2c; 60])), Err(Skip::Encrypted));
    // Cisco metadata, LLC in a jumbo frame.
    check(1, &ether(0x8909, &join(&[&[1, 1, 0, 1, 0, 5, 8, 0], &tcp4()])));
    check(1, &ether(0x8870, &join(&[&SNAP, &[8, 0], &tcp4()])));
    // The network service header, TRILL, B.A.T.M.A.N.
    let service = |next: u8| join(&[&[0x0f, 0xc6, 1, next], &[0; 20]]);
    check(1, &ether(0x894f, &join(&[&service(1), &tcp4()])));
    check(1, &ether(0x894f, &join(&[&service(3), &inner])));
    assert_eq!(decode(1, &ether(0x894f, &[0; 60])), Err(Skip::Malformed));
    check(1, &ether(0x22f3, &join(&[&[0, 0x3f, 0, 1, 0, 2], &inner])));
    check(1, &ether(0x22f3, &join(&[&[0, 0x7f, 0, 1, 0, 2, 0, 0, 0, 0], &inner])));
    for (kind, len) in [(0x40, 10), (0x42, 18), (0x01, 14)] {
        check(1, &ether(0x4305, &join(&[&[kind, 15], &vec![0; len - 2], &inner])));
    }
    assert_eq!(decode(1, &ether(0x4305, &[0, 15, 50, 0, 0, 0, 0, 0, 0, 0])), Err(Skip::NotIp));
}

#[test]
fn radiotap_tells_of_padding_before_the_payload() {
    let frame = join(&[&[0x88, 1], &[0; 24], &[0, 0], &SNAP, &[8, 0], &tcp4()]);
    check(127, &join(&[&[0, 0, 9, 0, 2, 0, 0, 0, 0x20], &frame]));
    // Behind a clock, which is aligned to eight, and behind a second word of fields.
    check(127, &join(&[&[0, 0, 17, 0, 3, 0, 0, 0], &[0; 8], &[0x20], &frame]));
    check(127, &join(&[&[0, 0, 25, 0, 3, 0, 0, 0x80], &[0; 4], &[0; 12], &[0x20], &frame]));
}

#[test]
fn wireless_data_in_the_clear_leads_to_ip() {
    let body = join(&[&SNAP, &[8, 0], &tcp4()]);
    let frame = |control: [u8; 2], len: usize| join(&[&control, &vec![0; len - 2]]);
    check(105, &join(&[&frame([0x08, 1], 24), &body]));
    check(105, &join(&[&frame([0x08, 3], 30), &body]));
    check(105, &join(&[&frame([0x88, 2], 26), &body]));
    check(105, &join(&[&frame([0x88, 0x82], 30), &body]));
    assert_eq!(decode(105, &join(&[&frame([0x08, 0x41], 24), &body])), Err(Skip::Encrypted));
    assert_eq!(decode(105, &frame([0x80, 0], 40)), Err(Skip::NotIp));
    assert_eq!(decode(105, &frame([0x48, 0], 24)), Err(Skip::NotIp));
    check(127, &join(&[&[0, 0, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0], &frame([0x08, 1], 24), &body]));
    check(119, &join(&[&[0x44, 0, 0, 0, 144, 0, 0, 0], &[0; 136], &frame([0x08, 1], 24), &body]));
    let avs = join(&[&[0x80, 0x21, 0x10, 1, 0, 0, 0, 64], &[0; 56], &frame([0x08, 1], 24), &body]);
    check(163, &avs);
    check(119, &avs);
}

#[test]
fn the_first_frame_of_an_aggregate_is_read() {
    let body = join(&[&SNAP, &[8, 0], &tcp4()]);
    let header = join(&[&[0x88, 2], &[0; 22], &[0x80, 0]]);
    let first = join(&[&[0; 12], &(body.len() as u16).to_be_bytes(), &body]);
    check(105, &join(&[&header, &first, &[0; 3], &first]));
}

#[test]
fn names_are_libpcaps() {
    for row in LINK_TYPES {
        assert!(
            row.name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_'),
            "{}",
            row.name
        );
    }
}
