//! `Pen`: appends JSON values to a line, each in a few instructions.
//!
//! Why not serde: a connection's line is 4 KB in 250 fields. Through `Serialize` it costs 39,000 instructions, a third
//! of the whole program; with keys as constants and this pen a sixth of that (counted by callgrind).

use std::net::{IpAddr, Ipv6Addr};
use std::ops::Range;

use super::known::Known;
use super::steps::Steps;
use crate::output::text::rounded;
use crate::output::{compact, time};
use crate::report::Word;
use crate::tcp::{Duration, Endpoint, Timestamp};

/// Writes into one buffer that keeps its room from line to line.
#[derive(Debug, Default)]
pub(super) struct Pen {
    pub(super) out: Vec<u8>,
    pub(super) steps: Steps,
    pub(super) blocks: Known<Vec<u8>>,
    seconds: Seconds,
}

/// Seconds written before, each at its number's remainder: connections that end together began and closed in few of
/// them, and their TIME_WAIT is over in few others.
#[derive(Debug)]
struct Seconds([Second; Self::KEPT]);

/// One of them.
#[derive(Clone, Copy, Debug)]
struct Second {
    of: Option<i64>,
    /// With the quotation mark and the point.
    text: [u8; 21],
}

impl Seconds {
    /// More than TIME_WAIT and the linger together, a power of two.
    const KEPT: usize = 256;

    #[inline]
    fn text(&mut self, at: Timestamp, second: i64) -> &[u8; 21] {
        let kept = &mut self.0[second as usize % Self::KEPT];
        if kept.of != Some(second) {
            kept.of = Some(second);
            kept.text[0] = b'"';
            kept.text[1..].copy_from_slice(&time::rfc3339(at)[..20]);
        }
        &kept.text
    }
}

impl Default for Seconds {
    fn default() -> Self {
        Self([Second { of: None, text: [0; 21] }; Self::KEPT])
    }
}

/// What a block is of: the first byte of its key.
pub(super) mod block {
    pub const END: u8 = 0;
    pub const ROLES: u8 = 1;
    pub const OPEN: u8 = 2;
    pub const CLOSE: u8 = 3;
    pub const VISIBILITY: u8 = 4;
    pub const FLOW: u8 = 5;
    pub const COUNTS: u8 = 6;
}

/// Something that is one JSON value.
pub(super) trait Put {
    /// Appends it.
    fn put(&self, pen: &mut Pen);
}

/// An object whose keys are known: each key is one constant with its comma and colon.
macro_rules! object {
    ($pen:expr, { $($fields:tt)+ }) => {{
        $crate::output::line::pen::begin!($pen, { $($fields)+ });
        $pen.text("}");
    }};
}
pub(super) use object;

/// The first fields of an object that goes on.
macro_rules! begin {
    ($pen:expr, { $first:literal: $one:expr $(, $key:literal: $value:expr)* $(,)? }) => {{
        $pen.text(concat!("{\"", $first, "\":"));
        $crate::output::line::pen::Put::put(&$one, $pen);
        $crate::output::line::pen::fields!($pen, { $($key: $value),* });
    }};
}
pub(super) use begin;

/// Fields of an object that has some before them: each with a comma.
macro_rules! fields {
    ($pen:expr, { $($key:literal: $value:expr),* $(,)? }) => {{
        $(
            $pen.text(concat!(",\"", $key, "\":"));
            $crate::output::line::pen::Put::put(&$value, $pen);
        )*
    }};
}
pub(super) use fields;

impl Pen {
    /// Begins a new line.
    pub fn clear(&mut self) {
        self.out.clear();
        self.steps.clear();
    }

    /// What was written since.
    pub fn bytes(&self) -> &[u8] {
        &self.out
    }

    /// JSON as it stands.
    #[inline(always)]
    pub fn text(&mut self, json: &str) {
        self.out.extend_from_slice(json.as_bytes());
    }

    /// JSON as it stands.
    #[inline]
    pub fn raw(&mut self, json: &[u8]) {
        self.out.extend_from_slice(json);
    }

    /// Values with commas in between, in brackets.
    pub fn list<T: Put>(&mut self, values: impl IntoIterator<Item = T>) {
        self.text("[");
        for (i, value) in values.into_iter().enumerate() {
            if i > 0 {
                self.text(",");
            }
            value.put(self);
        }
        self.text("]");
    }

