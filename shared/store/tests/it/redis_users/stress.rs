//! Many change the same few relations, answers are lost and housekeeping goes on: a list never has too
//! little, not for a moment, and has what it should in the end.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use redis::{Connection, Script};
use ripple_domain::{RelationKind, UserId};
use ripple_store::Store;
use tokio::{task::JoinSet, time::interval};

use super::{followers, followers_count, line, open, relation, user};
use crate::{
    harness::{Program, RedisServer},
    redis_posts::Proxy,
};

const FANS: usize = 6;
const TASKS: usize = 12;
const CHANGES: usize = 250;

/// Asks the server in one moment how many follow `star` who are not in his list.
fn missing(connection: &mut Connection, fans: &[UserId], star: UserId) -> u32 {
    let key = |kind: &str, id: UserId| format!("{{{:02}}}{kind}:{id}", id.partition());
    let script = Script::new(
        "local missing = 0
        for at = 2, #KEYS do
          if redis.call('SISMEMBER', KEYS[at], ARGV[1]) == 1
            and redis.call('SISMEMBER', KEYS[1], ARGV[at]) == 0 then
            missing = missing + 1
          end
        end
        return missing",
    );
    let mut call = script.key(format!("{}:0", key("fl", star)));
    call.arg(star.0);
    for fan in fans {
        call.key(key("fo", *fan)).arg(fan.0);
    }
    call.invoke(connection).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_never_has_too_little() {
    let server = RedisServer::start(Program::Redis);
    let direct = open(&server.url()).await;
    let star = user(&direct, "star").await;
    let mut fans = Vec::new();
    for n in 0..FANS {
        fans.push(user(&direct, &format!("user_{n}")).await);
    }
    let proxy = Proxy::new(server.port).await;
    let cut = open(&proxy.url()).await;
    proxy.lose_each(60);

    let is_over = Arc::new(AtomicBool::new(false));
    let watching = {
        let (is_over, fans) = (is_over.clone(), fans.clone());
        let mut connection = server.connect();
        thread::spawn(move || {
            let mut looks = 0;
            while !is_over.load(Ordering::SeqCst) {
                assert_eq!(missing(&mut connection, &fans, star), 0);
                looks += 1;
            }
            looks
        })
    };
    let mut tasks = JoinSet::new();
    for task in 0..TASKS {
        let store = [&direct, &cut][task % 2].clone();
        let fans = fans.clone();
        tasks.spawn(async move { change(store, task, &fans, star).await });
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
    is_over.store(true, Ordering::SeqCst);
    assert!(watching.join().unwrap() > 100);
    assert!(proxy.lost() > 3, "{}", proxy.lost());

    direct.housekeep().await.unwrap();
    let listed = followers(&direct, star).await;
    assert_eq!(followers_count(&direct, star).await, listed.len() as u64);
    for fan in fans {
        let forth = relation(&direct, fan, star).await;
        assert_eq!(listed.contains(&fan), forth.follows);
        let back = relation(&direct, star, fan).await;
        assert_eq!(forth.blocked, back.blocked, "{fan}");
    }
}

async fn change(store: Arc<dyn Store>, task: usize, fans: &[UserId], star: UserId) {
    for n in 0..CHANGES {
        let number = (n * 7 + task * 31) ^ (n / 3);
        let fan = fans[number % FANS];
        let on = (number / FANS).is_multiple_of(2);
        match number % 11 {
            0 => drop(
                store
                    .import_follows(vec![line(number % FANS)])
                    .await
                    .unwrap(),
            ),
            1 | 2 => store
                .relate(fan, RelationKind::Block, star, on)
                .await
                .unwrap(),
            _ => store
                .relate(fan, RelationKind::Follow, star, on)
                .await
                .unwrap(),
        }
    }
}
