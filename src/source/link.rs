//! `LinkType` between its two numberings: what savefiles say (LINKTYPE_) and what libpcap says (DLT_).
//!
//! The two differ for a handful of old link types (tcpdump.org/linktypes.html); everything else is equal.

use super::LinkType;

impl LinkType {
    /// Ethernet.
    pub const ETHERNET: Self = Self(1);
    /// Raw IP.
    pub const RAW: Self = Self(101);
    /// The netfilter log.
    pub const NFLOG: Self = Self(239);

    /// From the number a savefile holds: raw IP gets one number, though files say 12 and 14 as well.
    pub(super) fn from_file(number: u16) -> Self {
        match number {
            12 | 14 => Self::RAW,
            other => Self(other),
        }
    }

    /// From libpcap's number.
    #[cfg(any(feature = "pcap", test))]
    pub(super) fn from_dlt(dlt: i32) -> Self {
        let low = dlt as u16;
        let row = DLT.iter().find(|(_, d)| *d == low);
        Self::from_file(row.map_or(low, |(link, _)| *link))
    }

    /// libpcap's number.
    #[cfg(any(feature = "pcap", test))]
    pub(super) fn dlt(self) -> i32 {
        let row = DLT.iter().find(|(link, _)| *link == self.0);
        i32::from(row.map_or(self.0, |(_, dlt)| *dlt))
    }

    /// Most bytes a packet of this link type may have, as libpcap has it: 256 KiB, and more for four link types
    /// that carry no network packets. A longer one means that the file is damaged.
    pub(super) fn max_packet(self) -> u32 {
        match self.0 {
            220 | 231 | 249 => 128 << 20, // USB_LINUX_MMAPPED, DBUS, USBPCAP
            279 => 8 << 20,               // EBHSCR
            _ => 262_144,
        }
    }
}

/// LINKTYPE_ and DLT_ where they differ (outside the BSDs, whose DLT numbers for the last three differ again).
#[cfg(any(feature = "pcap", test))]
const DLT: &[(u16, u16)] = &[
    (100, 11), // ATM_RFC1483
    (101, 12), // RAW
    (106, 19), // ATM_CLIP
    (102, 15), // SLIP_BSDOS
    (103, 16), // PPP_BSDOS
    (246, 18), // PFSYNC
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn raw_ip_has_one_number() {
        for number in [12, 14, 101] {
            assert_eq!(LinkType::from_file(number), LinkType::RAW);
        }
        assert_eq!(LinkType::from_dlt(12), LinkType::RAW);
        assert_eq!(LinkType::RAW.dlt(), 12);
        assert_eq!(LinkType::from_dlt(LinkType(113).dlt()), LinkType(113));
    }
}
