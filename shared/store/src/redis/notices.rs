//! How processes tell each other where there are new jobs: a stream that everybody reads. It only saves
//! time: whoever misses a notice finds the jobs by asking.

use std::{
    collections::HashMap,
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use redis::{Cmd, Pipeline, RedisResult, Value};
use ripple_domain::{Partition, Tier};
use tokio::{sync::Notify, time::sleep};

use super::{
    key::{Key, partitions, tier_letter},
    link::{Commands, Link, OwnConnection, decode},
    places::AllPlaces,
};

/// Notices are sent at most so often; what comes up in between goes together.
const TOLD_EVERY: Duration = Duration::from_millis(1);
/// After a failure one waits so long before the next try.
const AGAIN_AFTER: Duration = Duration::from_millis(500);
/// How long one waits for a notice in one request: less than the time limit of answers.
pub(super) const WAIT_MS: u64 = 2_000;
/// Notices that are kept, about: those who are slower look everywhere anyway.
const KEPT: u32 = 100;

/// What is to be told.
pub(super) struct Notices {
    /// Tells those of this process from those of others.
    process: String,
    /// Of each tier the partitions with new jobs, one a bit.
    untold: [AtomicU64; Tier::ALL.len()],
    added: Notify,
}

impl Notices {
    pub(super) fn new(process: u64) -> Self {
        Self {
            process: process.to_string(),
            untold: Default::default(),
            added: Notify::new(),
        }
    }

    /// There may be new jobs in these partitions.
    pub(super) fn add(&self, tier: Tier, partitions: impl IntoIterator<Item = Partition>) {
        let bits = partitions
            .into_iter()
            .fold(0, |bits, partition| bits | 1 << partition);
        for (all, untold) in Tier::ALL.into_iter().zip(&self.untold) {
            if all == tier {
                untold.fetch_or(bits, Ordering::AcqRel);
            }
        }
        self.added.notify_one();
    }

    /// Tells all that is added, for ever.
    pub(super) async fn tell(self: Arc<Self>, link: Arc<Link>) {
        loop {
            self.added.notified().await;
            let mut add = Cmd::new();
            add.arg("XADD").arg(Key::Wake.name());
            add.arg("MAXLEN").arg("~").arg(KEPT).arg("*");
            add.arg("by").arg(&self.process);
            for (tier, untold) in Tier::ALL.into_iter().zip(&self.untold) {
                add.arg(tier_letter(tier).to_string());
                add.arg(untold.swap(0, Ordering::AcqRel));
            }
            let mut commands = Commands::new(Key::Wake.partition());
            commands.command(add);
            match link.one::<Value>(&commands).await {
                Ok(_) => sleep(TOLD_EVERY).await,
                // They are found without it.
                Err(error) => {
                    tracing::debug!(%error, "other processes could not be told of new jobs");
                    sleep(AGAIN_AFTER).await;
                }
            }
        }
    }

    /// Passes on what other processes tell, for ever.
    pub(super) async fn hear(self: Arc<Self>, link: Arc<Link>, places: Arc<AllPlaces>) {
        loop {
            let Err(error) = self.hear_on_one_connection(&link, &places).await;
            tracing::debug!(%error, "what other processes tell cannot be heard");
            sleep(AGAIN_AFTER).await;
        }
    }

    async fn hear_on_one_connection(
        &self,
        link: &Link,
        places: &AllPlaces,
    ) -> RedisResult<Infallible> {
        let mut connection = link.own_connection().await?;
        let mut newest = Cmd::new();
        newest.arg("XREVRANGE").arg(Key::Wake.name());
        newest.arg("+").arg("-").arg("COUNT").arg(1);
        let newest: Vec<Entry> = send(&mut connection, newest).await?;
        let newest = newest.into_iter().next().map(|(id, _)| id);
        let mut last = newest.unwrap_or_else(|| "0-0".to_owned());
        // What was told before is not heard any more.
        for tier in Tier::ALL {
            places.of(tier).mark(partitions());
        }
        loop {
            let mut read = Cmd::new();
            read.arg("XREAD").arg("COUNT").arg(KEPT);
            read.arg("BLOCK").arg(WAIT_MS);
            read.arg("STREAMS").arg(Key::Wake.name()).arg(&last);
            let told: Option<Vec<(Vec<u8>, Vec<Entry>)>> = send(&mut connection, read).await?;
            for (id, fields) in told.into_iter().flatten().flat_map(|(_, told)| told) {
                last = id;
                if fields.get("by") != Some(&self.process) {
                    pass_on(&fields, places);
                }
            }
        }
    }
}

/// The id of a notice and what it says.
type Entry = (String, HashMap<String, String>);

fn pass_on(fields: &HashMap<String, String>, places: &AllPlaces) {
    for tier in Tier::ALL {
        let bits = fields.get(&tier_letter(tier).to_string());
        let bits: u64 = bits.and_then(|bits| bits.parse().ok()).unwrap_or(0);
        if bits != 0 {
            let marked = partitions().filter(|partition| bits & 1 << partition != 0);
            places.of(tier).mark(marked);
        }
    }
}

async fn send<T: redis::FromRedisValue>(
    connection: &mut OwnConnection,
    command: Cmd,
) -> RedisResult<T> {
    let mut pipeline = Pipeline::new();
    pipeline.add_command(command);
    decode(
        connection
            .send(&pipeline)
            .await?
            .pop()
            .unwrap_or(Value::Nil),
    )
}
