//! Captures made while they are read: the same bytes for the same numbers, on any machine.

use std::io::{self, Write};

/// Link type RAW: packets begin with the IP header.
const LINK_RAW: u32 = 101;
/// Captures begin at this second, in 2023.
const START: u64 = 1_700_000_000;

/// Writes a capture's packets to `out`.
pub struct Capture<W: Write> {
    out: W,
    random: u64,
}

/// A TCP segment of IPv4; both addresses and ports in network order of meaning.
#[derive(Clone, Copy)]
pub struct Segment {
    pub src: (u32, u16),
    pub dst: (u32, u16),
    pub seq: u32,
    pub ack: u32,
    /// The six bits.
    pub flags: u8,
    pub payload: usize,
}

impl<W: Write> Capture<W> {
    /// A capture with its file header; `seed` decides every random number.
    pub fn new(mut out: W, seed: u64) -> io::Result<Self> {
        // pcap with microseconds (draft-ietf-opsawg-pcap §4).
        for field in [0xa1b2_c3d4_u32, 2 | 4 << 16, 0, 0, 65_535, LINK_RAW] {
            out.write_all(&field.to_le_bytes())?;
        }
        Ok(Self { out, random: seed | 1 })
    }

    /// The next random number (xorshift64*, Vigna 2016).
    pub fn random(&mut self) -> u64 {
        self.random ^= self.random >> 12;
        self.random ^= self.random << 25;
        self.random ^= self.random >> 27;
        self.random.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// One packet, so many microseconds after the start.
    pub fn segment(&mut self, at_us: u64, s: &Segment) -> io::Result<()> {
        let len = 40 + s.payload;
        let (second, micro) = (START + at_us / 1_000_000, at_us % 1_000_000);
        for field in [second as u32, micro as u32, len as u32, len as u32] {
            self.out.write_all(&field.to_le_bytes())?;
        }
        let mut packet = [0u8; 40];
        packet[..12].copy_from_slice(&[0x45, 0, (len >> 8) as u8, len as u8, 0, 0, 0x40, 0, 64, 6, 0, 0]);
        packet[12..16].copy_from_slice(&s.src.0.to_be_bytes());
        packet[16..20].copy_from_slice(&s.dst.0.to_be_bytes());
        packet[20..22].copy_from_slice(&s.src.1.to_be_bytes());
        packet[22..24].copy_from_slice(&s.dst.1.to_be_bytes());
        packet[24..28].copy_from_slice(&s.seq.to_be_bytes());
        packet[28..32].copy_from_slice(&s.ack.to_be_bytes());
        packet[32..40].copy_from_slice(&[0x50, s.flags, 0xff, 0xff, 0, 0, 0, 0]);
        self.out.write_all(&packet)?;
        io::copy(&mut io::Read::take(io::repeat(b'x'), s.payload as u64), &mut self.out)?;
        Ok(())
    }

    /// `count` SYNs to one listener, `rate` a second, each from an address and port of its own.
    pub fn flood(&mut self, count: u64, rate: u64) -> io::Result<()> {
        for i in 0..count {
            // Counting by an odd number modulo 2^32 meets every address once, in an order that looks random.
            let src = (i as u32).wrapping_mul(0x9e37_79b1);
            let random = self.random();
            let syn = Segment {
                src: (src, 1024 + (random % 60_000) as u16),
                dst: (0xc612_000a, 80),
                seq: (random >> 32) as u32,
                ack: 0,
                flags: 0b000010,
                payload: 0,
            };
            self.segment(i * 1_000_000 / rate, &syn)?;
        }
        Ok(())
    }
}
