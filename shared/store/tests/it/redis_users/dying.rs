//! A process dies after each of its commands in turn; what it left is carried on by another.

use std::sync::Arc;

use ripple_domain::{RelationKind, UserId};
use ripple_store::{CommitError, Idempotency, Store};

use super::{followers, followers_count, open, relation, set, user};
use crate::harness::{Program, Proxy, RedisServer, handle, new_user, set_max_memory, token};

/// A command of a process can be its last one, up to this one.
const COMMANDS_MAX: u32 = 30;

/// Does something as a process that dies when it has sent so many commands; whether it came to its end.
async fn dies_after<F: Future + Send + 'static>(
    commands: u32,
    server: &RedisServer,
    act: impl FnOnce(Arc<dyn Store>) -> F,
) -> bool {
    let proxy = Proxy::new(server.port).await;
    let store = open(&proxy.url()).await;
    proxy.stop_after(commands);
    let acting = act(store);
    tokio::select! {
        biased;
        _ = acting => true,
        () = proxy.stopped() => false,
    }
}

#[tokio::test]
async fn a_user_is_created_or_can_be() {
    let server = RedisServer::start(Program::Redis);
    let direct = open(&server.url()).await;
    for commands in 0..COMMANDS_MAX {
        let name = format!("user_{commands}");
        let [key, other_request] = [1, 2].map(|request| Idempotency {
            key: [u8::try_from(commands).unwrap(); 32],
            request: [request; 32],
        });
        let dying = name.clone();
        let is_done = dies_after(commands, &server, |store| async move {
            let create = store.create_user(new_user(&dying), token(&dying), Some(key));
            create.await.unwrap()
        })
        .await;

        let found = if commands % 2 == 0 {
            direct.user_by_handle(&handle(&name)).await.unwrap()
        } else {
            None
        };
        if commands % 3 == 0 {
            let other = direct
                .create_user(
                    new_user(&format!("other_{commands}")),
                    token("other"),
                    Some(other_request),
                )
                .await;
            match other {
                Err(CommitError::IdempotencyMismatch) => {}
                // The key was still free, and now it is not.
                Ok(other) => {
                    assert!(!is_done && found.is_none() && !other.replayed);
                    let again = direct.create_user(new_user(&name), token(&name), Some(key));
                    let again = again.await;
                    assert!(matches!(again, Err(CommitError::IdempotencyMismatch)));
                    continue;
                }
                Err(error) => panic!("{error}"),
            }
        }
        let again = direct
            .create_user(new_user(&name), token(&name), Some(key))
            .await
            .unwrap();
        assert!(again.replayed || (!is_done && found.is_none()));
        let id = again.value.id;
        assert!(found.is_none_or(|found| found.id == id));
        let by_token = direct.user_by_token(&token(&name)).await.unwrap();
        assert_eq!(by_token, Some(id), "{commands}");
        assert_eq!(direct.user(id).await.unwrap().unwrap().id, id);
        let taken = direct.create_user(new_user(&name), token("x"), None).await;
        assert!(matches!(taken, Err(CommitError::HandleTaken)));
        if is_done {
            assert!(commands > 5, "{commands}");
            return;
        }
    }
    panic!("a user takes more than {COMMANDS_MAX} commands");
}

/// Whoever has a handle has a token, also where what is left to do meets a full server.
#[tokio::test]
async fn a_user_comes_to_be_whole_where_memory_is_full() {
    let server = RedisServer::start(Program::Redis);
    let direct = open(&server.url()).await;
    let mut connection = server.connect();
    let mut carried_on = 0;
    for commands in 0..COMMANDS_MAX {
        let name = format!("user_{commands}");
        let dying = name.clone();
        let is_done = dies_after(commands, &server, |store| async move {
            store
                .create_user(new_user(&dying), token(&dying), None)
                .await
                .unwrap()
        })
        .await;
        set_max_memory(&mut connection, 1);
        let found = direct.user_by_handle(&handle(&name)).await.unwrap();
        let by_token = direct.user_by_token(&token(&name)).await.unwrap();
        assert_eq!(by_token, found.as_ref().map(|user| user.id), "{commands}");
        let refused = direct
            .create_user(new_user("late"), token("late"), None)
            .await;
        assert!(refused.is_err());
        set_max_memory(&mut connection, 0);
        carried_on += u32::from(found.is_some() && !is_done);
        if is_done {
            assert!(carried_on > 0);
            return;
        }
    }
    panic!("a user takes more than {COMMANDS_MAX} commands");
}

/// Lets a process die after each command of a change of the relation of new users to `star`, and looks at
/// what is there after housekeeping.
async fn dying_relations(
    kind: RelationKind,
    on: bool,
    check: impl AsyncFn(Arc<dyn Store>, UserId, UserId),
) {
    let server = RedisServer::start(Program::Redis);
    let direct = open(&server.url()).await;
    let star = user(&direct, "star").await;
    for commands in 0..COMMANDS_MAX {
        let fan = user(&direct, &format!("user_{commands}")).await;
        if !on {
            set(&direct, fan, kind, star, true).await;
        }
        let is_done = dies_after(commands, &server, |store| async move {
            store.relate(fan, kind, star, on).await.unwrap();
        })
        .await;
        let before = relation(&direct, fan, star).await;
        if before.follows {
            assert!(followers(&direct, star).await.contains(&fan), "too little");
        }
        direct.housekeep().await.unwrap();
        assert_eq!(relation(&direct, fan, star).await, before);
        check(direct.clone(), fan, star).await;
        if is_done {
            assert!(commands > 2, "{commands}");
            return;
        }
    }
    panic!("a relation takes more than {COMMANDS_MAX} commands");
}

#[tokio::test]
async fn a_follower_list_has_those_who_follow() {
    for on in [true, false] {
        dying_relations(RelationKind::Follow, on, async |store, _, star| {
            let followers = followers(&store, star).await;
            let count = followers_count(&store, star).await;
            assert_eq!(followers.len() as u64, count, "{followers:?}");
        })
        .await;
    }
}

#[tokio::test]
async fn a_block_is_known_to_both_or_to_nobody() {
    for on in [true, false] {
        dying_relations(RelationKind::Block, on, async |store, fan, star| {
            let forth = relation(&store, fan, star).await.blocked;
            let back = relation(&store, star, fan).await.blocked;
            assert_eq!(forth, back);
        })
        .await;
    }
}
