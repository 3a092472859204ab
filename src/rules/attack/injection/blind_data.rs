//! AT018: payload and SYNs that somebody guesses into a connection.

use serde_json::Value;

use crate::config::{RuleConfig, ScanThresholds};
use crate::rules::finding::{Finding, Severity};
use crate::rules::registry::{Detector, rules};
use crate::rules::wide::wide;
use crate::tcp::Endpoint;
use crate::track::{Confidence, Guesses, Overlaid, Record, Replaced, Role, Signs, Usual};

rules! {
    /// ## What it reports
    /// Somebody tries to put data, or a SYN, into a connection. `data`: three or more segments with payload inside the
    /// window whose acknowledgment cannot be right. `replaced`: payload sent again with other bytes, by a packet whose
    /// TTL or IP id is not its sender's; or payload of two lengths at one place, whose headers differ in two of TTL, IP
    /// id and timestamps. `syn`: three or more SYNs with changing numbers within 10 s, and no RSTs of
    /// that kind. `stray`: five or more segments with payload outside the window, each as far from the one before.
    /// ## Why it matters
    /// One that fits puts an attacker's bytes into the stream: into a web page, a route, a command.
    /// ## When it is normal
    /// Where data was not captured, acknowledgments of it look impossible; such connections are left out. A sender
    /// that merely runs over the window sends contiguous data, which is not counted (SQ003 and SQ004 tell it).
    /// ## Example
    /// On an open connection, payload at the expected number that acknowledges 2,000,000,000 beyond what was sent, three
    /// times.
    /// ## Source
    /// RFC 5961 §4 and §5; RFC 9293 §3.10.7.4, fifth check.
    "AT018" "blind-injection" {
        severity: Warning, source: "RFC 5961 §4, §5", since: "0.1",
        wants: [], check: Capture(blind_data),
    }
}

/// The detector behind AT018; it remembers nothing.
pub(super) fn blind_data(config: &RuleConfig) -> Box<dyn Detector> {
    Box::new(BlindData { limits: config.thresholds.scans.clone() })
}

#[derive(Debug)]
struct BlindData {
    limits: ScanThresholds,
}

impl Detector for BlindData {
    fn on_record(&mut self, record: &Record, say: &mut Vec<Finding>) {
        let Some(signs) = &record.signs else { return };
        say.extend(signs.replaced.as_ref().and_then(|r| self.replaced(record, r)));
        say.extend(signs.overlaid.as_ref().and_then(|o| overlaid(record, o)));
        if record.visibility.capture_loss {
            return;
        }
        say.extend(signs.blind_data.as_ref().and_then(|g| self.data(record, g)));
        say.extend(signs.stray_data.as_ref().and_then(|g| self.stray(record, g)));
        say.extend(self.syns(record, signs));
    }
}

impl BlindData {
    fn data(&self, record: &Record, g: &Guesses) -> Option<Finding> {
        let enough = u64::from(g.count) >= self.limits.blind_data;
        let message = "segments with payload inside the window acknowledge what cannot be";
        enough.then(|| guessed(record, g, "data", message))
    }

    fn stray(&self, record: &Record, g: &Guesses) -> Option<Finding> {
        // Contiguous payload is that of a sender that runs over the window.
        let even =
            u64::from(g.even_steps) + 2 >= self.limits.stray_data && g.step.unsigned_abs() > MAX_SEGMENT;
        let message = "segments with payload came outside the window, each as far from the one before";
        even.then(|| guessed(record, g, "stray", message))
    }

    fn syns(&self, record: &Record, signs: &Signs) -> Option<Finding> {
        let tries = |g: &Guesses| is_guessing(g, &self.limits);
        let with_resets = signs.reset_guesses.as_ref().is_some_and(|g| tries(g));
        let g = signs.syn_guesses.as_ref().filter(|g| tries(g) && !with_resets)?;
        Some(guessed(record, g, "syn", "SYNs with changing numbers came in the midst of the connection"))
    }

