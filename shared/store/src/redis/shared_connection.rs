//! A connection that all tasks share: made when it is first needed, and anew when it has failed.

use std::sync::{Mutex, MutexGuard, PoisonError};

use deadpool_redis::Pool;
use redis::{RedisResult, aio::MultiplexedConnection};

use super::link::io_error;

/// The place of a shared connection.
#[derive(Default)]
pub(super) struct SharedConnection {
    kept: Mutex<Kept>,
    /// Held by whoever makes it: when it has failed, all who need it come at once.
    making: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Kept {
    connection: Option<MultiplexedConnection>,
    /// How many have been made.
    number: u64,
}

impl SharedConnection {
    /// The connection, with its number.
    pub(super) async fn get(&self, pool: &Pool) -> RedisResult<(MultiplexedConnection, u64)> {
        if let Some(kept) = self.kept().get() {
            return Ok(kept);
        }
        let _making = self.making.lock().await;
        if let Some(kept) = self.kept().get() {
            return Ok(kept);
        }
        let fresh = pool.get().await.map_err(|error| io_error(&error))?;
        let fresh = deadpool_redis::Connection::take(fresh);
        let mut kept = self.kept();
        kept.number += 1;
        kept.connection = Some(fresh.clone());
        Ok((fresh, kept.number))
    }

    /// The connection with this number has failed: the next one who needs it makes a fresh one. (News
    /// of one that failed earlier must not end the one that has taken its place.)
    pub(super) fn forget(&self, number: u64) {
        let mut kept = self.kept();
        if kept.number == number {
            kept.connection = None;
        }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn get(&self) -> Option<(MultiplexedConnection, u64)> {
        self.connection.clone().map(|it| (it, self.number))
    }
}
