use std::sync::Arc;

use async_trait::async_trait;
use ripple_store::{
    Store,
    redis::{RedisAddress, RedisOptions, RedisStore},
};

use super::{
    Harness, Settings,
    servers::{Program, RedisCluster, RedisServer},
};

/// A store on a Redis of its own.
pub(crate) struct Redis(RedisServer);

/// A store on a Valkey of its own.
pub(crate) struct Valkey(RedisServer);

/// A store on a cluster of its own.
pub(crate) struct Cluster(RedisCluster);

/// Opens a store at an address.
pub(crate) async fn open(url: &str, settings: &Settings) -> Arc<dyn Store> {
    let options = RedisOptions {
        clock: settings.clock.clone(),
        queue_limits: settings.queue_limits,
        home_idle_ms: settings.home_idle_ms,
        ..RedisOptions::default()
    };
    let address: RedisAddress = url.parse().unwrap();
    RedisStore::open(&address, options).await.unwrap()
}

/// What a process that was killed leaves is in the server, and nowhere else: there is nothing to do.
macro_rules! harness {
    ($name:ident: $fresh:expr) => {
        #[async_trait]
        impl Harness for $name {
            fn fresh() -> Self {
                Self($fresh)
            }

            async fn open(&mut self, settings: &Settings) -> Arc<dyn Store> {
                open(&self.0.url(), settings).await
            }

            async fn kill(&mut self) {}
        }
    };
}

harness!(Redis: RedisServer::start(Program::Redis));
harness!(Valkey: RedisServer::start(Program::Valkey));
harness!(Cluster: RedisCluster::start());
