//! Commits that wait for replicas.

use std::{
    thread,
    time::{Duration, Instant},
};

use redis::{Commands, Connection};
use ripple_domain::UserId;
use ripple_store::{CommitError, Idempotency, PostCommit, StoreError, redis::RedisOptions};

use super::{commit, open, timeline, user};
use crate::harness::{Program, Proxy, RedisCluster, RedisServer, new_post};

fn replica_of(master: &RedisServer) -> RedisServer {
    let port = master.port.to_string();
    let replica = RedisServer::start_with(
        Program::Redis,
        &[
            "--replicaof",
            "127.0.0.1",
            &port,
            "--repl-diskless-sync-delay",
            "0",
        ],
    );
    let mut connection: Connection = replica.connect();
    let begun = Instant::now();
    loop {
        let mut info = redis::cmd("INFO");
        let info: String = info.arg("replication").query(&mut connection).unwrap();
        if info.contains("master_link_status:up") {
            return replica;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "{info}");
        thread::sleep(Duration::from_millis(10));
    }
}

/// The address leads to another server, which was a replica; the old master follows it, and the
/// connections to it go on.
#[tokio::test]
async fn a_master_that_became_a_replica_is_left() {
    let old = RedisServer::start(Program::Redis);
    let new = replica_of(&old);
    let proxy = Proxy::new(old.port).await;
    let store = open(&proxy.url(), RedisOptions::default()).await;
    let ada = user(&store, "ada").await;
    commit(&store, new_post(ada, "before")).await.unwrap();

    let mut admin = redis::cmd("WAIT");
    let followed: u32 = admin.arg(1).arg(5_000).query(&mut old.connect()).unwrap();
    assert_eq!(followed, 1);
    let follow = |server: &RedisServer, host: &str, port: &str| {
        let mut command = redis::cmd("REPLICAOF");
        command.arg(host).arg(port);
        command.exec(&mut server.connect()).unwrap();
    };
    follow(&new, "NO", "ONE");
    follow(&old, "127.0.0.1", &new.port.to_string());
    proxy.lead_to(new.port);

    commit(&store, new_post(ada, "after")).await.unwrap();
    for _ in 0..8 {
        assert_eq!(timeline(&store, ada).await.len(), 2);
    }
}

fn options(replicas_wait: u32) -> RedisOptions {
    RedisOptions {
        replicas_wait,
        ..RedisOptions::default()
    }
}

fn unknown(result: Result<(), CommitError>) {
    let is_unavailable = matches!(
        result,
        Err(CommitError::Store(StoreError::Unavailable { .. }))
    );
    assert!(is_unavailable, "{result:?}");
}

#[tokio::test]
async fn a_commit_is_answered_when_enough_replicas_have_it() {
    let master = RedisServer::start(Program::Redis);
    let alone = open(&master.url(), options(0)).await;
    let ada: UserId = user(&alone, "ada").await;
    let store = open(&master.url(), options(1)).await;
    let create = async || commit(&store, new_post(ada, "hello")).await;
    unknown(create().await.map(drop));

    let replica = replica_of(&master);
    let post = create().await.unwrap().value.id;
    let mut on_replica = replica.connect();
    let key = format!("{{{:02}}}p:{post}", post.partition());
    let has_it: bool = redis::cmd("EXISTS")
        .arg(key)
        .query(&mut on_replica)
        .unwrap();
    assert!(has_it);

    // A repeated request is no better than the first one.
    drop(replica);
    let idempotency = Idempotency {
        key: [1; 32],
        request: [1; 32],
    };
    let again = async || {
        let commit = PostCommit {
            post: new_post(ada, "once"),
            idempotency: Some(idempotency),
            trace: None,
        };
        store.create_post(commit).await.map(|made| made.replayed)
    };
    for _ in 0..2 {
        unknown(again().await.map(drop));
    }
    let asked = store.post_created_with(ada, idempotency).await;
    unknown(asked.map(drop));
    // While none is there, nothing new is written that could not be confirmed.
    unknown(create().await.map(drop));
    let _replica = replica_of(&master);
    assert!(again().await.unwrap(), "the first one stands");
    assert_eq!(timeline(&store, ada).await.len(), 3);
}

/// That the other masters have their replicas says nothing about the one that has lost its own.
#[tokio::test]
async fn a_master_without_its_replica_is_refused_alone() {
    let mut cluster = RedisCluster::start();
    let mut first = cluster.nodes[0].connect();
    let store = open(&cluster.url(), options(1)).await;
    let (mut of_first, mut of_others) = (None, None);
    for n in 0.. {
        if of_first.is_some() && of_others.is_some() {
            break;
        }
        let author = user(&store, &format!("user_{n}")).await;
        // Whoever does not have the key says so.
        let key = format!("{{{:02}}}p", author.partition());
        let is_of_first = first.exists::<_, bool>(key).is_ok();
        *(if is_of_first {
            &mut of_first
        } else {
            &mut of_others
        }) = Some(author);
    }
    let (of_first, of_others) = (of_first.unwrap(), of_others.unwrap());
    let create = async |author| commit(&store, new_post(author, "hello")).await.map(drop);

    cluster.nodes[3].kill();
    for _ in 0..3 {
        unknown(create(of_first).await);
        create(of_others).await.unwrap();
    }
    assert_eq!(timeline(&store, of_others).await.len(), 3);
    let written = timeline(&store, of_first).await.len();
    assert_eq!(written, 1, "by which it was noticed");
    cluster.nodes[3].restart();
    cluster.wait_until_whole(3);
    create(of_first).await.unwrap();
    assert_eq!(timeline(&store, of_first).await.len(), 2);
}
