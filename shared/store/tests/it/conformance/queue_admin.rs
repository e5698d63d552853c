//! The queue's administration: figures, pause, dead letters, the bound on the backlog.

use ripple_domain::{JobId, JobKind, PostId, Tier, UserId};
use ripple_store::{CommitError, DeadJob, Fate, PostCommit, QueueLimits, TierStats};

use crate::harness::{Rig, START, becomes, new_post};

const TIER: Tier = Tier::Followers;

async fn stats(rig: &Rig) -> TierStats {
    rig.store().tier_stats(TIER).await.unwrap()
}

async fn counts(rig: &Rig) -> (u64, u64, u64, u64) {
    let stats = stats(rig).await;
    (stats.ready, stats.delayed, stats.in_flight, stats.dead)
}

/// Posts, and gives up what it causes in the followers tier; the dead job's id.
async fn dead(rig: &Rig, author: UserId) -> JobId {
    rig.post(author, "hello").await;
    let claim = rig.claim_one(TIER).await;
    let fate = Fate::Dead {
        error: format!("failed with {}", claim.job.id),
    };
    assert!(rig.settle(&claim, fate).await);
    becomes(true, async || dead_ids(rig).await.contains(&claim.job.id)).await;
    claim.job.id
}

async fn dead_ids(rig: &Rig) -> Vec<JobId> {
    let dead = rig.store().dead_jobs(TIER, None, 100).await.unwrap();
    dead.iter().map(|dead| dead.job.id).collect()
}

pub(crate) async fn the_figures_follow_the_jobs(mut rig: Rig) {
    let author = rig.user("author").await;
    becomes((0, 0, 0, 0), async || counts(&rig).await).await;
    assert_eq!(stats(&rig).await.oldest_accepted_at, None);
    let start = rig.now();
    for _ in 0..5 {
        rig.post(author, "hello").await;
        rig.pass_ms(10);
    }
    let claims = rig.claim(TIER, 4).await;
    rig.settle(&claims[0], Fate::Ack).await;
    let dead = Fate::Dead { error: "no".into() };
    rig.settle(&claims[1], dead).await;
    let retry = Fate::Retry {
        at: rig.now().plus_ms(60_000),
        error: "no".into(),
    };
    rig.settle(&claims[2], retry).await;
    becomes((1, 1, 1, 1), async || counts(&rig).await).await;
    let now = stats(&rig).await;
    assert_eq!((now.tier, now.paused), (TIER, false));
    assert!(now.done_per_s > 0.0);
    assert_eq!(
        now.oldest_accepted_at,
        Some(start.plus_ms(20)),
        "a delayed job counts"
    );

    rig.restart().await;
    becomes((2, 1, 0, 1), async || counts(&rig).await).await;
    assert_eq!(
        stats(&rig).await.oldest_accepted_at,
        Some(start.plus_ms(20))
    );
}

/// What was accepted before `oldest_accepted_at` is done, so a job counts from its commit to its
/// settlement, in whatever state.
pub(crate) async fn the_oldest_job_counts_until_it_is_settled(rig: Rig) {
    let author = rig.user("author").await;
    let accepted_at = rig.now();
    let post = rig.post(author, "old").await;
    rig.pass_ms(1_000);
    rig.post(author, "new").await;
    let mut claim = rig.claim(TIER, 1).await.remove(0);
    let kind = JobKind::deliver(post);
    for fate in [Fate::Release, Fate::Continue { kind }] {
        assert_eq!(
            stats(&rig).await.oldest_accepted_at,
            Some(accepted_at),
            "claimed"
        );
        rig.settle(&claim, fate).await;
        assert_eq!(
            stats(&rig).await.oldest_accepted_at,
            Some(accepted_at),
            "put back"
        );
        let claims = rig.claim(TIER, 2).await;
        claim = claims
            .iter()
            .find(|claim| claim.job.kind.post() == Some(post))
            .unwrap()
            .clone();
        for other in claims.iter().filter(|other| other.lease != claim.lease) {
            rig.settle(other, Fate::Release).await;
        }
    }
    rig.settle(&claim, Fate::Dead { error: "no".into() }).await;
    becomes(Some(accepted_at.plus_ms(1_000)), async || {
        stats(&rig).await.oldest_accepted_at
    })
    .await;
}

