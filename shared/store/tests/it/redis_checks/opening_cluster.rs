//! Of a cluster each master is looked at, and whether all slots are served.

use ripple_store::Store;

use super::{open, refusal, server, tell, warnings_of};
use crate::harness::RedisCluster;

#[tokio::test]
async fn each_master_of_a_cluster_is_looked_at() {
    let cluster = RedisCluster::start();
    assert_eq!(warnings_of(&cluster.url()).await, [] as [&str; 0]);

    let third = &cluster.nodes[2];
    tell(third, "CONFIG SET appendfsync everysec");
    let warnings = warnings_of(&cluster.url()).await;
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    let port = third.port.to_string();
    assert!(
        warnings[0].contains("two seconds") && warnings[0].contains(&port),
        "{warnings:?}"
    );

    tell(third, "CONFIG SET maxmemory-policy allkeys-random");
    let refused = refusal(&cluster.url()).await;
    assert!(
        refused.contains("allkeys-random") && refused.contains(&port),
        "{refused}"
    );
    tell(third, "CONFIG SET maxmemory-policy noeviction");
    tell(third, "CONFIG SET appendfsync always");

    for node in &cluster.nodes {
        tell(node, "ACL SETUSER managed on >pw ~* &* +@all -config");
    }
    let url = cluster.url().replace("cluster://", "cluster://managed:pw@");
    let warnings = warnings_of(&url).await;
    assert_eq!(warnings.len(), 3, "{warnings:?}");
    assert!(
        warnings
            .iter()
            .all(|told| told.contains("`appendfsync always`;")),
        "{warnings:?}"
    );
}

#[tokio::test]
async fn a_cluster_with_a_hole_is_refused() {
    let cluster = RedisCluster::start();
    for full_coverage in ["yes", "no"] {
        for node in &cluster.nodes {
            tell(
                node,
                &format!("CONFIG SET cluster-require-full-coverage {full_coverage}"),
            );
        }
        // Each node forgets by itself.
        for node in &cluster.nodes {
            tell(node, "CLUSTER DELSLOTS 0 1 2");
        }
        let refused = refusal(&cluster.url()).await;
        assert!(refused.contains("of its 16384 slots"), "{refused}");
        assert!(refused.contains("redis-cli --cluster check"), "{refused}");
        tell(&cluster.nodes[0], "CLUSTER ADDSLOTS 0 1 2");
        let url = cluster.url();
        let opened = async || open(&url).await.ok();
        let mut store = opened().await;
        for _ in 0..100 {
            if store.is_some() {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            store = opened().await;
        }
        store.unwrap().ready().await.unwrap();
    }
}

#[tokio::test]
async fn a_cluster_without_slots_is_refused_in_time() {
    let node = server(&["--cluster-enabled", "yes"]);
    let url = node.url().replace("redis://", "redis+cluster://");
    let refused = refusal(&url).await;
    assert!(
        refused.contains("state is fail and 0 of its 16384 slots"),
        "{refused}"
    );
}

#[tokio::test]
async fn an_address_of_the_other_kind_is_refused_with_the_right_one() {
    let alone = server(&[]);
    let url = alone.url().replace("redis://", "redis+cluster://");
    let refused = refusal(&url).await;
    assert!(
        refused.ends_with("its address begins with redis://"),
        "{refused}"
    );

    let node = server(&["--cluster-enabled", "yes"]);
    let refused = refusal(&node.url()).await;
    assert!(
        refused.ends_with("its address begins with redis+cluster://"),
        "{refused}"
    );
}

#[tokio::test]
async fn one_good_node_of_an_address_is_enough() {
    let cluster = RedisCluster::start();
    let (gone, alone) = (server(&[]), server(&["--cluster-enabled", "yes"]));
    let (gone_port, alone_port) = (gone.port, alone.port);
    drop(gone);
    let good = cluster.nodes[1].port;
    let url =
        format!("redis+cluster://127.0.0.1:{gone_port},127.0.0.1:{alone_port},127.0.0.1:{good}");
    open(&url).await.unwrap().ready().await.unwrap();
}
