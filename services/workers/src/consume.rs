//! The consume loop, the same for every tier: claims batches, bounded in number.

use std::{
    panic::AssertUnwindSafe,
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::{FutureExt, poll};
use ripple_store::Claim;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{sleep, timeout},
};

use crate::{
    WorkerOptions,
    batch::Bench,
    decide,
    handler::{chain, panic_text},
    leases::Leases,
};

const CLAIM_BACKOFF: Duration = Duration::from_millis(100);
const CLAIM_BACKOFF_MAX: Duration = Duration::from_secs(5);

/// A tier's consume loop.
pub(crate) struct Consumer {
    bench: Arc<Bench>,
    leases: Arc<Leases>,
    /// One permit for each batch under way. Whoever holds all of them knows that nothing is.
    slots: Arc<Semaphore>,
    concurrency: u32,
    lease_ms: u32,
    poll: Duration,
    gather: Duration,
}

/// What the loop remembers from one claim to the next.
struct Pace {
    last_claim_jobs: usize,
    last_claim_at: Instant,
    /// Notifications in a row that led to no job.
    idle_wakes: u32,
    /// Claims in a row that failed.
    failures: u32,
}

impl Consumer {
    pub(crate) fn new(bench: Arc<Bench>, leases: Arc<Leases>, options: &WorkerOptions) -> Self {
        // The bound keeps the permits countable by `acquire_many`.
        let concurrency = u32::try_from(options.concurrency)
            .unwrap_or(u32::MAX)
            .clamp(1, 1_024);
        Self {
            bench,
            leases,
            slots: Arc::new(Semaphore::new(concurrency as usize)),
            concurrency,
            lease_ms: options.lease_ms,
            poll: Duration::from_millis(options.poll_ms.max(1)),
            gather: Duration::from_millis(options.gather_ms),
        }
    }

    /// Claims and hands out batches until it is stopped. Batches may be under way when it returns.
    pub(crate) async fn run(&self) {
        let mut pace = Pace {
            last_claim_jobs: 0,
            last_claim_at: Instant::now(),
            idle_wakes: 0,
            failures: 0,
        };
        while !self.bench.stop.is_cancelled() {
            let round = AssertUnwindSafe(self.rounds(&mut pace))
                .catch_unwind()
                .await;
            if let Err(panic) = round {
                tracing::error!(
                    tier = %self.bench.tier,
                    error = panic_text(panic.as_ref()),
                    "claiming jobs panicked"
                );
                self.back_off(&mut pace).await;
            }
        }
    }

    /// Resolves when no batch is under way.
    pub(crate) async fn drained(&self) {
        // The semaphore is never closed.
        let _ = self.slots.acquire_many(self.concurrency).await;
    }

    async fn rounds(&self, pace: &mut Pace) {
        while let Some(slot) = self.free_slot().await {
            let since = pace.last_claim_at.elapsed();
            let (tier, jobs) = (self.bench.tier, pace.last_claim_jobs);
            let gather = decide::gather(tier, self.gather, jobs, since);
            if !gather.is_zero() && self.pause(gather).await.is_none() {
                return;
            }
            self.round(slot, pace).await;
        }
    }

    async fn round(&self, slot: OwnedSemaphorePermit, pace: &mut Pace) {
        let tier = self.bench.tier;
        // Listening begins before the claim, so that a job which comes right after it is heard of.
        let mut ready = self.bench.store.job_ready(tier);
        let heard = poll!(&mut ready).is_ready();
        let jobs_max = decide::batch_jobs_max(tier);
        let claimed = self.bench.store.claim(tier, jobs_max, self.lease_ms).await;
        pace.last_claim_at = Instant::now();
        match claimed {
            Ok(claims) if claims.is_empty() => {
                drop(slot);
                pace.failures = 0;
                pace.last_claim_jobs = 0;
                let woken = self.bench.stop.run_until_cancelled(async {
                    // A timer's tick is a millisecond, so even a sleep of nothing would delay a job.
                    let delay = decide::idle_wake_delay(pace.idle_wakes);
                    if !delay.is_zero() {
                        sleep(delay).await;
                    }
                    heard || timeout(self.poll, ready).await.is_ok()
                });
                pace.idle_wakes = match woken.await {
                    Some(true) => pace.idle_wakes.saturating_add(1),
                    _ => 0,
                };
            }
            Ok(claims) => {
                pace.failures = 0;
                pace.idle_wakes = 0;
                pace.last_claim_jobs = claims.len();
                self.begin(claims, slot);
            }
            Err(error) => {
                drop(slot);
                tracing::warn!(
                    %tier,
                    failures = pace.failures + 1,
                    error = chain(&error),
                    "claiming jobs failed"
                );
                self.back_off(pace).await;
            }
        }
    }

    fn begin(&self, claims: Vec<Claim>, slot: OwnedSemaphorePermit) {
        let held = self.leases.hold(&claims);
        let bench = Arc::clone(&self.bench);
        tokio::spawn(async move {
            bench.work(claims, held).await;
            drop(slot);
        });
    }

    /// Waits for a place for one more batch; `None` when stopped.
    async fn free_slot(&self) -> Option<OwnedSemaphorePermit> {
        let stop = &self.bench.stop;
        let slot = stop.run_until_cancelled(Arc::clone(&self.slots).acquire_owned());
        slot.await?.ok().filter(|_| !stop.is_cancelled())
    }

    async fn back_off(&self, pace: &mut Pace) {
        pace.failures = pace.failures.saturating_add(1);
        let jitter = fastrand::f64();
        let wait = decide::store_backoff(pace.failures, CLAIM_BACKOFF, CLAIM_BACKOFF_MAX, jitter);
        self.pause(wait).await;
    }

    /// Sleeps; `None` when stopped.
    async fn pause(&self, wait: Duration) -> Option<()> {
        self.bench.stop.run_until_cancelled(sleep(wait)).await
    }
}
