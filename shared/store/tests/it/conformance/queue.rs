//! The queue: its order, and what becomes of a claimed job.

use std::{collections::BTreeSet, time::Duration};

use ripple_domain::{JobId, JobKind, PostId, Tier, Timestamp, UserId};
use ripple_store::{Claim, Fate, QueueLimits};
use tokio::{task::JoinSet, time::timeout};

use crate::harness::{LEASE_MS, Rig, becomes};

const TIER: Tier = Tier::Followers;

fn post_ids(claims: &[Claim]) -> Vec<PostId> {
    claims
        .iter()
        .filter_map(|claim| claim.job.kind.post())
        .collect()
}

fn rest_of(post: PostId, after: u32) -> JobKind {
    JobKind::Deliver {
        post,
        after: Some(UserId(after)),
        delivered: u64::from(after),
        started_at: Some(Timestamp::from_ms(7)),
    }
}

/// Makes jobs of the followers tier, one a millisecond; their posts, oldest first.
async fn jobs(rig: &Rig, n: usize) -> Vec<PostId> {
    let author = match rig.store().user(UserId(1)).await.unwrap() {
        Some(user) => user.id,
        None => rig.user("author").await,
    };
    let mut posts = Vec::new();
    for _ in 0..n {
        posts.push(rig.post(author, "hello").await);
        rig.pass_ms(1);
    }
    posts
}

pub(crate) async fn the_earliest_deadline_goes_first(mut rig: Rig) {
    let mut posts = jobs(&rig, 3).await;
    // A clock that was set back makes deadlines that lie before those of older jobs.
    rig.pass_ms(-2_000);
    posts.splice(0..0, jobs(&rig, 2).await);
    rig.pass_ms(5_000);
    rig.kill().await;
    assert_eq!(post_ids(&rig.claim(TIER, 2).await), posts[..2]);
    assert_eq!(post_ids(&rig.claim(TIER, 100).await), posts[2..]);
    assert!(rig.claim(TIER, 100).await.is_empty());
}

pub(crate) async fn the_tiers_are_apart(rig: Rig) {
    let posts = jobs(&rig, 2).await;
    assert_eq!(rig.claim(Tier::Followers, 10).await.len(), 2);
    let claims = rig.claim(Tier::Public, 10).await;
    assert_eq!(post_ids(&claims), posts);
    assert!(claims.iter().all(|claim| claim.lease.tier == Tier::Public));
    assert!(claims.iter().all(|claim| claim.lease.job == claim.job.id));
}

pub(crate) async fn an_acked_job_is_gone(mut rig: Rig) {
    jobs(&rig, 2).await;
    let claims = rig.claim(TIER, 1).await;
    assert!(rig.settle(&claims[0], Fate::Ack).await);
    assert_eq!(rig.claim(TIER, 10).await.len(), 1);
    assert!(
        !rig.settle(&claims[0], Fate::Ack).await,
        "a lease is used once"
    );
    rig.restart().await;
    let left = rig.claim(TIER, 10).await;
    assert_eq!(left.len(), 1, "an orderly end keeps what was settled");
    assert_ne!(left[0].job.id, claims[0].job.id);
}

pub(crate) async fn what_was_not_acked_comes_again_after_a_crash(mut rig: Rig) {
    let posts = jobs(&rig, 4).await;
    let claims = rig.claim(TIER, 3).await;
    rig.settle(&claims[0], Fate::Ack).await;
    rig.kill().await;
    let mut again = post_ids(&rig.claim(TIER, 10).await);
    // The ack may be lost, the others may not.
    again.retain(|post| *post != posts[0]);
    assert_eq!(again, posts[1..]);
}

pub(crate) async fn job_ids_grow_in_the_order_of_commits(mut rig: Rig) {
    let mut newest = JobId(0);
    for _ in 0..3 {
        let posts = jobs(&rig, 3).await;
        let claims = rig.claim(TIER, 10).await;
        assert_eq!(post_ids(&claims), posts);
        for claim in &claims {
            assert!(claim.job.id > newest, "{:?} after {newest:?}", claim.job.id);
            newest = claim.job.id;
        }
        rig.drain().await;
        for claim in &claims {
            rig.settle(claim, Fate::Ack).await;
        }
        rig.restart().await;
    }
}

