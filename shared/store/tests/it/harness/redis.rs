use std::sync::Arc;

use async_trait::async_trait;
use ripple_store::{
    Store,
    redis::{RedisAddress, RedisOptions, RedisStore},
};

use super::{
    Harness, Settings,
    servers::{Login, Program, RedisCluster, RedisServer},
};

/// A store on a Redis of its own, which is killed when its process is.
pub(crate) struct Redis {
    server: RedisServer,
    logins: Logins,
}

/// A store on a Valkey of its own.
pub(crate) struct Valkey {
    server: RedisServer,
    logins: Logins,
}

/// A store on a cluster of its own.
pub(crate) struct Cluster {
    cluster: RedisCluster,
    logins: Logins,
}

/// The processes of a store, one after the other, by their logins: what one that was killed sends is
/// executed no more.
#[derive(Default)]
struct Logins(Vec<Login>);

impl Logins {
    fn next(&mut self, nodes: &[RedisServer]) -> Login {
        let login = Login::new(format!("process_{}", self.0.len()));
        nodes.iter().for_each(|node| node.admit(&login));
        self.0.push(login.clone());
        login
    }

    fn end(&self, nodes: &[RedisServer]) {
        for login in &self.0 {
            nodes.iter().for_each(|node| node.expel(login));
        }
    }
}

/// Opens a store at an address.
async fn open(url: &str, settings: &Settings) -> Arc<dyn Store> {
    let options = RedisOptions {
        clock: settings.clock.clone(),
        queue_limits: settings.queue_limits,
        home_idle_ms: settings.home_idle_ms,
        ..RedisOptions::default()
    };
    let address: RedisAddress = url.parse().unwrap();
    RedisStore::open(&address, options).await.unwrap()
}

#[async_trait]
impl Harness for Redis {
    fn fresh() -> Self {
        Self {
            server: RedisServer::start(Program::Redis),
            logins: Logins::default(),
        }
    }

    async fn open(&mut self, settings: &Settings) -> Arc<dyn Store> {
        let login = self.logins.next(std::slice::from_ref(&self.server));
        open(&self.server.url_for(&login), settings).await
    }

    async fn kill(&mut self) {
        self.logins.end(std::slice::from_ref(&self.server));
        self.server.kill();
        self.server.restart();
    }
}

#[async_trait]
impl Harness for Valkey {
    fn fresh() -> Self {
        Self {
            server: RedisServer::start(Program::Valkey),
            logins: Logins::default(),
        }
    }

    async fn open(&mut self, settings: &Settings) -> Arc<dyn Store> {
        let login = self.logins.next(std::slice::from_ref(&self.server));
        open(&self.server.url_for(&login), settings).await
    }

    async fn kill(&mut self) {
        self.logins.end(std::slice::from_ref(&self.server));
    }
}

#[async_trait]
impl Harness for Cluster {
    fn fresh() -> Self {
        Self {
            cluster: RedisCluster::start(),
            logins: Logins::default(),
        }
    }

    async fn open(&mut self, settings: &Settings) -> Arc<dyn Store> {
        let login = self.logins.next(&self.cluster.nodes);
        open(&self.cluster.url_for(&login), settings).await
    }

    async fn kill(&mut self) {
        self.logins.end(&self.cluster.nodes);
    }
}
