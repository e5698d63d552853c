//! The connections to Redis, and how commands travel on them.
//!
//! Small commands and commits of all tasks share a few connections: what arrives together shares a
//! write, a read and a sync to disk. A pipeline goes to one partition, so it never spans slots.

use std::{
    io,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use deadpool_redis::{Manager, Pool, PoolError, Runtime};
use futures_util::{StreamExt, TryStreamExt, future::try_join_all, stream};
use redis::{
    AsyncConnectionConfig, Cmd, FromRedisValue, Pipeline, RedisError, RedisResult, ToRedisArgs,
    Value,
    aio::{ConnectionLike, MultiplexedConnection},
    cluster::ClusterClient,
    cluster_async::ClusterConnection,
    cluster_routing::{MultipleNodeRoutingInfo, RoutingInfo, SingleNodeRoutingInfo},
};
use ripple_domain::Partition;

use super::{
    address::RedisAddress,
    key::{KEY_BYTES, Key, partitions},
    script::Script,
    shared_connection::SharedConnection,
};

/// An answer that has not come by then has been lost.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Connections that the small commands of all tasks share.
const SHARED: usize = 2;
/// Connections for bulks, which all tasks share as well: nothing small waits behind a bulk.
const FOR_BULKS: usize = 2;
/// Connections at most, those for large pipelines included.
const CONNECTIONS_MAX: usize = 8;
/// Pipelines of one call that are under way at once.
pub(super) const IN_FLIGHT_MAX: usize = 64;
/// Commands of several partitions that are sent to a single server in one pipeline, at most.
const TOGETHER_MAX: usize = 500;
/// Commands of one message of a bulk: more gain nothing.
const BULK_MESSAGE_MAX: usize = 1_000;
/// Messages of one bulk that are under way at once.
const BULK_IN_FLIGHT_MAX: usize = 4;
/// Scripts are loaded so often, at most, before what needs them fails.
const LOADS_MAX: usize = 3;

/// Commands for one partition, answered one by one. One that fails does not stop those after it.
pub(super) struct Commands {
    pub(super) partition: Partition,
    /// They are for any partitions after all, of a single server.
    crosses: bool,
    pipeline: Pipeline,
}

impl Commands {
    pub(super) fn new(partition: Partition) -> Self {
        Self {
            partition,
            crosses: false,
            pipeline: Pipeline::new(),
        }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.pipeline.len()
    }

    pub(super) fn pipeline(&self) -> &Pipeline {
        &self.pipeline
    }

    /// Adds `name key args…`.
    pub(super) fn add(&mut self, name: &str, key: &Key<'_>, args: impl ToRedisArgs) -> &mut Self {
        debug_assert!(self.takes(key), "{name} {key:?}");
        let arguments = 2 + args.num_of_args();
        let mut command = Cmd::with_capacity(arguments, arguments * KEY_BYTES);
        command.arg(name).arg(key.name()).arg(args);
        self.command(command)
    }

    /// Adds a command that was made elsewhere; its keys are in this partition.
    pub(super) fn command(&mut self, command: Cmd) -> &mut Self {
        self.pipeline.add_command(command);
        self
    }

    /// Adds a script. Scripts may make the names of further keys of the partition from their arguments.
    pub(super) fn script(
        &mut self,
        script: Script,
        keys: &[Key<'_>],
        args: impl ToRedisArgs,
    ) -> &mut Self {
        debug_assert!(keys.iter().all(|key| self.takes(key)));
        let command = self.pipeline.cmd("EVALSHA").arg(script.hash());
        command.arg(keys.len());
        for key in keys {
            command.arg(key.name());
        }
        command.arg(args);
        self
    }

    fn takes(&self, key: &Key<'_>) -> bool {
        self.crosses || key.partition() == self.partition
    }
}

/// Many commands for many partitions, in large messages: to a cluster each for one partition, to a
/// single server filled as they come.
pub(super) struct Bulk {
    crosses: bool,
    messages: Vec<Commands>,
}

impl Bulk {
    /// Where to add the next command, which is for this partition. Those of one partition come one
    /// after another.
    pub(super) fn to(&mut self, partition: Partition) -> &mut Commands {
        let crosses = self.crosses;
        let has_place = |last: &Commands| {
            last.len() < BULK_MESSAGE_MAX && (crosses || last.partition == partition)
        };
        if !self.messages.last().is_some_and(has_place) {
            self.messages.push(Commands {
                crosses,
                ..Commands::new(partition)
            });
        }
        let last = self.messages.len() - 1;
        &mut self.messages[last]
    }

    /// The messages.
    pub(super) fn messages(&self) -> &[Commands] {
        &self.messages
    }
}

enum Server {
    Single {
        pool: Pool,
        shared: [SharedConnection<MultiplexedConnection>; SHARED + FOR_BULKS],
    },
    Cluster {
        client: Box<ClusterClient>,
        shared: [SharedConnection<ClusterConnection>; SHARED + FOR_BULKS],
    },
}

/// The connections of a store.
pub(super) struct Link {
    server: Server,
    turn: AtomicUsize,
}

impl Link {
    /// Connects, and loads the scripts.
    pub(super) async fn open(address: &RedisAddress) -> RedisResult<Self> {
        let link = Self::without_scripts(address)?;
        link.load_scripts().await?;
        Ok(link)
    }

    /// Will connect to where nobody knows yet what there is.
    pub(super) fn without_scripts(address: &RedisAddress) -> RedisResult<Self> {
        let server = match address {
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
                Server::Single {
                    pool,
                    shared: Default::default(),
                }
            }
            RedisAddress::Cluster(nodes) => {
                let client = ClusterClient::builder(nodes.clone())
                    .connection_timeout(CONNECT_TIMEOUT)
                    .response_timeout(ANSWER_TIMEOUT)
                    .build()?;
                Server::Cluster {
                    client: Box::new(client),
                    shared: Default::default(),
                }
            }
        };
        Ok(Self {
            server,
            turn: AtomicUsize::new(0),
        })
    }

    /// Sends commands on a shared connection; the answers in their order.
    ///
    /// When the connection breaks they are sent once more, so every command must be harmless when it is
    /// repeated. (For as long as a failover takes, only commits are: `RedisStore::commit`.)
    pub(super) async fn send(&self, commands: &Commands) -> RedisResult<Vec<Value>> {
        self.send_again_on(self.turn(), commands).await
    }

    /// [`Link::send`] on the shared connection in this place.
    async fn send_again_on(&self, place: usize, commands: &Commands) -> RedisResult<Vec<Value>> {
        match self.send_on(place, commands).await {
            Err(error) if error.is_io_error() && !error.is_timeout() => {
                self.send_on(place, commands).await
            }
            answers => answers,
        }
    }

    /// [`Link::send`] without sending anything twice: of a commit it must be known whether an earlier
    /// attempt may have been carried out.
    pub(super) async fn send_as_is(&self, commands: &Commands) -> RedisResult<Vec<Value>> {
        self.send_on(self.turn(), commands).await
    }

    /// Sends commands on the shared connection in this place, with the scripts where the server does
    /// not know them.
    async fn send_on(&self, place: usize, commands: &Commands) -> RedisResult<Vec<Value>> {
        let mut answers = self.send_once(place, commands).await?;
        // The server was started anew, or another one has taken its place; and that once more, perhaps,
        // before it is asked again.
        for _ in 0..LOADS_MAX {
            let unknown = |(index, answer)| is_unknown_script(answer).then_some(index);
            let unknown: Vec<usize> = answers.iter().enumerate().filter_map(unknown).collect();
            if unknown.is_empty() {
                break;
            }
            self.load_scripts_on(place).await?;
            let mut again = Commands::new(commands.partition);
            for (index, command) in commands.pipeline.cmd_iter().enumerate() {
                if unknown.binary_search(&index).is_ok() {
                    again.command(command.clone());
                }
            }
            let answered = self.send_once(place, &again).await?;
            for (index, answer) in unknown.into_iter().zip(answered) {
                answers[index] = answer;
            }
        }
        Ok(answers)
    }

    /// Sends the commands of several partitions side by side; the answers in the order of `all`.
    pub(super) async fn send_all(&self, all: &[Commands]) -> RedisResult<Vec<Vec<Value>>> {
        if let [commands] = all {
            return Ok(vec![self.send(commands).await?]);
        }
        let commands = all.iter().map(Commands::len).sum::<usize>();
        if matches!(self.server, Server::Single { .. }) && commands <= TOGETHER_MAX {
            // All go to the same server: one message costs less than many.
            let mut together = Commands::new(0);
            for command in all.iter().flat_map(|commands| commands.pipeline.cmd_iter()) {
                together.command(command.clone());
            }
            let mut answers = self.send(&together).await?.into_iter();
            let of_one = |commands: &Commands| answers.by_ref().take(commands.len()).collect();
            return Ok(all.iter().map(of_one).collect());
        }
        // As a list: the compiler cannot prove that a stream which maps borrowed items is `Send`.
        let sent: Vec<_> = all.iter().map(|commands| self.send(commands)).collect();
        stream::iter(sent)
            .buffered(IN_FLIGHT_MAX)
            .try_collect()
            .await
    }

    /// No commands yet, for any partitions, where there is a single server.
    pub(super) fn across(&self) -> Option<Commands> {
        matches!(self.server, Server::Single { .. }).then(|| Commands {
            crosses: true,
            ..Commands::new(0)
        })
    }

    /// A bulk without commands.
    pub(super) fn bulk(&self) -> Bulk {
        Bulk {
            crosses: matches!(self.server, Server::Single { .. }),
            messages: Vec::new(),
        }
    }

    /// Sends a bulk, a few messages at a time; the answers in the order of its commands.
    pub(super) async fn send_bulk(&self, bulk: &Bulk) -> RedisResult<Vec<Value>> {
        let on = |turn: usize| SHARED + turn % FOR_BULKS;
        let first = self.turn.fetch_add(1, Ordering::Relaxed);
        let messages = bulk.messages.iter().enumerate();
        let sent: Vec<_> = messages
            .map(|(index, message)| self.send_again_on(on(first + index), message))
            .collect();
        let mut sent = stream::iter(sent).buffered(BULK_IN_FLIGHT_MAX);
        let mut answers = Vec::with_capacity(bulk.messages.iter().map(Commands::len).sum());
        while let Some(of_message) = sent.try_next().await? {
            answers.extend(of_message);
        }
        Ok(answers)
    }

    /// Sends one command and decodes its answer.
    pub(super) async fn one<T: FromRedisValue>(&self, commands: &Commands) -> RedisResult<T> {
        let answer = self.send(commands).await?.pop().unwrap_or(Value::Nil);
        decode(answer)
    }

    /// A connection that nobody shares.
    pub(super) async fn own_connection(&self) -> RedisResult<OwnConnection> {
        match &self.server {
            Server::Single { pool, .. } => Ok(OwnConnection::Single(single(pool).await?)),
            Server::Cluster { client, .. } => {
                Ok(OwnConnection::Cluster(client.get_async_connection().await?))
            }
        }
    }

    /// Whether it is a cluster.
    pub(super) fn is_cluster(&self) -> bool {
        matches!(self.server, Server::Cluster { .. })
    }

    /// Sends a command to every server that takes writes; their names, and what each answers.
    pub(super) async fn each_master(
        &self,
        command: &Cmd,
    ) -> RedisResult<Vec<(String, RedisResult<Value>)>> {
        match &self.server {
            Server::Single { pool, shared } => {
                let (mut connection, _) = shared[self.turn()].get(single(pool)).await?;
                let answer = connection.req_packed_command(command).await;
                Ok(vec![("the server".to_owned(), answer)])
            }
            Server::Cluster { client, shared } => {
                let fresh = client.get_async_connection();
                let (mut connection, _) = shared[self.turn()].get(fresh).await?;
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

    /// Loads all scripts on every master.
    pub(super) async fn load_scripts(&self) -> RedisResult<()> {
        self.load_scripts_on(self.turn()).await
    }

    /// [`Link::load_scripts`] on the shared connection in this place: others may be broken, and only who
    /// uses them notices.
    async fn load_scripts_on(&self, place: usize) -> RedisResult<()> {
        let mut all = Commands::new(0);
        for script in Script::ALL {
            let mut load = redis::cmd("SCRIPT");
            load.arg("LOAD").arg(script.source());
            all.command(load);
        }
        match &self.server {
            Server::Single { .. } => {
                for answer in self.send_once(place, &all).await? {
                    answer.extract_error()?;
                }
            }
            // The client sends each to every master.
            Server::Cluster { client, shared } => {
                let fresh = client.get_async_connection();
                let (connection, _) = shared[place].get(fresh).await?;
                let loads = all.pipeline.cmd_iter().map(|load| {
                    let mut connection = connection.clone();
                    async move { load.exec_async(&mut connection).await }
                });
                // Side by side: one after another they would take many times the way there and back.
                try_join_all(loads).await?;
            }
        }
        Ok(())
    }

    async fn send_once(&self, place: usize, commands: &Commands) -> RedisResult<Vec<Value>> {
        let count = commands.len();
        if count == 0 {
            return Ok(Vec::new());
        }
        match &self.server {
            Server::Single { pool, shared: all } => {
                let (mut connection, number) = all[place].get(single(pool)).await?;
                let answers = connection
                    .req_packed_commands(&commands.pipeline, 0, count)
                    .await;
                forget_failed(all, place, number, &answers);
                answers
            }
            // The client makes broken connections to nodes anew by itself. From a node that does not
            // answer, though, it never turns away: a fresh one asks the others who holds what.
            Server::Cluster {
                client,
                shared: all,
            } => {
                let fresh = client.get_async_connection();
                let (mut connection, number) = all[place].get(fresh).await?;
                let answers = connection
                    .req_packed_commands(&commands.pipeline, 0, count)
                    .await;
                forget_failed(all, place, number, &answers);
                answers
            }
        }
    }

    /// The place of the next shared connection for small commands, in turn.
    fn turn(&self) -> usize {
        self.turn.fetch_add(1, Ordering::Relaxed) % SHARED
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
    let (host, port) = address.ok_or_else(|| {
        RedisError::from(std::io::Error::other(format!("a node is called {name}")))
    })?;
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
pub(super) enum OwnConnection {
    Single(MultiplexedConnection),
    Cluster(ClusterConnection),
}

impl OwnConnection {
    /// Sends commands for one partition; the answers in their order.
    pub(super) async fn send(&mut self, pipeline: &Pipeline) -> RedisResult<Vec<Value>> {
        let count = pipeline.len();
        match self {
            Self::Single(connection) => connection.req_packed_commands(pipeline, 0, count).await,
            Self::Cluster(connection) => connection.req_packed_commands(pipeline, 0, count).await,
        }
    }
}

/// Decodes an answer; the server's error where it is one.
pub(super) fn decode<T: FromRedisValue>(answer: Value) -> RedisResult<T> {
    Ok(T::from_redis_value(answer.extract_error()?)?)
}

/// Commands by partition: `add` is called for each item with those of its partition.
pub(super) fn by_partition<T>(
    items: impl IntoIterator<Item = (Partition, T)>,
    mut add: impl FnMut(&mut Commands, T),
) -> Vec<Commands> {
    let mut all: Vec<Option<Commands>> = partitions().map(|_| None).collect();
    for (partition, item) in items {
        let commands = all[usize::from(partition)].get_or_insert_with(|| Commands::new(partition));
        add(commands, item);
    }
    all.into_iter().flatten().collect()
}

pub(super) fn is_unknown_script(answer: &Value) -> bool {
    matches!(answer, Value::ServerError(error) if error.code() == "NOSCRIPT")
}

/// Whether a server says that it is no master any more.
pub(super) fn is_of_demoted(answer: &Value) -> bool {
    const CODES: [&str; 2] = ["MASTERDOWN", "READONLY"];
    matches!(answer, Value::ServerError(error) if CODES.contains(&error.code()))
}

fn io_error(error: &dyn std::error::Error) -> RedisError {
    RedisError::from(io::Error::other(error.to_string()))
}
