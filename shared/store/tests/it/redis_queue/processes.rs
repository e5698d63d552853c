//! Several processes on one queue.

use std::{
    collections::BTreeSet,
    sync::Arc,
    time::{Duration, Instant},
};

use ripple_domain::JobId;
use ripple_store::{Clock, Fate, Store};
use tokio::{task::JoinSet, time::timeout};

use super::{TIER, claim, enqueue, open, post_ids, posts, retry_at, settle};
use crate::harness::{LEASE_MS, Program, RedisCluster, RedisServer, START};

/// One process waits for jobs, the other enqueues one now and then, after times that are longer than
/// the time limits on the way.
async fn hears_of_jobs(url: &str) {
    let clock = Clock::system();
    let (worker, other) = (open(url, &clock).await, open(url, &clock).await);
    for idle_ms in [0, 700, 5_600, 10] {
        let waiting = {
            let worker = Arc::clone(&worker);
            tokio::spawn(async move {
                loop {
                    let claims = claim(&worker, 10).await;
                    if !claims.is_empty() {
                        return (claims, Instant::now());
                    }
                    worker.job_ready(TIER).await;
                }
            })
        };
        tokio::time::sleep(Duration::from_millis(idle_ms)).await;
        let begun = Instant::now();
        enqueue(&other, posts(1)).await;
        let heard = timeout(Duration::from_secs(10), waiting).await;
        let (claims, heard_at) = heard.unwrap().unwrap();
        // A machine may be busy; without a notice nobody would wake it at all.
        let waited = heard_at.duration_since(begun);
        assert!(
            waited < Duration::from_secs(1),
            "{waited:?} after {idle_ms}"
        );
        assert_eq!(post_ids(&claims), posts(1));
        assert_eq!(settle(&worker, &claims, &Fate::Ack).await, [true]);
    }
}

#[tokio::test]
async fn who_waits_hears_of_the_jobs_of_another_process() {
    let server = RedisServer::start(Program::Redis);
    hears_of_jobs(&server.url()).await;
}

#[tokio::test]
async fn who_waits_hears_of_the_jobs_of_another_process_on_a_cluster() {
    let cluster = RedisCluster::start();
    hears_of_jobs(&cluster.url()).await;
}

#[tokio::test]
async fn what_nobody_told_is_found_all_the_same() {
    let server = RedisServer::start(Program::Redis);
    let clock = Clock::system();
    let (worker, other) = (
        open(&server.url(), &clock).await,
        open(&server.url(), &clock).await,
    );
    enqueue(&other, posts(1)).await;
    let claims = claim(&worker, 1).await;
    assert!(claim(&worker, 1).await.is_empty());
    // A job comes back without anybody saying so: its lease runs out, by the clock of the other one.
    settle(&worker, &claims, &Fate::Ack).await;
    enqueue(&other, posts(64)).await;
    let held = claim(&other, 64).await;
    assert_eq!(held.len(), 64);
    drop(other);
    let begun = Instant::now();
    let mut taken = 0;
    while taken < 64 {
        assert!(begun.elapsed() < Duration::from_secs(20), "{taken} of 64");
        taken += claim(&worker, 100).await.len();
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(begun.elapsed() > Duration::from_millis(u64::from(LEASE_MS) / 2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_is_done_by_one_process() {
    let server = RedisServer::start(Program::Redis);
    let clock = Clock::manual(START);
    let first = open(&server.url(), &clock).await;
    for _ in 0..20 {
        enqueue(&first, posts(64)).await;
    }
    let mut workers = JoinSet::new();
    for worker in 0..4 {
        let store = open(&server.url(), &clock).await;
        workers.spawn(async move {
            let mut done: Vec<JobId> = Vec::new();
            loop {
                let claims = claim(&store, 1 + 17 * worker).await;
                if claims.is_empty() {
                    return done;
                }
                let settled = settle(&store, &claims, &Fate::Ack).await;
                assert!(settled.into_iter().all(|held| held));
                done.extend(claims.iter().map(|claim| claim.lease.job));
            }
        });
    }
    let done: Vec<JobId> = workers.join_all().await.into_iter().flatten().collect();
    assert_eq!(done.len(), 20 * 64);
    assert_eq!(BTreeSet::from_iter(done).len(), 20 * 64);
    let stats = first.tier_stats(TIER).await.unwrap();
    assert_eq!((stats.ready, stats.in_flight, stats.delayed), (0, 0, 0));
}

/// Whatever is due earlier goes first, though it lies in other partitions, and however few are claimed.
#[tokio::test]
async fn the_earliest_deadline_of_all_partitions_goes_first() {
    let server = RedisServer::start(Program::Redis);
    let clock = Clock::manual(START);
    let store = open(&server.url(), &clock).await;
    // Neighbours in time lie far from each other.
    let in_time: Vec<_> = (0..60).map(|index| posts(64)[index * 17 % 64]).collect();
    for post in &in_time {
        enqueue(&store, [*post]).await;
        clock.advance_ms(1);
    }
    for jobs_max in [1, 7, 100] {
        let store = open(&server.url(), &clock).await;
        let mut order: Vec<Arc<dyn Store>> = vec![Arc::clone(&store)];
        order.push(open(&server.url(), &clock).await);
        let mut claims = Vec::new();
        for turn in 0.. {
            let some = claim(&order[turn % 2], jobs_max).await;
            if some.is_empty() {
                break;
            }
            claims.extend(some);
        }
        assert_eq!(post_ids(&claims), in_time, "{jobs_max} at a time");
        let released = settle(&store, &claims, &Fate::Release).await;
        assert!(released.into_iter().all(|held| held));
    }
}

#[tokio::test]
async fn a_job_that_is_tried_again_is_found_in_time_by_all() {
    let server = RedisServer::start(Program::Redis);
    let clock = Clock::manual(START);
    let (one, other) = (
        open(&server.url(), &clock).await,
        open(&server.url(), &clock).await,
    );
    enqueue(&one, posts(3)).await;
    let claims = claim(&one, 3).await;
    assert!(claim(&other, 3).await.is_empty());
    let at = START.plus_ms(40);
    assert_eq!(settle(&one, &claims, &retry_at(at)).await, [true; 3]);
    for (store, jobs) in [(&one, 2), (&other, 1)] {
        assert!(claim(store, jobs).await.is_empty(), "too early");
    }
    clock.advance_ms(40);
    assert_eq!(claim(&one, 2).await.len(), 2);
    let mut late = claim(&other, 3).await;
    // The other process had not been told when the moment comes; it asks several times a second.
    let begun = Instant::now();
    while late.is_empty() && begun.elapsed() < Duration::from_secs(10) {
        tokio::time::sleep(Duration::from_millis(20)).await;
        late = claim(&other, 3).await;
    }
    assert_eq!(late.len(), 1);
}
