//! Commits that wait until replicas have them. `WAIT` holds up its connection and counts for what that
//! connection has written, so each such commit has a connection of its own while it is under way.

use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use redis::{Cmd, RedisError, Value};
use ripple_domain::Partition;
use tokio::{sync::Semaphore, time::timeout};

use super::{
    key::Key,
    link::{Commands, Link, OwnConnection, decode, is_of_demoted, is_unknown_script},
};

/// A replica that has not confirmed a commit by then counts as missing.
const WAIT_MS: u64 = 1_000;
/// For how long a probe is kept, in milliseconds.
const PROBE_MS: &str = "10000";
/// Commits under way at once.
const UNDER_WAY_MAX: usize = 16;

/// The connections of commits that wait for replicas.
pub(super) struct Replicas {
    wanted: u32,
    places: Semaphore,
    idle: Mutex<Vec<OwnConnection>>,
    /// The last commit found too few.
    are_missing: AtomicBool,
}

/// Why a commit is not known to be on the replicas.
pub(super) enum Unconfirmed {
    /// Its answer was lost.
    Lost(RedisError),
    /// Fewer replicas can be reached than are wanted. It was carried out where that showed only
    /// afterwards: by those that were under way when a replica was lost.
    Missing,
}

impl Replicas {
    pub(super) fn new(wanted: u32) -> Self {
        Self {
            wanted,
            places: Semaphore::new(UNDER_WAY_MAX),
            idle: Mutex::default(),
            are_missing: AtomicBool::new(false),
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
        let mut answers = self.send_and_wait(link, commands).await?;
        if answers.iter().any(is_unknown_script) {
            // Nothing has happened; it comes again.
            link.load_scripts().await.map_err(Unconfirmed::Lost)?;
        }
        let confirmed = answers.pop().unwrap_or(Value::Nil);
        match decode::<u32>(confirmed) {
            Ok(confirmed) if confirmed >= self.wanted => Ok(answers),
            Ok(_) => {
                self.are_missing.store(true, Ordering::Relaxed);
                Err(Unconfirmed::Missing)
            }
            Err(error) => Err(Unconfirmed::Lost(error)),
        }
    }

    async fn send_and_wait(
        &self,
        link: &Link,
        commands: &Commands,
    ) -> Result<Vec<Value>, Unconfirmed> {
        let idle = self.idle().pop();
        let mut connection = match idle {
            Some(connection) => connection,
            None => link.own_connection().await.map_err(Unconfirmed::Lost)?,
        };
        if self.are_missing.load(Ordering::Relaxed) {
            self.look(&mut connection, commands.partition).await?;
        }
        let mut pipeline = commands.pipeline().clone();
        pipeline.add_command(self.wait(WAIT_MS));
        let answers = connection.send(&pipeline).await;
        // One that failed, or was left in the middle, is not used again; nor are the others where it
        // leads to a server that has been demoted.
        match &answers {
            Ok(answers) if answers.iter().any(is_of_demoted) => self.idle().clear(),
            Ok(_) => self.idle().push(connection),
            Err(_) => {}
        }
        answers.map_err(Unconfirmed::Lost)
    }

    /// Whether enough replicas are back, before anything is written that could not be confirmed.
    async fn look(
        &self,
        connection: &mut OwnConnection,
        partition: Partition,
    ) -> Result<(), Unconfirmed> {
        let mut probe = Commands::new(partition);
        probe.add("SET", &Key::ReplicaProbe(partition), &["", "PX", PROBE_MS]);
        probe.command(self.wait(WAIT_MS));
        let answers = connection.send(probe.pipeline()).await;
        let found = answers.map_err(Unconfirmed::Lost)?.pop();
        let found = found.unwrap_or(Value::Nil);
        match decode::<u32>(found) {
            Ok(found) if found >= self.wanted => {
                self.are_missing.store(false, Ordering::Relaxed);
                Ok(())
            }
            Ok(_) => Err(Unconfirmed::Missing),
            Err(error) => Err(Unconfirmed::Lost(error)),
        }
    }

    fn wait(&self, ms: u64) -> Cmd {
        let mut wait = Cmd::new();
        wait.arg("WAIT").arg(self.wanted).arg(ms);
        wait
    }

    fn idle(&self) -> MutexGuard<'_, Vec<OwnConnection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
