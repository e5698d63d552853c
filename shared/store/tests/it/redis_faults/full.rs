//! A server whose memory is full, while authors post.

use std::time::Duration;

use ripple_domain::Tier;
use tokio::time::sleep;

use super::{load::Load, open};
use crate::harness::{Program, RedisServer, set_max_memory};

async fn full_under_load(program: Program) {
    let server = RedisServer::start(program);
    let mut connection = server.connect();
    let store = open(&server.url()).await;
    let load = Load::begin(&store, 16).await;
    for _ in 0..3 {
        load.goes_on(5).await;
        set_max_memory(&mut connection, 1);
        sleep(Duration::from_millis(300)).await;
        store.ready().await.unwrap();
        store.tier_stats(Tier::Public).await.unwrap();
        set_max_memory(&mut connection, 0);
    }
    load.goes_on(5).await;
    let written = load.end().await;
    assert!(written.refused() > 3 * 16, "{}", written.refused());
    written.assert_exact(&store).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_redis_takes_nothing_in_half() {
    full_under_load(Program::Redis).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_valkey_takes_nothing_in_half() {
    full_under_load(Program::Valkey).await;
}
