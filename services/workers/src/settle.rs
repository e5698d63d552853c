//! Telling the store what became of the jobs, each by itself, and logging it.

use std::time::Duration;

use ripple_domain::Job;
use ripple_store::{Claim, Fate, Lease, Settlement, StageProgress};
use tokio::time::sleep;

use crate::{
    batch::Bench,
    decide,
    handler::{AttemptError, Outcome, chain},
    leases::HeldLeases,
    measure,
};

/// Attempts at settling before the leases are left to run out; the jobs are then delivered again.
const SETTLE_TRIES_MAX: u32 = 8;
const SETTLE_BACKOFF: Duration = Duration::from_millis(50);
const SETTLE_BACKOFF_MAX: Duration = Duration::from_secs(1);

/// A job with what is to become of it.
pub(crate) struct Settling<'a> {
    claim: &'a Claim,
    fate: Fate,
    progress: Option<StageProgress>,
    deliveries: u64,
}

impl Bench {
    /// Settles what is not settled yet, and counts what is done.
    pub(crate) async fn conclude(
        &self,
        claims: &[Claim],
        outcomes: Vec<Outcome>,
        held: &HeldLeases,
    ) {
        let mut settling = Vec::with_capacity(claims.len());
        for (claim, outcome) in claims.iter().zip(outcomes) {
            match outcome {
                Outcome::Settled { held: true } => {
                    held.let_go([claim.lease]);
                    self.count_done(&claim.job);
                }
                Outcome::Settled { held: false } => {
                    held.let_go([claim.lease]);
                    log_fenced(&claim.job, LATE);
                }
                Outcome::Settle {
                    fate,
                    progress,
                    deliveries,
                } => settling.push(Settling {
                    claim,
                    fate,
                    progress,
                    deliveries,
                }),
                Outcome::Failed(error) => settling.push(self.failed(claim, &error)),
            }
        }
        self.settle(settling, held).await;
    }

    fn failed<'a>(&self, claim: &'a Claim, error: &AttemptError) -> Settling<'a> {
        let now = self.store.clock().now();
        let (text, jitter) = (chain(error), fastrand::f64());
        let fate = match error.is_outage() {
            true => decide::after_outage(&claim.job, now, &text, jitter),
            false => decide::after_failure(&claim.job, now, &text, jitter),
        };
        Settling::new(claim, fate)
    }

    /// Settles these jobs and lets their leases go.
    pub(crate) async fn settle(&self, jobs: Vec<Settling<'_>>, held: &HeldLeases) {
        if jobs.is_empty() {
            return;
        }
        let settlements: Vec<Settlement> = jobs.iter().map(Settling::settlement).collect();
        let settled = self.settle_in_store(settlements).await;
        held.let_go(jobs.iter().map(|job| job.claim.lease));
        for (job, held) in jobs.iter().zip(settled) {
            if !held {
                log_fenced(&job.claim.job, LATE);
                continue;
            }
            log_fate(job);
            measure::delivered(job.deliveries);
            // A post that was deleted before its turn has no receipt, and no latency.
            if job.fate == Fate::Ack && job.progress.is_some() {
                self.count_done(&job.claim.job);
            }
        }
    }

    /// Settles, trying again while the store fails; nothing when it goes on failing. A settlement
    /// that had been carried out when its call failed is fenced the second time.
    async fn settle_in_store(&self, settlements: Vec<Settlement>) -> Vec<bool> {
        for failures in 1..=SETTLE_TRIES_MAX {
            match self.store.settle(settlements.clone()).await {
                Ok(settled) => return settled,
                Err(error) => tracing::warn!(
                    tier = %self.tier,
                    jobs = settlements.len(),
                    failures,
                    error = chain(&error),
                    "settling jobs failed"
                ),
            }
            let jitter = fastrand::f64();
            let (base, most) = (SETTLE_BACKOFF, SETTLE_BACKOFF_MAX);
            sleep(decide::store_backoff(failures, base, most, jitter)).await;
        }
        tracing::error!(
            tier = %self.tier,
            jobs = settlements.len(),
            "jobs could not be settled; they will be delivered again"
        );
        Vec::new()
    }

    /// Gives jobs back as they were.
    pub(crate) async fn release(&self, leases: Vec<Lease>) {
        if leases.is_empty() {
            return;
        }
        let jobs = leases.len();
        let settlements = leases.into_iter().map(|lease| Settlement {
            lease,
            fate: Fate::Release,
            progress: None,
        });
        match self.store.settle(settlements.collect()).await {
            Ok(_) => tracing::info!(tier = %self.tier, jobs, "unfinished jobs were given back"),
            Err(error) => tracing::warn!(
                tier = %self.tier,
                jobs,
                error = chain(&error),
                "unfinished jobs could not be given back; they wait for their leases to run out"
            ),
        }
    }

    fn count_done(&self, job: &Job) {
        let latency_ms = self.store.clock().now().ms_since(job.accepted_at);
        // Nobody waits for a replay, and it gives way: its latency says nothing of the tier.
        if !job.is_replayed() {
            measure::done(self.tier, latency_ms);
        }
        tracing::debug!(
            tier = %self.tier,
            kind = job.kind.name(),
            job = %job.id,
            post = job.kind.post().map(display),
            latency_ms,
            trace = job.trace.map(display),
            "a job is done"
        );
    }
}

impl<'a> Settling<'a> {
    pub(crate) fn new(claim: &'a Claim, fate: Fate) -> Self {
        Self {
            claim,
            fate,
            progress: None,
            deliveries: 0,
        }
    }

    fn settlement(&self) -> Settlement {
        Settlement {
            lease: self.claim.lease,
            fate: self.fate.clone(),
            progress: self.progress.clone(),
        }
    }
}

const LATE: &str =
    "a job had been taken over by another worker; this one's settlement changed nothing";

fn log_fate(settled: &Settling<'_>) {
    let job = &settled.claim.job;
    match &settled.fate {
        Fate::Retry { at, error } => tracing::warn!(
            tier = %job.tier(),
            kind = job.kind.name(),
            job = %job.id,
            post = job.kind.post().map(display),
            attempts = job.attempts + 1,
            retry_at = %at,
            trace = job.trace.map(display),
            error,
            "a job failed and will be tried again"
        ),
        Fate::Postpone { at, error } => tracing::warn!(
            tier = %job.tier(),
            kind = job.kind.name(),
            job = %job.id,
            post = job.kind.post().map(display),
            retry_at = %at,
            trace = job.trace.map(display),
            error,
            "the store does not take a job's work, which waits"
        ),
        Fate::Dead { error } => tracing::error!(
            tier = %job.tier(),
            kind = job.kind.name(),
            job = %job.id,
            post = job.kind.post().map(display),
            attempts = job.attempts,
            trace = job.trace.map(display),
            error,
            "a job was given up and lies with the dead letters"
        ),
        Fate::Ack | Fate::Continue { .. } | Fate::Release => {}
    }
}

/// Logs that this worker's claim of a job had ended.
pub(crate) fn log_fenced(job: &Job, what: &'static str) {
    tracing::warn!(
        tier = %job.tier(),
        kind = job.kind.name(),
        job = %job.id,
        post = job.kind.post().map(display),
        attempts = job.attempts,
        "{what}"
    );
}
