//! The Redis store: the same promises across processes and machines, on Redis 7, Valkey or a cluster
//! of either.
//!
//! Everything is divided into 64 partitions. The keys of a user, of the posts that he wrote and of the
//! jobs that these caused lie in one of them, so a commit is one script in one slot. What crosses
//! partitions is done in an order that is safe to break off anywhere.

mod address;
mod author_timelines;
mod check;
mod claim;
mod claim_plan;
mod commit;
mod dead;
mod each;
mod error;
mod facts;
mod feeds;
mod figures;
mod follow_exports;
mod follow_imports;
mod followers;
mod follows;
mod homes;
mod hydration;
mod import_lines;
mod inboxes;
mod job_record;
mod key;
mod known;
mod leases;
mod link;
mod merge_rounds;
mod meter;
mod notices;
mod open_error;
mod places;
mod post_commits;
mod post_imports;
mod post_log;
mod post_record;
mod posts;
mod pulled;
mod queue;
mod read_models;
mod receipts;
mod record;
mod relation_notes;
mod relations;
mod relatives;
mod replicas;
mod script;
mod settings;
mod settle;
mod shared_connection;
mod stage_record;
mod topic_names;
mod topics;
mod turns;
mod underway;
mod unfollows;
mod user_creation;
mod user_proposals;
mod users;

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use async_trait::async_trait;

use redis::Value;
use tokio::time::timeout;

pub use address::{InvalidAddress, RedisAddress};
pub use open_error::RedisOpenError;

use crate::{Clock, QueueLimits, Store, StoreError, home::RebuildTurns};
use error::store_error;
use key::{Key, partitions};
use known::Known;
use link::{Commands, Link, decode};
use queue::QueueState;
use replicas::Replicas;

/// How a Redis store is to run.
#[derive(Clone, Debug)]
pub struct RedisOptions {
    /// Where the time is read.
    pub clock: Clock,
    /// The bounds of each tier's backlog.
    pub queue_limits: QueueLimits,
    /// A home timeline that was not read for this long becomes cold, in milliseconds.
    pub home_idle_ms: i64,
    /// Replicas that must have a commit before it is acknowledged.
    pub replicas_wait: u32,
}

impl Default for RedisOptions {
    fn default() -> Self {
        const DAY_MS: i64 = 24 * 3_600_000;
        Self {
            clock: Clock::system(),
            queue_limits: QueueLimits::default(),
            home_idle_ms: 30 * DAY_MS,
            replicas_wait: 0,
        }
    }
}

/// Rebuilds for readers that a process does at a time: they wait for a server more than they need a
/// processor. With four, thousands of readers take twice as long; without a bound, all others wait.
const REBUILDS_AT_ONCE: usize = 16;

/// A store on Redis.
pub struct RedisStore {
    options: RedisOptions,
    link: Arc<Link>,
    queue: QueueState,
    replicas: Replicas,
    known: Known,
    room: homes::Room,
    rebuild_turns: RebuildTurns,
    /// No commit is taken any more.
    closed: AtomicBool,
}

impl RedisStore {
    /// Connects to Redis, checks that it keeps what is written to it, and makes the store where there
    /// is none yet. It fails when that takes longer than ten seconds.
    pub async fn open(
        address: &RedisAddress,
        options: RedisOptions,
    ) -> Result<Arc<Self>, RedisOpenError> {
        let opened = timeout(check::OPEN_TIME_MAX, Self::check_and_open(address, options));
        opened.await.unwrap_or(Err(RedisOpenError::Silent))
    }

    async fn check_and_open(
        address: &RedisAddress,
        options: RedisOptions,
    ) -> Result<Arc<Self>, RedisOpenError> {
        check::check_address(address).await?;
        let link = Link::without_scripts(address).map_err(RedisOpenError::Unreachable)?;
        check::check(&link).await?;
        // Not before it is known that the server understands them.
        let loaded = link.load_scripts().await;
        loaded.map_err(RedisOpenError::Unreachable)?;
        check::check_format(&link).await?;
        Ok(Arc::new(Self {
            replicas: Replicas::new(options.replicas_wait),
            known: Known::new(),
            room: homes::Room::default(),
            rebuild_turns: RebuildTurns::new(REBUILDS_AT_ONCE),
            options,
            link: Arc::new(link),
            queue: QueueState::new(address.clone())?,
            closed: AtomicBool::new(false),
        }))
    }

    /// Keeps a small value under this name unless there is one, and answers with the one that is
    /// kept: what all processes of a store must agree on, such as a secret.
    pub async fn keep_once(&self, name: &'static str, value: &[u8]) -> Result<Vec<u8>, StoreError> {
        let key = Key::Kept(name);
        let mut commands = Commands::new(key.partition());
        commands.add("SET", &key, (value, "NX"));
        commands.add("GET", &key, &[] as &[&str]);
        let answers = self.link.send(&commands).await;
        let kept = answers.and_then(|mut answers| decode(answers.pop().unwrap_or(Value::Nil)));
        kept.map_err(store_error("a kept value"))
    }
}

#[async_trait]
impl Store for RedisStore {
    fn clock(&self) -> &Clock {
        &self.options.clock
    }

    /// Never: Redis may come back at any time, and until then every commit is refused.
    async fn failed(&self) -> String {
        std::future::pending().await
    }

    async fn housekeep(&self) -> Result<(), StoreError> {
        // What one step cannot do must not keep the others from being done.
        let steps = [
            self.mend_relations().await,
            self.empty_outboxes().await,
            self.cool_idle_homes().await,
            self.mend_pulled().await,
            self.make_room().await.map(drop),
            self.forget_feed_topics().await,
        ];
        let mut failures = steps.into_iter().filter_map(Result::err);
        let first = failures.next();
        for error in failures {
            tracing::warn!(%error, "another step of housekeeping has failed");
        }
        first.map_or(Ok(()), Err)
    }

    async fn ready(&self) -> Result<(), StoreError> {
        let closed = self.closed.load(Ordering::SeqCst);
        if closed {
            return Err(StoreError::Unavailable {
                reason: "it has been closed".into(),
            });
        }
        // Every partition: a part of a cluster may be down. What removes nothing is refused all the same
        // where no writes are taken: by a replica, or where the disk is full.
        let pings: Vec<Commands> = partitions()
            .map(|partition| {
                let mut ping = Commands::new(partition);
                ping.add("HDEL", &Key::Outbox(partition), "");
                ping
            })
            .collect();
        let answers = self.link.send_all(&pings).await;
        let answers = answers.map_err(store_error("asking how it is"))?;
        for answer in answers.into_iter().flatten() {
            decode::<Value>(answer).map_err(store_error("asking how it is"))?;
        }
        Ok(())
    }

    async fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
    }
}
