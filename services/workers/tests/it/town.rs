//! The setting of the tests: a store with users, and workers on it.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use futures_util::future::join_all;
use ripple_domain::{
    Handle, NewPost, NewUser, Post, PostId, Receipt, RelationKind, Tier, Topic, UserId, UserRef,
    Visibility, Window, text::Tag,
};
use ripple_store::{
    Clock, FollowLine, Home, PostCommit, QueueLimits, Store,
    embedded::{EmbeddedOptions, EmbeddedStore},
    home,
};
use ripple_workers::{FeedRefresher, WorkerOptions};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub(crate) struct Town {
    pub(crate) store: Arc<dyn Store>,
    folder: TempDir,
}

impl Town {
    pub(crate) async fn open() -> Self {
        Self::open_at(Clock::system()).await
    }

    pub(crate) async fn open_at(clock: Clock) -> Self {
        Self::open_in(tempfile::tempdir().unwrap(), clock).await
    }

    /// Stops the store and starts it again.
    pub(crate) async fn reopen_at(self, clock: Clock) -> Self {
        self.store.close().await;
        drop(self.store);
        Self::open_in(self.folder, clock).await
    }

    async fn open_in(folder: TempDir, clock: Clock) -> Self {
        let options = EmbeddedOptions {
            clock,
            // Tests let jobs lie and the clock leap.
            queue_limits: QueueLimits {
                jobs_max: u64::MAX,
                age_ms_max: u64::MAX,
            },
            ..Default::default()
        };
        let store = EmbeddedStore::open(folder.path(), options).await.unwrap();
        Self { store, folder }
    }

    /// An author with a follower whose home timeline is warm.
    pub(crate) async fn author_and_reader(&self) -> (UserId, UserId) {
        let author = self.user("author").await;
        let reader = self.user("reader").await;
        self.follow(reader, author).await;
        self.warm(reader).await;
        (author, reader)
    }

    pub(crate) async fn user(&self, handle: &str) -> UserId {
        let new = NewUser {
            handle: handle.parse().unwrap(),
            display_name: None,
            bio: String::new(),
        };
        let mut token = [0; 32];
        token[..handle.len()].copy_from_slice(handle.as_bytes());
        let created = self.store.create_user(new, token, None).await;
        created.unwrap().value.id
    }

    pub(crate) async fn follow(&self, from: UserId, to: UserId) {
        let related = self.store.relate(from, RelationKind::Follow, to, true);
        related.await.unwrap();
    }

    /// Gives an author that many new followers.
    pub(crate) async fn crowd(&self, author: &str, followers: usize) {
        let followee: Handle = author.parse().unwrap();
        let line = |n| FollowLine {
            follower: format!("{author}_{n}").parse().unwrap(),
            followee: followee.clone(),
        };
        for first in (0..followers).step_by(20_000) {
            let lines = first..followers.min(first + 20_000);
            let imported = self.store.import_follows(lines.map(line).collect()).await;
            imported.unwrap();
        }
    }

    pub(crate) async fn warm(&self, user: UserId) {
        home::rebuild(self.store.as_ref(), user).await.unwrap();
    }

    pub(crate) async fn post(&self, author: UserId, text: &str) -> PostId {
        self.publish(new_post(author, text)).await.id
    }

    pub(crate) async fn publish(&self, post: NewPost) -> Arc<Post> {
        let commit = PostCommit {
            post,
            idempotency: None,
            trace: None,
        };
        self.store.create_post(commit).await.unwrap().value
    }

    /// Posts whose jobs all wait when the last of them is accepted, so that they share a batch.
    pub(crate) async fn publish_together(&self, tier: Tier, posts: Vec<NewPost>) -> Vec<PostId> {
        self.store.pause(tier, true).await.unwrap();
        let published = join_all(posts.into_iter().map(|post| self.publish(post))).await;
        self.store.pause(tier, false).await.unwrap();
        published.iter().map(|post| post.id).collect()
    }

