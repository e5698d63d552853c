//! Where memory comes near its bound, the timelines that were read least recently become cold.

use futures_util::future::join_all;
use redis::Connection;
use ripple_domain::{RelationKind, UserId};
use ripple_store::{CommitError, PostCommit, StoreError};

use super::{clock, id, is_warm, memory, open, push, star, warm_up};
use crate::harness::{Program, RedisServer, new_post, new_user, set_max_memory, token};

const USERS: u32 = 640;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_least_recently_read_become_cold_first() {
    let server = RedisServer::start(Program::Redis);
    let (mut connection, clock) = (server.connect(), clock());
    let store = open(&server.url(), &clock).await;
    let author = star(&store, USERS).await;
    // Those with high ids are read first.
    let users: Vec<UserId> = (2..USERS + 2).rev().map(UserId).collect();
    for user in &users {
        assert!(warm_up(&store, *user).await);
        clock.advance_ms(1_000);
    }
    // The first of all is read once more, much later.
    clock.advance_ms(24 * 3_600_000);
    assert!(is_warm(&store, users[0]).await);

    store.housekeep().await.unwrap();
    assert_eq!(warm(&mut connection, &users), users, "memory has no bound");

    let max = memory(&mut connection) * 100 / 91;
    set_max_memory(&mut connection, max);
    store.housekeep().await.unwrap();
    assert!(memory(&mut connection) < max * 86 / 100);
    let left = warm(&mut connection, &users);
    assert!(left.contains(&users[0]), "it was read just now");
    let expected = users.len() - users.len() / 10;
    assert!(left.len() < users.len() - 20, "{} are left", left.len());
    assert!(left.len() > expected - 64, "{} are left", left.len());
    for partition in 0..64 {
        let in_order = users[1..].iter().filter(|it| it.partition() == partition);
        let is_left: Vec<bool> = in_order.map(|user| left.contains(user)).collect();
        assert!(is_left.is_sorted(), "of {partition}: {is_left:?}");
    }
    let pushed = push(&store, author, id(10_000)).await.unwrap();
    assert_eq!(pushed.followers, u64::from(USERS));
    assert_eq!(pushed.pushed, left.len() as u64);

    store.housekeep().await.unwrap();
    assert_eq!(warm(&mut connection, &users), left, "there is room now");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rebuilds_make_the_room_that_they_take() {
    let server = RedisServer::start(Program::Redis);
    let (mut connection, clock) = (server.connect(), clock());
    let store = open(&server.url(), &clock).await;
    star(&store, USERS).await;
    let max = memory(&mut connection) + 3_000_000;
    set_max_memory(&mut connection, max);
    for user in (2..USERS + 2).map(UserId) {
        warm_up(&store, user).await;
        clock.advance_ms(1_000);
        assert!(memory(&mut connection) < max * 95 / 100);
    }
    let users: Vec<UserId> = (2..USERS + 2).map(UserId).collect();
    let left = warm(&mut connection, &users);
    assert!(left.len() > 64, "{} are left", left.len());
    assert!(left.contains(&UserId(USERS + 1)));
    assert!(!left.contains(&UserId(2)));
}

/// Facts come before timelines: what fills memory up between two housekeepings is not refused while there
/// are timelines to give way to it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commits_make_the_room_that_they_take() {
    let server = RedisServer::start(Program::Redis);
    let (mut connection, clock) = (server.connect(), clock());
    let store = open(&server.url(), &clock).await;
    let author = star(&store, USERS).await;
    for user in (2..USERS + 2).map(UserId) {
        assert!(warm_up(&store, user).await);
    }
    let commit = || {
        let commit = PostCommit {
            post: new_post(author, "hello"),
            idempotency: None,
            trace: None,
        };
        store.create_post(commit)
    };
    let mut fill_up = || {
        let max = memory(&mut connection) - 1_000;
        set_max_memory(&mut connection, max);
    };
    fill_up();
    for committed in join_all((0..50).map(|_| commit())).await {
        committed.unwrap();
    }
    fill_up();
    let created = store.create_user(new_user("eve"), token("eve"), None).await;
    let eve = created.unwrap().value.id;
    fill_up();
    let follow = store.relate(eve, RelationKind::Follow, author, true);
    follow.await.unwrap();
    let users: Vec<UserId> = (2..USERS + 2).map(UserId).collect();
    let left = warm(&mut connection, &users).len();
    assert!((1..users.len()).contains(&left), "{left} are left");

    // In vain, once they are all cold.
    set_max_memory(&mut connection, 1);
    for committed in join_all((0..50).map(|_| commit())).await {
        let refused = committed.map(drop);
        let is_overloaded = matches!(
            refused,
            Err(CommitError::Store(StoreError::Overloaded { .. }))
        );
        assert!(is_overloaded, "{refused:?}");
    }
}

/// Those who have a timeline. (To ask the store would be to read them.)
fn warm(connection: &mut Connection, users: &[UserId]) -> Vec<UserId> {
    let mut ask = redis::pipe();
    for user in users {
        ask.exists(format!("{{{:02}}}ho:{user}", user.partition()));
    }
    let warm: Vec<bool> = ask.query(connection).unwrap();
    let all = users.iter().copied().zip(warm);
    all.filter(|(_, warm)| *warm)
        .map(|(user, _)| user)
        .collect()
}
