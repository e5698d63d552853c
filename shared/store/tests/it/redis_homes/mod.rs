//! What only a store on Redis has to stand with home timelines: memory that is short or full, several
//! processes that cut the same timeline, rebuilds that nobody ends, a server that is started anew, replicas
//! that are missing.

mod full;
mod long;
mod pulled;
mod short_memory;
mod trouble;

use std::sync::Arc;

use redis::Connection;
use ripple_domain::{PostId, UserId};
use ripple_store::{
    Clock, Delivery, FollowLine, Home, Pushed, Store, StoreError,
    redis::{RedisOptions, RedisStore},
};

use crate::harness::{START, handle};

/// About as many ids as make a timeline as large as it becomes.
const IDS: u64 = 750;

async fn open(url: &str, clock: &Clock) -> Arc<dyn Store> {
    let options = RedisOptions {
        clock: clock.clone(),
        ..RedisOptions::default()
    };
    RedisStore::open(&url.parse().unwrap(), options)
        .await
        .unwrap()
}

/// Makes a user, the first one, whom so many others follow.
async fn star(store: &Arc<dyn Store>, followers: u32) -> UserId {
    let line = |n| FollowLine {
        follower: handle(&format!("user_{n}")),
        followee: handle("star"),
    };
    let star = FollowLine {
        follower: handle("star"),
        followee: handle("user_1"),
    };
    let lines: Vec<FollowLine> = (1..=followers).map(line).collect();
    store.import_follows(vec![star]).await.unwrap();
    for lines in lines.chunks(5_000) {
        store.import_follows(lines.to_vec()).await.unwrap();
    }
    UserId(1)
}

/// An id of some time past.
fn id(n: u64) -> PostId {
    PostId(n << 12)
}

/// Rebuilds a timeline with [`IDS`] ids; whether it is warm now.
async fn warm_up(store: &Arc<dyn Store>, user: UserId) -> bool {
    let warming = store.home_begin(user).await.unwrap();
    let ids: Vec<PostId> = (1..=IDS).rev().map(id).collect();
    store.home_finish(warming, &ids, false).await.unwrap()
}

async fn is_warm(store: &Arc<dyn Store>, user: UserId) -> bool {
    store.home(user).await.unwrap() != Home::Cold
}

/// Pushes a post to all followers.
async fn push(store: &Arc<dyn Store>, author: UserId, post: PostId) -> Result<Pushed, StoreError> {
    let delivery = Delivery {
        post,
        author,
        after: None,
        followers_max: 100_000,
    };
    let pushed = store.push_home(vec![delivery]).await?;
    Ok(pushed[0])
}

fn clock() -> Clock {
    Clock::manual(START)
}

fn memory(connection: &mut Connection) -> u64 {
    let info: String = redis::cmd("INFO").arg("memory").query(connection).unwrap();
    let used = info
        .lines()
        .find_map(|line| line.strip_prefix("used_memory:"));
    used.unwrap().parse().unwrap()
}
