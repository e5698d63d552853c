//! A process remembers who wrote which post. It must make no difference whether it does.

use std::sync::Arc;

use ripple_domain::{PostId, Relation, RelationKind, UserId};
use ripple_store::{Store, redis::RedisOptions};

use super::{open, post, user};
use crate::harness::{Program, RedisServer};

/// The posts as a reader finds them: by whom, and how he stands to that one.
async fn found(
    store: &Arc<dyn Store>,
    reader: UserId,
    ids: &[PostId],
) -> Vec<Option<(PostId, UserId, Relation)>> {
    let hydrated = store.hydrate(Some(reader), ids).await.unwrap();
    let found = hydrated.into_iter().map(|it| {
        let it = it?;
        assert_eq!(it.authored.author.id, it.authored.post.author);
        Some((it.authored.post.id, it.authored.author.id, it.relation))
    });
    found.collect()
}

#[tokio::test]
async fn a_page_is_the_same_whoever_knows_its_authors() {
    let server = RedisServer::start(Program::Redis);
    let ours = open(&server.url(), RedisOptions::default()).await;
    let (ada, bob, eve) = (
        user(&ours, "ada").await,
        user(&ours, "bob").await,
        user(&ours, "eve").await,
    );
    for (kind, to) in [(RelationKind::Follow, ada), (RelationKind::Mute, bob)] {
        ours.relate(eve, kind, to, true).await.unwrap();
    }
    let follows = Relation {
        follows: true,
        ..Relation::default()
    };
    let mutes = Relation {
        mutes: true,
        ..Relation::default()
    };
    let (first, second) = (post(&ours, ada).await, post(&ours, bob).await);
    let expected = [
        Some((second, bob, mutes)),
        None,
        Some((first, ada, follows)),
        Some((second, bob, mutes)),
    ];
    let ids = [second, PostId(1), first, second];

    let theirs = open(&server.url(), RedisOptions::default()).await;
    for store in [&ours, &theirs, &theirs] {
        assert_eq!(found(store, eve, &ids).await, expected);
    }
    // Known by another of his posts; not known at all; one that is gone.
    let third = post(&ours, ada).await;
    let own = post(&ours, eve).await;
    ours.delete_post(second, None, None).await.unwrap();
    let expected = [
        Some((third, ada, follows)),
        None,
        Some((own, eve, Relation::default())),
    ];
    for store in [&ours, &theirs, &theirs] {
        assert_eq!(found(store, eve, &[third, second, own]).await, expected);
    }
    // What may change is read each time.
    let unfollowed = ours.relate(eve, RelationKind::Follow, ada, false);
    unfollowed.await.unwrap();
    for store in [&ours, &theirs] {
        let expected = [Some((third, ada, Relation::default()))];
        assert_eq!(found(store, eve, &[third]).await, expected);
    }
    assert_eq!(theirs.hydrate(Some(eve), &[]).await.unwrap(), []);
}
