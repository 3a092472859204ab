//! Community ID version 1 of a connection, the same that Zeek and Suricata print (github.com/corelight/community-id-spec).

use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest, Sha1};

use crate::tcp::Endpoint;

/// The id of a connection: `1:` and 28 letters and digits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CommunityId([u8; 30]);

impl CommunityId {
    /// The same as bytes: ASCII.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The id as it is printed.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl std::fmt::Display for CommunityId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The id of a TCP connection with seed 0; the order of the ends does not matter.
pub fn community_id(a: Endpoint, b: Endpoint) -> CommunityId {
    let (low, high) = if (a.addr, a.port) <= (b.addr, b.port) { (a, b) } else { (b, a) };
    // Hashed at once: the hash takes longer over many pieces than over all of them.
    let (mut text, mut len) = ([0; 40], 0);
    let mut add = |bytes: &[u8]| {
        text[len..len + bytes.len()].copy_from_slice(bytes);
        len += bytes.len();
    };
    add(&SEED);
    for end in [low, high] {
        match end.addr {
            IpAddr::V4(addr) => add(&addr.octets()),
            IpAddr::V6(addr) => add(&addr.octets()),
        }
    }
    add(&[TCP, PADDING]);
    add(&low.port.to_be_bytes());
    add(&high.port.to_be_bytes());
    let hash = Sha1::digest(&text[..len]);
    let mut id = *b"1:0000000000000000000000000000";
    // 20 bytes are 28 letters.
    let _ = STANDARD.encode_slice(hash, &mut id[2..]);
    CommunityId(id)
}

const SEED: [u8; 2] = [0, 0];
/// IP protocol number of TCP.
const TCP: u8 = 6;
const PADDING: u8 = 0;

#[cfg(test)]
mod tests {
    use super::*;

    /// The first is published with the specification, the second is tshark's for `samples/ipv6.pcap`, the third was
    /// computed apart from this code.
    #[test]
    fn known_connections_have_their_published_ids() {
        for (a, b, id) in [
            ("128.232.110.120:34855", "66.35.250.204:80", "1:LQU9qZlK+B5F3KDmev6m5PMibrg="),
            ("[2001:db8::1]:40000", "[2001:db8::2]:80", "1:62cu0uxFAvnY7Tg3u3uFj0zrwAU="),
            ("10.0.0.1:80", "10.0.0.1:81", "1:tlfFsHe+E3VVycVoOYQhDlTTvRc="),
        ] {
            let end = |text: &str| {
                let socket: std::net::SocketAddr = text.parse().expect("an address");
                Endpoint::new(socket.ip(), socket.port())
            };
            assert_eq!(community_id(end(a), end(b)).as_str(), id);
            assert_eq!(community_id(end(b), end(a)).as_str(), id);
        }
    }
}
