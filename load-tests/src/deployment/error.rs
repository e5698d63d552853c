//! Why a server could not be started, or not be done to what was wanted.

use std::io;

/// A server could not be started, or not be done to what was wanted.
#[derive(Debug, thiserror::Error)]
pub enum DeploymentError {
    /// A program cannot be run.
    #[error("cannot run {program}: {source}")]
    Run {
        /// Which.
        program: String,
        /// Why not.
        source: io::Error,
    },
    /// A program ended, or was not ready in time.
    #[error("{program} is not ready: {reason}\n{log}")]
    NotReady {
        /// Which.
        program: String,
        /// What was seen of it.
        reason: String,
        /// The end of its log.
        log: String,
    },
    /// A program did not end when it was asked to, and was killed, or ended with an error.
    #[error("{program} did not end well: {reason}\n{log}")]
    NotEnded {
        /// Which.
        program: String,
        /// What was seen of it.
        reason: String,
        /// The end of its log.
        log: String,
    },
    /// A program is not there, or cannot be built.
    #[error("{0}")]
    NotFound(String),
    /// The system refused a file, a port or a thread for the deployment.
    #[error("cannot prepare the deployment: {0}")]
    Prepare(#[source] io::Error),
    /// A Redis server does not do as it is told.
    #[error("redis: {0}")]
    Redis(#[from] redis::RedisError),
    /// Roles can only be split on a store that several processes share.
    #[error("several processes need a Redis store: take --store redis")]
    SplitEmbedded,
    /// The server is not the generator's own.
    #[error("{0} was not started here: only a server of the generator's own is {1}")]
    NotOwn(String, &'static str),
}
