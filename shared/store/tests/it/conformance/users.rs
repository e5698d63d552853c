//! Users, handles and tokens.

use std::collections::BTreeSet;

use ripple_domain::{NewUser, RelationKind, UserId};
use ripple_store::{CommitError, UserCounts};
use tokio::task::JoinSet;

use crate::harness::{Rig, handle, new_user, token};

const NOBODY: UserId = UserId(999);

pub(crate) async fn a_created_user_is_found_by_id_handle_and_token(mut rig: Rig) {
    let new = NewUser {
        handle: handle("Ada"),
        display_name: Some("Ada L.".into()),
        bio: "Numbers".into(),
    };
    let created = rig
        .store()
        .create_user(new, token("ada"), None)
        .await
        .unwrap();
    assert!(!created.replayed);
    let ada = created.value;
    assert_eq!(ada.id, UserId(1), "ids are dense");
    assert_eq!(
        (ada.handle.as_str(), &*ada.display_name, &*ada.bio),
        ("ada", "Ada L.", "Numbers")
    );
    assert_eq!((ada.created_at, ada.revision), (rig.now(), 0));

    for _ in 0..2 {
        let store = rig.store();
        assert_eq!(store.user(ada.id).await.unwrap().as_ref(), Some(&ada));
        assert_eq!(
            store.user_by_handle(&handle("ADA")).await.unwrap().as_ref(),
            Some(&ada)
        );
        assert_eq!(
            store.user_by_token(&token("ada")).await.unwrap(),
            Some(ada.id)
        );
        rig.restart().await;
    }
}

pub(crate) async fn who_does_not_exist_is_not_found(rig: Rig) {
    rig.user("ada").await;
    let store = rig.store();
    assert_eq!(store.user(NOBODY).await.unwrap(), None);
    assert_eq!(store.user_by_handle(&handle("nobody")).await.unwrap(), None);
    assert_eq!(store.user_by_token(&token("nobody")).await.unwrap(), None);
    assert_eq!(
        store.user_counts(NOBODY).await.unwrap(),
        UserCounts::default()
    );
    assert!(matches!(
        store.update_user(NOBODY, None, Some("?".into())).await,
        Err(CommitError::NotFound { .. })
    ));
    assert!(matches!(
        store.add_token(NOBODY, token("nobody")).await,
        Err(CommitError::NotFound { .. })
    ));
    assert_eq!(store.user_by_token(&token("nobody")).await.unwrap(), None);
}

pub(crate) async fn a_user_without_a_name_shows_his_handle(rig: Rig) {
    let ada = rig.user("ada").await;
    assert_eq!(
        rig.store().user(ada).await.unwrap().unwrap().display_name,
        "ada"
    );
}

pub(crate) async fn a_taken_handle_is_refused_and_nothing_happens(rig: Rig) {
    let ada = rig.user("ada").await;
    let second = rig
        .store()
        .create_user(new_user("ADA"), token("second"), None)
        .await;
    assert!(
        matches!(second, Err(CommitError::HandleTaken)),
        "{second:?}"
    );
    assert_eq!(
        rig.store().user_by_token(&token("second")).await.unwrap(),
        None
    );
    let found = rig
        .store()
        .user_by_handle(&handle("ada"))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(found.id, ada);
    assert_eq!(rig.user("bob").await, UserId(2), "no id was used up");
}

pub(crate) async fn of_many_who_want_a_handle_one_gets_it(mut rig: Rig) {
    let mut attempts = JoinSet::new();
    for index in 0..32 {
        let store = rig.store().clone();
        attempts.spawn(async move {
            let token = token(&format!("token_{index}"));
            let created = store.create_user(new_user("ada"), token, None).await;
            (token, created)
        });
    }
    let mut winners = Vec::new();
    let mut losers = Vec::new();
    for (token, created) in attempts.join_all().await {
        match created {
            Ok(created) => winners.push((token, created.value.id)),
            Err(CommitError::HandleTaken) => losers.push(token),
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!((winners.len(), losers.len()), (1, 31));
    let (token, winner) = winners[0];
    rig.restart().await;
    assert_eq!(
        rig.store().user_by_token(&token).await.unwrap(),
        Some(winner)
    );
    for token in losers {
        assert_eq!(rig.store().user_by_token(&token).await.unwrap(), None);
    }
}

pub(crate) async fn user_ids_are_dense_under_concurrency(mut rig: Rig) {
    let mut created = JoinSet::new();
    for index in 0..50 {
        let store = rig.store().clone();
        created.spawn(async move {
            let name = format!("user_{index}");
            let user = store.create_user(new_user(&name), token(&name), None).await;
            user.unwrap().value.id
        });
    }
    let ids: BTreeSet<UserId> = created.join_all().await.into_iter().collect();
    assert_eq!(ids, (1..=50).map(UserId).collect());
    rig.kill().await;
    assert_eq!(rig.user("next").await, UserId(51));
}

pub(crate) async fn a_profile_changes_where_something_is_given(mut rig: Rig) {
    let ada = rig.user("ada").await;
    let store = rig.store();
    let changed = store
        .update_user(ada, Some("Ada L.".into()), None)
        .await
        .unwrap();
    assert_eq!(
        (&*changed.display_name, &*changed.bio, changed.revision),
        ("Ada L.", "", 1)
    );
    let changed = store
        .update_user(ada, None, Some("Numbers".into()))
        .await
        .unwrap();
    assert_eq!(
        (&*changed.display_name, &*changed.bio, changed.revision),
        ("Ada L.", "Numbers", 2)
    );

    for _ in 0..2 {
        assert_eq!(
            rig.store().user(ada).await.unwrap().as_ref(),
            Some(&changed)
        );
        let by_handle = rig.store().user_by_handle(&handle("ada")).await.unwrap();
        assert_eq!(by_handle.as_ref(), Some(&changed));
        rig.restart().await;
    }
}

pub(crate) async fn an_added_token_leaves_the_others_valid(mut rig: Rig) {
    let ada = rig.user("ada").await;
    rig.store().add_token(ada, token("second")).await.unwrap();
    for _ in 0..2 {
        for name in ["ada", "second"] {
            let owner = rig.store().user_by_token(&token(name)).await.unwrap();
            assert_eq!(owner, Some(ada), "{name}");
        }
        rig.kill().await;
    }
}

pub(crate) async fn the_counts_are_those_of_the_facts(mut rig: Rig) {
    let [ada, bob, eve] = rig.users().await;
    rig.follow(bob, ada).await;
    rig.follow(eve, ada).await;
    rig.follow(ada, eve).await;
    rig.relate(ada, RelationKind::Mute, eve, true).await;
    let first = rig.post(ada, "one").await;
    rig.post(ada, "two").await;
    let counts = |followers, following, posts| UserCounts {
        followers,
        following,
        posts,
    };
    assert_eq!(rig.store().user_counts(ada).await.unwrap(), counts(2, 1, 2));

    rig.follow(bob, ada).await;
    assert_eq!(
        rig.store().user_counts(ada).await.unwrap(),
        counts(2, 1, 2),
        "once is twice"
    );
    rig.unfollow(bob, ada).await;
    rig.delete(first).await;
    for _ in 0..2 {
        assert_eq!(rig.store().user_counts(ada).await.unwrap(), counts(1, 1, 1));
        assert_eq!(rig.store().user_counts(bob).await.unwrap(), counts(0, 0, 0));
        rig.restart().await;
    }
}
