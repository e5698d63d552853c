//! Commits that wait until replicas have them. `WAIT` holds up its connection and counts for what that
//! connection has written, so each such commit has a connection of its own while it is under way.

use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use redis::{Cmd, RedisError, RedisResult, Value};
use ripple_domain::{PARTITIONS, Partition};
use tokio::{sync::Semaphore, time::timeout};

use super::{
    key::Key,
    link::{Commands, Lane, Link, OwnConnection, decode, is_of_demoted, is_unknown_script},
};

/// A replica that has not confirmed a commit by then counts as missing.
const WAIT_MS: u64 = 1_000;
/// For how long a probe is kept, in milliseconds.
const PROBE_MS: &str = "10000";
/// Commits under way at once.
const UNDER_WAY_MAX: usize = 16;
// For `Replicas::missing`.
const _: () = assert!(PARTITIONS <= 64);

/// The connections of commits that wait for replicas.
pub(super) struct Replicas {
    wanted: u32,
    places: Semaphore,
    idle: Mutex<Vec<OwnConnection>>,
    /// Where the last commit found too few: a bit for each partition of a cluster, whose masters have
    /// replicas of their own, and the first for a single server.
    missing: AtomicU64,
}

/// Why a commit is not known to be on the replicas.
pub(super) enum Unconfirmed {
    /// Its answer was lost.
    Lost(RedisError),
    /// Fewer replicas can be reached than are wanted. It was carried out where that showed only
    /// afterwards: by those that noticed first.
    Missing,
}

impl Replicas {
    pub(super) fn new(wanted: u32) -> Self {
        Self {
            wanted,
            places: Semaphore::new(UNDER_WAY_MAX),
            idle: Mutex::default(),
            missing: AtomicU64::new(0),
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
        lane: Lane,
        commands: &Commands,
    ) -> Result<Vec<Value>, Unconfirmed> {
        if self.wanted == 0 {
            let answers = link.send_commit(lane, commands).await;
            return answers.map_err(Unconfirmed::Lost);
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
                let bit = bit_of(link, commands.partition);
                self.missing.fetch_or(bit, Ordering::Relaxed);
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
        let bit = bit_of(link, commands.partition);
        if self.missing.load(Ordering::Relaxed) & bit != 0 {
            let found = self.find(&mut connection, commands.partition).await;
            if found.map_err(Unconfirmed::Lost)? < self.wanted {
                self.idle().push(connection);
                return Err(Unconfirmed::Missing);
            }
            self.missing.fetch_and(!bit, Ordering::Relaxed);
        }
        let mut pipeline = commands.pipeline().clone();
        pipeline.add_command(self.wait());
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

    /// How many replicas are there, before anything is written that could not be confirmed.
    async fn find(&self, connection: &mut OwnConnection, partition: Partition) -> RedisResult<u32> {
        let mut probe = Commands::new(partition);
        probe.add("SET", &Key::ReplicaProbe(partition), &["", "PX", PROBE_MS]);
        probe.command(self.wait());
        let found = connection.send(probe.pipeline()).await?.pop();
        decode(found.unwrap_or(Value::Nil))
    }

    fn wait(&self) -> Cmd {
        let mut wait = Cmd::new();
        wait.arg("WAIT").arg(self.wanted).arg(WAIT_MS);
        wait
    }

    fn idle(&self) -> MutexGuard<'_, Vec<OwnConnection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The bit in [`Replicas::missing`] of a partition.
fn bit_of(link: &Link, partition: Partition) -> u64 {
    match link.is_cluster() {
        true => 1 << partition,
        false => 1,
    }
}
