//! The options at the end of a pcapng block, and the clock of an interface, which two of them set.

use super::record::ByteOrder;
use crate::tcp::Timestamp;

/// How an interface counts time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Clock {
    /// Nanoseconds per unit, where that is a whole number and no offset is added; else 0.
    unit_ns: i64,
    /// Units per second.
    per_second: u128,
    /// Seconds to add.
    offset: i64,
}

impl Clock {
    /// Microseconds since 1970, unless the options of the interface say otherwise.
    pub(super) fn stated(order: ByteOrder, options: &[u8]) -> Result<Self, String> {
        let (mut per_second, mut offset) = (1_000_000, 0);
        for option in Options::new(order, options) {
            match option? {
                (INTERFACE_TSRESOL, &[resolution]) => per_second = units_per_second(resolution),
                (INTERFACE_TSOFFSET, value) if value.len() == 8 => {
                    offset = value.first_chunk::<8>().map_or(0, |v| order.u64(*v)) as i64;
                }
                (INTERFACE_TSRESOL | INTERFACE_TSOFFSET, _) => {
                    return Err("a time option of the wrong length".into());
                }
                _ => {}
            }
        }
        let whole = offset == 0 && 1_000_000_000 % per_second == 0;
        let unit_ns = if whole { (1_000_000_000 / per_second) as i64 } else { 0 };
        Ok(Self { unit_ns, per_second, offset })
    }

    #[inline]
    pub(super) fn time(&self, units: u64) -> Timestamp {
        match i64::try_from(units).ok().and_then(|u| u.checked_mul(self.unit_ns)) {
            Some(ns) if self.unit_ns > 0 => Timestamp(ns).of_packet(),
            _ => self.odd_time(units),
        }
    }

    /// The general case: fractions are cut to nanoseconds, and the ends of time saturate.
    #[cold]
    fn odd_time(&self, units: u64) -> Timestamp {
        let ns = i128::from(self.offset) * 1_000_000_000
            + (u128::from(units) * 1_000_000_000 / self.per_second) as i128;
        Timestamp(ns.clamp(i64::MIN.into(), i64::MAX.into()) as i64).of_packet()
    }
}

/// From `if_tsresol`: a negative power of 2 if the highest bit is set, else of 10. Beyond 128 bits, where any time is
/// nothing but zero, it saturates.
fn units_per_second(resolution: u8) -> u128 {
    let base = if resolution & 0x80 == 0 { 10_u128 } else { 2 };
    base.checked_pow(u32::from(resolution & 0x7f)).unwrap_or(u128::MAX)
}

/// The options at the end of a block: code and value.
pub(super) struct Options<'a> {
    order: ByteOrder,
    rest: &'a [u8],
}

impl<'a> Options<'a> {
    /// The options in `bytes`.
    pub(super) fn new(order: ByteOrder, bytes: &'a [u8]) -> Self {
        Self { order, rest: bytes }
    }
}

impl<'a> Iterator for Options<'a> {
    type Item = Result<(u16, &'a [u8]), String>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let rest = std::mem::take(&mut self.rest);
        let short = || Some(Err("an option that is cut short".into()));
        let Some((&[c0, c1, l0, l1], rest)) = rest.split_first_chunk::<4>() else { return short() };
        let (code, len) = (self.order.u16([c0, c1]), usize::from(self.order.u16([l0, l1])));
        if code == END_OF_OPTIONS {
            return None;
        }
        let (Some(value), Some(rest)) = (rest.get(..len), rest.get(len.next_multiple_of(4)..)) else {
            return short();
        };
        self.rest = rest;
        Some(Ok((code, value)))
    }
}

const END_OF_OPTIONS: u16 = 0;
const INTERFACE_TSRESOL: u16 = 9;
const INTERFACE_TSOFFSET: u16 = 14;
