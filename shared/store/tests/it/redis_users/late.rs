//! All commands of a change come again, after later changes: as from a connection that was given up while
//! it still had something to deliver.

use ripple_domain::RelationKind;

use super::{followers, followers_count, line, open, relation, set, user};
use crate::harness::{Program, Proxy, RedisServer};

#[tokio::test]
async fn the_end_of_a_follow_does_not_end_a_later_one() {
    let server = RedisServer::start(Program::Redis);
    let direct = open(&server.url()).await;
    let proxy = Proxy::new(server.port).await;
    let store = open(&proxy.url()).await;
    let (star, fan) = (user(&store, "star").await, user(&store, "user_0").await);
    set(&store, fan, RelationKind::Follow, star, true).await;

    proxy.record();
    set(&store, fan, RelationKind::Follow, star, false).await;
    set(&direct, fan, RelationKind::Follow, star, true).await;
    proxy.send_recorded_again().await;

    assert!(relation(&direct, fan, star).await.follows);
    assert_eq!(followers(&direct, star).await, [fan]);
    assert_eq!(followers_count(&direct, star).await, 1);
    direct.housekeep().await.unwrap();
    assert_eq!(followers(&direct, star).await, [fan]);
    // What has been left again keeps nobody in the list.
    set(&store, fan, RelationKind::Follow, star, false).await;
    assert_eq!(followers_count(&direct, star).await, 0);
}

#[tokio::test]
async fn a_follow_does_not_come_back_after_its_end() {
    let server = RedisServer::start(Program::Redis);
    let direct = open(&server.url()).await;
    let proxy = Proxy::new(server.port).await;
    let store = open(&proxy.url()).await;
    let (star, fan) = (user(&store, "star").await, user(&store, "user_0").await);
    for is_imported in [false, true] {
        proxy.record();
        if is_imported {
            store.import_follows(vec![line(0)]).await.unwrap();
        } else {
            set(&store, fan, RelationKind::Follow, star, true).await;
        }
        set(&direct, fan, RelationKind::Follow, star, false).await;
        proxy.send_recorded_again().await;

        assert!(!relation(&direct, fan, star).await.follows);
        assert_eq!(followers_count(&direct, star).await, 0);
        direct.housekeep().await.unwrap();
        assert_eq!(followers(&direct, star).await, []);
    }
}
