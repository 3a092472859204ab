//! The top of the page: what was read and how well; and the half-open and TIME_WAIT figures below the connections.

use std::io::{self, Write};

use super::clients;
use super::page::Page;
use crate::decode::Skip;
use crate::engine::Gauge;
use crate::output::text::{bytes, counted, escape, link_name, thousands};
use crate::report::Word;
use crate::source::Input;
use crate::track::OpenOutcome;

/// Inputs, packets, quality, connections.
pub fn write(page: &Page<'_>, out: &mut dyn Write) -> io::Result<()> {
    let mut lines = input_lines(page);
    lines.push(("Packets", packets_line(page)));
    lines.push(("Quality", quality_line(page)));
    lines.push(("Connections", connections_line(page)));
    lines.push(("Kept", kept_line(page)));
    lines.push(("Limits", limits_line(page)));
    lines.retain(|(_, text)| !text.is_empty());
    page.put(page.labelled(lines), out)
}

/// Inputs alone, where they held nothing.
pub fn inputs(page: &Page<'_>, out: &mut dyn Write) -> io::Result<()> {
    match page.report.inputs.is_empty() {
        true => Ok(()),
        false => page.put(page.labelled(input_lines(page)), out),
    }
}

fn input_lines(page: &Page<'_>) -> Vec<(&'static str, String)> {
    let mut lines = Vec::new();
    for input in page.report.inputs.iter().take(INPUTS) {
        lines.push(("Input", input_line(page, input)));
        if let Some(problem) = &input.problem {
            lines.push(("", format!("not read to its end: {}", escape(problem))));
        }
    }
    let more = page.report.inputs.len().saturating_sub(INPUTS);
    if more > 0 {
        lines.push(("", format!("and {}", counted(more as u64, "more input"))));
    }
    lines
}

/// Half-open and TIME_WAIT.
pub fn figures(page: &Page<'_>, out: &mut dyn Write) -> io::Result<()> {
    let s = &page.report.summary;
    let expired = match s.half_open_expired {
        0 => String::new(),
        n => format!(", {} given up by the server", thousands(n)),
    };
    let half_open = format!("{}{expired}", gauge(page, &s.half_open));
    writeln!(out)?;
    let mut lines = vec![("Half-open", half_open), ("TIME_WAIT", gauge(page, &s.time_wait))];
    lines.extend(clients::holders(page));
    page.put(page.labelled(lines), out)
}

fn input_line(page: &Page<'_>, input: &Input) -> String {
    let path = input.path.to_string_lossy();
    let mut kind = vec![input.format.clone()];
    kind.extend(input.link_types.iter().take(LINKS).map(|link| link_name(*link).into_owned()));
    let mut parts = vec![counted(input.packets, "packet"), bytes(input.bytes)];
    if input.filtered > 0 {
        parts.push(format!("{} not matched by the filter", thousands(input.filtered)));
    }
    if let (Some(received), Some(dropped)) = (input.received, input.dropped) {
        let by_interface = input.dropped_by_interface.unwrap_or(0);
        parts.push(format!(
            "{} received, {} dropped by the kernel, {} by the interface",
            thousands(received),
            thousands(dropped),
            thousands(by_interface)
        ));
    }
    if let Some(first) = input.first {
        parts.push(format!("from {} for {}", page.time(first), input.span()));
    }
    format!("{} ({}): {}", escape(&path), kind.join(", "), parts.join(", "))
}

fn packets_line(page: &Page<'_>) -> String {
    let s = &page.report.summary;
    let skipped: u64 = s.skipped.values().sum();
    let mut parts = vec![counted(s.segments, "segment")];
    if skipped > 0 {
        let reason = |skip: &Skip| {
            let n = s.skipped.get(skip.name()).copied().filter(|n| *n > 0)?;
            Some(format!("{} {}", thousands(n), reason(*skip)))
        };
        let reasons: Vec<_> = Skip::ALL.iter().filter_map(reason).collect();
        parts.push(format!("{} without a segment ({})", thousands(skipped), reasons.join(", ")));
    }
    if s.duplicates > 0 {
        parts.push(format!(
            "{} of packets seen before",
            counted(s.duplicates, "copie").replace("copie ", "copy ")
        ));
    }
    format!("{}: {}", thousands(s.packets), parts.join(", "))
}

