//! Tunnels, ICMP quotes, and the bound on nesting.

use super::*;

/// Decodes raw IP and checks the depth.
fn inside(depth: u8, data: &[u8]) {
    assert_eq!(check(101, data).ip.tunnel_depth, depth);
}

#[test]
fn ip_in_ip_is_opened() {
    inside(0, &tcp4());
    inside(1, &ip4(4, &tcp4()));
    inside(1, &ip4(41, &tcp6()));
    inside(2, &ip4(41, &ip6(4, &tcp4())));
}

#[test]
fn gre_is_opened() {
    inside(1, &ip4(47, &join(&[&[0, 0, 8, 0], &tcp4()])));
    inside(1, &ip4(47, &join(&[&[0xb0, 0, 8, 0], &[0; 12], &tcp4()])));
    inside(1, &ip4(47, &join(&[&[0x40, 0, 8, 0], &[0; 4], &[0, 2, 0, 4, 1, 2, 3, 4], &[0; 4], &tcp4()])));
    let frame = ether(0x86dd, &tcp6());
    inside(1, &ip4(47, &join(&[&[0x20, 0, 0x65, 0x58], &[0; 4], &frame])));
    // ERSPAN types I, II, III, the last with its optional header too.
    inside(1, &ip4(47, &join(&[&[0, 0, 0x88, 0xbe], &frame])));
    inside(1, &ip4(47, &join(&[&[0x10, 0, 0x88, 0xbe], &[0; 4], &[0x10, 0, 0, 0, 0, 0, 0, 0], &frame])));
    inside(1, &ip4(47, &join(&[&[0x10, 0, 0x22, 0xeb], &[0; 4], &[0x20], &[0; 11], &frame])));
    inside(1, &ip4(47, &join(&[&[0x10, 0, 0x22, 0xeb], &[0; 4], &[0x20], &[0; 10], &[1], &[0; 8], &frame])));
    // PPTP.
    let ppp = join(&[&[0xff, 3, 0, 0x21], &tcp4()]);
    inside(1, &ip4(47, &join(&[&[0x30, 0x81, 0x88, 0x0b, 0, ppp.len() as u8, 0, 1], &[0; 8], &ppp])));
    // Cisco metadata.
    inside(1, &ip4(47, &join(&[&[0, 0, 0x89, 0x09, 8, 0, 1, 1, 0, 1, 0, 0], &tcp4()])));
    // WCCP with and without its redirect header.
    inside(1, &ip4(47, &join(&[&[0, 0, 0x88, 0x3e], &tcp4()])));
    inside(1, &ip4(47, &join(&[&[0, 0, 0x88, 0x3e, 0, 0, 0, 0], &tcp4()])));
}

#[test]
fn tunnels_over_udp_are_opened() {
    let frame = ether(0x0800, &tcp4());
    inside(1, &udp4(4789, &join(&[&[8, 0, 0, 0, 0, 0, 1, 0], &frame])));
    inside(1, &udp4(8472, &join(&[&[8, 0, 0, 0, 0, 0, 1, 0], &frame])));
    inside(1, &udp4(4790, &join(&[&[0x0c, 0, 0, 2, 0, 0, 1, 0], &tcp6()])));
    inside(1, &udp4(6081, &join(&[&[0x01, 0, 0x65, 0x58, 0, 0, 1, 0, 0, 0, 0, 0], &frame])));
    inside(1, &udp4(6081, &join(&[&[0, 0, 8, 0, 0, 0, 1, 0], &tcp4()])));
    inside(1, &udp4(3544, &tcp6()));
    inside(1, &udp4(3544, &join(&[&[0, 1, 0, 0], &[0; 9], &[0, 0, 1, 2, 3, 4, 5, 6], &tcp6()])));
    inside(1, &udp4(6635, &join(&[&[0, 0, 0x11, 64], &tcp4()])));
    inside(1, &udp4(5072, &join(&[&[0x44, 0x52, 0x11, 41], &[0; 4], &[0; 16], &[0; 20], &tcp6()])));
    inside(1, &udp4(1701, &join(&[&[0, 2, 0, 1, 0, 1, 0, 0x21], &tcp4()])));
    assert_eq!(decode(101, &udp4(53, &tcp4())), Err(Skip::NotTcp));
    assert_eq!(decode(101, &udp4(4789, &ether(0x0806, &[0; 28]))), Err(Skip::NotTcp));
}

#[test]
fn gtp_is_opened_behind_its_extension_headers() {
    let length = |more: usize| ((tcp4().len() + more) as u16).to_be_bytes();
    inside(1, &udp4(2152, &join(&[&[0x30, 255], &length(0), &[0; 4], &tcp4()])));
    inside(1, &udp4(2152, &join(&[&[0x32, 255], &length(4), &[0; 8], &tcp4()])));
    let chained = [0, 0, 0, 0x85, 1, 0, 0, 0];
    inside(1, &udp4(2152, &join(&[&[0x34, 255], &length(8), &[0; 4], &chained, &tcp4()])));
    assert_eq!(decode(101, &udp4(2152, &[0x32, 1, 0, 4, 0, 0, 0, 0])), Err(Skip::NotTcp));
}

#[test]
fn access_point_tunnels_are_opened() {
    let snap = join(&[&[0xaa, 0xaa, 3, 0, 0, 0, 8, 0], &tcp4()]);
    inside(1, &ip4(47, &join(&[&[0, 0, 0x82, 0x40, 8, 2], &[0; 22], &snap])));
    let capwap = [0, 0x10, 3, 0, 0, 0, 0, 0];
    inside(1, &udp4(5247, &join(&[&capwap, &[0x08, 0x11], &[0; 22], &snap])));
    inside(1, &udp4(5247, &join(&[&capwap, &[0x11, 0x08], &[0; 22], &snap])));
    inside(1, &udp4(5247, &join(&[&[0, 0x10, 2, 0, 0, 0, 0, 0], &ether(0x0800, &tcp4())])));
    assert_eq!(decode(101, &udp4(5247, &join(&[&[1, 0, 0, 0], &tcp4()]))), Err(Skip::NotTcp));
}

#[test]
fn nesting_stops_at_the_bound() {
    let mut nested = tcp4();
    for depth in 1..=4 {
        nested = ip4(4, &nested);
        inside(depth, &nested);
    }
    assert_eq!(decode(101, &ip4(4, &nested)), Err(Skip::TooDeep));
}

#[test]
fn tunnels_stay_shut_when_told_so() {
    let mut decoder = Decoder::new(DecodeConfig { decapsulate: false, ..DecodeConfig::default() });
    assert_eq!(decoder.decode(&packet(101, &ip4(4, &tcp4()))), Err(Skip::NotTcp));
    assert!(decoder.decode(&packet(101, &tcp4())).is_ok());
}

#[test]
fn a_quoted_header_is_no_segment() {
    assert_eq!(decode(101, &ip4(1, &join(&[&[3, 1, 0, 0, 0, 0, 0, 0], &tcp4()]))), Err(Skip::IcmpQuote));
    assert_eq!(decode(101, &ip6(58, &join(&[&[1, 4, 0, 0, 0, 0, 0, 0], &tcp6()]))), Err(Skip::IcmpQuote));
    assert_eq!(decode(101, &ip4(1, &[8, 0, 0, 0, 0, 0, 0, 0])), Err(Skip::NotTcp));
}
