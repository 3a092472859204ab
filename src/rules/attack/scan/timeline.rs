//! `Timeline`: counts over time of something that is told in no particular order.

use crate::rules::finding::Series;
use crate::tcp::{Duration, Timestamp};

use super::super::seconds::{second_of, start_of};

/// Counts of `C` columns, a second a row; when there are too many rows, two become one.
#[derive(Debug)]
pub(super) struct Timeline<const C: usize> {
    start: i64,
    step: i64,
    rows: Vec<[u64; C]>,
}

impl<const C: usize> Timeline<C> {
    const ROWS: i64 = 512;

    /// One that begins at the second of `at`.
    pub fn new(at: Timestamp) -> Self {
        Self { start: second_of(at), step: 1, rows: Vec::new() }
    }

    /// One more in a column; what was before the beginning counts in the first row.
    pub fn add(&mut self, at: Timestamp, column: usize) {
        let offset = second_of(at).saturating_sub(self.start).max(0);
        while offset >= self.step.saturating_mul(Self::ROWS) {
            self.rows = self.rows.chunks(2).map(joined).collect();
            self.step = self.step.saturating_mul(2);
        }
        // Divisions are slow, and most last no longer than that.
        let row = if self.step == 1 { offset } else { offset / self.step } as usize;
        self.rows.resize(self.rows.len().max(row + 1), [0; C]);
        if let Some(count) = self.rows.get_mut(row).and_then(|r| r.get_mut(column)) {
            *count += 1;
        }
    }

    /// Most of one step, all columns together.
    pub fn peak(&self) -> u64 {
        self.rows.iter().map(|row| row.iter().sum()).max().unwrap_or(0)
    }

    /// As it stands in a finding.
    pub fn series(&self, columns: [&'static str; C]) -> Series {
        let column = |i: usize| self.rows.iter().map(|row| row[i]).collect();
        Series {
            start: start_of(self.start),
            step: Duration::from_secs(self.step),
            columns: columns.into_iter().enumerate().map(|(i, name)| (name, column(i))).collect(),
        }
    }
}

fn joined<const C: usize>(rows: &[[u64; C]]) -> [u64; C] {
    std::array::from_fn(|i| rows.iter().map(|row| row[i]).sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_bounded_and_nothing_is_lost() {
        let mut line = Timeline::<2>::new(start_of(100));
        for second in (0..5000).rev() {
            line.add(start_of(second), usize::from(second % 2 == 0));
        }
        line.add(Timestamp(i64::MAX), 0);
        let series = line.series(["a", "b"]);
        assert!(series.columns.iter().all(|(_, c)| c.len() <= 512));
        assert_eq!(series.columns.iter().flat_map(|(_, c)| c).sum::<u64>(), 5001);
    }
}
