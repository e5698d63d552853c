//! How fast a tier is: jobs done by all processes and their latencies over the last minute, in slices of
//! ten seconds.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use hdrhistogram::Histogram;
use redis::RedisResult;
use ripple_domain::{Tier, Timestamp};

use super::{
    error::store_error,
    key::Key,
    link::{Commands, Link, decode},
};
use crate::{LatencySummary, StoreError};

const SLICES: i64 = 6;
const SLICE_MS: i64 = 10_000;
/// A slice is kept for so long, by the server's time.
const SLICE_KEPT_MS: u32 = 300_000;
/// Latencies above an hour count as an hour.
const LATENCY_MS_MAX: u64 = 3_600_000;
/// What a process has counted is handed in so often.
const HANDED_IN_EVERY: Duration = Duration::from_millis(500);

type Counts = HashMap<(Tier, i64), HashMap<u64, u64>>;

/// What this process has counted and not handed in yet.
#[derive(Default)]
pub(super) struct Meter {
    counts: Mutex<Counts>,
    is_planned: AtomicBool,
}

impl Meter {
    /// Counts jobs done at `now`, each accepted at one of these moments.
    pub(super) fn record(
        self: &Arc<Self>,
        link: &Arc<Link>,
        tier: Tier,
        now: Timestamp,
        accepted_at: impl IntoIterator<Item = Timestamp>,
    ) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        for accepted_at in accepted_at {
            let latency_ms = round(now.ms_since(accepted_at).min(LATENCY_MS_MAX));
            let slice = counts.entry((tier, slice_of(now))).or_default();
            *slice.entry(latency_ms).or_default() += 1;
        }
        let is_empty = counts.is_empty();
        drop(counts);
        if !is_empty && !self.is_planned.swap(true, Ordering::AcqRel) {
            let (meter, link) = (Arc::clone(self), Arc::clone(link));
            tokio::spawn(async move {
                tokio::time::sleep(HANDED_IN_EVERY).await;
                meter.is_planned.store(false, Ordering::Release);
                if let Err(error) = meter.hand_in(&link).await {
                    tracing::debug!(%error, "counts of jobs that are done were lost");
                }
            });
        }
    }

    /// Jobs done a second and their latencies, over the last minute.
    pub(super) async fn summary(
        &self,
        link: &Link,
        tier: Tier,
        now: Timestamp,
    ) -> Result<(f64, LatencySummary), StoreError> {
        const READING: &str = "reading the meter";
        self.hand_in(link).await.map_err(store_error(READING))?;
        let newest = slice_of(now);
        let mut commands = Commands::new(Key::Meter(tier, newest).partition());
        for slice in newest - SLICES + 1..=newest {
            commands.add("HGETALL", &Key::Meter(tier, slice), &[] as &[&str]);
        }
        let mut minute = histogram();
        for answer in link.send(&commands).await.map_err(store_error(READING))? {
            let slice: Vec<(u64, u64)> = decode(answer).map_err(store_error(READING))?;
            for (latency_ms, jobs) in slice {
                minute.saturating_record_n(latency_ms, jobs);
            }
        }
        if minute.is_empty() {
            return Ok((0.0, LatencySummary::default()));
        }
        #[expect(clippy::cast_precision_loss, reason = "a rate to be shown")]
        let done_per_s = minute.len() as f64 * 1_000.0 / (SLICES * SLICE_MS) as f64;
        let latency = LatencySummary {
            p50: minute.value_at_quantile(0.5),
            p99: minute.value_at_quantile(0.99),
            max: minute.max(),
        };
        Ok((done_per_s, latency))
    }

    async fn hand_in(&self, link: &Link) -> RedisResult<()> {
        let counts = {
            let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut *counts)
        };
        let mut commands = Commands::new(Key::Meter(Tier::Followers, 0).partition());
        for ((tier, slice), counts) in counts {
            let key = Key::Meter(tier, slice);
            for (latency_ms, jobs) in counts {
                commands.add("HINCRBY", &key, (latency_ms, jobs));
            }
            commands.add("PEXPIRE", &key, SLICE_KEPT_MS);
        }
        link.send(&commands).await?;
        Ok(())
    }
}

#[expect(
    clippy::expect_used,
    reason = "the bounds are constants that the library allows"
)]
fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, LATENCY_MS_MAX, 2).expect("valid bounds")
}

fn slice_of(time: Timestamp) -> i64 {
    time.as_ms().div_euclid(SLICE_MS)
}

/// Keeps the first seven bits, so that a slice has few different latencies.
fn round(latency_ms: u64) -> u64 {
    let cut = (u64::BITS - latency_ms.leading_zeros()).saturating_sub(7);
    latency_ms >> cut << cut
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_latency_is_rounded_by_less_than_two_percent() {
        for latency_ms in (0..200).chain([999, 1_000, 59_999, LATENCY_MS_MAX]) {
            let rounded = round(latency_ms);
            assert!(rounded <= latency_ms && (latency_ms - rounded) * 64 <= latency_ms);
        }
    }
}
