//! Connections of many kinds: answered and not, short and long, with loss and reordering, closed in every way.

use super::capture::{FULL, Far, Random};
use super::frame::{Flags, Path, Shot, v6};

/// Index of the end that sends the first SYN.
pub const CLIENT: usize = 0;
/// Index of the other one.
pub const SERVER: usize = 1;
/// The client's first sequence number in [`handshake`].
pub const CLIENT_ISS: u32 = 1000;
/// The server's.
pub const SERVER_ISS: u32 = 0x8000_0000;

/// The packets of so many connections, each with the index of its path; in the order of connections, not of time.
pub fn mix(connections: u32, random: &mut Random) -> (Vec<Path>, Vec<(usize, Shot)>) {
    let mut paths = Vec::new();
    let mut shots = Vec::new();
    for i in 0..connections {
        // One in a hundred uses the 4-tuple of an earlier connection again.
        let path = match paths.len() as u64 {
            known @ 100.. if random.per_mille(10) => random.below(known) as usize,
            _ => {
                paths.push(path(random));
                paths.len() - 1
            }
        };
        let at = u64::from(i) * SPACING_US + random.below(2000);
        let mut talk = Talk::new(at, 250 + random.below(40_000), random);
        talk.hold(random);
        shots.extend(talk.shots.into_iter().map(|shot| (path, shot)));
    }
    (paths, shots)
}

/// The first three packets of a connection, half a round trip apart.
pub fn handshake(at_us: u64, half_us: u64) -> Vec<Shot> {
    let mut talk = Talk { at_us, half_us, next: [CLIENT_ISS, SERVER_ISS], shots: Vec::new() };
    talk.open();
    talk.shots
}

/// The packets of a connection that goes so far, each a microsecond after the one before.
pub fn standing(at_us: u64, far: Far) -> Vec<Shot> {
    let mut talk = Talk { at_us, half_us: 1, next: [CLIENT_ISS, SERVER_ISS], shots: Vec::new() };
    talk.open();
    match far {
        Far::Asked => talk.shots.truncate(1),
        Far::HalfOpen => talk.shots.truncate(2),
        Far::Open => {
            for (end, bytes) in [(CLIENT, 100), (SERVER, 1000)] {
                talk.send(end, Flags::PSH.and(Flags::ACK), bytes);
                talk.travel();
            }
            talk.send(CLIENT, Flags::ACK, 0);
        }
    }
    talk.shots
}

/// A quarter IPv6, a sixth tagged, four fifths with time stamps.
fn path(random: &mut Random) -> Path {
    let (client, server) = (random.below(1 << 18) as u32, random.below(500) as u32);
    let port = SERVICES[random.below(8) as usize];
    let mut path =
        Path::v4(0x0a00_0000 + client, 1024 + random.below(64_000) as u16, 0xc612_0000 + server, port);
    if random.per_mille(250) {
        path.addrs = [v6(1, client), v6(2, server)];
    }
    path.tags = match random.below(100) {
        0 => 2,
        1..16 => 1,
        _ => 0,
    };
    path.timestamps = random.per_mille(800);
    path
}

/// A connection in the making.
struct Talk {
    at_us: u64,
    /// Half a round trip.
    half_us: u64,
    /// SND.NXT of each end.
    next: [u32; 2],
    shots: Vec<Shot>,
}

impl Talk {
    fn new(at_us: u64, half_us: u64, random: &mut Random) -> Self {
        Self { at_us, half_us, next: [random.next() as u32, random.next() as u32], shots: Vec::new() }
    }

    /// A whole connection of a random kind.
    fn hold(&mut self, random: &mut Random) {
        match random.below(100) {
            0..13 => self.unanswered(random.below(3)),
            13..19 => self.refused(),
            kind => {
                self.open();
                // A twentieth are longer: several requests with time between them.
                let rounds = if kind >= 95 { 2 + random.below(6) } else { 1 };
                for _ in 0..rounds {
                    self.request(random);
                    self.respond(random);
                    self.at_us += random.below(400_000);
                }
                self.close(random);
            }
        }
    }

    /// A segment in order.
    fn send(&mut self, from: usize, flags: Flags, payload: u16) -> Shot {
        let ack = if flags.has(Flags::ACK) { self.next[1 - from] } else { 0 };
        let shot = Shot { at_us: self.at_us, from, flags, seq: self.next[from], ack, payload, sack: None };
        let control = u32::from(flags.has(Flags::SYN)) + u32::from(flags.has(Flags::FIN));
        self.next[from] = shot.seq.wrapping_add(u32::from(payload) + control);
        self.shots.push(shot);
        shot
    }

