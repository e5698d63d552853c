//! Idempotency keys: the same request gives the same answer, and one effect.

use std::sync::Arc;

use ripple_domain::{NewPost, Post, PostId, Tier};
use ripple_store::{CommitError, Committed, Idempotency, PostCommit};
use tokio::task::JoinSet;

use crate::harness::{Rig, new_post, new_user, token};

const HOUR_MS: i64 = 3_600_000;

const fn key(key: u8, request: u8) -> Option<Idempotency> {
    Some(Idempotency {
        key: [key; 32],
        request: [request; 32],
    })
}

async fn create(
    rig: &Rig,
    post: NewPost,
    idempotency: Option<Idempotency>,
) -> Result<Committed<Arc<Post>>, CommitError> {
    let commit = PostCommit {
        post,
        idempotency,
        trace: None,
    };
    rig.store().create_post(commit).await
}

pub(crate) async fn a_repeated_post_gets_the_first_answer_and_has_one_effect(mut rig: Rig) {
    let ada = rig.user("ada").await;
    let first = create(&rig, new_post(ada, "hello"), key(1, 1))
        .await
        .unwrap();
    assert!(!first.replayed);
    for restart in [false, true, false] {
        if restart {
            rig.kill().await;
        }
        let again = create(&rig, new_post(ada, "hello"), key(1, 1))
            .await
            .unwrap();
        assert!(again.replayed);
        assert_eq!(again.value, first.value);
        assert_eq!(rig.timeline_of(ada).await, [first.value.id]);
        assert_eq!(rig.store().user_counts(ada).await.unwrap().posts, 1);
        for tier in Tier::ALL {
            let stats = rig.store().tier_stats(tier).await.unwrap();
            assert_eq!(stats.ready, 1, "{tier}");
        }
    }
}

pub(crate) async fn the_answer_is_as_it_was_then(rig: Rig) {
    let ada = rig.user("ada").await;
    let first = create(&rig, new_post(ada, "hello"), key(1, 1))
        .await
        .unwrap();
    rig.rewrite(ada, first.value.id, "goodbye").await;
    let again = create(&rig, new_post(ada, "hello"), key(1, 1))
        .await
        .unwrap();
    assert_eq!((again.value, again.replayed), (first.value.clone(), true));
    rig.delete(first.value.id).await;
    let again = create(&rig, new_post(ada, "hello"), key(1, 1))
        .await
        .unwrap();
    assert_eq!((again.value, again.replayed), (first.value, true));
}

pub(crate) async fn a_repeated_user_is_the_one_who_was_created_then(mut rig: Rig) {
    let create = async |rig: &Rig, name: &str, idempotency| {
        rig.store()
            .create_user(new_user("ada"), token(name), idempotency)
            .await
    };
    let first = create(&rig, "ada", key(1, 1)).await.unwrap();
    rig.restart().await;
    let again = create(&rig, "other", key(1, 1)).await.unwrap();
    assert_eq!((again.value.id, again.replayed), (first.value.id, true));
    assert!(matches!(
        create(&rig, "ada", key(1, 2)).await,
        Err(CommitError::IdempotencyMismatch)
    ));
    assert!(matches!(
        create(&rig, "ada", key(2, 1)).await,
        Err(CommitError::HandleTaken)
    ));
}

pub(crate) async fn another_request_with_the_key_is_refused(mut rig: Rig) {
    let ada = rig.user("ada").await;
    let first = create(&rig, new_post(ada, "hello"), key(1, 1))
        .await
        .unwrap();
    for _ in 0..2 {
        let other = create(&rig, new_post(ada, "goodbye"), key(1, 2)).await;
        assert!(
            matches!(other, Err(CommitError::IdempotencyMismatch)),
            "{other:?}"
        );
        assert_eq!(rig.timeline_of(ada).await, [first.value.id]);
        rig.restart().await;
    }
    let other = create(&rig, new_post(ada, "goodbye"), key(2, 2))
        .await
        .unwrap();
    assert!(!other.replayed);
}

pub(crate) async fn a_refused_request_does_not_use_up_its_key(rig: Rig) {
    rig.user("ada").await;
    let refused = rig
        .store()
        .create_user(new_user("ada"), token("b"), key(1, 1))
        .await;
    assert!(matches!(refused, Err(CommitError::HandleTaken)));
    let made = rig
        .store()
        .create_user(new_user("bob"), token("b"), key(1, 2))
        .await;
    assert!(!made.unwrap().replayed);
}

pub(crate) async fn of_many_with_one_key_one_has_an_effect(rig: Rig) {
    let ada = rig.user("ada").await;
    let mut requests = JoinSet::new();
    for _ in 0..32 {
        let store = rig.store().clone();
        requests.spawn(async move {
            let post = new_post(ada, "hello");
            let commit = PostCommit {
                post,
                idempotency: key(1, 1),
                trace: None,
            };
            store.create_post(commit).await.unwrap()
        });
    }
    let answers = requests.join_all().await;
    assert_eq!(answers.iter().filter(|answer| !answer.replayed).count(), 1);
    let ids: Vec<PostId> = rig.timeline_of(ada).await;
    assert_eq!(ids.len(), 1);
    assert!(answers.iter().all(|answer| answer.value.id == ids[0]));
}

pub(crate) async fn a_key_is_kept_for_a_day_and_then_forgotten(mut rig: Rig) {
    let ada = rig.user("ada").await;
    let first = create(&rig, new_post(ada, "hello"), key(1, 1))
        .await
        .unwrap();
    rig.drop_jobs().await;
    rig.restart().await;
    rig.pass_ms(24 * HOUR_MS - 10_000);
    rig.store().housekeep().await.unwrap();
    let again = create(&rig, new_post(ada, "hello"), key(1, 1))
        .await
        .unwrap();
    assert_eq!((again.value.id, again.replayed), (first.value.id, true));

    rig.pass_ms(10_001);
    rig.store().housekeep().await.unwrap();
    let second = create(&rig, new_post(ada, "other"), key(1, 2))
        .await
        .unwrap();
    assert!(!second.replayed);

    // What is forgotten of the first use leaves the second one alone.
    rig.restart().await;
    rig.store().housekeep().await.unwrap();
    let again = create(&rig, new_post(ada, "other"), key(1, 2))
        .await
        .unwrap();
    assert_eq!((again.value.id, again.replayed), (second.value.id, true));
}
