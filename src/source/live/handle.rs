//! `Handle`: one open interface, its next packet, and what the kernel counts.

use std::os::fd::{AsFd, BorrowedFd};

use pcap::{Active, Capture, Precision};

use super::{BLOCK_MS, HANDED_OVER, LiveOptions};
use crate::error::Error;
use crate::source::libpcap;
use crate::source::{Input, LinkType, Packet};
use crate::tcp::Timestamp;

/// An open interface.
pub(super) struct Handle {
    capture: Capture<Active>,
    link: LinkType,
    head: Option<Head>,
    data: Vec<u8>,
    over: bool,
    tally: Tally,
}

/// The next packet; its bytes lie beside it.
#[derive(Clone, Copy)]
pub(super) struct Head {
    /// Capture time.
    pub(super) time: Timestamp,
    /// Length on the wire.
    wire_len: u32,
}

impl Handle {
    /// Opens the interface of this name.
    pub(super) fn open(name: &str, options: &LiveOptions) -> Result<(Self, Input), Error> {
        let failed = |e| failure(name, libpcap::said(e));
        let capture = Capture::from_device(name)
            .map_err(failed)?
            .snaplen(i32::try_from(options.snaplen).unwrap_or(i32::MAX))
            .buffer_size(i32::try_from(options.buffer).unwrap_or(i32::MAX))
            .promisc(options.promiscuous)
            .timeout(BLOCK_MS)
            .precision(Precision::Nano)
            .open()
            .and_then(Capture::setnonblock);
        let mut capture = capture.map_err(failed)?;
        if let Some(filter) = &options.filter {
            capture
                .filter(filter, true)
                .map_err(|e| Error::BadFilter { filter: filter.clone(), why: libpcap::said(e) })?;
        }
        let link = LinkType::from_dlt(capture.get_datalink().0);
        let input = Input {
            path: name.into(),
            format: "live".into(),
            link_types: vec![link],
            snaplen: Some(options.snaplen),
            received: Some(0),
            dropped: Some(0),
            dropped_by_interface: Some(0),
            ..Input::default()
        };
        Ok((
            Self { capture, link, head: None, data: Vec::new(), over: false, tally: Tally::default() },
            input,
        ))
    }

    /// The next packet, if there is one now.
    #[inline]
    pub(super) fn head(&self) -> Option<Head> {
        self.head
    }

    /// Whether nothing comes from it any more.
    pub(super) fn is_over(&self) -> bool {
        self.over
    }

    /// Looks for the next packet. The first one after `until` is the end; so is the interface's.
    #[inline]
    pub(super) fn fill(&mut self, input: &mut Input, until: Option<Timestamp>) {
        if self.head.is_some() || self.over {
            return;
        }
        match self.capture.next_packet() {
            Ok(packet) => {
                let time = libpcap::time(packet.header, 1);
                self.tally.taken += 1;
                if until.is_some_and(|until| time > until) {
                    self.over = true;
                    return;
                }
                // The next look at the ring may hand the block back to the kernel. With 128 bytes a copy costs little.
                self.data.clear();
                self.data.extend_from_slice(packet.data);
                self.head = Some(Head { time, wire_len: packet.header.len });
            }
            Err(pcap::Error::TimeoutExpired) => {}
            Err(error) => {
                self.over = true;
                input.problem = Some(libpcap::said(error));
            }
        }
    }

    /// Gives the next packet away.
    #[inline]
    pub(super) fn take(&mut self, number: u64) -> Packet<'_> {
        let head = self.head.take().unwrap_or(Head { time: Timestamp::MIN, wire_len: 0 });
        Packet { number, time: head.time, link: self.link, wire_len: head.wire_len, data: &self.data }
    }

    /// Asks the kernel for its counters. They are 32 bits wide and may have wrapped.
    pub(super) fn count(&mut self, input: &mut Input, now: Timestamp) {
        if let Ok(stat) = self.capture.stats() {
            widen(&mut input.received, stat.received);
            widen(&mut input.dropped, stat.dropped);
            widen(&mut input.dropped_by_interface, stat.if_dropped);
            self.tally.kept(input.received.unwrap_or(0).saturating_sub(input.dropped.unwrap_or(0)), now);
        }
    }

    /// Packets that have come by now are the last ones wanted.
    pub(super) fn want_no_more(&mut self) {
        self.tally.last.get_or_insert(self.tally.kept);
    }

    /// Whether the kernel has handed over all that is wanted, or has had the time to.
    pub(super) fn is_drained(&self, now: Timestamp) -> bool {
        self.over || (self.head.is_none() && self.tally.is_even(now))
    }
}

/// Whether the kernel still has packets to hand over.
#[derive(Debug)]
struct Tally {
    /// Packets that it handed over.
    taken: u64,
    /// Packets that it says it kept for us.
    kept: u64,
    /// When that was last more than before.
    since: Timestamp,
    /// How many of them are wanted.
    last: Option<u64>,
}

impl Default for Tally {
    fn default() -> Self {
        Self { taken: 0, kept: 0, since: Timestamp::MIN, last: None }
    }
}

impl Tally {
    fn kept(&mut self, kept: u64, now: Timestamp) {
        if kept != self.kept {
            (self.kept, self.since) = (kept, now);
        }
    }

    /// As many came as the kernel kept; or, where libpcap lets some fall by itself (on loopback each second one), nothing
    /// has come for so long that none can be left.
    fn is_even(&self, now: Timestamp) -> bool {
        let wanted = self.last.unwrap_or(self.kept);
        self.taken >= wanted || now >= self.since + HANDED_OVER
    }
}

impl AsFd for Handle {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.capture.as_fd()
    }
}

/// The next value of a counter of which only the lower 32 bits are known.
fn widen(counter: &mut Option<u64>, low: u32) {
    let before = counter.unwrap_or(0);
    *counter = Some(before + u64::from(low.wrapping_sub(before as u32)));
}

/// libpcap says in words only why an interface does not open.
fn failure(interface: &str, why: String) -> Error {
    let interface = interface.into();
    let words = why.to_lowercase();
    match words.contains("permission") || words.contains("not permitted") {
        true => Error::NotPermitted { interface, why },
        false => Error::Interface { interface, why },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tcp::Duration;

    #[test]
    fn what_was_kept_is_waited_for_but_not_for_ever() {
        let at = |ms| Timestamp(0) + Duration::from_millis(ms);
        let mut tally = Tally::default();
        assert!(tally.is_even(at(0)), "nothing came, nothing is owed");
        tally.kept(3, at(1000));
        tally.taken = 2;
        tally.last = Some(3);
        tally.kept(9, at(1010));
        assert!(!tally.is_even(at(1100)), "one of the three is in the ring");
        tally.taken = 3;
        assert!(tally.is_even(at(1100)), "those that came later are not wanted");
        tally.taken = 2;
        assert!(tally.is_even(at(1010) + HANDED_OVER));
    }

    #[test]
    fn counters_go_on_beyond_32_bits() {
        let mut counter = Some(0);
        for low in [u32::MAX - 1, 3, 3, 10] {
            widen(&mut counter, low);
        }
        assert_eq!(counter, Some((1 << 32) + 10));
    }

    #[test]
    fn words_about_rights_are_known() {
        let is = |why: &str| matches!(failure("eth0", why.into()), Error::NotPermitted { .. });
        assert!(is("socket: Operation not permitted"));
        assert!(is(
            "eth0: You don't have permission to capture on that device (socket: Operation not permitted)"
        ));
        assert!(!is("eth7: No such device exists (SIOCGIFHWADDR: No such device)"));
    }
}
