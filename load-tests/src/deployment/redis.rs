//! Redis servers of the deployment's own: one, or a cluster of masters.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use redis::{Client, FromRedisValue, RedisResult, aio::MultiplexedConnection};

use super::{
    DeploymentError,
    launcher::Launcher,
    ports::on_free_port,
    process::{Process, READY_TIME_MAX, Start},
};

/// The masters of a cluster.
pub(super) const CLUSTER_NODES: usize = 3;
const SLOTS: usize = 16_384;
const PAUSE: Duration = Duration::from_millis(5);

/// Servers that keep what they acknowledge.
#[derive(Debug)]
pub(super) struct RedisServers {
    nodes: Vec<Node>,
    /// As Ripple's option `--store` has it.
    address: String,
}

#[derive(Debug)]
struct Node {
    start: Start,
    port: u16,
    process: Process,
    connection: MultiplexedConnection,
}

impl RedisServers {
    pub(super) async fn start(
        launcher: &Launcher,
        program: &Path,
        folder: &Path,
        nodes: usize,
    ) -> Result<Self, DeploymentError> {
        let name = super::program::name(program);
        let mut started = Vec::new();
        for index in 0..nodes {
            let folder = folder.join(format!("redis-{index}"));
            std::fs::create_dir(&folder).map_err(DeploymentError::Prepare)?;
            let is_cluster = if nodes > 1 { "yes" } else { "no" };
            let start = |port: u16| Start {
                name: name.clone(),
                program: program.to_owned(),
                arguments: [
                    ["--port", &port.to_string()],
                    ["--bind", "127.0.0.1"],
                    ["--save", ""],
                    ["--appendonly", "yes"],
                    ["--appendfsync", "always"],
                    ["--cluster-enabled", is_cluster],
                    ["--dir", &folder.display().to_string()],
                ]
                .concat()
                .into_iter()
                .map(str::to_owned)
                .collect(),
                environment: Vec::new(),
                log: folder.join("log"),
            };
            let node = async |port| Node::start(launcher, start(port), port).await;
            started.push(on_free_port(node).await?);
        }
        let ports = started
            .iter()
            .map(|node| format!("127.0.0.1:{}", node.port));
        let ports = ports.collect::<Vec<_>>().join(",");
        let scheme = if nodes > 1 { "redis+cluster" } else { "redis" };
        let mut this = Self {
            nodes: started,
            address: format!("{scheme}://{ports}"),
        };
        if nodes > 1 {
            this.join().await?;
        }
        Ok(this)
    }

    /// Makes a cluster of the nodes.
    async fn join(&mut self) -> Result<(), DeploymentError> {
        let count = self.nodes.len();
        let first_port = self.nodes[0].port.to_string();
        for (index, node) in self.nodes.iter_mut().enumerate() {
            let first = (index * SLOTS / count).to_string();
            let last = ((index + 1) * SLOTS / count - 1).to_string();
            node.ask::<()>(&["CLUSTER", "SET-CONFIG-EPOCH", &(index + 1).to_string()])
                .await?;
            node.ask::<()>(&["CLUSTER", "ADDSLOTSRANGE", &first, &last])
                .await?;
            if index > 0 {
                node.ask::<()>(&["CLUSTER", "MEET", "127.0.0.1", &first_port])
                    .await?;
            }
        }
        let begun = Instant::now();
        for node in &mut self.nodes {
            let is_whole = |info: &str| {
                info.contains("cluster_state:ok") && info.contains(&format!("cluster_size:{count}"))
            };
            while !is_whole(&node.ask::<String>(&["CLUSTER", "INFO"]).await?) {
                if begun.elapsed() > READY_TIME_MAX {
                    return Err(node.process.not_ready("the cluster does not form"));
                }
                tokio::time::sleep(PAUSE).await;
            }
        }
        Ok(())
    }

    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// The port of the first one.
    pub(super) fn port(&self) -> u16 {
        self.nodes[0].port
    }

    pub(super) fn command_lines(&self) -> Vec<String> {
        let starts = self.nodes.iter().map(|node| &node.start);
        starts.map(Start::command_line).collect()
    }

    /// Names and process ids.
    pub(super) fn pids(&self) -> Vec<(String, u32)> {
        let nodes = self.nodes.iter();
        nodes
            .map(|node| (node.start.name.clone(), node.process.id()))
            .collect()
    }

    pub(super) async fn shut_down(&self) -> Result<(), DeploymentError> {
        for node in &self.nodes {
            node.process.ask_to_end();
        }
        for node in &self.nodes {
            node.process.end().await?;
        }
        Ok(())
    }
}

impl Node {
    async fn start(launcher: &Launcher, start: Start, port: u16) -> Result<Self, DeploymentError> {
        let process = start.launch(launcher)?;
        let connection = until_ready(&process, port).await?;
        Ok(Self {
            start,
            port,
            process,
            connection,
        })
    }

    async fn ask<T: FromRedisValue>(&self, words: &[&str]) -> RedisResult<T> {
        let mut command = redis::Cmd::new();
        command.arg(words);
        command.query_async(&mut self.connection.clone()).await
    }
}

async fn until_ready(
    process: &Process,
    port: u16,
) -> Result<MultiplexedConnection, DeploymentError> {
    let begun = Instant::now();
    let client = Client::open(format!("redis://127.0.0.1:{port}"))?;
    loop {
        if let Some(status) = process.ended() {
            return Err(process.not_ready(&format!("it has ended, {status}")));
        }
        if let Ok(mut connection) = client.get_multiplexed_async_connection().await {
            let info: RedisResult<String> = redis::cmd("INFO")
                .arg("server")
                .query_async(&mut connection)
                .await;
            // On the port may be another one, for as long as this one has not noticed.
            let own = format!("process_id:{}\r", process.id());
            if info.is_ok_and(|info| info.contains(&own)) {
                return Ok(connection);
            }
        }
        if begun.elapsed() > READY_TIME_MAX {
            return Err(process.not_ready("it does not answer in time"));
        }
        tokio::time::sleep(PAUSE).await;
    }
}