    /// A segment once more, so much later.
    fn again(&mut self, shot: Shot, later_us: u64) {
        self.shots.push(Shot { at_us: shot.at_us + later_us, ..shot });
    }

    fn travel(&mut self) {
        self.at_us += self.half_us;
    }

    /// SYNs that nobody answers, the time between them doubling from a second (RFC 6298 §2).
    fn unanswered(&mut self, retries: u64) {
        let syn = self.send(CLIENT, Flags::SYN, 0);
        for retry in 1..=retries {
            self.again(syn, ((1 << retry) - 1) * 1_000_000);
        }
    }

    fn refused(&mut self) {
        self.send(CLIENT, Flags::SYN, 0);
        self.travel();
        self.next[SERVER] = 0;
        self.send(SERVER, Flags::RST.and(Flags::ACK), 0);
    }

    fn open(&mut self) {
        self.send(CLIENT, Flags::SYN, 0);
        self.travel();
        self.send(SERVER, Flags::SYN.and(Flags::ACK), 0);
        self.travel();
        self.send(CLIENT, Flags::ACK, 0);
    }

    fn request(&mut self, random: &mut Random) {
        let request = self.send(CLIENT, Flags::PSH.and(Flags::ACK), 80 + random.below(500) as u16);
        if random.per_mille(10) {
            self.again(request, 220_000);
        }
        self.travel();
    }

    /// One to some dozen segments, some of which are lost, overtaken or sent twice.
    fn respond(&mut self, random: &mut Random) {
        let segments = if random.per_mille(600) { 1 } else { 2 + random.below(4) * random.below(5) };
        for i in 1..=segments {
            let is_last = i == segments;
            match random.below(1000) {
                0..8 if !is_last => self.lost(),
                8..16 if !is_last => self.overtaken(),
                16..26 => {
                    let data = self.send(SERVER, Flags::ACK, FULL);
                    self.again(data, 210_000);
                }
                _ if is_last => {
                    self.send(SERVER, Flags::PSH.and(Flags::ACK), 40 + random.below(1400) as u16);
                }
                _ => {
                    self.send(SERVER, Flags::ACK, FULL);
                }
            }
            if is_last || i % 2 == 0 {
                self.acknowledge();
            }
            self.at_us += 12 + random.below(20);
        }
        self.at_us += 2 * self.half_us;
    }

    /// The client's acknowledgment of all so far, when it has arrived.
    fn acknowledge(&mut self) {
        let ack = Shot { ack: self.next[SERVER], seq: self.next[CLIENT], ..Shot::ack(CLIENT) };
        self.shots.push(Shot { at_us: self.at_us + self.half_us, ..ack });
    }

    /// A segment that nobody saw; the next one is acknowledged selectively, then the first comes again.
    fn lost(&mut self) {
        let lost = self.send(SERVER, Flags::ACK, FULL);
        self.shots.pop();
        let next = self.send(SERVER, Flags::ACK, FULL);
        let sack = Some((next.seq, self.next[SERVER]));
        let at_us = self.at_us + self.half_us;
        self.shots.push(Shot { at_us, seq: self.next[CLIENT], ack: lost.seq, sack, ..Shot::ack(CLIENT) });
        self.at_us += 2 * self.half_us;
        self.shots.push(Shot { at_us: self.at_us, ..lost });
    }

    /// Two segments in the wrong order.
    fn overtaken(&mut self) {
        let first = self.send(SERVER, Flags::ACK, FULL);
        self.shots.pop();
        self.send(SERVER, Flags::ACK, FULL);
        self.again(first, 20);
        self.at_us += 40;
    }

    /// Left open, reset, or closed by either end with three or four segments.
    fn close(&mut self, random: &mut Random) {
        let first = random.below(2) as usize;
        let fin = Flags::FIN.and(Flags::ACK);
        match random.below(100) {
            0..4 => return,
            4..12 => {
                self.send(first, Flags::RST.and(Flags::ACK), 0);
                return;
            }
            12..37 => {
                self.send(first, fin, 0);
                self.travel();
                self.send(1 - first, Flags::ACK, 0);
                self.at_us += 40_000;
            }
            _ => {
                self.send(first, fin, 0);
                self.travel();
            }
        }
        self.send(1 - first, fin, 0);
        self.travel();
        self.send(first, Flags::ACK, 0);
    }
}

/// Ports that are called.
const SERVICES: [u16; 8] = [80, 443, 443, 443, 22, 25, 8080, 5432];
/// Between the beginnings of two connections.
const SPACING_US: u64 = 3000;
