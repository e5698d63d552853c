//! Servers that have forgotten the scripts: nobody who calls notices.

use redis::Connection;
use ripple_domain::{RelationKind, Tier, Window};

use super::{load::Load, open};
use crate::harness::{LEASE_MS, Program, RedisCluster, RedisServer, new_post, new_user, token};

fn forget_scripts(connection: &mut Connection) {
    let mut flush = redis::cmd("SCRIPT");
    flush.arg("FLUSH").exec(connection).unwrap();
}

async fn forgotten_under_load(url: &str, servers: &[RedisServer]) {
    let store = open(url).await;
    let load = Load::begin(&store, 8).await;
    let mut connections: Vec<_> = servers.iter().map(RedisServer::connect).collect();
    for _ in 0..20 {
        load.goes_on(1).await;
        connections.iter_mut().for_each(forget_scripts);
    }
    let written = load.end().await;
    assert_eq!(written.refused(), 0);
    assert!(written.len() >= 8 * 20);
    connections.iter_mut().for_each(forget_scripts);
    written.assert_exact(&store).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_forgets_scripts_is_told_them_again() {
    let server = RedisServer::start(Program::Redis);
    forgotten_under_load(&server.url(), std::slice::from_ref(&server)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_valkey_that_forgets_scripts_is_told_them_again() {
    let server = RedisServer::start(Program::Valkey);
    forgotten_under_load(&server.url(), std::slice::from_ref(&server)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_that_forgets_scripts_is_told_them_again() {
    let cluster = RedisCluster::start();
    forgotten_under_load(&cluster.url(), &cluster.nodes).await;
}

/// Who did nothing meanwhile notices neither that his connections are broken nor that the scripts are
/// gone, whatever he does first.
#[tokio::test]
async fn nobody_notices_that_an_idle_server_was_started_anew() {
    let mut server = RedisServer::start(Program::Redis);
    let store = open(&server.url()).await;
    let mut users = Vec::new();
    for name in ["ada", "bob"] {
        let created = store.create_user(new_user(name), token(name), None).await;
        users.push(created.unwrap().value.id);
    }
    let [ada, bob] = users[..] else {
        unreachable!()
    };
    let mut again = || {
        server.kill();
        server.restart();
    };

    again();
    let post = crate::redis_posts::commit(&store, new_post(ada, "hello")).await;
    let post = post.unwrap().value.id;
    again();
    assert!(store.posts(&[post]).await.unwrap()[0].is_some());
    again();
    store
        .relate(bob, RelationKind::Follow, ada, true)
        .await
        .unwrap();
    again();
    let found = store.posts_of(&[ada], Window::NEWEST, 10).await;
    assert_eq!(found.unwrap(), [post]);
    again();
    let warming = store.home_begin(bob).await.unwrap();
    again();
    assert!(store.home_finish(warming, &[post], true).await.unwrap());
    again();
    assert_eq!(store.tier_stats(Tier::Followers).await.unwrap().ready, 1);
    again();
    let claims = store.claim(Tier::Followers, 10, LEASE_MS).await.unwrap();
    assert_eq!(claims.len(), 1);
    again();
    assert!(crate::harness::deliver(store.as_ref(), &claims[0], 10).await);
    again();
    store.delete_post(post, Some(ada), None).await.unwrap();
    again();
    store.ready().await.unwrap();
}
