//! `Episode`: one attack from its beginning to its end, and the finding it becomes.
//!
//! A finding is made once, when the episode ends or the input does; [`Finding::at`] is when the alarm was raised.

use serde_json::Value;

use super::seconds::start_of;
use crate::rules::counter::Frames;
use crate::rules::finding::{Finding, Series, Severity};
use crate::rules::wide::wide;
use crate::tcp::{Duration, Timestamp};
use crate::track::Confidence;

/// What all attacks have in common. `C` is the number of columns of the series.
#[derive(Clone, Debug)]
pub(super) struct Episode<const C: usize> {
    /// When it began.
    from: Timestamp,
    /// The second that lies in.
    start: i64,
    /// When the alarm was raised.
    raised: Timestamp,
    /// The latest second with a notable part of it.
    last: i64,
    /// Bad events.
    pub count: u64,
    /// Most of them in one second.
    pub peak: u64,
    peak_second: i64,
    /// Packets that show it.
    pub frames: Frames,
    rows: Vec<[u64; C]>,
    /// Seconds in a row, less those of the newest one still to come.
    step: i64,
    next: i64,
}

/// A second with less than one part in so many of the peak may be what is always there.
const FADED: u64 = 20;
/// Rows kept; when there are more, two become one.
const ROWS: usize = 512;

impl<const C: usize> Episode<C> {
    /// One that began in the second `start`, but not before `from`, and was noticed at `raised`.
    pub fn new(start: i64, from: Timestamp, raised: Timestamp) -> Self {
        Self {
            from: from.max(start_of(start)),
            start,
            raised,
            last: start,
            count: 0,
            peak: 0,
            peak_second: start,
            frames: Frames::default(),
            rows: Vec::new(),
            step: 1,
            next: start,
        }
    }

    /// One more second with so many bad events; seconds come in order, and one that was added before is left out.
    pub fn add(&mut self, second: i64, bad: u64, row: [u64; C]) {
        if second < self.next {
            return;
        }
        self.count += bad;
        if bad > self.peak {
            (self.peak, self.peak_second) = (bad, second);
        }
        if bad > 0 && bad * FADED >= self.peak {
            self.last = second;
        }
        // A jump of the clock makes no rows that nobody reads.
        let reach = self.step.saturating_mul(2 * ROWS as i64);
        if second.saturating_sub(self.start) < reach.saturating_mul(64) {
            self.place(second, row);
        }
        self.next = second.saturating_add(1);
    }

    /// How many there are now, where they are not counted by the second; each row is the most of its time.
    pub fn level(&mut self, second: i64, now: u64) {
        (self.count, self.last) = (self.count.max(now), self.last.max(second));
        if now > self.peak {
            (self.peak, self.peak_second) = (now, second);
        }
        let second = second.max(self.next - 1).max(self.start);
        let reach = self.step.saturating_mul(128 * ROWS as i64);
        if second.saturating_sub(self.start) < reach {
            self.place(second, [0; C]);
            let at = ((second - self.start) / self.step) as usize;
            if let Some(row) = self.rows.get_mut(at) {
                *row = [now.max(row[0]); C];
            }
        }
        self.next = second.saturating_add(1);
    }

    fn place(&mut self, second: i64, row: [u64; C]) {
        while (second - self.start) / self.step >= ROWS as i64 {
            self.rows = self.rows.chunks(2).map(joined).collect();
            self.step *= 2;
        }
        let at = ((second - self.start) / self.step) as usize;
        self.rows.resize(self.rows.len().max(at + 1), [0; C]);
        if let Some(place) = self.rows.get_mut(at) {
            *place = joined(&[*place, row]);
        }
    }

    /// The latest second with a notable part of it.
    pub fn last(&self) -> i64 {
        self.last
    }

    /// When it began.
    pub fn start(&self) -> Timestamp {
        self.from
    }

    /// When it ended, as far as was seen: the end of its last second, or `now` where that is earlier.
    pub fn end(&self, now: Timestamp) -> Timestamp {
        start_of(self.last.saturating_add(1)).min(now.max(start_of(self.last)))
    }

    /// How long it lasted, at least a hundredth of a second.
    pub fn lasted(&self, now: Timestamp) -> Duration {
        self.end(now).since(self.start()).max(Duration::from_millis(10))
    }

    /// Bad events a second on average.
    pub fn rate(&self, now: Timestamp) -> u64 {
        (self.count as f64 / self.lasted(now).as_secs_f64()).round() as u64
    }

