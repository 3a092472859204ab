//! `TOOLS`: how the packets of scanners and flooders look; one list, read by AT020 and by the rules about scans.
//!
//! Every test looks at one packet that begins a connection, and at what the same source sent before it.

use std::net::IpAddr;

use crate::tcp::{Endpoint, Flags, Options};
use crate::track::Header;

/// A tool known by its packets.
#[derive(Debug)]
pub struct Tool {
    /// What it is called in findings.
    pub label: &'static str,
    /// Packets that must match, from one source.
    pub least: u64,
    /// What they have in common, after "whose".
    pub because: &'static str,
    /// Whether a packet looks so by itself.
    pub fits: fn(&Probe) -> bool,
    /// Whether it follows the one before of the same source, which fits too.
    pub follows: fn(&Header, u16, &Probe) -> bool,
}

/// A packet that begins a connection.
#[derive(Clone, Copy, Debug)]
pub struct Probe {
    /// Its header.
    pub header: Header,
    /// Who sent it.
    pub src: Endpoint,
    /// To whom.
    pub dst: Endpoint,
}

/// The tools, the least doubtful first (tcp.md §5.5 says where each is from).
pub const TOOLS: [Tool; 6] = [
    Tool {
        label: "mirai-scan",
        least: 1,
        because: "sequence number is the address that it is sent to",
        fits: |p| p.header.flags == Flags::SYN && v4(p.dst.addr) == Some(p.header.seq.0),
        follows: always,
    },
    Tool {
        label: "nmap-os",
        least: 1,
        because: "window, timestamp and urgent pointer are those of nmap's probes of the operating system",
        fits: |p| is_nmap_os(&p.header),
        follows: always,
    },
    Tool {
        label: "masscan",
        least: 10,
        because: "IP id is made of the address, the port and the sequence number",
        fits: |p| p.header.flags == Flags::SYN && masscan_id(p) == Some(p.header.ip_id),
        follows: always,
    },
    Tool {
        label: "zmap",
        least: 10,
        because: "IP id is 54321",
        fits: |p| p.header.flags == Flags::SYN && p.header.ip_id == 54_321 && p.header.window == 65_535,
        follows: always,
    },
    Tool {
        label: "nmap-syn",
        least: 10,
        because: "options, window and sequence number are those of nmap's SYN scan",
        fits: |p| {
            let h = &p.header;
            h.is_syn()
                && h.mss == 1460
                && h.layout == MSS_ALONE
                && matches!(h.window, 1024 | 2048 | 3072 | 4096)
        },
        // One number and one port for a whole round; a second try takes the next port.
        follows: |before, port, p| {
            let near = p.src.port.abs_diff(port) <= 1;
            near && p.header.seq.distance(before.seq).unsigned_abs() <= NMAP_STEP
        },
    },
    Tool {
        label: "hping3",
        least: 10,
        because: "window is 512, without options, while the source port counts up",
        fits: |p| p.header.is_syn() && p.header.window == 512 && p.header.layout == 0 && !p.header.is_cut,
        follows: |_, port, p| p.src.port == port.wrapping_add(1),
    },
];

/// The layout of a SYN with nothing but MSS.
const MSS_ALONE: u32 = Options::layout_of(&[2]);
/// nmap marks a second try in the sequence number by a step of 65,536 and less.
const NMAP_STEP: u32 = 1 << 17;

fn always(_: &Header, _: u16, _: &Probe) -> bool {
    true
}

fn v4(addr: IpAddr) -> Option<u32> {
    match addr {
        IpAddr::V4(a) => Some(a.to_bits()),
        IpAddr::V6(_) => None,
    }
}

fn masscan_id(p: &Probe) -> Option<u16> {
    Some(v4(p.dst.addr)? as u16 ^ p.dst.port ^ p.header.seq.0 as u16)
}

/// The probes SEQ, ECN and T2 to T7 (nmap.org, OS detection): all but one have the timestamp 0xFFFFFFFF.
fn is_nmap_os(h: &Header) -> bool {
    let ecn = h.flags.has(Flags::SYN | Flags::ECE | Flags::CWR) && (h.window, h.urgent) == (3, 0xf7f5);
    let windows = [1, 63, 4, 16, 512, 128, 256, 1024, 31_337, 32_768, 65_535];
    ecn || (h.tsval == u32::MAX && windows.contains(&h.window))
}

/// The tool that one packet gives away, where that is beyond doubt or likely enough to be named with others.
pub fn tool_of(probe: &Probe) -> Option<&'static str> {
    TOOLS.iter().find(|t| (t.fits)(probe)).map(|t| t.label)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tcp::SeqNumber;

    fn probe(header: Header) -> Probe {
        let end = |addr: [u8; 4], port| Endpoint::new(IpAddr::from(addr), port);
        Probe { header, src: end([192, 0, 2, 7], 40_000), dst: end([198, 51, 100, 9], 443) }
    }

    #[test]
    fn each_tool_is_known_and_a_plain_syn_is_not() {
        let syn = Header { flags: Flags::SYN, window: 64_240, mss: 1460, layout: 1, ..Header::default() };
        let label = |h: Header| tool_of(&probe(h));
        assert_eq!(label(syn), None);
        let to = u32::from_be_bytes([198, 51, 100, 9]);
        assert_eq!(label(Header { seq: SeqNumber(to), ..syn }), Some("mirai-scan"));
        assert_eq!(label(Header { tsval: u32::MAX, window: 63, ..syn }), Some("nmap-os"));
        let ecn = Flags::SYN | Flags::ECE | Flags::CWR;
        assert_eq!(label(Header { flags: ecn, window: 3, urgent: 0xf7f5, ..syn }), Some("nmap-os"));
        let id = (to as u16) ^ 443 ^ 0x1234;
        assert_eq!(label(Header { seq: SeqNumber(0x1234), ip_id: id, ..syn }), Some("masscan"));
        assert_eq!(label(Header { ip_id: 54_321, window: 65_535, ..syn }), Some("zmap"));
        assert_eq!(label(Header { window: 1024, layout: MSS_ALONE, ..syn }), Some("nmap-syn"));
        assert_eq!(label(Header { window: 512, layout: 0, mss: 0, ..syn }), Some("hping3"));
    }
}
