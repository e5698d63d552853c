//! A Redis server without a Ripple.

use tempfile::TempDir;

use super::{DeploymentError, launcher::Launcher, program, redis::RedisServers};

/// A Redis server that keeps what it acknowledges, for measurements of a store alone. It ends with its
/// handle.
#[derive(Debug)]
pub struct RedisServer {
    servers: RedisServers,
    _launcher: Launcher,
    _folder: TempDir,
}

impl RedisServer {
    /// Starts one.
    ///
    /// # Errors
    /// When there is no `redis-server` and no `valkey-server`, or it does not start.
    pub async fn start() -> Result<Self, DeploymentError> {
        let folder = TempDir::with_prefix("ripple-load-").map_err(DeploymentError::Prepare)?;
        let launcher = Launcher::start().map_err(DeploymentError::Prepare)?;
        let program = program::find_redis(None)?;
        let servers = RedisServers::start(&launcher, &program, folder.path(), 1).await?;
        Ok(Self {
            servers,
            _launcher: launcher,
            _folder: folder,
        })
    }

    /// Its address: `redis://…`.
    pub fn address(&self) -> &str {
        self.servers.address()
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.servers.port()
    }
}
