//! Where memory is full, commits are refused before anything has happened; deletions are not.

use ripple_domain::PostEdit;
use ripple_store::{CommitError, StoreError, redis::RedisOptions};

use super::{answer, commit, open, post, replies, timeline, user};
use crate::harness::{Program, RedisServer, new_post, set_max_memory};

#[tokio::test]
async fn nothing_has_happened_where_memory_is_full() {
    let server = RedisServer::start(Program::Redis);
    let mut connection = server.connect();
    let store = open(&server.url(), RedisOptions::default()).await;
    let (ada, bob) = (user(&store, "ada").await, user(&store, "bob").await);
    let first = post(&store, ada).await;
    let reply = answer(&store, bob, first).await;

    set_max_memory(&mut connection, 1);
    let refused = |result: Result<(), CommitError>| {
        let is_overloaded = matches!(
            result,
            Err(CommitError::Store(StoreError::Overloaded { .. }))
        );
        assert!(is_overloaded, "{result:?}");
    };
    refused(commit(&store, new_post(ada, "more")).await.map(drop));
    let edit = store.edit_post(first, ada, PostEdit::default(), None).await;
    refused(edit.map(drop));
    store.delete_post(reply, Some(bob), None).await.unwrap();
    assert_eq!(replies(&store, first).await, 0);

    set_max_memory(&mut connection, 0);
    assert_eq!(timeline(&store, ada).await, [first]);
    let read = store.posts(&[first, reply]).await.unwrap();
    assert_eq!(read[0].as_ref().unwrap().revision, 0);
    assert_eq!(read[1], None);
    assert!(post(&store, ada).await > first);
}
