//! The line of a client.

use super::pen::{OneOf, Pen, Put, Raw, Rounded, begin, object};
use crate::engine::{Ceiling, Client, Curve, Destination, Gauge, Idle, IdleReason, PortSet, Saving};
use crate::report::Word;

/// All but the line's end.
pub(super) fn write(pen: &mut Pen, c: &Client) {
    begin!(pen, {
        "type": Raw(b"\"client\""),
        "addr": c.addr,
        "connections": c.outcomes.total(),
        "outcomes": c.outcomes,
        "short": c.short,
        "long": c.long,
        "open": c.open,
        "time_wait": c.time_wait,
        "ports": Ports { seen: &c.ports, range: c.range, capacity: c.capacity() },
        "setup": c.setup,
        "teardown": c.teardown,
        "segments": c.segments,
        "payload_bytes": c.payload_bytes,
        "rtt": c.rtt,
        "idle": Idles(&c.idle),
    });
    pen.text(",\"destinations\":");
    pen.list(c.destinations.iter().map(|destination| Toward { client: c, destination }));
    pen.text("}");
}

/// Local ports of a client.
struct Ports<'a> {
    seen: &'a PortSet,
    range: (u16, u16),
    capacity: u64,
}

impl Put for Ports<'_> {
    fn put(&self, pen: &mut Pen) {
        object!(pen, {
            "seen": self.seen.count(),
            "span": self.seen.span(),
            "range": self.range,
            "capacity": self.capacity,
        });
    }
}

/// Connections that sat still, by reason.
struct Idles<'a>(&'a [Idle]);

impl Put for Idles<'_> {
    fn put(&self, pen: &mut Pen) {
        let each = IdleReason::ALL.iter().zip(self.0).filter(|(_, idle)| idle.connections > 0);
        pen.list(each.map(|(reason, idle)| (*reason, *idle)));
    }
}

impl Put for (IdleReason, Idle) {
    fn put(&self, pen: &mut Pen) {
        let (reason, idle) = self;
        object!(pen, {
            "reason": OneOf(*reason),
            "connections": idle.connections,
            "longest_ns": idle.longest,
        });
    }
}

/// What a client did toward one address and port.
struct Toward<'a> {
    client: &'a Client,
    destination: &'a Destination,
}

impl Put for Toward<'_> {
    fn put(&self, pen: &mut Pen) {
        let d = self.destination;
        object!(pen, {
            "server": d.server,
            "connections": d.connections,
            "closed": d.closed,
            "closed_by_client": d.closed_by_client,
            "short": d.short,
            "open": d.open,
            "time_wait": Sides { client: d.client_waits, server: d.server_waits, curve: &d.curve },
            "busy": d.busy,
            "ceiling": self.client.ceiling(d),
            "pooling": d.saving(),
            "rtt": d.rtt,
        });
    }
}

/// TIME_WAITs of one client and destination.
struct Sides<'a> {
    client: Gauge,
    server: Gauge,
    curve: &'a Curve,
}

impl Put for Sides<'_> {
    fn put(&self, pen: &mut Pen) {
        object!(pen, { "client": self.client, "server": self.server, "curve": self.curve });
    }
}

impl Put for Ceiling {
    fn put(&self, pen: &mut Pen) {
        object!(pen, {
            "share": Rounded(self.share),
            "closes_per_second": Rounded(self.closes_per_second),
            "rate": self.rate.map(Rounded),
            "exhausted_in_ns": self.exhausted_in,
        });
    }
}

impl Put for Saving {
    fn put(&self, pen: &mut Pen) {
        object!(pen, {
            "connections": self.connections,
            "segments": self.segments,
            "time_ns": self.time,
        });
    }
}
