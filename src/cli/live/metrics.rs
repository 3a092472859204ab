//! `--metrics`: how things stand as Prometheus reads it, in the OpenMetrics text format, at one address.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::ops::ControlFlow;
use std::sync::Mutex;
use std::thread;

use anyhow::Context;
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;
use tiny_http::{Header, Request, Response, Server};

use super::super::failure::Usage;
use crate::engine::{Ask, Moment, Sink, Wishes};
use crate::output::Pace;
use crate::rules::Finding;
use crate::source::Input;
use crate::tcp::{State, Timestamp};

/// Opens the port; without an address, the one that only this machine reaches.
pub fn bind(text: &str) -> anyhow::Result<TcpListener> {
    let port = || text.strip_prefix(':').unwrap_or(text).parse::<u16>().ok();
    let address = text.parse().ok().or_else(|| Some(SocketAddr::from((Ipv4Addr::LOCALHOST, port()?))));
    let wrong =
        || Usage::new(format!("{text:?} is no address"), "write --metrics 9464 or --metrics 127.0.0.1:9464");
    let address: SocketAddr = address.ok_or_else(wrong)?;
    TcpListener::bind(address).with_context(|| format!("cannot listen on {address} for --metrics"))
}

/// A sink that keeps the figures, and a thread that gives them to whoever asks.
pub struct Metrics {
    figures: Figures,
    pace: Pace,
    before: Before,
}

/// What counters stood at, because they can only be added to.
#[derive(Default)]
struct Before {
    syns: u64,
    connections: u64,
    evicted: u64,
    inputs: Vec<[u64; 5]>,
}

