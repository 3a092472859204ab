//! Thresholds of the rules about scans, injected segments and what is predictable (AT007 to AT013, AT018 to AT020).

use super::Knob;
use crate::tcp::Duration;

/// From where on they speak; the defaults are those of tcp.md §7, and §5.2, §5.3 and §5.5 say where they come from.
#[derive(Clone, Debug)]
pub struct ScanThresholds {
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
    /// AT018: segments outside the window, each as far from the one before.
    pub stray_data: u64,
}

impl Default for ScanThresholds {
    fn default() -> Self {
        Self {
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
        }
    }
}

impl ScanThresholds {
    /// The names of all.
    pub const NAMES: [&str; 10] = [
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
    ];

    /// The threshold of this name.
    pub fn knob(&mut self, name: &str) -> Option<Knob<'_>> {
        Some(match name {
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
            _ => return None,
        })
    }
}
