//! `Gaps`: the times between the repetitions of one segment; they tell by which timer it was sent again.

use super::packed::fields;
use crate::tcp::Duration;

/// The first [`Gaps::KEPT`] gaps, in order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gaps {
    gaps: [Duration; Self::KEPT],
    kept: u8,
}

impl Gaps {
    /// Gaps kept: Linux sends a SYN again ten times (tcp_syn_linear_timeouts 4 and tcp_syn_retries 6).
    pub const KEPT: usize = 10;

    /// One more, where there is room.
    pub(super) fn add(&mut self, gap: Duration) {
        if let Some(place) = self.gaps.get_mut(usize::from(self.kept)) {
            *place = gap;
            self.kept += 1;
        }
    }

    /// All that were kept.
    pub fn as_slice(&self) -> &[Duration] {
        self.gaps.get(..usize::from(self.kept)).unwrap_or_default()
    }
}

fields!(Gaps { small [kept] part [gaps] });
