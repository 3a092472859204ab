//! A holder of TIME_WAIT as it stands in the document.

use std::net::IpAddr;

use schemars::JsonSchema;
use serde::Serialize;

use super::curve::{AtOnce, Curve, Spread};
use super::scalar::Ns;
use crate::engine;

/// The TIME_WAITs that one address holds.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Host {
    /// Its address.
    addr: IpAddr,
    /// How many at once. Ends that are assumed make the counts upper bounds.
    #[serde(flatten)]
    at_once: AtOnce,
    /// How many over time.
    curve: Option<Curve>,
    /// Held as the client: each blocks a port toward one destination.
    as_client: u64,
    /// Held as the server: each blocks one 4-tuple.
    as_server: u64,
    /// By how their ends are known.
    ends: TimeWaitEnds,
    /// How long the ones with an exact end lasted: reopened or assassinated. Assumed ends are not among them.
    exact: Spread,
    /// The length that assumed ends rest on: 2 MSL.
    nominal_ns: Ns,
    /// The shortest time after which one was gone: an upper bound.
    gone_within_ns: Option<Ns>,
    /// The longest time that one was there: a lower bound.
    alive_for_ns: Option<Ns>,
    /// A SYN was refused later than the nominal end: TIME_WAIT of this host lasts at least so long.
    observed_min_2msl_ns: Option<Ns>,
    /// Times that one started again.
    restarts: u64,
    /// Reuses of a 4-tuple held here before the nominal end.
    reuses: Reuses,
}

/// TIME_WAITs by how their ends are known.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "TimeWaitEndCounts")]
struct TimeWaitEnds {
    /// The 4-tuple was used again: exact.
    reopened: u64,
    /// A RST killed it: exact.
    assassinated: u64,
    /// The holder answered as if it had no connection: upper bound.
    gone: u64,
    /// It refused a SYN past its nominal end: lower bound.
    refused: u64,
    /// The nominal end lies in the capture: assumed.
    expired: u64,
    /// The capture ended first: lower bound.
    censored: u64,
}

/// Early reuses of 4-tuples.
#[derive(Debug, Serialize, JsonSchema)]
struct Reuses {
    /// In all.
    total: u64,
    /// Safe ones (TW001).
    safe: u64,
    /// Unsafe ones (TW002).
    #[serde(rename = "unsafe")]
    not_safe: u64,
    /// With an ISN of old SND.NXT + 65537: proof that a Linux host held it.
    linux_isn: u64,
    /// SYNs that were refused.
    refused_syns: u64,
}

impl From<&engine::Host> for Host {
    fn from(h: &engine::Host) -> Self {
        Self {
            addr: h.addr,
            at_once: (&h.gauge).into(),
            curve: Curve::of(&h.curve),
            as_client: h.as_client,
            as_server: h.as_server,
            ends: TimeWaitEnds {
                reopened: h.ends.reopened,
                assassinated: h.ends.assassinated,
                gone: h.ends.gone,
                refused: h.ends.refused,
                expired: h.ends.expired,
                censored: h.ends.censored,
            },
            exact: (&h.exact).into(),
            nominal_ns: h.nominal.into(),
            gone_within_ns: h.gone_within.map(Ns::from),
            alive_for_ns: h.alive_for.map(Ns::from),
            observed_min_2msl_ns: h.observed_min_2msl.map(Ns::from),
            restarts: h.restarts,
            reuses: Reuses {
                total: h.reuses.total,
                safe: h.reuses.safe,
                not_safe: h.reuses.not_safe,
                linux_isn: h.reuses.linux_isn,
                refused_syns: h.reuses.refused_syns,
            },
        }
    }
}
