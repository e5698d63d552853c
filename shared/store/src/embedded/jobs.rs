use async_trait::async_trait;
use ripple_domain::{JobId, JobKind, Tier, Timestamp};

use super::{
    EmbeddedStore,
    commands::jobs,
    effect::Effect,
    facts::into_store_error,
    key::{Key, trailing_u64},
    memory::TierState,
    queue::QueuedJob,
    record::{DeadRecord, decode},
    scan,
    settling::Settling,
};
use crate::{Claim, DeadJob, Fate, Lease, Queue, Settlement, StoreError, TierStats};

#[async_trait]
impl Queue for EmbeddedStore {
    async fn claim(
        &self,
        tier: Tier,
        jobs_max: usize,
        lease_ms: u32,
    ) -> Result<Vec<Claim>, StoreError> {
        let now = self.memory.clock.now();
        let until = now.plus_ms(lease_ms.into());
        let claimed = self.memory.tier(tier).queue().claim(jobs_max, now, until);
        let claim = |(queued, token): (QueuedJob, u64)| Claim {
            lease: Lease {
                job: queued.job.id,
                tier,
                token,
            },
            durable_at: queued.durable_at.unwrap_or(queued.job.accepted_at),
            job: queued.job,
        };
        Ok(claimed.into_iter().map(claim).collect())
    }

    async fn job_ready(&self, tier: Tier) {
        let state = self.memory.tier(tier);
        let now = self.memory.clock.now();
        let due_ms = {
            let queue = state.queue();
            if queue.has_claimable(now) {
                return;
            }
            queue
                .next_due()
                .filter(|_| !queue.paused)
                .map(|due| due.ms_since(now))
        };
        match due_ms {
            Some(due_ms) => {
                let due = std::time::Duration::from_millis(due_ms);
                // Whichever comes first; a time limit that runs out is no error here.
                let _ = tokio::time::timeout(due, state.announced()).await;
            }
            None => state.announced().await,
        }
    }

    fn extend(&self, leases: &[Lease], lease_ms: u32) -> Vec<bool> {
        let now = self.memory.clock.now();
        let until = now.plus_ms(lease_ms.into());
        let extend = |lease: &Lease| {
            let mut queue = self.memory.tier(lease.tier).queue();
            queue.extend(lease.job, lease.token, now, until)
        };
        leases.iter().map(extend).collect()
    }

    async fn settle(&self, settlements: Vec<Settlement>) -> Result<Vec<bool>, StoreError> {
        let mut settled = Vec::with_capacity(settlements.len());
        for settlement in settlements {
            settled.push(self.settle_one(settlement).await);
        }
        Ok(settled)
    }

    async fn tier_stats(&self, tier: Tier) -> Result<TierStats, StoreError> {
        let now = self.memory.clock.now();
        let state = self.memory.tier(tier);
        let (done_per_s, latency_ms) = state.meter().summary(now);
        let mut queue = state.queue();
        let counts = queue.counts(now);
        Ok(TierStats {
            tier,
            ready: counts.ready,
            delayed: counts.delayed,
            in_flight: counts.in_flight,
            dead: queue.dead,
            oldest_accepted_at: queue.oldest_accepted_at(),
            paused: queue.paused,
            done_per_s,
            latency_ms,
        })
    }

    async fn complete_until(&self, tier: Tier) -> Result<Timestamp, StoreError> {
        // The order matters. A group that begins after the second line takes its time after the
        // first; one that was under way there is either still named by it, or its jobs are in the queue
        // by the third.
        let now = self.memory.clock.now();
        let committing = self.memory.committing_since();
        let oldest = self.memory.tier(tier).queue().oldest_accepted_at();
        let incomplete = [Some(now), committing, oldest].into_iter().flatten().min();
        Ok(incomplete.unwrap_or(now).plus_ms(-1))
    }

    async fn pause(&self, tier: Tier, paused: bool) -> Result<(), StoreError> {
        let paused = self.writer.commit(move |tx| {
            match paused {
                true => tx.put(&Key::Paused(tier), []),
                false => tx.delete(&Key::Paused(tier)),
            }
            tx.then(Effect::Paused(tier, paused));
            Ok(())
        });
        paused.await.map_err(into_store_error)
    }

    async fn dead_jobs(
        &self,
        tier: Tier,
        before: Option<JobId>,
        limit: usize,
    ) -> Result<Vec<DeadJob>, StoreError> {
        let last = match before {
            Some(JobId(0)) => return Ok(Vec::new()),
            Some(JobId(before)) => JobId(before - 1),
            None => JobId(u64::MAX),
        };
        let (first, last) = (
            Key::Dead(tier, JobId(0)).bytes(),
            Key::Dead(tier, last).bytes(),
        );
        let newest_first = scan::range(&self.keyspace, None, first, last)
            .rev()
            .take(limit);
        newest_first
            .map(|entry| {
                let (_, record) = entry
                    .into_inner()
                    .map_err(|e| StoreError::read("dead letters", e))?;
                let DeadRecord::V1 {
                    job,
                    error,
                    dead_at,
                } = decode("dead letter", &record)?;
                Ok(DeadJob {
                    job,
                    error,
                    dead_at,
                })
            })
            .collect()
    }

