//! What a store on Redis does while its servers, the ways to them and other processes fail: nothing that
//! was acknowledged is lost, nothing exists in half or twice, and service comes back by itself.

mod failover;
mod full;
mod load;
mod moving;
mod network;
mod scripts;
mod server_killed;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use ripple_store::{
    Store,
    redis::{RedisOptions, RedisStore},
};

/// How long service may take to come back on a busy machine.
const BACK_MAX: Duration = Duration::from_secs(60);

/// A process of its own, as far as the store can tell.
async fn open(url: &str) -> Arc<dyn Store> {
    open_with(url, RedisOptions::default()).await
}

async fn open_with(url: &str, options: RedisOptions) -> Arc<dyn Store> {
    RedisStore::open(&url.parse().unwrap(), options)
        .await
        .unwrap()
}

/// Waits until something is so.
async fn comes(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let begun = Instant::now();
    while !is_so().await {
        assert!(begun.elapsed() < BACK_MAX, "{what}: not in time");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
