//! A worker that dies in the middle of a long fan-out: another one ends it.

use std::{sync::Arc, time::Duration};

use reqwest::StatusCode;
use ripple_domain::{PostId, Tier, UserId};
use ripple_store::{
    FollowLine, Home, Store,
    redis::{RedisOptions, RedisStore},
};
use serde_json::json;

use crate::{
    client::{Client, eventually, id_of},
    place::Place,
    process::Server,
    servers::Proxy,
};

/// Three chunks.
const FOLLOWERS: u32 = 25_000;
/// One in so many has a timeline; the others' pages are made of the facts when they are read.
const WARM_EACH: usize = 25;
const POSTS: usize = 3;
const WORKER: &[&str] = &["--role", "worker", "--tiers", "followers"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_is_killed_in_a_long_fan_out_is_replaced_in_time() {
    let place = Place::redis();
    let address = place.store().parse().unwrap();
    let store = RedisStore::open(&address, RedisOptions::default()).await;
    let store: Arc<dyn Store> = store.unwrap();
    let api = place.start_with(&["--role", "api"]);
    let star = Client::sign_up(&api.url, "star").await;
    let warm = make_followers(&store).await;
    let (last, in_second_chunk) = (warm[warm.len() - 1], warm[warm.len() / 2]);

    // This one has a slow way, so that it can be met in the middle.
    let proxy = Proxy::new(place.port()).await;
    let dying = Server::start_with(place.data(), &[&["--store", &proxy.url()], WORKER].concat());
    proxy.delay(Duration::from_millis(25));
    let mut posts = Vec::new();
    for n in 0..POSTS {
        let (status, post) = star
            .post("/v1/posts", json!({"text": format!("{n}")}))
            .await;
        assert_eq!(status, StatusCode::CREATED, "{post}");
        posts.insert(0, PostId(id_of(&post)));
    }
    eventually("the second chunk", Duration::from_secs(30), async || {
        !home(&store, in_second_chunk).await.is_empty()
    })
    .await;
    dying.kill();
    assert!(home(&store, last).await.is_empty(), "it was at its end");
    let stats = store.tier_stats(Tier::Followers).await.unwrap();
    assert!(stats.in_flight > 0, "{stats:?}");

    let _other = place.start_with(WORKER);
    let worst_case = Duration::from_millis(Tier::Followers.worst_case_ms().unsigned_abs());
    let all = async || home(&store, last).await == posts;
    eventually("the last follower", worst_case, all).await;
    for follower in warm {
        assert_eq!(home(&store, follower).await, posts, "of {follower}");
    }
}

/// Makes all followers of the star, and timelines for some, the first and the last of them too.
async fn make_followers(store: &Arc<dyn Store>) -> Vec<UserId> {
    let handle = |name: String| name.parse::<ripple_domain::Handle>().unwrap();
    let line = |n| FollowLine {
        follower: handle(format!("user_{n}")),
        followee: handle("star".to_owned()),
    };
    let lines: Vec<FollowLine> = (0..FOLLOWERS).map(line).collect();
    for lines in lines.chunks(5_000) {
        store.import_follows(lines.to_vec()).await.unwrap();
    }
    let star = store.user_by_handle(&handle("star".into())).await.unwrap();
    let star = star.unwrap().id;
    let mut ids = Vec::new();
    while ids.len() < FOLLOWERS as usize {
        let page = store.followers_page(star, ids.last().copied(), 5_000);
        ids.extend(page.await.unwrap());
    }
    ids.reverse();
    let mut warm: Vec<UserId> = ids.iter().copied().step_by(WARM_EACH).collect();
    warm.extend(ids.last());
    for user in &warm {
        let warming = store.home_begin(*user).await.unwrap();
        assert!(store.home_finish(warming, &[], true).await.unwrap());
    }
    warm
}

/// What was pushed to a timeline.
async fn home(store: &Arc<dyn Store>, user: UserId) -> Vec<PostId> {
    match store.home(user).await.unwrap() {
        Home::Warm { ids, .. } => ids,
        Home::Cold => panic!("{user} has no timeline any more"),
    }
}
