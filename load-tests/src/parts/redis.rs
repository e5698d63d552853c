//! Home timelines on a Redis server of the measurement's own: pushes beside what `redis-benchmark` reaches on
//! the same server, and what an entry takes.
//!
//! The server syncs before it acknowledges, and never rewrites its log.

use std::{
    io,
    process::Command,
    sync::Arc,
    time::{Duration, Instant},
};

use redis::{
    AsyncConnectionConfig, Client, ErrorKind, RedisError, RedisResult, aio::MultiplexedConnection,
};
use ripple_domain::UserId;
use ripple_store::{
    Store,
    home::HOME_IDS_MAX,
    redis::{RedisOptions, RedisStore},
};

use super::{FOLLOWERS_OF_A_CHUNK as CHUNK, Parts, ROUNDS, all_pushed, chunk, median};
use crate::{
    deployment::RedisServer,
    report::units::as_f64,
    run::RunError,
    world::{self, WorldError},
};

/// The entries with which the store lets a full timeline begin.
const ENTRIES: u64 = 760;
/// Whom everybody follows.
pub const AUTHOR: UserId = UserId(2);

/// Followers of the author in [`fan_out`].
const FOLLOWERS: u32 = 50_000;
/// Those between which costs are compared, and the entries of their timelines: full ones of a million
/// users do not fit in every machine.
const FEW: u32 = 1_000;
const MANY: u32 = 1_000_000;
const COST_ENTRIES: u64 = 10;
/// A machine that does other things too answers late; the client's default is half a second.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(60);

/// What [`fan_out`] finds.
#[derive(Clone, Copy, Debug)]
pub struct FanOut {
    /// What a delivery sends and receives, of posts one at a time.
    pub traffic: Traffic,
    /// Pushes a second of `redis-benchmark` to full lists.
    pub lists_per_s: f64,
    /// Deliveries a second of posts one at a time, and over [`FanOut::lists_per_s`] of the same round.
    pub one: (f64, f64),
    /// The same of eight posts at a time.
    pub eight: (f64, f64),
    /// Memory of an entry of a home timeline, in bytes.
    pub entry_bytes: f64,
}

pub(super) async fn measure() -> Result<Parts, RunError> {
    let fan_out = fan_out(FOLLOWERS).await?;
    Ok(Parts {
        users: MANY,
        deliveries_per_s: fan_out.one.0,
        of_ceiling: fan_out.one.1,
        entry_bytes: fan_out.entry_bytes,
        cost_ratio: cost_ratio(FEW, MANY).await?,
    })
}

/// Pushes to so many full timelines beside pushes to as many full lists.
///
/// # Errors
/// When there is no `redis-server` or no `redis-benchmark`, or one of them does not answer.
pub async fn fan_out(followers: u32) -> Result<FanOut, RunError> {
    let bench = Bench::start().await?;
    let mut connection = bench.connection.clone();
    fill_lists(&mut connection, followers).await?;
    world::follow_star(&*bench.store, followers).await?;
    let before = used_memory(&mut connection).await?;
    world::warm_star(&*bench.store, followers, ENTRIES).await?;
    let bytes = used_memory(&mut connection).await?.saturating_sub(before);

    let mut pusher = Pusher::new(Arc::clone(&bench.store));
    pusher.push(1, usize::MAX).await?;
    let before = Traffic::of(&mut connection).await?;
    pusher.push(1, usize::MAX).await?;
    let traffic = Traffic::of(&mut connection).await? - before;

    let mut rounds = [const { Vec::new() }; 5];
    for _ in 0..ROUNDS {
        let lists = redis_benchmark(bench.server.port(), followers).await?;
        let one = pusher.push(1, usize::MAX).await?;
        let eight = pusher.push(8, usize::MAX).await?;
        let found = [lists, one, one / lists, eight, eight / lists];
        for (values, value) in rounds.iter_mut().zip(found) {
            values.push(value);
        }
    }
    let [lists, one, of_one, eight, of_eight] = rounds.map(median);
    let figures = FanOut {
        traffic: traffic / f64::from(followers),
        lists_per_s: lists,
        one: (one, of_one),
        eight: (eight, of_eight),
        entry_bytes: as_f64(bytes) / (f64::from(followers) * as_f64(ENTRIES)),
    };
    bench.end().await;
    Ok(figures)
}

