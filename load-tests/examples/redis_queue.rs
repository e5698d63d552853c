//! The queue on Redis beside Redis Streams on the same server: jobs claimed and acked a second, in
//! batches of 100, by one consumer and by four; and what a million jobs leave behind in memory.
//!
//! `cargo run --release -p ripple-load-tests --example redis_queue -- redis://127.0.0.1:6379`
//!
//! The server must be one that nobody needs: it is emptied.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a measurement that cannot be made says so and stops"
)]

use std::{sync::Arc, time::Instant};

use redis::{Client, Value, aio::MultiplexedConnection, cmd, pipe};
use ripple_domain::{JobKind, PostId, Tier, Timestamp};
use ripple_store::{
    Fate, Settlement, Store,
    redis::{RedisOptions, RedisStore},
};
use tokio::task::JoinSet;

const BATCH: usize = 100;
const JOBS: usize = 200_000;
const LONG_RUN_JOBS: usize = 1_000_000;
const LEASE_MS: u32 = 30_000;
/// About as long as the record of a job.
const PAYLOAD: [u8; 110] = [7; 110];

/// An entry of a stream: its id and its fields.
type Entry = (String, Value);

#[tokio::main]
async fn main() {
    let url = std::env::args().nth(1).unwrap();
    let client = Client::open(url.as_str()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    for consumers in [1, 4] {
        let jobs_per_s = streams(&client, &mut connection, consumers).await;
        println!("streams, {consumers} consumers: {jobs_per_s:.0} jobs/s");
    }
    for partitions in [1, 64] {
        for consumers in [1, 4] {
            flush(&mut connection).await;
            let jobs_per_s = queue(&url, JOBS, partitions, consumers).await;
            println!(
                "queue, {partitions} partitions, {consumers} consumers: {jobs_per_s:.0} jobs/s"
            );
        }
    }
    flush(&mut connection).await;
    let store = open(&url).await;
    work_off(&store, 1).await;
    let before = used_memory(&mut connection).await;
    let begun = Instant::now();
    for _ in 0..LONG_RUN_JOBS / 10_000 {
        enqueue(&store, 10_000, 64).await;
        work_off(&store, 1).await;
    }
    let after = used_memory(&mut connection).await;
    println!(
        "{LONG_RUN_JOBS} jobs in {:.1} s: used_memory {before} before, {after} after",
        begun.elapsed().as_secs_f64()
    );
}

async fn open(url: &str) -> Arc<RedisStore> {
    let address = url.parse().unwrap();
    RedisStore::open(&address, RedisOptions::default())
        .await
        .unwrap()
}

async fn queue(url: &str, jobs: usize, partitions: u64, consumers: usize) -> f64 {
    let store = open(url).await;
    enqueue(&store, jobs, partitions).await;
    let begun = Instant::now();
    let done = work_off(&store, consumers).await;
    assert_eq!(done, jobs);
    jobs as f64 / begun.elapsed().as_secs_f64()
}

async fn enqueue(store: &Arc<RedisStore>, jobs: usize, partitions: u64) {
    let post = |index: u64| {
        let time = Timestamp::from_ms(1_772_366_400_000 + i64::try_from(index).unwrap());
        let partition = u8::try_from(index % partitions).unwrap();
        PostId::compose(time, partition, 0).unwrap()
    };
    let kinds: Vec<JobKind> = (0..jobs as u64)
        .map(|index| JobKind::deliver(post(index)))
        .collect();
    for kinds in kinds.chunks(10_000) {
        ripple_store::Queue::enqueue(&**store, kinds.to_vec())
            .await
            .unwrap();
    }
}

/// Does all jobs; how many they were.
async fn work_off(store: &Arc<RedisStore>, consumers: usize) -> usize {
    let mut running = JoinSet::new();
    for _ in 0..consumers {
        let store: Arc<dyn Store> = store.clone();
        running.spawn(async move {
            let mut done = 0;
            loop {
                let claims = store.claim(Tier::Followers, BATCH, LEASE_MS).await.unwrap();
                if claims.is_empty() {
                    return done;
                }
                let settlements = claims.iter().map(|claim| Settlement {
                    lease: claim.lease,
                    fate: Fate::Ack,
                    progress: None,
                });
                let settled = store.settle(settlements.collect()).await.unwrap();
                done += settled.iter().filter(|held| **held).count();
            }
        });
    }
    running.join_all().await.into_iter().sum()
}

async fn streams(client: &Client, connection: &mut MultiplexedConnection, consumers: usize) -> f64 {
    flush(connection).await;
    let mut create = cmd("XGROUP");
    create
        .arg("CREATE")
        .arg("jobs")
        .arg("workers")
        .arg("0")
        .arg("MKSTREAM");
    create.exec_async(connection).await.unwrap();
    for _ in 0..JOBS / 1_000 {
        let mut add = pipe();
        for _ in 0..1_000 {
            add.cmd("XADD")
                .arg("jobs")
                .arg("*")
                .arg("job")
                .arg(&PAYLOAD[..])
                .ignore();
        }
        add.exec_async(connection).await.unwrap();
    }
    let begun = Instant::now();
    let mut running = JoinSet::new();
    for consumer in 0..consumers {
        let mut connection = client.get_multiplexed_async_connection().await.unwrap();
        running.spawn(async move {
            loop {
                let mut read = cmd("XREADGROUP");
                read.arg("GROUP")
                    .arg("workers")
                    .arg(consumer)
                    .arg("COUNT")
                    .arg(BATCH);
                read.arg("STREAMS").arg("jobs").arg(">");
                let read: Option<Vec<(String, Vec<Entry>)>> =
                    read.query_async(&mut connection).await.unwrap();
                let ids: Vec<String> = read
                    .into_iter()
                    .flatten()
                    .flat_map(|(_, entries)| entries)
                    .map(|(id, _)| id)
                    .collect();
                if ids.is_empty() {
                    return;
                }
                let mut ack = pipe();
                ack.cmd("XACK")
                    .arg("jobs")
                    .arg("workers")
                    .arg(&ids)
                    .ignore();
                ack.cmd("XDEL").arg("jobs").arg(&ids).ignore();
                ack.exec_async(&mut connection).await.unwrap();
            }
        });
    }
    running.join_all().await;
    JOBS as f64 / begun.elapsed().as_secs_f64()
}

async fn flush(connection: &mut MultiplexedConnection) {
    cmd("FLUSHALL").exec_async(connection).await.unwrap();
}

async fn used_memory(connection: &mut MultiplexedConnection) -> String {
    let info: String = cmd("INFO")
        .arg("memory")
        .query_async(connection)
        .await
        .unwrap();
    let line = info
        .lines()
        .find(|line| line.starts_with("used_memory_human"));
    line.unwrap().to_owned()
}
