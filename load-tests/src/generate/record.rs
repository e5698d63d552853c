//! What came of each request.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use hdrhistogram::Histogram;

use crate::{report::model::Latency, scenario::Operation};

/// What came of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It was answered as it should be.
    Good,
    /// It was answered with this status.
    Status(u16),
    /// It was not answered, or not sent.
    Failed(&'static str),
}

impl Outcome {
    /// Its name in a report.
    pub(crate) fn label(self) -> String {
        match self {
            Self::Good => "good".into(),
            Self::Status(status) => status.to_string(),
            Self::Failed(why) => why.into(),
        }
    }

    /// Whether the server said that it has too much to do: it may.
    pub(crate) fn is_refusal(self) -> bool {
        matches!(self, Self::Status(429 | 503))
    }
}

/// A request that was due in the measured part of a run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    /// When it was due, in milliseconds since the begin.
    pub(crate) due_ms: u32,
    /// How long it took from then, in microseconds.
    pub(crate) took_us: u32,
    /// What came of it.
    pub(crate) outcome: Outcome,
}

impl Sample {
    /// The second in which it was due.
    pub(crate) fn second(&self) -> usize {
        (self.due_ms / 1_000) as usize
    }
}

/// Takes down what came of each request.
pub(crate) struct Recorder {
    begin: Instant,
    logs: [Mutex<Log>; Operation::ALL.len()],
}

/// The requests of an operation.
#[derive(Default)]
struct Log {
    samples: Vec<Sample>,
    /// How many of them the progress bar has shown.
    shown: usize,
}

impl Recorder {
    pub(crate) fn new(begin: Instant) -> Self {
        Self {
            begin,
            logs: Default::default(),
        }
    }

    fn log(&self, operation: Operation) -> MutexGuard<'_, Log> {
        self.logs[operation.index()]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes down a request that was due at a moment and is over now. Those of the warm-up are left out.
    pub(crate) fn record(&self, operation: Operation, due: Instant, outcome: Outcome) {
        let Some(since_begin) = due.checked_duration_since(self.begin) else {
            return;
        };
        let sample = Sample {
            due_ms: u32::try_from(since_begin.as_millis()).unwrap_or(u32::MAX),
            took_us: micros_u32(due.elapsed()),
            outcome,
        };
        self.log(operation).samples.push(sample);
    }

    /// What was taken down since the last call: how many, how many bad, and the 99th percentile.
    pub(crate) fn news(&self, operation: Operation) -> (usize, usize, u64) {
        let mut log = self.log(operation);
        let news = &log.samples[log.shown..];
        let latency = histogram(good(news));
        let bad = news.len() - usize::try_from(latency.len()).unwrap_or(0);
        let found = (news.len(), bad, latency.value_at_quantile(0.99));
        log.shown = log.samples.len();
        found
    }

    /// All that was taken down, by operation.
    pub(crate) fn take(&self) -> BTreeMap<Operation, Vec<Sample>> {
        let logs = Operation::ALL.map(|operation| {
            let mut log = self.log(operation);
            log.shown = 0;
            (operation, std::mem::take(&mut log.samples))
        });
        logs.into_iter().collect()
    }
}

/// The latencies of good answers.
pub(crate) fn good(samples: &[Sample]) -> impl Iterator<Item = u64> {
    let good = samples
        .iter()
        .filter(|sample| sample.outcome == Outcome::Good);
    good.map(|sample| u64::from(sample.took_us))
}

pub(crate) fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

fn micros_u32(duration: Duration) -> u32 {
    u32::try_from(duration.as_micros()).unwrap_or(u32::MAX)
}

/// A histogram of latencies, exact to a thousandth.
#[expect(
    clippy::expect_used,
    reason = "three digits are among those that a histogram can have"
)]
pub(crate) fn histogram(latencies: impl IntoIterator<Item = u64>) -> Histogram<u64> {
    let mut histogram = Histogram::new(3).expect("1 to 5 significant digits");
    for latency in latencies {
        // It grows to what it is given, so nothing is refused.
        let _ = histogram.record(latency);
    }
    histogram
}

/// Percentiles at which a curve has a point: denser towards 100.
const CURVE: [f64; 20] = [
    0.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 75.0, 80.0, 85.0, 90.0, 95.0, 97.5, 99.0, 99.5,
    99.9, 99.95, 99.99, 100.0,
];

/// A distribution as a report shows it.
pub(crate) fn latency(latencies: impl IntoIterator<Item = u64>) -> Latency {
    let histogram = histogram(latencies);
    if histogram.is_empty() {
        return Latency::default();
    }
    let at = |quantile| histogram.value_at_quantile(quantile).min(histogram.max());
    Latency {
        count: histogram.len(),
        min: histogram.min(),
        mean: histogram.mean(),
        p50: at(0.5),
        p90: at(0.9),
        p99: at(0.99),
        p999: at(0.999),
        max: histogram.max(),
        curve: CURVE
            .map(|percentile| (percentile, at(percentile / 100.0)))
            .into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_distribution_keeps_short_and_long_latencies() {
        let found = latency((1..=1_000).map(|ms| ms * 1_000).chain([120_000_000]));
        assert_eq!((found.count, found.min), (1_001, 1_000));
        assert!(found.p50.abs_diff(501_000) < 1_000, "{}", found.p50);
        assert!(found.max.abs_diff(120_000_000) < 120_000, "{}", found.max);
        assert_eq!(latency([]), Latency::default());
        assert!(found.curve.is_sorted_by(|a, b| a.0 < b.0 && a.1 <= b.1));
    }
}
