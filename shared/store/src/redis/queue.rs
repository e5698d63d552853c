//! The queue of each tier: its parts, and which of them answers which method.

use std::sync::{Arc, Mutex, Once, PoisonError};

use async_trait::async_trait;
use redis::Value;
use ripple_domain::{Job, JobId, JobKind, Partition, PostId, Tier, Timestamp};
use tokio::task::JoinSet;

use super::{
    RedisAddress, RedisStore,
    commit::Nonce,
    dead::Taken,
    error::store_error,
    figures::FiguresCache,
    job_record::{encode_rest, kind_letter},
    key::{Key, partitions},
    leases::LeaseKeeper,
    link::{Commands, decode},
    meter::Meter,
    notices::Notices,
    places::AllPlaces,
    script::Script,
    underway::{Underway, UnderwayCommit},
};
use crate::{Claim, DeadJob, Lease, Queue, Settlement, StoreError, TierStats};

/// Jobs that one script enqueues, at most.
const ENQUEUED_TOGETHER_MAX: usize = 200;
/// Replays are about the posts of many partitions; they wait in this one.
const REPLAYS: Partition = 0;

/// What a process knows and does about the queues.
pub(super) struct QueueState {
    pub(super) places: Arc<AllPlaces>,
    pub(super) figures: FiguresCache,
    pub(super) underway: Underway,
    pub(super) meter: Arc<Meter>,
    leases: LeaseKeeper,
    notices: Arc<Notices>,
    telling: Once,
    hearing: Once,
    /// They end with the store.
    tasks: Mutex<JoinSet<()>>,
}

impl QueueState {
    pub(super) fn new(address: RedisAddress) -> Result<Self, StoreError> {
        Ok(Self {
            places: Arc::new(AllPlaces::new()),
            figures: FiguresCache::default(),
            underway: Underway::default(),
            meter: Arc::default(),
            leases: LeaseKeeper::new(address),
            notices: Arc::new(Notices::new(random_u64()?)),
            telling: Once::new(),
            hearing: Once::new(),
            tasks: Mutex::default(),
        })
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        tasks.spawn(task);
    }
}

impl RedisStore {
    /// Begins a commit that enqueues jobs. It is under way until the answer is dropped, which must not
    /// be before it is known what has become of it.
    pub(super) fn begin_commit(&self) -> UnderwayCommit<'_> {
        self.queue.underway.begin(&self.options.clock)
    }

    /// Commits have enqueued about so many jobs of each tier in a partition.
    pub(super) fn jobs_committed(&self, partition: Partition, followers: u64, public: u64) {
        for (tier, jobs) in [(Tier::Followers, followers), (Tier::Public, public)] {
            if jobs > 0 {
                self.queue.figures.count_enqueued(tier, jobs);
                self.announce_jobs(tier, [partition]);
            }
        }
    }

    /// There may be new jobs about this post.
    pub(super) fn announce_jobs_of(&self, post: PostId) {
        for tier in Tier::ALL {
            self.announce_jobs(tier, [post.partition()]);
        }
    }

    /// Says here and to the other processes that there may be new jobs in these partitions.
    pub(super) fn announce_jobs(
        &self,
        tier: Tier,
        partitions: impl IntoIterator<Item = Partition>,
    ) {
        let partitions: Vec<Partition> = partitions.into_iter().collect();
        let queue = &self.queue;
        queue.figures.drop_cached();
        queue.places.of(tier).mark(partitions.iter().copied());
        queue.notices.add(tier, partitions);
        queue.telling.call_once(|| {
            queue.spawn(Arc::clone(&queue.notices).tell(Arc::clone(&self.link)));
        });
    }

    /// Hears from now on where other processes have new jobs: whoever claims wants to know.
    pub(super) fn listen(&self) {
        let queue = &self.queue;
        queue.hearing.call_once(|| {
            let (link, places) = (Arc::clone(&self.link), Arc::clone(&queue.places));
            queue.spawn(Arc::clone(&queue.notices).hear(link, places));
        });
    }

    async fn enqueue_replayed(&self, kinds: Vec<JobKind>) -> Result<(), StoreError> {
        const ENQUEUEING: &str = "enqueueing jobs";
        let place = |kind: &JobKind| kind.post().map_or(REPLAYS, |post| post.partition());
        let mut kinds: Vec<(Partition, JobKind)> =
            kinds.into_iter().map(|kind| (place(&kind), kind)).collect();
        // Of one queue they stay in their order.
        kinds.sort_by_key(|(partition, kind)| (*partition, kind.tier()));
        let underway = self.begin_commit();
        let now = underway.accepted_at;
        let mut commands = Vec::new();
        let of_queues = kinds.chunk_by(|a, b| (a.0, a.1.tier()) == (b.0, b.1.tier()));
        for jobs in of_queues.flat_map(|of_queue| of_queue.chunks(ENQUEUED_TOGETHER_MAX)) {
            let (partition, tier) = (jobs[0].0, jobs[0].1.tier());
            let mut args = vec![now.as_ms().to_string().into_bytes()];
            args.push(Nonce::new()?.bytes().to_vec());
            for (_, kind) in jobs {
                let due_ms = Job::replayed(JobId(0), *kind, now, None).due_ms();
                let post = kind.post().map_or(0, |post| post.0);
                args.extend([
                    vec![kind_letter(kind)],
                    post.to_string().into_bytes(),
                    due_ms.to_string().into_bytes(),
                    encode_rest(kind)?,
                ]);
            }
            let mut one = Commands::new(partition);
            one.script(Script::Enqueue, &[Key::Jobs(partition, tier)], args);
            commands.push(one);
        }
        for answer in self
            .commit_all(ENQUEUEING, &commands)
            .await?
            .into_iter()
            .flatten()
        {
            decode::<Value>(answer).map_err(store_error(ENQUEUEING))?;
        }
        for tier in Tier::ALL {
            let of_tier = kinds.iter().filter(|(_, kind)| kind.tier() == tier);
            self.announce_jobs(tier, of_tier.map(|(partition, _)| *partition));
        }
        Ok(())
    }

    async fn set_paused(&self, tier: Tier, paused: bool) -> Result<(), StoreError> {
        const PAUSING: &str = "pausing a tier";
        let set = |partition| {
            let mut commands = Commands::new(partition);
            let key = Key::Paused(partition, tier);
            if paused {
                commands.add("SET", &key, "");
            } else {
                commands.add("DEL", &key, &[] as &[&str]);
            }
            commands
        };
        let commands: Vec<Commands> = partitions().map(set).collect();
        for answer in self
            .commit_all(PAUSING, &commands)
            .await?
            .into_iter()
            .flatten()
        {
            decode::<Value>(answer).map_err(store_error(PAUSING))?;
        }
        self.announce_jobs(tier, partitions());
        Ok(())
    }
}

