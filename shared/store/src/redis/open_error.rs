//! Why a store on Redis is not opened, and what the operator can do.

use redis::RedisError;

use super::check::{FORMAT, OPEN_TIME_MAX};
use crate::StoreError;

/// A Redis store cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum RedisOpenError {
    /// It does not answer, or not as Redis does.
    #[error("it cannot be reached: {0}")]
    Unreachable(#[source] RedisError),
    /// It does not say anything, or a part of it does not.
    #[error(
        "it has not answered within {} seconds: see whether all of its nodes run and can be reached",
        OPEN_TIME_MAX.as_secs()
    )]
    Silent,
    /// It is too old.
    #[error("{node} runs Redis {version}: Ripple needs Redis 7.0 or later, or Valkey")]
    TooOld {
        /// Which server.
        node: String,
        /// What it says of itself.
        version: String,
    },
    /// It would throw away what was accepted.
    #[error(
        "{node} has maxmemory-policy {policy}, by which Redis throws keys away when its memory is \
         full: set `maxmemory-policy noeviction`"
    )]
    Evicts {
        /// Which server.
        node: String,
        /// Its setting.
        policy: String,
    },
    /// What is written to it is lost or refused.
    #[error("{node} is a replica, which takes no writes: give the address of its master, {master}")]
    Replica {
        /// Which server.
        node: String,
        /// Where it says that its master is.
        master: String,
    },
    /// The cluster does not serve all of its slots.
    #[error(
        "the cluster's state is {state} and {slots} of its 16384 slots are served: see `redis-cli \
         --cluster check`"
    )]
    Cluster {
        /// What it says of itself.
        state: String,
        /// Slots that are served.
        slots: String,
    },
    /// A master could not be looked at.
    #[error(
        "{found} of the cluster's {masters} masters can be reached: see `redis-cli --cluster check`, or \
         start again when a failover has ended"
    )]
    Masters {
        /// How many have answered.
        found: usize,
        /// How many have slots.
        masters: usize,
    },
    /// The address is one of a cluster, the server is none, or the other way round.
    #[error("it runs in {mode} mode: give an address that begins with {scheme}")]
    Mode {
        /// What it says of itself.
        mode: String,
        /// How the address should begin.
        scheme: &'static str,
    },
    /// The store was written by a newer version of Ripple.
    #[error(
        "the store has format {found}, and this version of Ripple reads up to {FORMAT}: use a newer one"
    )]
    Newer {
        /// The format that was found.
        found: String,
    },
    /// The store could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}
