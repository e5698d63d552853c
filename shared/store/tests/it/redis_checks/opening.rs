//! A single server is looked at before a store is opened on it.

use ripple_store::Store;

use super::{open, refusal, refusal_in_time, server, tell, warnings_of};
use crate::harness::{Program, RedisServer};

#[tokio::test]
async fn a_server_that_keeps_everything_is_taken_without_a_word() {
    for program in [Program::Redis, Program::Valkey] {
        let server = RedisServer::start(program);
        assert_eq!(warnings_of(&server.url()).await, [] as [&str; 0]);
        // And once more where the store is there.
        assert_eq!(warnings_of(&server.url()).await, [] as [&str; 0]);
    }
}

#[tokio::test]
async fn a_server_that_throws_keys_away_is_refused() {
    for program in [Program::Redis, Program::Valkey] {
        for policy in ["allkeys-lru", "volatile-ttl"] {
            let server = RedisServer::start_with(program, &["--maxmemory-policy", policy]);
            let refused = refusal(&server.url()).await;
            assert!(refused.contains(policy), "{refused}");
            assert!(
                refused.contains("set `maxmemory-policy noeviction`"),
                "{refused}"
            );
            tell(&server, "CONFIG SET maxmemory-policy noeviction");
            open(&server.url()).await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_weak_setting_is_warned_of_with_what_may_be_lost() {
    for (setting, window, remedy) in [
        (
            ["--appendonly", "no"],
            "since its last snapshot",
            "`appendonly yes` and `appendfsync always`",
        ),
        (
            ["--appendfsync", "everysec"],
            "about two seconds",
            "`appendfsync always`",
        ),
        (
            ["--appendfsync", "no"],
            "half a minute",
            "`appendfsync always`",
        ),
        (
            ["--no-appendfsync-on-rewrite", "yes"],
            "half a minute",
            "`no-appendfsync-on-rewrite no`",
        ),
    ] {
        let server = server(&setting);
        let warnings = warnings_of(&server.url()).await;
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        assert!(warnings[0].contains(window), "{warnings:?}");
        assert!(
            warnings[0].contains(&format!("set {remedy}")),
            "{warnings:?}"
        );
    }
}

/// As managed servers do. What can be told all the same is.
#[tokio::test]
async fn where_the_settings_cannot_be_read_it_is_warned_of() {
    let server = server(&[]);
    tell(&server, "ACL SETUSER managed on >pw ~* &* +@all -config");
    let url = server.url().replace("redis://", "redis://managed:pw@");
    let warnings = warnings_of(&url).await;
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(
        warnings[0].contains("has `appendfsync always`, `no-appendfsync-on-rewrite no`;"),
        "{warnings:?}"
    );

    tell(&server, "CONFIG SET maxmemory-policy allkeys-lfu");
    let refused = refusal(&url).await;
    assert!(refused.contains("allkeys-lfu"), "{refused}");
    tell(&server, "CONFIG SET maxmemory-policy noeviction");

    tell(&server, "CONFIG SET appendonly no");
    let warnings = warnings_of(&url).await;
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].contains("`appendonly no`"), "{warnings:?}");
}

#[tokio::test]
async fn a_server_without_the_command_is_one_that_forbids_it() {
    let server = server(&["--rename-command", "CONFIG", ""]);
    let warnings = warnings_of(&server.url()).await;
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(
        warnings[0].contains("has `appendfsync always`, `no-appendfsync-on-rewrite no`;"),
        "{warnings:?}"
    );
}

#[tokio::test]
async fn where_nothing_can_be_read_a_store_can_be_opened() {
    let server = server(&[]);
    tell(&server, "ACL SETUSER narrow on >pw ~* &* +@all -@dangerous");
    let url = server.url().replace("redis://", "redis://narrow:pw@");
    let warnings = warnings_of(&url).await;
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    assert!(warnings[0].contains("Redis 7.0 or later"), "{warnings:?}");
    assert!(
        warnings[1].contains("maxmemory-policy noeviction"),
        "{warnings:?}"
    );
    open(&url).await.unwrap().ready().await.unwrap();
}

#[tokio::test]
async fn a_replica_is_refused() {
    let master = server(&[]);
    let port = master.port.to_string();
    for read_only in ["yes", "no"] {
        let replica = server(&[
            "--replicaof",
            "127.0.0.1",
            &port,
            "--replica-read-only",
            read_only,
        ]);
        let refused = refusal(&replica.url()).await;
        let sentence = format!("give the address of its master, 127.0.0.1:{port}");
        assert!(refused.contains("is a replica"), "{refused}");
        assert!(refused.ends_with(&sentence), "{refused}");
    }
}

#[tokio::test]
async fn where_memory_is_full_a_store_is_opened_and_none_is_made() {
    let server = server(&[]);
    tell(&server, "CONFIG SET maxmemory 1mb");
    let refused = refusal(&server.url()).await;
    assert_eq!(refused, "too many requests wait");
    tell(&server, "CONFIG SET maxmemory 0");
    drop(open(&server.url()).await.unwrap());
    tell(&server, "CONFIG SET maxmemory 1mb");
    let store = open(&server.url()).await.unwrap();
    store.ready().await.unwrap();
}

#[tokio::test]
async fn where_nobody_is_it_is_said() {
    let server = server(&[]);
    let url = server.url();
    drop(server);
    for url in [url.replace("redis://", "redis+cluster://"), url] {
        let refused = refusal(&url).await;
        assert!(refused.contains("cannot be reached"), "{refused}");
    }
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_refused_in_time() {
    let server = server(&[]);
    server.freeze(true);
    let refused = refusal_in_time(&server.url()).await;
    assert!(
        refused.contains("cannot be reached") || refused.contains("has not answered"),
        "{refused}"
    );
    server.freeze(false);
    open(&server.url()).await.unwrap();
}
