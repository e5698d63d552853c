//! A server that is full, or gone.

use std::time::{Duration, Instant};

use redis::Commands;
use ripple_domain::Tier;
use ripple_store::{Clock, Fate};

use super::{TIER, claim, enqueue, open, post_ids, posts, settle};
use crate::harness::{LEASE_MS, Program, Proxy, RedisServer, START, set_max_memory};

/// Working off the queue makes room, so it must go on where there is none.
#[tokio::test]
async fn the_queue_is_worked_off_where_memory_is_full() {
    let server = RedisServer::start(Program::Redis);
    let clock = Clock::manual(START);
    let store = open(&server.url(), &clock).await;
    enqueue(&store, posts(64)).await;
    set_max_memory(&mut server.connect(), 1);

    let claims = claim(&store, 100).await;
    assert_eq!(claims.len(), 64);
    assert_eq!(store.extend(&[claims[0].lease], LEASE_MS), [true]);
    let error = "no".to_owned();
    assert_eq!(
        settle(&store, &claims[..1], &Fate::Dead { error }).await,
        [true]
    );
    assert_eq!(settle(&store, &claims[1..2], &Fate::Release).await, [true]);
    let settled = settle(&store, &claims[2..], &Fate::Ack).await;
    assert!(settled.into_iter().all(|held| held));
    assert_eq!(store.purge_dead(TIER, None).await.unwrap(), 1);
    let stats = store.tier_stats(TIER).await.unwrap();
    assert_eq!((stats.ready, stats.in_flight, stats.dead), (1, 0, 0));
}

/// A runtime whose only thread is busy: with the lengthening itself, here.
#[tokio::test(flavor = "current_thread")]
async fn leases_are_lengthened_while_the_runtime_is_busy() {
    let server = RedisServer::start(Program::Redis);
    let clock = Clock::manual(START);
    let store = open(&server.url(), &clock).await;
    enqueue(&store, posts(64)).await;
    let claims = claim(&store, 64).await;
    assert_eq!(settle(&store, &claims[..1], &Fate::Ack).await, [true]);
    let leases: Vec<_> = claims.iter().map(|claim| claim.lease).collect();
    clock.advance_ms(i64::from(LEASE_MS) - 1);
    let extended = store.extend(&leases, LEASE_MS);
    assert!(!extended[0] && extended[1..].iter().all(|held| *held));
    clock.advance_ms(i64::from(LEASE_MS) - 1);
    assert_eq!(settle(&store, &claims[1..2], &Fate::Ack).await, [true]);
}

