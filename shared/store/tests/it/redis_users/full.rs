//! A part of a cluster whose memory is full refuses sign-ups, and nothing is left of those.

use redis::{Commands, Connection};
use ripple_store::{CommitError, FollowLine, StoreError};

use super::open;
use crate::harness::{RedisCluster, handle, new_user, set_max_memory, token};

const SIGN_UPS: usize = 40;

/// Whether a node has the first partition, from which user ids come.
fn gives_ids(connection: &mut Connection) -> bool {
    connection.exists::<_, bool>("{00}user_ids").is_ok()
}

/// How many users are written down, whether they exist or not.
fn users(masters: &mut [Connection]) -> usize {
    let names = masters.iter_mut().flat_map(|master| {
        let names: Vec<String> = master.keys("*u:*").unwrap();
        names
    });
    names.filter(|name| name[4..].starts_with("u:")).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_refused_can_sign_up_later() {
    let cluster = RedisCluster::start();
    let mut masters: Vec<Connection> = cluster.nodes[..3].iter().map(|it| it.connect()).collect();
    let store = open(&cluster.url()).await;
    let create = async |name: &str| {
        let created = store.create_user(new_user(name), token(name), None).await;
        created.map(|created| created.value.id)
    };
    let full = masters.iter_mut().position(|it| !gives_ids(it)).unwrap();
    let names: Vec<String> = (0..SIGN_UPS).map(|n| format!("user_{n}")).collect();
    let line = |n| FollowLine {
        follower: handle(&format!("follower_{n}")),
        followee: handle("star"),
    };

    set_max_memory(&mut masters[full], 1);
    let mut refused = Vec::new();
    for name in &names {
        match create(name).await {
            Ok(_) => {}
            Err(CommitError::Store(StoreError::Overloaded { .. })) => refused.push(name),
            Err(error) => panic!("{name}: {error}"),
        }
    }
    let mut created = names.len() - refused.len();
    assert!(!refused.is_empty() && created > 0, "{refused:?}");
    assert_eq!(users(&mut masters), created, "and nobody else");
    let imported = store.import_follows((0..SIGN_UPS).map(line).collect());
    assert!(imported.await.is_err());
    for name in (0..SIGN_UPS).map(|n| line(n).follower) {
        created += usize::from(store.user_by_handle(&name).await.unwrap().is_some());
    }
    assert_eq!(users(&mut masters), created);

    set_max_memory(&mut masters[full], 0);
    for name in refused {
        create(name).await.unwrap();
    }
    for name in &names {
        let found = store.user_by_handle(&handle(name)).await.unwrap().unwrap();
        let by_token = store.user_by_token(&token(name)).await.unwrap();
        assert_eq!(by_token, Some(found.id), "{name}");
    }
}
