//! Holders of TIME_WAIT and clients on the page: who holds what and how it ends, ports that run short, and what
//! pooling would have saved.

use std::cmp::Reverse;
use std::io::{self, Write};

use super::page::Page;
use crate::engine::{Client, Destination, Host, IdleReason, Restart, RestartKind};
use crate::output::layout::Detail;
use crate::output::text::{counted, thousands};
use crate::report::Word;

/// Lines below the TIME_WAIT figures: holders, and services that came back while it lasted.
pub fn holders(page: &Page<'_>) -> Vec<(&'static str, String)> {
    let mut hosts: Vec<&Host> = page.report.hosts.iter().filter(|h| is_telling(h)).collect();
    hosts.sort_by_key(|h| (Reverse(h.gauge.peak), h.addr));
    let mut lines: Vec<_> = hosts.iter().take(shown(page)).map(|h| ("", holder(page, h))).collect();
    let more = hosts.len().saturating_sub(shown(page)) as u64;
    lines.extend((more > 0).then(|| ("", format!("{}; -v shows each", counted(more, "more holder")))));
    let back = page.report.listeners.iter().flat_map(|l| l.restarts.kept.iter().map(move |r| (l, r)));
    let told = back.filter(|(_, r)| r.kind != RestartKind::Plain).take(shown(page));
    lines.extend(told.map(|(l, r)| ("", format!("{} {}", l.endpoint, came_back(page, r)))));
    lines
}

/// Clients whose ports run short, whose connections are many and short, or sit still; nothing where there are none.
pub fn write(page: &Page<'_>, out: &mut dyn Write) -> io::Result<()> {
    let mut lines: Vec<(u64, String)> = Vec::new();
    for client in &page.report.clients {
        lines.extend(client.destinations.iter().filter_map(|d| ports(client, d)));
        lines.extend(client.destinations.iter().filter_map(|d| pooling(client, d)));
        lines.extend(still(client));
    }
    if lines.is_empty() {
        return Ok(());
    }
    lines.sort_by_key(|(weight, _)| Reverse(*weight));
    let more = lines.len().saturating_sub(shown(page)) as u64;
    lines.truncate(shown(page));
    let mut rows: Vec<(&str, String)> = Vec::new();
    for (_, text) in lines {
        rows.push((if rows.is_empty() { "Clients" } else { "" }, text));
    }
    rows.extend(
        (more > 0).then(|| ("", format!("{} about clients; -v shows each", counted(more, "more line")))),
    );
    writeln!(out)?;
    page.put(page.labelled(rows), out)
}

fn is_telling(h: &Host) -> bool {
    h.as_client + h.as_server >= MANY
        || h.exact.count() > 0
        || h.reuses.total + h.reuses.refused_syns + h.restarts > 0
}