/// What a delivery to many followers costs, over what one to few does.
async fn cost_ratio(few: u32, many: u32) -> Result<f64, RunError> {
    let bench = Bench::start().await?;
    world::follow_star(&*bench.store, many).await?;
    world::warm_star(&*bench.store, many, COST_ENTRIES).await?;
    let mut pusher = Pusher::new(Arc::clone(&bench.store));
    let mut ratios = Vec::new();
    for round in 0..=ROUNDS {
        let mut rates = Vec::new();
        // A tenth of the deliveries of the one round to all.
        for _ in 0..many / few / 10 {
            rates.push(pusher.push(1, few as usize).await?);
        }
        let all = pusher.push(1, usize::MAX).await?;
        // The first makes room in the timelines.
        if round > 0 {
            ratios.push(median(rates) / all);
        }
    }
    bench.end().await;
    Ok(median(ratios))
}

/// A server and a store on it.
struct Bench {
    server: RedisServer,
    store: Arc<dyn Store>,
    connection: MultiplexedConnection,
}

impl Bench {
    async fn start() -> Result<Self, RunError> {
        let server = RedisServer::start().await?;
        let mut connection = connect(server.address()).await?;
        let mut setting = redis::cmd("CONFIG");
        setting.arg(&["SET", "auto-aof-rewrite-percentage", "0"]);
        setting.exec_async(&mut connection).await?;
        let store = open(server.address()).await?;
        Ok(Self {
            server,
            store,
            connection,
        })
    }

    async fn end(self) {
        self.store.close().await;
    }
}

/// A connection beside a store's, which waits as long as much work may take.
///
/// # Errors
/// When the server does not answer.
pub async fn connect(address: &str) -> RedisResult<MultiplexedConnection> {
    let config = AsyncConnectionConfig::new().set_response_timeout(Some(ANSWER_TIME_MAX));
    let client = Client::open(address)?;
    client
        .get_multiplexed_async_connection_with_config(&config)
        .await
}

/// A store on the server at an address.
///
/// # Errors
/// When it does not open.
pub async fn open(address: &str) -> Result<Arc<dyn Store>, RunError> {
    let address = address.parse().map_err(io::Error::other);
    let cannot = |source| RunError::System {
        doing: "opening a store on Redis",
        source,
    };
    let store = RedisStore::open(&address.map_err(cannot)?, RedisOptions::default()).await;
    Ok(store.map_err(io::Error::other).map_err(cannot)?)
}

/// Pushes posts of [`AUTHOR`] as workers do, without a commit or a queue.
pub struct Pusher {
    store: Arc<dyn Store>,
    next: u64,
}

impl Pusher {
    /// To a store in which all followers' timelines are warm.
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self {
            store,
            next: 1_000_000,
        }
    }

    /// Pushes so many new posts to the first so many followers. Returns deliveries a second.
    ///
    /// # Errors
    /// When the store does not answer, or a timeline is cold.
    pub async fn push(&mut self, posts: u32, followers_max: usize) -> Result<f64, RunError> {
        let first = self.next;
        self.next += u64::from(posts);
        let (begun, mut pushed_all, mut after) = (Instant::now(), 0, None);
        loop {
            let deliveries = chunk(AUTHOR, first..self.next, after, followers_max.min(CHUNK));
            let pushed = self.store.push_home(deliveries).await;
            let pushed = pushed.map_err(WorldError::from)?;
            let cold = || RunError::System {
                doing: "pushing to timelines that were warm",
                source: io::Error::other("one of them is cold"),
            };
            pushed_all += all_pushed(&pushed).ok_or_else(cold)?;
            after = pushed.first().and_then(|it| it.next);
            if after.is_none() || followers_max <= CHUNK {
                break;
            }
        }
        Ok(as_f64(pushed_all) / begun.elapsed().as_secs_f64())
    }
}

