//! Ripple: the whole way of a post from its commit to its last follower, through queue and workers; and
//! the store's pushes alone.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use futures_util::future::join_all;
use redis::aio::MultiplexedConnection;
use ripple_domain::{PostId, Tier, UserId};
use ripple_load_tests::{
    parts::redis::{connect, used_memory},
    world,
};
use ripple_store::{
    Delivery, Store,
    embedded::{EmbeddedOptions, EmbeddedStore},
    redis::{RedisOptions, RedisStore},
};
use ripple_workers::WorkerOptions;
use tempfile::TempDir;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::{ENTRIES, Participant};

/// Whom everybody follows.
const AUTHOR: UserId = UserId(2);
/// How long the last of a round's posts may take.
const ROUND_TIME_MAX: Duration = Duration::from_secs(60);

/// A store with workers.
pub(crate) struct Service {
    store: Arc<dyn Store>,
    server: Option<Server>,
    _workers: DropGuard,
    _folder: Option<TempDir>,
}

impl Service {
    pub(crate) async fn embedded(followers: u32) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = EmbeddedOptions::default();
        let store = EmbeddedStore::open(folder.path(), options).await.unwrap();
        Self::start(store, followers, None, Some(folder)).await
    }

    pub(crate) async fn redis(followers: u32, address: &str) -> Self {
        let (store, server) = Server::open(address).await;
        Self::start(store, followers, Some(server), None).await
    }

    async fn start(
        store: Arc<dyn Store>,
        followers: u32,
        mut server: Option<Server>,
        folder: Option<TempDir>,
    ) -> Self {
        make_followers(&store, followers, server.as_mut()).await;
        let shutdown = CancellationToken::new();
        tokio::spawn(ripple_workers::run(
            Arc::clone(&store),
            Arc::new(world::NoFeeds),
            WorkerOptions::default(),
            shutdown.clone(),
        ));
        Self {
            store,
            server,
            _workers: shutdown.drop_guard(),
            _folder: folder,
        }
    }

    /// Posts, and waits until all followers have it.
    async fn post(&self) {
        let text = "Good morning to everybody who reads this";
        let post = world::post(&*self.store, AUTHOR, text).await.unwrap();
        let delivered = self.store.delivered(post.id, Tier::Followers);
        tokio::time::timeout(ROUND_TIME_MAX, delivered)
            .await
            .unwrap();
    }
}

#[async_trait]
impl Participant for Service {
    async fn round(&mut self, way: &str, posts: u32) {
        let at_once: u32 = way.parse().unwrap();
        for _ in 0..posts / at_once {
            join_all((0..at_once).map(|_| self.post())).await;
        }
    }

    async fn memory_bytes(&mut self) -> u64 {
        match &mut self.server {
            Some(server) => server.memory_bytes().await,
            None => 0,
        }
    }
}

/// The Redis store without workers: its pushes alone.
pub(crate) struct Pushes {
    store: Arc<dyn Store>,
    server: Server,
    next: u64,
}

impl Pushes {
    pub(crate) async fn new(followers: u32, address: &str) -> Self {
        let (store, mut server) = Server::open(address).await;
        make_followers(&store, followers, Some(&mut server)).await;
        Self {
            store,
            server,
            next: 1_000_000,
        }
    }

    async fn push(&mut self, posts: u32) {
        let mut after = None;
        loop {
            let delivery = |n| Delivery {
                post: PostId((self.next + u64::from(n)) << 12),
                author: AUTHOR,
                after,
                followers_max: 10_000,
            };
            let deliveries = (0..posts).map(delivery).collect();
            let pushed = self.store.push_home(deliveries).await.unwrap();
            assert!(pushed.iter().all(|it| it.pushed == it.followers));
            after = pushed[0].next;
            if after.is_none() {
                break;
            }
        }
        self.next += u64::from(posts);
    }
}

#[async_trait]
impl Participant for Pushes {
    async fn round(&mut self, way: &str, posts: u32) {
        let at_once = way.parse().unwrap();
        for _ in 0..posts / at_once {
            self.push(at_once).await;
        }
    }

    async fn memory_bytes(&mut self) -> u64 {
        self.server.memory_bytes().await
    }
}

/// The Redis server, looked at from beside the store.
struct Server {
    connection: MultiplexedConnection,
    /// What it took before there was a home timeline.
    bytes_before: u64,
}

impl Server {
    async fn open(address: &str) -> (Arc<dyn Store>, Self) {
        let options = RedisOptions::default();
        let store = RedisStore::open(&address.parse().unwrap(), options).await;
        let server = Self {
            connection: connect(address).await.unwrap(),
            bytes_before: 0,
        };
        (store.unwrap(), server)
    }

    async fn memory_bytes(&mut self) -> u64 {
        used_memory(&mut self.connection).await.unwrap() - self.bytes_before
    }
}

async fn make_followers(store: &Arc<dyn Store>, followers: u32, server: Option<&mut Server>) {
    world::follow_star(&**store, followers).await.unwrap();
    if let Some(server) = server {
        server.bytes_before = used_memory(&mut server.connection).await.unwrap();
    }
    world::warm_star(&**store, followers, ENTRIES.into())
        .await
        .unwrap();
}