    async fn replay_dead(&self, tier: Tier, job: Option<JobId>) -> Result<u64, StoreError> {
        let ids = self.dead_ids(tier, job)?;
        let replayed = self.writer.commit(move |tx| jobs::replay(tx, tier, &ids));
        replayed.await.map_err(into_store_error)
    }

    async fn purge_dead(&self, tier: Tier, job: Option<JobId>) -> Result<u64, StoreError> {
        let ids = self.dead_ids(tier, job)?;
        let purged = self.writer.commit(move |tx| jobs::purge(tx, tier, &ids));
        purged.await.map_err(into_store_error)
    }

    async fn enqueue(&self, kinds: Vec<JobKind>) -> Result<(), StoreError> {
        let enqueued = self.writer.commit(move |tx| {
            kinds
                .into_iter()
                .try_for_each(|kind| tx.enqueue_replayed(kind, None))
        });
        enqueued.await.map_err(into_store_error)
    }
}

impl EmbeddedStore {
    /// Settles a job: in memory at once, on disk soon. The command of a job that goes on waiting is
    /// handed in while the queue is locked, so that the commands about a job reach the writer in the
    /// order of what happened to it; after one that ends, nothing more happens to it.
    async fn settle_one(&self, settlement: Settlement) -> bool {
        let Settlement {
            lease,
            fate,
            progress,
        } = settlement;
        let place = self.writer.place().await;
        let now = self.memory.clock.now();
        let tier = lease.tier;
        let state = self.memory.tier(tier);
        let mut queue = state.queue();
        let Some(queued) = queue.begin_settling(lease.job, lease.token, now) else {
            return false;
        };
        match fate {
            Fate::Release => {
                queue.put_back(queued);
                drop(queue);
                state.announce();
                return true;
            }
            Fate::Ack => {
                drop(queue);
                let settling = Settling::of(&self.memory, lease);
                self.writer.hand_in(place, move |tx| {
                    jobs::write_progress(tx, &queued.job, progress)?;
                    jobs::ack(tx, &queued.job);
                    Ok(settling)
                });
            }
            Fate::Dead { error } => {
                drop(queue);
                let settling = Settling::of(&self.memory, lease);
                self.writer.hand_in(place, move |tx| {
                    jobs::write_progress(tx, &queued.job, progress)?;
                    jobs::bury(tx, queued.job, error)?;
                    Ok(settling)
                });
            }
            Fate::Continue { kind } => {
                let mut rest = queued;
                rest.job.kind = kind;
                rest.order = rest.order.max(now.plus_ms(rest.job.due_ms()));
                self.requeue(&mut queue, state, rest, progress, place);
            }
            Fate::Retry { at, error } => {
                let mut failed = queued;
                failed.job.attempts += 1;
                failed.not_before = Some(at);
                tracing::debug!(job = %lease.job, %tier, error, "a job is tried again later");
                self.requeue(&mut queue, state, failed, progress, place);
            }
            Fate::Postpone { at, error } => {
                let mut postponed = queued;
                postponed.not_before = Some(at);
                tracing::debug!(job = %lease.job, %tier, error, "a job is postponed");
                self.requeue(&mut queue, state, postponed, progress, place);
            }
        }
        true
    }

    fn requeue(
        &self,
        queue: &mut super::queue::TierQueue,
        state: &TierState,
        queued: QueuedJob,
        progress: Option<crate::StageProgress>,
        place: Option<tokio::sync::OwnedSemaphorePermit>,
    ) {
        queue.put_back(queued.clone());
        state.announce();
        self.writer.hand_in(place, move |tx| {
            jobs::write_progress(tx, &queued.job, progress)?;
            Ok(jobs::requeue(tx, &queued)?)
        });
    }

    fn dead_ids(&self, tier: Tier, job: Option<JobId>) -> Result<Vec<JobId>, StoreError> {
        if let Some(job) = job {
            return Ok(vec![job]);
        }
        let (first, last) = (
            Key::Dead(tier, JobId(0)).bytes(),
            Key::Dead(tier, JobId(u64::MAX)).bytes(),
        );
        let id = |key: fjall::Slice| {
            trailing_u64(&key).map(JobId).ok_or(StoreError::Corrupt {
                what: "dead letter",
            })
        };
        scan::range(&self.keyspace, None, first, last)
            .map(|entry| {
                entry
                    .key()
                    .map_err(|e| StoreError::read("dead letters", e))
                    .and_then(id)
            })
            .collect()
    }
}
