//! AT020: the tools that packets give away, by source; floods and injectors by what all their packets have in common.
//!
//! Remembered are at most 4096 sources with a label each and 4096 listeners that are asked eight times within ten
//! seconds; those least recently heard of go first and say what they have to say.

mod tools;

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::config::RuleConfig;
use crate::rules::counter::{Frames, Table};
use crate::rules::finding::Finding;
use crate::rules::registry::{Detector, Seen, rules};
use crate::rules::wide::wide;
use crate::rules::words::counted;
use crate::tcp::{Duration, Endpoint, Timestamp};
use crate::track::{Fact, Header, Record, ResetBurst};

use super::seconds::second_of;
use super::sketch::{Gate, hash_of_endpoint};

pub use tools::{Probe, tool_of};
use tools::{TOOLS, Tool};

rules! {
    /// ## What it reports
    /// The tool that made packets, where they give it away. By source: `mirai-scan` (sequence number = address),
    /// `nmap-os`, `masscan` (IP id = address ^ port ^ sequence number), `zmap` (IP id 54321), `nmap-syn`, `hping3`. By
    /// listener: `zero16-flood` (the low half of every sequence number is 0, no options), `unoptioned-flood` (SYNs
    /// without MSS, which every stack sends). By the host that RSTs name: `rst-triplet` (three RSTs within 5 ms whose
    /// windows count up) and `rst-ladder` (RSTs at steps of 1460 bytes).
    /// ## Why it matters
    /// It says what an attacker uses, and makes other findings about the same source surer: a stack that talks to a
    /// service has none of these marks.
    /// ## When it is normal
    /// Your own scans and load tests. The chance that an ordinary packet fits by accident is 2^-16 for most labels, which
    /// is why ten have to, and 2^-32 for the first two, where one is enough.
    /// ## Example
    /// SYNs to 198.51.100.9:23 and 198.51.100.10:23 with sequence numbers 3325256713 and 3325256714.
    /// ## Source
    /// masscan and zmap source code; nmap.org, OS detection; Antonakakis et al., Understanding the Mirai Botnet (2017);
    /// Weaver, Sommer, Paxson (NDSS 2009).
    "AT020" "tool-fingerprint" {
        severity: Note, source: "source code of masscan, zmap, nmap and Mirai; NDSS 2009", since: "0.1",
        wants: [Opened], check: Capture(fingerprints),
    }
}

/// The detector behind AT020.
fn fingerprints(_: &RuleConfig) -> Box<dyn Detector> {
    Box::new(Fingerprints {
        sources: Table::new(MAX_KEYS),
        gone: Vec::new(),
        gate: Gate::new(LISTENER_ASKED),
        listeners: Table::new(MAX_KEYS),
        injectors: Table::new(MAX_KEYS),
    })
}

/// Sources, listeners and hosts remembered, of each so many.
const MAX_KEYS: usize = 4096;
/// Stands for all ports of an address.
const ANY_PORT: u16 = 0;
/// A listener is watched when it is asked so often within ten seconds (tcp.md §5.0).
const LISTENER_ASKED: u8 = 8;

#[derive(Debug)]
struct Fingerprints {
    /// By source and index into [`TOOLS`].
    sources: Table<(IpAddr, usize), Marks>,
    gone: Vec<((IpAddr, usize), Marks)>,
    gate: Gate,
    listeners: Table<Endpoint, Asked>,
    /// By the host that RSTs name, and their label.
    injectors: Table<(IpAddr, &'static str), Span>,
}

/// When, how often, and which packets.
#[derive(Debug, Default)]
struct Span {
    count: u64,
    times: Option<(Timestamp, Timestamp)>,
    frames: Frames,
}

/// Packets of one source that fit one tool.
#[derive(Debug, Default)]
struct Marks {
    span: Span,
    last: Option<(Header, u16)>,
}

/// SYNs to one listener.
#[derive(Debug, Default)]
struct Asked {
    span: Span,
    zero16: u64,
    without_mss: u64,
}

impl Detector for Fingerprints {
    fn on_seen(&mut self, seen: &Seen, say: &mut Vec<Finding>) {
        if !matches!(seen.event.fact, Fact::Opened) {
            return;
        }
        let [src, dst] = seen.endpoints;
        let probe = Probe { header: seen.header, src, dst };
        for (i, tool) in TOOLS.iter().enumerate().filter(|(_, t)| (t.fits)(&probe)) {
            let marks = self.sources.at((src.addr, i), &mut self.gone, Marks::default);
            if marks.last.is_none_or(|(before, port)| (tool.follows)(&before, port, &probe)) {
                marks.span.add(seen.event.at, seen.event.frame);
            }
            marks.last = Some((seen.header, src.port));
        }
        if !self.gone.is_empty() {
            say.extend(self.gone.drain(..).filter_map(|(key, marks)| marks.finding(key)));
        }
        if seen.header.is_syn() && !seen.header.is_cut {
            self.asked(dst, seen, say);
            // Some floods take another port each time.
            self.asked(Endpoint::new(dst.addr, ANY_PORT), seen, say);
        }
    }