pub(crate) async fn the_rest_of_a_job_goes_to_the_tail(mut rig: Rig) {
    let posts = jobs(&rig, 3).await;
    let first = rig.claim(TIER, 1).await.remove(0);
    rig.pass_ms(100);
    let kind = rest_of(posts[0], 10);
    assert!(rig.settle(&first, Fate::Continue { kind }).await);
    let later = jobs(&rig, 1).await[0];
    rig.kill().await;

    let claims = rig.claim(TIER, 10).await;
    assert_eq!(post_ids(&claims), [posts[1], posts[2], posts[0], later]);
    let rest = &claims[2];
    assert_eq!(rest.job.kind, kind);
    assert_eq!(rest.job.deadline, first.job.deadline);
    assert_eq!(rest.job.expires_at, first.job.expires_at);
    assert_eq!(rest.job.accepted_at, first.job.accepted_at);
}

/// A large fan-out in chunks takes turns with the small ones that wait or come in meanwhile.
pub(crate) async fn a_chunked_job_holds_up_nobody(rig: Rig) {
    let large = jobs(&rig, 1).await[0];
    jobs(&rig, 3).await;
    let mut order = String::new();
    for chunk in 1..=7 {
        let claim = rig.claim(TIER, 1).await.remove(0);
        let kind = rest_of(large, chunk);
        let (sign, fate) = if claim.job.kind.post() == Some(large) {
            ('L', Fate::Continue { kind })
        } else {
            ('s', Fate::Ack)
        };
        order.push(sign);
        if order == "LsssL" {
            jobs(&rig, 1).await;
        }
        assert!(rig.settle(&claim, fate).await);
        rig.pass_ms(1);
    }
    assert_eq!(order, "LsssLsL");
}

pub(crate) async fn a_continued_job_keeps_its_attempts(rig: Rig) {
    let posts = jobs(&rig, 1).await;
    let claim = rig.claim_one(TIER).await;
    let retry = Fate::Retry {
        at: rig.now(),
        error: "no".into(),
    };
    rig.settle(&claim, retry).await;
    let claim = rig.claim_one(TIER).await;
    assert_eq!(claim.job.attempts, 1);
    let kind = rest_of(posts[0], 10);
    rig.settle(&claim, Fate::Continue { kind }).await;
    assert_eq!(rig.claim_one(TIER).await.job.attempts, 1);
}

pub(crate) async fn a_retry_waits_for_its_moment(mut rig: Rig) {
    let posts = jobs(&rig, 2).await;
    let claim = rig.claim(TIER, 1).await.remove(0);
    let retry = Fate::Retry {
        at: rig.now().plus_ms(60_000),
        error: "no route".into(),
    };
    assert!(rig.settle(&claim, retry).await);
    assert_eq!(post_ids(&rig.claim(TIER, 10).await), posts[1..]);
    let stats = rig.store().tier_stats(TIER).await.unwrap();
    assert_eq!((stats.ready, stats.delayed, stats.in_flight), (0, 1, 1));

    rig.restart().await;
    let others = rig.claim(TIER, 10).await;
    assert_eq!(post_ids(&others), posts[1..], "also after a restart");
    rig.settle(&others[0], Fate::Ack).await;
    rig.pass_ms(60_000 - i64::from(LEASE_MS) - 1);
    assert!(rig.claim(TIER, 10).await.is_empty());
    rig.pass_ms(1);
    let again = rig.claim_one(TIER).await;
    assert_eq!((again.job.id, again.job.attempts), (claim.job.id, 1));
    assert_eq!(again.job.deadline, claim.job.deadline);
}

pub(crate) async fn a_postponed_job_comes_again_as_if_untried(mut rig: Rig) {
    jobs(&rig, 1).await;
    let claim = rig.claim_one(TIER).await;
    let postpone = Fate::Postpone {
        at: rig.now().plus_ms(60_000),
        error: "full".into(),
    };
    assert!(rig.settle(&claim, postpone).await);
    assert!(!rig.settle(&claim, Fate::Ack).await);
    rig.restart().await;
    assert!(rig.claim(TIER, 1).await.is_empty());
    rig.pass_ms(60_000);
    let again = rig.claim_one(TIER).await;
    assert_eq!(again.job, claim.job);
    assert_ne!(again.lease, claim.lease);
}

