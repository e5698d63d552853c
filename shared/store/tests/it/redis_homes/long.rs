//! Timelines that are pushed to again and again.

use ripple_domain::{PostId, UserId};
use ripple_store::Home;

use super::{clock, id, open, push, star, warm_up};
use crate::harness::{Program, RedisServer};

const POSTS: u64 = 4_000;

/// Two processes push to the same timelines, and both cut them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_processes_shorten_the_same_timelines() {
    let server = RedisServer::start(Program::Redis);
    let stores = [
        open(&server.url(), &clock()).await,
        open(&server.url(), &clock()).await,
    ];
    let author = star(&stores[0], 5).await;
    for user in 2..=6 {
        assert!(warm_up(&stores[0], UserId(user)).await);
    }
    let pushing = stores
        .clone()
        .into_iter()
        .enumerate()
        .map(|(first, store)| {
            tokio::spawn(async move {
                for n in (0..POSTS).skip(first).step_by(2) {
                    let pushed = push(&store, author, id(10_000 + n)).await.unwrap();
                    assert_eq!(pushed.pushed, 5);
                }
            })
        });
    for pushing in pushing.collect::<Vec<_>>() {
        pushing.await.unwrap();
    }
    let mut connection = server.connect();
    for user in 2..=6 {
        let Home::Warm {
            ids,
            floor: Some(floor),
        } = stores[0].home(UserId(user)).await.unwrap()
        else {
            panic!("cold or without a floor");
        };
        assert!(ids.len() >= 700, "{} ids", ids.len());
        let all = (10_000..10_000 + POSTS).rev().map(id);
        let expected: Vec<PostId> = all.take_while(|id| *id > floor).collect();
        assert_eq!(ids, expected, "of {user}");
        let bytes: usize = redis::cmd("STRLEN")
            .arg(format!("{{{user:02}}}ho:{user}"))
            .query(&mut connection)
            .unwrap();
        assert!(bytes <= 12_288, "{bytes} bytes");
    }
}

/// A process that dies in the middle of a rebuild leaves a timeline that warms for good.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rebuild_that_nobody_ends_takes_no_endless_room() {
    let server = RedisServer::start(Program::Redis);
    let store = open(&server.url(), &clock()).await;
    let author = star(&store, 1).await;
    let warming = store.home_begin(UserId(2)).await.unwrap();
    let mut pushed = 0;
    for n in 0..2_000 {
        pushed += push(&store, author, id(n)).await.unwrap().pushed;
    }
    assert!((1_200..1_600).contains(&pushed), "{pushed}");
    assert_eq!(store.home(UserId(2)).await.unwrap(), Home::Cold);
    assert!(!store.home_finish(warming, &[], true).await.unwrap());
    let left: u32 = redis::cmd("EXISTS")
        .arg("{02}ho:2")
        .query(&mut server.connect())
        .unwrap();
    assert_eq!(left, 0);
}