    fn replaced(&self, record: &Record, r: &Replaced) -> Option<Finding> {
        let far = r.ttl_step.is_some_and(|s| u64::from(s.unsigned_abs()) >= self.limits.ttl_apart);
        let off = r.id_step.is_some_and(|s| s.unsigned_abs() > Usual::ID_NEAR as u16);
        if !far && !off {
            return None;
        }
        let what = if far { "another TTL" } else { "an IP id out of the row" };
        let message = format!(
            "{} bytes in the name of the {} came again with other content and {what}",
            r.len,
            role(record, r.sender).name()
        );
        let mut finding = begin(record, r.sender, "replaced", message);
        finding.at = r.at;
        (finding.start, finding.end) = (Some(r.at), Some(r.at));
        finding.frames = r.frames.to_vec();
        finding.frames.sort_unstable();
        let is_sure = far && off;
        finding.severity = if is_sure { Severity::Error } else { Severity::Warning };
        finding.confidence = if is_sure { Confidence::High } else { Confidence::Medium };
        finding.evidence = vec![
            ("seq", r.seq.0.into()),
            ("bytes", r.len.into()),
            ("ttl_step", r.ttl_step.into()),
            ("ip_id_step", r.id_step.into()),
        ];
        Some(finding)
    }
}

/// Payload of two lengths at one place: a sender may cut its data anew, but not change its route and its options too.
fn overlaid(record: &Record, o: &Overlaid) -> Option<Finding> {
    let off = o.id_step.is_some_and(|s| s.unsigned_abs() > Usual::ID_NEAR as u16);
    let signs = [o.ttl_step != 0, o.timestamps_differ, off].iter().filter(|s| **s).count();
    if signs < 2 {
        return None;
    }
    let [first, second] = o.lens;
    let message = format!(
        "two hosts sent payload in the name of the {} at one place, {first} and {second} bytes: {signs} of TTL, IP id and \
         timestamps differ",
        role(record, o.sender).name()
    );
    let mut finding = begin(record, o.sender, "replaced", message);
    finding.at = o.at;
    (finding.start, finding.end) = (Some(o.at), Some(o.at));
    finding.frames = o.frames.to_vec();
    finding.severity = if signs == 3 { Severity::Error } else { Severity::Warning };
    finding.confidence = if signs == 3 { Confidence::High } else { Confidence::Medium };
    finding.evidence = vec![
        ("seq", o.seq.0.into()),
        ("first_bytes", first.into()),
        ("second_bytes", second.into()),
        ("ttl_step", o.ttl_step.into()),
        ("ip_id_step", o.id_step.into()),
        ("timestamps_differ", o.timestamps_differ.into()),
    ];
    Some(finding)
}

/// Three different numbers or more, close together.
pub(super) fn is_guessing(g: &Guesses, limits: &ScanThresholds) -> bool {
    let near = g.three_within.is_some_and(|t| t <= limits.blind_span);
    u64::from(g.distinct) >= limits.blind_numbers && near
}

/// A finding about guesses at one connection.
fn guessed(record: &Record, g: &Guesses, variant: &'static str, what: &str) -> Finding {
    let sender = role(record, g.sender).name();
    let message = format!("{} {what}, in the name of the {sender} ({})", g.count, g.sender);
    let mut finding = begin(record, g.sender, variant, message);
    finding.at = g.at;
    finding.confidence = Confidence::Medium;
    finding.frames = g.frames.clone();
    (finding.start, finding.end) = (Some(g.at), Some(g.last));
    finding.count = u64::from(g.count);
    finding.evidence = numbers(g);
    finding
}

/// What is known of guesses.
pub(super) fn numbers(g: &Guesses) -> Vec<(&'static str, Value)> {
    vec![
        ("segments", g.count.into()),
        ("numbers", g.distinct.into()),
        ("even_steps", g.even_steps.into()),
        ("step", g.step.into()),
        ("challenge_acks", g.challenges.into()),
    ]
}

fn begin(record: &Record, sender: Endpoint, variant: &'static str, message: String) -> Finding {
    let mut finding = wide("AT018", String::new(), record.first, message);
    finding.variant = Some(variant);
    (finding.connection, finding.endpoint, finding.key) = (Some(record.id), Some(role(record, sender)), None);
    finding
}

fn role(record: &Record, sender: Endpoint) -> Role {
    if record.endpoints.client == sender { Role::Client } else { Role::Server }
}

/// No segment on an Ethernet, jumbo frames included, is longer.
const MAX_SEGMENT: u32 = 9000;
