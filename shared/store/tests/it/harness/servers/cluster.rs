//! A cluster, formed within a fraction of a second.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use redis::{Connection, FromRedisValue, RedisResult};
use tempfile::TempDir;

use super::{
    Login, Program, RedisServer,
    server::{START_TRIES_MAX, bus, free_port},
    wait_for,
};

const MASTERS: usize = 3;
const SLOTS: usize = 16_384;
/// How the ids of masters begin that there never were.
const NEVER: &str = "ffffffff";
const SETTINGS: [&str; 8] = [
    "--cluster-enabled",
    "yes",
    "--cluster-node-timeout",
    "1500",
    "--cluster-replica-validity-factor",
    "0",
    "--repl-diskless-sync-delay",
    "0",
];

/// Three masters with a replica each.
pub(crate) struct RedisCluster {
    /// The masters, then their replicas in the same order.
    pub(crate) nodes: Vec<RedisServer>,
}

impl RedisCluster {
    /// Starts them.
    ///
    /// A master that starts waits two seconds before it serves, for the case that it was away; a replica
    /// does not. So each node begins as a replica of a master that there never was, and takes its place.
    pub(crate) fn start() -> Self {
        // Somebody else may have taken a port between the look and the node's start.
        let mut tries = (0..START_TRIES_MAX).map(|_| Self::launch());
        let started = tries.find_map(|mut cluster| {
            let are_up = cluster.nodes.iter_mut().all(RedisServer::is_up);
            are_up.then_some(cluster)
        });
        let cluster = started.unwrap_or_else(|| panic!("the nodes of a cluster do not start"));
        cluster.join().unwrap();
        cluster
    }

    /// Starts the nodes; they may not answer yet.
    fn launch() -> Self {
        let ports: Vec<u16> = (0..2 * MASTERS).map(|_| free_port()).collect();
        let nodes = (0..ports.len()).map(|index| {
            let folder = TempDir::new().unwrap();
            fs::write(folder.path().join("nodes.conf"), told(index, &ports)).unwrap();
            RedisServer::launch(Program::Redis, ports[index], folder, &SETTINGS)
        });
        Self {
            nodes: nodes.collect(),
        }
    }

    fn join(&self) -> RedisResult<()> {
        let mut nodes: Vec<Connection> = self.nodes.iter().map(RedisServer::connect).collect();
        for node in &mut nodes {
            wait_for("the beginning", || is_ok(node));
        }
        for (index, node) in nodes.iter_mut().enumerate() {
            if index < MASTERS {
                ask::<()>(node, &["FAILOVER", "TAKEOVER"])?;
            } else {
                let master = id(index % MASTERS);
                // Refused until the node has heard that this is a master.
                wait_for("a replica's begin", || {
                    ask::<()>(node, &["REPLICATE", &master]).is_ok()
                });
            }
        }
        for node in &mut nodes {
            // One that forgets a slot's master before it knows of another has failed, for two seconds.
            wait_for("all takeovers", || {
                ask::<String>(node, &["NODES"]).is_ok_and(|known| {
                    let mut serving = known.lines().filter(serves);
                    serving.all(|line| !line.starts_with(NEVER))
                })
            });
            for index in 0..MASTERS {
                // Refused while the node is a replica of it.
                wait_for("the end of who never was", || {
                    ask::<()>(node, &["FORGET", &never(index)]).is_ok()
                });
            }
        }
        self.wait_until_whole(MASTERS);
        Ok(())
    }

    /// Waits until so many masters have all slots, every node that answers knows it, and every replica
    /// follows its master.
    pub(crate) fn wait_until_whole(&self, masters: usize) {
        for node in &self.nodes {
            let Ok(mut connection) = node.try_connect() else {
                continue;
            };
            wait_for("a whole cluster", || {
                let known: String = ask(&mut connection, &["NODES"]).unwrap();
                let info = node.info().unwrap();
                known.lines().filter(serves).count() == masters
                    && is_ok(&mut connection)
                    && !info.contains("master_link_status:down")
            });
        }
    }

    /// Waits until all nodes agree on the epochs of the masters, each of which has one of its own. Before
    /// that, within a second of its start, a cluster may refuse a dead master's replica for good.
    pub(crate) fn wait_until_agreed(&self) {
        let mut nodes: Vec<Connection> = self.nodes.iter().map(RedisServer::connect).collect();
        wait_for("the same epochs everywhere", || {
            let views = nodes.iter_mut().map(epochs);
            let views: BTreeSet<BTreeMap<String, String>> = views.collect();
            views.len() == 1
                && views
                    .iter()
                    .all(|view| BTreeSet::from_iter(view.values()).len() == MASTERS)
        });
    }

    /// Its address, by all nodes.
    pub(crate) fn url(&self) -> String {
        self.url_with("")
    }

    /// Its address for somebody who logs in.
    pub(crate) fn url_for(&self, login: &Login) -> String {
        self.url_with(&login.prefix())
    }

    fn url_with(&self, login: &str) -> String {
        let nodes = self
            .nodes
            .iter()
            .map(|node| format!("127.0.0.1:{}", node.port));
        let nodes = nodes.collect::<Vec<_>>().join(",");
        format!("redis+cluster://{login}{nodes}")
    }
}

fn ask<T: FromRedisValue>(node: &mut Connection, words: &[&str]) -> RedisResult<T> {
    redis::cmd("CLUSTER").arg(words).query(node)
}

fn is_ok(node: &mut Connection) -> bool {
    ask::<String>(node, &["INFO"]).is_ok_and(|info| info.contains("cluster_state:ok"))
}

/// What the node at `index` is told of the cluster before it starts.
fn told(index: usize, ports: &[u16]) -> String {
    let mut lines = Vec::new();
    for (place, port) in ports.iter().enumerate() {
        let master = place % MASTERS;
        let (myself, epoch) = (if place == index { "myself," } else { "" }, master + 1);
        lines.push(format!(
            "{} 127.0.0.1:{port}@{} {myself}slave {} 0 0 {epoch} connected",
            id(place),
            bus(*port),
            never(master),
        ));
    }
    for master in 0..MASTERS {
        let (first, last) = (master * SLOTS / MASTERS, (master + 1) * SLOTS / MASTERS - 1);
        // On ports where nobody listens.
        lines.push(format!(
            "{} 127.0.0.1:{}@{} master - 0 0 {} connected {first}-{last}",
            never(master),
            master + 1,
            master + 4,
            master + 1,
        ));
    }
    lines.push(format!("vars currentEpoch {MASTERS} lastVoteEpoch 0\n"));
    lines.join("\n")
}

/// Whether a node's line tells of a master that has slots.
fn serves(line: &&str) -> bool {
    line.contains("master") && !line.contains("fail") && line.split(' ').count() > 8
}

/// The epochs of the masters, by their ids, as a node knows them.
fn epochs(node: &mut Connection) -> BTreeMap<String, String> {
    let known: String = ask(node, &["NODES"]).unwrap();
    let epoch = |line: &str| {
        let words: Vec<&str> = line.split(' ').collect();
        (words[0].to_owned(), words[6].to_owned())
    };
    known.lines().filter(serves).map(epoch).collect()
}

/// The id of the node at `place`.
fn id(place: usize) -> String {
    format!("{:040x}", 0xa0 + place)
}

/// The id of a master that there never was.
fn never(master: usize) -> String {
    format!("{NEVER}{master:032x}")
}