pub(crate) async fn one_poison_job_holds_up_no_other(rig: Rig) {
    let posts = jobs(&rig, 5).await;
    let mut order = Vec::new();
    for _ in 0..9 {
        let Some(claim) = rig.claim(TIER, 1).await.pop() else {
            rig.pass_ms(1_000);
            continue;
        };
        let post = claim.job.kind.post().unwrap();
        order.push(post);
        let retry = Fate::Retry {
            at: rig.now().plus_ms(1_000),
            error: "poison".into(),
        };
        let fate = if post == posts[0] { retry } else { Fate::Ack };
        assert!(rig.settle(&claim, fate).await);
    }
    assert_eq!(order[..5], posts);
    assert_eq!(order[5..], [posts[0]; 2]);
}

pub(crate) async fn a_released_job_is_claimable_at_once_and_untouched(rig: Rig) {
    jobs(&rig, 2).await;
    let claim = rig.claim(TIER, 1).await.remove(0);
    assert!(rig.settle(&claim, Fate::Release).await);
    let again = rig.claim(TIER, 1).await.remove(0);
    assert_eq!(again.job, claim.job);
    assert_ne!(again.lease, claim.lease);
    assert!(!rig.settle(&claim, Fate::Ack).await);
    assert!(rig.settle(&again, Fate::Ack).await);
}

pub(crate) async fn each_settlement_of_a_batch_is_by_itself(rig: Rig) {
    jobs(&rig, 4).await;
    let stale = rig.claim(TIER, 1).await.remove(0);
    rig.settle(&stale, Fate::Release).await;
    let claims = rig.claim(TIER, 4).await;
    let fates = [
        (&claims[1], Fate::Ack),
        (&stale, Fate::Ack),
        (&claims[2], Fate::Dead { error: "no".into() }),
        (&claims[1], Fate::Ack),
        (&claims[3], Fate::Release),
    ];
    let settlements = fates.map(|(claim, fate)| ripple_store::Settlement {
        lease: claim.lease,
        fate,
        progress: None,
    });
    let settled = rig.store().settle(settlements.to_vec()).await.unwrap();
    assert_eq!(settled, [true, false, true, false, true]);
    assert!(rig.store().settle(vec![]).await.unwrap().is_empty());
    becomes((1, 1, 1), async || {
        let stats = rig.store().tier_stats(TIER).await.unwrap();
        (stats.ready, stats.in_flight, stats.dead)
    })
    .await;
}

pub(crate) async fn two_workers_never_hold_the_same_job(rig: Rig) {
    let posts = jobs(&rig, 60).await;
    let mut workers = JoinSet::new();
    for worker in 0..6 {
        let store = rig.store().clone();
        workers.spawn(async move {
            let mut held = Vec::new();
            for round in 0..40 {
                let claims = store
                    .claim(TIER, 1 + (worker + round) % 3, LEASE_MS)
                    .await
                    .unwrap();
                held.extend(claims.into_iter().map(|claim| claim.job.id));
                tokio::task::yield_now().await;
            }
            held
        });
    }
    let held: Vec<JobId> = workers.join_all().await.into_iter().flatten().collect();
    assert_eq!(held.len(), posts.len());
    assert_eq!(BTreeSet::from_iter(held).len(), posts.len());
}

pub(crate) async fn one_who_waits_hears_of_new_jobs(rig: Rig) {
    rig.user("author").await;
    let store = rig.store().clone();
    let waiting = tokio::spawn(async move {
        loop {
            let claims = store.claim(TIER, 1, LEASE_MS).await.unwrap();
            if !claims.is_empty() {
                return claims;
            }
            store.job_ready(TIER).await;
        }
    });
    let posts = jobs(&rig, 1).await;
    let claims = timeout(Duration::from_secs(10), waiting)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(post_ids(&claims), posts);
}

