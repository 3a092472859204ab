//! `Path` and `Shot`: between whom, and what; together the bytes of one packet.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use etherparse::TcpOptionElement::{
    self, MaximumSegmentSize, Noop, SelectiveAcknowledgement, Timestamp, WindowScale,
};
use etherparse::{
    DoubleVlanHeader, IpFragOffset, IpHeaders, IpNumber, Ipv4Header, Ipv6Header, PacketBuilder,
    SingleVlanHeader, TcpHeader, VlanHeader, VlanId,
};

/// Between whom the packets of a connection travel, and how.
#[derive(Clone, Copy, Debug)]
pub struct Path {
    /// Client and server, both of one family.
    pub addrs: [IpAddr; 2],
    /// Their ports.
    pub ports: [u16; 2],
    /// VLAN tags: none, one or two.
    pub tags: u8,
    /// Whether both ends send time stamps.
    pub timestamps: bool,
}

/// One packet of a connection.
#[derive(Clone, Copy, Debug, Default)]
pub struct Shot {
    /// Microseconds after the capture's start.
    pub at_us: u64,
    /// Who sends it: 0 the client, 1 the server.
    pub from: usize,
    pub flags: Flags,
    pub seq: u32,
    pub ack: u32,
    pub payload: u16,
    /// A block received out of order.
    pub sack: Option<(u32, u32)>,
}

/// The six bits of RFC 793.
#[derive(Clone, Copy, Debug, Default)]
pub struct Flags(pub u8);

impl Flags {
    pub const FIN: Self = Self(0b00_0001);
    pub const SYN: Self = Self(0b00_0010);
    pub const RST: Self = Self(0b00_0100);
    pub const PSH: Self = Self(0b00_1000);
    pub const ACK: Self = Self(0b01_0000);

    pub fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

impl Path {
    /// Without tags, with time stamps.
    pub fn v4(client: u32, client_port: u16, server: u32, server_port: u16) -> Self {
        let addrs = [client, server].map(|bits| IpAddr::V4(Ipv4Addr::from_bits(bits)));
        Self { addrs, ports: [client_port, server_port], tags: 0, timestamps: true }
    }
}

impl Shot {
    /// An acknowledgment from one of the ends, its numbers still to be said.
    pub fn ack(from: usize) -> Self {
        Self { from, flags: Flags::ACK, ..Self::default() }
    }
}

/// Writes the packet's bytes into `out`, in place of what was there.
pub fn frame(path: &Path, shot: &Shot, ip_id: u16, out: &mut Vec<u8>) {
    out.clear();
    let to = 1 - shot.from;
    let ethernet = PacketBuilder::ethernet2([2, 0, 0, 0, 0, shot.from as u8], [2, 0, 0, 0, 0, to as u8]);
    let ip = ip(path.addrs[shot.from], path.addrs[to], ip_id);
    let with_ip = match vlan(path.tags) {
        Some(tags) => ethernet.vlan(tags).ip(ip),
        None => ethernet.ip(ip),
    };
    let payload = PAYLOAD.get(..usize::from(shot.payload)).expect("a payload of one packet");
    with_ip.tcp_header(tcp(path, shot)).write(out, payload).expect("memory takes all");
}

fn vlan(tags: u8) -> Option<VlanHeader> {
    let tag = |vlan_id: u16| SingleVlanHeader {
        vlan_id: VlanId::try_new(vlan_id).expect("12 bits"),
        ..SingleVlanHeader::default()
    };
    match tags {
        0 => None,
        1 => Some(VlanHeader::Single(tag(100))),
        _ => Some(VlanHeader::Double(DoubleVlanHeader { outer: tag(100), inner: tag(101) })),
    }
}

fn ip(src: IpAddr, dst: IpAddr, id: u16) -> IpHeaders {
    match (src, dst) {
        (IpAddr::V6(src), IpAddr::V6(dst)) => {
            let header = Ipv6Header {
                hop_limit: 60,
                next_header: IpNumber::TCP,
                source: src.octets(),
                destination: dst.octets(),
                ..Ipv6Header::default()
            };
            IpHeaders::Ipv6(header, Default::default())
        }
        (src, dst) => {
            let octets = |addr| if let IpAddr::V4(v4) = addr { Ipv4Addr::octets(&v4) } else { [0; 4] };
            let header = Ipv4Header {
                identification: id,
                dont_fragment: true,
                fragment_offset: IpFragOffset::ZERO,
                time_to_live: 60,
                protocol: IpNumber::TCP,
                source: octets(src),
                destination: octets(dst),
                ..Ipv4Header::default()
            };
            IpHeaders::Ipv4(header, Default::default())
        }
    }
}

fn tcp(path: &Path, shot: &Shot) -> TcpHeader {
    let window = if shot.flags.has(Flags::SYN) { 64_240 } else { 502 };
    let mut header = TcpHeader::new(path.ports[shot.from], path.ports[1 - shot.from], shot.seq, window);
    header.acknowledgment_number = shot.ack;
    header.fin = shot.flags.has(Flags::FIN);
    header.syn = shot.flags.has(Flags::SYN);
    header.rst = shot.flags.has(Flags::RST);
    header.psh = shot.flags.has(Flags::PSH);
    header.ack = shot.flags.has(Flags::ACK);
    header.set_options(&options(path, shot)).expect("fewer than 40 bytes");
    header
}

/// The options as Linux writes them.
fn options(path: &Path, shot: &Shot) -> Vec<TcpOptionElement> {
    if shot.flags.has(Flags::RST) {
        return Vec::new();
    }
    let millis = (shot.at_us / 1000) as u32;
    let stamps = Timestamp(millis, if shot.flags.has(Flags::ACK) { millis.wrapping_sub(20) } else { 0 });
    let mut options = Vec::new();
    if shot.flags.has(Flags::SYN) {
        options.extend([MaximumSegmentSize(1460), TcpOptionElement::SelectiveAcknowledgementPermitted]);
        options.extend(path.timestamps.then_some(stamps));
        options.extend([Noop, WindowScale(7)]);
        return options;
    }
    if path.timestamps {
        options.extend([Noop, Noop, stamps]);
    }
    if let Some(block) = shot.sack {
        options.extend([Noop, Noop, SelectiveAcknowledgement(block, [None; 3])]);
    }
    options
}

/// An IPv6 address for documentation (RFC 3849).
pub fn v6(network: u16, host: u32) -> IpAddr {
    IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, network, 0, 0, 0, (host >> 16) as u16, host as u16))
}

/// What all payloads begin with: no two words of it are equal.
static PAYLOAD: [u8; 1460] = {
    let mut bytes = [0; 1460];
    let mut i = 0;
    while i < bytes.len() {
        bytes[i] = (i * i / 3 + i) as u8;
        i += 1;
    }
    bytes
};
