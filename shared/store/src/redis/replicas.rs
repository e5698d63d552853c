//! Commits that wait until replicas have them. `WAIT` holds up its connection and counts for what that
//! connection has written, so each such commit has a connection of its own while it is under way.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use redis::{Cmd, RedisError, RedisResult, Value};
use tokio::{sync::Semaphore, time::timeout};

use super::link::{Commands, Link, OwnConnection, decode, is_unknown_script};

/// A replica that has not confirmed a commit by then counts as missing.
const WAIT_MS: u64 = 1_000;
/// Commits under way at once.
const UNDER_WAY_MAX: usize = 16;

/// The connections of commits that wait for replicas.
pub(super) struct Replicas {
    wanted: u32,
    places: Semaphore,
    idle: Mutex<Vec<OwnConnection>>,
}

/// Why a commit is not known to be on the replicas.
pub(super) enum Unconfirmed {
    /// Its answer was lost.
    Lost(RedisError),
    /// It was carried out (or there was no place for it), but fewer replicas have it than are wanted.
    Missing,
}

impl Replicas {
    pub(super) fn new(wanted: u32) -> Self {
        Self {
            wanted,
            places: Semaphore::new(UNDER_WAY_MAX),
            idle: Mutex::default(),
        }
    }

    /// Whether commits wait for any.
    pub(super) fn are_wanted(&self) -> bool {
        self.wanted > 0
    }

    /// Sends commands; the answers once enough replicas have confirmed them.
    pub(super) async fn send(
        &self,
        link: &Link,
        commands: &Commands,
    ) -> Result<Vec<Value>, Unconfirmed> {
        if self.wanted == 0 {
            return link.send_as_is(commands).await.map_err(Unconfirmed::Lost);
        }
        // All places are taken for so long only while replicas are missing.
        let Ok(Ok(_place)) = timeout(Duration::from_millis(WAIT_MS), self.places.acquire()).await
        else {
            return Err(Unconfirmed::Missing);
        };
        let answers = self.send_and_wait(link, commands).await;
        let mut answers = answers.map_err(Unconfirmed::Lost)?;
        if answers.iter().any(is_unknown_script) {
            // Nothing has happened; it comes again.
            link.load_scripts().await.map_err(Unconfirmed::Lost)?;
        }
        let confirmed = answers.pop().unwrap_or(Value::Nil);
        match decode::<u32>(confirmed) {
            Ok(confirmed) if confirmed >= self.wanted => Ok(answers),
            Ok(_) => Err(Unconfirmed::Missing),
            Err(error) => Err(Unconfirmed::Lost(error)),
        }
    }

    async fn send_and_wait(&self, link: &Link, commands: &Commands) -> RedisResult<Vec<Value>> {
        let mut pipeline = commands.pipeline().clone();
        let mut wait = Cmd::new();
        wait.arg("WAIT").arg(self.wanted).arg(WAIT_MS);
        pipeline.add_command(wait);
        let idle = self.idle().pop();
        let mut connection = match idle {
            Some(connection) => connection,
            None => link.own_connection().await?,
        };
        let answers = connection.send(&pipeline).await;
        // One that failed, or was left in the middle, is not used again.
        if answers.is_ok() {
            self.idle().push(connection);
        }
        answers
    }

    fn idle(&self) -> MutexGuard<'_, Vec<OwnConnection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