async fn fill_lists(connection: &mut MultiplexedConnection, lists: u32) -> RedisResult<()> {
    let entries: Vec<u64> = (1..=HOME_IDS_MAX as u64).map(|n| n << 12).collect();
    for first in (0..lists).step_by(500) {
        let mut fill = redis::pipe();
        for list in first..lists.min(first + 500) {
            fill.rpush(format!("list:{list:012}"), &entries).ignore();
        }
        fill.exec_async(connection).await?;
    }
    Ok(())
}

/// Pushes to random lists a second.
async fn redis_benchmark(port: u16, lists: u32) -> Result<f64, RunError> {
    let pushes = lists * 20;
    let mut command = Command::new("redis-benchmark");
    command.args(["-P", "64", "-c", "50", "--csv"]);
    command.args(["-p", &port.to_string()]);
    command.args(["-n", &pushes.to_string(), "-r", &lists.to_string()]);
    command.args(["LPUSHX", "list:__rand_int__", "4096000000"]);
    let failed = |source| RunError::System {
        doing: "running redis-benchmark (of Debian's package redis-tools)",
        source,
    };
    // It ends with its server, where it is not waited for.
    let output = tokio::task::spawn_blocking(move || command.output()).await;
    let output = output.map_err(Into::into).flatten().map_err(failed)?;
    let text = String::from_utf8_lossy(&output.stdout);
    // The last line: "LPUSHX …","rate","average",…
    let line = text.lines().rfind(|line| line.contains("LPUSHX"));
    let rate = line.and_then(|line| line.split("\",\"").nth(1)?.parse().ok());
    rate.ok_or_else(|| failed(io::Error::other("it does not tell a rate")))
}

async fn info(connection: &mut MultiplexedConnection, name: &str) -> RedisResult<u64> {
    let mut command = redis::cmd("INFO");
    let text: String = command.arg("all").query_async(connection).await?;
    let mut lines = text.lines();
    let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(':')?.parse().ok());
    value.ok_or_else(|| {
        let untold = "the server does not tell";
        RedisError::from((ErrorKind::UnexpectedReturnType, untold, name.into()))
    })
}

/// What the server says its data takes, in bytes.
///
/// # Errors
/// When it does not answer.
pub async fn used_memory(connection: &mut MultiplexedConnection) -> RedisResult<u64> {
    info(connection, "used_memory").await
}

/// What a server has done.
#[derive(Clone, Copy, Debug)]
pub struct Traffic {
    /// Commands, those in scripts too.
    pub commands: f64,
    /// Bytes that it was sent.
    pub bytes_in: f64,
    /// Bytes that it answered.
    pub bytes_out: f64,
}

impl Traffic {
    async fn of(connection: &mut MultiplexedConnection) -> RedisResult<Self> {
        Ok(Self {
            commands: as_f64(info(connection, "total_commands_processed").await?),
            bytes_in: as_f64(info(connection, "total_net_input_bytes").await?),
            bytes_out: as_f64(info(connection, "total_net_output_bytes").await?),
        })
    }
}

impl std::ops::Sub for Traffic {
    type Output = Self;

    fn sub(self, before: Self) -> Self {
        Self {
            commands: self.commands - before.commands,
            bytes_in: self.bytes_in - before.bytes_in,
            bytes_out: self.bytes_out - before.bytes_out,
        }
    }
}

impl std::ops::Div<f64> for Traffic {
    type Output = Self;

    fn div(self, parts: f64) -> Self {
        Self {
            commands: self.commands / parts,
            bytes_in: self.bytes_in / parts,
            bytes_out: self.bytes_out / parts,
        }
    }
}
