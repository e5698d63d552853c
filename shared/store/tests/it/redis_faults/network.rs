//! Ways to the server that break, are slow, or swallow everything.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use ripple_domain::{UserId, Window};
use ripple_store::{CommitError, PostCommit, Store, StoreError};
use tokio::time::sleep;

use super::{
    load::{Load, Written},
    open,
};
use crate::harness::{Program, Proxy, RedisServer, new_post, new_user, token};

/// Who posts knows after so long, at the latest, that he has to come again: the time limit of answers,
/// twice, and the time for which a commit is sent again.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(15);

fn is_told_in_time(written: &Written) {
    let longest = written.longest();
    assert!(longest < ANSWER_TIME_MAX, "{longest:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_break_in_the_middle_of_commits() {
    let server = RedisServer::start(Program::Redis);
    let proxy = Proxy::new(server.port).await;
    let store = open(&proxy.url()).await;
    let load = Load::begin(&store, 16).await;
    for round in 0..30 {
        load.goes_on(1).await;
        sleep(Duration::from_millis(round)).await;
        proxy.break_all();
    }
    load.goes_on(5).await;
    let written = load.end().await;
    is_told_in_time(&written);
    written.assert_exact(&open(&server.url()).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_way_refuses_nobody() {
    let server = RedisServer::start(Program::Redis);
    let proxy = Proxy::new(server.port).await;
    let store = open(&proxy.url()).await;
    let load = Load::begin(&store, 16).await;
    proxy.delay(Duration::from_millis(200));
    load.goes_on(3).await;
    let written = load.end().await;
    assert_eq!(written.refused(), 0);
    assert!(written.longest() > Duration::from_millis(400));
    written.assert_exact(&open(&server.url()).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_can_reach_nobody_is_told_in_time_and_comes_back_by_himself() {
    let server = RedisServer::start(Program::Redis);
    let proxy = Proxy::new(server.port).await;
    let store = open(&proxy.url()).await;
    let load = Load::begin(&store, 16).await;
    for state in [Proxy::hold, Proxy::cut] {
        load.goes_on(3).await;
        state(&proxy);
        sleep(Duration::from_secs(6)).await;
        assert!(store.ready().await.is_err());
        proxy.restore();
        let begun = Instant::now();
        load.goes_on(3).await;
        assert!(begun.elapsed() < ANSWER_TIME_MAX, "{:?}", begun.elapsed());
        store.ready().await.unwrap();
    }
    let written = load.end().await;
    assert!(written.refused() > 0);
    is_told_in_time(&written);
    written.assert_exact(&open(&server.url()).await).await;
}

/// Many who can reach nobody do not wait for each other: the last one is told as early as the first.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_who_can_reach_nobody_do_not_wait_for_each_other() {
    let server = RedisServer::start(Program::Redis);
    let proxy = Proxy::new(server.port).await;
    let store = open(&proxy.url()).await;
    let created = store.create_user(new_user("ada"), token("ada"), None).await;
    let ada = created.unwrap().value.id;
    proxy.hold();
    // Those of the second round come when all connections are known to be lost.
    for _ in 0..2 {
        let asking = (0..100).map(|index| asks(&store, ada, index));
        let longest = join_all(asking).await.into_iter().max().unwrap();
        assert!(longest < Duration::from_secs(8), "{longest:?}");
    }
    proxy.restore();
    store.posts_of(&[ada], Window::NEWEST, 1).await.unwrap();
}

/// How long it took until nothing could be said.
async fn asks(store: &Arc<dyn Store>, user: UserId, index: usize) -> Duration {
    let begun = Instant::now();
    let error = if index.is_multiple_of(2) {
        let post = new_post(user, "hello");
        let commit = PostCommit {
            post,
            idempotency: None,
            trace: None,
        };
        match store.create_post(commit).await {
            Err(CommitError::Store(error)) => error,
            other => panic!("{other:?}"),
        }
    } else {
        store.user(user).await.map(drop).unwrap_err()
    };
    assert!(matches!(error, StoreError::Unavailable { .. }), "{error:?}");
    begun.elapsed()
}
