//! What is refused: anything new where memory is full, and stores of a newer version.

use redis::Commands;
use ripple_domain::RelationKind;
use ripple_store::{
    CommitError, StoreError,
    redis::{RedisOptions, RedisStore},
};

use super::{followers_count, line, open, relation, set, user};
use crate::harness::{Program, RedisServer, handle, new_user, set_max_memory, token};

#[tokio::test]
async fn where_memory_is_full_relations_can_still_be_ended() {
    let server = RedisServer::start(Program::Redis);
    let mut connection = server.connect();
    let store = open(&server.url()).await;
    let (ada, bob) = (user(&store, "ada").await, user(&store, "bob").await);
    set(&store, ada, RelationKind::Follow, bob, true).await;

    set_max_memory(&mut connection, 1);
    let refused = |result: Result<(), CommitError>| {
        let is_overloaded = matches!(
            result,
            Err(CommitError::Store(StoreError::Overloaded { .. }))
        );
        assert!(is_overloaded, "{result:?}");
    };
    refused(store.relate(bob, RelationKind::Follow, ada, true).await);
    refused(store.import_follows(vec![line(1)]).await.map(drop));
    let created = store.create_user(new_user("eve"), token("eve"), None).await;
    refused(created.map(drop));
    let renamed = store.update_user(ada, Some("Ada".into()), None).await;
    refused(renamed.map(drop));
    set(&store, ada, RelationKind::Follow, bob, false).await;
    set(&store, ada, RelationKind::Block, bob, true).await;
    assert!(!relation(&store, ada, bob).await.follows);
    assert!(relation(&store, bob, ada).await.blocked);

    set_max_memory(&mut connection, 0);
    store.housekeep().await.unwrap();
    assert_eq!(followers_count(&store, bob).await, 0);
    assert_eq!(followers_count(&store, ada).await, 0);
    assert!(!relation(&store, bob, ada).await.follows);
    let eve = store.user_by_handle(&handle("eve")).await.unwrap();
    assert_eq!(eve, None);
    assert_eq!(store.user(ada).await.unwrap().unwrap().revision, 0);
}

#[tokio::test]
async fn a_store_of_a_newer_version_is_refused() {
    let server = RedisServer::start(Program::Redis);
    drop(open(&server.url()).await);
    let () = server.connect().set("{00}schema", "2").unwrap();
    let opened = RedisStore::open(&server.url().parse().unwrap(), RedisOptions::default()).await;
    let refused = opened.err().unwrap().to_string();
    assert_eq!(
        refused,
        "the store has format 2, and this version of Ripple reads up to 1: use a newer one"
    );
}