/// What stands in brackets after the number of packets that gave no segment.
fn reason(skip: Skip) -> &'static str {
    match skip {
        Skip::NotIp => "not IP",
        Skip::NotTcp => "not TCP",
        Skip::IcmpQuote => "ICMP errors about TCP",
        Skip::Fragment => "fragments without their rest",
        Skip::FragmentRefused => "fragments refused",
        Skip::Cut => "cut before the TCP flags",
        Skip::Malformed => "malformed",
        Skip::UnknownLinkType => "of an unknown link type",
        Skip::Encrypted => "encrypted",
        Skip::TooDeep => "in too many tunnels",
    }
}

fn quality_line(page: &Page<'_>) -> String {
    let (s, r) = (&page.report.summary, page.report);
    let dropped: u64 = r.inputs.iter().filter_map(|i| i.dropped).sum();
    let cut = r.inputs.iter().filter(|i| i.problem.is_some()).count() as u64;
    let lossy = r.connections.iter().filter(|c| c.record.visibility.capture_loss).count() as u64;
    let oneway = r.connections.iter().filter(|c| !c.record.visibility.both_directions).count() as u64;
    let parts = [
        (cut, format!("{} not read to the end", counted(cut, "input"))),
        (dropped, format!("{} dropped while capturing", counted(dropped, "packet"))),
        (lossy, format!("{} with bytes that were not captured", counted(lossy, "connection"))),
        (oneway, format!("{} seen in one direction only", counted(oneway, "connection"))),
        (s.duplicates, format!("{} captured twice", counted(s.duplicates, "packet"))),
        (s.bad_checksums, counted(s.bad_checksums, "wrong checksum")),
        (s.time_backsteps, format!("time went back {}", counted(s.time_backsteps, "time"))),
    ];
    let parts: Vec<_> = parts.into_iter().filter(|(n, _)| *n > 0).map(|(_, text)| text).collect();
    match parts.is_empty() {
        true => "nothing seems to be missing, copied or damaged".into(),
        false => parts.join(", "),
    }
}

fn connections_line(page: &Page<'_>) -> String {
    let s = &page.report.summary;
    let outcome = |wanted: OpenOutcome| {
        let n = page.report.connections.iter().filter(|c| c.record.open.outcome == wanted).count();
        (n > 0).then(|| format!("{} {}", thousands(n as u64), wanted.word()))
    };
    let mut parts: Vec<_> = match s.limits.dropped_connections {
        0 if page.layout.condition.is_none() => OpenOutcome::ALL.iter().filter_map(|o| outcome(*o)).collect(),
        _ => Vec::new(),
    };
    parts.extend((s.short > 0).then(|| format!("{} short", thousands(s.short))));
    parts.extend((s.long > 0).then(|| format!("{} long", thousands(s.long))));
    match parts.is_empty() {
        true => thousands(s.connections),
        false => format!("{}: {}", thousands(s.connections), parts.join(", ")),
    }
}

/// Which of them follow, where not all were asked for.
fn kept_line(page: &Page<'_>) -> String {
    let kept = page.report.connections.len() as u64 + page.report.summary.limits.dropped_connections;
    let text = |condition: &String| format!("{}, where {}", counted(kept, "connection"), escape(condition));
    page.layout.condition.as_ref().map(text).unwrap_or_default()
}

fn limits_line(page: &Page<'_>) -> String {
    let limits = &page.report.summary.limits;
    let parts = [
        (limits.evicted_connections, "ended early because the table of connections was full"),
        (limits.dropped_connections, "connections counted and left out of the report"),
        (limits.dropped_findings, "findings counted and left out of the report"),
        (limits.dropped_transitions, "state changes counted and not kept"),
        (limits.unlisted_listeners, "connections missing in the figures of listeners"),
        (limits.unlisted_clients, "connections missing in the figures of clients"),
        (limits.unlisted_destinations, "connections missing in the figures of destinations"),
        (limits.unlisted_hosts, "TIME_WAITs missing in the figures of hosts"),
        (limits.forgotten_keys, "addresses forgotten by rules that look across connections"),
    ];
    let parts: Vec<_> =
        parts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{} {what}", thousands(*n))).collect();
    parts.join(", ")
}

fn gauge(page: &Page<'_>, gauge: &Gauge) -> String {
    if gauge.total == 0 {
        return "none".into();
    }
    let at = gauge.peak_at.map(|at| format!(" ({})", page.time(at))).unwrap_or_default();
    format!(
        "{} in all, at most {} at once{at}, {} at the end",
        thousands(gauge.total),
        thousands(gauge.peak),
        thousands(gauge.now)
    )
}

/// Inputs named one by one.
const INPUTS: usize = 5;
/// Link types named of one input.
const LINKS: usize = 3;
