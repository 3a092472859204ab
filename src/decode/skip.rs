//! `Skip`: why a packet gave no segment; the summary counts each reason.

/// Why a packet gave no segment.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[non_exhaustive]
pub enum Skip {
    /// The link layer carries something else than IP: ARP, LLDP, spanning tree, management frames.
    NotIp,
    /// IP carries something else than TCP.
    NotTcp,
    /// An ICMP error that quotes a TCP header: no segment of its own, but Wireshark numbers its stream.
    IcmpQuote,
    /// A fragment whose datagram is not complete yet, or never was.
    Fragment,
    /// A fragment given up: too many, too old, or overlapping (RFC 5722).
    FragmentRefused,
    /// The capture cut the packet before the TCP flags.
    Cut,
    /// A header contradicts itself or runs past the packet.
    Malformed,
    /// A link type this program does not read.
    UnknownLinkType,
    /// An encrypted link layer frame (802.11 with protection, MACsec).
    Encrypted,
    /// Tunnels nested deeper than the bound.
    TooDeep,
}

impl Skip {
    /// All reasons, in the order of printing.
    pub const ALL: [Self; 10] = [
        Self::NotIp,
        Self::NotTcp,
        Self::IcmpQuote,
        Self::Fragment,
        Self::FragmentRefused,
        Self::Cut,
        Self::Malformed,
        Self::UnknownLinkType,
        Self::Encrypted,
        Self::TooDeep,
    ];

    /// The key under `skipped` in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::NotIp => "not-ip",
            Self::NotTcp => "not-tcp",
            Self::IcmpQuote => "icmp-quote",
            Self::Fragment => "fragment",
            Self::FragmentRefused => "fragment-refused",
            Self::Cut => "cut",
            Self::Malformed => "malformed",
            Self::UnknownLinkType => "unknown-link-type",
            Self::Encrypted => "encrypted",
            Self::TooDeep => "too-deep",
        }
    }
}
