//! The store on Redis in figures: fan-out beside what `redis-benchmark` reaches on the same server in the
//! same run, the time to the last follower, commands and bytes of a delivery, commits, and the memory of
//! a follow, a post and an entry of a timeline.
//!
//! It starts a `redis-server` of its own, with `appendfsync always`, and needs `redis-benchmark`.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a measurement that cannot be made says so and stops"
)]
#![expect(
    clippy::cast_precision_loss,
    reason = "figures are shown with three digits"
)]

use std::time::Instant;

use futures_util::{StreamExt, stream};
use ripple_domain::{Tier, UserId};
use ripple_load_tests::{
    deployment::RedisServer,
    parts::{
        median,
        redis::{self, AUTHOR, Traffic},
    },
    world::{self, is_small},
};
use tokio_util::sync::CancellationToken;

/// Posts of a measurement; the median of their times is shown.
const ROUNDS: usize = 5;

fn main() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        fan_out().await;
        memory().await;
        for followers in [1_000, 10_000, 100_000, 1_000_000] {
            if !is_small() || followers == 1_000 {
                last_follower(followers).await;
            }
        }
        commits().await;
    });
}

/// Pushes to full timelines beside pushes to full lists.
async fn fan_out() {
    let followers = if is_small() { 500 } else { 50_000 };
    let found = redis::fan_out(followers).await.unwrap();
    let Traffic {
        commands,
        bytes_in,
        bytes_out,
    } = found.traffic;
    println!(
        "a delivery, one post at a time: {commands:.3} commands, {bytes_in:.1} B to the server, \
         {bytes_out:.1} B from it"
    );
    println!(
        "redis-benchmark -P 64 LPUSHX, full lists: {:.0}/s",
        found.lists_per_s
    );
    let (rate, of_lists) = found.one;
    println!("fan-out, one post at a time: {rate:.0}/s, {of_lists:.2} of that");
    let (rate, of_lists) = found.eight;
    println!("fan-out, 8 posts at a time: {rate:.0}/s, {of_lists:.2} of that");
    println!(
        "memory of an entry of a home timeline: {:.1} B",
        found.entry_bytes
    );
}

/// What a follow and a post take.
async fn memory() {
    let server = RedisServer::start().await.unwrap();
    let mut connection = redis::connect(server.address()).await.unwrap();
    let store = redis::open(server.address()).await.unwrap();
    let (users, follows, posts) = if is_small() {
        (100, 5, 100)
    } else {
        (50_000, 20, 20_000)
    };
    world::follow_ring(&*store, users, 1).await.unwrap();
    let before = redis::used_memory(&mut connection).await.unwrap();
    world::follow_ring(&*store, users, follows + 1)
        .await
        .unwrap();
    let made = u64::from(users) * u64::from(follows);
    let bytes = redis::used_memory(&mut connection).await.unwrap() - before;
    println!("memory of a follow: {:.0} B", bytes as f64 / made as f64);

    let before = redis::used_memory(&mut connection).await.unwrap();
    stream::iter(0..posts)
        .map(async |n: u32| {
            let text = format!(
                "Post {n} of a day on which nothing else happened #tag{}",
                n % 97
            );
            let author = UserId(n % users + 1);
            world::post(&*store, author, &text).await.unwrap();
        })
        .buffer_unordered(64)
        .collect::<()>()
        .await;
    let open = redis::used_memory(&mut connection).await.unwrap() - before;
    println!(
        "memory of a post with open jobs: {:.0} B",
        open as f64 / f64::from(posts)
    );
    store.close().await;
}

/// From the commit of a post to its last follower, by way of the queue and a worker.
async fn last_follower(followers: u32) {
    let server = RedisServer::start().await.unwrap();
    let store = redis::open(server.address()).await.unwrap();
    world::follow_star(&*store, followers).await.unwrap();
    world::warm_star(&*store, followers, 10).await.unwrap();
    let shutdown = CancellationToken::new();
    let workers = world::start_workers(&store, &shutdown);
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        world::deliver(&*store, AUTHOR, "Good morning", Tier::Followers)
            .await
            .unwrap();
        times.push(begun.elapsed().as_secs_f64());
    }
    let time = median(times);
    println!(
        "last of {followers} followers: {:.1} ms, {:.2} µs a delivery",
        time * 1e3,
        time * 1e6 / f64::from(followers)
    );
    shutdown.cancel();
    workers.await.unwrap();
    store.close().await;
}

/// Commits of posts with their jobs.
async fn commits() {
    let server = RedisServer::start().await.unwrap();
    let store = redis::open(server.address()).await.unwrap();
    world::follow_ring(&*store, 100, 1).await.unwrap();
    for (tasks, posts) in [(1, 2_000), (64, 40_000)] {
        let posts = if is_small() { 50 } else { posts };
        let begun = Instant::now();
        stream::iter(0..posts)
            .map(async |n: u32| {
                let author = UserId(n % 100 + 1);
                world::post(&*store, author, "Good morning").await.unwrap();
            })
            .buffer_unordered(tasks)
            .collect::<()>()
            .await;
        let rate = f64::from(posts) / begun.elapsed().as_secs_f64();
        println!("commits, {tasks} at a time: {rate:.0}/s");
        world::drop_jobs(&*store).await.unwrap();
    }
    store.close().await;
}
