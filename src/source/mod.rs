//! `Source` and `Packet`: where packets come from, the only way in.

mod compressed;
mod file;
mod filter;
#[cfg(all(feature = "pcap", unix))]
mod interruptible;
#[cfg(feature = "pcap")]
mod libpcap;
mod link;
#[cfg(all(feature = "pcap", unix))]
mod live;
mod memory;
mod pcap_file;
mod pcapng_file;
mod pcapng_options;
mod recent;
mod recognize;
mod record;
#[cfg(all(feature = "pcap", unix))]
mod stop;
#[cfg(test)]
mod tests;
mod window;
#[cfg(all(feature = "pcap", unix))]
mod writer;

use std::path::PathBuf;

pub use file::{FileOptions, Files, Reader};
#[cfg(all(feature = "pcap", unix))]
pub use live::{Connection, Interface, Live, LiveOptions, interfaces};
pub use memory::Memory;
pub use recent::{Kept, Recent, Request};
#[cfg(all(feature = "pcap", unix))]
pub use stop::Stopper;
#[cfg(all(feature = "pcap", unix))]
pub use writer::{Ring, Writer, WriterFiles, Written};

use crate::error::Error;
use crate::tcp::{Duration, Timestamp};

/// Something that gives packets in capture order.
pub trait Source {
    /// The next packet, or that there is none now, or none ever. The packet's bytes live until the next call.
    ///
    /// # Errors
    /// Only where the job can't be done at all. A capture cut or corrupt in the middle gives every packet that was
    /// whole, then goes on as at its end, and says so in [`Source::inputs`].
    fn next(&mut self) -> Result<Next<'_>, Error>;

    /// What was read so far, one entry per file or interface, in the order of reading.
    fn inputs(&self) -> &[Input];
}

impl<S: Source + ?Sized> Source for Box<S> {
    fn next(&mut self) -> Result<Next<'_>, Error> {
        (**self).next()
    }

    fn inputs(&self) -> &[Input] {
        (**self).inputs()
    }
}

/// What a source has to say when asked.
#[derive(Debug)]
pub enum Next<'a> {
    /// A packet.
    Packet(Packet<'a>),
    /// Nothing now; capture time is at least this. Never from files.
    Idle(Timestamp),
    /// Nothing more.
    End,
}

/// One captured frame, borrowed from the source's buffer.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    /// Number in the whole input, from 1, counting every packet as Wireshark does; several files run on.
    pub number: u64,
    /// Capture time; the analysis takes what lies beyond [`Timestamp::FIRST`] and [`Timestamp::LAST`] for these.
    pub time: Timestamp,
    /// Type of the link layer header that `data` begins with.
    pub link: LinkType,
    /// Length on the wire in bytes; more than `data.len()` when cut by the snaplen.
    pub wire_len: u32,
    /// The bytes captured.
    pub data: &'a [u8],
}

/// A `LINKTYPE_` number as savefiles have it (tcpdump.org/linktypes.html), such as 1 for Ethernet.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct LinkType(
    /// The number; raw IP is 101 here, also where a file says 12 or 14, which are libpcap's own numbers for it.
    pub u16,
);

/// One file or interface that packets were read from.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Input {
    /// The file as the user named it, `-` for standard input, or the interface.
    pub path: PathBuf,
    /// `pcap`, `pcapng`, `live` or `memory`; with the compression behind it, as in `pcap.gz`.
    pub format: String,
    /// Link types met, in the order of meeting; the first 64.
    pub link_types: Vec<LinkType>,
    /// Largest snaplen any of its interfaces states; `None` when unlimited or not stated.
    pub snaplen: Option<u32>,
    /// Packets given.
    pub packets: u64,
    /// Packets numbered but not given, because the filter rejected them.
    pub filtered: u64,
    /// Their bytes on the wire.
    pub bytes: u64,
    /// Time of the first packet.
    pub first: Option<Timestamp>,
    /// Highest time of any packet.
    pub last: Option<Timestamp>,
    /// Why reading ended before the end: cut inside a packet, a corrupt block. `None` when all was read.
    pub problem: Option<String>,
    /// Packets the system dropped, where it says so (live capture, pcapng statistics blocks).
    pub dropped: Option<u64>,
    /// Packets that came through the filter as the kernel counts them, those it dropped included; live capture only.
    pub received: Option<u64>,
    /// Packets that the interface itself dropped, before anybody saw them; live capture only.
    pub dropped_by_interface: Option<u64>,
}

impl Input {
    /// Counts one packet.
    pub fn count(&mut self, packet: &Packet<'_>) {
        self.packets += 1;
        self.bytes += u64::from(packet.wire_len);
        self.first.get_or_insert(packet.time);
        self.last = Some(self.last.map_or(packet.time, |t| t.max(packet.time)));
        if !self.link_types.contains(&packet.link) && self.link_types.len() < MAX_LINK_TYPES {
            self.link_types.push(packet.link);
        }
    }

    /// From the first packet to the latest.
    pub fn span(&self) -> Duration {
        match (self.first, self.last) {
            (Some(first), Some(last)) => last.since(first),
            _ => Duration::ZERO,
        }
    }
}

/// The version of libpcap this program runs with, such as `1.10.3`; `None` if it was built without.
pub fn libpcap_version() -> Option<String> {
    #[cfg(feature = "pcap")]
    return libpcap::version();
    #[cfg(not(feature = "pcap"))]
    None
}

/// Entries of [`Input::link_types`]; no honest file comes near, and it is searched once a packet.
const MAX_LINK_TYPES: usize = 64;
