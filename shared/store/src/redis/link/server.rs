//! The servers behind a link, and the connections to them that all tasks share.

use std::{io, time::Duration};

use deadpool_redis::{Manager, Pool, PoolError, Runtime};
use futures_util::future::try_join_all;
use redis::{
    AsyncConnectionConfig, Cmd, Pipeline, RedisError, RedisResult, Value,
    aio::{ConnectionLike, MultiplexedConnection},
    cluster::ClusterClient,
    cluster_async::ClusterConnection,
    cluster_routing::{MultipleNodeRoutingInfo, RoutingInfo, SingleNodeRoutingInfo},
};

use super::commands::{Commands, decode, is_of_demoted};
use crate::redis::{address::RedisAddress, shared_connection::SharedConnection};

/// An answer that has not come by then has been lost.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Connections at most, those that nobody shares included.
const CONNECTIONS_MAX: usize = 8;

/// One server or a cluster, with `PLACES` shared connections.
pub(super) enum Server<const PLACES: usize> {
    Single {
        pool: Pool,
        shared: [SharedConnection<MultiplexedConnection>; PLACES],
    },
    Cluster {
        client: Box<ClusterClient>,
        shared: [SharedConnection<ClusterConnection>; PLACES],
    },
}

impl<const PLACES: usize> Server<PLACES> {
    /// Will connect when it is needed.
    pub(super) fn new(address: &RedisAddress) -> RedisResult<Self> {
        match address {
            RedisAddress::Single(info) => {
                let config = AsyncConnectionConfig::new()
                    .set_connection_timeout(Some(CONNECT_TIMEOUT))
                    .set_response_timeout(Some(ANSWER_TIMEOUT));
                let manager = Manager::new_with_config((**info).clone(), config)?;
                let pool = Pool::builder(manager)
                    .max_size(CONNECTIONS_MAX)
                    .runtime(Runtime::Tokio1)
                    .wait_timeout(Some(ANSWER_TIMEOUT))
                    .create_timeout(Some(CONNECT_TIMEOUT))
                    .recycle_timeout(Some(ANSWER_TIMEOUT))
                    .build()
                    .map_err(|error| io_error(&error))?;
                let shared = std::array::from_fn(|_| SharedConnection::default());
                Ok(Self::Single { pool, shared })
            }
            RedisAddress::Cluster(nodes) => {
                let client = ClusterClient::builder(nodes.clone())
                    .connection_timeout(CONNECT_TIMEOUT)
                    .response_timeout(ANSWER_TIMEOUT)
                    .build()?;
                let client = Box::new(client);
                let shared = std::array::from_fn(|_| SharedConnection::default());
                Ok(Self::Cluster { client, shared })
            }
        }
    }

    /// Sends commands on the shared connection in this place, once.
    pub(super) async fn send(&self, place: usize, commands: &Commands) -> RedisResult<Vec<Value>> {
        let count = commands.len();
        if count == 0 {
            return Ok(Vec::new());
        }
        let pipeline = commands.pipeline();
        match self {
            Self::Single { pool, shared } => {
                let (mut connection, number) = shared[place].get(|| single(pool)).await?;
                let answers = connection.req_packed_commands(pipeline, 0, count).await;
                forget_failed(shared, place, number, &answers);
                answers
            }
            // The client makes broken connections to nodes anew by itself. From a node that does not
            // answer, though, it never turns away: a fresh one asks the others who holds what.
            Self::Cluster { client, shared } => {
                let fresh = || client.get_async_connection();
                let (mut connection, number) = shared[place].get(fresh).await?;
                let answers = connection.req_packed_commands(pipeline, 0, count).await;
                forget_failed(shared, place, number, &answers);
                answers
            }
        }
    }

    /// Sends commands to every server that takes writes, on the shared connection in this place.
    pub(super) async fn send_to_masters(&self, place: usize, all: &Commands) -> RedisResult<()> {
        match self {
            Self::Single { .. } => {
                for answer in self.send(place, all).await? {
                    answer.extract_error()?;
                }
            }
            Self::Cluster { client, shared } => {
                let fresh = || client.get_async_connection();
                let (connection, _) = shared[place].get(fresh).await?;
                let sent = all.pipeline().cmd_iter().map(|command| {
                    let mut connection = connection.clone();
                    async move { command.exec_async(&mut connection).await }
                });
                // Side by side: one after another they would take many times the way there and back.
                try_join_all(sent).await?;
            }
        }
        Ok(())
    }

