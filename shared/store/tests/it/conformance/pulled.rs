//! Authors whose posts are pulled: nobody pushes them, and every reader has them all the same.

use std::collections::BTreeSet;

use ripple_domain::{PostId, UserId};
use ripple_store::{Home, PULLED_AUTHORS_MAX, home};

use super::reading::{page_down, page_up};
use crate::harness::Rig;

async fn pull(rig: &Rig, author: UserId) {
    assert!(rig.store().pull(author).await.unwrap());
}

async fn pulled_of(rig: &Rig, reader: UserId) -> Vec<UserId> {
    rig.store().read_home(reader).await.unwrap().1
}

/// A post of which no fan-out does anything, newer than all before.
async fn unpushed(rig: &Rig, author: UserId) -> PostId {
    rig.pass_ms(1);
    let post = rig.post(author, "pulled").await;
    rig.drop_jobs().await;
    post
}

async fn pushed(rig: &Rig, author: UserId) -> PostId {
    rig.pass_ms(1);
    let post = rig.post(author, "pushed").await;
    rig.drain().await;
    post
}

fn newest_first(posts: &BTreeSet<PostId>) -> Vec<PostId> {
    posts.iter().rev().copied().collect()
}

pub(crate) async fn posts_that_are_pulled_are_on_the_page_without_a_push(rig: Rig) {
    let [star, ada, reader, other] = rig.users().await;
    for author in [star, ada] {
        rig.follow(reader, author).await;
    }
    rig.follow(other, ada).await;
    let mut of_ada = BTreeSet::new();
    let mut all = BTreeSet::new();
    // Pushed before; it must not be on the page twice.
    all.insert(pushed(&rig, star).await);
    for user in [reader, other, star] {
        rig.home_of(user).await;
    }
    all.insert(pushed(&rig, star).await);
    pull(&rig, star).await;
    for _ in 0..4 {
        all.insert(unpushed(&rig, star).await);
        of_ada.insert(pushed(&rig, ada).await);
    }
    all.extend(&of_ada);
    let kept = rig.store().home(reader).await.unwrap();
    assert!(matches!(kept, Home::Warm { ids, .. } if ids.len() == 6));
    let expected = newest_first(&all);
    for limit in [1, 3, 100] {
        assert_eq!(page_down(&rig, reader, limit).await, expected, "{limit}");
        assert_eq!(page_up(&rig, reader, limit).await, expected, "{limit}");
    }
    assert_eq!(rig.home_of(other).await, newest_first(&of_ada));
    let his_own: BTreeSet<PostId> = all.difference(&of_ada).copied().collect();
    assert_eq!(rig.home_of(star).await, newest_first(&his_own));

    let newest = unpushed(&rig, star).await;
    assert_eq!(rig.home_of(reader).await[0], newest);
    rig.delete(newest).await;
    assert_eq!(rig.home_of(reader).await, expected);
    rig.unfollow(reader, star).await;
    assert_eq!(rig.home_of(reader).await, newest_first(&of_ada));
    rig.follow(reader, star).await;
    assert_eq!(rig.home_of(reader).await, expected);
}

pub(crate) async fn pulled_posts_lead_through_the_floor_without_a_seam(rig: Rig) {
    let [star, ada, reader] = rig.users().await;
    for author in [star, ada] {
        rig.follow(reader, author).await;
    }
    pull(&rig, star).await;
    let mut all = BTreeSet::new();
    for _ in 0..4 {
        all.insert(unpushed(&rig, star).await);
        all.insert(unpushed(&rig, ada).await);
    }
    // Warm with a floor: the timeline holds less than there is.
    let warming = rig.store().home_begin(reader).await.unwrap();
    let newest: Vec<PostId> = all.iter().rev().take(3).copied().collect();
    let finished = rig.store().home_finish(warming, &newest, false).await;
    assert!(finished.unwrap());
    for _ in 0..3 {
        all.insert(unpushed(&rig, star).await);
        all.insert(pushed(&rig, ada).await);
    }
    let expected = newest_first(&all);
    for limit in [1, 2, 5, 100] {
        assert_eq!(page_down(&rig, reader, limit).await, expected, "{limit}");
        assert_eq!(page_up(&rig, reader, limit).await, expected, "{limit}");
    }
    let kept = rig.store().home(reader).await.unwrap();
    assert!(
        matches!(kept, Home::Warm { floor: Some(_), .. }),
        "{kept:?}"
    );
}

pub(crate) async fn no_pulled_post_is_missing_after_a_crash(mut rig: Rig) {
    let [star, reader] = rig.users().await;
    rig.follow(reader, star).await;
    home::rebuild(rig.store().as_ref(), reader).await.unwrap();
    pull(&rig, star).await;
    let mut posts = vec![unpushed(&rig, star).await];
    for crash in [true, false] {
        if crash {
            rig.kill().await;
        } else {
            rig.restart().await;
        }
        assert_eq!(rig.home_of(reader).await, posts);
        // Whether he is pulled still, or his posts are pushed again.
        posts.insert(0, pushed(&rig, star).await);
        assert_eq!(rig.home_of(reader).await, posts);
    }
}

pub(crate) async fn a_reader_is_told_of_the_pulled_whom_he_follows(rig: Rig) {
    let [star, ada, reader] = rig.users().await;
    rig.follow(reader, ada).await;
    assert_eq!(pulled_of(&rig, reader).await, []);
    for author in [ada, star, ada] {
        pull(&rig, author).await;
    }
    assert_eq!(pulled_of(&rig, reader).await, [ada]);
    rig.follow(reader, star).await;
    assert_eq!(
        BTreeSet::from_iter(pulled_of(&rig, reader).await),
        BTreeSet::from([ada, star])
    );
    assert_eq!(pulled_of(&rig, star).await, []);
}

pub(crate) async fn cooling_all_timelines_ends_that_posts_are_pulled(rig: Rig) {
    let [star, reader] = rig.users().await;
    rig.follow(reader, star).await;
    rig.home_of(reader).await;
    pull(&rig, star).await;
    let mut posts = vec![unpushed(&rig, star).await];
    rig.store().home_cool_all().await.unwrap();
    assert_eq!(pulled_of(&rig, reader).await, []);
    assert_eq!(rig.home_of(reader).await, posts);
    posts.insert(0, pushed(&rig, star).await);
    assert_eq!(rig.home_of(reader).await, posts);
}

pub(crate) async fn no_more_than_the_most_are_pulled(rig: Rig) {
    let store = rig.store();
    let pulling = (1..).map(UserId).take(PULLED_AUTHORS_MAX);
    for author in pulling {
        assert!(store.pull(author).await.unwrap());
    }
    let (one, further) = (UserId(1), UserId(100_000));
    assert!(!store.pull(further).await.unwrap());
    assert!(store.pull(one).await.unwrap(), "he is among them");
    store.home_cool_all().await.unwrap();
    assert!(store.pull(further).await.unwrap());
}
