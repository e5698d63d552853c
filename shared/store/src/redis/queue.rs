//! The queue of each tier.

use async_trait::async_trait;
use ripple_domain::{JobId, JobKind, Tier, Timestamp};

use super::{RedisStore, unfinished};
use crate::{Claim, DeadJob, Lease, Queue, Settlement, StoreError, TierStats};

#[async_trait]
impl Queue for RedisStore {
    async fn claim(
        &self,
        tier: Tier,
        jobs_max: usize,
        lease_ms: u32,
    ) -> Result<Vec<Claim>, StoreError> {
        unfinished()
    }

    async fn job_ready(&self, tier: Tier) {
        std::future::pending::<()>().await
    }

    fn extend(&self, leases: &[Lease], lease_ms: u32) -> Vec<bool> {
        leases.iter().map(|_| false).collect()
    }

    async fn settle(&self, settlements: Vec<Settlement>) -> Result<Vec<bool>, StoreError> {
        unfinished()
    }

    async fn tier_stats(&self, tier: Tier) -> Result<TierStats, StoreError> {
        unfinished()
    }

    async fn complete_until(&self, tier: Tier) -> Result<Timestamp, StoreError> {
        unfinished()
    }

    async fn pause(&self, tier: Tier, paused: bool) -> Result<(), StoreError> {
        unfinished()
    }

    async fn dead_jobs(
        &self,
        tier: Tier,
        before: Option<JobId>,
        limit: usize,
    ) -> Result<Vec<DeadJob>, StoreError> {
        unfinished()
    }

    async fn replay_dead(&self, tier: Tier, job: Option<JobId>) -> Result<u64, StoreError> {
        unfinished()
    }

    async fn purge_dead(&self, tier: Tier, job: Option<JobId>) -> Result<u64, StoreError> {
        unfinished()
    }

    async fn enqueue(&self, kinds: Vec<JobKind>) -> Result<(), StoreError> {
        unfinished()
    }
}
