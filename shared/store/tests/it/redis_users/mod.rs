//! What only a store on Redis has to stand with users and their relations, which lie in several partitions:
//! processes that die on the way from one to another, answers that are lost, memory that is full, lists
//! that are cut while they are read.

mod dying;
mod follower_lists;
mod full;
mod late;
mod refused;
mod stress;

use std::sync::Arc;

use ripple_domain::{Relation, RelationKind, UserId};
use ripple_store::{
    FollowLine, Store,
    redis::{RedisOptions, RedisStore},
};

use crate::harness::{handle, new_user, token};

async fn open(url: &str) -> Arc<dyn Store> {
    RedisStore::open(&url.parse().unwrap(), RedisOptions::default())
        .await
        .unwrap()
}

async fn user(store: &Arc<dyn Store>, name: &str) -> UserId {
    let created = store.create_user(new_user(name), token(name), None).await;
    created.unwrap().value.id
}

async fn set(store: &Arc<dyn Store>, from: UserId, kind: RelationKind, to: UserId, on: bool) {
    store.relate(from, kind, to, on).await.unwrap();
}

async fn relation(store: &Arc<dyn Store>, viewer: UserId, other: UserId) -> Relation {
    store.relations(viewer, &[other]).await.unwrap()[0]
}

async fn followers(store: &Arc<dyn Store>, user: UserId) -> Vec<UserId> {
    store
        .followers_page(user, None, usize::MAX - 1)
        .await
        .unwrap()
}

async fn followers_count(store: &Arc<dyn Store>, user: UserId) -> u64 {
    store.user_counts(user).await.unwrap().followers
}

/// `user_{n}` follows `star`.
fn line(n: usize) -> FollowLine {
    FollowLine {
        follower: handle(&format!("user_{n}")),
        followee: handle("star"),
    }
}
