//! The embedded store: everything in one process and one data folder.
//!
//! Facts, jobs and indexes are records of one `fjall` keyspace; one writer groups the commits that
//! wait and calls one fsync for all of them. Home timelines live in memory alone and are cold after a
//! restart. User ids are dense, so what belongs to users lies in flat arrays.

mod backdated;
mod cache;
mod commands;
mod effect;
mod facts;
mod fan_out;
mod feed_documents;
mod folder;
mod followers;
mod homes;
mod jobs;
mod journal;
mod key;
mod mark;
mod memory;
mod meter;
mod open;
mod queue;
mod read_models;
mod record;
mod scan;
mod sequence;
mod settling;
mod tx;
mod watchers;
mod writer;

use std::{path::Path, sync::Arc};

use async_trait::async_trait;
use fjall::Keyspace;

pub use fan_out::FanOut;
pub use followers::FollowerLists;
pub use homes::{HomeStats, HomeTimelines};
pub use open::OpenError;

use crate::{Clock, QueueLimits, Store, StoreError, home::RebuildTurns};
use folder::DataFolder;
use memory::Memory;
use writer::{Writer, WriterState};

/// How an embedded store is to run.
#[derive(Clone, Debug)]
pub struct EmbeddedOptions {
    /// Where the time is read.
    pub clock: Clock,
    /// The bounds of each tier's backlog.
    pub queue_limits: QueueLimits,
    /// Memory for home timelines, in bytes; past it the least recently read become cold.
    pub home_memory_bytes_max: u64,
    /// A home timeline that was not read for this long becomes cold, in milliseconds.
    pub home_idle_ms: i64,
    /// Memory for blocks read from disk, in bytes.
    pub block_cache_bytes: u64,
    /// Go on where acknowledged commits are missing from a damaged folder.
    pub accept_loss: bool,
}

impl Default for EmbeddedOptions {
    fn default() -> Self {
        const DAY_MS: i64 = 24 * 3_600_000;
        Self {
            clock: Clock::system(),
            queue_limits: QueueLimits::default(),
            home_memory_bytes_max: 1 << 30,
            home_idle_ms: 30 * DAY_MS,
            block_cache_bytes: 64 << 20,
            accept_loss: false,
        }
    }
}

/// A store in a data folder.
pub struct EmbeddedStore {
    options: EmbeddedOptions,
    keyspace: Keyspace,
    memory: Arc<Memory>,
    writer: Writer,
    rebuild_turns: RebuildTurns,
    _folder: DataFolder,
}

impl EmbeddedStore {
    /// Opens a data folder, creating it where there is none. One process can have it open.
    pub async fn open(path: &Path, options: EmbeddedOptions) -> Result<Arc<Self>, OpenError> {
        let (folder, for_memory) = (path.to_owned(), options.clone());
        let opening = tokio::task::spawn_blocking(move || open::open(&folder, &for_memory));
        let opened = opening.await.map_err(|error| OpenError::Database {
            path: path.into(),
            source: error.into(),
        })??;
        let open::Opened {
            folder,
            keyspace,
            memory,
            writer,
        } = opened;
        Ok(Arc::new(Self {
            options,
            keyspace,
            memory,
            writer,
            rebuild_turns: RebuildTurns::new(rebuilds_at_once()),
            _folder: folder,
        }))
    }
}

/// Rebuilds for readers at a time: they need processors more than the disk.
fn rebuilds_at_once() -> usize {
    2 * std::thread::available_parallelism().map_or(1, usize::from)
}

#[async_trait]
impl Store for EmbeddedStore {
    fn clock(&self) -> &Clock {
        &self.options.clock
    }

    async fn failed(&self) -> String {
        self.writer.failed().await
    }

    async fn housekeep(&self) -> Result<(), StoreError> {
        let now = self.memory.clock.now();
        let read_before = now.plus_ms(-self.options.home_idle_ms);
        let bytes_max = self.options.home_memory_bytes_max;
        let memory = Arc::clone(&self.memory);
        // Walks through all timelines, and may move most of them together.
        blocking(move || {
            memory.homes.cool_idle(read_before);
            memory.homes.cool_until(bytes_max);
            Ok(())
        })
        .await?;
        self.forget_idempotency_keys().await
    }

