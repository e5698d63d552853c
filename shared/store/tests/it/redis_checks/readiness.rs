//! A store is ready while every partition takes writes.

use std::time::{Duration, Instant};

use ripple_store::{Store, StoreError};

use super::{open, server, tell};
use crate::harness::RedisCluster;

fn is_unready(ready: Result<(), StoreError>) {
    let is_unavailable = matches!(ready, Err(StoreError::Unavailable { .. }));
    assert!(is_unavailable, "{ready:?}");
}

#[tokio::test]
async fn a_server_that_has_become_a_replica_is_not_ready() {
    let (one, other) = (server(&[]), server(&[]));
    let store = open(&one.url()).await.unwrap();
    store.ready().await.unwrap();
    tell(&one, &format!("REPLICAOF 127.0.0.1 {}", other.port));
    is_unready(store.ready().await);
    tell(&one, "REPLICAOF NO ONE");
    store.ready().await.unwrap();
}

#[tokio::test]
async fn where_too_few_replicas_are_left_for_writes_it_is_not_ready() {
    let server = server(&[]);
    let store = open(&server.url()).await.unwrap();
    tell(&server, "CONFIG SET min-replicas-to-write 1");
    is_unready(store.ready().await);
    tell(&server, "CONFIG SET min-replicas-to-write 0");
    store.ready().await.unwrap();
}

#[tokio::test]
async fn a_server_that_comes_back_is_ready_again() {
    let mut server = server(&[]);
    let store = open(&server.url()).await.unwrap();
    server.kill();
    is_unready(store.ready().await);
    server.restart();
    store.ready().await.unwrap();
}

#[tokio::test]
async fn a_server_that_hangs_is_not_ready_and_keeps_nobody_long() {
    const TIME_MAX: Duration = Duration::from_secs(20);
    let server = server(&[]);
    let store = open(&server.url()).await.unwrap();
    let signal = |name: &str| {
        let id = server.id().to_string();
        let sent = std::process::Command::new("kill")
            .args([name, id.as_str()])
            .status();
        assert!(sent.unwrap().success());
    };
    signal("-STOP");
    let begun = Instant::now();
    is_unready(store.ready().await);
    assert!(begun.elapsed() < TIME_MAX, "{:?}", begun.elapsed());
    signal("-CONT");
    store.ready().await.unwrap();
}

#[tokio::test]
async fn a_cluster_without_one_of_its_parts_is_not_ready() {
    let mut cluster = RedisCluster::start();
    let store = open(&cluster.url()).await.unwrap();
    store.ready().await.unwrap();
    // A master and its replica.
    cluster.nodes[2].kill();
    cluster.nodes[5].kill();
    assert!(store.ready().await.is_err());
}
