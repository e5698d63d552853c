//! Rebuilds for readers, who take turns.

use std::{sync::Arc, time::Duration};

use ripple_domain::{PostId, UserId, Window};
use ripple_store::{Store, home};
use tokio::{sync::SemaphorePermit, task::JoinHandle, time::timeout};

use crate::harness::Rig;

/// Long enough for a reader to be waiting.
const A_WHILE: Duration = Duration::from_millis(200);

/// Takes all turns that there are.
async fn all_turns(store: &dyn Store) -> Vec<SemaphorePermit<'_>> {
    let mut turns = Vec::new();
    while let Ok(turn) = timeout(A_WHILE, store.rebuild_turns().take()).await {
        turns.push(turn.unwrap());
    }
    turns
}

/// Reads a home timeline in a task of its own.
fn reader(rig: &Rig, user: UserId) -> JoinHandle<Vec<PostId>> {
    let store = Arc::clone(rig.store());
    tokio::spawn(async move {
        let ids = home::HomeIds::open(store.as_ref(), user).await.unwrap();
        ids.next(Window::NEWEST, 100).await.unwrap()
    })
}

pub(crate) async fn a_cold_reader_waits_for_a_turn_and_nobody_else(rig: Rig) {
    let [ada, bob, eve] = rig.users().await;
    rig.follow(bob, ada).await;
    rig.follow(eve, ada).await;
    let post = rig.post(ada, "hello").await;
    assert_eq!(rig.home_of(eve).await, [post]);

    let store = Arc::clone(rig.store());
    let turns = all_turns(store.as_ref()).await;
    assert!(!turns.is_empty());
    let cold = reader(&rig, bob);
    tokio::time::sleep(A_WHILE).await;
    assert!(!cold.is_finished());
    assert_eq!(rig.home_of(eve).await, [post], "it is warm");
    let later = rig.post(ada, "posts go on").await;
    rig.drain().await;
    assert_eq!(rig.home_of(eve).await, [later, post]);
    assert!(!cold.is_finished());

    drop(turns);
    assert_eq!(cold.await.unwrap(), [later, post]);
}

pub(crate) async fn a_timeline_that_was_rebuilt_meanwhile_is_not_rebuilt_again(rig: Rig) {
    let [ada, bob] = rig.users().await;
    rig.follow(bob, ada).await;
    rig.post(ada, "hello").await;
    let store = Arc::clone(rig.store());
    let turns = all_turns(store.as_ref()).await;
    let readers = [reader(&rig, bob), reader(&rig, bob)];
    tokio::time::sleep(A_WHILE).await;
    // It can be told from what a rebuild makes.
    let warming = store.home_begin(bob).await.unwrap();
    assert!(store.home_finish(warming, &[], true).await.unwrap());
    drop(turns);
    for reader in readers {
        assert_eq!(reader.await.unwrap(), []);
    }
}
