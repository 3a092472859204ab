//! `Filter`: a capture filter in libpcap's language, compiled once for each link type.
//!
//! libpcap's interpreter is called with both lengths of the packet: the `pcap` package's own call passes the
//! captured one for both, which makes `len` and `greater` wrong on cut packets.

use crate::error::Error;
use crate::source::LinkType;

#[cfg(feature = "pcap")]
pub(super) use with_libpcap::Filter;
#[cfg(not(feature = "pcap"))]
pub(super) use without_libpcap::Filter;

#[cfg(feature = "pcap")]
mod with_libpcap {
    use std::ffi::{c_uchar, c_uint, c_void};

    use pcap::{BpfProgram, Capture, Linktype};

    use super::*;

    /// A filter, and its programs so far.
    pub(in crate::source) struct Filter {
        text: String,
        programs: Vec<(LinkType, BpfProgram)>,
    }

    impl Filter {
        /// Takes a filter that compiles for some link type at least.
        ///
        /// # Errors
        /// [`Error::BadFilter`], with what libpcap said about it for Ethernet.
        pub(in crate::source) fn new(text: &str) -> Result<Self, Error> {
            let first = compile(text, LinkType::ETHERNET);
            if first.is_err() && !OTHERS.iter().any(|n| compile(text, LinkType(*n)).is_ok()) {
                return Err(first.err().unwrap_or_else(|| unreachable!("checked above")));
            }
            Ok(Self { text: text.into(), programs: Vec::new() })
        }

        /// Whether the packet passes.
        ///
        /// # Errors
        /// [`Error::BadFilter`], where the filter asks for what this link type has not.
        #[inline]
        pub(in crate::source) fn accepts(
            &mut self,
            link: LinkType,
            wire_len: u32,
            data: &[u8],
        ) -> Result<bool, Error> {
            if let Some((_, program)) = self.programs.iter().find(|(l, _)| *l == link) {
                return Ok(run(program, wire_len, data));
            }
            let program = compile(&self.text, link)?;
            let accepted = run(&program, wire_len, data);
            if self.programs.len() >= MAX_PROGRAMS {
                self.programs.clear();
            }
            self.programs.push((link, program));
            Ok(accepted)
        }
    }

    fn compile(text: &str, link: LinkType) -> Result<BpfProgram, Error> {
        let program = Capture::dead(Linktype(link.dlt())).and_then(|dead| dead.compile(text, true));
        program.map_err(|e| {
            let why = match e {
                pcap::Error::PcapError(text) => text,
                other => other.to_string(),
            };
            let why = if link == LinkType::ETHERNET { why } else { format!("{why} (link type {})", link.0) };
            Error::BadFilter { filter: text.into(), why }
        })
    }

    #[inline]
    #[allow(unsafe_code)]
    fn run(program: &BpfProgram, wire_len: u32, data: &[u8]) -> bool {
        let instructions = program.get_instructions().as_ptr();
        // A packet is at most 128 MiB (LinkType::max_packet), or comes from memory, where the rest is not looked at.
        let captured = u32::try_from(data.len()).unwrap_or(u32::MAX);
        // SAFETY: `instructions` points to the program that pcap_compile made, which libpcap promises to end in a
        // return and to jump forwards only; it lives as long as `program`. `data` has at least `captured` bytes, and
        // the interpreter reads none beyond.
        let verdict = unsafe { bpf_filter(instructions.cast(), data.as_ptr(), wire_len, captured) };
        verdict != 0
    }

    #[allow(unsafe_code)]
    unsafe extern "C" {
        /// libpcap's interpreter (pcap/bpf.h); 0 rejects.
        fn bpf_filter(
            program: *const c_void,
            packet: *const c_uchar,
            wire_len: c_uint,
            captured: c_uint,
        ) -> c_uint;
    }

    /// Link types with words of their own in the filter language: loopback, 802.11 and its headers, raw IP, Linux
    /// cooked, ATM, MTP2, PPP, netfilter log, IP over InfiniBand.
    const OTHERS: &[u16] = &[0, 105, 127, 101, 113, 276, 123, 140, 9, 239, 242];
    /// Programs kept; files have one link type, rarely three.
    const MAX_PROGRAMS: usize = 64;
}

#[cfg(not(feature = "pcap"))]
mod without_libpcap {
    use super::*;

    /// Nothing: filters need libpcap.
    pub(in crate::source) enum Filter {}

    impl Filter {
        /// Refuses.
        ///
        /// # Errors
        /// [`Error::BadFilter`], always.
        pub(in crate::source) fn new(text: &str) -> Result<Self, Error> {
            let why =
                "this build has no libpcap, and only that knows the language; build with feature `pcap`";
            Err(Error::BadFilter { filter: text.into(), why: why.into() })
        }

        /// Never called.
        pub(in crate::source) fn accepts(&mut self, _: LinkType, _: u32, _: &[u8]) -> Result<bool, Error> {
            match *self {}
        }
    }
}

#[cfg(all(test, feature = "pcap"))]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_those_on_the_wire() {
        let mut long = Filter::new("greater 1000").unwrap();
        assert!(long.accepts(LinkType::ETHERNET, 1514, &[0; 60]).unwrap());
        assert!(!long.accepts(LinkType::ETHERNET, 60, &[0; 60]).unwrap());
        assert!(!long.accepts(LinkType::RAW, 60, &[]).unwrap());
    }

    #[test]
    fn each_link_type_has_its_program() {
        let mut ip = [0u8; 40];
        ip[0] = 0x45;
        ip[9] = 6;
        let ethernet = [&[0; 12][..], &[8, 0], &ip].concat();
        let mut tcp = Filter::new("ip proto 6").unwrap();
        for _ in 0..2 {
            assert!(tcp.accepts(LinkType::ETHERNET, 54, &ethernet).unwrap());
            assert!(tcp.accepts(LinkType::RAW, 40, &ip).unwrap());
            assert!(!tcp.accepts(LinkType::ETHERNET, 40, &ip).unwrap());
        }
    }

    #[test]
    fn a_wrong_filter_is_told_at_once_and_a_wlan_filter_is_not_wrong() {
        assert!(matches!(Filter::new("tcp prot 80"), Err(Error::BadFilter { .. })));
        assert!(matches!(Filter::new("nul\0byte"), Err(Error::BadFilter { .. })));
        let mut wlan = Filter::new("type mgt").unwrap();
        let error = wlan.accepts(LinkType::ETHERNET, 60, &[0; 60]).unwrap_err();
        assert!(error.to_string().contains("802.11"), "{error}");
    }
}
