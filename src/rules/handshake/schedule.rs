//! `Schedule`: by which timer a SYN or SYN+ACK was sent again, as the gaps between the repetitions tell (tcp.md M1, M2).

use crate::tcp::Duration;

/// What the gaps do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Schedule {
    /// One gap alone tells none of the others.
    Unclear,
    /// Each is twice the one before (RFC 6298 §5.5).
    Doubling,
    /// Some are equal, then each is twice the one before.
    LinearThenDoubling,
    /// All are equal, and more than any system sends so.
    Constant,
    /// Nothing of these.
    Other,
}

/// Equal gaps that begin a linear schedule at most: BSD sends five (tcp_syn_backoff), Linux four
/// (tcp_syn_linear_timeouts).
const LINEAR: usize = 5;

impl Schedule {
    /// The schedule that gaps follow, in their order.
    pub fn of(gaps: &[Duration]) -> Self {
        let steps: Vec<Step> = gaps.windows(2).map(|pair| Step::between(pair[0], pair[1])).collect();
        let equal = steps.iter().take_while(|s| **s == Step::Equal).count();
        let rest = steps.get(equal..).unwrap_or_default();
        let doubles = rest.iter().all(|s| *s == Step::Double);
        match (steps.len(), equal) {
            (0, _) => Self::Unclear,
            (_, 0) if doubles => Self::Doubling,
            (_, n) if doubles && n < LINEAR => Self::LinearThenDoubling,
            (all, n) if n == all => Self::Constant,
            _ => Self::Other,
        }
    }

    /// The printed name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unclear => "unclear",
            Self::Doubling => "doubling",
            Self::LinearThenDoubling => "linear-then-doubling",
            Self::Constant => "constant",
            Self::Other => "other",
        }
    }

    /// Systems known to repeat so, where that tells anything.
    pub fn stacks(self, is_syn: bool) -> Option<&'static str> {
        match self {
            Self::Doubling if is_syn => Some("Linux before 6.5, Windows"),
            Self::LinearThenDoubling if is_syn => Some("Linux since 6.5, BSD, macOS"),
            Self::Constant => Some("no system known: a tool or a device"),
            _ => None,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    Equal,
    Double,
    Other,
}

impl Step {
    /// A quarter off is allowed: timers fire late by up to an eighth (Linux timer wheel), and packets travel.
    fn between(before: Duration, after: Duration) -> Self {
        let share = after.0.saturating_mul(100) / before.0.max(1);
        match share {
            75..=125 => Self::Equal,
            150..=250 => Self::Double,
            _ => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(times: &[f64]) -> &'static str {
        let gaps: Vec<_> =
            times.windows(2).map(|t| Duration::from_millis(((t[1] - t[0]) * 1000.0) as i64)).collect();
        Schedule::of(&gaps).name()
    }

    #[test]
    fn measured_schedules_have_their_names() {
        assert_eq!(of(&[0.0, 1.0, 2.0, 3.0, 4.0, 5.1, 7.1, 11.2, 19.4, 35.5, 67.8]), "linear-then-doubling");
        assert_eq!(of(&[0.0, 1.0, 3.0, 7.1, 15.3, 31.4]), "doubling");
        assert_eq!(of(&[0.0, 3.0, 9.0, 21.0]), "doubling");
        assert_eq!(of(&[0.0, 1.0, 2.0]), "linear-then-doubling");
    }

    #[test]
    fn what_no_timer_does_has_no_name() {
        assert_eq!(of(&[0.0, 1.0]), "unclear");
        assert_eq!(of(&[0.0]), "unclear");
        assert_eq!(of(&[0.0, 2.0, 4.0, 6.0, 8.0, 10.0, 12.0, 14.0]), "constant");
        assert_eq!(of(&[0.0, 4.0, 5.0, 5.3]), "other");
        assert_eq!(of(&[0.0, 1.0, 3.0, 5.0]), "other");
    }
}
