//! Where a test's servers keep what they know: a data folder, a Redis, a cluster.

use std::{path::Path, time::Duration};

use tempfile::TempDir;

use crate::{
    process::Server,
    servers::{Program, RedisCluster, RedisServer},
};

/// A store with room for what its processes write beside it.
pub(crate) struct Place {
    data: TempDir,
    store: String,
    servers: Servers,
}

enum Servers {
    None,
    One(RedisServer),
    Cluster(#[expect(dead_code, reason = "it runs until it is dropped")] RedisCluster),
}

impl Place {
    pub(crate) fn embedded() -> Self {
        Self::new("embedded".to_owned(), Servers::None)
    }

    pub(crate) fn redis() -> Self {
        let server = RedisServer::start(Program::Redis);
        Self::new(server.url(), Servers::One(server))
    }

    pub(crate) fn redis_cluster() -> Self {
        let cluster = RedisCluster::start();
        Self::new(cluster.url(), Servers::Cluster(cluster))
    }

    fn new(store: String, servers: Servers) -> Self {
        Self {
            data: TempDir::new().unwrap(),
            store,
            servers,
        }
    }

    /// The data folder.
    pub(crate) fn data(&self) -> &Path {
        self.data.path()
    }

    /// The address of the store.
    pub(crate) fn store(&self) -> &str {
        &self.store
    }

    /// A connection to the single Redis.
    pub(crate) fn connect(&self) -> redis::Connection {
        self.redis_server().connect()
    }

    /// The port of the single Redis.
    pub(crate) fn port(&self) -> u16 {
        self.redis_server().port
    }

    fn redis_server(&self) -> &RedisServer {
        match &self.servers {
            Servers::One(server) => server,
            Servers::None | Servers::Cluster(_) => panic!("there is no single server"),
        }
    }

    /// Starts a server on it, and waits until it is ready.
    pub(crate) fn start(&self) -> Server {
        self.start_with(&[])
    }

    /// [`Place::start`] with further options.
    pub(crate) fn start_with(&self, options: &[&str]) -> Server {
        let options: Vec<&str> = [&["--store", &self.store], options].concat();
        Server::start_with(self.data(), &options)
    }

    /// Starts a server and kills it before or soon after it is ready.
    pub(crate) fn start_and_kill(&self, after: Duration) {
        Server::start_and_kill(self.data(), &["--store", &self.store], after);
    }
}

/// Makes a test of each case on each store.
macro_rules! on_every_store {
    ($($case:ident)+) => {
        on_every_store! { embedded: $($case)+ }
        on_every_store! { redis: $($case)+ }
        on_every_store! { redis_cluster: $($case)+ }
    };
    ($place:ident: $($case:ident)+) => {
        mod $place {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    super::$case(crate::place::Place::$place()).await;
                }
            )+
        }
    };
}

pub(crate) use on_every_store;