/// The lease of the only job, which has run out, is said to have ended: so Redis has answered, as
/// otherwise it would count as held.
async fn is_answered(trouble: impl FnOnce(&Proxy)) {
    let server = RedisServer::start(Program::Redis);
    let proxy = Proxy::new(server.port).await;
    let clock = Clock::manual(START);
    let store = open(&proxy.url(), &clock).await;
    enqueue(&store, posts(1)).await;
    let lease = claim(&store, 1).await[0].lease;
    assert_eq!(store.extend(&[lease], LEASE_MS), [true]);
    clock.advance_ms(i64::from(LEASE_MS) + 1);
    trouble(&proxy);
    let begun = Instant::now();
    while store.extend(&[lease], LEASE_MS) != [false] {
        assert!(begun.elapsed() < Duration::from_secs(10));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leases_are_lengthened_over_a_new_way_where_the_old_one_is_silent() {
    is_answered(Proxy::silence_all).await;
}

/// Making the way takes longer than an answer may.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leases_are_lengthened_over_a_slow_way() {
    is_answered(|proxy| {
        proxy.delay(Duration::from_millis(300));
        proxy.break_all();
    })
    .await;
}

/// Whether a lease is lost cannot be known while the server is gone: the worker goes on, and learns it
/// when it settles. Nothing waits for long.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_comes_back_is_worked_with_again() {
    let mut server = RedisServer::start(Program::Redis);
    let clock = Clock::manual(START);
    let store = open(&server.url(), &clock).await;
    enqueue(&store, posts(8)).await;
    let claims = claim(&store, 4).await;
    assert_eq!(store.extend(&[claims[0].lease], LEASE_MS), [true]);

    server.kill();
    let begun = Instant::now();
    assert_eq!(store.extend(&[claims[0].lease], LEASE_MS), [true]);
    assert!(begun.elapsed() < Duration::from_secs(3));
    assert!(store.claim(TIER, 4, LEASE_MS).await.is_err());
    assert!(store.tier_stats(Tier::Public).await.is_err());

    server.restart();
    let begun = Instant::now();
    let mut rest = Vec::new();
    while rest.len() < 4 {
        assert!(begun.elapsed() < Duration::from_secs(20), "{rest:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
        rest.extend(store.claim(TIER, 4, LEASE_MS).await.unwrap_or_default());
    }
    // The leases of before are in force: they were kept like everything else.
    let settled = settle(&store, &claims, &Fate::Ack).await;
    assert_eq!(settled, [true; 4]);
    assert_eq!(store.extend(&[rest[0].lease], LEASE_MS), [true]);
}

/// A job that nobody can read is given up: a tier would never be complete again.
#[tokio::test]
async fn a_damaged_job_becomes_a_dead_letter() {
    let server = RedisServer::start(Program::Redis);
    let mut connection = server.connect();
    let clock = Clock::manual(START);
    let store = open(&server.url(), &clock).await;
    enqueue(&store, posts(3)).await;
    let mut damage = |partition: u8, change: fn(&mut Vec<u8>)| {
        let key = format!("{{{partition:02}}}qf:jobs");
        let mut jobs: Vec<(String, Vec<u8>)> = connection.hgetall(&key).unwrap();
        let (id, record) = &mut jobs[0];
        change(record);
        let () = connection.hset(key, &*id, &record[..]).unwrap();
    };
    damage(0, |record| record.push(0xff));
    damage(1, |record| record[0] = 2);

    let claims = claim(&store, 10).await;
    assert_eq!(post_ids(&claims), posts(3)[2..]);
    let stats = store.tier_stats(TIER).await.unwrap();
    assert_eq!((stats.ready, stats.in_flight, stats.dead), (0, 2, 1));
    assert_eq!(store.dead_jobs(TIER, None, 10).await.unwrap(), []);
    assert_eq!(settle(&store, &claims, &Fate::Ack).await, [true]);

    // What a newer version has enqueued is left to it.
    clock.advance_ms(i64::from(LEASE_MS));
    damage(1, |record| record[0] = 1);
    let claims = claim(&store, 10).await;
    assert_eq!(post_ids(&claims), posts(3)[1..2]);
    assert_eq!(settle(&store, &claims, &Fate::Ack).await, [true]);
    clock.advance_ms(1_000);
    let complete = store.complete_until(TIER).await.unwrap();
    assert!(complete >= START.plus_ms(1_000), "{complete:?}");

    // It can be done from its beginning.
    assert_eq!(store.replay_dead(TIER, None).await.unwrap(), 1);
    assert_eq!(post_ids(&claim(&store, 10).await), posts(1));
}

/// A page with fewer than were asked for would be the last one.
#[tokio::test]
async fn a_damaged_dead_letter_hides_no_other() {
    let server = RedisServer::start(Program::Redis);
    let mut connection = server.connect();
    let store = open(&server.url(), &Clock::manual(START)).await;
    enqueue(&store, posts(5)).await;
    let error = "no".to_owned();
    settle(&store, &claim(&store, 10).await, &Fate::Dead { error }).await;
    let all = store.dead_jobs(TIER, None, 10).await.unwrap();
    assert_eq!(all.len(), 5);
    for damaged in [&all[0], &all[2]] {
        let partition = damaged.job.kind.post().unwrap().partition();
        let key = format!("{{{partition:02}}}qf:deadjobs");
        let names: Vec<String> = connection.hkeys(&key).unwrap();
        let () = connection.hset(key, &names[0], "?").unwrap();
    }
    let left = [&all[1], &all[3], &all[4]].map(Clone::clone);
    for limit in 1..=10 {
        let page = store.dead_jobs(TIER, None, limit).await.unwrap();
        assert_eq!(page, left[..limit.min(3)]);
    }
}
