//! A commit whose answer is lost is sent again, and has one effect.

use std::{sync::Arc, time::Duration};

use ripple_domain::{PostEdit, Tier};
use ripple_store::redis::RedisOptions;
use tokio::{task::JoinSet, time::interval};

use super::{open, post, proxy::Proxy, replies, timeline, user};
use crate::{
    harness::{LEASE_MS, Program, RedisServer, new_post},
    redis_posts::{answer, commit},
};

const AUTHORS: usize = 16;
const POSTS: usize = 100;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_commit_has_one_effect() {
    let server = RedisServer::start(Program::Redis);
    let direct = open(&server.url(), RedisOptions::default()).await;
    let mut authors = Vec::new();
    for index in 0..AUTHORS {
        authors.push(user(&direct, &format!("user_{index}")).await);
    }
    let answered = post(&direct, authors[0]).await;
    let edited = post(&direct, authors[1]).await;
    let before: usize = jobs(&direct).await;

    let proxy = Arc::new(Proxy::new(server.port).await);
    let store = open(&proxy.url(), RedisOptions::default()).await;
    let cutter = proxy.clone();
    let cutting = tokio::spawn(async move {
        let mut tick = interval(Duration::from_millis(40));
        loop {
            tick.tick().await;
            cutter.lose_an_answer();
        }
    });
    let mut tasks = JoinSet::new();
    for author in authors.clone() {
        let store = store.clone();
        tasks.spawn(async move {
            for index in 0..POSTS {
                match index % 4 {
                    0 => drop(answer(&store, author, answered).await),
                    1 => drop(post(&store, author).await),
                    2 => {
                        let gone = answer(&store, author, answered).await;
                        store.delete_post(gone, Some(author), None).await.unwrap();
                    }
                    _ => {
                        let mut direct = new_post(author, "hello");
                        direct.visibility = ripple_domain::Visibility::Direct;
                        commit(&store, direct).await.unwrap();
                    }
                }
            }
        });
    }
    for revision in 1..=30 {
        let edit = PostEdit::default();
        let post = store.edit_post(edited, authors[1], edit, None).await;
        assert_eq!(post.unwrap().revision, revision);
    }
    tasks.join_all().await;
    cutting.abort();
    assert!(proxy.lost() > 3, "{}", proxy.lost());

    let mut standing = 0;
    for author in &authors {
        let ids = timeline(&direct, *author).await;
        let counts = direct.user_counts(*author).await.unwrap();
        assert_eq!(ids.len() as u64, counts.posts);
        standing += ids.len();
    }
    assert_eq!(standing, 2 + AUTHORS * POSTS * 3 / 4);
    assert_eq!(
        replies(&direct, answered).await as usize,
        AUTHORS * POSTS / 4
    );
    // Each post is delivered once, and each edit and each deletion of a public one indexed.
    let followers = AUTHORS * POSTS;
    let public = AUTHORS * POSTS * 3 / 4 + AUTHORS * POSTS / 4 + 30;
    assert_eq!(jobs(&direct).await, before + followers + public);
    assert!(claimable(&direct).await);
}

async fn jobs(store: &Arc<dyn ripple_store::Store>) -> usize {
    // The figures may be of a moment ago.
    tokio::time::sleep(Duration::from_millis(200)).await;
    let mut jobs = 0;
    for tier in Tier::ALL {
        let stats = store.tier_stats(tier).await.unwrap();
        jobs += stats.ready + stats.delayed + stats.in_flight;
    }
    usize::try_from(jobs).unwrap()
}

async fn claimable(store: &Arc<dyn ripple_store::Store>) -> bool {
    let claims = store.claim(Tier::Followers, 10, LEASE_MS).await;
    !claims.unwrap().is_empty()
}
