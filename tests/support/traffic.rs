//! `Traffic`: seeded generators of many connections at once, good ones and attacks, as packets in memory.

use std::net::{IpAddr, Ipv4Addr};

use tcpscope::config::Config;
use tcpscope::rules::Finding;
use tcpscope::tcp::{Endpoint, Flags};

use super::frames::{Frame, source};
use super::packet::{Shot, clock_tick};
use super::run::Seen;
use super::watched::Watched;

/// A second of a script, and a thousandth of it.
pub const S: i64 = 1_000_000_000;
pub const MS: i64 = 1_000_000;

/// Segments in the making; the same seed gives the same ones.
pub struct Traffic {
    pub shots: Vec<Shot>,
    random: u64,
    ids: u16,
}

/// What a stack puts into its SYNs.
#[derive(Clone, Copy, Debug)]
pub struct Stack {
    pub window: u16,
    pub mss: Option<u16>,
    pub scale: Option<u8>,
    pub sack: bool,
    pub ttl: u8,
}

/// Linux, nearly.
pub const LINUX: Stack = Stack { window: 64240, mss: Some(1460), scale: Some(7), sack: true, ttl: 64 };
/// No stack: a tool that sends bare headers.
pub const BARE: Stack = Stack { window: 0, mss: None, scale: None, sack: false, ttl: 242 };

/// `10.0.0.host:port`.
pub fn host(host: u8, port: u16) -> Endpoint {
    addr([10, 0, 0, host], port)
}

pub fn addr(octets: [u8; 4], port: u16) -> Endpoint {
    Endpoint::new(IpAddr::V4(Ipv4Addr::from(octets)), port)
}

impl Traffic {
    pub fn new(seed: u64) -> Self {
        Self { shots: Vec::new(), random: seed, ids: 0 }
    }

    /// The next number of the generator (SplitMix64: Steele, Lea, Flood, 2014).
    pub fn random(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.random ^ self.random >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    pub fn below(&mut self, n: u64) -> u64 {
        self.random() % n
    }

    /// A random address and port.
    pub fn stranger(&mut self) -> Endpoint {
        let r = self.random();
        addr((r as u32).to_be_bytes(), 1024 + (r >> 32) as u16 % 60_000)
    }

    /// A random address that hosts have, and a random port.
    pub fn client(&mut self) -> Endpoint {
        let r = self.random();
        let [a, b, c, d, e, ..] = r.to_be_bytes();
        addr([20 + a % 80, b, c, d], 30_000 + u16::from(e) * 100 + (r >> 8) as u16 % 100)
    }

    /// Any segment.
    pub fn shot(
        &mut self,
        at: i64,
        ends: (Endpoint, Endpoint),
        flags: Flags,
        (seq, ack): (u32, u32),
    ) -> &mut Shot {
        self.ids = self.ids.wrapping_add(1).max(1);
        let shot = Shot { seq, ack, ..Shot::new(at, ends.0, ends.1, flags, self.ids) };
        self.shots.push(shot);
        self.shots.last_mut().expect("just pushed")
    }

    /// A SYN of a stack.
    pub fn syn(&mut self, at: i64, ends: (Endpoint, Endpoint), isn: u32, stack: &Stack) {
        let shot = self.shot(at, ends, Flags::SYN, (isn, 0));
        shot.window = stack.window;
        shot.mss = stack.mss;
        shot.window_scale = stack.scale;
        shot.sack_permitted = stack.sack;
        shot.ttl = stack.ttl;
    }

    /// A SYN+ACK for a SYN, and again after these times since the first.
    pub fn syn_acks(&mut self, at: i64, (client, server): (Endpoint, Endpoint), isn: u32, again: &[i64]) {
        let own = (isn ^ 0x5a5a_0000).wrapping_add(7);
        for after in std::iter::once(&0).chain(again) {
            let shot = self.shot(at + after, (server, client), Flags::SYN_ACK, (own, isn.wrapping_add(1)));
            (shot.mss, shot.window_scale, shot.sack_permitted) = (Some(1460), Some(7), true);
        }
    }

    /// A handshake that takes 20 ms. Gives the next numbers of client and server.
    pub fn open(&mut self, at: i64, ends: (Endpoint, Endpoint), stack: &Stack) -> (u32, u32) {
        let isn = self.random() as u32;
        self.syn(at, ends, isn, stack);
        self.syn_acks(at + 10 * MS, ends, isn, &[]);
        let own = (isn ^ 0x5a5a_0000).wrapping_add(8);
        self.shot(at + 20 * MS, ends, Flags::ACK, (isn.wrapping_add(1), own));
        (isn.wrapping_add(1), own)
    }

    /// A handshake, a request, an answer, and the close, within 60 ms.
    pub fn exchange(&mut self, at: i64, (client, server): (Endpoint, Endpoint), stack: &Stack) {
        let (c, s) = self.open(at, (client, server), stack);
        let (pa, fa) = (Flags::PSH | Flags::ACK, Flags::FIN | Flags::ACK);
        let (c2, s2) = (c.wrapping_add(100), s.wrapping_add(500));
        self.shot(at + 21 * MS, (client, server), pa, (c, s)).len = 100;
        self.shot(at + 31 * MS, (server, client), pa, (s, c2)).len = 500;
        self.shot(at + 41 * MS, (client, server), fa, (c2, s2));
        self.shot(at + 51 * MS, (server, client), fa, (s2, c2.wrapping_add(1)));
        self.shot(at + 60 * MS, (client, server), Flags::ACK, (c2.wrapping_add(1), s2.wrapping_add(1)));
    }

    /// All of it through the library; the capture ends at `end`.
    pub fn seen(self, end: i64, config: &Config) -> Seen {
        Seen::of(&mut source(self.frames(end)), config)
    }

    /// The same, while somebody watches.
    pub fn watched(&self, end: i64) -> Watched {
        Watched::of(self.frames(end), &Config::default())
    }

    fn frames(&self, end: i64) -> Vec<Frame> {
        let mut frames: Vec<_> = self.shots.iter().filter(|s| s.at <= end).map(Shot::frame).collect();
        frames.push(clock_tick(end));
        frames.sort_by_key(|f| f.time);
        frames
    }

    /// What the rules of attacks and surges say of it, labels of tools left out.
    pub fn attacks(self, end: i64) -> Vec<Finding> {
        let of_attack = |f: &Finding| (f.rule.starts_with("AT") && f.rule != "AT020") || f.rule == "CN006";
        self.seen(end, &Config::default()).findings.into_iter().filter(of_attack).collect()
    }

    /// The labels of tools that it shows.
    pub fn labels(self, end: i64) -> Vec<&'static str> {
        let seen = self.seen(end, &Config::default());
        seen.findings.iter().filter(|f| f.rule == "AT020").filter_map(|f| f.variant).collect()
    }
}

/// The one finding there is.
pub fn only(findings: Vec<Finding>) -> Finding {
    let [one] = <[Finding; 1]>::try_from(findings).unwrap_or_else(|all| panic!("{}: {all:?}", all.len()));
    one
}

/// Clients of the server under attack, `per_second` of them, who are served.
pub fn good(t: &mut Traffic, seconds: i64, per_second: i64) {
    for i in 0..seconds * per_second {
        let client = t.client();
        t.exchange(i * S / per_second, (client, host(2, 80)), &LINUX);
    }
}