fn holder(page: &Page<'_>, h: &Host) -> String {
    let role = match (h.as_client, h.as_server) {
        (n, 0) => format!("{} as client", thousands(n)),
        (0, n) => format!("{} as server", thousands(n)),
        (c, s) => format!("{} as client, {} as server", thousands(c), thousands(s)),
    };
    let at = h.gauge.peak_at.map(|at| format!(" ({})", page.time(at))).unwrap_or_default();
    let mut parts = vec![format!("{}: {role}, at most {} at once{at}", h.addr, thousands(h.gauge.peak))];
    let e = &h.ends;
    let ends = [
        (e.censored, "outlast the capture"),
        (e.expired, "ended by the clock, as assumed"),
        (e.reopened, "reopened"),
        (e.assassinated, "killed by RST"),
        (e.gone, "gone early"),
        (e.refused, "longer than assumed"),
    ];
    parts.extend(ends.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{} {what}", thousands(*n))));
    if let (Some(min), Some(median), Some(max)) = (h.exact.min(), h.exact.quantile(50), h.exact.max()) {
        let spread = if h.exact.count() == 1 {
            min.to_string()
        } else {
            format!("{min} to {max}, half of them within {median}")
        };
        parts.push(format!("{} known exactly: {spread}", thousands(h.exact.count())));
    }
    let r = &h.reuses;
    let extra = [
        (h.restarts, "started again"),
        (r.safe, "reused safely"),
        (r.not_safe, "reused unsafely"),
        (r.linux_isn, "proved to be Linux by their ISN"),
        (r.refused_syns, "refused a SYN"),
    ];
    parts.extend(extra.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{} {what}", thousands(*n))));
    if let Some(longer) = h.observed_min_2msl {
        parts.push(format!("2 MSL is at least {longer} here, not {}", h.nominal));
    }
    parts.join("; ")
}

fn came_back(page: &Page<'_>, r: &Restart) -> String {
    let when = format!("refused {} and listened again at {}", counted(r.refusals, "SYN"), page.time(r.up));
    match r.kind {
        RestartKind::ReusedAddress => format!("{when}, while its TIME_WAITs were young: SO_REUSEADDR is set"),
        RestartKind::BindBlocked => {
            format!("{when}, when its last TIME_WAIT ended: SO_REUSEADDR seems to be missing")
        }
        RestartKind::Plain => when,
    }
}

fn ports(client: &Client, d: &Destination) -> Option<(u64, String)> {
    let ceiling = client.ceiling(d);
    if ceiling.share < NEAR {
        return None;
    }
    let rate = ceiling.rate.map(|r| format!(", {r:.1} a second as seen")).unwrap_or_default();
    let left =
        ceiling.exhausted_in.map(|t| format!("; at this pace none is left after {t}")).unwrap_or_default();
    let text = format!(
        "{} to {}: {} of {} ports busy ({:.0} %), {} of them in TIME_WAIT; the range bears {:.0} closes a second{rate}{left}",
        client.addr,
        d.server,
        thousands(d.busy.peak),
        thousands(ceiling.capacity),
        ceiling.share * 100.0,
        thousands(d.client_waits.peak),
        ceiling.closes_per_second,
    );
    Some((u64::MAX - ceiling.capacity + d.busy.peak.min(ceiling.capacity), text))
}

fn pooling(client: &Client, d: &Destination) -> Option<(u64, String)> {
    let saving = d.saving().filter(|s| s.connections >= MANY && d.short >= MANY)?;
    let time = saving.time.map(|t| format!(" and {t} of waiting")).unwrap_or_default();
    let text = format!(
        "{} to {}: {}, {} of them short, at most {} open at once; pooled, they would have saved {}{time}",
        client.addr,
        d.server,
        counted(d.connections, "connection"),
        thousands(d.short),
        thousands(d.open.peak),
        counted(saving.segments, "segment"),
    );
    Some((saving.segments, text))
}

fn still(client: &Client) -> Option<(u64, String)> {
    let found: Vec<_> = IdleReason::ALL.iter().zip(&client.idle).filter(|(_, i)| i.connections > 0).collect();
    let all: u64 = found.iter().map(|(_, i)| i.connections).sum();
    let part = |(reason, idle): &(&IdleReason, &crate::engine::Idle)| {
        let longest = idle.longest.map(|l| format!(", at most {l}")).unwrap_or_default();
        format!("{} {}{longest}", thousands(idle.connections), reason.word())
    };
    let parts: Vec<_> = found.iter().map(part).collect();
    (all > 0).then(|| (all, format!("{}: connections that sat still: {}", client.addr, parts.join("; "))))
}

fn shown(page: &Page<'_>) -> usize {
    if page.layout.detail == Detail::Verbose { usize::MAX } else { SHOWN }
}

/// Lines shown of one kind unless asked for all.
const SHOWN: usize = 3;
/// Fewer are not worth a line.
const MANY: u64 = 20;
/// Share of the port range from which on it is near its end: tcp.md §7, client ceiling.
const NEAR: f64 = 0.5;
