//! Receipts: how far each tier has come with a post.

use std::time::Duration;

use ripple_domain::{Receipt, Stage, StageState, Tier, Topic, Visibility};
use ripple_store::{Fate, StageProgress};
use tokio::time::timeout;

use crate::harness::{Rig, becomes, new_post};

async fn receipt(rig: &Rig, post: ripple_domain::PostId) -> Receipt {
    rig.store().receipt(post).await.unwrap().unwrap()
}

pub(crate) async fn a_receipt_follows_its_post_through_the_tiers(mut rig: Rig) {
    let ada = rig.user("ada").await;
    // The request came some time before its commit.
    let mut new = new_post(ada, "hello");
    let accepted_at = rig.now().plus_ms(-7);
    new.received_at = accepted_at;
    let post = rig.commit(new).await.value.id;
    let first = receipt(&rig, post).await;
    assert_eq!((first.post, first.accepted_at), (post, accepted_at));
    assert_eq!(
        first.author.state,
        StageState::Done,
        "the commit has returned"
    );
    assert_eq!((first.author.total, first.author.delivered), (1, 1));
    assert_eq!(first.author.started_at, Some(accepted_at));
    assert!(first.author.done_at >= Some(rig.now()), "at the commit");
    assert_eq!(first.followers.state, StageState::Pending);
    assert_eq!(
        (first.public.state, first.pages),
        (StageState::Pending, vec![])
    );

    let claim = rig.claim_one(Tier::Followers).await;
    let author_done_at = claim.durable_at;
    for (state, delivered, done_at) in [
        (StageState::Running, 2, None),
        (StageState::Done, 5, Some(rig.now().plus_ms(7))),
    ] {
        let stage = Stage {
            state,
            total: 5,
            delivered,
            started_at: Some(rig.now()),
            done_at,
        };
        let progress = StageProgress {
            author_done_at,
            stage: stage.clone(),
        };
        let claim = if state == StageState::Running {
            claim.clone()
        } else {
            rig.claim_one(Tier::Followers).await
        };
        let fate = match state {
            StageState::Done => Fate::Ack,
            _ => Fate::Continue {
                kind: claim.job.kind,
            },
        };
        assert!(rig.settle_with(&claim, fate, Some(progress)).await);
        becomes((stage, Some(author_done_at)), async || {
            let now = receipt(&rig, post).await;
            (now.followers, now.author.done_at)
        })
        .await;
    }
    rig.drain().await;
    rig.restart().await;
    let last = receipt(&rig, post).await;
    assert_eq!(
        (last.accepted_at, last.author.state),
        (accepted_at, StageState::Done)
    );
    assert_eq!(
        (last.followers.state, last.followers.delivered),
        (StageState::Done, 5)
    );
    assert_eq!(last.public.state, StageState::Done);
    assert!(last.pages.contains(&Topic::Public));
}

pub(crate) async fn a_settlement_without_progress_leaves_the_receipt(rig: Rig) {
    let ada = rig.user("ada").await;
    let post = rig.post(ada, "hello").await;
    let claim = rig.claim_one(Tier::Followers).await;
    let before = receipt(&rig, post).await;
    rig.settle(&claim, Fate::Release).await;
    assert_eq!(receipt(&rig, post).await.followers, before.followers);
}

pub(crate) async fn the_public_tier_is_skipped_for_what_is_not_listed(mut rig: Rig) {
    let ada = rig.user("ada").await;
    for visibility in [
        Visibility::Unlisted,
        Visibility::Followers,
        Visibility::Direct,
    ] {
        let mut post = new_post(ada, "hello");
        post.visibility = visibility;
        let post = rig.commit(post).await.value.id;
        for _ in 0..2 {
            let receipt = receipt(&rig, post).await;
            assert_eq!(
                (receipt.public.state, receipt.pages),
                (StageState::Skipped, vec![])
            );
            assert_eq!(receipt.author.state, StageState::Done);
            rig.restart().await;
        }
    }
}

pub(crate) async fn a_stage_dies_with_its_job(mut rig: Rig) {
    let ada = rig.user("ada").await;
    let post = rig.post(ada, "hello").await;
    for tier in Tier::ALL {
        let claim = rig.claim_one(tier).await;
        assert!(rig.settle(&claim, Fate::Dead { error: "no".into() }).await);
    }
    rig.restart().await;
    let dead = receipt(&rig, post).await;
    assert_eq!(
        (dead.followers.state, dead.public.state),
        (StageState::Dead, StageState::Dead)
    );
    assert_eq!(dead.author.state, StageState::Done);

    for tier in Tier::ALL {
        rig.store().replay_dead(tier, None).await.unwrap();
    }
    rig.drain().await;
    becomes((StageState::Done, StageState::Done), async || {
        let done = receipt(&rig, post).await;
        (done.followers.state, done.public.state)
    })
    .await;
}

pub(crate) async fn where_there_is_no_post_there_is_no_receipt(rig: Rig) {
    let ada = rig.user("ada").await;
    assert_eq!(
        rig.store().receipt(ripple_domain::PostId(7)).await.unwrap(),
        None
    );
    let post = rig.post(ada, "hello").await;
    rig.drain().await;
    rig.delete(post).await;
    assert_eq!(rig.store().receipt(post).await.unwrap(), None);
    rig.drain().await;
    assert_eq!(rig.store().receipt(post).await.unwrap(), None);
}

pub(crate) async fn the_pages_of_a_receipt_are_those_that_show_the_post(rig: Rig) {
    let ada = rig.user("ada").await;
    let post = rig.post(ada, "hello").await;
    rig.drain().await;
    assert!(receipt(&rig, post).await.pages.contains(&Topic::Public));
    rig.show_to(ada, post, Visibility::Unlisted).await;
    rig.drain().await;
    assert!(receipt(&rig, post).await.pages.is_empty());
}

pub(crate) async fn who_waits_for_a_delivery_hears_of_it(rig: Rig) {
    let ada = rig.user("ada").await;
    let post = rig.post(ada, "hello").await;
    let mut waiting = tokio::task::JoinSet::new();
    for tier in [Tier::Followers, Tier::Public, Tier::Followers] {
        let store = rig.store().clone();
        waiting.spawn(async move { store.delivered(post, tier).await });
    }
    // One who stops waiting takes nothing from the others.
    for tier in Tier::ALL {
        let early = timeout(Duration::from_millis(20), rig.store().delivered(post, tier)).await;
        assert!(early.is_err(), "{tier} is not done yet");
    }
    rig.drain().await;
    timeout(Duration::from_secs(10), waiting.join_all())
        .await
        .unwrap();
    for tier in Tier::ALL {
        let at_once = timeout(Duration::from_secs(10), rig.store().delivered(post, tier)).await;
        assert!(at_once.is_ok(), "{tier}");
    }
    let done = receipt(&rig, post).await;
    assert_eq!(
        done.followers.state,
        StageState::Done,
        "it shows in the receipt"
    );
    assert_eq!(done.public.state, StageState::Done);
}

/// Each of many posts is waited for while a worker does its jobs: no wake-up is lost between the look
/// and the wait.
pub(crate) async fn no_delivery_is_missed(rig: Rig) {
    let ada = rig.user("ada").await;
    for _ in 0..30 {
        let post = rig.post(ada, "hello").await;
        let store = rig.store().clone();
        let waiting = tokio::spawn(async move { store.delivered(post, Tier::Followers).await });
        rig.drain().await;
        timeout(Duration::from_secs(10), waiting)
            .await
            .unwrap()
            .unwrap();
    }
}
