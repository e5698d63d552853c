//! Workers that index the same post at the same time, in other processes, and die over it.

use std::{sync::Arc, time::Duration};

use redis::{Commands, Connection};
use ripple_domain::{JobKind, PostId, Stage, Tier, Topic, Window};
use ripple_store::{
    Claim, IndexWrite, Indexed, StageProgress, Store, StoreError, redis::RedisOptions,
};
use tokio::{task::JoinHandle, time::sleep};

use super::{open, post, user};
use crate::harness::{LEASE_MS, Program, Proxy, RedisServer, START};

/// Longer than this process needs to see what another one has done, and to stop it there.
const EACH_WAY: Duration = Duration::from_millis(300);

fn tag(name: &str) -> Topic {
    Topic::Tag(name.into())
}

async fn claim(store: &Arc<dyn Store>, post: PostId) -> Claim {
    let job = JobKind::Index { post };
    store.enqueue(vec![job]).await.unwrap();
    let claims = store.claim(Tier::Public, 2, 20 * LEASE_MS).await;
    let [claim] = <[Claim; 1]>::try_from(claims.unwrap()).unwrap();
    claim
}

async fn index(
    store: &Arc<dyn Store>,
    claim: &Claim,
    revision: u32,
    topics: &[Topic],
) -> Result<Indexed, StoreError> {
    let write = IndexWrite {
        lease: claim.lease,
        post: claim.job.kind.post().unwrap(),
        revision,
        topics: topics.to_vec(),
        progress: StageProgress {
            author_done_at: START,
            stage: Stage::default(),
        },
    };
    Ok(store.index(vec![write]).await?.remove(0))
}

/// [`index`] by a worker far away.
fn index_slowly(
    store: Arc<dyn Store>,
    claim: Claim,
    revision: u32,
    topics: &'static [&'static str],
) -> JoinHandle<Result<Indexed, StoreError>> {
    tokio::spawn(async move {
        let topics: Vec<Topic> = topics.iter().map(|name| tag(name)).collect();
        index(&store, &claim, revision, &topics).await
    })
}

async fn page(store: &Arc<dyn Store>, topic: &str) -> Vec<PostId> {
    let topic = tag(topic);
    let page = store.topic_page(&topic, Window::NEWEST, 10).await;
    page.unwrap()
}

fn notes(connection: &mut Connection, post: PostId) -> Option<u32> {
    let key = format!("{{{:02}}}ix:{post}", post.partition());
    connection.hget(key, "n").unwrap()
}

/// What one who is late finishes is not the note of one who came after him.
#[tokio::test]
async fn a_late_worker_leaves_the_note_of_a_later_one() {
    let server = RedisServer::start(Program::Redis);
    let mut connection = server.connect();
    let store = open(&server.url(), RedisOptions::default()).await;
    let ada = user(&store, "ada").await;
    let post = post(&store, ada).await;
    // Its own job is not needed.
    let own = store.claim(Tier::Public, 1, LEASE_MS).await.unwrap();
    index(&store, &own[0], 0, &[]).await.unwrap();
    let before = notes(&mut connection, post);
    let (late_way, dying_way) = (Proxy::new(server.port).await, Proxy::new(server.port).await);
    let late = open(&late_way.url(), RedisOptions::default()).await;
    let dying = open(&dying_way.url(), RedisOptions::default()).await;

    let claimed = claim(&store, post).await;
    late_way.delay(EACH_WAY);
    let late = index_slowly(late, claimed, 1, &["a"]);
    while notes(&mut connection, post) == before {
        sleep(Duration::from_millis(1)).await;
    }
    late_way.hold();

    let claimed = claim(&store, post).await;
    index(&store, &claimed, 1, &[tag("a")]).await.unwrap();

    let claimed = claim(&store, post).await;
    dying_way.delay(EACH_WAY);
    let worker = index_slowly(dying, claimed, 2, &["b"]);
    while page(&store, "b").await.is_empty() {
        sleep(Duration::from_millis(1)).await;
    }
    dying_way.cut();
    worker.abort();

    late_way.restore();
    assert!(late.await.unwrap().unwrap().acked);

    let claimed = claim(&store, post).await;
    let indexed = index(&store, &claimed, 3, &[tag("c")]).await.unwrap();
    assert!(indexed.touched.contains(&tag("b")), "{indexed:?}");
    for (topic, posts) in [("a", &[][..]), ("b", &[]), ("c", &[post])] {
        assert_eq!(page(&store, topic).await, posts, "{topic}");
    }
}

/// A job that never comes to its end notes the same topics each time.
#[tokio::test]
async fn notes_do_not_grow_with_every_retry() {
    let server = RedisServer::start(Program::Redis);
    let mut connection = server.connect();
    let store = open(&server.url(), RedisOptions::default()).await;
    let ada = user(&store, "ada").await;
    let post = post(&store, ada).await;
    let key = format!("{{{:02}}}ix:{post}", post.partition());
    let own = store.claim(Tier::Public, 1, 60_000).await.unwrap();
    let mut lengths = Vec::new();
    for topics in [["a", "b"], ["a", "b"], ["b", "a"], ["b", "c"]] {
        // No page, so nothing can be entered there.
        for partition in 0..64 {
            let () = connection
                .set(format!("{{{partition:02}}}to:tb"), "")
                .unwrap();
        }
        let topics = topics.map(tag);
        assert!(index(&store, &own[0], 1, &topics).await.is_err());
        let length: usize = redis::cmd("HSTRLEN")
            .arg(&key)
            .arg("m")
            .query(&mut connection)
            .unwrap();
        lengths.push(length);
    }
    assert_eq!(lengths, [8, 8, 8, 12]);
    for partition in 0..64 {
        let () = connection.del(format!("{{{partition:02}}}to:tb")).unwrap();
    }
    let indexed = index(&store, &own[0], 2, &[tag("d")]).await.unwrap();
    assert_eq!(indexed.touched, ["a", "b", "c", "d"].map(tag));
}