/// A number that nobody can guess.
pub(super) fn random_u64() -> Result<u64, StoreError> {
    getrandom::u64().map_err(|error| StoreError::Unavailable {
        reason: format!("making a random number: {error}"),
    })
}

#[async_trait]
impl Queue for RedisStore {
    async fn claim(
        &self,
        tier: Tier,
        jobs_max: usize,
        lease_ms: u32,
    ) -> Result<Vec<Claim>, StoreError> {
        self.claim_jobs(tier, jobs_max, lease_ms).await
    }

    async fn job_ready(&self, tier: Tier) {
        self.listen();
        let now = self.options.clock.now();
        self.queue.places.of(tier).may_have_jobs(now).await;
    }

    fn extend(&self, leases: &[Lease], lease_ms: u32) -> Vec<bool> {
        let now = self.options.clock.now();
        self.queue
            .leases
            .extend(leases, now, now.plus_ms(lease_ms.into()))
    }

    async fn settle(&self, settlements: Vec<Settlement>) -> Result<Vec<bool>, StoreError> {
        self.settle_jobs(settlements).await
    }

    async fn tier_stats(&self, tier: Tier) -> Result<TierStats, StoreError> {
        self.figures_of(tier).await
    }

    async fn complete_until(&self, tier: Tier) -> Result<Timestamp, StoreError> {
        self.tier_complete_until(tier).await
    }

    async fn pause(&self, tier: Tier, paused: bool) -> Result<(), StoreError> {
        self.set_paused(tier, paused).await
    }

    async fn dead_jobs(
        &self,
        tier: Tier,
        before: Option<JobId>,
        limit: usize,
    ) -> Result<Vec<DeadJob>, StoreError> {
        self.newest_dead(tier, before, limit).await
    }

    async fn replay_dead(&self, tier: Tier, job: Option<JobId>) -> Result<u64, StoreError> {
        self.take_dead(tier, job, Taken::Replayed).await
    }

    async fn purge_dead(&self, tier: Tier, job: Option<JobId>) -> Result<u64, StoreError> {
        self.take_dead(tier, job, Taken::Forgotten).await
    }

    async fn enqueue(&self, kinds: Vec<JobKind>) -> Result<(), StoreError> {
        self.enqueue_replayed(kinds).await
    }
}
