//! `Capture`: writes made packets as a pcap file, and the kinds of traffic that are simple to say.

use std::io::{self, Write};

use super::frame::{Flags, Path, Shot, frame};
use super::mix;

/// Writes a capture's packets to `out`.
pub struct Capture<W: Write> {
    out: W,
    random: Random,
    frame: Vec<u8>,
    /// Packets written so far.
    pub packets: u64,
}

impl<W: Write> Capture<W> {
    /// A capture with its file header; `seed` decides every random number.
    pub fn new(mut out: W, seed: u64) -> io::Result<Self> {
        // pcap with microseconds (draft-ietf-opsawg-pcap §4).
        for field in [0xa1b2_c3d4_u32, 2 | 4 << 16, 0, 0, 65_535, LINK_ETHERNET] {
            out.write_all(&field.to_le_bytes())?;
        }
        Ok(Self { out, random: Random(seed | 1), frame: Vec::new(), packets: 0 })
    }

    /// One packet.
    fn write(&mut self, path: &Path, shot: &Shot) -> io::Result<()> {
        self.packets += 1;
        frame(path, shot, self.packets as u16, &mut self.frame);
        let (second, micro) = (START + shot.at_us / 1_000_000, shot.at_us % 1_000_000);
        let len = self.frame.len() as u32;
        for field in [second as u32, micro as u32, len, len] {
            self.out.write_all(&field.to_le_bytes())?;
        }
        self.out.write_all(&self.frame)
    }

    /// `count` SYNs to one listener, `rate` a second, each from an address and port of its own.
    pub fn flood(&mut self, count: u64, rate: u64) -> io::Result<()> {
        for i in 0..count {
            // Counting by an odd number modulo 2^32 meets every address once, in an order that looks random.
            let client = (i as u32).wrapping_mul(0x9e37_79b1);
            let random = self.random.next();
            let path = Path {
                timestamps: random >> 31 & 1 == 1,
                ..Path::v4(client, 1024 + (random % 60_000) as u16, LISTENER, 80)
            };
            let at_us = i * 1_000_000 / rate;
            let syn = Shot { at_us, seq: (random >> 32) as u32, flags: Flags::SYN, ..Shot::default() };
            self.write(&path, &syn)?;
        }
        Ok(())
    }

    /// Connections to one listener that stay as they are, `rate` new ones a second, from the `from`th on; each `far`.
    pub fn standing(&mut self, from: u64, count: u64, rate: u64, far: Far) -> io::Result<()> {
        for i in from..from + count {
            let client = (i as u32).wrapping_mul(0x9e37_79b1);
            let path = Path::v4(client, 1024 + (i % 60_000) as u16, LISTENER, 80);
            for shot in mix::standing(i * 1_000_000 / rate, far) {
                self.write(&path, &shot)?;
            }
        }
        self.out.flush()
    }

    /// Four servers send `count` packets of full size together, each to a client that acknowledges every other one.
    pub fn bulk(&mut self, count: u64) -> io::Result<()> {
        let paths = [0, 1, 2, 3].map(|i| Path::v4(0x0a00_0001, 40_000 + i, LISTENER, 5201));
        let mut seqs = [0u32; 4];
        for (at, path) in paths.iter().enumerate() {
            for shot in mix::handshake(at as u64 * 1000, 500) {
                self.write(path, &shot)?;
            }
        }
        for i in 0..count {
            let at = (i % 4) as usize;
            let at_us = 10_000 + i * 12;
            let data =
                Shot { at_us, seq: mix::SERVER_ISS + 1 + seqs[at], payload: FULL, ..Shot::ack(mix::SERVER) };
            let data = Shot { ack: mix::CLIENT_ISS + 1, ..data };
            self.write(&paths[at], &data)?;
            seqs[at] += u32::from(FULL);
            if i / 4 % 2 == 1 {
                let ack = Shot {
                    at_us: at_us + 3,
                    seq: data.ack,
                    ack: data.seq + u32::from(FULL),
                    ..Shot::ack(mix::CLIENT)
                };
                self.write(&paths[at], &ack)?;
            }
        }
        Ok(())
    }

    /// So many connections of many kinds, mostly short; about eleven packets each.
    pub fn mix(&mut self, connections: u32) -> io::Result<()> {
        let (paths, mut shots) = mix::mix(connections, &mut self.random);
        // Stable, so that packets of one moment stay in the order of their making.
        shots.sort_by_key(|(_, shot)| shot.at_us);
        shots.iter().try_for_each(|(path, shot)| self.write(&paths[*path], shot))
    }
}

/// How far a connection came.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Far {
    /// A SYN that nobody answered.
    Asked,
    /// SYN and SYN+ACK.
    HalfOpen,
    /// Open, after a request and its response.
    Open,
}

/// Random numbers (xorshift64*, Vigna 2016).
pub struct Random(u64);

impl Random {
    /// The next one.
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// One below `n`.
    pub fn below(&mut self, n: u64) -> u64 {
        (self.next() >> 11) % n
    }

    /// Whether what happens so many times in a thousand happens now.
    pub fn per_mille(&mut self, n: u64) -> bool {
        self.below(1000) < n
    }
}

/// Link type EN10MB.
const LINK_ETHERNET: u32 = 1;
/// Captures begin at this second, in 2023.
const START: u64 = 1_700_000_000;
/// Who is flooded: an address for benchmarks (RFC 2544, 198.18.0.0/15).
const LISTENER: u32 = 0xc612_000a;
/// Payload of a full Ethernet frame with time stamps.
pub const FULL: u16 = 1448;
