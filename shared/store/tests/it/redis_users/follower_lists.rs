//! Follower lists that have many leaves.

use std::{collections::BTreeSet, sync::Arc};

use ripple_domain::{RelationKind, UserId};
use ripple_store::{Delivery, FollowLine, Store};

use super::{followers, followers_count, line, open, set};
use crate::{
    harness::{Program, RedisServer, handle, new_post},
    redis_posts::commit,
};

const FANS: usize = 3_000;

/// A number below `FANS`, all over the range as `n` grows.
fn scattered(n: usize) -> usize {
    n * 1_009 % FANS
}

async fn import(store: &Arc<dyn Store>, lines: Vec<FollowLine>) -> u64 {
    store.import_follows(lines).await.unwrap().added
}

async fn star(store: &Arc<dyn Store>) -> UserId {
    let star = store.user_by_handle(&handle("star")).await.unwrap();
    star.unwrap().id
}

/// The followers to whom a fan-out in chunks goes.
async fn fanned_out(store: &Arc<dyn Store>, author: UserId, followers_max: usize) -> u64 {
    let post = commit(store, new_post(author, "hello")).await.unwrap();
    let (mut after, mut followers) = (None, 0);
    loop {
        let delivery = Delivery {
            post: post.value.id,
            author,
            after,
            followers_max,
        };
        let pushed = store.push_home(vec![delivery]).await.unwrap().remove(0);
        assert!(pushed.followers <= followers_max as u64);
        followers += pushed.followers;
        after = pushed.next;
        if after.is_none() {
            return followers;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_grows_and_shrinks_in_any_order() {
    let server = RedisServer::start(Program::Redis);
    let store = open(&server.url()).await;
    // So that ids grow with the names.
    let users = (0..FANS).map(|n| FollowLine {
        follower: handle(&format!("user_{n}")),
        followee: handle("nobody"),
    });
    import(&store, users.collect()).await;
    for sizes in [&[1, 2, 7, 300][..], &[600, 513, 577, 1_000]] {
        for size in sizes {
            let there = followers_of_star(&store).await;
            let lines = (there..there + size).map(|n| line(scattered(n)));
            // Some have followed before.
            let lines: Vec<FollowLine> = lines.chain([line(scattered(there / 2))]).collect();
            let known = u64::from(there > 0);
            assert_eq!(import(&store, lines).await, *size as u64 + 1 - known.max(1));
        }
    }
    let star = star(&store).await;
    let all = followers(&store, star).await;
    assert_eq!(all.len(), FANS);
    assert_eq!(followers_count(&store, star).await, FANS as u64);
    assert!(all.is_sorted_by(|a, b| a > b));
    for limit in [1_000, 37] {
        let mut paged = Vec::new();
        loop {
            let before = paged.last().copied();
            let page = store.followers_page(star, before, limit).await.unwrap();
            if page.is_empty() {
                break;
            }
            paged.extend(page);
        }
        assert_eq!(paged, all, "pages of {limit}");
    }
    for followers_max in [10_000, 700, 64] {
        assert_eq!(fanned_out(&store, star, followers_max).await, FANS as u64);
    }

    // A part of it empties.
    let (middle, ends): (Vec<UserId>, Vec<UserId>) =
        all.iter().partition(|id| (500..2_500).contains(&id.0));
    for fan in middle {
        set(&store, fan, RelationKind::Follow, star, false).await;
    }
    assert_eq!(followers(&store, star).await, ends);
    assert_eq!(followers_count(&store, star).await, ends.len() as u64);
    for followers_max in [10_000, 64] {
        let reached = fanned_out(&store, star, followers_max).await;
        assert_eq!(reached, ends.len() as u64);
    }
}

async fn followers_of_star(store: &Arc<dyn Store>) -> usize {
    match store.user_by_handle(&handle("star")).await.unwrap() {
        Some(star) => followers(store, star.id).await.len(),
        None => 0,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_missed_while_leaves_are_cut() {
    let server = RedisServer::start(Program::Redis);
    let store = open(&server.url()).await;
    let there = (0..FANS).map(scattered).filter(|n| n % 3 == 0);
    import(&store, there.map(line).collect()).await;
    let star = star(&store).await;
    let there = BTreeSet::from_iter(followers(&store, star).await);

    let growing = {
        let store = store.clone();
        tokio::spawn(async move {
            let new: Vec<usize> = (0..FANS).map(scattered).filter(|n| n % 3 != 0).collect();
            for some in new.chunks(20) {
                import(&store, some.iter().copied().map(line).collect()).await;
            }
        })
    };
    let mut reads = 0;
    while !growing.is_finished() {
        let now = BTreeSet::from_iter(followers(&store, star).await);
        assert!(now.is_superset(&there));
        assert!(fanned_out(&store, star, 400).await >= there.len() as u64);
        reads += 1;
    }
    growing.await.unwrap();
    assert!(reads > 3, "{reads}");
    assert_eq!(followers(&store, star).await.len(), FANS);
}
