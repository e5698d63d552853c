//! Of a cluster each master is looked at, and whether all slots are served.

use ripple_store::Store;

use super::{open, refusal, refusal_in_time, server, tell, warnings_of};
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
            .all(|told| told.contains("`appendfsync always`")),
        "{warnings:?}"
    );
}

/// What one forbids does not hide what the others tell.
#[tokio::test]
async fn a_master_that_forbids_is_looked_at_apart_from_the_others() {
    let cluster = RedisCluster::start();
    for node in &cluster.nodes {
        tell(node, "ACL SETUSER managed on >pw ~* &* +@all");
    }
    let [first, _, third, ..] = &cluster.nodes[..] else {
        panic!("a small cluster");
    };
    tell(first, "ACL SETUSER managed -config");
    tell(third, "CONFIG SET appendfsync everysec");
    let url = cluster.url().replace("cluster://", "cluster://managed:pw@");
    let warnings = warnings_of(&url).await;
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    for (node, told) in [(first, "can be read"), (third, "two seconds")] {
        let port = node.port.to_string();
        let is_of_it = |warning: &String| warning.contains(told) && warning.contains(&port);
        assert!(warnings.iter().any(is_of_it), "{told}: {warnings:?}");
    }

    tell(first, "ACL SETUSER managed -info");
    tell(third, "CONFIG SET maxmemory-policy allkeys-lru");
    let refused = refusal(&url).await;
    assert!(
        refused.contains("allkeys-lru") && refused.contains(&third.port.to_string()),
        "{refused}"
    );
}

/// A cluster of which nobody has noticed yet that one of its masters is away.
fn slow_to_notice() -> RedisCluster {
    let cluster = RedisCluster::start();
    for node in &cluster.nodes {
        tell(node, "CONFIG SET cluster-node-timeout 600000");
    }
    cluster
}

#[tokio::test]
async fn a_cluster_of_which_a_master_hangs_is_refused_in_time() {
    let cluster = slow_to_notice();
    let third = &cluster.nodes[2];
    third.freeze(true);
    let refused = refusal_in_time(&cluster.url()).await;
    assert!(
        refused.contains("of the cluster's 3 masters") || refused.contains("has not answered"),
        "{refused}"
    );
    third.freeze(false);
    open(&cluster.url()).await.unwrap();
}

#[tokio::test]
async fn a_cluster_of_which_a_master_is_gone_is_not_opened_without_it() {
    let mut cluster = slow_to_notice();
    cluster.nodes[2].kill();
    let refused = refusal_in_time(&cluster.url()).await;
    assert!(
        refused.contains("2 of the cluster's 3 masters"),
        "{refused}"
    );
    cluster.nodes[2].restart();
    cluster.wait_until_whole(3);
    open(&cluster.url()).await.unwrap();
}

#[tokio::test]
async fn a_cluster_that_hangs_is_refused_in_time() {
    let cluster = RedisCluster::start();
    cluster.nodes.iter().for_each(|node| node.freeze(true));
    let refused = refusal_in_time(&cluster.url()).await;
    assert!(refused.contains("cannot be reached"), "{refused}");
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
        let refused = refusal_in_time(&cluster.url()).await;
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
    let refused = refusal_in_time(&url).await;
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
        refused.ends_with("give an address that begins with redis://"),
        "{refused}"
    );

    let node = server(&["--cluster-enabled", "yes"]);
    let refused = refusal(&node.url()).await;
    assert!(
        refused.ends_with("give an address that begins with redis+cluster://"),
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