    /// What a warm home timeline holds, newest first.
    pub(crate) async fn home(&self, user: UserId) -> Vec<PostId> {
        match self.store.home(user).await.unwrap() {
            Home::Warm { ids, .. } => ids,
            Home::Cold => panic!("the home timeline of {user} is cold"),
        }
    }

    pub(crate) async fn tag_page(&self, tag: &str) -> Vec<PostId> {
        let topic = Topic::Tag(tag.into());
        let page = self.store.topic_page(&topic, Window::NEWEST, 1_000).await;
        page.unwrap()
    }

    pub(crate) async fn receipt(&self, post: PostId) -> Receipt {
        self.store.receipt(post).await.unwrap().unwrap()
    }

    /// Waits until a tier has nothing left to do, dead letters aside.
    pub(crate) async fn idle(&self, tier: Tier) {
        eventually("the tier is idle", async || {
            let stats = self.store.tier_stats(tier).await.unwrap();
            stats.ready + stats.delayed + stats.in_flight == 0
        })
        .await;
    }

    pub(crate) async fn all_idle(&self) {
        for tier in Tier::ALL {
            self.idle(tier).await;
        }
    }

    pub(crate) fn workers(&self) -> Workers {
        Workers::start(Arc::clone(&self.store), quick())
    }
}

/// Options under which a test need not wait for long.
pub(crate) fn quick() -> WorkerOptions {
    WorkerOptions {
        poll_ms: 10,
        concurrency: 2,
        ..Default::default()
    }
}

pub(crate) fn only(tier: Tier) -> WorkerOptions {
    WorkerOptions {
        tiers: vec![tier],
        ..quick()
    }
}

pub(crate) fn new_post(author: UserId, text: &str) -> NewPost {
    NewPost {
        author,
        text: text.into(),
        visibility: Visibility::Public,
        recipients: vec![],
        mentions: vec![],
        tags: vec![],
        link: None,
        language: None,
        reply_to: None,
        repost_of: None,
        received_at: Clock::system().now(),
        created_at: None,
    }
}

pub(crate) fn tagged(author: UserId, tag: &str) -> NewPost {
    NewPost {
        tags: vec![Tag {
            folded: tag.into(),
            display: tag.into(),
        }],
        ..new_post(author, &format!("#{tag}"))
    }
}

pub(crate) fn direct(author: UserId, to: UserId, handle: &str) -> NewPost {
    NewPost {
        visibility: Visibility::Direct,
        recipients: vec![UserRef {
            id: to,
            handle: handle.parse().unwrap(),
        }],
        ..new_post(author, "for you alone")
    }
}

/// Workers under way.
pub(crate) struct Workers {
    shutdown: CancellationToken,
    running: JoinHandle<()>,
    pub(crate) feeds: Arc<Feeds>,
}

impl Workers {
    pub(crate) fn start(store: Arc<dyn Store>, options: WorkerOptions) -> Self {
        let (shutdown, feeds) = (CancellationToken::new(), Arc::new(Feeds::default()));
        let refresher = Arc::clone(&feeds);
        let running = ripple_workers::run(store, refresher, options, shutdown.clone());
        Self {
            shutdown,
            running: tokio::spawn(running),
            feeds,
        }
    }

    pub(crate) async fn stop(self) {
        self.shutdown.cancel();
        self.running.await.unwrap();
    }
}

/// Remembers what it was asked to refresh.
#[derive(Default)]
pub(crate) struct Feeds(Mutex<Vec<Topic>>);

impl Feeds {
    /// How often a topic was refreshed.
    pub(crate) fn refreshed(&self, topic: &Topic) -> usize {
        let refreshed = self.0.lock().unwrap();
        refreshed.iter().filter(|other| *other == topic).count()
    }
}

#[async_trait]
impl FeedRefresher for Feeds {
    async fn refresh(&self, topics: &[Topic]) {
        self.0.lock().unwrap().extend_from_slice(topics);
    }
}

/// Waits until it is so; the limit is there for a failing test alone.
pub(crate) async fn eventually(what: &str, is_so: impl AsyncFn() -> bool) {
    let wait = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(60), wait).await;
    assert!(waited.is_ok(), "in vain: {what}");
}