pub(crate) async fn jobs_can_be_enqueued_without_a_commit(mut rig: Rig) {
    let ada = rig.user("ada").await;
    let post = rig.post(ada, "hello").await;
    rig.drop_jobs().await;
    let kinds = vec![JobKind::Index { post }, JobKind::deliver(post)];
    rig.store().enqueue(kinds).await.unwrap();
    rig.store().enqueue(vec![]).await.unwrap();
    let accepted_at = rig.now();
    rig.kill().await;
    assert_eq!(
        rig.claim_one(Tier::Public).await.job.kind,
        JobKind::Index { post }
    );
    let claim = rig.claim_one(Tier::Followers).await;
    assert_eq!(claim.job.kind, JobKind::deliver(post));
    assert_eq!(
        (claim.job.accepted_at, claim.job.trace),
        (accepted_at, None)
    );
}

/// Replayed jobs of a post, one for each of `n`.
async fn replay(rig: &Rig, post: PostId, n: usize) {
    let kinds = vec![JobKind::deliver(post); n];
    rig.store().enqueue(kinds).await.unwrap();
}

pub(crate) async fn new_posts_go_before_what_is_replayed(mut rig: Rig) {
    let ada = rig.user("ada").await;
    let old = rig.post(ada, "old").await;
    rig.drop_jobs().await;
    replay(&rig, old, 2).await;
    let large = rig.claim(TIER, 1).await.remove(0);
    let kind = rest_of(old, 1);
    assert!(rig.settle(&large, Fate::Continue { kind }).await);
    rig.pass_ms(3_600_000);
    let new = rig.post(ada, "new").await;
    rig.kill().await;
    let claims = rig.claim(TIER, 10).await;
    assert_eq!(post_ids(&claims), [new, old, old]);
    let replayed: Vec<bool> = claims.iter().map(|claim| claim.job.is_replayed()).collect();
    assert_eq!(replayed, [false, true, true]);
}

pub(crate) async fn no_post_is_refused_or_reported_late_because_of_a_replay(mut rig: Rig) {
    rig.settings.queue_limits = QueueLimits {
        jobs_max: 3,
        age_ms_max: 60_000,
    };
    rig.restart().await;
    let ada = rig.user("ada").await;
    let old = rig.post(ada, "old").await;
    rig.drop_jobs().await;
    becomes(0, async || {
        rig.store().tier_stats(TIER).await.unwrap().in_flight
    })
    .await;
    replay(&rig, old, 5).await;
    rig.pass_ms(3_600_000);
    for _ in 0..2 {
        let stats = rig.store().tier_stats(TIER).await.unwrap();
        assert_eq!((stats.ready, stats.oldest_accepted_at), (5, None));
        let complete = rig.store().complete_until(TIER).await.unwrap();
        assert_eq!(complete, rig.now().plus_ms(-1));
        rig.restart().await;
    }
    rig.post(ada, "new").await;
}

pub(crate) async fn the_rest_of_a_replay_waits_behind_its_pieces(mut rig: Rig) {
    let ada = rig.user("ada").await;
    let post = rig.post(ada, "old").await;
    rig.drop_jobs().await;
    let from = rig.now();
    let replay_after = |after| JobKind::Replay {
        tier: TIER,
        from,
        to: Timestamp::from_ms(i64::MAX),
        after,
    };
    let begun = replay_after(None);
    rig.store().enqueue(vec![begun]).await.unwrap();
    rig.kill().await;
    let claim = rig.claim_one(TIER).await;
    assert_eq!((claim.job.kind, claim.job.kind.post()), (begun, None));
    replay(&rig, post, 2).await;
    let kind = replay_after(Some(post));
    assert!(rig.settle(&claim, Fate::Continue { kind }).await);
    let claims = rig.claim(TIER, 10).await;
    let kinds: Vec<JobKind> = claims.iter().map(|claim| claim.job.kind).collect();
    assert_eq!(
        kinds,
        [JobKind::deliver(post), JobKind::deliver(post), kind]
    );

    // It can be given up, and goes on where it was.
    let error = "no".to_owned();
    assert!(rig.settle(&claims[2], Fate::Dead { error }).await);
    becomes(1, async || {
        rig.store().replay_dead(TIER, None).await.unwrap()
    })
    .await;
    assert_eq!(rig.claim_one(TIER).await.job.kind, kind);
}
