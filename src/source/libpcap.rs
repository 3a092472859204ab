//! `Savefile`: a capture file through libpcap, the reference that our own readers are tested against.
//!
//! It copies every packet and is not made for speed. What libpcap does not tell stays unsaid: the snaplen, and the
//! drops a pcapng file states.

use std::ffi::{CStr, c_char};
use std::io::{self, Read};
use std::os::fd::IntoRawFd;
use std::thread;

use pcap::{Capture, Offline, PacketHeader, Precision};

use super::LinkType;
use super::record::{Record, Step};
use crate::tcp::Timestamp;

/// An open savefile.
pub(super) struct Savefile {
    capture: Capture<Offline>,
    link: LinkType,
    packet: Vec<u8>,
    /// Nanoseconds in one unit of the file's fractions.
    unit_ns: i64,
}

impl Savefile {
    /// Opens a stream. A thread writes it into a pipe, because libpcap reads files only, and the `pcap` package
    /// mishandles paths that are not UTF-8. The file counts fractions of seconds in `unit_ns` nanoseconds.
    ///
    /// # Errors
    /// What libpcap said, or the system about the pipe.
    #[allow(unsafe_code)]
    pub(super) fn stream(mut bytes: Box<dyn Read + Send>, unit_ns: i64) -> Result<Self, String> {
        let (end, mut start) = io::pipe().map_err(|e| e.to_string())?;
        // An error on either side closes the pipe, and libpcap tells of the missing bytes.
        thread::spawn(move || io::copy(&mut bytes, &mut start));
        // SAFETY: `into_raw_fd` gives up the only ownership of the descriptor, so libpcap may close it.
        let capture = unsafe { Capture::from_raw_fd_with_precision(end.into_raw_fd(), Precision::Nano) };
        let capture = capture.map_err(said)?;
        let link = LinkType::from_dlt(capture.get_datalink().0);
        Ok(Self { capture, link, packet: Vec::new(), unit_ns })
    }

    /// The next packet.
    pub(super) fn next(&mut self) -> Step {
        match self.capture.next_packet() {
            Ok(packet) => {
                self.packet.clear();
                self.packet.extend_from_slice(packet.data);
                let time = time(packet.header, self.unit_ns);
                let wire_len = packet.header.len;
                Step::Record(Record { time, link: self.link, wire_len, at: 0, len: self.packet.len() })
            }
            Err(pcap::Error::NoMorePackets) => Step::End,
            Err(e) => Step::Problem(said(e)),
        }
    }

    /// The bytes of the packet given last.
    pub(super) fn data(&self) -> &[u8] {
        &self.packet
    }
}

/// libpcap's number, such as `1.10.3`; `None` if it says it in a way unknown.
#[allow(unsafe_code)]
pub(super) fn version() -> Option<String> {
    // SAFETY: the function takes nothing and returns a string that lives as long as the program.
    let text = unsafe { CStr::from_ptr(pcap_lib_version()) }.to_str().ok()?;
    let number = text.strip_prefix("libpcap version ")?;
    Some(number.split(|c: char| c != '.' && !c.is_ascii_alphanumeric() && c != '-').next()?.to_owned())
}

/// With [`Precision::Nano`] the nanoseconds are in `tv_usec`. The 32-bit numbers of a pcap file come signed, where its
/// byte order is this machine's, and are meant unsigned.
#[allow(clippy::useless_conversion, reason = "the fields are narrower on some systems")]
pub(super) fn time(header: &PacketHeader, unit_ns: i64) -> Timestamp {
    let (seconds, ns) = (i64::from(header.ts.tv_sec), i64::from(header.ts.tv_usec));
    let seconds =
        if (-BEYOND_31_BITS..0).contains(&seconds) { seconds + 2 * BEYOND_31_BITS } else { seconds };
    let ns = if ns < 0 { ns + 2 * BEYOND_31_BITS * unit_ns } else { ns };
    Timestamp(seconds.saturating_mul(1_000_000_000).saturating_add(ns))
}

pub(super) fn said(e: pcap::Error) -> String {
    match e {
        pcap::Error::PcapError(text) => text,
        other => other.to_string(),
    }
}

const BEYOND_31_BITS: i64 = 1 << 31;

#[allow(unsafe_code)]
unsafe extern "C" {
    /// libpcap's name and version (pcap/pcap.h), which the `pcap` package does not bind.
    fn pcap_lib_version() -> *const c_char;
}
