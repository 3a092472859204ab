//! `Spread`: durations without keeping them: exact minimum, maximum and count, quantiles within 1/32.
//!
//! Each power of two is cut into 16 equal bins; a quantile is the middle of its bin, so it is wrong by at most half
//! a bin, which is 1/32 of the value. At most 960 bins exist, and only those in use take memory.

use std::collections::BTreeMap;

use crate::tcp::Duration;

/// How durations are spread.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spread {
    /// None while all lie in one bin, that of the shortest: most clients have one round trip.
    bins: BTreeMap<u16, u64>,
    count: u64,
    min: i64,
    max: i64,
}

impl Spread {
    /// Adds one; a negative one counts as zero.
    pub fn add(&mut self, span: Duration) {
        let ns = span.0.max(0);
        let (of, first) = (bin(ns as u64), bin(self.min as u64));
        if !self.bins.is_empty() || self.count > 0 && of != first {
            if self.bins.is_empty() {
                self.bins.insert(first, self.count);
            }
            *self.bins.entry(of).or_default() += 1;
        }
        self.min = if self.count == 0 { ns } else { self.min.min(ns) };
        self.max = self.max.max(ns);
        self.count += 1;
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The shortest, exactly; `None` when there is none.
    pub fn min(&self) -> Option<Duration> {
        (self.count > 0).then_some(Duration(self.min))
    }

    /// The longest, exactly; `None` when there is none.
    pub fn max(&self) -> Option<Duration> {
        (self.count > 0).then_some(Duration(self.max))
    }

    /// The one that `percent` of all do not exceed, within 1/32; `None` when there is none.
    pub fn quantile(&self, percent: u64) -> Option<Duration> {
        let rank = (self.count.saturating_mul(percent)).div_ceil(100).max(1);
        let only = (self.count > 0 && self.bins.is_empty()).then(|| bin(self.min as u64));
        let mut below = 0;
        let bin = only.or_else(|| {
            let mut bins = self.bins.iter();
            let found = bins.find(|(_, n)| {
                below += **n;
                below >= rank
            });
            found.map(|(bin, _)| *bin)
        })?;
        Some(Duration(middle(bin).clamp(self.min, self.max)))
    }
}

/// Bins of one power of two: 2^4.
const BITS: u32 = 4;

fn bin(ns: u64) -> u16 {
    if ns < 1 << BITS {
        return ns as u16;
    }
    let exponent = ns.ilog2();
    let part = (ns >> (exponent - BITS)) & ((1 << BITS) - 1);
    (((exponent - BITS + 1) << BITS) as u16) + part as u16
}

fn middle(bin: u16) -> i64 {
    let bin = u64::from(bin);
    if bin < 1 << BITS {
        return bin as i64;
    }
    let shift = (bin >> BITS) as u32 - 1;
    let low = ((1 << BITS) + (bin & ((1 << BITS) - 1))) << shift;
    (low + (1 << shift) / 2).min(i64::MAX as u64) as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_has_no_quantile() {
        assert_eq!(Spread::default().quantile(50), None);
        assert_eq!(Spread::default().min(), None);
    }

    #[test]
    fn ends_are_exact_and_quantiles_within_a_thirty_second() {
        let mut spread = Spread::default();
        for ms in 1..=1000 {
            spread.add(Duration::from_millis(ms));
        }
        assert_eq!(spread.min(), Some(Duration::from_millis(1)));
        assert_eq!(spread.max(), Some(Duration::from_millis(1000)));
        for percent in [1, 50, 95, 99] {
            let exact = percent as i64 * 10_000_000;
            let off = (spread.quantile(percent).expect("it has values").0 - exact).abs();
            assert!(off * 32 <= exact, "{percent}: {off} of {exact}");
        }
    }

    #[test]
    fn every_value_lies_in_its_bin() {
        for ns in [0, 1, 15, 16, 17, 31, 32, 1000, u64::from(u32::MAX), i64::MAX as u64] {
            let off = (middle(bin(ns)) as u64).abs_diff(ns);
            assert!(off as u128 * 32 <= u128::from(ns).max(32), "{ns}: {off}");
        }
        assert!(bin(i64::MAX as u64) < 960);
    }

    #[test]
    fn one_value_is_every_quantile() {
        let mut spread = Spread::default();
        spread.add(Duration(12_345_678));
        assert_eq!(spread.quantile(50), Some(Duration(12_345_678)));
        assert_eq!(spread.quantile(95), Some(Duration(12_345_678)));
    }
}
