//! Follows, mutes and blocks.

use std::collections::BTreeSet;

use ripple_domain::{Relation, RelationKind, UserId};
use ripple_store::CommitError;
use tokio::task::JoinSet;

use crate::harness::Rig;

const NONE: Relation = Relation {
    follows: false,
    mutes: false,
    blocked: false,
};
const KINDS: [RelationKind; 3] = [
    RelationKind::Follow,
    RelationKind::Mute,
    RelationKind::Block,
];

async fn relation(rig: &Rig, viewer: UserId, other: UserId) -> Relation {
    rig.store().relations(viewer, &[other]).await.unwrap()[0]
}

pub(crate) async fn a_relation_holds_from_its_commit_to_its_end(mut rig: Rig) {
    let [ada, bob] = rig.users().await;
    for kind in KINDS {
        let there = match kind {
            RelationKind::Follow => Relation {
                follows: true,
                ..NONE
            },
            RelationKind::Mute => Relation {
                mutes: true,
                ..NONE
            },
            RelationKind::Block => Relation {
                blocked: true,
                ..NONE
            },
        };
        // A block holds for both.
        let back = if kind == RelationKind::Block {
            there
        } else {
            NONE
        };
        for (on, repeated) in [(true, false), (true, true), (false, false), (false, true)] {
            rig.relate(ada, kind, bob, on).await;
            for _ in 0..2 {
                let (forth, back) = if on { (there, back) } else { (NONE, NONE) };
                assert_eq!(relation(&rig, ada, bob).await, forth, "{kind:?} {on}");
                assert_eq!(relation(&rig, bob, ada).await, back, "{kind:?} {on}");
                if repeated {
                    rig.kill().await;
                }
            }
        }
    }
}

pub(crate) async fn relations_are_apart_from_each_other(rig: Rig) {
    let [ada, bob] = rig.users().await;
    for kind in KINDS {
        rig.relate(ada, kind, bob, true).await;
        rig.relate(bob, kind, ada, true).await;
    }
    rig.relate(ada, RelationKind::Block, bob, false).await;
    assert!(
        relation(&rig, ada, bob).await.blocked,
        "bob blocks ada still"
    );
    rig.relate(bob, RelationKind::Block, ada, false).await;
    let both = Relation {
        follows: true,
        mutes: true,
        blocked: false,
    };
    assert_eq!(relation(&rig, ada, bob).await, both);
    rig.unfollow(ada, bob).await;
    assert_eq!(
        relation(&rig, ada, bob).await,
        Relation {
            mutes: true,
            ..NONE
        }
    );
    assert_eq!(relation(&rig, bob, ada).await, both);
}

pub(crate) async fn relations_are_in_the_order_of_the_question(rig: Rig) {
    let [ada, bob, eve, joe] = rig.users().await;
    rig.follow(ada, bob).await;
    rig.relate(ada, RelationKind::Mute, eve, true).await;
    rig.relate(joe, RelationKind::Block, ada, true).await;
    let asked = [joe, ada, bob, UserId(999), eve, bob];
    let found = rig.store().relations(ada, &asked).await.unwrap();
    let follows = Relation {
        follows: true,
        ..NONE
    };
    let mutes = Relation {
        mutes: true,
        ..NONE
    };
    let blocked = Relation {
        blocked: true,
        ..NONE
    };
    assert_eq!(found, [blocked, NONE, follows, NONE, mutes, follows]);
    assert!(rig.store().relations(ada, &[]).await.unwrap().is_empty());
}

pub(crate) async fn a_relation_with_nobody_is_refused(rig: Rig) {
    let ada = rig.user("ada").await;
    for (from, to) in [(ada, UserId(999)), (UserId(999), ada)] {
        for kind in KINDS {
            let refused = rig.store().relate(from, kind, to, true).await;
            assert!(
                matches!(refused, Err(CommitError::NotFound { .. })),
                "{refused:?}"
            );
        }
    }
    assert!(rig.store().followees(ada).await.unwrap().is_empty());
    assert!(
        rig.store()
            .followers_page(ada, None, 10)
            .await
            .unwrap()
            .is_empty()
    );
}

/// Those who follow `user`, or whom he follows, from pages of `limit`.
async fn all_pages(rig: &Rig, user: UserId, limit: usize, followers: bool) -> Vec<UserId> {
    let mut found: Vec<UserId> = Vec::new();
    loop {
        let before = found.last().copied();
        let page = match followers {
            true => rig.store().followers_page(user, before, limit).await,
            false => rig.store().following_page(user, before, limit).await,
        };
        let page = page.unwrap();
        assert!(page.len() <= limit);
        if page.is_empty() {
            return found;
        }
        found.extend(page);
    }
}

pub(crate) async fn followees_and_followers_are_exact(mut rig: Rig) {
    let users: [UserId; 12] = rig.users().await;
    let ada = users[0];
    for user in &users[1..] {
        rig.follow(*user, ada).await;
        rig.follow(ada, *user).await;
    }
    for user in [users[3], users[7]] {
        rig.unfollow(user, ada).await;
        rig.unfollow(ada, user).await;
    }
    let mut expected: Vec<UserId> = users[1..].to_vec();
    expected.retain(|user| ![users[3], users[7]].contains(user));
    expected.reverse();
    for _ in 0..2 {
        let mut followees = rig.store().followees(ada).await.unwrap();
        followees.sort_unstable_by(|a, b| b.cmp(a));
        assert_eq!(followees, expected);
        for limit in [1, 4, 100] {
            assert_eq!(all_pages(&rig, ada, limit, true).await, expected);
            assert_eq!(all_pages(&rig, ada, limit, false).await, expected);
        }
        let (store, stranger) = (rig.store(), Some(users[7]));
        let followers = store.followers_page(ada, stranger, 1).await.unwrap();
        let following = store.following_page(ada, stranger, 1).await.unwrap();
        assert_eq!((&followers, &following), (&vec![users[6]], &vec![users[6]]));
        rig.restart().await;
    }
}

pub(crate) async fn follows_under_concurrency_leave_no_half(mut rig: Rig) {
    let users: [UserId; 9] = rig.users().await;
    let ada = users[0];
    let mut tasks = JoinSet::new();
    for (index, user) in users.into_iter().enumerate().skip(1) {
        let store = rig.store().clone();
        tasks.spawn(async move {
            for round in 0..=index {
                store
                    .relate(user, RelationKind::Follow, ada, round % 2 == 0)
                    .await
                    .unwrap();
            }
        });
    }
    tasks.join_all().await;
    let expected: BTreeSet<UserId> = users
        .into_iter()
        .enumerate()
        .skip(1)
        .filter(|(index, _)| index % 2 == 0)
        .map(|(_, user)| user)
        .collect();
    for _ in 0..2 {
        let followers = rig.store().followers_page(ada, None, 100).await.unwrap();
        assert_eq!(BTreeSet::from_iter(followers), expected);
        assert_eq!(
            rig.store().user_counts(ada).await.unwrap().followers,
            expected.len() as u64
        );
        for user in &users[1..] {
            let followees = rig.store().followees(*user).await.unwrap();
            assert_eq!(!followees.is_empty(), expected.contains(user));
        }
        rig.kill().await;
    }
}
