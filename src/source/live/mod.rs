//! `Live`: packets from interfaces as they come, until told to stop.
//!
//! A quiet interface answers `Idle` ten times a second. When it is told to stop, it gives every packet that came before
//! that moment, also those the kernel has not handed over yet, and nothing after it.

mod handle;
mod interfaces;

use std::io::PipeReader;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::SystemTime;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

pub use interfaces::{Connection, Interface, interfaces};

use crate::error::Error;
use crate::source::stop::{Stopper, Wish, drain};
use crate::source::{Input, Next, Source, Writer};
use crate::tcp::{Duration, Timestamp};
use handle::Handle;

/// How interfaces are opened, and when to stop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveOptions {
    /// A capture filter in libpcap's syntax; the kernel applies it.
    pub filter: Option<String>,
    /// Bytes kept of each packet. 128 hold Ethernet, a VLAN tag, IPv6 and the longest TCP header; tunnels need more.
    pub snaplen: u32,
    /// Bytes that the kernel keeps while nobody reads, for each interface. At a million packets a second and a snaplen of
    /// 128, 16 MiB last for 0.1 s.
    pub buffer: u32,
    /// Whether the interface takes in what is not for it.
    pub promiscuous: bool,
    /// Stop after this many packets.
    pub count: Option<u64>,
    /// Stop after this time.
    pub duration: Option<Duration>,
}

impl Default for LiveOptions {
    fn default() -> Self {
        Self { filter: None, snaplen: 128, buffer: 16 << 20, promiscuous: true, count: None, duration: None }
    }
}

/// Interfaces that are being captured on.
pub struct Live {
    handles: Vec<Handle>,
    inputs: Vec<Input>,
    wish: Arc<Wish>,
    wake: PipeReader,
    left: Option<u64>,
    duration: Option<Duration>,
    /// Packets after it are not wanted.
    until: Option<Timestamp>,
    number: u64,
    /// When it last took a breath.
    breath: Timestamp,
    /// Packets since the last look at the counters and at the wish to stop.
    unwatched: u32,
    writer: Option<Writer>,
}

impl Live {
    /// Opens every interface, and gives what stops it.
    ///
    /// # Errors
    /// [`Error::NotPermitted`], [`Error::Interface`], [`Error::BadFilter`].
    pub fn open<S: AsRef<str>>(names: &[S], options: &LiveOptions) -> Result<(Self, Stopper), Error> {
        let mut handles = Vec::new();
        let mut inputs = Vec::new();
        for name in names {
            let (handle, input) = Handle::open(name.as_ref(), options)?;
            handles.push(handle);
            inputs.push(input);
        }
        let (wake, stopper) = Stopper::new().map_err(|e| Error::Interface {
            interface: names.first().map_or(String::new(), |n| n.as_ref().into()),
            why: e.to_string(),
        })?;
        let live = Self {
            handles,
            inputs,
            wish: stopper.wish(),
            wake,
            left: options.count,
            duration: options.duration,
            until: None,
            number: 0,
            breath: Timestamp::MIN,
            unwatched: 0,
            writer: None,
        };
        Ok((live, stopper))
    }

    /// Writes every packet that it gives as well.
    pub fn write_to(&mut self, mut writer: Writer) {
        writer.begin(&self.inputs);
        self.writer = Some(writer);
    }

    /// No packet comes any more.
    fn end(&mut self) {
        self.look(now());
        if let Some(mut writer) = self.writer.take() {
            writer.finish(&self.inputs);
        }
    }

    /// The handle with the packet whose turn it is. With several interfaces, one that is ahead waits until the others
    /// have a packet too, or would have handed over an earlier one by now.
    fn ready(&mut self, now: impl Fn() -> Timestamp) -> Option<usize> {
        let several = self.handles.len() > 1;
        for (handle, input) in self.handles.iter_mut().zip(&mut self.inputs) {
            handle.fill(input, self.until);
        }
        let heads = self.handles.iter().enumerate();
        let (i, time) = heads.filter_map(|(i, h)| Some((i, h.head()?.time))).min_by_key(|(_, time)| *time)?;
        let others = !several || self.handles.iter().all(|h| h.is_over() || h.head().is_some());
        (others || time + HANDED_OVER <= now()).then_some(i)
    }

