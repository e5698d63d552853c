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

use std::{
    process::Command,
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::{StreamExt, stream};
use redis::Connection;
use ripple_domain::{PostId, Tier, UserId};
use ripple_load_tests::world::{self, is_small};
use ripple_store::{
    Delivery, Store,
    redis::{RedisOptions, RedisStore},
};
use ripple_workers::WorkerOptions;
use tokio_util::sync::CancellationToken;

#[path = "redis/server.rs"]
mod server;

use server::Server;

/// The entries of a full list or timeline.
const ENTRIES: u64 = 760;
/// Rounds of each measurement; the median is shown.
const ROUNDS: usize = 5;
const AUTHOR: UserId = UserId(2);

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

async fn open(server: &Server) -> Arc<dyn Store> {
    let address = server.url().parse().unwrap();
    RedisStore::open(&address, RedisOptions::default())
        .await
        .unwrap()
}

/// Pushes to full timelines beside pushes to full lists.
async fn fan_out() {
    let followers: u32 = if is_small() { 500 } else { 50_000 };
    let server = Server::start();
    let mut connection = server.connect();
    fill_lists(&mut connection, followers);
    let store = open(&server).await;
    world::follow_star(&*store, followers).await.unwrap();
    world::warm_star(&*store, followers, ENTRIES).await.unwrap();

    let mut next = 1_000_000;
    let mut push = async |posts: usize| {
        let first = next;
        next += posts as u64;
        let begun = Instant::now();
        let mut after = None;
        loop {
            let delivery = |n| Delivery {
                post: PostId((first + n) << 12),
                author: AUTHOR,
                after,
                followers_max: 10_000,
            };
            let deliveries = (0..posts as u64).map(delivery).collect();
            let pushed = store.push_home(deliveries).await.unwrap();
            assert!(pushed.iter().all(|it| it.pushed == it.followers));
            after = pushed[0].next;
            if after.is_none() {
                break;
            }
        }
        (posts as u64 * u64::from(followers)) as f64 / begun.elapsed().as_secs_f64()
    };

    push(1).await;
    let before = Traffic::of(&mut connection);
    push(1).await;
    let one = Traffic::of(&mut connection).since(&before, followers);
    println!("a delivery, one post at a time: {one}");
    let (mut lists, mut ratios_1, mut ratios_8) = (Vec::new(), Vec::new(), Vec::new());
    let (mut ones, mut eights) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let list = redis_benchmark(&server, followers);
        let one = push(1).await;
        let eight = push(8).await;
        lists.push(list);
        ones.push(one);
        eights.push(eight);
        ratios_1.push(one / list);
        ratios_8.push(eight / list);
    }
    println!(
        "redis-benchmark -P 64 LPUSHX, full lists: {:.0}/s",
        median(&mut lists)
    );
    println!(
        "fan-out, one post at a time: {:.0}/s, {:.2} of that",
        median(&mut ones),
        median(&mut ratios_1)
    );
    println!(
        "fan-out, 8 posts at a time: {:.0}/s, {:.2} of that",
        median(&mut eights),
        median(&mut ratios_8)
    );
    store.close().await;
}

/// What a follow, a post and an entry of a timeline take.
async fn memory() {
    let server = Server::start();
    let mut connection = server.connect();
    let store = open(&server).await;
    let (users, follows, posts) = if is_small() {
        (100, 5, 100)
    } else {
        (50_000, 20, 20_000)
    };
    world::follow_ring(&*store, users, 1).await.unwrap();
    let before = used_memory(&mut connection);
    world::follow_ring(&*store, users, follows + 1)
        .await
        .unwrap();
    let made = u64::from(users) * u64::from(follows);
    let bytes = used_memory(&mut connection) - before;
    println!("memory of a follow: {:.0} B", bytes as f64 / made as f64);

    let before = used_memory(&mut connection);
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
    let open = used_memory(&mut connection) - before;
    println!(
        "memory of a post with open jobs: {:.0} B",
        open as f64 / f64::from(posts)
    );
    let before = used_memory(&mut connection);
    let readers = users.min(5_000);
    world::warm_star(&*store, readers, ENTRIES).await.unwrap();
    let bytes = used_memory(&mut connection) - before;
    println!(
        "memory of an entry of a home timeline: {:.1} B",
        bytes as f64 / (u64::from(readers) * ENTRIES) as f64
    );
    store.close().await;
}

/// From the commit of a post to its last follower, by way of the queue and a worker.
async fn last_follower(followers: u32) {
    let server = Server::start();
    let store = open(&server).await;
    world::follow_star(&*store, followers).await.unwrap();
    world::warm_star(&*store, followers, 10).await.unwrap();
    let shutdown = CancellationToken::new();
    let workers = tokio::spawn(ripple_workers::run(
        Arc::clone(&store),
        Arc::new(world::NoFeeds),
        WorkerOptions::default(),
        shutdown.clone(),
    ));
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        let post = world::post(&*store, AUTHOR, "Good morning").await.unwrap();
        let delivered = store.delivered(post.id, Tier::Followers);
        tokio::time::timeout(Duration::from_secs(60), delivered)
            .await
            .unwrap();
        times.push(begun.elapsed().as_secs_f64());
    }
    let time = median(&mut times);
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
    let server = Server::start();
    let store = open(&server).await;
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

fn fill_lists(connection: &mut Connection, lists: u32) {
    let entries: Vec<u64> = (1..=800).map(|n| n << 12).collect();
    for first in (0..lists).step_by(500) {
        let mut fill = redis::pipe();
        for list in first..lists.min(first + 500) {
            fill.rpush(format!("list:{list:012}"), &entries).ignore();
        }
        fill.exec(connection).unwrap();
    }
}

/// Pushes to random lists a second.
fn redis_benchmark(server: &Server, lists: u32) -> f64 {
    let pushes = lists * 20;
    let mut command = Command::new("redis-benchmark");
    command.args(["-P", "64", "-c", "50", "--csv"]);
    command.args(["-p", &server.port.to_string()]);
    command.args(["-n", &pushes.to_string(), "-r", &lists.to_string()]);
    command.args(["LPUSHX", "list:__rand_int__", "4096000000"]);
    let output = command.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    // The last line: "LPUSHX …","rate","average",…
    let line = text.lines().rfind(|line| line.contains("LPUSHX")).unwrap();
    let rate = line.split("\",\"").nth(1).unwrap();
    rate.trim_matches('"').parse().unwrap()
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn info(connection: &mut Connection, name: &str) -> u64 {
    let info: String = redis::cmd("INFO").arg("all").query(connection).unwrap();
    let value = info
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    value.unwrap().parse().unwrap()
}

fn used_memory(connection: &mut Connection) -> u64 {
    info(connection, "used_memory")
}

/// What a server has done so far.
struct Traffic {
    commands: u64,
    bytes_in: u64,
    bytes_out: u64,
}

impl Traffic {
    fn of(connection: &mut Connection) -> Self {
        Self {
            commands: info(connection, "total_commands_processed"),
            bytes_in: info(connection, "total_net_input_bytes"),
            bytes_out: info(connection, "total_net_output_bytes"),
        }
    }

    fn since(&self, before: &Self, deliveries: u32) -> String {
        let a_delivery = |now: u64, before: u64| (now - before) as f64 / f64::from(deliveries);
        format!(
            "{:.3} commands, {:.1} B to the server, {:.1} B from it",
            a_delivery(self.commands, before.commands),
            a_delivery(self.bytes_in, before.bytes_in),
            a_delivery(self.bytes_out, before.bytes_out)
        )
    }
}