pub(crate) async fn a_tier_is_complete_up_to_its_oldest_job(rig: Rig) {
    let author = rig.user("author").await;
    let complete_until = async || rig.store().complete_until(TIER).await.unwrap();
    rig.pass_ms(10);
    assert!(complete_until().await >= START && complete_until().await < rig.now());
    for (round, fate) in [Fate::Ack, Fate::Dead { error: "no".into() }]
        .into_iter()
        .enumerate()
    {
        rig.pass_ms(10);
        let accepted_at = rig.now();
        rig.post(author, "hello").await;
        rig.pass_ms(10);
        assert!(
            complete_until().await < accepted_at,
            "round {round}: it waits"
        );
        let claim = rig.claim_one(TIER).await;
        rig.pass_ms(10);
        assert!(
            complete_until().await < accepted_at,
            "round {round}: it is claimed"
        );
        rig.settle(&claim, fate).await;
        becomes(true, async || complete_until().await >= accepted_at).await;
    }
}

pub(crate) async fn latencies_count_from_accept_to_done(rig: Rig) {
    let author = rig.user("author").await;
    for latency_ms in [10, 10, 10, 400] {
        rig.post(author, "hello").await;
        let claim = rig.claim_one(TIER).await;
        rig.pass_ms(latency_ms);
        rig.settle(&claim, Fate::Ack).await;
        becomes((0, 0, 0, 0), async || counts(&rig).await).await;
    }
    let latency = stats(&rig).await.latency_ms;
    // Histograms keep two digits.
    assert!((9..=11).contains(&latency.p50), "{latency:?}");
    assert!(
        (390..=410).contains(&latency.max) && latency.p99 <= latency.max,
        "{latency:?}"
    );
    rig.pass_ms(120_000);
    let later = stats(&rig).await;
    assert_eq!(
        (later.done_per_s, later.latency_ms.max),
        (0.0, 0),
        "of the last minute"
    );
}

pub(crate) async fn a_paused_tier_hands_out_nothing(mut rig: Rig) {
    let author = rig.user("author").await;
    let claim = {
        rig.post(author, "before").await;
        rig.claim_one(TIER).await
    };
    rig.store().pause(TIER, true).await.unwrap();
    rig.store().pause(TIER, true).await.unwrap();
    assert!(rig.settle(&claim, Fate::Ack).await, "leases in force stay");
    rig.post(author, "meanwhile").await;
    assert!(
        !rig.claim(Tier::Public, 10).await.is_empty(),
        "the other tier goes on"
    );
    for _ in 0..2 {
        assert!(stats(&rig).await.paused);
        assert!(rig.claim(TIER, 10).await.is_empty());
        rig.kill().await;
    }
    rig.store().pause(TIER, false).await.unwrap();
    rig.restart().await;
    assert!(!stats(&rig).await.paused);
    rig.claim_one(TIER).await;
}

pub(crate) async fn dead_letters_are_listed_newest_first(mut rig: Rig) {
    let author = rig.user("author").await;
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.insert(0, dead(&rig, author).await);
        rig.pass_ms(10);
    }
    let newest = rig
        .store()
        .dead_jobs(TIER, None, 1)
        .await
        .unwrap()
        .remove(0);
    rig.restart().await;
    assert_eq!(dead_ids(&rig).await, ids);
    becomes((0, 0, 0, 5), async || counts(&rig).await).await;
    let page = rig.store().dead_jobs(TIER, Some(ids[1]), 2).await.unwrap();
    assert_eq!(
        page.iter().map(|dead| dead.job.id).collect::<Vec<_>>(),
        ids[2..4]
    );
    assert!(
        rig.store()
            .dead_jobs(Tier::Public, None, 10)
            .await
            .unwrap()
            .is_empty()
    );

    let DeadJob {
        job,
        error,
        dead_at,
    } = &newest;
    assert_eq!(
        rig.store().dead_jobs(TIER, None, 1).await.unwrap()[0],
        newest
    );
    assert_eq!(
        (job.id, error.as_str()),
        (ids[0], &*format!("failed with {}", ids[0]))
    );
    assert_eq!(
        (job.kind, *dead_at),
        (JobKind::deliver(job.kind.post().unwrap()), job.accepted_at)
    );
    assert!(rig.claim(TIER, 10).await.is_empty());
}

