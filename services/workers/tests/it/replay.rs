//! Posts that go through a tier again.

use std::collections::HashSet;

use ripple_domain::{PostId, Tier, Timestamp};
use ripple_store::{Clock, ImportedPost, transfer::replay};
use ripple_workers::WorkerOptions;

use crate::{
    faulty::{Faulty, Op},
    town::{Town, Workers, eventually, new_post, only},
};

const ALL: (Timestamp, Timestamp) = (Timestamp::from_ms(i64::MIN), Timestamp::from_ms(i64::MAX));

/// Imports that many posts of one author, and has them indexed.
async fn indexed_posts(town: &Town, n: usize) -> HashSet<PostId> {
    let author = town.user("ada").await;
    let line = |n: usize| {
        let mut key = [0; 16];
        key[..8].copy_from_slice(&n.to_be_bytes());
        ImportedPost {
            key,
            exported_from: None,
            author: "ada".parse().unwrap(),
            post: new_post(author, "one of many"),
            mentions: vec![],
            recipients: vec![],
            reply_to: None,
            repost_of: None,
        }
    };
    let imported = town.store.import_posts((0..n).map(line).collect()).await;
    assert_eq!(imported.unwrap().added, n as u64);
    let workers = Workers::start(town.store.clone(), only(Tier::Public));
    town.idle(Tier::Public).await;
    workers.stop().await;
    let log = town.store.post_log(ALL.0, ALL.1, None, n + 1).await;
    log.unwrap().iter().map(|post| post.id).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_sends_every_post_again_a_piece_at_a_time() {
    const POSTS: usize = 4_500;
    let town = Town::open().await;
    let posts = indexed_posts(&town, POSTS).await;
    let store = Faulty::new(town.store.clone(), |_| None);
    let options = WorkerOptions {
        concurrency: 1,
        ..only(Tier::Public)
    };
    let sent = replay(store.as_ref(), Tier::Public, ALL.0, ALL.1).await;
    assert_eq!(sent.unwrap(), POSTS as u64);
    let stats = town.store.tier_stats(Tier::Public).await.unwrap();
    assert_eq!(stats.ready, 1, "one job, however many posts");

    let workers = Workers::start(store.clone(), options);
    eventually("the replay is done", async || {
        let stats = town.store.tier_stats(Tier::Public).await.unwrap();
        let waiting = stats.ready + stats.delayed + stats.in_flight;
        assert!(waiting <= 2_001, "{waiting} jobs at once");
        waiting == 0
    })
    .await;
    workers.stop().await;
    let indexed = indexed_by(&store);
    assert_eq!(indexed.len(), POSTS, "each once");
    assert_eq!(indexed.into_iter().collect::<HashSet<_>>(), posts);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_goes_on_after_a_restart() {
    let town = Town::open().await;
    let posts = indexed_posts(&town, 3_500).await;
    let sent = replay(town.store.as_ref(), Tier::Public, ALL.0, ALL.1);
    sent.await.unwrap();
    let before = Faulty::new(town.store.clone(), |_| None);
    let workers = Workers::start(before.clone(), only(Tier::Public));
    eventually("it has begun", async || !before.writes().is_empty()).await;
    workers.stop().await;
    let mut indexed: HashSet<PostId> = indexed_by(&before).into_iter().collect();
    drop(before);
    let town = town.reopen_at(Clock::system()).await;
    let after = Faulty::new(town.store.clone(), |_| None);
    let workers = Workers::start(after.clone(), only(Tier::Public));
    town.idle(Tier::Public).await;
    workers.stop().await;
    indexed.extend(indexed_by(&after));
    assert_eq!(indexed, posts);
}

fn indexed_by(store: &Faulty) -> Vec<PostId> {
    let posts = |op| match op {
        Op::Index(posts) => posts,
        _ => vec![],
    };
    store.writes().into_iter().flat_map(posts).collect()
}
