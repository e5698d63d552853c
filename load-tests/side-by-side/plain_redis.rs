//! A list for each follower on Redis, as one would write it oneself: pipelines of commands, several of
//! them on their way at once.

use async_trait::async_trait;
use futures_util::{StreamExt, stream::FuturesUnordered};
use redis::{Pipeline, RedisResult, aio::MultiplexedConnection};
use ripple_load_tests::parts::redis::{connect, used_memory};

use crate::{ENTRIES, ENTRIES_MAX, Participant, Result};

/// Followers of one pipeline.
const PIPELINE: usize = 500;
/// Pipelines on their way at once.
const AT_ONCE: usize = 4;

pub(crate) struct PlainRedis {
    connection: MultiplexedConnection,
    bytes_before: u64,
    keys: Vec<String>,
    next: u64,
}

impl PlainRedis {
    pub(crate) async fn new(followers: u32, address: &str) -> Result<Self> {
        let mut connection = connect(address).await?;
        let mut plain = Self {
            bytes_before: used_memory(&mut connection).await?,
            connection,
            keys: (1..=followers).map(|user| format!("home:{user}")).collect(),
            next: u64::from(ENTRIES),
        };
        let ids: Vec<u64> = (1..=u64::from(ENTRIES)).rev().map(post_id).collect();
        plain
            .for_each(|pipeline, key| {
                pipeline.rpush(key, &ids).ignore();
            })
            .await?;
        Ok(plain)
    }

    /// Sends what `add` adds for each follower.
    async fn for_each(&mut self, add: impl Fn(&mut Pipeline, &str)) -> RedisResult<()> {
        let filled = |keys: &[String]| {
            let mut pipeline = redis::pipe();
            for key in keys {
                add(&mut pipeline, key);
            }
            pipeline
        };
        // Each is filled while others are on their way.
        let mut pipelines = self.keys.chunks(PIPELINE).map(filled);
        let mut under_way = FuturesUnordered::new();
        loop {
            while under_way.len() < AT_ONCE
                && let Some(pipeline) = pipelines.next()
            {
                let mut connection = self.connection.clone();
                under_way.push(async move { pipeline.exec_async(&mut connection).await });
            }
            match under_way.next().await {
                Some(answer) => answer?,
                None => return Ok(()),
            }
        }
    }
}

#[async_trait]
impl Participant for PlainRedis {
    /// Ways: `lpush` and `lpushx`, with one `LTRIM` for each; `lpushx-8` with 8 posts in one command.
    async fn round(&mut self, way: &str, posts: u32) -> Result {
        let (command, at_once) = match way {
            "lpush" => ("LPUSH", 1),
            "lpushx" => ("LPUSHX", 1),
            "lpushx-8" => ("LPUSHX", 8),
            other => return Err(format!("there is no way {other}").into()),
        };
        let last = i64::from(ENTRIES_MAX) - 1;
        for _ in 0..posts / at_once {
            let ids: Vec<u64> = (1..=u64::from(at_once))
                .map(|n| post_id(self.next + n))
                .collect();
            self.next += u64::from(at_once);
            self.for_each(|pipeline, key| {
                pipeline.cmd(command).arg(key).arg(&ids).ignore();
                pipeline.cmd("LTRIM").arg(key).arg(0).arg(last).ignore();
            })
            .await?;
        }
        Ok(())
    }

    async fn memory_bytes(&mut self) -> Result<u64> {
        let used = used_memory(&mut self.connection).await?;
        Ok(used.saturating_sub(self.bytes_before))
    }
}

/// The `n`th post: as long as Ripple's ids are.
fn post_id(n: u64) -> u64 {
    7_000_000_000_000_000 + (n << 12)
}