    async fn ready(&self) -> Result<(), StoreError> {
        match self.writer.state() {
            WriterState::Running => Ok(()),
            WriterState::Closed => Err(StoreError::Unavailable {
                reason: "it has been closed".into(),
            }),
            WriterState::Failed(reason) => Err(StoreError::Unavailable { reason }),
        }
    }

    async fn close(&self) {
        self.writer.close().await;
    }
}

/// Runs work that takes long on a thread where that holds nobody up.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(StoreError::read("on a thread of its own", error)))
}

#[cfg(test)]
mod tests {
    use ripple_domain::{JobKind, NewPost, NewUser, RelationKind, Tier, Visibility, Window};

    use super::*;
    use crate::{Facts, Fate, Home, PostCommit, Queue, ReadModels, Settlement, home};

    #[tokio::test]
    async fn a_post_and_its_jobs_survive_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let open = || EmbeddedStore::open(folder.path(), EmbeddedOptions::default());
        let store = open().await.unwrap();
        let mut ids = Vec::new();
        for (handle, token) in [("ada", [1; 32]), ("bob", [2; 32])] {
            let new = NewUser {
                handle: handle.parse().unwrap(),
                display_name: None,
                bio: String::new(),
            };
            ids.push(store.create_user(new, token, None).await.unwrap().value.id);
        }
        let (ada, bob) = (ids[0], ids[1]);
        store
            .relate(bob, RelationKind::Follow, ada, true)
            .await
            .unwrap();
        let home = home::rebuild(&*store, bob).await.unwrap();
        assert_eq!(
            home,
            Home::Warm {
                ids: vec![],
                floor: None
            }
        );
        let post = NewPost {
            author: ada,
            text: "hello".into(),
            visibility: Visibility::Public,
            recipients: vec![],
            mentions: vec![],
            tags: vec![],
            link: None,
            language: None,
            reply_to: None,
            repost_of: None,
            received_at: store.clock().now(),
            created_at: None,
        };
        let commit = PostCommit {
            post,
            idempotency: None,
            trace: None,
        };
        let post = store.create_post(commit).await.unwrap().value;
        let claims = store.claim(Tier::Followers, 10, 3_000).await.unwrap();
        assert_eq!(claims[0].job.kind, JobKind::deliver(post.id));
        let delivery = crate::Delivery {
            post: post.id,
            author: ada,
            after: None,
            followers_max: 10,
        };
        store.push_home(vec![delivery]).await.unwrap();
        let home = store.home(bob).await.unwrap();
        assert_eq!(
            home,
            Home::Warm {
                ids: vec![post.id],
                floor: None
            }
        );
        let settlement = Settlement {
            lease: claims[0].lease,
            fate: Fate::Ack,
            progress: None,
        };
        assert_eq!(store.settle(vec![settlement]).await.unwrap(), [true]);
        store.close().await;
        drop(store);

        let store = open().await.unwrap();
        assert_eq!(
            store.posts_of(&[ada], Window::NEWEST, 9).await.unwrap(),
            [post.id]
        );
        assert!(
            store
                .claim(Tier::Followers, 10, 3_000)
                .await
                .unwrap()
                .is_empty()
        );
        assert_eq!(store.claim(Tier::Public, 10, 3_000).await.unwrap().len(), 1);
        assert_eq!(store.home(bob).await.unwrap(), Home::Cold);
    }

    #[tokio::test]
    async fn a_panic_of_the_writer_is_a_failure_of_the_store() {
        let folder = tempfile::tempdir().unwrap();
        let store = EmbeddedStore::open(folder.path(), EmbeddedOptions::default());
        let store = store.await.unwrap();
        assert!(store.ready().await.is_ok());
        let panicking = |_: &mut tx::Tx<'_>| -> Result<(), _> { panic!("injected") };
        assert!(store.writer.commit(panicking).await.is_err());
        let failed = tokio::time::timeout(std::time::Duration::from_secs(10), store.failed());
        let reason = failed.await.unwrap();
        assert!(reason.contains("panicked"), "{reason}");
        assert!(store.ready().await.is_err());
    }
}
