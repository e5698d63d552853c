//! Feed documents that are kept rendered.

use std::{collections::HashSet, sync::Arc};

use ripple_domain::{Topic, UserId};
use ripple_store::{FeedDocument, FeedFormat, FeedKey};

use crate::harness::{Rig, START};

fn key(topic: Topic, format: FeedFormat, base_url: &str) -> FeedKey {
    FeedKey {
        topic,
        format,
        base_url: base_url.into(),
    }
}

fn document(n: u8) -> Arc<FeedDocument> {
    Arc::new(FeedDocument {
        fingerprint: [n; 16],
        last_modified: START.plus_ms(i64::from(n)),
        body: vec![n; 1_000].into(),
    })
}

fn keys() -> Vec<FeedKey> {
    let topics = [
        Topic::Public,
        Topic::Tag("rust".into()),
        Topic::Keyword("rust".into()),
        Topic::Author(UserId(1)),
    ];
    let mut keys = Vec::new();
    for topic in topics {
        for format in [FeedFormat::Atom, FeedFormat::Rss, FeedFormat::Json] {
            for base_url in ["https://one.example", "https://two.example"] {
                keys.push(key(topic.clone(), format, base_url));
            }
        }
    }
    keys
}

pub(crate) async fn a_document_is_kept_under_its_key(rig: Rig) {
    for (n, key) in (0..).zip(keys()) {
        assert_eq!(rig.store().feed_document(&key).await.unwrap(), None);
        rig.store()
            .put_feed_document(key, document(n))
            .await
            .unwrap();
    }
    for (n, key) in (0..).zip(keys()) {
        assert_eq!(
            rig.store().feed_document(&key).await.unwrap(),
            Some(document(n))
        );
    }
}

pub(crate) async fn a_document_takes_the_place_of_the_one_before(rig: Rig) {
    let key = keys().remove(0);
    for n in [1, 2, 1] {
        rig.store()
            .put_feed_document(key.clone(), document(n))
            .await
            .unwrap();
        assert_eq!(
            rig.store().feed_document(&key).await.unwrap(),
            Some(document(n))
        );
    }
    assert_eq!(rig.store().warm_feeds(&key.topic).await.unwrap(), [key]);
}

pub(crate) async fn the_warm_feeds_of_a_topic_are_those_that_are_kept(rig: Rig) {
    for key in keys() {
        rig.store()
            .put_feed_document(key, document(1))
            .await
            .unwrap();
    }
    let tag = Topic::Tag("rust".into());
    let warm = rig.store().warm_feeds(&tag).await.unwrap();
    let expected: HashSet<FeedKey> = keys().into_iter().filter(|key| key.topic == tag).collect();
    assert_eq!((warm.len(), HashSet::from_iter(warm)), (6, expected));
    assert!(
        rig.store()
            .warm_feeds(&Topic::Tag("rus".into()))
            .await
            .unwrap()
            .is_empty()
    );
}

pub(crate) async fn all_documents_can_be_forgotten(rig: Rig) {
    for key in keys() {
        rig.store()
            .put_feed_document(key, document(1))
            .await
            .unwrap();
    }
    rig.store().clear_feeds().await.unwrap();
    rig.store().clear_feeds().await.unwrap();
    for key in keys() {
        assert_eq!(rig.store().feed_document(&key).await.unwrap(), None);
        assert!(rig.store().warm_feeds(&key.topic).await.unwrap().is_empty());
    }
}
