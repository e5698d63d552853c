//! More than one script moves at once.

use ripple_domain::PostId;
use ripple_store::{Clock, Fate, Queue};

use super::{TIER, claim, enqueue, open, posts, retry_at, settle};
use crate::harness::{LEASE_MS, Program, RedisServer, START};

/// All of them lie in one partition.
const JOBS: usize = 2_300;

fn of_one_partition() -> Vec<PostId> {
    vec![posts(1)[0]; JOBS]
}

#[tokio::test]
async fn thousands_of_jobs_wait_for_their_moment_together() {
    let server = RedisServer::start(Program::Redis);
    let clock = Clock::manual(START);
    let store = open(&server.url(), &clock).await;
    enqueue(&store, of_one_partition()).await;
    let claims = claim(&store, 10_000).await;
    assert_eq!(claims.len(), JOBS);
    let at = START.plus_ms(1_000);
    let settled = settle(&store, &claims, &retry_at(at)).await;
    assert!(settled.len() == JOBS && settled.into_iter().all(|held| held));
    assert_eq!(store.tier_stats(TIER).await.unwrap().delayed, JOBS as u64);

    clock.advance_ms(1_000);
    assert_eq!(store.tier_stats(TIER).await.unwrap().ready, JOBS as u64);
    let claims = claim(&store, 10_000).await;
    assert_eq!(claims.len(), JOBS);
    assert!(claims.iter().all(|claim| claim.job.attempts == 1));

    // All leases run out together, too.
    clock.advance_ms(i64::from(LEASE_MS));
    let claims = claim(&store, 10_000).await;
    assert_eq!(claims.len(), JOBS);
    assert!(claims.iter().all(|claim| claim.job.attempts == 2));
}

#[tokio::test]
async fn thousands_of_dead_letters_are_replayed_and_purged() {
    let server = RedisServer::start(Program::Redis);
    let clock = Clock::manual(START);
    let store = open(&server.url(), &clock).await;
    enqueue(&store, of_one_partition()).await;
    enqueue(&store, posts(64)).await;
    let all = JOBS + 64;
    let error = "no".to_owned();
    let dead = Fate::Dead { error };
    let claims = claim(&store, 10_000).await;
    assert_eq!(claims.len(), all);
    settle(&store, &claims, &dead).await;

    // A page after the other, newest first, whatever partition they are of.
    let mut ids = Vec::new();
    while let Some(page) = next_page(&*store, ids.last().copied()).await {
        ids.extend(page);
    }
    let mut expected: Vec<_> = claims.iter().map(|claim| claim.lease.job).collect();
    expected.sort_unstable_by(|a, b| b.cmp(a));
    assert_eq!(ids, expected);

    assert_eq!(store.replay_dead(TIER, None).await.unwrap(), all as u64);
    let again = claim(&store, 10_000).await;
    assert_eq!(again.len(), all);
    settle(&store, &again, &dead).await;
    assert_eq!(store.purge_dead(TIER, None).await.unwrap(), all as u64);
    assert_eq!(store.tier_stats(TIER).await.unwrap().dead, 0);
    let left: Vec<String> = redis::cmd("KEYS")
        .arg("*q[fp]:*")
        .query(&mut server.connect())
        .unwrap();
    assert_eq!(left, [""; 0], "nothing is left behind");
}

async fn next_page(
    store: &dyn ripple_store::Store,
    before: Option<ripple_domain::JobId>,
) -> Option<Vec<ripple_domain::JobId>> {
    let page = Queue::dead_jobs(store, TIER, before, 700).await.unwrap();
    let ids: Vec<_> = page.iter().map(|dead| dead.job.id).collect();
    (!ids.is_empty()).then_some(ids)
}
