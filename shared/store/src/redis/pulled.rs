//! The authors whose posts are pulled: a set in every partition, so that whoever reads a home timeline reads
//! with it which of them its owner follows. A push may be left out when all partitions have the author.

use std::collections::BTreeSet;

use redis::Value;
use ripple_domain::UserId;

use super::{
    RedisStore,
    error::store_error,
    key::{Key, partitions},
    link::{Commands, decode},
};
use crate::{PULLED_AUTHORS_MAX, StoreError};

const READING: &str = "reading whose posts are pulled";
const PULLING: &str = "having posts pulled";

impl RedisStore {
    pub(super) async fn pull_posts_of(&self, author: UserId) -> Result<bool, StoreError> {
        // The limit may be passed by a few where several processes come with others at the same moment.
        let key = Key::Pulled(author.partition());
        let mut look = Commands::new(author.partition());
        look.add("SISMEMBER", &key, author.0);
        look.add("SCARD", &key, &[] as &[&str]);
        let answers = self.link.send(&look).await.map_err(store_error(READING))?;
        let mut answers = answers.into_iter();
        let mut next = || decode::<usize>(answers.next().unwrap_or(Value::Nil));
        let is_pulled = next().map_err(store_error(READING))? == 1;
        if !is_pulled && next().map_err(store_error(READING))? >= PULLED_AUTHORS_MAX {
            return Ok(false);
        }
        self.enter_pulled(&[author.0]).await?;
        Ok(true)
    }

    /// Enters again in every partition who is in any: a failover may have cost one of them some.
    pub(super) async fn mend_pulled(&self) -> Result<(), StoreError> {
        let read: Vec<Commands> = partitions()
            .map(|partition| {
                let mut commands = Commands::new(partition);
                commands.add("SMEMBERS", &Key::Pulled(partition), &[] as &[&str]);
                commands
            })
            .collect();
        let answers = self.link.send_all(&read).await;
        let answers = answers.map_err(store_error(READING))?;
        let sets = answers.into_iter().flatten().map(decode);
        let sets: Vec<BTreeSet<u32>> = sets
            .collect::<Result<_, _>>()
            .map_err(store_error(READING))?;
        let all: BTreeSet<u32> = sets.iter().flatten().copied().collect();
        if sets.iter().all(|set| *set == all) {
            return Ok(());
        }
        let all: Vec<u32> = all.into_iter().collect();
        self.enter_pulled(&all).await
    }

    /// Ends that posts are pulled.
    pub(super) async fn end_pulling(&self) -> Result<(), StoreError> {
        self.in_every_partition("DEL", &[]).await
    }

    async fn enter_pulled(&self, authors: &[u32]) -> Result<(), StoreError> {
        self.in_every_partition("SADD", authors).await
    }

    async fn in_every_partition(&self, command: &str, args: &[u32]) -> Result<(), StoreError> {
        let commands: Vec<Commands> = partitions()
            .map(|partition| {
                let mut commands = Commands::new(partition);
                commands.add(command, &Key::Pulled(partition), args);
                commands
            })
            .collect();
        for answer in self
            .commit_all(PULLING, &commands)
            .await?
            .into_iter()
            .flatten()
        {
            decode::<u64>(answer).map_err(store_error(PULLING))?;
        }
        Ok(())
    }
}
