//! Inboxes: posts that are addressed to somebody.

use ripple_domain::{PostId, RelationKind, UserId, Window};
use ripple_store::{Home, home};

use super::timelines::windows;
use crate::harness::Rig;

async fn inbox(rig: &Rig, user: UserId) -> Vec<PostId> {
    rig.store().inbox(user, Window::NEWEST, 100).await.unwrap()
}

pub(crate) async fn an_addressed_post_reaches_the_home_of_the_addressed(rig: Rig) {
    let [ada, bob, eve, joe] = rig.users().await;
    // Warm, cold, and one who is not addressed.
    home::rebuild(rig.store().as_ref(), bob).await.unwrap();
    home::rebuild(rig.store().as_ref(), joe).await.unwrap();
    let post = rig.direct(ada, &[bob, eve]).await;
    rig.drain().await;
    for user in [bob, eve, ada] {
        assert_eq!(rig.home_of(user).await, [post]);
    }
    assert_eq!(rig.home_of(joe).await, []);
    for user in [bob, eve] {
        rig.store().home_cool(user).await.unwrap();
        assert_eq!(rig.home_of(user).await, [post]);
    }
    rig.relate(bob, RelationKind::Block, ada, true).await;
    assert_eq!(rig.home_of(bob).await, []);
    rig.delete(post).await;
    assert_eq!(rig.home_of(eve).await, []);
}

pub(crate) async fn an_inbox_outlives_a_crash(mut rig: Rig) {
    let [ada, bob] = rig.users().await;
    let mut posts = Vec::new();
    for _ in 0..3 {
        posts.insert(0, rig.direct(ada, &[bob]).await);
        rig.drain().await;
        rig.kill().await;
        // What was lost with the crash is done again.
        rig.drain().await;
        assert_eq!(inbox(&rig, bob).await, posts);
        assert_eq!(rig.home_of(bob).await, posts);
    }
}

/// Entering is durable when it returns: an ack that is lost later does not matter, and neither does
/// one that is not.
pub(crate) async fn what_is_entered_is_durable_before_its_job_is_acked(mut rig: Rig) {
    let [ada, bob] = rig.users().await;
    let post = rig.direct(ada, &[bob]).await;
    rig.drop_jobs().await;
    rig.store().push_inboxes(post, &[bob]).await.unwrap();
    rig.post(ada, "a commit of facts, which is on disk when it returns")
        .await;
    rig.kill().await;
    assert_eq!(inbox(&rig, bob).await, [post]);
}

pub(crate) async fn entering_twice_is_entering_once(rig: Rig) {
    let [ada, bob] = rig.users().await;
    home::rebuild(rig.store().as_ref(), bob).await.unwrap();
    let post = rig.direct(ada, &[bob]).await;
    for recipients in [&[bob][..], &[], &[bob, bob]] {
        rig.store().push_inboxes(post, recipients).await.unwrap();
    }
    assert_eq!(inbox(&rig, bob).await, [post]);
    assert_eq!(
        rig.store().home(bob).await.unwrap(),
        Home::Warm {
            ids: vec![post],
            floor: None
        }
    );
    assert_eq!(inbox(&rig, ada).await, []);
}

pub(crate) async fn an_inbox_is_read_in_every_window(mut rig: Rig) {
    let [ada, bob, eve] = rig.users().await;
    let mut posts = Vec::new();
    for round in 0..6 {
        let author = if round % 2 == 0 { ada } else { eve };
        posts.push(rig.direct(author, &[bob]).await);
        rig.direct(author, &[ada]).await;
        rig.pass_ms(1);
    }
    rig.drain().await;
    for _ in 0..2 {
        for window in windows(&[posts[2], posts[4]]) {
            let found = rig.store().inbox(bob, window, 3).await.unwrap();
            let mut expected: Vec<PostId> = posts
                .iter()
                .copied()
                .filter(|id| window.contains(*id))
                .collect();
            if window.direction == ripple_domain::Direction::NewestFirst {
                expected.reverse();
            }
            expected.truncate(3);
            assert_eq!(found, expected, "{window:?}");
        }
        rig.restart().await;
    }
}

/// A push into a timeline that is not warm is not lost: its next rebuild reads the inbox.
pub(crate) async fn an_addressed_post_does_not_fall_between(rig: Rig) {
    let [ada, bob] = rig.users().await;
    let first = rig.direct(ada, &[bob]).await;
    let warming = rig.store().home_begin(bob).await.unwrap();
    let read = home::read_facts(rig.store().as_ref(), bob, Window::NEWEST, 800)
        .await
        .unwrap();
    rig.store().push_inboxes(first, &[bob]).await.unwrap();
    assert!(rig.store().home_finish(warming, &read, true).await.unwrap());
    assert_eq!(rig.home_of(bob).await, [first]);
}
