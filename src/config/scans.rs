//! Thresholds of the rules about scans, injected segments and what is predictable (AT007 to AT013, AT018 to AT020).

use std::net::IpAddr;

use ipnet::IpNet;

use super::Knob;
use crate::tcp::Duration;

/// From where on they speak; the defaults are those of tcp.md §7, and §5.2, §5.3 and §5.5 say where they come from.
#[derive(Clone, Debug)]
pub struct ScanThresholds {
    /// Networks whose hosts may scan: monitoring and inventory. Set by --trusted.
    pub trusted: Vec<IpNet>,
    /// AT007: targets of segments without flags, with FIN alone, or with FIN, PSH and URG.
    pub stealth: u64,
    /// AT007: targets of segments of two or more of these kinds; fewer, since no stack sends either.
    pub stealth_mixed: u64,
    /// AT007: targets of ACKs and FIN+ACKs without a connection.
    pub stealth_acks: u64,
    /// AT007: within this time.
    pub stealth_span: Duration,
    /// AT007: so long after the beginning of the input, the rest of older connections looks like a scan.
    pub warm_up: Duration,
    /// AT008: different failed ports of one host; Zeek's default.
    pub vertical: u64,
    /// AT008: so many are a note already.
    pub vertical_note: u64,
    /// AT008: the same within [`ScanThresholds::slow_span`].
    pub vertical_slow: u64,
    /// AT009: different failed hosts with one port; Zeek's default.
    pub horizontal: u64,
    /// AT009: so many are a note already.
    pub horizontal_note: u64,
    /// AT008, AT009: within this time; Zeek's default. A pause as long ends a scan.
    pub scan_span: Duration,
    /// AT008: the time for slow scans.
    pub slow_span: Duration,
    /// AT008, AT009: per cent of first contacts that succeed, from which on a source is no scanner.
    pub scan_success: u64,
    /// AT008, AT009: attempts at a target that was tried before, for each target; scanners try twice or three times.
    pub scan_again: u64,
    /// AT009 distributed: hosts of one network.
    pub spread_hosts: u64,
    /// AT009 distributed: SYNs of each source, at most.
    pub spread_each: u64,
    /// AT009 distributed: per cent of SYNs that look alike.
    pub spread_alike: u64,
    /// AT009 distributed: as many SYNs a second are a flood (AT002).
    pub spread_rate: u64,
    /// AT011: different sequence numbers tried on one connection.
    pub blind_numbers: u64,
    /// AT011: within this time.
    pub blind_span: Duration,
    /// AT011: so many tries leave no doubt.
    pub blind_sure: u64,
    /// AT011: ports of one service pair that got a RST although no connection was there.
    pub blind_ports: u64,
    /// AT012: points from which on a RST was not sent by the end it names.
    pub onpath_score: u64,
    /// AT012, AT013, AT018: TTLs so far apart come from two places; routes differ by one or two.
    pub ttl_apart: u64,
    /// AT012: connections whose RSTs all differ by the same TTL are the work of one middlebox.
    pub middlebox: u64,
    /// AT013: two answers to one SYN within this time; a server with SYN cookies needs a minute for another one.
    pub hijack_span: Duration,
    /// AT018: segments inside the window that acknowledge what cannot be.
    pub blind_data: u64,
    /// AT019: initial sequence numbers of one host that tell whether they follow a rule.
    pub isn_least: u64,
    /// AT018: segments outside the window, each as far from the one before.
    pub stray_data: u64,
}

impl Default for ScanThresholds {
    fn default() -> Self {
        Self {
            trusted: Vec::new(),
            stealth: 5,
            stealth_mixed: 3,
            stealth_acks: 10,
            stealth_span: Duration::from_secs(60),
            warm_up: Duration::from_secs(30),
            vertical: 15,
            vertical_note: 5,
            vertical_slow: 30,
            horizontal: 25,
            horizontal_note: 5,
            scan_span: Duration::from_secs(300),
            slow_span: Duration::from_secs(3600),
            scan_success: 30,
            scan_again: 3,
            spread_hosts: 16,
            spread_each: 3,
            spread_alike: 90,
            spread_rate: 200,
            blind_numbers: 3,
            blind_span: Duration::from_secs(10),
            blind_sure: 100,
            blind_ports: 16,
            onpath_score: 3,
            ttl_apart: 3,
            middlebox: 5,
            hijack_span: Duration::from_secs(3),
            blind_data: 3,
            stray_data: 5,
            isn_least: 16,
        }
    }
}

impl ScanThresholds {
    /// Whether this host may scan.
    pub fn trusts(&self, addr: IpAddr) -> bool {
        self.trusted.iter().any(|net| net.contains(&addr))
    }

    /// The names of all.
    pub const NAMES: [&str; 29] = [
        "stealth",
        "stealth-mixed",
        "stealth-acks",
        "stealth-span",
        "warm-up",
        "vertical",
        "vertical-note",
        "vertical-slow",
        "horizontal",
        "horizontal-note",
        "scan-span",
        "slow-span",
        "scan-success",
        "scan-again",
        "spread-hosts",
        "spread-each",
        "spread-alike",
        "spread-rate",
        "blind-numbers",
        "blind-span",
        "blind-sure",
        "blind-ports",
        "onpath-score",
        "ttl-apart",
        "middlebox",
        "hijack-span",
        "blind-data",
        "stray-data",
        "isn-least",
    ];

    /// The threshold of this name.
    pub fn knob(&mut self, name: &str) -> Option<Knob<'_>> {
        Some(match name {
            "stealth" => Knob::Count(&mut self.stealth),
            "stealth-mixed" => Knob::Count(&mut self.stealth_mixed),
            "stealth-acks" => Knob::Count(&mut self.stealth_acks),
            "stealth-span" => Knob::Span(&mut self.stealth_span),
            "warm-up" => Knob::Span(&mut self.warm_up),
            "vertical" => Knob::Count(&mut self.vertical),
            "vertical-note" => Knob::Count(&mut self.vertical_note),
            "vertical-slow" => Knob::Count(&mut self.vertical_slow),
            "horizontal" => Knob::Count(&mut self.horizontal),
            "horizontal-note" => Knob::Count(&mut self.horizontal_note),
            "scan-span" => Knob::Span(&mut self.scan_span),
            "slow-span" => Knob::Span(&mut self.slow_span),
            "scan-success" => Knob::Count(&mut self.scan_success),
            "scan-again" => Knob::Count(&mut self.scan_again),
            "spread-hosts" => Knob::Count(&mut self.spread_hosts),
            "spread-each" => Knob::Count(&mut self.spread_each),
            "spread-alike" => Knob::Count(&mut self.spread_alike),
            "spread-rate" => Knob::Count(&mut self.spread_rate),
            "blind-numbers" => Knob::Count(&mut self.blind_numbers),
            "blind-span" => Knob::Span(&mut self.blind_span),
            "blind-sure" => Knob::Count(&mut self.blind_sure),
            "blind-ports" => Knob::Count(&mut self.blind_ports),
            "onpath-score" => Knob::Count(&mut self.onpath_score),
            "ttl-apart" => Knob::Count(&mut self.ttl_apart),
            "middlebox" => Knob::Count(&mut self.middlebox),
            "hijack-span" => Knob::Span(&mut self.hijack_span),
            "blind-data" => Knob::Count(&mut self.blind_data),
            "stray-data" => Knob::Count(&mut self.stray_data),
            "isn-least" => Knob::Count(&mut self.isn_least),
            _ => return None,
        })
    }
}
