//! What only a store on Redis has to stand: answers that are lost on the way, processes that die between
//! two partitions, memory that is full, replicas that are missing.

mod authors;
mod feeds;
mod indexing;
mod left_undone;
mod lost_answers;
mod refused;
mod replicas;

use std::sync::Arc;

use ripple_domain::{NewPost, Post, PostId, UserId, Window};
use ripple_store::{
    CommitError, Committed, PostCommit, Store,
    redis::{RedisOptions, RedisStore},
};

use crate::harness::{new_post, new_user, token};

async fn open(url: &str, options: RedisOptions) -> Arc<dyn Store> {
    RedisStore::open(&url.parse().unwrap(), options)
        .await
        .unwrap()
}

async fn user(store: &Arc<dyn Store>, name: &str) -> UserId {
    let created = store.create_user(new_user(name), token(name), None).await;
    created.unwrap().value.id
}

pub(crate) async fn commit(
    store: &Arc<dyn Store>,
    post: NewPost,
) -> Result<Committed<Arc<Post>>, CommitError> {
    let commit = PostCommit {
        post,
        idempotency: None,
        trace: None,
    };
    store.create_post(commit).await
}

async fn post(store: &Arc<dyn Store>, author: UserId) -> PostId {
    let committed = commit(store, new_post(author, "hello")).await;
    committed.unwrap().value.id
}

async fn answer(store: &Arc<dyn Store>, author: UserId, to: PostId) -> PostId {
    let mut answer = new_post(author, "an answer");
    answer.reply_to = Some(to);
    commit(store, answer).await.unwrap().value.id
}

async fn replies(store: &Arc<dyn Store>, to: PostId) -> u32 {
    let post = store.posts(&[to]).await.unwrap().remove(0);
    post.unwrap().counts.replies
}

async fn timeline(store: &Arc<dyn Store>, author: UserId) -> Vec<PostId> {
    let posts = store.posts_of(&[author], Window::NEWEST, 100_000).await;
    posts.unwrap()
}
