//! Numbers that follow from a record: what its opening cost, which share of it is overhead, how long it sat in TIME_WAIT.

pub use crate::engine::setup;

use crate::tcp::Duration;
use crate::track::Record;

/// Segments without payload divided by all segments, of both ends; `None` when there are none.
pub fn overhead_share(record: &Record) -> Option<f64> {
    let segments = record.sent.client.segments + record.sent.server.segments;
    (segments > 0).then(|| without_payload(record) as f64 / segments as f64)
}

/// Segments without payload, of both ends.
pub fn without_payload(record: &Record) -> u64 {
    record.sent.client.segments_without_payload + record.sent.server.segments_without_payload
}

/// The sum of its TIME_WAIT intervals whose ends are known or assumed; `None` when there is none.
///
/// Over both ends: after a simultaneous close each end holds one.
pub fn time_wait_total(record: &Record) -> Option<Duration> {
    record.time_wait.iter().filter_map(crate::track::TimeWait::duration).reduce(|a, b| a + b)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn setup_runs_from_the_first_syn_to_an_open_server() {
        assert_eq!(setup(&sample::graceful(1)), Some(Duration::from_millis(20)));
        assert_eq!(setup(&sample::half_open(1)), None);
    }

    #[test]
    fn nothing_sent_has_no_share() {
        let mut record = sample::graceful(1);
        assert_eq!(overhead_share(&record), Some(9.0 / 11.0));
        record.sent = Default::default();
        assert_eq!(overhead_share(&record), None);
    }
}
