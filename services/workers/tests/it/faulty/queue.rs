use async_trait::async_trait;
use ripple_domain::{JobId, JobKind, Tier, Timestamp};
use ripple_store::{Claim, DeadJob, Lease, Queue, Settlement, StoreError, TierStats};

use super::{Fault, Faulty, Op};

#[async_trait]
impl Queue for Faulty {
    async fn claim(
        &self,
        tier: Tier,
        jobs_max: usize,
        lease_ms: u32,
    ) -> Result<Vec<Claim>, StoreError> {
        self.through(Op::Claim, self.inner.claim(tier, jobs_max, lease_ms))
            .await
    }
    async fn job_ready(&self, tier: Tier) {
        self.inner.job_ready(tier).await
    }
    fn extend(&self, leases: &[Lease], lease_ms: u32) -> Vec<bool> {
        match (self.rule)(&Op::Extend) {
            None => self.inner.extend(leases, lease_ms),
            Some(Fault::Panic) => panic!("extend panics"),
            // The renewal never reaches the store, and this process does not know.
            Some(_) => vec![true; leases.len()],
        }
    }
    async fn settle(&self, settlements: Vec<Settlement>) -> Result<Vec<bool>, StoreError> {
        let settled = self
            .through(Op::Settle, self.inner.settle(settlements))
            .await;
        self.settled().extend(settled.iter().flatten());
        settled
    }
    async fn tier_stats(&self, tier: Tier) -> Result<TierStats, StoreError> {
        self.inner.tier_stats(tier).await
    }
    async fn complete_until(&self, tier: Tier) -> Result<Timestamp, StoreError> {
        self.inner.complete_until(tier).await
    }
    async fn pause(&self, tier: Tier, paused: bool) -> Result<(), StoreError> {
        self.inner.pause(tier, paused).await
    }
    async fn dead_jobs(
        &self,
        tier: Tier,
        before: Option<JobId>,
        limit: usize,
    ) -> Result<Vec<DeadJob>, StoreError> {
        self.inner.dead_jobs(tier, before, limit).await
    }
    async fn replay_dead(&self, tier: Tier, job: Option<JobId>) -> Result<u64, StoreError> {
        self.inner.replay_dead(tier, job).await
    }
    async fn purge_dead(&self, tier: Tier, job: Option<JobId>) -> Result<u64, StoreError> {
        self.inner.purge_dead(tier, job).await
    }
    async fn enqueue(&self, kinds: Vec<JobKind>) -> Result<(), StoreError> {
        self.inner.enqueue(kinds).await
    }
}
