//! `Decoder`: a packet's bytes to a segment, or the reason why not. Pure but for the fragments it waits for; never panics.
//!
//! Each layer's function reads one header and names the next; the loop in [`Decoder::decode`] goes from one to the
//! next, so that no nesting of headers, however deep, needs a stack.

mod digest;
mod ether;
mod fast;
mod fragments;
mod host;
mod lan;
mod layer;
mod link;
mod net;
mod options;
mod probe;
mod serial;
mod skip;
mod transport;
mod tunnel;
mod wire;
mod wlan;

pub use link::{LINK_TYPES, LinkRow};
pub use skip::Skip;

use crate::config::DecodeConfig;
use crate::source::Packet;
use crate::tcp::Segment;

use fragments::{Fragments, Key};
use layer::{Below, Layer};
use wire::Wire;

/// Turns packets into segments, and keeps IP fragments until their datagram is whole.
#[derive(Debug)]
pub struct Decoder {
    max_depth: u8,
    /// The row of the latest packet's link type: the next one mostly has the same.
    row: Option<&'static LinkRow>,
    fragments: Fragments,
}

impl Decoder {
    /// A decoder with nothing pending.
    pub fn new(config: DecodeConfig) -> Self {
        let max_depth = if config.decapsulate { config.max_tunnel_depth } else { 0 };
        Self { max_depth, row: None, fragments: Fragments::new(&config) }
    }

    /// What the packet says about a TCP connection.
    ///
    /// # Errors
    /// The reason why it gives no segment; the caller counts it.
    #[inline]
    pub fn decode(&mut self, packet: &Packet<'_>) -> Result<Segment, Skip> {
        match fast::segment(packet) {
            Some(segment) => Ok(segment),
            None => self.decode_by_layers(packet),
        }
    }

    /// The same for any packet, from layer to layer, without the short way for the common ones; which tests hold against
    /// this.
    ///
    /// # Errors
    /// The reason why it gives no segment.
    pub fn decode_by_layers(&mut self, packet: &Packet<'_>) -> Result<Segment, Skip> {
        let row = match self.row {
            Some(row) if row.number == packet.link.0 => row,
            _ => LinkRow::of(packet.link).ok_or(Skip::UnknownLinkType)?,
        };
        self.row = Some(row);
        let mut below = Below::new(self.max_depth);
        let wire = Wire::new(packet.data, usize::try_from(packet.wire_len).unwrap_or(usize::MAX));
        let (layer, wire) = (row.enter)(wire, &mut below)?;
        self.layers(layer, wire, below, packet)
    }

    /// From one header to the next until TCP.
    fn layers(
        &mut self,
        layer: Layer,
        wire: Wire<'_>,
        mut below: Below,
        packet: &Packet<'_>,
    ) -> Result<Segment, Skip> {
        match self.walk(layer, wire, &mut below, packet) {
            // Inside an IP packet, what is not IP is something else than TCP.
            Err(Skip::NotIp) if below.has_ip => Err(Skip::NotTcp),
            other => other,
        }
    }

    /// The loop of [`Self::layers`].
    fn walk(
        &mut self,
        mut layer: Layer,
        mut wire: Wire<'_>,
        below: &mut Below,
        packet: &Packet<'_>,
    ) -> Result<Segment, Skip> {
        for _ in 0..MAX_HEADERS {
            (layer, wire) = match layer {
                Layer::EtherType(number) => ether::ether_type(number, wire, below)?,
                Layer::Ip => net::ip(wire, below)?,
                Layer::Protocol(TCP) => return transport::tcp(wire, below, packet),
                Layer::Protocol(number) => tunnel::protocol(number, wire, below)?,
                Layer::Ethernet => ether::ethernet(wire, below)?,
                Layer::Llc => ether::llc(wire)?,
                Layer::Ppp => serial::ppp(wire)?,
                Layer::Wlan => wlan::ieee802_11(wire, below)?,
                Layer::SwappedWlan => wlan::perhaps_swapped(wire, below)?,
                Layer::Link(number) => link::enter(number, wire, below)?,
                Layer::Fragment => return self.fragment(wire, below, packet),
            };
        }
        Err(Skip::TooDeep)
    }

    /// Keeps a piece of a datagram, or goes on with the datagram that it completes.
    #[cold]
    fn fragment(&mut self, wire: Wire<'_>, below: &mut Below, packet: &Packet<'_>) -> Result<Segment, Skip> {
        let piece = below.piece.take().ok_or(Skip::Fragment)?;
        let key = Key {
            src: below.src,
            dst: below.dst,
            id: piece.id,
            protocol: below.ip.id.map(|_| piece.protocol),
        };
        let (protocol, whole) = self.fragments.add(key, piece, wire.data, packet.time)?;
        below.ip.reassembled = true;
        // Datagrams within datagrams, each cut in pieces, would nest without end.
        below.reassemblies += 1;
        if below.reassemblies > MAX_REASSEMBLIES {
            return Err(Skip::TooDeep);
        }
        self.walk(Layer::Protocol(protocol), Wire::new(&whole, whole.len()), below, packet)
    }
}

/// IP's protocol number of TCP.
const TCP: u8 = 6;
/// Headers passed on the way to TCP at most: real packets have fewer than twenty, even in tunnels.
const MAX_HEADERS: usize = 64;
/// Datagrams put together for one packet at most: a tunnel's outer and inner one are two.
const MAX_REASSEMBLIES: u8 = 4;

#[cfg(test)]
mod tests;
