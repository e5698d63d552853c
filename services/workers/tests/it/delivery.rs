//! What the two tiers do with posts.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use futures_util::future::join_all;
use ripple_domain::{JobKind, PostEdit, StageState, Tier, Topic, Visibility};
use ripple_store::Clock;

use crate::{
    faulty::{Fault, Faulty, Op},
    town::{Town, Workers, direct, eventually, new_post, only, quick, tagged},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_post_reaches_home_timelines_and_public_pages() {
    let town = Town::open().await;
    let (author, reader) = town.author_and_reader().await;
    let workers = town.workers();
    let post = town.publish(tagged(author, "rust")).await;
    town.all_idle().await;

    assert_eq!(town.home(reader).await, [post.id]);
    assert_eq!(town.tag_page("rust").await, [post.id]);
    eventually("the receipt is written", async || {
        let receipt = town.receipt(post.id).await;
        [receipt.followers, receipt.public].map(|stage| stage.state) == [StageState::Done; 2]
    })
    .await;
    let receipt = town.receipt(post.id).await;
    assert_eq!(
        (receipt.followers.total, receipt.followers.delivered),
        (1, 1)
    );
    assert_eq!(receipt.public.total, receipt.pages.len() as u64);
    assert!(receipt.pages.contains(&Topic::Tag("rust".into())));
    assert!(receipt.followers.done_at >= receipt.followers.started_at);
    workers.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_direct_post_goes_to_those_whom_it_addresses_alone() {
    let town = Town::open().await;
    let (author, follower) = town.author_and_reader().await;
    let friend = town.user("friend").await;
    town.warm(friend).await;
    let workers = town.workers();
    let post = town.publish(direct(author, friend, "friend")).await;
    town.all_idle().await;

    assert_eq!(town.home(friend).await, [post.id]);
    assert!(town.home(follower).await.is_empty());
    eventually("the receipt is written", async || {
        let stage = town.receipt(post.id).await.followers;
        (stage.state, stage.total) == (StageState::Done, 1)
    })
    .await;
    assert_eq!(
        town.receipt(post.id).await.public.state,
        StageState::Skipped
    );
    workers.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_post_that_was_deleted_before_its_turn_goes_nowhere() {
    let town = Town::open().await;
    let (author, reader) = town.author_and_reader().await;
    let post = town.publish(tagged(author, "rust")).await;
    town.store
        .delete_post(post.id, Some(author), None)
        .await
        .unwrap();
    let workers = town.workers();
    town.all_idle().await;

    assert!(town.home(reader).await.is_empty());
    assert!(town.tag_page("rust").await.is_empty());
    assert_eq!(town.store.receipt(post.id).await.unwrap(), None);
    workers.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn edits_and_deletions_move_a_post_between_pages() {
    let town = Town::open().await;
    let author = town.user("author").await;
    let workers = town.workers();
    let post = town.publish(tagged(author, "before")).await;
    town.all_idle().await;
    assert_eq!(town.tag_page("before").await, [post.id]);

    let after = tagged(author, "after");
    let edit = PostEdit {
        text: Some((after.text, after.tags, vec![])),
        ..Default::default()
    };
    town.store
        .edit_post(post.id, author, edit, None)
        .await
        .unwrap();
    town.all_idle().await;
    assert!(town.tag_page("before").await.is_empty());
    assert_eq!(town.tag_page("after").await, [post.id]);
    eventually(
        "the feeds of all three pages and the author are rendered",
        async || {
            let tag = |name: &str| workers.feeds.refreshed(&Topic::Tag(name.into()));
            let public = workers.feeds.refreshed(&Topic::Public);
            let of_author = workers.feeds.refreshed(&Topic::Author(author));
            (tag("before"), tag("after"), public, of_author) == (2, 1, 2, 2)
        },
    )
    .await;

    let unlist = PostEdit {
        visibility: Some(Visibility::Unlisted),
        ..Default::default()
    };
    town.store
        .edit_post(post.id, author, unlist, None)
        .await
        .unwrap();
    town.all_idle().await;
    assert!(town.tag_page("after").await.is_empty());

    let relist = PostEdit {
        visibility: Some(Visibility::Public),
        ..Default::default()
    };
    town.store
        .edit_post(post.id, author, relist, None)
        .await
        .unwrap();
    town.all_idle().await;
    assert_eq!(town.tag_page("after").await, [post.id]);

    town.store
        .delete_post(post.id, Some(author), None)
        .await
        .unwrap();
    town.all_idle().await;
    assert!(town.tag_page("after").await.is_empty());
    workers.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_that_500_posts_of_a_batch_share_is_touched_once() {
    let town = Town::open().await;
    let author = town.user("author").await;
    let posts = (0..500).map(|_| tagged(author, "shared")).collect();
    let posts = town.publish_together(Tier::Public, posts).await;
    let store = Faulty::new(town.store.clone(), |_| None);
    let workers = Workers::start(store.clone(), only(Tier::Public));
    town.idle(Tier::Public).await;

    let mut page = town.tag_page("shared").await;
    page.reverse();
    let mut sorted = posts;
    sorted.sort();
    assert_eq!(page, sorted);
    assert!(matches!(&store.writes()[..], [Op::Index(batch)] if batch.len() == 500));
    let feeds = Arc::clone(&workers.feeds);
    workers.stop().await;
    assert_eq!(feeds.refreshed(&Topic::Tag("shared".into())), 1);
    assert_eq!(feeds.refreshed(&Topic::Public), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_is_there_twice_changes_nothing() {
    let town = Town::open().await;
    let (author, reader) = town.author_and_reader().await;
    let friend = town.user("friend").await;
    town.warm(friend).await;
    let workers = town.workers();
    let public = town.publish(tagged(author, "rust")).await.id;
    let private = town.publish(direct(author, friend, "friend")).await.id;
    town.all_idle().await;
    eventually("the receipts are written", async || {
        let receipts = [town.receipt(public).await, town.receipt(private).await];
        receipts
            .iter()
            .all(|receipt| receipt.followers.done_at.is_some())
    })
    .await;
    let receipts = [town.receipt(public).await, town.receipt(private).await];

    // Once in one batch with itself, and once more by itself.
    let again = [public, private].map(|post| [JobKind::deliver(post), JobKind::Index { post }]);
    for times in [2, 1] {
        let kinds = again.concat().repeat(times);
        town.store.enqueue(kinds).await.unwrap();
        town.all_idle().await;
    }
    workers.stop().await;

    assert_eq!(town.home(reader).await, [public]);
    assert_eq!(town.home(friend).await, [private]);
    assert_eq!(town.tag_page("rust").await, [public]);
    assert_eq!(town.receipt(public).await, receipts[0]);
    assert_eq!(town.receipt(private).await.followers, receipts[1].followers);
}

/// A server is stopped with work in its queues and started again after more than a week, on a store
/// that fails at first.
#[tokio::test(flavor = "multi_thread")]
async fn what_waited_for_days_in_a_stopped_store_is_delivered() {
    let clock = Clock::manual(Clock::system().now());
    let town = Town::open_at(clock.clone()).await;
    let (author, friend) = (town.user("author").await, town.user("friend").await);
    let public = town.publish(tagged(author, "rust")).await.id;
    let private = town.publish(direct(author, friend, "friend")).await.id;
    clock.advance_ms(8 * 86_400_000);
    let town = town.reopen_at(clock.clone()).await;
    town.warm(friend).await;
    assert_eq!(town.home(friend).await, [], "not delivered yet");
    let failures = AtomicUsize::new(0);
    let store = Faulty::new(town.store.clone(), move |op| {
        let fails = matches!(op, Op::Posts(_)) && failures.fetch_add(1, Ordering::SeqCst) < 4;
        fails.then_some(Fault::Fail)
    });
    let workers = Workers::start(store, quick());
    eventually("all jobs are done", async || {
        // What failed waits for its next attempt.
        clock.advance_ms(10);
        let stats = join_all(Tier::ALL.map(|tier| town.store.tier_stats(tier))).await;
        let left = stats.into_iter().map(Result::unwrap);
        left.map(|stats| stats.ready + stats.delayed + stats.in_flight)
            .sum::<u64>()
            == 0
    })
    .await;
    workers.stop().await;

    for tier in Tier::ALL {
        let dead = town.store.dead_jobs(tier, None, 10).await.unwrap();
        assert!(dead.is_empty(), "{dead:?}");
    }
    assert_eq!(town.home(friend).await, [private]);
    assert_eq!(town.tag_page("rust").await, [public]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_tier_takes_a_lone_post_at_once() {
    let town = Town::open().await;
    let (author, _) = town.author_and_reader().await;
    // Polling could not explain a delivery before the test's end.
    let options = ripple_workers::WorkerOptions {
        poll_ms: 3_600_000,
        gather_ms: 3_600_000,
        ..quick()
    };
    let workers = Workers::start(town.store.clone(), options);
    for _ in 0..20 {
        town.publish(new_post(author, "alone")).await;
        town.all_idle().await;
    }
    workers.stop().await;
}
