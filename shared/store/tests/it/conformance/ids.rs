//! Post ids: unique and growing within a partition, whatever the clock does.

use std::collections::{BTreeMap, BTreeSet};

use ripple_domain::{PARTITIONS, Partition, PostId, UserId};
use ripple_store::PostCommit;
use tokio::task::JoinSet;

use crate::harness::{Rig, new_post};

pub(crate) async fn an_id_tells_when_and_where_it_was_made(rig: Rig) {
    let [_, bob] = rig.users().await;
    rig.pass_ms(777);
    let id = rig.post(bob, "hello").await;
    assert_eq!((id.time(), id.partition()), (rig.now(), bob.partition()));
}

pub(crate) async fn ids_are_unique_and_grow_under_concurrency(rig: Rig) {
    // The first and the last user share a partition.
    let mut authors = Vec::new();
    for index in 0..=PARTITIONS {
        authors.push(rig.user(&format!("user_{index}")).await);
    }
    let mut tasks = JoinSet::new();
    for author in [
        authors[0],
        authors[1],
        authors[usize::from(PARTITIONS)],
        authors[0],
    ] {
        let store = rig.store().clone();
        tasks.spawn(async move {
            let mut ids = Vec::new();
            for _ in 0..100 {
                let commit = PostCommit {
                    post: new_post(author, "hello"),
                    idempotency: None,
                    trace: None,
                };
                ids.push(store.create_post(commit).await.unwrap().value.id);
            }
            (author, ids)
        });
    }
    let mut all = BTreeSet::new();
    for (author, ids) in tasks.join_all().await {
        assert!(ids.is_sorted_by(|a, b| a < b), "{author}: {ids:?}");
        assert!(ids.iter().all(|id| id.partition() == author.partition()));
        all.extend(ids);
    }
    assert_eq!(all.len(), 400);
}

pub(crate) async fn ids_grow_whatever_the_clock_does(mut rig: Rig) {
    let [ada, bob] = rig.users().await;
    let mut newest: BTreeMap<Partition, PostId> = BTreeMap::new();
    let drifts = [0, 5, -10_000, 0, 1, -1, 20_000, -30_000, 0, -3_600_000, 1];
    for (step, drift) in drifts.into_iter().enumerate() {
        rig.pass_ms(drift);
        match step {
            4 => rig.kill().await,
            8 => rig.restart().await,
            _ => {}
        }
        for author in [ada, bob] {
            // More than the sequence of one millisecond holds.
            let count = if step % 4 == 1 { 70 } else { 2 };
            for _ in 0..count {
                let id = rig.post(author, "hello").await;
                let before = newest.insert(author.partition(), id);
                assert!(Some(id) > before, "step {step}: {id} after {before:?}");
            }
        }
    }
    let timeline = rig.timeline_of(ada).await;
    assert!(timeline.is_sorted_by(|a, b| a > b));
    assert_eq!(
        timeline.len() as u64,
        rig.store().user_counts(ada).await.unwrap().posts
    );
}

pub(crate) async fn a_deleted_id_is_not_made_again(mut rig: Rig) {
    let ada = rig.user("ada").await;
    let id = rig.post(ada, "hello").await;
    rig.delete(id).await;
    rig.pass_ms(-10_000);
    rig.restart().await;
    assert!(rig.post(ada, "again").await > id);
}

pub(crate) async fn a_post_of_an_earlier_time_gets_an_id_of_that_time(mut rig: Rig) {
    let [ada, bob] = rig.users().await;
    let newer = rig.post(ada, "now").await;
    let before = rig.now().plus_ms(-1_000_000);
    let backdated = async |rig: &Rig, author: UserId| {
        let mut post = new_post(author, "then");
        post.created_at = Some(before);
        rig.commit(post).await.value
    };
    let mut ids = Vec::new();
    for restart in [false, false, true] {
        if restart {
            rig.kill().await;
        }
        let post = backdated(&rig, ada).await;
        assert_eq!((post.created_at(), post.accepted_at), (before, rig.now()));
        ids.insert(0, post.id);
    }
    assert_ne!(backdated(&rig, bob).await.id, ids[0]);
    ids.insert(0, newer);
    assert_eq!(rig.timeline_of(ada).await, ids, "in the order of ids");
    assert!(rig.post(ada, "now").await > newer);
}

pub(crate) async fn more_posts_of_one_time_than_a_millisecond_holds(rig: Rig) {
    let ada = rig.user("ada").await;
    let then = rig.now().plus_ms(-1_000_000);
    let mut ids = BTreeSet::new();
    for _ in 0..150 {
        let mut post = new_post(ada, "then");
        post.created_at = Some(then);
        let id = rig.commit(post).await.value.id;
        assert!(
            id.time() >= then && id.time() <= then.plus_ms(2),
            "{}",
            id.time()
        );
        ids.insert(id);
    }
    assert_eq!(ids.len(), 150);
}
