//! A store from its opening to its end.

use std::time::Duration;

use ripple_domain::RelationKind;
use ripple_store::{CommitError, PostCommit, StoreError};
use tokio::time::timeout;

use crate::harness::{Rig, START, new_post, new_user, token};

fn assert_unavailable<T: std::fmt::Debug>(result: Result<T, CommitError>) {
    let is_unavailable = matches!(
        result,
        Err(CommitError::Store(StoreError::Unavailable { .. }))
    );
    assert!(is_unavailable, "{result:?}");
}

pub(crate) async fn a_store_tells_the_time_of_its_clock(rig: Rig) {
    assert_eq!(rig.store().clock().now(), START);
    rig.pass_ms(5);
    assert_eq!(rig.store().clock().now(), START.plus_ms(5));
}

pub(crate) async fn a_sound_store_is_ready_and_has_not_failed(rig: Rig) {
    rig.store().ready().await.unwrap();
    rig.store().housekeep().await.unwrap();
    let failed = timeout(Duration::from_millis(20), rig.store().failed()).await;
    assert!(failed.is_err(), "{failed:?}");
}

pub(crate) async fn a_closed_store_commits_nothing(mut rig: Rig) {
    let [ada, bob] = rig.users().await;
    let post = rig.post(ada, "before").await;
    let store = rig.store();
    store.close().await;
    store.close().await;
    let commit = PostCommit {
        post: new_post(ada, "after"),
        idempotency: None,
        trace: None,
    };
    assert_unavailable(store.create_post(commit).await);
    assert_unavailable(
        store
            .create_user(new_user("late"), token("late"), None)
            .await,
    );
    assert_unavailable(store.relate(ada, RelationKind::Follow, bob, true).await);
    assert_unavailable(store.delete_post(post, None, None).await);
    rig.restart().await;
    assert_eq!(rig.timeline_of(ada).await, [post]);
    assert!(rig.store().followees(ada).await.unwrap().is_empty());
    rig.post(ada, "after").await;
}

pub(crate) async fn what_was_handed_over_is_durable_when_a_store_is_closed(mut rig: Rig) {
    let ada = rig.user("ada").await;
    let posts = rig.posts(ada, 5).await;
    rig.drain().await;
    rig.store().close().await;
    rig.kill().await;
    assert_eq!(rig.timeline_of(ada).await, posts);
    for tier in ripple_domain::Tier::ALL {
        assert!(
            rig.claim(tier, 10).await.is_empty(),
            "settled before the end"
        );
    }
}

/// Commits from all sides at once, with a crash in the middle: what was acknowledged is there.
pub(crate) async fn a_crash_under_load_loses_nothing_that_was_acknowledged(mut rig: Rig) {
    let authors: [_; 4] = rig.users().await;
    let mut tasks = tokio::task::JoinSet::new();
    let acknowledged = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    for author in authors {
        let (store, acknowledged) = (rig.store().clone(), acknowledged.clone());
        tasks.spawn(async move {
            loop {
                let commit = PostCommit {
                    post: new_post(author, "hello"),
                    idempotency: None,
                    trace: None,
                };
                let post = store.create_post(commit).await.unwrap().value.id;
                acknowledged.lock().unwrap().push((author, post));
            }
        });
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    let before: Vec<_> = acknowledged.lock().unwrap().clone();
    rig.kill().await;
    tasks.shutdown().await;
    assert!(!before.is_empty());
    for author in authors {
        let timeline = rig.timeline_of(author).await;
        assert!(
            before
                .iter()
                .filter(|(by, _)| *by == author)
                .all(|(_, post)| timeline.contains(post))
        );
        let posts = rig.store().posts(&timeline).await.unwrap();
        assert!(
            posts.iter().all(Option::is_some),
            "no commit exists in half"
        );
        let counts = rig.store().user_counts(author).await.unwrap();
        assert_eq!(counts.posts, timeline.len() as u64);
    }
}
