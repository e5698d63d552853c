//! The connections to Redis, and how commands travel on them.
//!
//! Small commands and commits of all tasks share a few connections: what arrives together shares a
//! write, a read and a sync to disk. A pipeline goes to one partition, so it never spans slots.

mod commands;
mod server;

use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::{StreamExt, TryStreamExt, stream};
use redis::{Cmd, FromRedisValue, RedisResult, Value};

pub(super) use commands::{Bulk, Commands, by_partition, decode, is_of_demoted, is_unknown_script};
pub(super) use server::OwnConnection;

use self::server::Server;
use super::{address::RedisAddress, script::Script};

/// Connections that the small commands of all tasks share.
const SHARED: usize = 2;
/// The place of the connection for the commits of jobs and imports. Redis takes about as much from each
/// connection in turn, so what comes in large batches has one turn, and what somebody waits for has two. (With
/// all commits on one of their own, posts waited for the batches: in a burst five times as long.)
const FOR_BATCHES: usize = SHARED;
/// Connections for bulks: nothing small waits behind a bulk.
const FOR_BULKS: usize = 2;
/// Pipelines of one call that are under way at once.
pub(super) const IN_FLIGHT_MAX: usize = 64;
/// Commands of several partitions that are sent to a single server in one pipeline, at most.
const TOGETHER_MAX: usize = 500;
/// Messages of one bulk that are under way at once.
const BULK_IN_FLIGHT_MAX: usize = 4;
/// Scripts are loaded so often, at most, before what needs them fails.
const LOADS_MAX: usize = 3;

/// The connections on which a commit travels.
#[derive(Clone, Copy, Debug)]
pub(super) enum Lane {
    /// Those for the small commands of all tasks.
    Shared,
    /// That of the batches.
    Batches,
}

/// The connections of a store.
pub(super) struct Link {
    server: Server<{ FOR_BATCHES + 1 + FOR_BULKS }>,
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
        Ok(Self {
            server: Server::new(address)?,
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

    /// [`Link::send`] for a commit, without sending anything twice: it must be known whether an earlier
    /// attempt may have been carried out.
    pub(super) async fn send_commit(
        &self,
        lane: Lane,
        commands: &Commands,
    ) -> RedisResult<Vec<Value>> {
        let place = match lane {
            Lane::Shared => self.turn(),
            Lane::Batches => FOR_BATCHES,
        };
        self.send_on(place, commands).await
    }

    /// Sends commands on the shared connection in this place, with the scripts where the server does
    /// not know them.
    async fn send_on(&self, place: usize, commands: &Commands) -> RedisResult<Vec<Value>> {
        let mut answers = self.server.send(place, commands).await?;
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
            for (index, command) in commands.pipeline().cmd_iter().enumerate() {
                if unknown.binary_search(&index).is_ok() {
                    again.command(command.clone());
                }
            }
            let answered = self.server.send(place, &again).await?;
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
        if self.is_single() && commands <= TOGETHER_MAX {
            // All go to the same server: one message costs less than many.
            let mut together = Commands::new(0);
            for command in all
                .iter()
                .flat_map(|commands| commands.pipeline().cmd_iter())
            {
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
        self.is_single().then(Commands::across)
    }

    /// A bulk without commands.
    pub(super) fn bulk(&self) -> Bulk {
        Bulk::new(self.is_single())
    }

    /// Sends a bulk, a few messages at a time; the answers in the order of its commands.
    pub(super) async fn send_bulk(&self, bulk: &Bulk) -> RedisResult<Vec<Value>> {
        let on = |turn: usize| FOR_BATCHES + 1 + turn % FOR_BULKS;
        let first = self.turn.fetch_add(1, Ordering::Relaxed);
        let messages = bulk.messages().iter().enumerate();
        let sent: Vec<_> = messages
            .map(|(index, message)| self.send_again_on(on(first + index), message))
            .collect();
        let mut sent = stream::iter(sent).buffered(BULK_IN_FLIGHT_MAX);
        let mut answers = Vec::with_capacity(bulk.messages().iter().map(Commands::len).sum());
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
        self.server.own_connection().await
    }

    /// Whether it is a cluster.
    pub(super) fn is_cluster(&self) -> bool {
        !self.is_single()
    }

    fn is_single(&self) -> bool {
        matches!(self.server, Server::Single { .. })
    }

    /// Sends a command to every server that takes writes; their names, and what each answers.
    pub(super) async fn each_master(
        &self,
        command: &Cmd,
    ) -> RedisResult<Vec<(String, RedisResult<Value>)>> {
        self.server.each_master(self.turn(), command).await
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
        self.server.send_to_masters(place, &all).await
    }

    /// The place of the next shared connection for small commands, in turn.
    fn turn(&self) -> usize {
        self.turn.fetch_add(1, Ordering::Relaxed) % SHARED
    }
}
