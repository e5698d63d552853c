//! Home timelines as they are kept: cold, warming, warm.

use std::collections::BTreeSet;

use ripple_domain::{PostId, RelationKind, UserId};
use ripple_store::{Delivery, Home, Pushed, home};

use crate::harness::Rig;

fn warm(ids: impl IntoIterator<Item = PostId>) -> Home {
    Home::Warm {
        ids: ids.into_iter().collect(),
        floor: None,
    }
}

fn delivery(post: PostId, author: UserId) -> Delivery {
    Delivery {
        post,
        author,
        after: None,
        followers_max: 1_000,
    }
}

fn above(ids: &[PostId], floor: PostId) -> Vec<PostId> {
    ids.iter().copied().filter(|id| *id > floor).collect()
}

async fn kept(rig: &Rig, user: UserId) -> Home {
    rig.store().home(user).await.unwrap()
}

async fn push(rig: &Rig, post: PostId, author: UserId) -> Pushed {
    rig.store()
        .push_home(vec![delivery(post, author)])
        .await
        .unwrap()[0]
}

/// Two users of whom the second follows the first, and whose timelines are warm and empty.
async fn followed(rig: &Rig) -> (UserId, UserId) {
    let [ada, bob] = rig.users().await;
    rig.follow(bob, ada).await;
    for user in [ada, bob] {
        assert_eq!(
            home::rebuild(rig.store().as_ref(), user).await.unwrap(),
            warm([])
        );
    }
    (ada, bob)
}

pub(crate) async fn a_timeline_is_cold_until_it_is_rebuilt(rig: Rig) {
    let [ada, bob] = rig.users().await;
    rig.follow(bob, ada).await;
    let post = rig.post(ada, "hello").await;
    assert_eq!(kept(&rig, bob).await, Home::Cold);
    let pushed = push(&rig, post, ada).await;
    assert_eq!((pushed.followers, pushed.pushed, pushed.next), (1, 0, None));
    assert_eq!(kept(&rig, bob).await, Home::Cold);

    let warming = rig.store().home_begin(bob).await.unwrap();
    assert_eq!(warming.user, bob);
    assert_eq!(
        kept(&rig, bob).await,
        Home::Cold,
        "it cannot be read before the end"
    );
    assert!(
        rig.store()
            .home_finish(warming, &[post], true)
            .await
            .unwrap()
    );
    assert_eq!(kept(&rig, bob).await, warm([post]));
}

pub(crate) async fn a_push_reaches_the_warm_followers(rig: Rig) {
    let (ada, bob) = followed(&rig).await;
    let [eve, joe] = [rig.user("eve").await, rig.user("joe").await];
    rig.follow(eve, ada).await;
    home::rebuild(rig.store().as_ref(), joe).await.unwrap();
    let post = rig.post(ada, "hello").await;
    let pushed = push(&rig, post, ada).await;
    assert_eq!((pushed.followers, pushed.pushed, pushed.next), (2, 1, None));
    assert_eq!(kept(&rig, bob).await, warm([post]));
    assert_eq!(kept(&rig, eve).await, Home::Cold);
    assert_eq!(kept(&rig, joe).await, warm([]), "he does not follow her");
}

pub(crate) async fn a_push_twice_is_a_push_once(rig: Rig) {
    let (ada, bob) = followed(&rig).await;
    let posts = rig.posts(ada, 3).await;
    for post in [0, 2, 1, 0, 2, 1, 1].map(|index| posts[index]) {
        push(&rig, post, ada).await;
    }
    let deliveries = posts.iter().map(|post| delivery(*post, ada));
    rig.store().push_home(deliveries.collect()).await.unwrap();
    assert_eq!(
        kept(&rig, bob).await,
        warm(posts),
        "newest first, each once"
    );
}

pub(crate) async fn deliveries_are_answered_in_their_order(rig: Rig) {
    let [ada, bob, eve, joe] = rig.users().await;
    for (from, to) in [(eve, ada), (joe, ada), (joe, bob)] {
        rig.follow(from, to).await;
    }
    home::rebuild(rig.store().as_ref(), joe).await.unwrap();
    let (of_ada, of_bob) = (rig.post(ada, "a").await, rig.post(bob, "b").await);
    let of_eve = rig.post(eve, "e").await;
    let deliveries = vec![
        delivery(of_bob, bob),
        delivery(of_eve, eve),
        delivery(of_ada, ada),
    ];
    let pushed = rig.store().push_home(deliveries).await.unwrap();
    let figures: Vec<_> = pushed
        .iter()
        .map(|one| (one.followers, one.pushed))
        .collect();
    assert_eq!(figures, [(1, 1), (0, 0), (2, 1)]);
    let expected = BTreeSet::from([of_ada, of_bob]);
    assert_eq!(kept(&rig, joe).await, warm(expected.into_iter().rev()));
    assert!(rig.store().push_home(vec![]).await.unwrap().is_empty());
}

