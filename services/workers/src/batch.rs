//! A claimed batch from its claim to its settlement.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures_util::{FutureExt, StreamExt, future::join, stream};
use ripple_domain::{JobKind, Tier};
use ripple_store::{Claim, Fate, Store};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::{
    decide,
    handler::{AttemptError, Handler, Outcome, chain, panic_text},
    leases::HeldLeases,
    replay::Replays,
    settle::{Settling, log_fenced},
};

/// Jobs of a failed batch that are tried at the same time.
const SINGLES_AT_ONCE: usize = 16;

/// What every batch of a tier works with.
pub(crate) struct Bench {
    pub(crate) tier: Tier,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) handler: Arc<dyn Handler>,
    /// Does the jobs of kind `Replay`.
    pub(crate) replays: Replays,
    pub(crate) attempt_ms_max: u64,
    /// Nothing new is to be begun.
    pub(crate) stop: CancellationToken,
    /// What is not done is to be given back at once.
    pub(crate) abandon: CancellationToken,
}

impl Bench {
    /// Works on a batch until each of its jobs is settled. Whatever happens, no job is lost: what
    /// could not be settled is claimable again when its lease has run out.
    pub(crate) async fn work(&self, claims: Vec<Claim>, held: HeldLeases) {
        let work = AssertUnwindSafe(self.attempt_all(&claims, &held)).catch_unwind();
        match self.abandon.run_until_cancelled(work).await {
            Some(Ok(())) => {}
            Some(Err(panic)) => tracing::error!(
                tier = %self.tier,
                jobs = claims.len(),
                error = panic_text(panic.as_ref()),
                "settling a batch panicked; its jobs will be delivered again"
            ),
            None => self.release(held.unsettled()).await,
        }
    }

    async fn attempt_all(&self, claims: &[Claim], held: &HeldLeases) {
        let (mut fresh, mut single, mut given_up) = (Vec::new(), Vec::new(), Vec::new());
        for claim in claims {
            match decide::reason_not_to_run(&claim.job) {
                Some(error) => given_up.push(Settling::new(claim, Fate::Dead { error })),
                // A job that failed before is tried by itself, so that it fails no batch a second time.
                None if claim.job.attempts > 0 || is_replay(claim) => single.push(claim.clone()),
                None => fresh.push(claim.clone()),
            }
        }
        self.settle(given_up, held).await;
        if self.stop.is_cancelled() {
            return self.release(held.unsettled()).await;
        }
        join(
            self.attempt_together(&fresh, held),
            self.attempt_one_by_one(&single, held),
        )
        .await;
    }

    async fn attempt_together(&self, claims: &[Claim], held: &HeldLeases) {
        if claims.is_empty() {
            return;
        }
        match self.attempt(claims).await {
            Ok(outcomes) => self.conclude(claims, outcomes, held).await,
            Err(error) if claims.len() == 1 => {
                let failed = vec![Outcome::Failed(error)];
                self.conclude(claims, failed, held).await;
            }
            Err(error) => {
                tracing::debug!(
                    tier = %self.tier,
                    jobs = claims.len(),
                    error = chain(&error),
                    "a batch failed; its jobs are tried one by one"
                );
                self.attempt_one_by_one(claims, held).await;
            }
        }
    }

    async fn attempt_one_by_one(&self, claims: &[Claim], held: &HeldLeases) {
        stream::iter(claims)
            .for_each_concurrent(SINGLES_AT_ONCE, |claim| self.attempt_one(claim, held))
            .await;
    }

    async fn attempt_one(&self, claim: &Claim, held: &HeldLeases) {
        if held.is_lost(&claim.lease) {
            log_fenced(
                &claim.job,
                "a lease had ended before its job was tried by itself",
            );
            return held.let_go([claim.lease]);
        }
        if self.stop.is_cancelled() {
            let back = Settling::new(claim, Fate::Release);
            return self.settle(vec![back], held).await;
        }
        let claims = std::slice::from_ref(claim);
        let outcomes = match self.attempt(claims).await {
            Ok(outcomes) => outcomes,
            Err(error) => vec![Outcome::Failed(error)],
        };
        self.conclude(claims, outcomes, held).await;
    }

    /// One attempt at these jobs together. A panic and a time limit count as failures.
    async fn attempt(&self, claims: &[Claim]) -> Result<Vec<Outcome>, AttemptError> {
        let limit = Duration::from_millis(self.attempt_ms_max);
        // They are tried by themselves, so the first speaks for all.
        let handler = match claims.first().is_some_and(is_replay) {
            true => &self.replays as &dyn Handler,
            false => self.handler.as_ref(),
        };
        let attempt = AssertUnwindSafe(handler.handle(claims)).catch_unwind();
        match timeout(limit, attempt).await {
            Ok(Ok(outcomes)) => outcomes,
            Ok(Err(panic)) => Err(AttemptError::Panicked(panic_text(panic.as_ref()))),
            Err(_) => Err(AttemptError::TookTooLong(self.attempt_ms_max)),
        }
    }
}

fn is_replay(claim: &Claim) -> bool {
    matches!(claim.job.kind, JobKind::Replay { .. })
}
