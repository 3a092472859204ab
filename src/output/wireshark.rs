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

/// A piece of a filter.
#[derive(Clone, Copy, Debug)]
pub enum Piece {
    /// Words as they are.
    Text(&'static str),
    /// An address, as RFC 5952 writes it.
    Addr(IpAddr),
    /// A decimal number.
    Number(u64),
}

impl ConnectionFilter {
    /// Its pieces in order: who writes a million of them has faster ways than `Display`.
    pub fn pieces(&self, write: &mut impl FnMut(Piece)) {
        if let Some(stream) = self.stream {
            write(Piece::Text("tcp.stream eq "));
            return write(Piece::Number(stream.into()));
        }
        let [a, b] = self.ends;
        write(Piece::Text("(("));
        one_way(a, b, write);
        write(Piece::Text(") or ("));
        one_way(b, a, write);
        write(Piece::Text("))"));
        if let Some((first, last)) = self.frames {
            write(Piece::Text(" and frame.number >= "));
            write(Piece::Number(first));
            write(Piece::Text(" and frame.number <= "));
            write(Piece::Number(last));
        }
    }
}

/// Segments from the first endpoint to the second.
fn one_way(from: Endpoint, to: Endpoint, write: &mut impl FnMut(Piece)) {
    let [src, dst] = match from.addr {
        IpAddr::V4(_) => ["ip.src == ", " and ip.dst == "],
        IpAddr::V6(_) => ["ipv6.src == ", " and ipv6.dst == "],
    };
    write(Piece::Text(src));
    write(Piece::Addr(from.addr));
    write(Piece::Text(" and tcp.srcport == "));
    write(Piece::Number(from.port.into()));
    write(Piece::Text(dst));
    write(Piece::Addr(to.addr));
    write(Piece::Text(" and tcp.dstport == "));
    write(Piece::Number(to.port.into()));
}

impl fmt::Display for ConnectionFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut result = Ok(());
        self.pieces(&mut |piece| {
            result = result.and_then(|()| match piece {
                Piece::Text(text) => f.write_str(text),
                Piece::Addr(addr) => addr.fmt(f),
                Piece::Number(number) => number.fmt(f),
            });
        });
        result
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