    fn on_record(&mut self, record: &Record, say: &mut Vec<Finding>) {
        let Some(burst) = record.signs.as_ref().and_then(|s| s.resets.as_ref()) else { return };
        let Some(label) = injector(burst) else { return };
        let mut gone = Vec::new();
        let span = self.injectors.at((burst.sender.addr, label), &mut gone, Span::default);
        for frame in burst.frames.into_iter().filter(|f| *f != 0) {
            span.frames.add(frame);
        }
        span.add(burst.at, burst.frames[0]);
        say.extend(gone.into_iter().map(|((host, label), span)| injected(host, label, span)));
    }

    fn on_end(&mut self, _now: Timestamp, say: &mut Vec<Finding>) {
        let sources = self.sources.drain_if(|(_, tool), marks| marks.tool(*tool).is_some());
        say.extend(sources.into_iter().filter_map(|(key, marks)| marks.finding(key)));
        self.tell_listeners(say);
        say.extend(
            self.injectors.drain().into_iter().map(|((host, label), span)| injected(host, label, span)),
        );
    }

    fn forgotten(&self) -> u64 {
        self.sources.forgotten() + self.listeners.forgotten() + self.injectors.forgotten()
    }
}

impl Fingerprints {
    /// An address is told only where none of its listeners is.
    fn tell_listeners(&mut self, say: &mut Vec<Finding>) {
        let (addresses, listeners): (Vec<_>, Vec<_>) =
            self.listeners.drain().into_iter().partition(|(listener, _)| listener.port == ANY_PORT);
        let mut told = BTreeSet::new();
        for (listener, asked) in listeners.into_iter().chain(addresses) {
            if listener.port == ANY_PORT && told.contains(&listener.addr) {
                continue;
            }
            if let Some(finding) = asked.finding(listener) {
                told.insert(listener.addr);
                say.push(finding);
            }
        }
    }

    fn asked(&mut self, listener: Endpoint, seen: &Seen, say: &mut Vec<Finding>) {
        if !self.gate.passes(hash_of_endpoint(&listener), second_of(seen.event.at)) {
            return;
        }
        let mut gone = Vec::new();
        let asked = self.listeners.at(listener, &mut gone, Asked::default);
        asked.span.add(seen.event.at, seen.event.frame);
        asked.zero16 += u64::from(seen.header.seq.0 as u16 == 0 && seen.header.layout == 0);
        asked.without_mss += u64::from(seen.header.mss == 0);
        if !gone.is_empty() {
            say.extend(gone.into_iter().filter_map(|(listener, asked)| asked.finding(listener)));
        }
    }
}

impl Span {
    fn add(&mut self, at: Timestamp, frame: u64) {
        self.count += 1;
        let (first, last) = self.times.unwrap_or((at, at));
        self.times = Some((first.min(at), last.max(at)));
        self.frames.add(frame);
    }

    fn finding(self, key: String, label: &'static str, message: String) -> Finding {
        let (first, last) = self.times.unwrap_or_default();
        let mut finding = wide("AT020", key, first, message);
        finding.variant = Some(label);
        finding.frames = self.frames.sorted();
        (finding.start, finding.end) = (Some(first), Some(last));
        finding.count = self.count;
        finding.evidence = vec![("packets", self.count.into())];
        finding
    }
}

impl Marks {
    /// The tool, if there are as many packets as it needs.
    fn tool(&self, tool: usize) -> Option<&'static Tool> {
        TOOLS.get(tool).filter(|t| self.span.count >= t.least)
    }

    fn finding(self, (source, tool): (IpAddr, usize)) -> Option<Finding> {
        let tool = self.tool(tool)?;
        let message = format!(
            "{source} seems to use {}: {} packets whose {}",
            tool.label, self.span.count, tool.because
        );
        Some(self.span.finding(source.to_string(), tool.label, message))
    }
}

impl Asked {
    /// SYNs that are enough to tell what all have in common.
    const LEAST: u64 = 64;

    fn finding(self, listener: Endpoint) -> Option<Finding> {
        let all = self.span.count;
        let is_address = listener.port == ANY_PORT;
        let (label, share, what) = if self.zero16 * 100 >= all * 99 {
            ("zero16-flood", self.zero16, "have no options and a sequence number whose low half is 0")
        } else if self.without_mss * 100 >= all * 95 && !is_address {
            ("unoptioned-flood", self.without_mss, "do not say a maximum segment size, as every stack does")
        } else {
            return None;
        };
        let key = if is_address { listener.addr.to_string() } else { listener.to_string() };
        let message = format!("{share} of {all} SYNs to {key} {what}: a tool made them");
        let mut finding = (all >= Self::LEAST).then(|| self.span.finding(key, label, message))?;
        finding.evidence.push(("matching", share.into()));
        Some(finding)
    }
}

/// The label of RSTs that come together (tcp.md §5.5).
fn injector(b: &ResetBurst) -> Option<&'static str> {
    let soon = b.last.since(b.at) <= Duration::from_millis(5);
    match b {
        _ if b.count < 3 => None,
        b if b.counts_windows && b.with_ack && soon => Some("rst-triplet"),
        b if b.steps_ahead => Some("rst-ladder"),
        _ => None,
    }
}

fn injected(host: IpAddr, label: &'static str, span: Span) -> Finding {
    let what = if label == "rst-ladder" { "steps of 1460 bytes" } else { "windows that count up" };
    let message = format!(
        "RSTs in the name of {host} came three at a time with {what}, in {}: an injector's pattern",
        counted(span.count, "connection", "connections")
    );
    span.finding(host.to_string(), label, message)
}
