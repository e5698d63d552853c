//! Ripple: the whole way of a post from its commit to its last follower, through queue and workers; and
//! the store's pushes alone.

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::future::try_join_all;
use redis::aio::MultiplexedConnection;
use ripple_domain::Tier;
use ripple_load_tests::{
    parts::redis::{self as parts, AUTHOR, Pusher, used_memory},
    world,
};
use ripple_store::{
    Store,
    embedded::{EmbeddedOptions, EmbeddedStore},
};
use tempfile::TempDir;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::{ENTRIES, Participant, Result};

/// A store with workers.
pub(crate) struct Service {
    store: Arc<dyn Store>,
    server: Option<Server>,
    _workers: DropGuard,
    _folder: Option<TempDir>,
}

impl Service {
    pub(crate) async fn embedded(followers: u32) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let store = EmbeddedStore::open(folder.path(), EmbeddedOptions::default()).await?;
        Self::start(store, followers, None, Some(folder)).await
    }

    pub(crate) async fn redis(followers: u32, address: &str) -> Result<Self> {
        let (store, server) = Server::open(address).await?;
        Self::start(store, followers, Some(server), None).await
    }

    async fn start(
        store: Arc<dyn Store>,
        followers: u32,
        mut server: Option<Server>,
        folder: Option<TempDir>,
    ) -> Result<Self> {
        make_followers(&*store, followers, server.as_mut()).await?;
        let shutdown = CancellationToken::new();
        world::start_workers(&store, &shutdown);
        Ok(Self {
            store,
            server,
            _workers: shutdown.drop_guard(),
            _folder: folder,
        })
    }
}

#[async_trait]
impl Participant for Service {
    async fn round(&mut self, way: &str, posts: u32) -> Result {
        let text = "Good morning to everybody who reads this";
        let at_once: u32 = way.parse()?;
        for _ in 0..posts / at_once {
            let post = |_| world::deliver(&*self.store, AUTHOR, text, Tier::Followers);
            try_join_all((0..at_once).map(post)).await?;
        }
        Ok(())
    }

    async fn memory_bytes(&mut self) -> Result<u64> {
        match &mut self.server {
            Some(server) => server.memory_bytes().await,
            None => Ok(0),
        }
    }
}

/// The Redis store without workers: its pushes alone.
pub(crate) struct Pushes {
    pusher: Pusher,
    server: Server,
}

impl Pushes {
    pub(crate) async fn new(followers: u32, address: &str) -> Result<Self> {
        let (store, mut server) = Server::open(address).await?;
        make_followers(&*store, followers, Some(&mut server)).await?;
        let pusher = Pusher::new(store);
        Ok(Self { pusher, server })
    }
}

#[async_trait]
impl Participant for Pushes {
    async fn round(&mut self, way: &str, posts: u32) -> Result {
        let at_once = way.parse()?;
        for _ in 0..posts / at_once {
            self.pusher.push(at_once, usize::MAX).await?;
        }
        Ok(())
    }

    async fn memory_bytes(&mut self) -> Result<u64> {
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
    async fn open(address: &str) -> Result<(Arc<dyn Store>, Self)> {
        let store = parts::open(address).await?;
        let server = Self {
            connection: parts::connect(address).await?,
            bytes_before: 0,
        };
        Ok((store, server))
    }

    async fn memory_bytes(&mut self) -> Result<u64> {
        let used = used_memory(&mut self.connection).await?;
        Ok(used.saturating_sub(self.bytes_before))
    }
}

async fn make_followers(store: &dyn Store, followers: u32, server: Option<&mut Server>) -> Result {
    world::follow_star(store, followers).await?;
    if let Some(server) = server {
        server.bytes_before = used_memory(&mut server.connection).await?;
    }
    world::warm_star(store, followers, ENTRIES.into()).await?;
    Ok(())
}