    /// What depends on nothing but its key, whose first byte says of what it is: made once, then remembered.
    #[inline]
    pub fn block(&mut self, key: [u8; 8], make: impl FnOnce(&mut Self)) {
        let key = u64::from_le_bytes(key);
        if let Some(place) = self.blocks.find(key) {
            return self.out.extend_from_slice(self.blocks.text(place));
        }
        let start = self.out.len();
        make(self);
        let text = self.out.get(start..).unwrap_or_default().to_vec();
        self.blocks.insert(key, text);
    }

    /// `10.0.0.1`.
    fn octets(&mut self, octets: [u8; 4]) {
        let mut text = [0; 16];
        let mut end = 0;
        for octet in octets {
            let Octet { digits, len } = &OCTETS[usize::from(octet)];
            text[end..end + 4].copy_from_slice(digits);
            end += len;
        }
        self.out.extend_from_slice(&text[..end - 1]);
    }

    /// An address, without quotes.
    pub fn addr(&mut self, addr: IpAddr) {
        match addr {
            IpAddr::V4(addr) => self.octets(addr.octets()),
            IpAddr::V6(addr) => self.groups(&addr),
        }
    }

    /// `2001:db8::1`: RFC 5952, as the standard library writes it too, in a tenth of the time.
    fn groups(&mut self, addr: &Ipv6Addr) {
        if let Some(mapped) = addr.to_ipv4_mapped() {
            self.text("::ffff:");
            return self.octets(mapped.octets());
        }
        let groups = addr.segments();
        let zeros = longest_zeros(&groups);
        for (i, group) in groups.iter().enumerate() {
            if zeros.contains(&i) {
                if i == zeros.start {
                    self.text("::");
                }
                continue;
            }
            if i > 0 && i != zeros.end {
                self.text(":");
            }
            let digits = [group >> 12, group >> 8 & 0xf, group >> 4 & 0xf, group & 0xf];
            let hex = digits.map(|digit| b"0123456789abcdef"[usize::from(digit)]);
            let unused = usize::from(group.leading_zeros() as u16 / 4).min(3);
            self.out.extend_from_slice(&hex[unused..]);
        }
    }

    /// `"2026-11-22T10:00:00.123456789Z"`.
    pub fn time(&mut self, at: Timestamp) {
        const BILLION: i64 = 1_000_000_000;
        let (second, rest) = (at.0.div_euclid(BILLION), at.0.rem_euclid(BILLION) as u32);
        let pair = |hundreds: u32| PAIRS[(hundreds % 100) as usize];
        let [[b, c], [d, e]] = [pair(rest / 1_000_000), pair(rest / 10_000)];
        let [[f, g], [h, i]] = [pair(rest / 100), pair(rest)];
        let a = b'0' + (rest / 100_000_000) as u8;
        self.out.reserve(32);
        self.out.extend_from_slice(self.seconds.text(at, second));
        self.out.extend_from_slice(&[a, b, c, d, e, f, g, h, i, b'Z', b'"']);
    }
}

/// The first of the longest runs of zeros, two at least; empty at the start where there is none, where no group ends.
fn longest_zeros(groups: &[u16; 8]) -> Range<usize> {
    let (mut longest, mut run) = (0..0, 0..0);
    for (i, group) in groups.iter().enumerate() {
        run = if *group == 0 { run.start..i + 1 } else { i + 1..i + 1 };
        if run.len() > longest.len() {
            longest = run.clone();
        }
    }
    if longest.len() < 2 { 0..0 } else { longest }
}

/// `00` to `99`.
const PAIRS: [[u8; 2]; 100] = {
    let mut pairs = [[b'0'; 2]; 100];
    let mut n = 0;
    while n < 100 {
        pairs[n] = [b'0' + (n / 10) as u8, b'0' + (n % 10) as u8];
        n += 1;
    }
    pairs
};

/// A byte of an address with the point behind it, and how many bytes that are.
struct Octet {
    digits: [u8; 4],
    len: usize,
}

/// `0.` to `255.`
const OCTETS: [Octet; 256] = {
    let mut octets = [const { Octet { digits: *b"0.00", len: 2 } }; 256];
    let mut n = 0;
    while n < 256 {
        let [tens, ones] = PAIRS[n % 100];
        let hundreds = b'0' + (n / 100) as u8;
        octets[n] = match n {
            0..10 => Octet { digits: [ones, b'.', 0, 0], len: 2 },
            10..100 => Octet { digits: [tens, ones, b'.', 0], len: 3 },
            _ => Octet { digits: [hundreds, tens, ones, b'.'], len: 4 },
        };
        n += 1;
    }
    octets
};

macro_rules! integers {
    ($($type:ty),+) => {$(
        impl Put for $type {
            /// Most counts of a connection are one digit.
            #[inline]
            fn put(&self, pen: &mut Pen) {
                match *self {
                    n @ 0..=9 => pen.out.push(b'0' + n as u8),
                    n => pen.out.extend_from_slice(itoa::Buffer::new().format(n).as_bytes()),
                }
            }
        }
    )+};
}

