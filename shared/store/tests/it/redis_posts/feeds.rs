//! Feed documents that one process keeps while another one tidies up.

use std::sync::Arc;

use redis::Commands;
use ripple_domain::Topic;
use ripple_store::{FeedDocument, FeedFormat, FeedKey, redis::RedisOptions};

use super::open;
use crate::harness::{Program, Proxy, RedisServer, START};

/// A topic whose name is forgotten is one whose documents nobody finds when all are to be made anew.
#[tokio::test]
async fn a_topic_that_has_documents_again_is_not_forgotten() {
    let server = RedisServer::start(Program::Redis);
    let mut connection = server.connect();
    let direct = open(&server.url(), RedisOptions::default()).await;
    let proxy = Proxy::new(server.port).await;
    let store = open(&proxy.url(), RedisOptions::default()).await;
    let key = FeedKey {
        topic: Topic::Tag("rust".into()),
        format: FeedFormat::Atom,
        base_url: "https://one.example".into(),
    };
    let document = Arc::new(FeedDocument {
        fingerprint: [1; 16],
        last_modified: START,
        body: vec![1; 100].into(),
    });
    let put = || direct.put_feed_document(key.clone(), document.clone());
    put().await.unwrap();
    let names: Vec<Vec<u8>> = connection.keys("*fe:trust").unwrap();
    let [name] = &names[..] else {
        panic!("{names:?}")
    };
    // As it is an hour after the last reading.
    let () = connection.del(name).unwrap();

    proxy.record();
    store.housekeep().await.unwrap();
    put().await.unwrap();
    proxy.send_recorded_again().await;

    assert_eq!(
        direct.feed_document(&key).await.unwrap(),
        Some(document.clone())
    );
    direct.clear_feeds().await.unwrap();
    assert_eq!(direct.feed_document(&key).await.unwrap(), None);
}
