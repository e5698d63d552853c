//! Authors whose posts are pulled, with several processes.

use std::sync::Arc;

use ripple_domain::UserId;
use ripple_store::Store;

use super::{clock, open, star};
use crate::harness::{Program, RedisServer};

async fn pulled_of(store: &Arc<dyn Store>, reader: UserId) -> Vec<UserId> {
    store.read_home(reader).await.unwrap().1
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_the_return_on_the_readers_of_all_processes_know() {
    let server = RedisServer::start(Program::Redis);
    let worker = open(&server.url(), &clock()).await;
    let api = open(&server.url(), &clock()).await;
    let star = star(&worker, 100).await;
    let readers = || (2..=101).map(UserId);
    for reader in readers() {
        assert!(pulled_of(&api, reader).await.is_empty());
    }
    assert!(worker.pull(star).await.unwrap());
    for reader in readers() {
        assert_eq!(pulled_of(&api, reader).await, [star]);
    }
}

/// By the failover to a replica that was behind.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_partition_has_lost_is_entered_again() {
    let server = RedisServer::start(Program::Redis);
    let worker = open(&server.url(), &clock()).await;
    let star = star(&worker, 1).await;
    let reader = UserId(2);
    assert!(worker.pull(star).await.unwrap());
    let lose = || {
        let removed = redis::cmd("DEL")
            .arg("{02}pull")
            .query::<u32>(&mut server.connect());
        assert_eq!(removed.unwrap(), 1);
    };
    lose();
    assert!(pulled_of(&worker, reader).await.is_empty());
    assert!(worker.pull(star).await.unwrap(), "with his next post");
    assert_eq!(pulled_of(&worker, reader).await, [star]);
    lose();
    worker.housekeep().await.unwrap();
    assert_eq!(pulled_of(&worker, reader).await, [star]);
}
