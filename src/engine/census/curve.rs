//! `Curve`: how a number of things went up and down over time, in a bounded number of points.
//!
//! It begins with one point a second; when the points would be too many, neighbours become one and each point
//! stands for twice the time. The result depends on the changes alone.

use std::borrow::Cow;

use crate::tcp::{Duration, Timestamp};

/// A number over time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Curve {
    most: usize,
    /// All there is, while there are no points.
    brief: Brief,
    drawn: Option<Drawn>,
}

/// The first changes, to 1 and to 0 by turns. Most curves are those of one thing that came and went: of such no points
/// are made before somebody asks, a minute of which would take 2 KiB.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Brief {
    changes: [Timestamp; Self::MOST],
    count: u8,
    /// After these it stayed as it is until then.
    until: Option<Timestamp>,
}

/// A curve with its points.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Drawn {
    most: usize,
    start: Timestamp,
    step: Duration,
    points: Vec<Point>,
    level: u64,
    at: Timestamp,
    /// When the last point ends.
    end: Timestamp,
}

/// The number during one step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Point {
    /// Lowest.
    pub min: u64,
    /// Highest.
    pub max: u64,
    /// Number times nanoseconds, summed.
    area: u128,
}

impl Curve {
    /// A curve of at most `most` points, two at least.
    pub fn new(most: usize) -> Self {
        Self { most: most.max(2), brief: Brief::default(), drawn: None }
    }

    /// The number is another from now on. Time that goes back counts as now.
    #[inline]
    pub fn set(&mut self, at: Timestamp, level: u64) {
        if self.drawn.is_some() || !self.brief.takes(at, level) {
            self.draw().set(at, level);
        }
    }

    /// The number stays as it is until then.
    pub fn extend(&mut self, to: Timestamp) {
        if self.drawn.is_none() && self.brief.until.is_none() {
            self.brief.until = Some(to);
        } else {
            self.draw().extend(to);
        }
    }

    /// The highest number there ever was.
    pub fn highest(&self) -> u64 {
        match &self.drawn {
            Some(drawn) => drawn.points.iter().map(|p| p.max).max().unwrap_or_default(),
            None => u64::from(self.brief.count > 0),
        }
    }

    /// When it begins: a whole second.
    pub fn start(&self) -> Timestamp {
        self.drawn().start
    }

    /// How long one point stands for.
    pub fn step(&self) -> Duration {
        self.drawn().step
    }

    /// The points; none where nothing ever changed.
    pub fn points(&self) -> Cow<'_, [Point]> {
        match self.drawn() {
            Cow::Borrowed(drawn) => Cow::Borrowed(&drawn.points),
            Cow::Owned(drawn) => Cow::Owned(drawn.points),
        }
    }

    /// The mean over one point, over the time of it that has passed.
    pub fn mean(&self, point: usize) -> Option<f64> {
        let drawn = self.drawn();
        let from = drawn.start + drawn.step.times(point as i64);
        let passed = drawn.at.min(from + drawn.step).since(from).0;
        let area = drawn.points.get(point)?.area;
        (passed > 0).then(|| area as f64 / passed as f64)
    }

    /// The highest number between two times, by whole points.
    pub fn max_between(&self, from: Timestamp, to: Timestamp) -> u64 {
        let drawn = self.drawn();
        let index = |at: Timestamp| at.since(drawn.start).0.max(0) / drawn.step.0;
        let (first, last) = (index(from) as usize, index(to) as usize);
        let points = drawn.points.iter().take(last.saturating_add(1)).skip(first);
        points.map(|p| p.max).max().unwrap_or_default()
    }

    fn drawn(&self) -> Cow<'_, Drawn> {
        match &self.drawn {
            Some(drawn) => Cow::Borrowed(drawn),
            None => Cow::Owned(self.brief.drawn(self.most)),
        }
    }

    /// With its points from now on.
    fn draw(&mut self) -> &mut Drawn {
        self.drawn.get_or_insert_with(|| self.brief.drawn(self.most))
    }
}

impl Brief {
    /// One thing may come and go twice.
    const MOST: usize = 4;

    /// Takes a change that is the next one by turns, while there is room.
    #[inline]
    fn takes(&mut self, at: Timestamp, level: u64) -> bool {
        let is_next = level == u64::from(self.count.is_multiple_of(2)) && self.until.is_none();
        let place = self.changes.get_mut(usize::from(self.count)).filter(|_| is_next);
        let takes = place.is_some();
        if let Some(place) = place {
            *place = at;
            self.count += 1;
        }
        takes
    }

