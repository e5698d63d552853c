//! Many change the same relations, answers are lost, commands come again late, and housekeeping goes on: a
//! list never has too little, not for a moment, and has what it should in the end.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use redis::Script;
use ripple_domain::{RelationKind, UserId};
use ripple_store::{CommitError, FollowLine, Store, StoreError};
use tokio::{
    task::JoinSet,
    time::{interval, sleep},
};

use super::{followers, followers_count, line, open, relation, user};
use crate::harness::{Program, Proxy, RedisServer, handle};

/// What is done at once.
#[derive(Clone, Copy)]
struct Load {
    fans: usize,
    tasks: usize,
    /// Changes of each task.
    changes: usize,
    /// Lines of an import.
    lines: usize,
    /// One of so many answers is lost.
    lose_each: u32,
}

/// The same few pairs over and over.
const FIERCE: Load = Load {
    fans: 6,
    tasks: 12,
    changes: 300,
    lines: 2,
    lose_each: 15,
};
/// Lists with several leaves, which are cut and empty.
const BROAD: Load = Load {
    fans: 1_200,
    tasks: 12,
    changes: 120,
    lines: 300,
    lose_each: 30,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_never_has_too_little() {
    never_too_little(FIERCE).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_of_many_leaves_never_has_too_little() {
    never_too_little(BROAD).await;
}

async fn never_too_little(load: Load) {
    let server = RedisServer::start(Program::Redis);
    let direct = open(&server.url()).await;
    let star = user(&direct, "star").await;
    // So that ids grow with the names.
    let names = (0..load.fans).map(|n| FollowLine {
        follower: handle(&format!("user_{n}")),
        followee: handle("nobody"),
    });
    direct.import_follows(names.collect()).await.unwrap();
    let mut fans = Vec::new();
    for n in 0..load.fans {
        let fan = direct.user_by_handle(&handle(&format!("user_{n}"))).await;
        fans.push(fan.unwrap().unwrap().id);
    }
    let fans: Arc<[UserId]> = fans.into();
    let mut proxies = Vec::new();
    let mut stores = vec![direct.clone()];
    for _ in 0..2 {
        let proxy = Proxy::new(server.port).await;
        stores.push(open(&proxy.url()).await);
        proxy.lose_each(load.lose_each);
        proxy.let_come_again();
        proxies.push(proxy);
    }

    let is_over = Arc::new(AtomicBool::new(false));
    let watching = watch(&server, &fans, star, is_over.clone());
    let mut tasks = JoinSet::new();
    for task in 0..load.tasks {
        let store = stores[task % stores.len()].clone();
        let fans = fans.clone();
        tasks.spawn(async move { change(store, task, &fans, star, load).await });
    }
    let keeping = {
        let store = direct.clone();
        tokio::spawn(async move {
            let mut tick = interval(Duration::from_millis(15));
            loop {
                tick.tick().await;
                store.housekeep().await.unwrap();
            }
        })
    };
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
    keeping.abort();
    // What is still to come again.
    sleep(Duration::from_millis(300)).await;
    is_over.store(true, Ordering::SeqCst);
    assert!(watching.join().unwrap() > 100);
    for proxy in &proxies {
        assert!(proxy.lost() > 3, "{}", proxy.lost());
    }

    direct.housekeep().await.unwrap();
    let listed = followers(&direct, star).await;
    assert_eq!(followers_count(&direct, star).await, listed.len() as u64);
    let listed = BTreeSet::from_iter(listed);
    for fan in &*fans {
        let forth = relation(&direct, *fan, star).await;
        assert_eq!(listed.contains(fan), forth.follows, "{fan}");
        let back = relation(&direct, star, *fan).await;
        assert_eq!(forth.blocked, back.blocked, "{fan}");
    }
}

/// Looks at the server over and over, each time at one moment, whether all who follow `star` are in his
/// list; how often it looked.
fn watch(
    server: &RedisServer,
    fans: &Arc<[UserId]>,
    star: UserId,
    is_over: Arc<AtomicBool>,
) -> JoinHandle<u32> {
    let tagged = |kind: &str, id: UserId| format!("{{{:02}}}{kind}:{id}", id.partition());
    let script = Script::new(
        "local listed = {}
        local leaves = redis.call('ZRANGE', KEYS[2], 0, -1)
        for _, leaf in ipairs(#leaves > 0 and leaves or {'0'}) do
          for _, fan in ipairs(redis.call('SMEMBERS', KEYS[1] .. ':' .. leaf)) do
            listed[fan] = true
          end
        end
        local missing = {}
        for at = 3, #KEYS do
          if not listed[ARGV[at - 1]] and redis.call('SISMEMBER', KEYS[at], ARGV[1]) == 1 then
            missing[#missing + 1] = ARGV[at - 1]
          end
        end
        return missing",
    );
    let fans = fans.clone();
    let mut connection = server.connect();
    thread::spawn(move || {
        let mut call = script.key(tagged("fl", star));
        call.key(tagged("fd", star)).arg(star.0);
        for fan in &*fans {
            call.key(tagged("fo", *fan)).arg(fan.0);
        }
        let mut looks = 0;
        while !is_over.load(Ordering::SeqCst) {
            let missing: Vec<u32> = call.invoke(&mut connection).unwrap();
            assert!(
                missing.is_empty(),
                "follow, and are not in the list: {missing:?}"
            );
            looks += 1;
            // Meanwhile the others have the server for themselves.
            thread::sleep(Duration::from_micros(2 * fans.len() as u64));
        }
        looks
    })
}

async fn change(store: Arc<dyn Store>, task: usize, fans: &[UserId], star: UserId, load: Load) {
    for n in 0..load.changes {
        let number = (n * 7 + task * 31) ^ (n / 3);
        // Neighbours in different leaves.
        let place = |number: usize| number * 389 % load.fans;
        let fan = fans[place(number)];
        let on = (number / FIERCE.fans).is_multiple_of(2);
        let done = match number % 11 {
            0 => {
                let lines = (number..number + load.lines).map(|number| line(place(number)));
                store.import_follows(lines.collect()).await.map(drop)
            }
            1 | 2 => store.relate(fan, RelationKind::Block, star, on).await,
            _ => store.relate(fan, RelationKind::Follow, star, on).await,
        };
        // Of what it answers nothing for, it does not say whether it was done.
        let is_unknown = matches!(
            done,
            Err(CommitError::Store(StoreError::Unavailable { .. }))
        );
        assert!(done.is_ok() || is_unknown, "{done:?}");
    }
}
