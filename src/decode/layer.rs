//! `Layer`, `Below` and `Step`: the words in which one header says what the next one is.

use std::net::{IpAddr, Ipv4Addr};

use crate::tcp::IpFields;

use super::Skip;
use super::fragments::Piece;
use super::wire::Wire;

/// What the next bytes are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Layer {
    /// An Ethernet header.
    Ethernet,
    /// What an EtherType names.
    EtherType(u16),
    /// An IEEE 802.2 LLC header.
    Llc,
    /// An 802.11 header.
    Wlan,
    /// An 802.11 header whose first two bytes may be swapped.
    SwappedWlan,
    /// A PPP protocol field, with or without address and control bytes.
    Ppp,
    /// An IP header, of the version its first four bits say.
    Ip,
    /// What an IP protocol number names.
    Protocol(u8),
    /// A piece of a datagram, described in [`Below::piece`].
    Fragment,
    /// A link type of its own, by number.
    Link(u16),
}

/// The next layer and its bytes, or why there is none.
pub(super) type Step<'a> = Result<(Layer, Wire<'a>), Skip>;

/// What the layers passed so far have said.
#[derive(Clone, Copy, Debug)]
pub(super) struct Below {
    /// The latest IP header's fields, with VLAN, tunnel depth and link layer broadcast.
    pub ip: IpFields,
    /// The latest IP header's source.
    pub src: IpAddr,
    /// The latest IP header's destination; the final one where it is routed by its source.
    pub dst: IpAddr,
    /// Whether an IP header was passed.
    pub has_ip: bool,
    /// The latest IP header states no length (segmentation offload, jumbograms), or more than the wire had.
    pub length_unknown: bool,
    /// Which piece of which datagram this is.
    pub piece: Option<Piece>,
    /// How many datagrams were put together on the way.
    pub reassemblies: u8,
    /// How many tunnels may be entered.
    pub max_depth: u8,
}

impl Below {
    /// Nothing passed yet.
    #[inline]
    pub fn new(max_depth: u8) -> Self {
        Self {
            ip: IpFields::default(),
            src: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            dst: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            has_ip: false,
            length_unknown: false,
            piece: None,
            reassemblies: 0,
            max_depth,
        }
    }

    /// Counts one more tunnel.
    pub fn enter_tunnel(&mut self) -> Result<(), Skip> {
        if self.max_depth == 0 {
            return Err(Skip::NotTcp);
        }
        if self.ip.tunnel_depth >= self.max_depth {
            return Err(Skip::TooDeep);
        }
        self.ip.tunnel_depth += 1;
        Ok(())
    }

    /// A tag's VLAN id; the outermost stays.
    #[inline]
    pub fn see_vlan(&mut self, tag: u16) {
        if self.ip.vlan.is_none() && !self.has_ip {
            self.ip.vlan = Some(tag & 0x0fff);
        }
    }
}
