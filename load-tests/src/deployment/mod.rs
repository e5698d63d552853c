//! What is measured: processes of the generator's own, or somebody else's server.

mod error;
mod figures;
mod launcher;
mod machine;
mod ports;
mod process;
mod program;
mod redis;
mod redis_server;
mod ripple;

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use clap::ValueEnum;
use tempfile::TempDir;

pub use error::DeploymentError;
pub use figures::{Figures, GENERATOR};
pub use program::find_ripple;
pub use redis_server::RedisServer;

pub(crate) use machine::machine;

use self::{figures::Meter, launcher::Launcher, redis::RedisServers, ripple::RippleProcesses};

/// Where a Ripple of the generator's own keeps what it knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Store {
    /// In a temporary folder.
    Embedded,
    /// On a Redis server that is started for it.
    Redis,
    /// On a cluster of three Redis servers that is started for it.
    RedisCluster,
}

impl Store {
    /// Its name in a report.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Embedded => "embedded",
            Self::Redis => "redis",
            Self::RedisCluster => "redis+cluster",
        }
    }
}

/// What is to be started.
#[derive(Clone, Debug)]
pub struct DeploymentSpec {
    /// Where it keeps what it knows.
    pub store: Store,
    /// The `ripple` binary: [`find_ripple`].
    pub ripple: PathBuf,
    /// Further options of `ripple serve`.
    pub options: Vec<String>,
    /// Whether requests and each tier have a process of their own. That needs a Redis store.
    pub split_roles: bool,
    /// `redis-server` or `valkey-server`; it is looked for where this is absent.
    pub redis_server: Option<PathBuf>,
}

impl DeploymentSpec {
    /// One process on a store, with no further options.
    pub fn new(store: Store, ripple: impl Into<PathBuf>) -> Self {
        Self {
            store,
            ripple: ripple.into(),
            options: Vec::new(),
            split_roles: false,
            redis_server: None,
        }
    }
}

/// A server that can be measured.
///
/// Processes that were started for it end with it, however it ends: when it is dropped, and when the
/// generator is killed (where there is `setpriv`, as in every Linux).
#[derive(Debug)]
pub struct Deployment {
    url: String,
    admin_token: String,
    versions: BTreeMap<String, String>,
    command_lines: Vec<String>,
    meter: Meter,
    /// `None` for somebody else's server.
    own: Option<Own>,
}

/// Fields are dropped in this order: Ripple before its store, and both before their folder.
#[derive(Debug)]
struct Own {
    store: Store,
    ripple: RippleProcesses,
    redis: Option<RedisServers>,
    _launcher: Launcher,
    _folder: TempDir,
}

impl Deployment {
    /// Starts what is wanted, and returns when it is ready.
    pub async fn start(spec: &DeploymentSpec) -> Result<Self, DeploymentError> {
        if spec.split_roles && spec.store == Store::Embedded {
            return Err(DeploymentError::SplitEmbedded);
        }
        let folder = TempDir::with_prefix("ripple-load-").map_err(DeploymentError::Prepare)?;
        let launcher = Launcher::start().map_err(DeploymentError::Prepare)?;
        let mut versions = BTreeMap::new();
        versions.insert("ripple".to_owned(), program::version(&spec.ripple)?);

        let nodes = match spec.store {
            Store::Embedded => 0,
            Store::Redis => 1,
            Store::RedisCluster => redis::CLUSTER_NODES,
        };
        let mut redis = None;
        if nodes > 0 {
            let program = program::find_redis(spec.redis_server.as_deref())?;
            let version = program::version(&program)?;
            versions.insert(program::name(&program), version);
            redis = Some(RedisServers::start(&launcher, &program, folder.path(), nodes).await?);
        }
        let store = redis.as_ref().map_or("embedded", RedisServers::address);
        let admin_token = admin_token();
        let ripple =
            RippleProcesses::start(&launcher, spec, folder.path(), store, &admin_token).await?;

        let redis_lines = redis.iter().flat_map(RedisServers::command_lines);
        Ok(Self {
            url: ripple.url(),
            admin_token,
            versions,
            command_lines: redis_lines.chain(ripple.command_lines()).collect(),
            meter: Meter::new(),
            own: Some(Own {
                store: spec.store,
                ripple,
                redis,
                _launcher: launcher,
                _folder: folder,
            }),
        })
    }

    /// Somebody else's server. It is not stopped, killed or looked into.
    pub fn given(url: &str, admin_token: &str) -> Self {
        Self {
            url: url.trim_end_matches('/').to_owned(),
            admin_token: admin_token.to_owned(),
            versions: BTreeMap::new(),
            command_lines: Vec::new(),
            meter: Meter::new(),
            own: None,
        }
    }

    /// Its address, without a slash at the end.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its admin token.
    pub fn admin_token(&self) -> &str {
        &self.admin_token
    }

    /// Whether it was started here, so that faults can be made.
    pub fn is_own(&self) -> bool {
        self.own.is_some()
    }

    /// Its store; that of somebody else's server is unknown.
    pub fn store(&self) -> Option<Store> {
        self.own.as_ref().map(|own| own.store)
    }

    /// Names and versions of its programs; none of somebody else's.
    pub fn versions(&self) -> &BTreeMap<String, String> {
        &self.versions
    }

    /// How its processes were started, one line each.
    pub fn command_lines(&self) -> &[String] {
        &self.command_lines
    }

    /// Ends the processes of Ripple as a crash does, and starts them again on the same data and ports.
    /// Returns when they are ready again. Redis goes on.
    pub async fn kill_and_restart(&self) -> Result<(), DeploymentError> {
        let own = self.own("killed")?;
        // What they have used is known only as long as they are there.
        self.meter.read(&self.processes());
        own.ripple.kill_and_restart().await
    }

    /// Stops the processes of Ripple where they are for this time, and lets them go on, also where this
    /// is not waited for to its end.
    pub async fn stop_for(&self, time: Duration) -> Result<(), DeploymentError> {
        let frozen = self.own("stopped")?.ripple.freeze();
        tokio::time::sleep(time).await;
        drop(frozen);
        Ok(())
    }

    /// Names in reports and ids of its processes; those of Ripple have others after a restart.
    pub fn processes(&self) -> Vec<(String, u32)> {
        let Some(own) = &self.own else {
            return Vec::new();
        };
        let redis = own.redis.iter().flat_map(RedisServers::pids);
        redis.chain(own.ripple.pids()).collect()
    }

    /// What its processes, and the generator, use now.
    pub fn figures(&self) -> Figures {
        self.meter.read(&self.processes())
    }

    /// Asks its processes to end and waits for it; one that does not is killed, which is an error.
    pub async fn shut_down(mut self) -> Result<(), DeploymentError> {
        let Some(own) = self.own.take() else {
            return Ok(());
        };
        own.ripple.shut_down().await?;
        match &own.redis {
            Some(redis) => redis.shut_down().await,
            None => Ok(()),
        }
    }

    fn own(&self, what: &'static str) -> Result<&Own, DeploymentError> {
        let not_own = || DeploymentError::NotOwn(self.url.clone(), what);
        self.own.as_ref().ok_or_else(not_own)
    }
}

/// A token that nobody guesses while the server runs; it is reached from this machine alone.
fn admin_token() -> String {
    let mut rng = fastrand::Rng::new();
    std::iter::repeat_with(|| rng.alphanumeric())
        .take(40)
        .collect()
}
