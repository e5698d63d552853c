//! What differs from run to run without a reason.
//!
//! The thresholds are rules of thumb for two runs on one quiet machine: they keep the eye from small
//! differences, and prove nothing. Who must know runs both several times.

use crate::report::{
    model::Latency,
    rows::{FIGURES, values},
    units::as_f64,
};

/// Where a figure went, beyond noise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Movement {
    /// It became better.
    Better,
    /// It became worse.
    Worse,
    /// It moved less than noise does.
    Same,
    /// It is missing in one run, or too few were measured to tell.
    Unknown,
}

impl Movement {
    /// Whether something changed beyond noise.
    pub fn is_change(self) -> bool {
        matches!(self, Self::Better | Self::Worse)
    }

    #[cfg(test)]
    pub(super) fn reversed(self) -> Self {
        match self {
            Self::Better => Self::Worse,
            Self::Worse => Self::Better,
            same => same,
        }
    }
}

/// What is said about the thresholds.
pub(super) const EXPLANATION: &str = "Marked are differences beyond noise: rates by 5 %, p50 and p90 by 10 %, \
    p99 by 25 %, p99.9 by 50 %, latencies by 100 µs at least. A percentile with fewer than 10 measurements \
    above it, and the maximum, is not judged.";

/// By how much the larger of two rates is larger.
const RATES: f64 = 1.05;
/// The same for latencies, by figure; the maximum is one measurement and says nothing.
const LATENCIES: [Option<f64>; 5] = [Some(1.1), Some(1.1), Some(1.25), Some(1.5), None];
/// How many of a thousand measurements are above a figure.
const ABOVE: [u64; 5] = [500, 100, 10, 1, 0];
/// A difference of less than this many microseconds is nobody's concern.
const LEAST_US: u64 = 100;
/// A percentile is judged with so many measurements above it.
const MEASURED_MIN: u64 = 10;

const _: () = assert!(FIGURES.len() == LATENCIES.len());

pub(super) fn of_rates(before: Option<f64>, after: Option<f64>) -> Movement {
    let (Some(before), Some(after)) = (before, after) else {
        return Movement::Unknown;
    };
    if after > before * RATES {
        Movement::Better
    } else if before > after * RATES {
        Movement::Worse
    } else {
        Movement::Same
    }
}

/// The movement of a figure, by its place in [`FIGURES`].
pub(super) fn of_latencies(
    figure: usize,
    before: Option<&Latency>,
    after: Option<&Latency>,
) -> Movement {
    let (Some(before), Some(after), Some(threshold)) = (before, after, LATENCIES[figure]) else {
        return Movement::Unknown;
    };
    let fewest = before.count.min(after.count);
    if fewest.saturating_mul(ABOVE[figure]) < MEASURED_MIN * 1_000 {
        return Movement::Unknown;
    }
    let (before, after) = (values(before)[figure], values(after)[figure]);
    if before.abs_diff(after) < LEAST_US {
        Movement::Same
    } else if as_f64(after) > as_f64(before) * threshold {
        Movement::Worse
    } else if as_f64(before) > as_f64(after) * threshold {
        Movement::Better
    } else {
        Movement::Same
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn latency(count: u64, p50: u64, p999: u64) -> Latency {
        Latency {
            count,
            p50,
            p999,
            ..Latency::default()
        }
    }

    fn moved(figure: usize, before: &Latency, after: &Latency) -> Movement {
        of_latencies(figure, Some(before), Some(after))
    }

    #[test]
    fn small_differences_are_noise() {
        let before = latency(100, 1_000, 0);
        assert_eq!(moved(0, &before, &latency(100, 1_099, 0)), Movement::Same);
        assert_eq!(moved(0, &before, &latency(100, 1_101, 0)), Movement::Worse);
        assert_eq!(moved(0, &before, &latency(100, 900, 0)), Movement::Better);
        let quick = latency(100, 20, 0);
        assert_eq!(moved(0, &quick, &latency(100, 110, 0)), Movement::Same);
        assert_eq!(of_rates(Some(100.0), Some(96.0)), Movement::Same);
        assert_eq!(of_rates(Some(100.0), Some(94.0)), Movement::Worse);
    }

    #[test]
    fn percentiles_of_few_measurements_are_not_judged() {
        let (few, enough) = (latency(9_999, 0, 1_000), latency(10_000, 0, 9_000));
        assert_eq!(moved(3, &few, &enough), Movement::Unknown);
        let before = latency(10_000, 0, 1_000);
        assert_eq!(moved(3, &before, &enough), Movement::Worse);
        assert_eq!(moved(4, &before, &enough), Movement::Unknown);
        assert_eq!(of_latencies(0, None, Some(&enough)), Movement::Unknown);
    }
}
