//! Flags about the hosts that were captured and their kernels: networks, who may scan, TIME_WAIT, port range, backlog,
//! thresholds.

use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;

use super::args::{InputArgs, Os};
use super::failure::Usage;
use super::read::span;
use crate::config::{Knob, Thresholds};
use crate::tcp::{Duration, Endpoint};

/// The thresholds that these flags change.
pub fn thresholds(args: &InputArgs) -> Result<Thresholds, Usage> {
    let (low, high) = match &args.ephemeral {
        Some(text) => range(text)?,
        None => ephemeral_of(args.os.unwrap_or(Os::Linux)),
    };
    let mut thresholds = Thresholds { ephemeral_low: low, ephemeral_high: high, ..Thresholds::default() };
    for text in &args.backlog {
        match text.split_once('=') {
            None => thresholds.backlog = Some(number(text)?),
            Some((endpoint, n)) => thresholds.backlog_of.push((listener(endpoint)?, number(n)?)),
        }
    }
    if let Some(n) = args.somaxconn {
        thresholds.somaxconn = n;
    }
    thresholds.scans.trusted = networks(&args.trusted)?;
    for text in &args.threshold {
        set(&mut thresholds, text)?;
    }
    Ok(thresholds)
}

/// The networks that `--local-net` or `--trusted` names.
pub fn networks(texts: &[String]) -> Result<Vec<IpNet>, Usage> {
    texts.iter().map(|text| network(text)).collect()
}

/// Sets the threshold that `NAME=VALUE` names.
fn set(thresholds: &mut Thresholds, text: &str) -> Result<(), Usage> {
    let wrong = |hint: String| Usage::new(format!("{text:?} sets no threshold"), hint);
    let (name, value) = text.split_once('=').unwrap_or((text, ""));
    let count = |hint: &str| value.trim().parse::<u64>().map_err(|_| wrong(hint.to_string()));
    let a_count = "give it a whole number, as in churn=50";
    if !text.contains('=') && thresholds.knob(name.trim()).is_some() {
        return Err(wrong("give it a value, as in churn=50 or idle=30m".into()));
    }
    match thresholds.knob(name.trim()) {
        Some(Knob::Small(place)) => {
            *place = u32::try_from(count(a_count)?).map_err(|_| wrong(a_count.into()))?
        }
        Some(Knob::Count(place)) => *place = count(a_count)?,
        Some(Knob::Maybe(place)) => *place = Some(count(a_count)?),
        Some(Knob::Span(place)) => *place = span(value)?,
        None => {
            return Err(wrong(format!("there are: {}", Thresholds::names().collect::<Vec<_>>().join(", "))));
        }
    }
    Ok(())
}

/// Length of TIME_WAIT: Linux TCP_TIMEWAIT_LEN; FreeBSD and macOS sysctl net.inet.tcp.msl; Windows
/// Server 2003 TcpTimedWaitDelay; Solaris _time_wait_interval; RFC 9293 §3.4.2.
pub fn two_msl_of(os: Os) -> Duration {
    Duration::from_secs(match os {
        Os::Linux | Os::Freebsd | Os::Solaris => 60,
        Os::Macos => 30,
        Os::Windows => 120,
        Os::Rfc => 240,
    })
}

/// Client port range: Linux ip_local_port_range; FreeBSD net.inet.ip.portrange; Solaris smallest_anon_port; macOS and
/// Windows the range of RFC 6335 §6.
fn ephemeral_of(os: Os) -> (u16, u16) {
    match os {
        Os::Linux => (32_768, 60_999),
        Os::Freebsd => (10_000, 65_535),
        Os::Solaris => (32_768, 65_535),
        Os::Macos | Os::Windows | Os::Rfc => (49_152, 65_535),
    }
}

fn range(text: &str) -> Result<(u16, u16), Usage> {
    text.split_once('-')
        .and_then(|(low, high)| Some((low.trim().parse().ok()?, high.trim().parse().ok()?)))
        .filter(|(low, high)| low <= high && *low > 0)
        .ok_or_else(|| Usage::new(format!("{text:?} is not a range of ports"), "write it as 32768-60999"))
}

fn number(text: &str) -> Result<u64, Usage> {
    let backlog = text.trim().parse().ok().filter(|n: &u64| (1..=u64::from(u32::MAX)).contains(n));
    backlog.ok_or_else(|| {
        Usage::new(
            format!("{text:?} is not a backlog"),
            "write it as 128, or as 192.0.2.1:80=128 for one listener",
        )
    })
}

/// `192.0.2.0/24`, or one address.
fn network(text: &str) -> Result<IpNet, Usage> {
    let text = text.trim();
    let net = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
    net.map_err(|_| {
        Usage::new(
            format!("{text:?} is not a network"),
            "write it as 192.0.2.0/24, 2001:db8::/32 or 192.0.2.7",
        )
    })
}

fn listener(text: &str) -> Result<Endpoint, Usage> {
    let socket: Result<SocketAddr, _> = text.trim().parse();
    socket.map(|s| Endpoint::new(s.ip(), s.port())).map_err(|_| {
        Usage::new(
            format!("{text:?} is not an address and port"),
            "write it as 192.0.2.1:80 or [2001:db8::1]:80",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_threshold_is_set_by_its_name() {
        let mut thresholds = Thresholds::default();
        for name in Thresholds::names() {
            let value = if set(&mut thresholds, &format!("{name}=7")).is_ok() { "7" } else { "7s" };
            assert!(set(&mut thresholds, &format!("{name}={value}")).is_ok(), "{name}");
            assert!(set(&mut thresholds, &format!("{name}=much")).is_err(), "{name}");
        }
        assert_eq!((thresholds.churn, thresholds.idle), (7, Duration::from_secs(7)));
        assert_eq!((thresholds.port_share_error, thresholds.time_wait_buckets), (7, Some(7)));
        assert!(set(&mut thresholds, "idle").is_err() && set(&mut thresholds, "idel=7s").is_err());
    }

    #[test]
    fn networks_are_read_and_one_address_is_one() {
        let read = |text: &str| networks(&[text.to_string()]);
        assert_eq!(read("192.0.2.9/24").expect("a network")[0].to_string(), "192.0.2.9/24");
        assert_eq!(read("192.0.2.7").expect("an address")[0].to_string(), "192.0.2.7/32");
        assert!(read("192.0.2.0/33").is_err() && read("net").is_err());
    }

    #[test]
    fn ranges_and_backlogs_are_read() {
        assert_eq!(range("1024-65535").expect("a range"), (1024, 65_535));
        for wrong in ["", "5", "9-5", "0-5", "1-99999", "a-b"] {
            assert!(range(wrong).is_err(), "{wrong}");
        }
        assert!(network("192.0.2.0/24").expect("a network").contains(&network("192.0.2.7").expect("a host")));
        assert!(network("192.0.2.0/33").is_err() && network("here").is_err());
        assert_eq!(number("128").expect("a backlog"), 128);
        assert!(number("0").is_err() && number("-1").is_err() && number("many").is_err());
        assert_eq!(listener("[2001:db8::1]:80").expect("a listener").port, 80);
        assert!(listener("192.0.2.1").is_err());
    }
}