pub(crate) async fn a_fan_out_goes_in_chunks(rig: Rig) {
    let users: [UserId; 8] = rig.users().await;
    let ada = users[0];
    for user in &users[1..] {
        rig.follow(*user, ada).await;
        home::rebuild(rig.store().as_ref(), *user).await.unwrap();
    }
    for followers_max in [1, 2, 3, 7, 8] {
        let post = rig.post(ada, "hello").await;
        let (mut after, mut followers, mut chunks) = (None, 0, 0);
        loop {
            let chunk = Delivery {
                after,
                followers_max,
                ..delivery(post, ada)
            };
            let pushed = rig.store().push_home(vec![chunk]).await.unwrap().remove(0);
            assert!(pushed.followers <= followers_max as u64);
            assert_eq!(pushed.pushed, pushed.followers, "all are warm");
            followers += pushed.followers;
            chunks += 1;
            assert!(chunks <= 8, "it comes to an end");
            let Some(next) = pushed.next else { break };
            assert!(Some(next) > after, "in the order of ids");
            after = Some(next);
        }
        assert_eq!(followers, 7);
        for user in &users[1..] {
            let Home::Warm { ids, .. } = kept(&rig, *user).await else {
                panic!("cold");
            };
            assert_eq!(ids.iter().filter(|id| **id == post).count(), 1);
        }
    }
}

/// Followers who come and go between two chunks lose nothing and get nothing twice.
pub(crate) async fn a_fan_out_goes_on_after_a_follower_who_has_left(rig: Rig) {
    let users: [UserId; 5] = rig.users().await;
    let ada = users[0];
    for user in &users[1..] {
        rig.follow(*user, ada).await;
        home::rebuild(rig.store().as_ref(), *user).await.unwrap();
    }
    let post = rig.post(ada, "hello").await;
    let chunk = |after| Delivery {
        after,
        followers_max: 2,
        ..delivery(post, ada)
    };
    let pushed = rig
        .store()
        .push_home(vec![chunk(None)])
        .await
        .unwrap()
        .remove(0);
    let next = pushed.next.unwrap();
    assert_eq!(next, users[2]);
    rig.unfollow(next, ada).await;
    let pushed = rig
        .store()
        .push_home(vec![chunk(Some(next))])
        .await
        .unwrap()
        .remove(0);
    assert_eq!(pushed.followers, 2);
    for user in [users[1], users[3], users[4]] {
        assert_eq!(kept(&rig, user).await, warm([post]));
    }
}

pub(crate) async fn what_is_pushed_while_a_timeline_warms_is_in_it(rig: Rig) {
    let (ada, bob) = followed(&rig).await;
    let posts = rig.posts(ada, 4).await;
    rig.store().home_cool(bob).await.unwrap();
    let warming = rig.store().home_begin(bob).await.unwrap();
    for post in [posts[0], posts[2]] {
        assert_eq!(
            push(&rig, post, ada).await.pushed,
            1,
            "a timeline that warms takes the push"
        );
    }
    assert!(
        rig.store()
            .home_finish(warming, &posts[1..], true)
            .await
            .unwrap()
    );
    assert_eq!(kept(&rig, bob).await, warm(posts));
}

pub(crate) async fn a_warm_timeline_can_be_rebuilt(rig: Rig) {
    let (ada, bob) = followed(&rig).await;
    let posts = rig.posts(ada, 3).await;
    push(&rig, posts[2], ada).await;
    let warming = rig.store().home_begin(bob).await.unwrap();
    push(&rig, posts[0], ada).await;
    assert!(
        rig.store()
            .home_finish(warming, &posts[1..], true)
            .await
            .unwrap()
    );
    assert_eq!(kept(&rig, bob).await, warm(posts));
}

pub(crate) async fn a_rebuild_that_was_overtaken_cannot_finish(rig: Rig) {
    let (ada, bob) = followed(&rig).await;
    let posts = rig.posts(ada, 2).await;
    let first = rig.store().home_begin(bob).await.unwrap();
    let second = rig.store().home_begin(bob).await.unwrap();
    assert_ne!(first.token, second.token);
    assert!(!rig.store().home_finish(first, &[], true).await.unwrap());
    assert!(rig.store().home_finish(second, &posts, true).await.unwrap());
    assert!(
        !rig.store().home_finish(second, &[], true).await.unwrap(),
        "it ends once"
    );
    assert!(!rig.store().home_finish(first, &[], true).await.unwrap());
    assert_eq!(kept(&rig, bob).await, warm(posts));
}

pub(crate) async fn a_rebuild_of_a_timeline_that_was_cooled_cannot_finish(rig: Rig) {
    let (ada, bob) = followed(&rig).await;
    let eve = rig.user("eve").await;
    let posts = rig.posts(ada, 2).await;
    for cause in 0..7 {
        let warming = rig.store().home_begin(bob).await.unwrap();
        match cause {
            0 => rig.store().home_cool(bob).await.unwrap(),
            1 => rig.store().home_cool_all().await.unwrap(),
            2 => rig.follow(bob, eve).await,
            3 => rig.unfollow(bob, eve).await,
            4 => rig.relate(bob, RelationKind::Block, eve, true).await,
            5 => rig.relate(bob, RelationKind::Block, eve, false).await,
            _ => rig.relate(eve, RelationKind::Block, bob, true).await,
        }
        let finished = rig
            .store()
            .home_finish(warming, &posts, true)
            .await
            .unwrap();
        assert!(!finished, "cause {cause}");
        assert_eq!(kept(&rig, bob).await, Home::Cold, "cause {cause}");
    }
}

