//! A commit whose answer is lost is sent again, and has one effect.

use std::{sync::Arc, time::Duration};

use ripple_domain::{PostEdit, Tier, Visibility};
use ripple_store::{Store, redis::RedisOptions};
use tokio::{task::JoinSet, time::sleep};

use super::{answer, commit, open, post, replies, timeline, user};
use crate::harness::{Program, Proxy, RedisServer, new_post};

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

    let proxy = Proxy::new(server.port).await;
    let store = open(&proxy.url(), RedisOptions::default()).await;
    proxy.lose_each(100);
    let mut tasks = JoinSet::new();
    for author in authors.clone() {
        let store = store.clone();
        tasks.spawn(async move {
            for index in 0..POSTS {
                match index % 4 {
                    0 => {
                        answer(&store, author, answered).await;
                    }
                    1 => {
                        post(&store, author).await;
                    }
                    2 => {
                        let gone = answer(&store, author, answered).await;
                        store.delete_post(gone, Some(author), None).await.unwrap();
                    }
                    _ => {
                        let mut unlisted = new_post(author, "hello");
                        unlisted.visibility = Visibility::Unlisted;
                        commit(&store, unlisted).await.unwrap();
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
    proxy.lose_each(0);
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
}

async fn jobs(store: &Arc<dyn Store>) -> usize {
    // The figures may be of a moment ago.
    sleep(Duration::from_millis(200)).await;
    let mut jobs = 0;
    for tier in Tier::ALL {
        let stats = store.tier_stats(tier).await.unwrap();
        jobs += stats.ready + stats.delayed + stats.in_flight;
    }
    usize::try_from(jobs).unwrap()
}
