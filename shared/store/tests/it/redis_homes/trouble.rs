//! Servers that are started anew or lose what they hold, and replicas that are missing.

use ripple_domain::UserId;
use ripple_store::{
    Home,
    redis::{RedisOptions, RedisStore},
};

use super::{clock, id, is_warm, open, push, star, warm_up};
use crate::harness::{Program, RedisServer};

#[tokio::test]
async fn timelines_outlive_a_crash_of_the_server() {
    let mut server = RedisServer::start(Program::Redis);
    let store = open(&server.url(), &clock()).await;
    let author = star(&store, 3).await;
    for user in 2..=3 {
        assert!(warm_up(&store, UserId(user)).await);
    }
    push(&store, author, id(10_000)).await.unwrap();
    let before = store.home(UserId(2)).await.unwrap();
    server.kill();
    server.restart();
    assert_eq!(store.home(UserId(2)).await.unwrap(), before);
    let pushed = push(&store, author, id(10_001)).await.unwrap();
    assert_eq!((pushed.followers, pushed.pushed), (3, 2));
    assert!(warm_up(&store, UserId(4)).await);
    let pushed = push(&store, author, id(10_002)).await.unwrap();
    assert_eq!((pushed.followers, pushed.pushed), (3, 3));
}

/// A timeline whose key is gone is cold, and pushes to it leave nothing behind.
#[tokio::test]
async fn a_timeline_whose_key_is_gone_is_cold() {
    let server = RedisServer::start(Program::Redis);
    let mut connection = server.connect();
    let store = open(&server.url(), &clock()).await;
    let author = star(&store, 2).await;
    for user in 2..=3 {
        assert!(warm_up(&store, UserId(user)).await);
    }
    let mut key = |command: &str| -> u32 {
        redis::cmd(command)
            .arg("{02}ho:2")
            .query(&mut connection)
            .unwrap()
    };
    assert_eq!(key("DEL"), 1);
    for n in 0..3 {
        let pushed = push(&store, author, id(10_000 + n)).await.unwrap();
        assert_eq!((pushed.followers, pushed.pushed), (2, 1));
        assert_eq!(key("EXISTS"), 0);
        assert_eq!(store.home(UserId(2)).await.unwrap(), Home::Cold);
    }
    assert!(is_warm(&store, UserId(3)).await);
}

/// A job must not be acked before replicas have what it did: a failover would lose the push for good.
#[tokio::test]
async fn pushes_wait_for_the_replicas_that_commits_wait_for() {
    let server = RedisServer::start(Program::Redis);
    let store = open(&server.url(), &clock()).await;
    let author = star(&store, 1).await;
    assert!(warm_up(&store, UserId(2)).await);
    let careful = RedisOptions {
        replicas_wait: 1,
        ..RedisOptions::default()
    };
    let careful = RedisStore::open(&server.url().parse().unwrap(), careful).await;
    let careful: std::sync::Arc<dyn ripple_store::Store> = careful.unwrap();
    assert!(push(&careful, author, id(10_000)).await.is_err());
    assert!(push(&store, author, id(10_000)).await.is_ok());
}
