//! What a process that died between two partitions left undone is done by another.

use redis::{Commands, Connection};
use ripple_domain::{PostId, UserId};
use ripple_store::redis::RedisOptions;

use super::{answer, open, post, replies, timeline, user};
use crate::harness::{Program, RedisServer, handle, imported};

/// Leaves a note in the outbox of a post's partition, as its commit did.
fn leave(connection: &mut Connection, of: PostId, sign: char, reply_to: PostId) {
    let outbox = format!("{{{:02}}}out", of.partition());
    let () = connection
        .hset(outbox, format!("{sign}{of}"), format!("{reply_to},0"))
        .unwrap();
}

#[tokio::test]
async fn counts_are_brought_up_to_date() {
    let server = RedisServer::start(Program::Redis);
    let mut connection = server.connect();
    let store = open(&server.url(), RedisOptions::default()).await;
    let (ada, bob) = (user(&store, "ada").await, user(&store, "bob").await);
    let answered = post(&store, ada).await;
    let uncounted = post(&store, bob).await;
    let counted = answer(&store, bob, answered).await;
    assert_eq!(replies(&store, answered).await, 1);

    leave(&mut connection, uncounted, '+', answered);
    leave(&mut connection, counted, '+', answered);
    for _ in 0..2 {
        store.housekeep().await.unwrap();
        assert_eq!(replies(&store, answered).await, 2, "each once");
    }
    let left: usize = connection
        .hlen(format!("{{{:02}}}out", bob.partition()))
        .unwrap();
    assert_eq!(left, 0);

    // The news of a post may come after that of its deletion.
    leave(&mut connection, uncounted, '-', answered);
    store.housekeep().await.unwrap();
    leave(&mut connection, uncounted, '+', answered);
    store.housekeep().await.unwrap();
    assert_eq!(replies(&store, answered).await, 1);

    // The post that is counted may be gone, too.
    store.delete_post(answered, None, None).await.unwrap();
    leave(&mut connection, counted, '-', answered);
    store.housekeep().await.unwrap();
    assert_eq!(store.posts(&[answered]).await.unwrap(), [None]);
}

#[tokio::test]
async fn an_import_that_broke_off_is_known_when_it_comes_again() {
    let server = RedisServer::start(Program::Redis);
    let mut connection = server.connect();
    let store = open(&server.url(), RedisOptions::default()).await;
    let lines = || vec![imported(1, "ada", "one")];
    assert_eq!(store.import_posts(lines()).await.unwrap().added, 1);
    let ada = store.user_by_handle(&handle("ada")).await.unwrap();
    let ada: UserId = ada.unwrap().id;

    // As if the process had died before the key was known to all.
    let names: Vec<Vec<u8>> = connection.keys("*}im:*").unwrap();
    assert_eq!(names.len(), 1);
    let () = connection.del(names).unwrap();
    let done = store.import_posts(lines()).await.unwrap();
    assert_eq!((done.added, done.known), (0, 1));
    assert_eq!(timeline(&store, ada).await.len(), 1);
    let names: Vec<Vec<u8>> = connection.keys("*}im:*").unwrap();
    assert_eq!(names.len(), 1, "it is known again");

    // As if it had died right after its commit.
    let post = timeline(&store, ada).await[0];
    let () = connection.del(names).unwrap();
    let note = [&b"k"[..], &[1; 16]].concat();
    let outbox = format!("{{{:02}}}out", ada.partition());
    let () = connection.hset(outbox, note, post.0).unwrap();
    store.housekeep().await.unwrap();
    let mut answer = imported(2, "bob", "an answer");
    answer.reply_to = Some([1; 16]);
    assert_eq!(store.import_posts(vec![answer]).await.unwrap().added, 1);
    assert_eq!(replies(&store, post).await, 1);
}

/// As a newer version may leave them.
#[tokio::test]
async fn what_cannot_be_understood_stays_and_the_rest_is_done() {
    let server = RedisServer::start(Program::Redis);
    let mut connection = server.connect();
    let store = open(&server.url(), RedisOptions::default()).await;
    let (ada, bob) = (user(&store, "ada").await, user(&store, "bob").await);
    let answered = post(&store, ada).await;
    let uncounted = post(&store, bob).await;
    for partition in 0..64 {
        for (key, note) in [("out", "?"), ("rel", "? 1>2"), ("rel", "\u{e9}")] {
            let key = format!("{{{partition:02}}}{key}");
            let () = connection.hset(key, note.as_bytes(), note).unwrap();
        }
    }
    // More of them than are read at a time.
    let outbox = format!("{{{:02}}}out", bob.partition());
    for n in 0..300 {
        let () = connection
            .hset(&outbox, format!("?{n}"), &b"\xff"[..])
            .unwrap();
    }
    leave(&mut connection, uncounted, '+', answered);
    let () = connection.sadd("{07}fes", "forgotten").unwrap();
    let mut rounds = 0;
    while replies(&store, answered).await == 0 {
        store.housekeep().await.unwrap();
        rounds += 1;
        assert!(rounds < 200);
    }
    let left: usize = connection.hlen(&outbox).unwrap();
    assert_eq!(left, 301);
    let topics: usize = connection.scard("{07}fes").unwrap();
    assert_eq!(topics, 0);
}

/// What a failing step leaves to be done is done by the next housekeeping; the other steps go on.
#[tokio::test]
async fn a_step_that_fails_does_not_keep_the_others() {
    let server = RedisServer::start(Program::Redis);
    let mut connection = server.connect();
    let store = open(&server.url(), RedisOptions::default()).await;
    // Not what it should be.
    let () = connection.set("{07}rel", "damaged").unwrap();
    let () = connection.sadd("{07}fes", "forgotten").unwrap();
    assert!(store.housekeep().await.is_err());
    let topics: usize = connection.scard("{07}fes").unwrap();
    assert_eq!(topics, 0);
}