    /// The finding, as it stands at `now`: what all attacks tell, and `evidence` after it.
    pub fn finding(
        &self,
        (id, key): (&'static str, String),
        now: Timestamp,
        (confidence, message): (Confidence, String),
        columns: [&'static str; C],
        evidence: Vec<(&'static str, Value)>,
    ) -> Finding {
        let rate = self.rate(now);
        let rows = ((self.last - self.start) / self.step) as usize + 1;
        let mut finding = wide(id, key, self.raised, message);
        finding.severity = if confidence >= Confidence::High { Severity::Error } else { Severity::Warning };
        finding.confidence = confidence;
        finding.frames = self.frames.sorted();
        (finding.start, finding.end) = (Some(self.start()), Some(self.end(now)));
        finding.count = self.count;
        finding.evidence = vec![
            ("peak_per_s", self.peak.into()),
            ("peak_at_ns", start_of(self.peak_second).0.into()),
            ("mean_per_s", rate.into()),
        ];
        finding.evidence.extend(evidence);
        finding.series = Some(Series {
            start: start_of(self.start),
            step: Duration::from_secs(self.step),
            columns: columns
                .into_iter()
                .enumerate()
                .map(|(i, name)| (name, self.rows.iter().take(rows).map(|row| row[i]).collect()))
                .collect(),
        });
        finding
    }
}

fn joined<const C: usize>(rows: &[[u64; C]]) -> [u64; C] {
    let sum = |i: usize| rows.iter().map(|row| row[i]).sum();
    std::array::from_fn(sum)
}

/// What the confidence in an attack rests on (tcp.md §5.0).
#[derive(Clone, Copy, Debug)]
pub(super) struct Grounds {
    /// The victim's own segments were captured.
    pub both_directions: bool,
    /// What proves it was there: the victim's answers, or headers that no ordinary sender has.
    pub proof: bool,
    /// How long it was watched.
    pub lasted: Duration,
}

impl Grounds {
    /// Less than this is too short to be sure.
    const SHORT: Duration = Duration::from_secs(5);

    /// High on both grounds, medium on one; a step less where it was short.
    pub fn confidence(&self) -> Confidence {
        let levels = [Confidence::Low, Confidence::Low, Confidence::Medium, Confidence::High];
        let grounds = usize::from(self.both_directions) + usize::from(self.proof);
        levels[grounds + usize::from(self.lasted >= Self::SHORT && grounds > 0)]
    }
}

/// `possible ` before what is said with low confidence.
pub(super) fn possible(confidence: Confidence) -> &'static str {
    if confidence <= Confidence::Low { "possible " } else { "" }
}

/// The confidence in a sentence.
pub(super) fn confidence_word(confidence: Confidence) -> &'static str {
    match confidence {
        Confidence::Guess | Confidence::Low => "low",
        Confidence::Medium => "medium",
        Confidence::High | Confidence::Certain => "high",
    }
}

/// A share in per cent.
pub(super) fn percent(part: u64, whole: u64) -> u64 {
    part.saturating_mul(100) / whole.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_episode_has_longer_steps_and_the_same_sums() {
        let mut episode = Episode::<2>::new(1000, start_of(0), start_of(1003));
        for second in 1000..3000 {
            episode.add(second, 5, [5, 1]);
            episode.add(second, 5, [5, 1]);
        }
        let now = start_of(5000);
        assert_eq!(
            (episode.count, episode.rate(now), episode.lasted(now)),
            (10_000, 5, Duration::from_secs(2000))
        );
        let found = episode.finding(
            ("HS001", "k".into()),
            now,
            (Confidence::High, String::new()),
            ["a", "b"],
            vec![],
        );
        let series = found.series.expect("a series");
        assert_eq!((series.step, series.columns[0].1.len()), (Duration::from_secs(4), 500));
        assert_eq!(
            series.columns.iter().map(|(_, c)| c.iter().sum::<u64>()).collect::<Vec<_>>(),
            [10_000, 2000]
        );
        assert_eq!(found.end, Some(start_of(3000)));
    }

    #[test]
    fn a_jump_of_the_clock_costs_nothing() {
        let mut episode = Episode::<1>::new(0, start_of(0), start_of(0));
        episode.add(0, 1, [1]);
        episode.add(i64::MAX / 2, 1, [1]);
        assert!(episode.rows.len() <= ROWS);
    }

    #[test]
    fn confidence_needs_grounds_and_time() {
        let grounds = |both_directions, proof, seconds| Grounds {
            both_directions,
            proof,
            lasted: Duration::from_secs(seconds),
        };
        assert_eq!(grounds(true, true, 6).confidence(), Confidence::High);
        assert_eq!(grounds(true, true, 1).confidence(), Confidence::Medium);
        assert_eq!(grounds(false, true, 6).confidence(), Confidence::Medium);
        assert_eq!(grounds(false, true, 1).confidence(), Confidence::Low);
        assert_eq!(grounds(false, false, 60).confidence(), Confidence::Low);
    }
}
