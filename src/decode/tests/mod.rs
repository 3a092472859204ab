//! Packets built byte by byte, and what must become of them.

mod fragments;
mod links;
mod nets;
mod properties;
mod transport;
mod tunnels;

use std::net::IpAddr;

use etherparse::PacketBuilder;

use crate::config::DecodeConfig;
use crate::source::{LinkType, Packet};
use crate::tcp::{Segment, Timestamp};

use super::{Decoder, Skip};

/// Source and destination of all packets built here, of either version.
const V4: [[u8; 4]; 2] = [[192, 0, 2, 1], [192, 0, 2, 2]];
const V6: [[u8; 16]; 2] = [
    [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1],
    [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2],
];

/// An IPv4 packet with a SYN from port 40000 to 80 and five bytes of payload.
fn tcp4() -> Vec<u8> {
    let mut out = Vec::new();
    let builder = PacketBuilder::ipv4(V4[0], V4[1], 64).tcp(40000, 80, 1000, 8192).syn();
    builder.write(&mut out, b"hello").expect("a vector takes all");
    out
}

/// The same in IPv6.
fn tcp6() -> Vec<u8> {
    let mut out = Vec::new();
    let builder = PacketBuilder::ipv6(V6[0], V6[1], 64).tcp(40000, 80, 1000, 8192).syn();
    builder.write(&mut out, b"hello").expect("a vector takes all");
    out
}

/// An IPv4 packet of any protocol.
fn ip4(protocol: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let builder = PacketBuilder::ipv4(V4[0], V4[1], 64);
    builder.write(&mut out, etherparse::IpNumber(protocol), payload).expect("a vector takes all");
    out
}

/// An IPv6 packet of any next header.
fn ip6(next: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = vec![0x60, 0, 0, 0];
    out.extend((payload.len() as u16).to_be_bytes());
    out.extend([next, 64]);
    out.extend(V6.concat());
    out.extend(payload);
    out
}

/// An IPv4 packet with UDP to a port.
fn udp4(port: u16, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let builder = PacketBuilder::ipv4(V4[0], V4[1], 64).udp(50000, port);
    builder.write(&mut out, payload).expect("a vector takes all");
    out
}

/// An Ethernet frame.
fn ether(kind: u16, payload: &[u8]) -> Vec<u8> {
    let mut out = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2];
    out.extend(kind.to_be_bytes());
    out.extend(payload);
    out
}

/// Bytes one after the other.
fn join(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

fn packet(link: u16, data: &[u8]) -> Packet<'_> {
    Packet { number: 7, time: Timestamp(9), link: LinkType(link), wire_len: data.len() as u32, data }
}

/// Decodes one packet with nothing pending.
fn decode(link: u16, data: &[u8]) -> Result<Segment, Skip> {
    Decoder::new(DecodeConfig::default()).decode(&packet(link, data))
}

/// Checks that it is the segment that `tcp4` and `tcp6` build.
fn check(link: u16, data: &[u8]) -> Segment {
    let segment = decode(link, data).unwrap_or_else(|skip| panic!("link type {link}: {}", skip.name()));
    let v4 = segment.src.addr == IpAddr::from(V4[0]) && segment.dst.addr == IpAddr::from(V4[1]);
    let v6 = segment.src.addr == IpAddr::from(V6[0]) && segment.dst.addr == IpAddr::from(V6[1]);
    assert!(v4 || v6, "{} {}", segment.src, segment.dst);
    assert_eq!((segment.src.port, segment.dst.port), (40000, 80));
    assert_eq!((segment.seq.0, segment.window, segment.flags.bits()), (1000, 8192, "000010"));
    assert_eq!((segment.payload_len, segment.captured_payload), (5, 5));
    assert_eq!(segment.checksum, crate::tcp::Checksum::Good);
    assert_eq!((segment.packet, segment.time, segment.ip.ttl), (7, Timestamp(9), 64));
    segment
}