    /// Waits for a packet or a wish, but not for long.
    fn wait(&mut self) {
        let mut fds: Vec<PollFd<'_>> = vec![PollFd::new(&self.wake, PollFlags::IN)];
        let open = self.handles.iter().filter(|h| !h.is_over() && h.head().is_none());
        fds.extend(open.map(|h| PollFd::from_borrowed_fd(h.as_fd(), PollFlags::IN)));
        let time = Timespec { tv_sec: 0, tv_nsec: self.pause().0 };
        // Interrupted or not: whatever happened is looked at next.
        let _ = poll(&mut fds, Some(&time));
        if fds.first().is_some_and(|fd| fd.revents().contains(PollFlags::IN)) {
            drain(&self.wake);
            self.breath = Timestamp::MIN;
        }
    }

    /// Looks at the wish to stop and at the counters.
    fn look(&mut self, now: Timestamp) {
        self.unwatched = 0;
        if self.wish.is_stop() {
            self.until = Some(self.until.map_or(now, |until| until.min(now)));
        }
        for (handle, input) in self.handles.iter_mut().zip(&mut self.inputs) {
            handle.count(input, now);
            if self.until.is_some_and(|until| now >= until) {
                handle.want_no_more();
            }
        }
    }

    /// Whether no packet can come any more that is wanted.
    fn is_over(&self, now: Timestamp) -> bool {
        let past = |until| {
            now >= until + HANDED_OVER || (now >= until && self.handles.iter().all(|h| h.is_drained(now)))
        };
        self.handles.iter().all(Handle::is_over) || self.until.is_some_and(past)
    }

    /// How long it may be silent: less while it waits for the last packets.
    fn pause(&self) -> Duration {
        if self.until.is_some_and(|until| self.breath >= until) { LAST_PAUSE } else { PAUSE }
    }
}

impl Source for Live {
    fn next(&mut self) -> Result<Next<'_>, Error> {
        if let Some(duration) = self.duration.take() {
            self.until = Some(now() + duration);
        }
        if self.unwatched >= UNWATCHED {
            self.look(now());
        }
        let at = loop {
            if self.left == Some(0) {
                self.end();
                return Ok(Next::End);
            }
            if let Some(at) = self.ready(now) {
                break at;
            }
            let now = now();
            if now >= self.breath + self.pause() {
                self.look(now);
                if self.is_over(now) {
                    self.end();
                    return Ok(Next::End);
                }
                self.breath = now;
                if let Some(writer) = &mut self.writer {
                    writer.flush();
                }
                return Ok(Next::Idle(now - HANDED_OVER));
            }
            self.wait();
        };
        self.left = self.left.map(|n| n - 1);
        self.number += 1;
        self.unwatched += 1;
        let (Some(handle), Some(input)) = (self.handles.get_mut(at), self.inputs.get_mut(at)) else {
            return Ok(Next::End);
        };
        let packet = handle.take(self.number);
        input.count(&packet);
        if let Some(writer) = &mut self.writer {
            writer.packet(at, &packet, &self.inputs);
        }
        Ok(Next::Packet(packet))
    }

    fn inputs(&self) -> &[Input] {
        &self.inputs
    }
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}

/// The kernel hands over a block of packets when it is full or this old (libpcap's packet buffer timeout).
const BLOCK_MS: i32 = 50;
/// After this time a packet has been handed over, with room for a timer that is late on a busy machine.
const HANDED_OVER: Duration = Duration::from_millis(8 * BLOCK_MS as i64);
/// Longest silence of the source.
const PAUSE: Duration = Duration::from_millis(100);
/// The same at the end: a fifth of what the kernel takes to hand over a block.
const LAST_PAUSE: Duration = Duration::from_millis(BLOCK_MS as i64 / 5);
/// Packets given at most without a look at the wish to stop and at the counters.
const UNWATCHED: u32 = 1 << 14;
