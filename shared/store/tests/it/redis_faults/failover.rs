//! A cluster that loses a master.

use std::time::{Duration, Instant};

use ripple_store::redis::RedisOptions;
use tokio::time::sleep;

use super::{comes, load::Load, open, open_with};
use crate::harness::{RedisCluster, RedisServer};

/// Enough that each master has some of the authors.
const AUTHORS: usize = 24;
/// Where nobody waits for replicas, a master that dies takes along what it acknowledged in so long.
const LOST_WITH_A_MASTER: Duration = Duration::from_secs(1);

fn with_a_replica() -> RedisOptions {
    RedisOptions {
        replicas_wait: 1,
        ..RedisOptions::default()
    }
}

/// A cluster that can lose a master.
fn ready_for_the_worst() -> RedisCluster {
    let cluster = RedisCluster::start();
    cluster.wait_until_agreed();
    cluster
}

async fn has_role(node: &RedisServer, role: &str) {
    let line = format!("role:{role}\r");
    comes(role, async || {
        node.info().is_ok_and(|info| info.contains(&line))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn service_comes_back_by_itself_and_little_is_lost_when_a_master_is_killed() {
    let mut cluster = ready_for_the_worst();
    let store = open(&cluster.url()).await;
    let load = Load::begin(&store, AUTHORS).await;
    load.goes_on(5).await;
    // The authors themselves are safe.
    sleep(LOST_WITH_A_MASTER).await;
    let killed_at = Instant::now();
    cluster.nodes[0].kill();
    load.goes_on(5).await;
    has_role(&cluster.nodes[3], "master").await;
    store.ready().await.unwrap();
    let written = load.end().await;
    // Its last answers may be noticed a little later.
    let at_risk = killed_at - LOST_WITH_A_MASTER..=killed_at + LOST_WITH_A_MASTER;
    written.assert_exact_but_for(&store, at_risk).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_replica_has_confirmed_survives_a_killed_master() {
    let mut cluster = ready_for_the_worst();
    let store = open_with(&cluster.url(), with_a_replica()).await;
    let load = Load::begin(&store, AUTHORS).await;
    load.goes_on(5).await;
    cluster.nodes[0].kill();
    has_role(&cluster.nodes[3], "master").await;
    // The new master has no replica until the old one is back.
    cluster.nodes[0].restart();
    has_role(&cluster.nodes[0], "slave").await;
    load.goes_on(5).await;
    let written = load.end().await;
    written.assert_exact(&store).await;
}

/// A master that hangs is replaced, and comes back without knowing it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_replica_has_confirmed_survives_a_master_that_hangs() {
    let cluster = ready_for_the_worst();
    let store = open_with(&cluster.url(), with_a_replica()).await;
    let load = Load::begin(&store, AUTHORS).await;
    load.goes_on(5).await;
    cluster.nodes[1].freeze(true);
    has_role(&cluster.nodes[4], "master").await;
    cluster.nodes[1].freeze(false);
    has_role(&cluster.nodes[1], "slave").await;
    load.goes_on(5).await;
    let written = load.end().await;
    written.assert_exact(&store).await;
}
