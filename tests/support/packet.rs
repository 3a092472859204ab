//! `Shot`: one segment of a script, and the bytes of the packet that carries it.

use std::net::{IpAddr, Ipv4Addr};

use etherparse::{IpFragOffset, IpHeaders, IpNumber, Ipv4Header, PacketBuilder, TcpHeader};
use tcpscope::source::LinkType;
use tcpscope::tcp::{Endpoint, Flags, Timestamp};

use super::frames::Frame;

/// One segment as a script has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shot {
    /// Nanoseconds since the script's start.
    pub at: i64,
    pub src: Endpoint,
    pub dst: Endpoint,
    pub flags: Flags,
    pub seq: u32,
    /// 0 without ACK.
    pub ack: u32,
    pub len: u32,
    pub window: u16,
    pub ttl: u8,
    pub ip_id: u16,
    pub mss: Option<u16>,
    pub window_scale: Option<u8>,
    pub timestamps: Option<(u32, u32)>,
    pub sack_permitted: bool,
    /// Option bytes as they are, after the others.
    pub raw_options: Vec<u8>,
    pub urgent: u16,
    /// The three bits after the data offset.
    pub reserved: u8,
    pub bad_checksum: bool,
    /// Sent to the link layer's broadcast address.
    pub broadcast: bool,
    /// Every byte of the payload, where it is not to be told by its sequence number.
    pub fill: Option<u8>,
}

impl Shot {
    /// A segment with nothing out of the ordinary; two shots of one script need different IP-IDs.
    pub fn new(at: i64, src: Endpoint, dst: Endpoint, flags: Flags, ip_id: u16) -> Self {
        Self {
            at,
            src,
            dst,
            flags,
            seq: 0,
            ack: 0,
            len: 0,
            window: 64240,
            ttl: 64,
            ip_id,
            mss: None,
            window_scale: None,
            timestamps: None,
            sack_permitted: false,
            raw_options: Vec::new(),
            urgent: 0,
            reserved: 0,
            bad_checksum: false,
            broadcast: false,
            fill: None,
        }
    }

    /// The packet: raw IP, or Ethernet where the link layer has something to say.
    pub fn frame(&self) -> Frame {
        let (IpAddr::V4(src), IpAddr::V4(dst)) = (self.src.addr, self.dst.addr) else {
            panic!("scripts are written in IPv4: {self:?}");
        };
        let payload = self.payload();
        let ip = IpHeaders::Ipv4(ipv4(src, dst, self.ttl, self.ip_id), Default::default());
        let mut bytes = Vec::new();
        let built = if self.broadcast {
            PacketBuilder::ethernet2([2, 0, 0, 0, 0, 1], [0xff; 6])
                .ip(ip)
                .tcp_header(self.header())
                .write(&mut bytes, &payload)
        } else {
            PacketBuilder::ip(ip).tcp_header(self.header()).write(&mut bytes, &payload)
        };
        built.expect("a script's segments fit into packets");
        self.spoil(&mut bytes);
        let link = if self.broadcast { ETHERNET } else { RAW };
        Frame { time: capture_time(self.at), link, bytes }
    }

    /// Sets what the builder cannot: reserved bits, with the checksum that is right for them, and a wrong checksum.
    fn spoil(&self, bytes: &mut [u8]) {
        let tcp = if self.broadcast { 14 + 20 } else { 20 };
        let word = |bytes: &[u8], at: usize| u16::from_be_bytes([bytes[tcp + at], bytes[tcp + at + 1]]);
        let before = word(bytes, 12);
        bytes[tcp + 12] |= self.reserved << 1;
        // RFC 1624: HC' = ~(~HC + ~m + m').
        let sum = u32::from(!word(bytes, 16)) + u32::from(!before) + u32::from(word(bytes, 12));
        let folded = (sum & 0xffff) + (sum >> 16);
        let checksum = !(((folded & 0xffff) + (folded >> 16)) as u16);
        let checksum = if self.bad_checksum { checksum ^ 0x5555 } else { checksum };
        bytes[tcp + 16..tcp + 18].copy_from_slice(&checksum.to_be_bytes());
    }

    fn header(&self) -> TcpHeader {
        let mut tcp = TcpHeader::new(self.src.port, self.dst.port, self.seq, self.window);
        tcp.acknowledgment_number = self.ack;
        tcp.fin = self.flags.fin();
        tcp.syn = self.flags.syn();
        tcp.rst = self.flags.rst();
        tcp.psh = self.flags.has(Flags::PSH);
        tcp.ack = self.flags.ack();
        tcp.urg = self.flags.has(Flags::URG);
        tcp.ece = self.flags.has(Flags::ECE);
        tcp.cwr = self.flags.has(Flags::CWR);
        tcp.ns = self.flags.has(Flags::AE);
        tcp.urgent_pointer = self.urgent;
        tcp.set_options_raw(&self.options()).expect("a script's options fit");
        tcp
    }

    fn options(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        if let Some(mss) = self.mss {
            bytes.extend([2, 4]);
            bytes.extend(mss.to_be_bytes());
        }
        if let Some(shift) = self.window_scale {
            bytes.extend([1, 3, 3, shift]);
        }
        if self.sack_permitted {
            bytes.extend([1, 1, 4, 2]);
        }
        if let Some((value, echo)) = self.timestamps {
            bytes.extend([1, 1, 8, 10]);
            bytes.extend(value.to_be_bytes());
            bytes.extend(echo.to_be_bytes());
        }
        bytes.extend(&self.raw_options);
        bytes
    }

    /// One byte per sequence number, so that a repetition repeats the bytes.
    fn payload(&self) -> Vec<u8> {
        let first = self.seq.wrapping_add(u32::from(self.flags.syn()));
        (0..self.len).map(|i| self.fill.unwrap_or(first.wrapping_add(i) as u8)).collect()
    }
}

/// A packet without TCP: it moves the clock and nothing else.
pub fn clock_tick(at: i64) -> Frame {
    let ip = IpHeaders::Ipv4(
        ipv4(Ipv4Addr::new(192, 0, 2, 1), Ipv4Addr::new(192, 0, 2, 2), 64, 1),
        Default::default(),
    );
    let mut bytes = Vec::new();
    PacketBuilder::ip(ip).udp(9, 9).write(&mut bytes, b"tick").expect("a datagram fits");
    Frame { time: capture_time(at), link: RAW, bytes }
}

/// Capture time of a script's time.
pub fn capture_time(at: i64) -> Timestamp {
    Timestamp(EPOCH_NS + at)
}

fn ipv4(src: Ipv4Addr, dst: Ipv4Addr, ttl: u8, id: u16) -> Ipv4Header {
    Ipv4Header {
        identification: id,
        dont_fragment: true,
        fragment_offset: IpFragOffset::ZERO,
        time_to_live: ttl,
        protocol: IpNumber::TCP,
        source: src.octets(),
        destination: dst.octets(),
        ..Ipv4Header::default()
    }
}

/// `LINKTYPE_ETHERNET`.
pub const ETHERNET: LinkType = LinkType(1);
/// `LINKTYPE_RAW`: the packet begins with its IP header.
pub const RAW: LinkType = LinkType(101);
/// When scripts begin: 2023-11-14T22:13:20Z.
const EPOCH_NS: i64 = 1_700_000_000_000_000_000;
