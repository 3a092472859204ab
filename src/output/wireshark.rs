//! Display filters that show a connection or a finding's packets in Wireshark 4.

use std::fmt;
use std::net::IpAddr;

use crate::tcp::Endpoint;

/// Selects one connection: by stream number where that is known, else by endpoints and frames.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionFilter {
    /// Wireshark's stream number.
    pub stream: Option<u32>,
    /// The two ends.
    pub ends: [Endpoint; 2],
    /// First and last frame in the file, where known: tells lives of the same endpoints apart.
    pub frames: Option<(u64, u64)>,
}

impl fmt::Display for ConnectionFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(stream) = self.stream {
            return write!(f, "tcp.stream eq {stream}");
        }
        let [a, b] = self.ends;
        write!(f, "(({}) or ({}))", OneWay(a, b), OneWay(b, a))?;
        match self.frames {
            Some((first, last)) => write!(f, " and frame.number >= {first} and frame.number <= {last}"),
            None => Ok(()),
        }
    }
}

/// Segments from the first endpoint to the second.
struct OneWay(Endpoint, Endpoint);

impl fmt::Display for OneWay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(from, to) = self;
        let ip = match from.addr {
            IpAddr::V4(_) => "ip",
            IpAddr::V6(_) => "ipv6",
        };
        write!(
            f,
            "{ip}.src == {} and tcp.srcport == {} and {ip}.dst == {} and tcp.dstport == {}",
            from.addr, from.port, to.addr, to.port
        )
    }
}

/// Selects frames by number; commas, because older Wireshark wants blanks and 4.0 refuses them.
#[derive(Clone, Copy, Debug)]
pub struct FrameFilter<'a>(
    /// The numbers; at least one.
    pub &'a [u64],
);

impl fmt::Display for FrameFilter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("frame.number in {")?;
        for (i, frame) in self.0.iter().enumerate() {
            let comma = if i == 0 { "" } else { "," };
            write!(f, "{comma}{frame}")?;
        }
        f.write_str("}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_stream_is_found_by_its_ends() {
        let end = |addr: &str, port| Endpoint::new(addr.parse().expect("an address"), port);
        let filter = ConnectionFilter {
            stream: None,
            ends: [end("2001:db8::1", 50000), end("2001:db8::2", 443)],
            frames: Some((12, 15)),
        };
        assert_eq!(
            filter.to_string(),
            "((ipv6.src == 2001:db8::1 and tcp.srcport == 50000 and ipv6.dst == 2001:db8::2 and tcp.dstport == 443) \
             or (ipv6.src == 2001:db8::2 and tcp.srcport == 443 and ipv6.dst == 2001:db8::1 and tcp.dstport == 50000)) \
             and frame.number >= 12 and frame.number <= 15"
        );
        assert_eq!(ConnectionFilter { stream: Some(4), ..filter }.to_string(), "tcp.stream eq 4");
    }

    #[test]
    fn frames_are_apart_by_commas() {
        assert_eq!(FrameFilter(&[3, 7]).to_string(), "frame.number in {3,7}");
    }
}
