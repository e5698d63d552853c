//! A cluster whose slots move to another master while authors post.

use std::time::Duration;

use redis::{Connection, FromRedisValue};
use tokio::time::sleep;

use super::{load::Load, open};
use crate::harness::{RedisCluster, RedisServer};

/// Enough that slots which move have some of the authors.
const AUTHORS: usize = 24;

fn ask<T: FromRedisValue>(connection: &mut Connection, words: &str) -> T {
    let mut command = redis::Cmd::new();
    for word in words.split(' ') {
        command.arg(word);
    }
    command.query(connection).unwrap()
}

/// Moves the slot of a partition, a key at a time and slowly, as `redis-cli --cluster rebalance` does.
async fn move_slot(partition: u32, from: &RedisServer, to: &RedisServer) {
    let (mut source, mut target) = (from.connect(), to.connect());
    let slot: u32 = ask(&mut source, &format!("CLUSTER KEYSLOT {{{partition:02}}}"));
    let [from_id, to_id] = [&mut source, &mut target].map(|it| ask::<String>(it, "CLUSTER MYID"));
    let set = format!("CLUSTER SETSLOT {slot}");
    let () = ask(&mut target, &format!("{set} IMPORTING {from_id}"));
    let () = ask(&mut source, &format!("{set} MIGRATING {to_id}"));
    let next = format!("CLUSTER GETKEYSINSLOT {slot} 1");
    while let [key] = &ask::<Vec<Vec<u8>>>(&mut source, &next)[..] {
        let mut migrate = redis::cmd("MIGRATE");
        migrate.arg("127.0.0.1").arg(to.port).arg("").arg(0);
        migrate.arg(5_000).arg("KEYS").arg(key);
        migrate.exec(&mut source).unwrap();
        sleep(Duration::from_millis(1)).await;
    }
    for node in [&mut target, &mut source] {
        let () = ask(node, &format!("{set} NODE {to_id}"));
    }
}

/// Whoever comes upon a slot that is moving is told to come again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_while_slots_move() {
    let cluster = RedisCluster::start();
    cluster.wait_until_agreed();
    let [first, second, ..] = &cluster.nodes[..] else {
        panic!("a small cluster");
    };
    let store = open(&cluster.url()).await;
    let load = Load::begin(&store, AUTHORS).await;
    load.goes_on(5).await;
    let mut connection = first.connect();
    let mut moved = 0;
    for partition in 1..=24 {
        // Whoever does not have the slot says so.
        let mut look = redis::cmd("EXISTS");
        look.arg(format!("{{{partition:02}}}p"));
        if look.query::<u32>(&mut connection).is_ok() {
            move_slot(partition, first, second).await;
            moved += 1;
        }
    }
    assert!(moved > 3, "{moved}");
    load.goes_on(5).await;
    let written = load.end().await;
    written.assert_exact(&store).await;
}