integers!(u8, u16, u32, u64, i64);

impl<T: Put> Put for [T] {
    fn put(&self, pen: &mut Pen) {
        pen.list(self);
    }
}

impl<T: Put + ?Sized> Put for &T {
    #[inline]
    fn put(&self, pen: &mut Pen) {
        (**self).put(pen);
    }
}

impl<T: Put> Put for Option<T> {
    #[inline]
    fn put(&self, pen: &mut Pen) {
        match self {
            Some(value) => value.put(pen),
            None => pen.text("null"),
        }
    }
}

impl Put for bool {
    #[inline]
    fn put(&self, pen: &mut Pen) {
        pen.text(if *self { "true" } else { "false" });
    }
}

impl Put for Duration {
    #[inline]
    fn put(&self, pen: &mut Pen) {
        self.0.put(pen);
    }
}

impl Put for Timestamp {
    fn put(&self, pen: &mut Pen) {
        pen.time(*self);
    }
}

/// One word out of a fixed list.
pub(super) struct OneOf<T>(pub T);

impl<T: Word> Put for OneOf<T> {
    #[inline]
    fn put(&self, pen: &mut Pen) {
        Plain(self.0.word()).put(pen);
    }
}

/// Text in which nothing needs an escape.
pub(super) struct Plain<'a>(pub &'a str);

impl Put for Plain<'_> {
    #[inline]
    fn put(&self, pen: &mut Pen) {
        pen.out.reserve(self.0.len() + 2);
        pen.text("\"");
        pen.text(self.0);
        pen.text("\"");
    }
}

/// JSON as it stands.
pub(super) struct Raw<'a>(pub &'a [u8]);

impl Put for Raw<'_> {
    #[inline]
    fn put(&self, pen: &mut Pen) {
        pen.raw(self.0);
    }
}

impl Put for Endpoint {
    fn put(&self, pen: &mut Pen) {
        pen.out.reserve(80);
        object!(pen, { "addr": self.addr, "port": self.port });
    }
}

impl Put for IpAddr {
    fn put(&self, pen: &mut Pen) {
        pen.text("\"");
        pen.addr(*self);
        pen.text("\"");
    }
}

/// A number with at most four decimals.
pub(super) struct Rounded(pub f64);

impl Put for Rounded {
    fn put(&self, pen: &mut Pen) {
        match rounded(self.0) {
            // Most ports toward a destination are free.
            share if share.to_bits() == 0 => pen.text("0.0"),
            // Writing a number into memory can't fail.
            number => drop(compact::append(&mut pen.out, &number)),
        }
    }
}

/// A share from 0 to 1 with at most four decimals, as `serde_json` writes such a number.
pub(super) struct Share(pub f64);

impl Put for Share {
    fn put(&self, pen: &mut Pen) {
        let parts = (self.0 * 1e4).round() as u32;
        if parts.is_multiple_of(10_000) {
            pen.text(if parts == 0 { "0.0" } else { "1.0" });
            return;
        }
        let [a, b] = PAIRS[(parts / 100) as usize % 100];
        let [c, d] = PAIRS[(parts % 100) as usize];
        let digits = [a, b, c, d];
        let kept = digits.iter().rposition(|digit| *digit != b'0').map_or(1, |last| last + 1);
        pen.text("0.");
        pen.raw(&digits[..kept]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_octet_is_written() {
        for octet in 0..=255 {
            let addr = IpAddr::from([octet, 255 - octet, 7, octet]);
            let mut pen = Pen::default();
            addr.put(&mut pen);
            assert_eq!(pen.bytes(), format!("\"{addr}\"").as_bytes());
        }
    }

    #[test]
    fn every_run_of_zeros_is_written_as_the_standard_library_does() {
        let full = [0x2001, 0xdb8, 0x1, 0x20, 0x300, 0x4, 0xabcd, 0xffff];
        let zeros =
            (0..=255_u8).map(|bits| std::array::from_fn(|i| if bits >> i & 1 == 0 { 0 } else { full[i] }));
        for groups in zeros.chain([[0, 0, 0, 0, 0, 0xffff, 0x102, 0x3ff], [0, 0, 0, 0, 0, 0, 0x102, 0x3ff]]) {
            let addr = IpAddr::from(groups);
            let mut pen = Pen::default();
            addr.put(&mut pen);
            assert_eq!(String::from_utf8_lossy(pen.bytes()), format!("\"{addr}\""));
        }
    }
}
