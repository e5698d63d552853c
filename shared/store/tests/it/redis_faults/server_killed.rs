//! A server that is killed and started again.

use super::{load::Load, open};
use crate::harness::{Program, RedisServer};

async fn killed_under_load(program: Program) {
    let mut server = RedisServer::start(program);
    let store = open(&server.url()).await;
    let load = Load::begin(&store, 16).await;
    for _ in 0..3 {
        load.goes_on(10).await;
        server.kill();
        server.restart();
    }
    load.goes_on(10).await;
    let written = load.end().await;
    written.assert_exact(&store).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_redis_has_what_it_acknowledged() {
    killed_under_load(Program::Redis).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_valkey_has_what_it_acknowledged() {
    killed_under_load(Program::Valkey).await;
}
