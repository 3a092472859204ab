//! `LINK_TYPES`: one row per link type, and which function reads its header.
//!
//! Numbers and layouts are those of tcpdump.org/linktypes.html.

use crate::source::LinkType;

use super::Skip;
use super::ether::{ethernet, mpls, pppoe};
use super::layer::{Below, Layer, Step};
use super::wire::Wire;
use super::{host, lan, probe, serial, wlan};

/// A link type that can be read.
#[derive(Clone, Copy, Debug)]
pub struct LinkRow {
    /// The `LINKTYPE_` number, or a `DLT_` value that libpcap hands out in its place.
    pub number: u16,
    /// The name as `tcpdump -L` prints it.
    pub name: &'static str,
    /// Reads the header.
    pub(super) enter: Enter,
}

/// Reads a link layer header.
type Enter = for<'a> fn(Wire<'a>, &mut Below) -> Step<'a>;

impl LinkRow {
    /// The row of a link type, where there is one.
    pub fn of(link: LinkType) -> Option<&'static Self> {
        LINK_TYPES.iter().find(|row| row.number == link.0)
    }
}

const fn row(number: u16, name: &'static str, enter: Enter) -> LinkRow {
    LinkRow { number, name, enter }
}

/// Every link type that can be read.
pub const LINK_TYPES: &[LinkRow] = &[
    row(1, "EN10MB", ethernet),
    row(113, "LINUX_SLL", host::sll),
    row(276, "LINUX_SLL2", host::sll2),
    row(101, "RAW", raw),
    row(12, "RAW", raw),
    row(14, "RAW", raw),
    row(228, "IPV4", raw),
    row(229, "IPV6", raw),
    row(0, "NULL", host::null),
    row(108, "LOOP", host::null),
    row(9, "PPP", |w, _| Ok((Layer::Ppp, w))),
    row(50, "PPP_SERIAL", serial::ppp_serial),
    row(51, "PPP_ETHER", |w, _| pppoe(w)),
    row(C_HDLC, "C_HDLC", |w, _| serial::cisco_hdlc(w)),
    row(105, "IEEE802_11", wlan::ieee802_11),
    row(127, "IEEE802_11_RADIO", wlan::radiotap),
    row(119, "PRISM_HEADER", wlan::prism),
    row(163, "IEEE802_11_RADIO_AVS", wlan::avs),
    row(219, "MPLS", |w, _| mpls(w)),
    row(239, "NFLOG", |w, _| host::nflog(w)),
    row(FRELAY, "FRELAY", |w, _| serial::frame_relay(w)),
    row(10, "FDDI", |w, _| lan::fddi(w)),
    row(6, "IEEE802", |w, _| lan::token_ring(w)),
    row(100, "ATM_RFC1483", |w, _| lan::rfc1483(w)),
    row(7, "ARCNET", |w, _| lan::arcnet(w, 2)),
    row(129, "ARCNET_LINUX", |w, _| lan::arcnet(w, 4)),
    row(242, "IPOIB", |w, _| lan::ip_over_infiniband(w)),
    row(274, "ETHERNET_MPACKET", |w, _| lan::mpacket(w)),
    row(258, "PKTAP", |w, _| host::pktap(w)),
    row(117, "PFLOG", |w, _| host::pflog(w)),
    row(109, "ENC", |w, _| host::enc(w)),
    row(226, "IPNET", host::ipnet),
    row(252, "WIRESHARK_UPPER_PDU", |w, _| host::exported(w)),
    row(192, "PPI", |w, _| probe::ppi(w)),
    row(197, "ERF", probe::erf),
    row(240, "NETANALYZER", |w, _| probe::netanalyzer(w, 0)),
    row(241, "NETANALYZER_TRANSPARENT", |w, _| probe::netanalyzer(w, 8)),
    row(281, "DSA_TAG_BRCM", probe::broadcom),
    row(282, "DSA_TAG_BRCM_PREPEND", |w, _| Ok((Layer::Ethernet, w.after(4)))),
    row(284, "DSA_TAG_DSA", |w, b| probe::marvell(w, 4, b)),
    row(285, "DSA_TAG_EDSA", |w, b| probe::marvell(w, 8, b)),
    row(178, "JUNIPER_ETHER", |w, _| probe::juniper(w, Layer::Ethernet)),
    row(179, "JUNIPER_PPP", |w, _| probe::juniper(w, Layer::Ppp)),
    row(180, "JUNIPER_FRELAY", |w, _| probe::juniper(w, Layer::Link(FRELAY))),
    row(181, "JUNIPER_CHDLC", |w, _| probe::juniper(w, Layer::Link(C_HDLC))),
    row(166, "PPP_PPPD", |w, _| serial::pppd(w)),
    row(204, "PPP_WITH_DIR", |w, _| Ok((Layer::Ppp, w.after(1)))),
    row(205, "C_HDLC_WITH_DIR", |w, _| serial::cisco_hdlc(w.after(1))),
    row(206, "FRELAY_WITH_DIR", |w, _| serial::frame_relay(w.after(1))),
    row(8, "SLIP", |w, _| serial::slip(w)),
    row(106, "ATM_CLIP", |w, _| lan::rfc1483(w)),
    row(123, "SUNATM", |w, _| lan::sunatm(w)),
    row(122, "IP_OVER_FC", |w, _| Ok((Layer::Llc, w.after(16)))),
    row(138, "APPLE_IP_OVER_IEEE1394", |w, _| lan::firewire(w)),
    row(259, "EPON", |w, _| lan::epon(w)),
];

/// A link type inside another one's header.
pub(super) fn enter<'a>(number: u16, wire: Wire<'a>, below: &mut Below) -> Step<'a> {
    let row = LinkRow::of(LinkType(number)).ok_or(Skip::UnknownLinkType)?;
    (row.enter)(wire, below)
}

/// Raw IP.
fn raw<'a>(wire: Wire<'a>, _: &mut Below) -> Step<'a> {
    Ok((Layer::Ip, wire))
}

/// Cisco HDLC.
const C_HDLC: u16 = 104;
/// Frame Relay.
const FRELAY: u16 = 107;
