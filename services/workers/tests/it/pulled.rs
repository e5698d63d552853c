//! Authors with more followers than are pushed to.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use ripple_domain::{PostId, StageState, Tier, UserId, Window};
use ripple_store::reading::{Page, read_page};
use ripple_workers::WorkerOptions;

use crate::{
    faulty::{Fault, Faulty, Op},
    town::{Town, Workers, direct, eventually, only, quick},
};

const FOLLOWERS: u64 = 12;

fn up_to(followers_max: u64) -> WorkerOptions {
    WorkerOptions {
        push_followers_max: Some(followers_max),
        ..quick()
    }
}

async fn page(town: &Town, reader: UserId) -> Vec<PostId> {
    let read = read_page(&*town.store, Some(reader), &Page::Home, Window::NEWEST, 20);
    let shown = read.await.unwrap().shown.into_iter();
    shown.map(|shown| shown.post.id).collect()
}

/// A post that has been carried to all followers.
async fn carried(town: &Town, author: UserId) -> PostId {
    let post = town.post(author, "hello").await;
    town.all_idle().await;
    eventually("the receipt is written", async || {
        let stage = town.receipt(post).await.followers;
        (stage.state, stage.total, stage.delivered) == (StageState::Done, FOLLOWERS, FOLLOWERS)
    })
    .await;
    post
}

async fn with_followers() -> (Town, UserId, UserId) {
    let town = Town::open().await;
    let (author, reader) = town.author_and_reader().await;
    let others = usize::try_from(FOLLOWERS).unwrap() - 1;
    town.crowd("author", others).await;
    town.warm(reader).await;
    (town, author, reader)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_posts_of_an_author_with_too_many_followers_are_pulled() {
    let (town, author, reader) = with_followers().await;
    let workers = Workers::start(town.store.clone(), up_to(FOLLOWERS - 1));
    let first = carried(&town, author).await;
    assert_eq!(
        town.home(reader).await,
        [first],
        "who has so many is seen with the first"
    );

    let second = carried(&town, author).await;
    assert_eq!(town.home(reader).await, [first], "it was not pushed");
    assert_eq!(page(&town, reader).await, [second, first]);

    // Whom a post addresses it is pushed to, as ever.
    let friend = town.user("friend").await;
    town.warm(friend).await;
    let letter = town.publish(direct(author, friend, "friend")).await;
    town.all_idle().await;
    assert_eq!(town.home(friend).await, [letter.id]);
    workers.stop().await;

    // His followers may become fewer than the limit, or the limit higher.
    for options in [up_to(FOLLOWERS), only(Tier::Followers)] {
        let before = page(&town, reader).await;
        let workers = Workers::start(town.store.clone(), options);
        let post = town.post(author, "pushed again").await;
        town.idle(Tier::Followers).await;
        assert_eq!(town.home(reader).await[0], post);
        assert_eq!(page(&town, reader).await, [&[post], &before[..]].concat());
        workers.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_posts_of_an_author_with_as_many_followers_as_may_be_are_pushed() {
    let (town, author, reader) = with_followers().await;
    let workers = Workers::start(town.store.clone(), up_to(FOLLOWERS));
    let mut posts = Vec::new();
    for _ in 0..3 {
        posts.insert(0, carried(&town, author).await);
    }
    assert_eq!(town.home(reader).await, posts);
    let (_, pulled) = town.store.read_home(reader).await.unwrap();
    assert!(pulled.is_empty());
    workers.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn posts_go_on_being_pushed_while_nobody_can_be_told() {
    let (town, author, reader) = with_followers().await;
    let refused = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&refused);
    let faulty = Faulty::new(town.store.clone(), move |op| {
        let is_pull = matches!(op, Op::Pull(_));
        count.fetch_add(is_pull.into(), Ordering::Relaxed);
        is_pull.then_some(Fault::Fail)
    });
    let workers = Workers::start(faulty, up_to(1));
    let mut posts = Vec::new();
    for _ in 0..3 {
        posts.insert(0, carried(&town, author).await);
    }
    assert_eq!(
        refused.load(Ordering::Relaxed),
        2,
        "from the second post on"
    );
    assert_eq!(town.home(reader).await, posts);
    workers.stop().await;
}