pub(crate) async fn relations_make_timelines_cold(rig: Rig) {
    use RelationKind::{Block, Follow};
    let [ada, bob, eve] = rig.users().await;
    for (kind, on, both) in [
        (Follow, true, false),
        (Follow, false, false),
        (Block, true, true),
        (Block, false, true),
    ] {
        for user in [ada, bob, eve] {
            home::rebuild(rig.store().as_ref(), user).await.unwrap();
        }
        rig.relate(ada, kind, bob, on).await;
        assert_eq!(kept(&rig, ada).await, Home::Cold, "{kind:?} {on}");
        if both {
            assert_eq!(kept(&rig, bob).await, Home::Cold, "{kind:?} {on}");
        }
        assert_eq!(kept(&rig, eve).await, warm([]), "{kind:?} {on}");
    }
}

pub(crate) async fn cooling_is_of_one_or_of_all(rig: Rig) {
    let [ada, bob, eve] = rig.users().await;
    for user in [ada, bob] {
        home::rebuild(rig.store().as_ref(), user).await.unwrap();
    }
    rig.store().home_cool(ada).await.unwrap();
    rig.store().home_cool(ada).await.unwrap();
    assert_eq!(kept(&rig, ada).await, Home::Cold);
    assert_eq!(kept(&rig, bob).await, warm([]));
    rig.store().home_cool_all().await.unwrap();
    for user in [ada, bob, eve] {
        assert_eq!(kept(&rig, user).await, Home::Cold);
    }
}

pub(crate) async fn a_timeline_that_is_not_complete_has_a_floor(rig: Rig) {
    let (ada, bob) = followed(&rig).await;
    let posts = rig.posts(ada, 6).await;
    let warming = rig.store().home_begin(bob).await.unwrap();
    assert!(
        rig.store()
            .home_finish(warming, &posts[1..3], false)
            .await
            .unwrap()
    );
    push(&rig, posts[0], ada).await;
    // Below the floor the facts are read: a late push there changes nothing.
    push(&rig, posts[4], ada).await;
    let Home::Warm {
        ids,
        floor: Some(floor),
    } = kept(&rig, bob).await
    else {
        panic!("no floor");
    };
    assert!(
        floor <= posts[2],
        "complete down to the last id that was given"
    );
    assert_eq!(above(&ids, floor), above(&posts, floor));
    assert_eq!(rig.home_of(bob).await, posts);
}

/// What the cap cuts off lies below the floor; all above it is there.
pub(crate) async fn a_full_timeline_is_complete_above_its_floor(rig: Rig) {
    let (ada, bob) = followed(&rig).await;
    let mut posts = rig.many_posts(ada, home::HOME_IDS_MAX + 40).await;
    rig.drop_jobs().await;
    for post in posts.iter().rev() {
        push(&rig, *post, ada).await;
    }
    for round in 0..2 {
        let Home::Warm {
            ids,
            floor: Some(floor),
        } = kept(&rig, bob).await
        else {
            panic!("no floor");
        };
        assert!(ids.len() <= home::HOME_IDS_MAX);
        assert!(ids.len() >= home::HOME_IDS_MAX / 2, "{} ids", ids.len());
        assert_eq!(above(&ids, floor), above(&posts, floor), "round {round}");
        rig.store().home_cool(bob).await.unwrap();
        home::rebuild(rig.store().as_ref(), bob).await.unwrap();
        posts.insert(0, rig.post(ada, "one more").await);
        push(&rig, posts[0], ada).await;
    }
}

pub(crate) async fn idle_timelines_become_cold(mut rig: Rig) {
    rig.settings.home_idle_ms = 60_000;
    rig.restart().await;
    let [ada, bob] = rig.users().await;
    for user in [ada, bob] {
        home::rebuild(rig.store().as_ref(), user).await.unwrap();
    }
    rig.pass_ms(50_000);
    rig.store().housekeep().await.unwrap();
    assert_eq!(kept(&rig, ada).await, warm([]), "and this counts as a read");
    rig.pass_ms(20_000);
    rig.store().housekeep().await.unwrap();
    assert_eq!(kept(&rig, ada).await, warm([]));
    assert_eq!(kept(&rig, bob).await, Home::Cold);
}

pub(crate) async fn a_restart_changes_no_page(mut rig: Rig) {
    let (ada, bob) = followed(&rig).await;
    let mut posts = rig.posts(ada, 3).await;
    posts.insert(0, rig.direct(ada, &[bob]).await);
    rig.drain().await;
    assert_eq!(rig.home_of(bob).await, posts);
    for crash in [false, true] {
        if crash {
            rig.kill().await;
        } else {
            rig.restart().await;
        }
        assert_eq!(rig.home_of(bob).await, posts);
        posts.insert(0, rig.post(ada, "after").await);
        rig.drain().await;
        assert_eq!(rig.home_of(bob).await, posts);
    }
}
