use async_trait::async_trait;
use ripple_domain::{Job, JobId, JobKind, Stage, Tier, Timestamp};

use crate::StoreError;

/// The right to settle a job. It ends when it is used, when it runs out, or when the job is claimed
/// anew; a later use changes nothing (it is fenced).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Lease {
    /// The job.
    pub job: JobId,
    /// The job's tier.
    pub tier: Tier,
    /// Tells this claim of the job from all others, earlier and later.
    pub token: u64,
}

/// A claimed job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The job.
    pub job: Job,
    /// The right to settle it.
    pub lease: Lease,
    /// When its commit had become durable: the author tier was done at that moment. Where the store
    /// no longer knows, the job's `accepted_at`.
    pub durable_at: Timestamp,
}

/// What becomes of a claimed job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is done and leaves the queue.
    Ack,
    /// A part is done; the rest goes to the tail of the queue as `kind`, behind all that waits now.
    /// Its deadline and attempts stay.
    Continue {
        /// The rest of the work.
        kind: JobKind,
    },
    /// It failed and is tried again, not before `at`.
    Retry {
        /// The earliest next attempt.
        at: Timestamp,
        /// Why it failed.
        error: String,
    },
    /// The store could not take its work, through no fault of the job: it is tried again, not before
    /// `at`, and this was no attempt.
    Postpone {
        /// The earliest next attempt.
        at: Timestamp,
        /// What the store said.
        error: String,
    },
    /// It is given up and goes to the dead letters.
    Dead {
        /// Why.
        error: String,
    },
    /// The worker stops and gives it back untouched; it can be claimed at once.
    Release,
}

/// How far a job's tier has come with its post, to be written in the post's receipt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StageProgress {
    /// When the author tier was done.
    pub author_done_at: Timestamp,
    /// The tier's own stage.
    pub stage: Stage,
}

/// A claimed job's fate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settlement {
    /// The right to settle it.
    pub lease: Lease,
    /// What becomes of it.
    pub fate: Fate,
    /// The receipt's new state; `None` leaves it. (A dead job's stage becomes `dead` by itself.)
    pub progress: Option<StageProgress>,
}

/// A job that was given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadJob {
    /// The job.
    pub job: Job,
    /// Why it was given up.
    pub error: String,
    /// When.
    pub dead_at: Timestamp,
}

/// The bounds of a tier's backlog, past which posts are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueLimits {
    /// Jobs of commits that wait or are in flight. (Replayed ones do not count: no post is refused
    /// because of a replay.)
    pub jobs_max: u64,
    /// Age of the oldest of them that has not failed yet, in milliseconds.
    pub age_ms_max: u64,
}

impl Default for QueueLimits {
    /// A million jobs (some 200 MB) or ten minutes: past that a tier cannot keep its promise anyway.
    fn default() -> Self {
        Self {
            jobs_max: 1_000_000,
            age_ms_max: 600_000,
        }
    }
}

/// Latencies from accept to done, in milliseconds, of the last minute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LatencySummary {
    /// The median.
    pub p50: u64,
    /// The 99th percentile.
    pub p99: u64,
    /// The largest.
    pub max: u64,
}

/// A tier's queue at a moment.
#[derive(Clone, Debug, PartialEq)]
pub struct TierStats {
    /// The tier.
    pub tier: Tier,
    /// Jobs that can be claimed.
    pub ready: u64,
    /// Jobs that wait for their moment.
    pub delayed: u64,
    /// Jobs that are claimed.
    pub in_flight: u64,
    /// Jobs that were given up.
    pub dead: u64,
    /// When the oldest job that is ready, delayed or in flight was accepted, replayed ones aside.
    /// Everything accepted before is done (or dead): pages are complete up to this moment.
    pub oldest_accepted_at: Option<Timestamp>,
    /// Whether the tier is paused.
    pub paused: bool,
    /// Jobs done a second, over the last minute.
    pub done_per_s: f64,
    /// Latencies of the jobs done in the last minute.
    pub latency_ms: LatencySummary,
}

/// The durable queue of each tier. A job is delivered at least once and done by one worker at a time.
///
/// Order: earliest deadline first; the rest of a chunked job counts as if it had been accepted when it
/// went back. Replayed jobs ([`ripple_domain::Job::replayed`]) are due so late that those of new posts
/// go before them.
///
/// A settlement need not be durable when its method returns: after a crash the job may be delivered
/// again, and all work is idempotent. It is in force at once, though: a settled job is not claimed again
/// while the store runs. (Figures, dead letters and receipts may show it a moment later.)
#[async_trait]
pub trait Queue: Send + Sync {
    /// Claims up to `jobs_max` jobs of a tier for `lease_ms` milliseconds. Returns at once, with
    /// nothing when there is nothing to do or the tier is paused. Jobs whose lease ran out are
    /// claimable again.
    async fn claim(
        &self,
        tier: Tier,
        jobs_max: usize,
        lease_ms: u32,
    ) -> Result<Vec<Claim>, StoreError>;

    /// Resolves when a job of the tier may be claimable. It may resolve for nothing and may miss what
    /// another process enqueued: callers poll as well.
    async fn job_ready(&self, tier: Tier);

    /// Lengthens leases to `lease_ms` from now; `false` where a lease has ended. Does not block for
    /// long and may be called from outside an async runtime.
    fn extend(&self, leases: &[Lease], lease_ms: u32) -> Vec<bool>;

    /// Settles claimed jobs, each by itself: `false` where the lease had ended, and then nothing of
    /// that settlement has happened, its progress included.
    async fn settle(&self, settlements: Vec<Settlement>) -> Result<Vec<bool>, StoreError>;

    /// The tier's queue at this moment. Cheap enough for every request.
    async fn tier_stats(&self, tier: Tier) -> Result<TierStats, StoreError>;

    /// Up to when the tier is done: everything accepted at or before this moment is on its pages (or
    /// was given up). A page that is read after this call is complete up to the answer.
    async fn complete_until(&self, tier: Tier) -> Result<Timestamp, StoreError>;

    /// Stops or resumes the claiming of a tier's jobs, durably. Leases in force stay.
    async fn pause(&self, tier: Tier, paused: bool) -> Result<(), StoreError>;

    /// The dead letters of a tier, newest job first, below `before`.
    async fn dead_jobs(
        &self,
        tier: Tier,
        before: Option<JobId>,
        limit: usize,
    ) -> Result<Vec<DeadJob>, StoreError>;

    /// Puts dead letters back into the queue as replayed jobs, with their attempts forgotten and their
    /// time of use begun anew: one, or all where `None`. Returns how many.
    async fn replay_dead(&self, tier: Tier, job: Option<JobId>) -> Result<u64, StoreError>;

    /// Forgets dead letters: one, or all where `None`. Returns how many.
    async fn purge_dead(&self, tier: Tier, job: Option<JobId>) -> Result<u64, StoreError>;

    /// Enqueues replayed jobs: those that no commit caused. They are durable when this returns. A
    /// caller enqueues few at a time, and for many posts one [`JobKind::Replay`].
    async fn enqueue(&self, kinds: Vec<JobKind>) -> Result<(), StoreError>;
}