    /// Sends a command to every server that takes writes; their names, and what each answers.
    pub(super) async fn each_master(
        &self,
        place: usize,
        command: &Cmd,
    ) -> RedisResult<Vec<(String, RedisResult<Value>)>> {
        match self {
            Self::Single { pool, shared } => {
                let (mut connection, _) = shared[place].get(|| single(pool)).await?;
                let answer = connection.req_packed_command(command).await;
                Ok(vec![("the server".to_owned(), answer)])
            }
            Self::Cluster { client, shared } => {
                let fresh = || client.get_async_connection();
                let (mut connection, _) = shared[place].get(fresh).await?;
                // Sent to all at once, the refusal of one would hide what the others answer.
                let masters = MultipleNodeRoutingInfo::AllMasters;
                let routing = RoutingInfo::MultiNode((masters, None));
                let pings = connection.route_command(redis::cmd("PING"), routing);
                let masters: Vec<(String, Value)> = decode(pings.await?)?;
                let mut answers = Vec::with_capacity(masters.len());
                for (name, _) in masters {
                    let answer = connection
                        .route_command(command.clone(), to_node(&name)?)
                        .await;
                    answers.push((name, answer));
                }
                Ok(answers)
            }
        }
    }

    /// A connection that nobody shares.
    pub(super) async fn own_connection(&self) -> RedisResult<OwnConnection> {
        match self {
            Self::Single { pool, .. } => Ok(OwnConnection::Single(single(pool).await?)),
            Self::Cluster { client, .. } => {
                Ok(OwnConnection::Cluster(client.get_async_connection().await?))
            }
        }
    }
}

/// Makes sure that a connection is not used again that has failed, or leads to a server that has been
/// demoted: behind the same address is another one by now, and the old one serves stale reads. Then
/// all others lead there, too.
fn forget_failed<C: Clone>(
    all: &[SharedConnection<C>],
    place: usize,
    number: u64,
    answers: &RedisResult<Vec<Value>>,
) {
    match answers {
        Err(error) if error.is_unrecoverable_error() || error.is_timeout() => {
            all[place].forget(number);
        }
        Ok(answers) if answers.iter().any(is_of_demoted) && all[place].forget(number) => {
            all.iter().for_each(SharedConnection::forget_any);
        }
        _ => {}
    }
}

/// The way to the node of this name, `host:port`.
fn to_node(name: &str) -> RedisResult<RoutingInfo> {
    let parts = name.rsplit_once(':');
    let address = parts.and_then(|(host, port)| Some((host.to_owned(), port.parse().ok()?)));
    let (host, port) = address
        .ok_or_else(|| RedisError::from(io::Error::other(format!("a node is called {name}"))))?;
    let node = SingleNodeRoutingInfo::ByAddress { host, port };
    Ok(RoutingInfo::SingleNode(node))
}

/// A connection to a single server.
async fn single(pool: &Pool) -> RedisResult<MultiplexedConnection> {
    let fresh = pool.get().await.map_err(|error| match error {
        // As the client says it: nobody who was not answered in time is sent the same again at once.
        PoolError::Timeout(_) => RedisError::from(io::Error::from(io::ErrorKind::TimedOut)),
        PoolError::Backend(error) => error,
        error => io_error(&error),
    })?;
    Ok(deadpool_redis::Connection::take(fresh))
}

/// A connection that nobody shares.
pub(in crate::redis) enum OwnConnection {
    Single(MultiplexedConnection),
    Cluster(ClusterConnection),
}

impl OwnConnection {
    /// Sends commands for one partition; the answers in their order.
    pub(in crate::redis) async fn send(&mut self, pipeline: &Pipeline) -> RedisResult<Vec<Value>> {
        let count = pipeline.len();
        match self {
            Self::Single(connection) => connection.req_packed_commands(pipeline, 0, count).await,
            Self::Cluster(connection) => connection.req_packed_commands(pipeline, 0, count).await,
        }
    }
}

fn io_error(error: &dyn std::error::Error) -> RedisError {
    RedisError::from(io::Error::other(error.to_string()))
}
