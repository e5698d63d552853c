//! What the embedded store does when its folder, its disk or its process fails: it loses nothing that
//! it acknowledged, or says so.

mod child;
mod folder;
mod journal;

use std::path::Path;

use ripple_domain::{PostId, Tier, UserId, Window};
use ripple_store::{
    CommitError, PostCommit, Store,
    embedded::{EmbeddedOptions, EmbeddedStore, OpenError},
};

use crate::harness::{new_post, new_user, token};

type Opened = Result<std::sync::Arc<EmbeddedStore>, OpenError>;

async fn open(folder: &Path) -> Opened {
    EmbeddedStore::open(folder, EmbeddedOptions::default()).await
}

async fn open_with_loss(folder: &Path) -> Opened {
    let options = EmbeddedOptions {
        accept_loss: true,
        ..EmbeddedOptions::default()
    };
    EmbeddedStore::open(folder, options).await
}

/// The first user of a store, created where there is none.
async fn author(store: &dyn Store) -> UserId {
    match store.user(UserId(1)).await.unwrap() {
        Some(user) => user.id,
        None => {
            let created = store.create_user(new_user("ada"), token("ada"), None);
            created.await.unwrap().value.id
        }
    }
}

async fn post(store: &dyn Store, text: &str) -> Result<PostId, CommitError> {
    let commit = PostCommit {
        post: new_post(UserId(1), text),
        idempotency: None,
        trace: None,
    };
    Ok(store.create_post(commit).await?.value.id)
}

/// Every one of these posts is there, with its text, in the author timeline, and on its way to the
/// followers.
async fn assert_whole(store: &dyn Store, posts: &[(PostId, String)]) {
    let ids: Vec<PostId> = posts.iter().map(|(id, _)| *id).collect();
    let found = store.posts(&ids).await.unwrap();
    for ((id, text), found) in posts.iter().zip(found) {
        let found = found.unwrap_or_else(|| panic!("{id} ({text:?}) is lost"));
        assert_eq!(&found.text, text);
    }
    let timeline = store.posts_of(&[UserId(1)], Window::NEWEST, usize::MAX);
    let timeline = timeline.await.unwrap();
    assert!(ids.iter().all(|id| timeline.contains(id)));
    let jobs = store
        .claim(Tier::Followers, usize::MAX, 1_000)
        .await
        .unwrap();
    let carried: Vec<PostId> = jobs
        .iter()
        .filter_map(|claim| claim.job.kind.post())
        .collect();
    assert!(ids.iter().all(|id| carried.contains(id)));
}

/// Fills a folder with acknowledged posts and closes it.
async fn filled(folder: &Path, n: usize) -> Vec<(PostId, String)> {
    let store = open(folder).await.unwrap();
    author(store.as_ref()).await;
    let mut posts = Vec::new();
    for index in 0..n {
        let text = format!("post {index}");
        posts.push((post(store.as_ref(), &text).await.unwrap(), text));
    }
    store.close().await;
    posts
}
