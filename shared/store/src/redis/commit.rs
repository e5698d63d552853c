//! Commits: scripts that change facts, sent until it is known what they did.
//!
//! When an answer is lost (a server that stops, a failover), nobody can tell whether the script ran. So
//! every commit is a script that may run twice without a second effect, by its nature or by its
//! [`Nonce`] (`scripts/lib/nonce.lua`), and is sent again for a while.

use std::{sync::atomic::Ordering, time::Duration};

use futures_util::{StreamExt, TryStreamExt, stream};
use redis::{FromRedisValue, RedisWrite, ToRedisArgs, ToSingleRedisArg, Value};
use tokio::time::{Instant, sleep};

use super::{
    RedisStore,
    error::store_error,
    link::{Bulk, Commands, IN_FLIGHT_MAX, Lane, decode},
    replicas::Unconfirmed,
};
use crate::StoreError;

/// A commit is sent again for so long after its first answer was lost: a failover takes some seconds.
const AGAIN_FOR: Duration = Duration::from_secs(4);
const PAUSE: Duration = Duration::from_millis(20);
const PAUSE_MAX: Duration = Duration::from_millis(500);

/// Tells a command from all others, so that it is known when it comes again.
#[derive(Clone, Copy, Debug)]
pub(super) struct Nonce([u8; 16]);

impl Nonce {
    /// A nonce that nobody has used.
    pub(super) fn new() -> Result<Self, StoreError> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).map_err(|error| StoreError::Unavailable {
            reason: format!("making a nonce: {error}"),
        })?;
        Ok(Self(bytes))
    }

    pub(super) fn bytes(self) -> [u8; 16] {
        self.0
    }
}

impl ToRedisArgs for Nonce {
    fn write_redis_args<W: ?Sized + RedisWrite>(&self, out: &mut W) {
        out.write_arg(&self.0);
    }
}

impl ToSingleRedisArg for Nonce {}

impl RedisStore {
    /// Sends commands that change facts, while doing `what`, and again where their answer was lost.
    /// Each must be harmless when it is repeated. A command that the server has refused is answered
    /// with the server's error, and has changed nothing.
    ///
    /// After [`StoreError::Unavailable`] it is unknown what has happened.
    pub(super) async fn commit(
        &self,
        what: &'static str,
        commands: &Commands,
    ) -> Result<Vec<Value>, StoreError> {
        self.commit_on(Lane::Shared, what, commands).await
    }

    async fn commit_on(
        &self,
        lane: Lane,
        what: &'static str,
        commands: &Commands,
    ) -> Result<Vec<Value>, StoreError> {
        if self.closed.load(Ordering::SeqCst) {
            return Err(StoreError::Unavailable {
                reason: "the store has been closed".into(),
            });
        }
        let mut pause = PAUSE;
        let mut give_up_at = None;
        loop {
            let trouble = match self.replicas.send(&self.link, lane, commands).await {
                Err(Unconfirmed::Missing) => {
                    return Err(lost(what, "too few replicas have confirmed it"));
                }
                Err(Unconfirmed::Lost(error)) => error.to_string(),
                Ok(answers) => match answers.iter().find_map(passing_error) {
                    Some(error) => error,
                    // An earlier attempt may have been carried out, though this one was refused.
                    None if give_up_at.is_some() => match answers.iter().find_map(refusal) {
                        Some(error) => return Err(lost(what, &error)),
                        None => return Ok(answers),
                    },
                    None => return Ok(answers),
                },
            };
            let give_up_at = *give_up_at.get_or_insert_with(|| Instant::now() + AGAIN_FOR);
            if Instant::now() + pause > give_up_at {
                return Err(lost(what, &trouble));
            }
            tracing::debug!(what, trouble, "a commit is sent again");
            sleep(jittered(pause)).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    /// [`RedisStore::commit`] for several partitions, side by side; the answers in the order of `all`.
    pub(super) async fn commit_all(
        &self,
        what: &'static str,
        all: &[Commands],
    ) -> Result<Vec<Vec<Value>>, StoreError> {
        self.commit_all_on(Lane::Shared, what, all).await
    }

    /// [`RedisStore::commit_all`] for what jobs and imports write: many large commands that come at once,
    /// behind which nobody else is to wait.
    pub(super) async fn commit_batch(
        &self,
        what: &'static str,
        all: &[Commands],
    ) -> Result<Vec<Vec<Value>>, StoreError> {
        self.commit_all_on(Lane::Batches, what, all).await
    }

    async fn commit_all_on(
        &self,
        lane: Lane,
        what: &'static str,
        all: &[Commands],
    ) -> Result<Vec<Vec<Value>>, StoreError> {
        let sent: Vec<_> = all
            .iter()
            .map(|commands| self.commit_on(lane, what, commands))
            .collect();
        stream::iter(sent)
            .buffered(IN_FLIGHT_MAX)
            .try_collect()
            .await
    }

    /// [`RedisStore::commit_all`] for many small changes that are all repeated when one is lost: without
    /// replicas to wait for they travel as a bulk, and are sent once.
    pub(super) async fn commit_bulk(
        &self,
        what: &'static str,
        bulk: &Bulk,
    ) -> Result<Vec<Value>, StoreError> {
        if self.replicas.are_wanted() {
            let answers = self.commit_all(what, bulk.messages()).await?;
            return Ok(answers.into_iter().flatten().collect());
        }
        self.link.send_bulk(bulk).await.map_err(store_error(what))
    }

    /// [`RedisStore::commit`] for one command, with its answer decoded. Where memory is full and room can
    /// be made, the command waits for it.
    pub(super) async fn commit_one<T: FromRedisValue>(
        &self,
        what: &'static str,
        commands: &Commands,
    ) -> Result<T, StoreError> {
        let mut answers = self.commit(what, commands).await?;
        if self.finds_room_for(&answers).await {
            answers = self.commit(what, commands).await?;
        }
        decode(answers.pop().unwrap_or(Value::Nil)).map_err(store_error(what))
    }
}

/// Between half of it and all of it: those who lost their answers together must not come back together.
fn jittered(pause: Duration) -> Duration {
    let part = getrandom::u32().map_or(1.0, |n| f64::from(n) / f64::from(u32::MAX));
    pause.mul_f64(0.5 + 0.5 * part)
}

fn lost(what: &'static str, trouble: &str) -> StoreError {
    StoreError::Unavailable {
        reason: format!("{what}: {trouble}"),
    }
}

/// An error that goes away by itself: a server that starts, a failover, a partition on its way to
/// another node. Of a pipeline, other commands may have been carried out.
fn passing_error(answer: &Value) -> Option<String> {
    const PASSING: [&str; 10] = [
        "ASK",
        "BUSY",
        "CLUSTERDOWN",
        "LOADING",
        "MASTERDOWN",
        "MOVED",
        "NOREPLICAS",
        "NOSCRIPT",
        "READONLY",
        "TRYAGAIN",
    ];
    match answer {
        Value::ServerError(error) if PASSING.contains(&error.code()) => Some(error.to_string()),
        _ => None,
    }
}

fn refusal(answer: &Value) -> Option<String> {
    match answer {
        Value::ServerError(error) => Some(error.to_string()),
        _ => None,
    }
}
