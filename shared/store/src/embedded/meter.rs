//! How fast a tier is: jobs done and their latencies over the last minute.

use hdrhistogram::Histogram;
use ripple_domain::Timestamp;

use crate::LatencySummary;

const SLICES: usize = 6;
const SLICE_MS: i64 = 10_000;
/// Latencies above an hour count as an hour.
const LATENCY_MS_MAX: u64 = 3_600_000;

/// The last minute in slices of ten seconds, so that old figures leave without being kept one by one.
#[derive(Debug)]
pub(super) struct Meter {
    slices: [Histogram<u64>; SLICES],
    /// The number of the newest slice since the epoch.
    newest: i64,
}

impl Meter {
    pub(super) fn new() -> Self {
        #[expect(
            clippy::expect_used,
            reason = "the bounds are constants that the library allows"
        )]
        let slice = || Histogram::new_with_bounds(1, LATENCY_MS_MAX, 2).expect("valid bounds");
        Self {
            slices: std::array::from_fn(|_| slice()),
            newest: 0,
        }
    }

    /// Counts a job done at `now`, `latency_ms` after it was accepted.
    pub(super) fn record(&mut self, now: Timestamp, latency_ms: u64) {
        self.turn(now);
        let slice = &mut self.slices[slot(self.newest)];
        slice.saturating_record(latency_ms);
    }

    /// Jobs done a second, and their latencies.
    pub(super) fn summary(&mut self, now: Timestamp) -> (f64, LatencySummary) {
        self.turn(now);
        let mut minute = self.slices[0].clone();
        for slice in &self.slices[1..] {
            // The slices have the same bounds, so adding cannot fail.
            let _ = minute.add(slice);
        }
        if minute.is_empty() {
            return (0.0, LatencySummary::default());
        }
        let latency = LatencySummary {
            p50: minute.value_at_quantile(0.5),
            p99: minute.value_at_quantile(0.99),
            max: minute.max(),
        };
        #[expect(clippy::cast_precision_loss, reason = "a rate to be shown")]
        let done_per_s = minute.len() as f64 * 1_000.0 / (SLICES as i64 * SLICE_MS) as f64;
        (done_per_s, latency)
    }

    /// Empties the slices whose minute is over.
    fn turn(&mut self, now: Timestamp) {
        let current = now.as_ms().div_euclid(SLICE_MS);
        let passed = current.saturating_sub(self.newest);
        for step in 1..=passed.clamp(0, SLICES as i64) {
            self.slices[slot(current - passed.min(SLICES as i64) + step)].reset();
        }
        self.newest = self.newest.max(current);
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a remainder of 6")]
fn slot(slice: i64) -> usize {
    slice.rem_euclid(SLICES as i64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_leave_after_a_minute() {
        let start = Timestamp::from_ms(1_772_366_400_000);
        let mut meter = Meter::new();
        for ms in 1..=100 {
            meter.record(start, ms);
        }
        meter.record(start.plus_ms(30_000), 500);
        let (done_per_s, latency) = meter.summary(start.plus_ms(30_000));
        assert!((done_per_s - 101.0 / 60.0).abs() < 0.01);
        assert_eq!((latency.p50, latency.max), (51, 501));

        let (_, latency) = meter.summary(start.plus_ms(65_000));
        assert_eq!(latency.p50, 501);
        assert_eq!(
            meter.summary(start.plus_ms(200_000)),
            (0.0, LatencySummary::default())
        );
    }
}