pub(crate) async fn a_replayed_dead_letter_begins_anew(mut rig: Rig) {
    let author = rig.user("author").await;
    let post = rig.post(author, "hello").await;
    let claim = rig.claim_one(TIER).await;
    let retry = Fate::Retry {
        at: rig.now(),
        error: "no".into(),
    };
    rig.settle(&claim, retry).await;
    let claim = rig.claim_one(TIER).await;
    rig.settle(&claim, Fate::Dead { error: "no".into() }).await;
    // Long past its use: a replay must not expire at once.
    rig.pass_ms(30 * 86_400_000);
    let replayed_at = rig.now();
    let replayed = rig
        .store()
        .replay_dead(TIER, Some(claim.job.id))
        .await
        .unwrap();
    assert_eq!(replayed, 1);
    rig.kill().await;
    assert!(dead_ids(&rig).await.is_empty());
    let again = rig.claim_one(TIER).await;
    assert_eq!(
        (again.job.kind, again.job.attempts),
        (JobKind::deliver(post), 0)
    );
    assert!(again.job.expires_at >= replayed_at.plus_ms(TIER.useful_ms()));
    assert!(rig.settle(&again, Fate::Ack).await);
    assert_eq!(
        rig.store()
            .replay_dead(TIER, Some(claim.job.id))
            .await
            .unwrap(),
        0
    );
}

pub(crate) async fn dead_letters_are_replayed_and_purged_one_or_all(mut rig: Rig) {
    let author = rig.user("author").await;
    let mut ids = Vec::new();
    for _ in 0..6 {
        ids.push(dead(&rig, author).await);
    }
    let store = rig.store();
    assert_eq!(store.purge_dead(TIER, Some(ids[0])).await.unwrap(), 1);
    assert_eq!(store.purge_dead(TIER, Some(ids[0])).await.unwrap(), 0);
    assert_eq!(store.replay_dead(TIER, Some(ids[1])).await.unwrap(), 1);
    assert_eq!(
        store.replay_dead(Tier::Public, None).await.unwrap(),
        0,
        "of that tier alone"
    );
    assert_eq!(store.purge_dead(Tier::Public, None).await.unwrap(), 0);
    becomes((1, 0, 0, 4), async || counts(&rig).await).await;
    assert_eq!(store.replay_dead(TIER, None).await.unwrap(), 4);
    becomes((5, 0, 0, 0), async || counts(&rig).await).await;
    for claim in rig.claim(TIER, 10).await {
        rig.settle(
            &claim,
            Fate::Dead {
                error: "again".into(),
            },
        )
        .await;
    }
    becomes((0, 0, 0, 5), async || counts(&rig).await).await;
    assert_eq!(store.purge_dead(TIER, None).await.unwrap(), 5);
    rig.restart().await;
    becomes((0, 0, 0, 0), async || counts(&rig).await).await;
    assert!(dead_ids(&rig).await.is_empty());
}

async fn try_post(rig: &Rig, author: UserId) -> Result<PostId, CommitError> {
    let commit = PostCommit {
        post: new_post(author, "hello"),
        idempotency: None,
        trace: None,
    };
    let committed = rig.store().create_post(commit).await?;
    Ok(committed.value.id)
}

fn assert_backlog(refused: Result<PostId, CommitError>) {
    match refused {
        Err(CommitError::Backlog { retry_after_s, .. }) => assert!(retry_after_s >= 1),
        other => panic!("not refused: {other:?}"),
    }
}