    /// The same with points.
    fn drawn(&self, most: usize) -> Drawn {
        let mut drawn = Drawn::new(most);
        for (at, level) in self.changes.iter().take(usize::from(self.count)).zip([1, 0].into_iter().cycle()) {
            drawn.set(*at, level);
        }
        if let Some(until) = self.until {
            drawn.extend(until);
        }
        drawn
    }
}

impl Drawn {
    fn new(most: usize) -> Self {
        let zero = Timestamp(0);
        Self { most, start: zero, step: SECOND, points: Vec::new(), level: 0, at: zero, end: zero }
    }

    fn set(&mut self, at: Timestamp, level: u64) {
        if self.points.is_empty() {
            self.start = Timestamp(at.0.div_euclid(SECOND.0).saturating_mul(SECOND.0));
            self.at = self.start;
            self.push(Point { min: 0, max: 0, area: 0 });
        }
        self.extend(at);
        self.level = level;
        if let Some(last) = self.points.last_mut() {
            last.min = last.min.min(level);
            last.max = last.max.max(level);
        }
    }

    fn extend(&mut self, to: Timestamp) {
        if to >= self.end {
            let ahead = to.since(self.end).0 / self.step.0;
            let room = self.most.saturating_sub(self.points.len());
            self.points.reserve(room.min(ahead as usize + 1));
        }
        while to > self.at {
            let end = self.end;
            let Some(last) = self.points.last_mut() else { return };
            let until = to.min(end);
            last.area += u128::from(self.level) * until.since(self.at).0.max(0) as u128;
            self.at = until;
            if to < end {
                return;
            }
            if self.points.len() >= self.most {
                self.coarsen();
            }
            // After an odd number of points the last one has room still.
            if self.at >= self.end {
                self.push(Point { min: self.level, max: self.level, area: 0 });
            }
        }
    }

    fn push(&mut self, point: Point) {
        self.points.push(point);
        self.end = self.start + self.step.times(self.points.len() as i64);
    }

    fn coarsen(&mut self) {
        let merged = self.points.chunks(2).map(|pair| {
            let area = pair.iter().map(|p| p.area).sum();
            let min = pair.iter().map(|p| p.min).min().unwrap_or_default();
            let max = pair.iter().map(|p| p.max).max().unwrap_or_default();
            Point { min, max, area }
        });
        self.points = merged.collect();
        self.step = self.step.times(2);
        self.end = self.start + self.step.times(self.points.len() as i64);
    }
}

const SECOND: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp(1_000_000_000_000) + Duration::from_millis(ms)
    }

    #[test]
    fn one_point_a_second() {
        let mut curve = Curve::new(10);
        curve.set(at(500), 2);
        curve.set(at(1500), 5);
        curve.set(at(2250), 0);
        curve.extend(at(3000));
        let points: Vec<_> = curve.points().iter().map(|p| (p.min, p.max)).collect();
        assert_eq!(points, [(0, 2), (2, 5), (0, 5), (0, 0)]);
        assert_eq!(curve.mean(0), Some(1.0));
        assert_eq!(curve.mean(1), Some(3.5));
        assert_eq!(curve.mean(3), None);
        assert_eq!(curve.max_between(at(2000), at(9000)), 5);
        assert_eq!(curve.max_between(at(3000), at(9000)), 0);
    }

    #[test]
    fn a_long_time_takes_no_more_points() {
        for most in [2, 3, 7, 600] {
            let mut curve = Curve::new(most);
            curve.set(at(0), 1);
            curve.set(at(86_400_000), 9);
            assert!(curve.points().len() <= most, "{most}: {}", curve.points().len());
            assert_eq!(curve.points().last().map(|p| p.max), Some(9));
            let covered = curve.step().times(curve.points().len() as i64);
            assert!(covered > Duration::from_secs(86_400), "{most}: {covered}");
        }
    }

    #[test]
    fn a_brief_curve_has_the_points_of_a_drawn_one() {
        for changes in [vec![], vec![(1500, 1)], vec![(1500, 1), (700, 0), (3000, 1), (9000, 0), (9100, 1)]] {
            for until in [None, Some(8000)] {
                let (mut curve, mut drawn) = (Curve::new(5), Drawn::new(5));
                for (ms, level) in &changes {
                    curve.set(at(*ms), *level);
                    drawn.set(at(*ms), *level);
                }
                if let Some(ms) = until {
                    curve.extend(at(ms));
                    drawn.extend(at(ms));
                }
                assert_eq!(*curve.drawn(), drawn);
                assert_eq!(curve.highest(), u64::from(!changes.is_empty()));
            }
        }
    }

    #[test]
    fn time_that_goes_back_is_now() {
        let mut curve = Curve::new(10);
        curve.set(at(1500), 3);
        curve.set(at(200), 4);
        assert_eq!(curve.points().len(), 1);
        assert_eq!(curve.points()[0].max, 4);
    }
}