#[derive(Clone, Default)]
struct Figures {
    packets: Family<Interface, Counter>,
    bytes: Family<Interface, Counter>,
    received: Family<Interface, Counter>,
    dropped: Family<Dropped, Counter>,
    syns: Counter,
    connections: Counter,
    evicted: Counter,
    ends: Family<Ends, Gauge>,
    half_open: Gauge,
    time_wait: Gauge,
    queues: Family<Queue, Gauge>,
    findings: Family<Found, Counter>,
    going_on: Family<Episode, Gauge>,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct Episode {
    rule: &'static str,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct Interface {
    interface: String,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct Dropped {
    interface: String,
    by: &'static str,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct Ends {
    state: &'static str,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct Queue {
    listener: String,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct Found {
    rule: &'static str,
    severity: &'static str,
}

impl Metrics {
    /// Serves figures at this port, renewed at this pace.
    pub fn serve(listener: TcpListener, pace: Pace) -> anyhow::Result<Self> {
        let figures = Figures::default();
        let registry = Mutex::new(figures.register());
        let server = Server::from_listener(listener, None).map_err(|e| anyhow::anyhow!("--metrics: {e}"))?;
        thread::spawn(move || server.incoming_requests().for_each(|request| answer(request, &registry)));
        Ok(Self { figures, pace, before: Before::default() })
    }

    fn count(&mut self, finding: &Finding) {
        let found = Found { rule: finding.rule, severity: finding.severity.name() };
        self.figures.findings.get_or_create(&found).inc();
    }

    fn count_input(&mut self, i: usize, input: &Input) {
        if self.before.inputs.len() <= i {
            self.before.inputs.resize(i + 1, [0; 5]);
        }
        let interface = input.path.to_string_lossy().into_owned();
        let own = Interface { interface: interface.clone() };
        let f = &self.figures;
        let lost = |by| f.dropped.get_or_create_owned(&Dropped { interface: interface.clone(), by });
        let now = [
            (f.packets.get_or_create_owned(&own), input.packets),
            (f.bytes.get_or_create_owned(&own), input.bytes),
            (f.received.get_or_create_owned(&own), input.received.unwrap_or(0)),
            (lost("kernel"), input.dropped.unwrap_or(0)),
            (lost("interface"), input.dropped_by_interface.unwrap_or(0)),
        ];
        if let Some(before) = self.before.inputs.get_mut(i) {
            for (before, (counter, now)) in before.iter_mut().zip(now) {
                raise(&counter, before, now);
            }
        }
    }
}

impl Figures {
    fn register(&self) -> Registry {
        let mut r = Registry::with_prefix("tcpscope");
        r.register("build", "The program", Info::new([("version", env!("CARGO_PKG_VERSION"))]));
        r.register("packets", "Packets analyzed", self.packets.clone());
        r.register("wire_bytes", "Bytes on the wire of the packets analyzed", self.bytes.clone());
        let help = "Packets that came through the filter, as the kernel counts them, dropped ones included";
        r.register("received_packets", help, self.received.clone());
        let help = "Packets lost: by the kernel because nobody took them in time, or by the interface before";
        r.register("dropped_packets", help, self.dropped.clone());
        let help = "SYNs that ask for a connection, repetitions included";
        r.register("syns", help, self.syns.clone());
        r.register("ended_connections", "Connections that have ended", self.connections.clone());
        r.register(
            "evicted_connections",
            "Connections forgotten because there was no room",
            self.evicted.clone(),
        );
        let help = "Ends of connections by state; both ends of each are counted";
        r.register("ends", help, self.ends.clone());
        r.register("half_open_connections", "SYN+ACK sent, final ACK not seen", self.half_open.clone());
        r.register("time_wait_ends", "Ends in TIME_WAIT", self.time_wait.clone());
        let help = "Half-open connections of the ten listeners that have most of them";
        r.register("listener_half_open_connections", help, self.queues.clone());
        let help = "Findings when they were first made; few are withdrawn later";
        r.register("findings", help, self.findings.clone());
        let help = "Attacks and other episodes that go on";
        r.register("episodes", help, self.going_on.clone());
        r
    }
}

impl Sink for Metrics {
    fn wishes(&self) -> Wishes {
        Wishes { drafts: true, ..Wishes::default() }
    }

    fn draft(&mut self, finding: &Finding) -> ControlFlow<()> {
        self.count(finding);
        ControlFlow::Continue(())
    }

    fn finding(&mut self, finding: &Finding) -> ControlFlow<()> {
        self.count(finding);
        ControlFlow::Continue(())
    }

    fn asks(&mut self, clock: Timestamp) -> Ask {
        self.pace.asks(clock, Ask::Figures)
    }

    fn moment(&mut self, m: &Moment<'_>) -> ControlFlow<()> {
        for (i, input) in m.inputs.iter().enumerate() {
            self.count_input(i, input);
        }
        let (f, before) = (&self.figures, &mut self.before);
        raise(&f.syns, &mut before.syns, m.syns);
        raise(&f.connections, &mut before.connections, m.summary.connections);
        raise(&f.evicted, &mut before.evicted, m.summary.limits.evicted_connections);
        for state in State::ALL {
            if !matches!(state, State::Closed | State::Listen | State::Unknown) {
                f.ends.get_or_create(&Ends { state: state.name() }).set(gauge(m.states.of(state)));
            }
        }
        f.going_on.clear();
        for finding in m.going_on {
            f.going_on.get_or_create(&Episode { rule: finding.rule }).inc();
        }
        f.half_open.set(gauge(m.summary.half_open.now));
        f.time_wait.set(gauge(m.summary.time_wait.now));
        let waiting = |l: &&crate::engine::Listener| Some((l.queue.as_ref()?.gauge.now, l.endpoint));
        let mut queues: Vec<_> = m.listeners.iter().filter_map(waiting).filter(|(now, _)| *now > 0).collect();
        queues.sort_unstable_by_key(|q| std::cmp::Reverse(*q));
        f.queues.clear();
        for (now, endpoint) in queues.into_iter().take(QUEUES) {
            f.queues.get_or_create(&Queue { listener: endpoint.to_string() }).set(gauge(now));
        }
        ControlFlow::Continue(())
    }
}

/// Brings a counter to where it stands now.
fn raise(counter: &Counter, before: &mut u64, now: u64) {
    counter.inc_by(now.saturating_sub(*before));
    *before = now.max(*before);
}

fn gauge(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// Gives the figures to whoever asks for them, and nothing else.
fn answer(request: Request, registry: &Mutex<Registry>) {
    let mut body = String::new();
    let known = matches!(request.url(), "/" | "/metrics");
    let written = known && registry.lock().is_ok_and(|registry| text::encode(&mut body, &registry).is_ok());
    let response = match written {
        true => Response::from_string(body),
        false => Response::from_string("see /metrics\n").with_status_code(404),
    };
    let kind = Header::from_bytes(&b"Content-Type"[..], FORMAT.as_bytes());
    let response = kind.into_iter().fold(response, |r, kind| r.with_header(kind));
    // Whoever asked has gone: then nobody needs the answer.
    let _ = request.respond(response);
}

const FORMAT: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// Listeners named: each is a time series, and addresses are whatever packets say.
const QUEUES: usize = 10;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn a_port_alone_is_of_this_machine() {
        for text in ["0", ":0", "127.0.0.1:0"] {
            let address = bind(text).expect("a free port").local_addr().expect("it is bound");
            assert!(address.ip().is_loopback(), "{text}");
        }
        for wrong in ["", "x", "1.2.3.4", "70000"] {
            assert!(bind(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_dashboard_shows_what_there_is() {
        let figures = Figures::default();
        let dashboard = include_str!("../../../dashboards/grafana.json");
        let mut metrics = Metrics {
            figures: figures.clone(),
            pace: Pace::new(crate::tcp::Duration::from_secs(1), std::sync::Arc::default()),
            before: Before::default(),
        };
        let input = Input { path: "eth0".into(), packets: 5, dropped: Some(2), ..Input::default() };
        let moment = Moment {
            clock: Timestamp(0),
            summary: &sample::summary(),
            states: &crate::engine::States::default(),
            syns: 3,
            inputs: std::slice::from_ref(&input),
            listeners: &[],
            going_on: &[sample::finding("AT001", 3)],
            connections: &[],
        };
        assert!(metrics.moment(&moment).is_continue());
        assert!(metrics.moment(&moment).is_continue());
        metrics.count(&sample::finding("HS002", 3));
        figures.queues.get_or_create(&Queue { listener: "10.0.0.2:80".into() }).set(1);
        let mut text = String::new();
        text::encode(&mut text, &figures.register()).expect("a string takes all");
        for wanted in [
            "tcpscope_packets_total{interface=\"eth0\"} 5",
            "tcpscope_dropped_packets_total{interface=\"eth0\",by=\"kernel\"} 2",
            "tcpscope_syns_total 3",
            "tcpscope_findings_total{rule=\"HS002\",severity=\"error\"} 1",
            "tcpscope_ends{state=\"ESTABLISHED\"} 0",
        ] {
            assert!(text.contains(wanted), "no {wanted} in\n{text}");
        }
        let names = dashboard
            .split("tcpscope_")
            .skip(1)
            .map(|rest| rest.chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect::<String>());
        let mut count = 0;
        for name in names {
            let family = name.trim_end_matches("_total");
            assert!(text.contains(&format!("# TYPE tcpscope_{family} ")), "{name} is no metric");
            count += 1;
        }
        assert!(count >= 8, "{count} metrics on the dashboard");
        assert!(serde_json::from_str::<serde_json::Value>(dashboard).is_ok());
    }
}