pub(crate) async fn posts_are_refused_while_the_backlog_has_too_many_jobs(mut rig: Rig) {
    rig.settings.queue_limits = QueueLimits {
        jobs_max: 3,
        ..QueueLimits::default()
    };
    rig.restart().await;
    let author = rig.user("author").await;
    let mut accepted = Vec::new();
    for _ in 0..3 {
        accepted.insert(0, try_post(&rig, author).await.unwrap());
    }
    assert_backlog(try_post(&rig, author).await);
    let claims = rig.claim(TIER, 1).await;
    assert_backlog(try_post(&rig, author).await);
    assert_eq!(
        rig.timeline_of(author).await,
        accepted,
        "nothing of it has happened"
    );
    assert_eq!(rig.store().user_counts(author).await.unwrap().posts, 3);
    // What is no post is not refused.
    rig.user("other").await;
    rig.rewrite(author, accepted[0], "edited").await;
    rig.delete(accepted[0]).await;

    for tier in [Tier::Public, TIER] {
        for claim in rig.claim(tier, 10).await {
            rig.settle(&claim, Fate::Ack).await;
        }
    }
    rig.settle(&claims[0], Fate::Ack).await;
    becomes(true, async || try_post(&rig, author).await.is_ok()).await;
}

pub(crate) async fn a_job_that_goes_on_failing_keeps_no_posts_out(mut rig: Rig) {
    rig.settings.queue_limits = QueueLimits {
        age_ms_max: 60_000,
        ..QueueLimits::default()
    };
    rig.restart().await;
    let author = rig.user("author").await;
    let poison = try_post(&rig, author).await.unwrap();
    for claim in rig.claim(Tier::Public, 10).await {
        rig.settle(&claim, Fate::Ack).await;
    }
    let claim = rig.claim_one(TIER).await;
    let retry = Fate::Retry {
        at: rig.now().plus_ms(120_000),
        error: "poison".into(),
    };
    rig.settle(&claim, retry).await;
    rig.pass_ms(61_000);
    becomes(true, async || {
        rig.store()
            .tier_stats(Tier::Public)
            .await
            .unwrap()
            .oldest_accepted_at
            .is_none()
    })
    .await;
    try_post(&rig, author).await.unwrap();
    // A worker that died with it counts as an attempt, and one that works on it changes nothing.
    rig.pass_ms(59_000);
    let again = rig.claim(TIER, 1).await;
    assert_eq!(again[0].job.kind.post(), Some(poison));
    try_post(&rig, author).await.unwrap();
}

pub(crate) async fn posts_are_refused_while_the_backlog_is_too_old(mut rig: Rig) {
    rig.settings.queue_limits = QueueLimits {
        age_ms_max: 60_000,
        ..QueueLimits::default()
    };
    rig.restart().await;
    let author = rig.user("author").await;
    try_post(&rig, author).await.unwrap();
    rig.pass_ms(59_999);
    try_post(&rig, author).await.unwrap();
    rig.pass_ms(2);
    assert_backlog(try_post(&rig, author).await);
    rig.drain().await;
    becomes(true, async || try_post(&rig, author).await.is_ok()).await;
}

/// An answer that was promised with an idempotency key is given whatever the backlog is.
pub(crate) async fn a_repeated_post_is_answered_past_the_bound(mut rig: Rig) {
    rig.settings.queue_limits = QueueLimits {
        jobs_max: 1,
        ..QueueLimits::default()
    };
    rig.restart().await;
    let author = rig.user("author").await;
    let commit = || PostCommit {
        post: new_post(author, "hello"),
        idempotency: Some(ripple_store::Idempotency {
            key: [1; 32],
            request: [1; 32],
        }),
        trace: None,
    };
    let first = rig.store().create_post(commit()).await.unwrap();
    let again = rig.store().create_post(commit()).await.unwrap();
    assert_eq!((again.value, again.replayed), (first.value, true));
}
