//! A store with users, follows and posts, made the same way each time.

use std::{path::Path, sync::Arc, time::Duration};

use async_trait::async_trait;
use futures_util::{StreamExt, TryStreamExt, stream};
use ripple_domain::{Handle, NewPost, Post, PostId, Tier, Topic, UserId, Visibility, text};
use ripple_store::{
    CommitError, Fate, FollowLine, PostCommit, Settlement, Store, StoreError,
    embedded::{EmbeddedOptions, EmbeddedStore, OpenError},
    home,
};
use ripple_workers::{FeedRefresher, WorkerOptions};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// How long the workers may take for a post.
const DELIVERY_TIME_MAX: Duration = Duration::from_secs(60);

/// The world could not be made.
#[derive(Debug, thiserror::Error)]
pub enum WorldError {
    /// The store did not open.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// A commit was refused.
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The workers were not done with a post in time.
    #[error("a post was not delivered within {} s", DELIVERY_TIME_MAX.as_secs())]
    Undelivered,
}

/// Whether benchmarks run in their small size, to see that they work rather than to measure.
pub fn is_small() -> bool {
    std::env::var_os("RIPPLE_BENCH_SMALL").is_some()
}

/// An embedded store in `folder` in which each of `users` users follows the `follows` users after
/// him, in a ring. User ids go from 1 to `users`.
pub async fn ring(folder: &Path, users: u32, follows: u32) -> Result<Arc<dyn Store>, WorldError> {
    let store = EmbeddedStore::open(folder, EmbeddedOptions::default()).await?;
    follow_ring(&*store, users, follows).await?;
    Ok(store)
}

/// Makes the users and follows of [`ring`] in an empty store.
pub async fn follow_ring(store: &dyn Store, users: u32, follows: u32) -> Result<(), WorldError> {
    let pair = |user: u32, step: u32| FollowLine {
        follower: handle(user),
        followee: handle((user + step) % users),
    };
    // Each user's first follow comes first, so that ids are given out in the order of handles.
    let first = (0..users).map(|user| pair(user, 1));
    let rest = (0..users).flat_map(|user| (2..=follows).map(move |step| pair(user, step)));
    let lines: Vec<FollowLine> = first.chain(rest).collect();
    for batch in lines.chunks(10_000) {
        store.import_follows(batch.to_vec()).await?;
    }
    Ok(())
}

/// An embedded store in `folder` in which `followers` users follow one author, user 2, and have read
/// their home timelines, so that all of them are warm.
pub async fn star(folder: &Path, followers: u32) -> Result<Arc<dyn Store>, WorldError> {
    let store: Arc<dyn Store> = EmbeddedStore::open(folder, EmbeddedOptions::default()).await?;
    follow_star(&*store, followers).await?;
    for user in (1..=followers + 1).filter(|user| *user != 2) {
        home::rebuild(&*store, UserId(user)).await?;
    }
    Ok(store)
}

/// Makes the users and follows of [`star`] in an empty store. All home timelines are cold.
pub async fn follow_star(store: &dyn Store, followers: u32) -> Result<(), WorldError> {
    let author = handle(0);
    for first in (1..=followers).step_by(10_000) {
        let last = followers.min(first + 9_999);
        let line = |user| FollowLine {
            follower: handle(user),
            followee: author.clone(),
        };
        store
            .import_follows((first..=last).map(line).collect())
            .await?;
    }
    Ok(())
}

/// Makes the home timelines of all followers of [`follow_star`] warm, with so many old entries.
pub async fn warm_star(store: &dyn Store, followers: u32, entries: u64) -> Result<(), WorldError> {
    let ids: Vec<PostId> = (1..=entries).rev().map(|n| PostId(n << 12)).collect();
    let users = (1..=followers + 1).filter(|user| *user != 2);
    stream::iter(users)
        .map(async |user| {
            let warming = store.home_begin(UserId(user)).await?;
            store.home_finish(warming, &ids, false).await
        })
        .buffer_unordered(256)
        .try_for_each(async |_| Ok(()))
        .await?;
    Ok(())
}

/// Starts the workers of all tiers, which end when they are told to.
pub fn start_workers(store: &Arc<dyn Store>, shutdown: &CancellationToken) -> JoinHandle<()> {
    tokio::spawn(ripple_workers::run(
        Arc::clone(store),
        Arc::new(NoFeeds),
        WorkerOptions::default(),
        shutdown.clone(),
    ))
}

/// Feed documents that nobody reads.
#[derive(Debug)]
struct NoFeeds;

#[async_trait]
impl FeedRefresher for NoFeeds {
    async fn refresh(&self, _topics: &[Topic]) {}
}

/// Commits a post of `author` as the API does.
pub async fn post(store: &dyn Store, author: UserId, words: &str) -> Result<Arc<Post>, WorldError> {
    let post = NewPost {
        author,
        text: words.to_owned(),
        visibility: Visibility::Public,
        recipients: Vec::new(),
        mentions: Vec::new(),
        tags: text::tags(words),
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
    Ok(store.create_post(commit).await?.value)
}

/// Commits a post, and waits until the workers of a tier are done with it.
pub async fn deliver(
    store: &dyn Store,
    author: UserId,
    words: &str,
    tier: Tier,
) -> Result<(), WorldError> {
    let post = post(store, author, words).await?;
    tokio::time::timeout(DELIVERY_TIME_MAX, store.delivered(post.id, tier))
        .await
        .map_err(|_| WorldError::Undelivered)
}

/// Takes the jobs that wait out of the queue without doing them.
pub async fn drop_jobs(store: &dyn Store) -> Result<(), WorldError> {
    for tier in Tier::ALL {
        loop {
            let claims = store.claim(tier, 10_000, 60_000).await?;
            if claims.is_empty() {
                break;
            }
            let ack = |lease| Settlement {
                lease,
                fate: Fate::Ack,
                progress: None,
            };
            store
                .settle(claims.iter().map(|claim| ack(claim.lease)).collect())
                .await?;
        }
    }
    Ok(())
}

#[expect(clippy::expect_used, reason = "a letter and digits are a handle")]
fn handle(user: u32) -> Handle {
    format!("u{user}").parse().expect("a valid handle")
}
